"""Places on which the 2.5D solver and the 3D reference are compared: one City for both.

A canyon, a courtyard block and a piece of the embedded district, with probes; and districts of 1 to
1000 buildings for the cost against size. Roofs are flat, constructions have one layer, the physics
is linear (``convection = "linear"``, ``longwave_linearisation = "air"``), so that both sides solve
the same equations.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.reference.mesh import Mesh
from heatmat.reference.plan import Building, Layer
from heatmat.reference_city import reference_buildings

if TYPE_CHECKING:
    import pandas as pd

    from heatmat.city import City
    from heatmat.construction import Construction
    from heatmat.scenario import Scenario

CRS = "EPSG:32631"
CENTRE = (500_000.0, 5_410_000.0)
"""Where made-up places lie: on the central meridian (grid north is true north) at 48.8 degrees."""

MARGIN = 100.0
"""Ground around the buildings that both sides hold [m]."""

APRON = 400.0
"""Further ground of the 3D side [m]; the 2.5D side has an unshaded plane there."""

CONSTRUCTIONS: dict[str, dict[str, Any]] = {
    "scene_wall": {
        "albedo": 0.4, "emissivity": 0.9,
        "layers": [{"thickness_m": 0.3, "conductivity_w_mk": 0.77, "density_kg_m3": 1700.0,
                    "specific_heat_j_kgk": 840.0}],
    },
    "scene_roof": {
        "albedo": 0.25, "emissivity": 0.92,
        "layers": [{"thickness_m": 0.2, "conductivity_w_mk": 1.4, "density_kg_m3": 2200.0,
                    "specific_heat_j_kgk": 900.0}],
    },
    "scene_ground": {
        "albedo": 0.15, "emissivity": 0.95,
        "layers": [{"thickness_m": 2.0, "conductivity_w_mk": 1.2, "density_kg_m3": 2000.0,
                    "specific_heat_j_kgk": 950.0}],
    },
}  # fmt: skip
"""Single layers of the order of brickwork, concrete and paved soil (ISO 10456:2007, table 3)."""

WALL, ROOF = Layer("scene_wall", 0.3), Layer("scene_roof", 0.2)
GROUND = Layer("scene_ground", 2.0)

DAY = {
    "date": "2023-07-14", "tmax_c": 33.0, "tmin_c": 20.0, "wind_m_s": 2.0, "dew_point_c": 14.0,
    "linke_turbidity": 3.5, "utc_offset_h": 1.0,
}  # fmt: skip

PHYSICS = {
    "convection": "linear",
    "linear_convection": [4.0, 4.0],
    "wind_profile": "weather_file",
    "longwave_linearisation": "air",
    "longwave_sky": "isotropic",
    "indoor_temperature_c": 24.0,
    "deep_ground_temperature_c": 15.0,
}

REGULAR = ("wall low", "wall high", "roof", "ground")
"""Kinds of probes two wall thicknesses from every edge; ``corner`` probes stand apart."""


@dataclass(frozen=True)
class Scene:
    """One place for both solvers.

    Attributes
    ----------
    name : str
    city : City
        What the 2.5D side builds its maps from.
    tables : dict
        Scenario tables that differ from this module's.
    probes : DataFrame
        See `heatmat.benchmark_probes.choose_probes`; ``kind`` is of `REGULAR`, or ``corner``.
    """

    name: str
    city: City
    probes: pd.DataFrame
    tables: dict[str, Any] = field(default_factory=dict)

    def scenario(self, **tables: Any) -> Scenario:
        """The scenario of the 2.5D side; `tables` go over this module's physics, key by key."""
        from heatmat.scenario import Scenario

        base: dict[str, Any] = {
            "weather": {"clear_sky": DAY},
            "physics": PHYSICS,
            "constructions": CONSTRUCTIONS,
        }
        for given in (self.tables, tables):
            for name, table in given.items():
                whole = name == "weather" or not isinstance(base.get(name), dict)
                base[name] = table if whole else {**base[name], **table}
        return Scenario(city=self.city, **base)

    @cached_property
    def origin(self) -> tuple[float, float]:
        """CRS coordinates of the mesh's zero [m]: whole metres, amid the buildings."""
        bounds = self.city.buildings.total_bounds.reshape(2, 2)
        x, y = np.round(bounds.mean(axis=0))
        return float(x), float(y)

    @cached_property
    def buildings(self) -> list[Building]:
        """The footprints for the 3D side."""
        return reference_buildings(self.city, self.origin, WALL, ROOF)

    def mesh(self, *, tile: float = 50.0) -> Mesh:
        """The 3D side's mesh; `tile` is the size of the ground's pieces among buildings [m]."""
        from heatmat.reference.solids import build_mesh

        xmin, ymin, xmax, ymax = self.city.extent
        grow = self.city.margin + APRON
        ox, oy = self.origin
        extent = (xmin - ox - grow, ymin - oy - grow, xmax - ox + grow, ymax - oy + grow)
        return build_mesh(self.buildings, extent=extent, ground=GROUND, tile=tile)

    def constructions_of(self, mesh: Mesh) -> list[Construction]:
        """Constructions in the order of ``mesh.constructions``."""
        known = self.scenario().constructions()
        return [known[name] for name in mesh.constructions]

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Probes in the mesh's axes: points and outward unit normals, shape (n, 3) each."""
        table = self.probes
        x, y = table["x"] - self.origin[0], table["y"] - self.origin[1]
        return (
            np.stack([x, y, table["level"]], axis=1).astype(float),
            table[["nx", "ny", "nz"]].to_numpy(float),
        )


def scenes() -> list[Scene]:
    """The three places of ``heatmat benchmark --reference``, 13 probes each and corners apart."""
    return [canyon(), courtyard(), district_piece()]


def canyon() -> Scene:
    """A street 15 m wide between rows 15 and 18 m high, turned 20 degrees out of east-west."""
    import shapely
    from shapely import affinity

    rows = [
        (shapely.box(-50, 7.5, -6, 20), 15.0), (shapely.box(-6, 7.5, 50, 20), 18.0),
        (shapely.box(-50, -20, 10, -7.5), 15.0), (shapely.box(10, -20, 50, -7.5), 15.0),
    ]  # fmt: skip
    turned = [(affinity.rotate(p, 20.0, origin=(0, 0)), h) for p, h in rows]
    return _scene("street canyon", _city(turned), half_width=40.0)


def courtyard() -> Scene:
    """A closed block 18 m high round a yard of 20 x 16 m, with a row on each side."""
    import shapely
    from shapely import affinity

    block = shapely.box(-22, -20, 22, 20) - shapely.box(-10, -8, 10, 8)
    pieces = [
        (block, 18.0), (shapely.box(-22, 34, 22, 46), 15.0), (shapely.box(-22, -46, 22, -34), 15.0),
        (shapely.box(36, -20, 48, 20), 21.0), (shapely.box(-48, -20, -36, 20), 12.0),
    ]  # fmt: skip
    turned = [(affinity.rotate(p, -12.0, origin=(0, 0)), h) for p, h in pieces]
    return _scene("courtyard block", _city(turned), half_width=30.0)


def district_piece(radius: float = 110.0) -> Scene:
    """The densest piece of the embedded district, with flat roofs on level ground.

    Parameters
    ----------
    radius : float
        Buildings whose middle is this near are kept [m].
    """
    import shapely

    from heatmat.city import City

    whole = City.embedded()
    middle = shapely.centroid(whole.buildings.geometry.to_numpy())
    xy = np.stack([shapely.get_x(middle), shapely.get_y(middle)], axis=1)
    near = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) < radius
    volume = whole.buildings.geometry.area.to_numpy() * whole.buildings["height"].to_numpy()
    inside = (xy > np.array(whole.extent[:2]) + radius) & (xy < np.array(whole.extent[2:]) - radius)
    centre = int(np.argmax(np.where(inside.all(axis=1), near @ volume, -1.0)))
    kept = whole.buildings[near[centre]].reset_index(drop=True)
    city = _bare(whole, kept, tuple(xy[centre]), 0.6 * radius)
    return _scene("embedded district", city, half_width=0.6 * radius)


def districts(numbers: tuple[int, ...] = (1, 10, 100, 1000)) -> list[Scene]:
    """Nested districts of more and more buildings about the same probes, for the cost of size.

    Buildings of 20 x 14 m and 9 to 24 m stand 12 m apart in a grid turned by 17 degrees; the first
    ones are nearest to the middle.
    """
    import shapely
    from shapely import affinity

    from heatmat.benchmark_probes import choose_probes

    side = int(np.ceil(np.sqrt(max(25, *numbers)))) + 2
    i, j = (part.ravel() for part in np.mgrid[0:side, 0:side] - side // 2)
    order = np.argsort(np.hypot(32.0 * i, 26.0 * j), kind="stable")
    heights = np.random.default_rng(17).uniform(9.0, 24.0, len(order)).round(1)
    pieces = []
    for k, n in enumerate(order[: max(25, *numbers)]):
        box = shapely.box(32.0 * i[n] - 10, 26.0 * j[n] - 7, 32.0 * i[n] + 10, 26.0 * j[n] + 7)
        pieces.append((affinity.rotate(box, 17.0, origin=(0, 0)), float(heights[k])))
    # Walls and roofs of the first building, ground that is open in every one of them.
    alone, amid = (choose_probes(_city(pieces[:n]), 13.0, WALL.thickness) for n in (1, 25))
    probes = alone.where(alone["surface"] != "ground", amid)
    return [Scene(f"{n} buildings", _city(pieces[:n]), probes) for n in numbers]


def _city(pieces: list[tuple[Any, float]]) -> City:
    """A City of footprints about `CENTRE`."""
    import geopandas as gpd
    import pyproj
    import shapely

    from heatmat.city import City

    number = len(pieces)
    table = gpd.GeoDataFrame(
        {
            "building_id": [f"b{k}" for k in range(number)], "parent_id": [""] * number,
            "height": [h for _, h in pieces], "min_height": 0.0, "tags": [{}] * number,
            "height_source": ["tagged"] * number, "height_rule": [""] * number,
        },
        geometry=[shapely.transform(p, lambda xy: xy + np.array(CENTRE)) for p, _ in pieces],
        crs=CRS,
    )  # fmt: skip
    empty = gpd.GeoDataFrame({"construction": [], "kind": []}, geometry=[], crs=CRS)
    xmin, ymin, xmax, ymax = (float(v) for v in table.total_bounds)
    return City(
        buildings=_flat(table), ground=empty,
        extent=(xmin - 10.0, ymin - 10.0, xmax + 10.0, ymax + 10.0), margin=MARGIN,
        crs=pyproj.CRS(CRS), default_facade=WALL.construction, default_roof=ROOF.construction,
        default_ground=GROUND.construction, trees=None, counts={}, attribution="",
    )  # fmt: skip


def _bare(city: City, buildings: Any, centre: tuple[float, ...], half: float) -> City:
    """Some buildings of a city, flat, of this module's constructions, on bare ground."""
    from dataclasses import replace

    x, y = centre
    # All of its buildings inside the window and margin: both sides hold the same ones.
    reach = np.abs(buildings.total_bounds.reshape(2, 2) - np.array(centre)).max() - half
    return replace(
        city, buildings=_flat(buildings), ground=city.ground.iloc[:0], trees=None,
        extent=(x - half, y - half, x + half, y + half), margin=float(np.ceil(reach)) + 20.0,
        default_facade=WALL.construction, default_roof=ROOF.construction,
        default_ground=GROUND.construction,
    )  # fmt: skip


def _flat(buildings: Any) -> Any:
    """A table of buildings with flat roofs and one construction of each kind."""
    table = buildings.copy()
    number = len(table)
    table["roof_shape"], table["roof_height"], table["roof_direction_deg"] = "flat", 0.0, np.nan
    table["facade_composition"] = [((WALL.construction, 1.0),)] * number
    table["facade_source"], table["facade_confidence"] = "tagged", 1.0
    table["roof_construction"], table["roof_source"] = ROOF.construction, "tagged"
    table["height"] = table["height"].round(3)
    return table


def _scene(name: str, city: City, *, half_width: float) -> Scene:
    from heatmat.benchmark_probes import choose_probes

    return Scene(name, city, choose_probes(city, half_width, WALL.thickness))
