"""Places that both sides compute: a street, a courtyard block and a piece of a real district."""

from __future__ import annotations

import dataclasses
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.reference.mesh import Mesh
from heatmat.reference.plan import Layer
from heatmat.reference.solids import build_mesh

if TYPE_CHECKING:
    from heatmat.city import City
    from heatmat.scenario import Scenario

CONSTRUCTIONS: dict[str, dict[str, Any]] = {
    "reference_wall": {
        "kind": "wall", "albedo": 0.35, "emissivity": 0.92,
        "layers": [{"material": "brick", "thickness_m": 0.36}],
    },
    "reference_roof": {
        "kind": "roof", "albedo": 0.25, "emissivity": 0.93,
        "layers": [{"material": "concrete", "thickness_m": 0.20}],
    },
    "reference_ground": {
        "kind": "ground", "albedo": 0.20, "emissivity": 0.95,
        "layers": [{"material": "soil", "thickness_m": 2.0}],
    },
}  # fmt: skip
"""One layer each, dry and opaque: what both sides can compute. Materials are in `LAYERS`."""

LAYERS = {"brick": (0.77, 1700.0, 850.0), "concrete": (1.65, 2200.0, 1000.0),
          "soil": (1.5, 2000.0, 1000.0)}  # fmt: skip
"""Conductivity [W m-1 K-1], density [kg m-3] and specific heat [J kg-1 K-1]: design values of
EN ISO 10456:2007, tables 3 and 4 (brick: clay bricks of 1700 kg/m3)."""

WALL = Layer("reference_wall", 0.36)
ROOF = Layer("reference_roof", 0.20)
GROUND = Layer("reference_ground", 2.0)

FROM_EDGES = 2.0 * WALL.thickness
"""Probes keep this far from edges, where 3D walls conduct in more than one direction [m]."""

AT_EDGES = 0.1
"""Probes that show what 2.5D leaves out stand this far from an edge [m]."""

APRON = 3000.0
"""Open ground of the 3D side around the city [m]; beyond, the 2.5D side has a plane without end."""

DAY = {"date": "2023-07-14", "tmax_c": 33.0, "tmin_c": 20.0, "wind_m_s": 2.0, "dew_point_c": 14.0,
       "linke_turbidity": 3.5, "utc_offset_h": 1.0}  # fmt: skip
"""The design day of the demo; it repeats, so neither side needs a first state."""

CRS = "EPSG:32631"
CORNER = (450_000.0, 5_410_000.0)
"""Where the made-up scenes lie: UTM zone 31, 48.8 degrees north."""


@dataclass(frozen=True)
class Probe:
    """A place where both sides are asked.

    Attributes
    ----------
    name : str
    surface : str
        ground, roof or wall.
    x, y, z : float
        In the city's CRS; above the ground [m].
    normal : tuple of float
        Outward, in the city's grid.
    at_edge : bool
        Within a wall's thickness of an edge: reported apart.
    """

    name: str
    surface: str
    x: float
    y: float
    z: float
    normal: tuple[float, float, float]
    at_edge: bool = False


@dataclass(frozen=True)
class Scene:
    """A city with its probes.

    Attributes
    ----------
    name : str
    city : City
        Flat roofs, one construction for walls, one for roofs, one for the ground.
    probes : tuple of Probe
    """

    name: str
    city: City
    probes: tuple[Probe, ...]

    def scenario(self, *, linear: bool = True, city: dict[str, Any] | None = None) -> Scenario:
        """The scenario of the 2.5D side: linear physics, or T^4 in the longwave.

        Parameters
        ----------
        linear : bool
        city : dict, optional
            A [city] table that reads the same city from a file.
        """
        from heatmat.scenario import Scenario

        tables = {}
        for name, table in CONSTRUCTIONS.items():
            layers = []
            for layer in table["layers"]:
                k, density, heat = LAYERS[layer["material"]]
                layers.append(
                    {"thickness_m": layer["thickness_m"], "conductivity_w_mk": k,
                     "density_kg_m3": density, "specific_heat_j_kgk": heat}
                )  # fmt: skip
            tables[name] = {**table, "layers": layers}
        return Scenario(
            city=self.city if city is None else city,
            weather={"clear_sky": DAY},
            time={"spin_up_days": 1},
            physics={
                "convection": "linear",
                "linear_convection": [4.0, 4.0],
                "wind_profile": "weather_file",
                "longwave_linearisation": "air" if linear else "none",
                "deep_ground_temperature_c": 18.0,
            },
            constructions=tables,
        )

    def mesh(self, origin: tuple[float, float]) -> Mesh:
        """The 3D side's mesh about an origin in the CRS."""
        from heatmat.reference_city import reference_buildings, slab_extent

        buildings = reference_buildings(self.city, origin, WALL, ROOF)
        return build_mesh(
            buildings, extent=slab_extent(buildings, APRON), ground=GROUND, tile=100.0
        )


def scenes(*, quick: bool = False) -> list[Scene]:
    """The three scenes; `quick`: the street alone, with few probes."""
    if quick:
        return [_scene("street canyon", _street(), few=True)]
    return [
        _scene("street canyon", _street()),
        _scene("courtyard block", _block()),
        _district(),
    ]


def _street() -> list[tuple[Any, float]]:
    """A street 14 m wide between rows 15 and 18 m high, turned by 20 degrees."""
    import shapely.affinity

    rows = [(shapely.box(-21, -60, -7, 60), 15.0), (shapely.box(7, -60, 21, 60), 18.0)]
    return [(shapely.affinity.rotate(shape, 20.0, origin=(0, 0)), h) for shape, h in rows]


def _block() -> list[tuple[Any, float]]:
    """A perimeter block around a courtyard of 20 x 26 m with a low house in it, and neighbours."""
    import shapely

    ring = shapely.box(-24, -27, 24, 27) - shapely.box(-10, -13, 10, 13)
    low = shapely.box(-4, -3, 3, 3)
    around = [shapely.box(38, -27, 50, 27), shapely.box(-24, 40, 24, 52)]
    return [(ring, 16.0), (low, 4.0), *((shape, 12.0) for shape in around)]


def _scene(name: str, shapes: list[tuple[Any, float]], few: bool = False) -> Scene:
    city = city_of(shapes)
    counts = (1, 2, 1) if few else (6, 14, 4)
    return Scene(name, city, choose_probes(city, *counts, edges=0 if few else 4))


def city_of(shapes: list[tuple[Any, float]], around: float = 10.0) -> City:
    """A city of footprints with heights, about `CORNER`.

    Parameters
    ----------
    shapes : list of (Polygon, float)
        In metres about `CORNER`; height [m].
    around : float
        The extent goes this far beyond the buildings [m].
    """
    import geopandas as gpd
    import shapely.affinity

    from heatmat.city import City

    moved = [shapely.affinity.translate(shape, *CORNER) for shape, _ in shapes]
    rows = {"id": [f"b{i}" for i in range(len(moved))], "height": [h for _, h in shapes]}
    frame = gpd.GeoDataFrame({**rows, "building": "yes"}, geometry=moved, crs=CRS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "buildings.gpkg"
        frame.to_file(path, driver="GPKG")
        xmin, ymin, xmax, ymax = frame.total_bounds
        return City.from_file(
            path,
            extent=(xmin - around, ymin - around, xmax + around, ymax + around),
            crs=CRS,
            default_facade=WALL.construction,
            default_roof=ROOF.construction,
            default_ground=GROUND.construction,
        )


def _district() -> Scene:
    """The middle of the embedded district, 240 m x 240 m with what stands within 200 m of it."""
    from heatmat.city import City

    whole = City.embedded()
    west, south, east, north = whole.extent
    x, y = 0.5 * (west + east), 0.5 * (south + north)
    extent = (x - 120.0, y - 120.0, x + 120.0, y + 120.0)
    near = (x - 320.0, y - 320.0, x + 320.0, y + 320.0)
    buildings = whole.buildings.copy()
    buildings = buildings[buildings.geometry.intersects(_box(near))].reset_index(drop=True)
    buildings["roof_shape"], buildings["roof_height"] = "flat", 0.0
    buildings["facade_composition"] = [((WALL.construction, 1.0),)] * len(buildings)
    buildings["roof_construction"] = ROOF.construction
    city = dataclasses.replace(
        whole,
        buildings=buildings,
        ground=whole.ground.iloc[:0],
        extent=extent,
        margin=200.0,
        trees=None,
        default_facade=WALL.construction,
        default_roof=ROOF.construction,
        default_ground=GROUND.construction,
    )
    return Scene("district", city, choose_probes(city, 8, 20, 6, edges=4))


def _box(bounds: tuple[float, float, float, float]) -> Any:
    import shapely

    return shapely.box(*bounds)


def choose_probes(
    city: City, ground: int, walls: int, roofs: int, *, edges: int = 0, seed: int = 7
) -> tuple[Probe, ...]:
    """Probes of a city, all at least `FROM_EDGES` from edges, and some at edges.

    Parameters
    ----------
    ground, walls, roofs, edges : int
        How many; half of the walls low (2 m), half high (2 m under the roof).
    seed : int
    """
    import shapely

    random = np.random.default_rng(seed)
    shapes = [(s, float(h)) for s, h in zip(city.buildings.geometry, city.buildings["height"],
                                            strict=True)]  # fmt: skip
    built = shapely.union_all([s for s, _ in shapes])
    window = _box(city.extent)
    probes = _on_walls(shapes, built, window, walls, random)
    probes += _at_corners(shapes, built, window, edges, random)
    inner = [(s.buffer(-4.0 * FROM_EDGES), h) for s, h in shapes if window.contains(s.centroid)]
    inner = [(s, h) for s, h in inner if not s.is_empty and not _covered(s, h, shapes)]
    for i in random.permutation(len(inner))[:roofs]:
        point = inner[i][0].representative_point()
        probes.append(
            Probe(f"roof {len(probes)}", "roof", point.x, point.y, inner[i][1], (0.0, 0.0, 1.0))
        )
    # An extra roof probe of a large roof, where there are fewer roofs than asked for.
    open_ground = window - built.buffer(FROM_EDGES)
    found = 0
    while found < ground:
        x, y = (
            random.uniform(city.extent[0], city.extent[2]),
            random.uniform(city.extent[1], city.extent[3]),
        )
        if open_ground.contains(shapely.Point(x, y)):
            probes.append(Probe(f"ground {len(probes)}", "ground", x, y, 0.0, (0.0, 0.0, 1.0)))
            found += 1
    return tuple(probes)


def _covered(shape: Any, height: float, shapes: list[tuple[Any, float]]) -> bool:
    """Whether something higher stands on a roof."""
    return any(h > height and shape.intersects(s) for s, h in shapes)


def _edges_of(shapes: list[tuple[Any, float]]) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Straight pieces of outlines (building on the left) with their heights."""
    import shapely

    edges = []
    for shape, height in shapes:
        for polygon in shapely.get_parts(shape):
            polygon = shapely.geometry.polygon.orient(polygon.simplify(0.01))
            for ring in (polygon.exterior, *polygon.interiors):
                c = np.asarray(ring.coords)[:, :2]
                edges += [(a, b, height) for a, b in zip(c[:-1], c[1:], strict=True)]
    return edges


def _on_walls(
    shapes: list[tuple[Any, float]], built: Any, window: Any, count: int,
    random: np.random.Generator,
) -> list[Probe]:  # fmt: skip
    """Probes on open walls, low and high in turn."""
    import shapely

    probes: list[Probe] = []
    edges = _edges_of(shapes)
    for i in random.permutation(len(edges)):
        a, b, height = edges[i]
        length = float(np.hypot(*(b - a)))
        if len(probes) == count:
            break
        if length < 4.0 * FROM_EDGES or height < 4.0 + FROM_EDGES:
            continue
        share = random.uniform(2.0 * FROM_EDGES / length, 1.0 - 2.0 * FROM_EDGES / length)
        point = a + share * (b - a)
        normal = np.array([b[1] - a[1], a[0] - b[0]]) / length
        free = shapely.LineString([point + 0.05 * normal, point + 1.0 * normal])
        if free.intersects(built) or not window.contains(shapely.Point(point)):
            continue
        low = len(probes) % 2 == 0
        z = 2.0 if low else height - 2.0
        kind = "low" if low else "high"
        probes.append(
            Probe(f"{kind} wall {len(probes)}", "wall", float(point[0]), float(point[1]), z,
                  (float(normal[0]), float(normal[1]), 0.0))
        )  # fmt: skip
    return probes


def _at_corners(
    shapes: list[tuple[Any, float]], built: Any, window: Any, count: int,
    random: np.random.Generator,
) -> list[Probe]:  # fmt: skip
    """Probes 0.1 m from outer corners and from the rim of the roof, in turn."""
    import shapely

    probes: list[Probe] = []
    edges = _edges_of(shapes)
    for i in random.permutation(len(edges)):
        a, b, height = edges[i]
        length = float(np.hypot(*(b - a)))
        if len(probes) == count:
            break
        if length < 4.0:
            continue
        at_rim = len(probes) % 2 == 1
        point = a + (0.5 if at_rim else AT_EDGES / length) * (b - a)
        normal = np.array([b[1] - a[1], a[0] - b[0]]) / length
        free = shapely.LineString([point + 0.05 * normal, point + 1.0 * normal])
        # An outer corner: the outline turns left there, away from the open.
        beside = shapely.Point(a - 0.5 * (b - a) / length - 0.2 * normal)
        if free.intersects(built) or not window.contains(shapely.Point(point)):
            continue
        if not at_rim and built.contains(beside):
            continue
        z = height - AT_EDGES if at_rim else 0.5 * height
        kind = "rim" if at_rim else "corner"
        probes.append(
            Probe(f"{kind} {len(probes)}", "wall", float(point[0]), float(point[1]), z,
                  (float(normal[0]), float(normal[1]), 0.0), True)
        )  # fmt: skip
    return probes
