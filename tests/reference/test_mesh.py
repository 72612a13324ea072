"""Meshes of thick-walled buildings against the polygons that they were made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import shapely
from shapely import affinity

from heatmat.errors import InputError
from heatmat.reference.mesh import (
    AIR,
    CONTACT,
    EXTERIOR_WALL,
    FLOOR,
    GROUND,
    INDOOR,
    INNER_ROOF,
    INNER_WALL,
    ROOF,
    SLAB_BOTTOM,
    SLAB_SIDE,
    SOLID,
    VOID,
    Mesh,
)
from heatmat.reference.plan import Building, Layer
from heatmat.reference.solids import build_mesh
from tests.reference.real_meshes import district, paris, polygons

WALL, ROOF_LAYER, SOIL = Layer("brick", 0.3), Layer("concrete", 0.2), Layer("soil", 2.0)
BRICK_ROOF = Layer("brick", 0.2)
EXTENT = (-40.0, -40.0, 60.0, 60.0)
EXTENT_AREA = 100.0 * 100.0

L_SHAPE = shapely.Polygon([(0, 0), (20, 0), (20, 8), (8, 8), (8, 20), (0, 20)])
COURT = shapely.box(0, 0, 24, 20) - shapely.box(7, 6, 17, 14)

SHAPES: dict[str, list[tuple[Any, float]]] = {
    "rectangle": [(shapely.box(0, 0, 10, 8), 12.0)],
    "L": [(L_SHAPE, 9.0)],
    "courtyard": [(COURT, 15.0)],
    "rotated": [(affinity.rotate(COURT, 37.3), 15.0)],
    "party wall, equal": [(shapely.box(0, 0, 10, 10), 12.0), (shapely.box(10, 0, 20, 10), 12.0)],
    "party wall, unequal": [(shapely.box(0, 0, 10, 10), 12.0), (shapely.box(10, 2, 20, 13), 7.5)],
    "three wall to wall": [
        (shapely.box(0, 0, 10, 10), 12.0), (shapely.box(10, 0, 20, 10), 7.5),
        (shapely.box(5, 10, 15, 20), 9.0),
    ],
    "corner to corner": [(shapely.box(0, 0, 10, 10), 12.0), (shapely.box(10, 10, 20, 20), 8.0)],
    "one with a tower": [(shapely.box(0, 0, 20, 20), 6.0), (shapely.box(5, 5, 12, 12), 18.0)],
    "too narrow for two walls": [(shapely.box(0, 0, 10, 0.5), 6.0)],
    "wedge": [(shapely.Polygon([(0, 0), (20, 0), (20, 4)]), 6.0)],
    "overlapping": [(shapely.box(0, 0, 10, 10), 6.0), (shapely.box(6, 6, 14, 14), 9.0)],
    "lower than its roof slab": [(shapely.box(0, 0, 10, 10), 0.15)],
}  # fmt: skip


def mesh_of(shape: str, roof: Layer = ROOF_LAYER, **options: Any) -> Mesh:
    buildings = [building(p, h, roof) for p, h in SHAPES[shape]]
    return build_mesh(buildings, extent=EXTENT, ground=SOIL, **options)


def building(polygon: Any, height: float, roof: Layer = ROOF_LAYER) -> Building:
    rings = [np.array(r.coords) for r in (polygon.exterior, *polygon.interiors)]
    return Building(rings, height, WALL, roof)


def tops(pieces: Sequence[tuple[Any, float]]) -> float:
    """Volume under the highest of the polygons."""
    return sum(dz * union.area for dz, union in layers(pieces))


def layers(pieces: Sequence[tuple[Any, float]]) -> list[tuple[float, Any]]:
    """Slices of height between roofs, with the union of what is higher than the slice."""
    levels = sorted({0.0, *(h for _, h in pieces)})
    return [
        (top - bottom, shapely.union_all([p for p, h in pieces if h > bottom]))
        for bottom, top in zip(levels, levels[1:], strict=False)
    ]


def area_of(mesh: Mesh, *kinds: int) -> float:
    return float(mesh.areas()[np.isin(mesh.kind, kinds)].sum())


def assert_closed(mesh: Mesh) -> None:
    for medium in (INDOOR, *(SOLID + k for k in range(len(mesh.constructions)))):
        assert mesh.open_edges(medium) == 0
    # The rest of the boundary, air and void together, closes round the whole.
    assert set(np.unique(mesh.behind)) <= {SOLID + k for k in range(len(mesh.constructions))}


@pytest.mark.parametrize("roof", [ROOF_LAYER, BRICK_ROOF], ids=["concrete roof", "brick roof"])
@pytest.mark.parametrize("shape", SHAPES)
def test_solids_are_watertight_and_fill_the_polygons(shape: str, roof: Layer) -> None:
    mesh = mesh_of(shape, roof)
    assert_closed(mesh)
    assert mesh.areas().min() > 0.0
    pieces = SHAPES[shape]
    footprint = shapely.union_all([p for p, _ in pieces])
    # Plan snapped to 1 mm: a perimeter of 100 m may gain or lose 0.05 m2; the rest is rounding.
    slack = 5e-4 * footprint.length
    soil = mesh.volume(SOLID + mesh.constructions.index("soil"))
    assert soil == pytest.approx(2.0 * EXTENT_AREA, abs=0.01)
    above = sum(mesh.volume(m) for m in range(SOLID, SOLID + len(mesh.constructions))) - soil
    assert above + mesh.volume(INDOOR) == pytest.approx(tops(pieces), abs=20.0 * slack + 1e-3)
    assert area_of(mesh, ROOF) == pytest.approx(footprint.area, abs=slack + 1e-3)
    assert area_of(mesh, GROUND) == pytest.approx(EXTENT_AREA - footprint.area, abs=slack + 0.01)
    assert area_of(mesh, SLAB_BOTTOM) == pytest.approx(EXTENT_AREA, rel=1e-6)
    assert area_of(mesh, SLAB_SIDE) == pytest.approx(2.0 * 400.0, rel=1e-6)
    walls = sum(dz * union.length for dz, union in layers(pieces))
    assert area_of(mesh, EXTERIOR_WALL) == pytest.approx(walls, rel=1e-4, abs=1e-3)


def test_a_wall_has_its_thickness_at_every_corner() -> None:
    """Rooms by hand: corners mitred, re-entrant ones too."""
    mesh = mesh_of("courtyard")
    room = (24.0 - 0.6) * (20.0 - 0.6) - (10.0 + 0.6) * (8.0 + 0.6)
    assert mesh.volume(INDOOR) == pytest.approx(room * (15.0 - 0.2), rel=1e-5)
    assert area_of(mesh, FLOOR) == pytest.approx(room, rel=1e-5)
    assert area_of(mesh, INNER_ROOF) == pytest.approx(room, rel=1e-5)
    around = 2 * (23.4 + 19.4) + 2 * (10.6 + 8.6)
    assert area_of(mesh, INNER_WALL) == pytest.approx(around * 14.8, rel=1e-5)
    mesh = mesh_of("L")
    room = 19.4 * 7.4 + 7.4 * 12.0
    assert mesh.volume(INDOOR) == pytest.approx(room * (9.0 - 0.2), rel=1e-5)


def test_party_walls_are_one_solid_of_double_thickness() -> None:
    mesh = mesh_of("party wall, unequal", BRICK_ROOF)
    # Nothing but the ground's contact lies between solids: the two walls and roofs are one.
    assert set(mesh.front[mesh.kind == CONTACT]) == {SOLID + mesh.constructions.index("brick")} or (
        set(mesh.behind[mesh.kind == CONTACT]) == {SOLID + mesh.constructions.index("soil")}
    )
    rooms = 9.4 * 9.4 * 11.8 + 9.4 * 10.4 * 7.3
    assert mesh.volume(INDOOR) == pytest.approx(rooms, rel=1e-5)
    # Of the shared 8 m the part above the lower roof is outside.
    exterior = (40.0 * 12.0 - 8.0 * 7.5) + (42.0 * 7.5 - 8.0 * 7.5)
    assert area_of(mesh, EXTERIOR_WALL) == pytest.approx(exterior, rel=1e-5)


def test_narrow_footprints_are_solid_and_counted() -> None:
    mesh = mesh_of("too narrow for two walls")
    assert mesh.counts["solid_buildings"] == 1
    assert mesh.counts["solid_area_m2"] == pytest.approx(5.0)
    assert not (mesh.front == INDOOR).any()
    assert mesh_of("rectangle").counts["solid_buildings"] == 0


def test_slits_between_neighbours_are_closed() -> None:
    pair = [building(shapely.box(0, 0, 10, 10), 9.0), building(shapely.box(10.2, 0, 20, 10), 9.0)]
    closed = build_mesh(pair, extent=EXTENT, ground=SOIL)
    assert closed.counts["slit_area_m2"] == pytest.approx(2.0, rel=1e-3)
    assert area_of(closed, EXTERIOR_WALL) == pytest.approx(60.0 * 9.0, rel=1e-4)
    open_ = build_mesh(pair, extent=EXTENT, ground=SOIL, close_gaps=0.1)
    assert area_of(open_, EXTERIOR_WALL) == pytest.approx((40.0 + 39.6) * 9.0, rel=1e-4)


def medium_at(points: np.ndarray, pieces: Sequence[tuple[Any, float]], mesh: Mesh) -> np.ndarray:
    """What is at points, from the polygons alone (rectangles without courtyards)."""
    solid = {name: SOLID + k for k, name in enumerate(mesh.constructions)}
    medium = np.where(points[:, 2] > 0.0, AIR, solid["soil"])
    medium[points[:, 2] < -SOIL.thickness] = VOID
    medium[~shapely.contains_xy(shapely.box(*EXTENT), points[:, 0], points[:, 1])] = VOID
    above = points[:, 2] > 0.0
    for polygon, height in pieces:
        room = polygon.buffer(-WALL.thickness, join_style="mitre")
        within = shapely.contains_xy(polygon, points[:, 0], points[:, 1]) & above
        inside = shapely.contains_xy(room, points[:, 0], points[:, 1]) & above
        under = height - ROOF_LAYER.thickness
        medium[within & (points[:, 2] < under)] = solid["brick"]
        medium[inside & (points[:, 2] < under)] = INDOOR
        medium[within & (points[:, 2] > under) & (points[:, 2] < height)] = solid["concrete"]
    return medium


@pytest.mark.parametrize("shape", ["rectangle", "L", "courtyard", "rotated", "three wall to wall"])
def test_normals_lead_from_the_solid_to_what_is_in_front(shape: str) -> None:
    mesh = mesh_of(shape)
    corners = mesh.vertices.astype(float)[mesh.faces]
    middle = corners.mean(axis=1)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    pieces = SHAPES[shape]
    step = 0.01  # under a tenth of the thinnest solid, over the snap grid
    np.testing.assert_array_equal(medium_at(middle + step * normal, pieces, mesh), mesh.front)
    np.testing.assert_array_equal(medium_at(middle - step * normal, pieces, mesh), mesh.behind)


def test_faces_know_their_building_and_surface() -> None:
    mesh = mesh_of("party wall, unequal")
    name = np.array(mesh.constructions)[mesh.construction]
    corners = mesh.vertices.astype(float)[mesh.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    x = (corners.mean(axis=1) - 0.01 * normal)[:, 0]  # just behind the face
    for kind, surface in ((EXTERIOR_WALL, "brick"), (INNER_WALL, "brick"), (ROOF, "concrete")):
        own = mesh.kind == kind
        assert set(name[own]) == {surface}
        assert (mesh.building[own] == (x[own] > 10.0)).all()
    assert set(mesh.building[np.isin(mesh.kind, (GROUND, SLAB_BOTTOM, SLAB_SIDE))]) == {-1}
    assert set(name[mesh.kind == GROUND]) == {"soil"}
    # The rim of the roof slab looks like the wall below it.
    rim = (mesh.kind == EXTERIOR_WALL) & (
        mesh.behind == SOLID + mesh.constructions.index("concrete")
    )
    assert mesh.areas()[rim].sum() == pytest.approx(0.2 * (40.0 - 8.0 + 42.0), rel=0.12)


def test_refined_meshes_have_the_same_surfaces() -> None:
    mesh = mesh_of("three wall to wall")
    fine = mesh.refined(2)
    assert len(fine.faces) == 16 * len(mesh.faces)
    assert_closed(fine)
    for kind in range(CONTACT + 1):
        assert area_of(fine, kind) == pytest.approx(area_of(mesh, kind), rel=1e-5)
    assert fine.volume(INDOOR) == pytest.approx(mesh.volume(INDOOR), rel=1e-5)
    assert fine.areas().max() < mesh.areas().max() / 15.0


def test_a_building_beyond_the_slab_is_named() -> None:
    with pytest.raises(InputError, match="building 1") as caught:
        build_mesh(
            [building(shapely.box(0, 0, 5, 5), 6.0), building(shapely.box(50, 50, 61, 60), 6.0)],
            extent=EXTENT,
            ground=SOIL,
        )
    assert "ground slab" in str(caught.value)


def check_place(buildings: list[Building], mesh: Mesh) -> None:
    assert_closed(mesh)
    outlines = polygons(buildings)
    # Slits closed and slivers snapped: a millimetre along the perimeter.
    union = shapely.union_all(outlines)
    slack = mesh.counts["slit_area_m2"] + 5e-4 * union.length
    assert area_of(mesh, ROOF) == pytest.approx(union.area, abs=slack)
    pieces = list(zip(outlines, (round(b.height, 3) for b in buildings), strict=True))
    walls = sum(dz * shape.length for dz, shape in layers(pieces))
    # Both sides of a closed slit are gone: up to a few thousandths of all walls.
    assert area_of(mesh, EXTERIOR_WALL) == pytest.approx(walls, rel=0.01)
    assert area_of(mesh, EXTERIOR_WALL) <= walls * (1.0 + 1e-6)


def test_the_embedded_district_is_watertight() -> None:
    check_place(*district())


def test_paris_is_watertight(shared_data) -> None:
    check_place(*paris(shared_data))
