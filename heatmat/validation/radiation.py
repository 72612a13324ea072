"""Sky view factors and sunlight against Embree and against closed forms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from heatmat.kernels import layout
from heatmat.sampling_plan import KINDS, plan_squares, stream_keys, wall_patches
from heatmat.solver import Requests, Solver
from heatmat.validation.extruded import extruded_mesh
from heatmat.validation.outcome import Check, Outcome, Setting, largest, least

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from heatmat.case import Case
    from heatmat.city import City

OURS, THEIRS = 4096, 8192
"""Rays of a view factor on either side: scrambled Sobol points here and there."""
POINTS = 2000
LONG = 600.0
"""Half the length of the street of the closed form [m]."""
EDGE = 0.1
"""Shadow edges this near explain a point that is lit on one side only [m]."""
SPACING = 2.0
"""Of the sunlit maps [m]."""
CLEAR_SKY = {
    "date": "2023-07-14", "tmax_c": 30.0, "tmin_c": 18.0, "wind_m_s": 2.0, "dew_point_c": 12.0,
    "linke_turbidity": 3.5, "utc_offset_h": 1.0,
}  # fmt: skip
TIME = {
    "start": "2023-07-14T00:00", "end": "2023-07-15T00:00", "step_min": 30,
    "output_step_min": 60, "spin_up_days": 1,
}  # fmt: skip


def study(setting: Setting) -> Outcome:
    """Compare on the embedded district, on Paris where it is there, and on simple plans."""
    from heatmat.city import City

    cities: dict[str, City] = {"Helsinki (embedded)": City.embedded()}
    if setting.paris is not None:
        cities["Paris"] = City.from_file(setting.paris, extent=(452150, 5414100, 452650, 5414450))
    points = POINTS // 10 if setting.quick else POINTS
    views, suns, figures = [], [], []
    for name, city in cities.items():
        setting.progress(f"rays against Embree: {name}")
        side = BothSides(city, setting.device, name)
        views += side.views(points)
        agreement, figure = side.sunlight()
        suns.append(agreement)
        figures.append(figure)
    exact = closed_forms(setting)
    view, sun = pd.DataFrame(views), pd.DataFrame(suns)
    return Outcome(
        title="Sky and sun",
        against="Embree (Intel) on the footprints extruded to triangles, and view factors in closed"
        " form",
        proves="that rays meet the buildings of the vector file, oblique walls and courtyards"
        " included, and that shadows fall where they must.",
        does_not_prove="anything about terrain and trees; both sides know the same heights.",
        checks=[
            Check("sky view factor, mean absolute difference", largest(view["mean abs"]), 0.01, ""),
            Check("points that agree on sun or shade [%]", least(sun["agree [%]"]), 99.0, "", True),
            Check(
                "closed forms, largest difference", largest(exact["difference"].abs()), 0.003, ""
            ),
        ],
        tables=[
            (f"Sky view factors of {points} points a kind", view),
            ("Sun or shade of a grid of points, all sun positions of a day", sun),
            ("Sky view factors in closed form", exact),
        ],
        figures=figures,
        notes=[
            "Embree gets the polygons of the city file, one box each, pitched roofs too; HeatMat"
            " its own maps of them. Rays begin where HeatMat puts them for both.",
            *setting.without_paris(),
        ],
    )


class BothSides:
    """One city in HeatMat and in Embree.

    Parameters
    ----------
    city : City
    device, name : str
    """

    def __init__(self, city: City, device: str, name: str) -> None:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        self.name = name
        self.case = make_case(city)
        self.solver = Solver(self.case, device)
        self.scene = EmbreeScene()
        TriangleMesh(self.scene, extruded_mesh(city, self.case.maps.origin))

    def views(self, points: int) -> list[dict[str, Any]]:
        """Sky view factors of random points of each kind on both sides."""
        rng = np.random.default_rng(7)
        rows = []
        for kind, requests in random_places(self.case, points, rng).items():
            ours, valid = self.solver.sky_view(requests, OURS)
            start = self.solver.place(requests)[0].to_numpy()
            keep = np.flatnonzero(valid)
            theirs = np.array([self._view(start[i], rng) for i in keep])
            difference = ours[keep] - theirs
            rows.append(
                {
                    "city": self.name,
                    "kind": kind,
                    "points": keep.size,
                    "mean view": float(theirs.mean()),
                    "mean abs": float(np.abs(difference).mean()),
                    "mean difference": float(difference.mean()),
                    "99th percentile": float(np.percentile(np.abs(difference), 99)),
                }
            )
        return rows

    def _view(self, start: np.ndarray, rng: np.random.Generator) -> float:
        """Share of cosine-weighted rays that leave upward without a hit."""
        direction = cosine_rays(start[layout.S_NX : layout.S_NZ + 1], rng)
        origin = np.repeat(start[None, : layout.S_Z + 1], len(direction), axis=0)
        blocked = np.asarray(self.scene.run(origin, direction, query="OCCLUDED")) >= 0
        return float(np.mean(~blocked & (direction[:, 2] > 0.0)))

    def sunlight(self) -> tuple[dict[str, Any], tuple[str, Figure]]:
        """Sun or shade of a grid of ground and roof points at every sun position of a day."""
        grid = grid_places(self.case)
        lit = self.solver.sunlit(grid)
        start_f, start_i, _, _ = self.solver.place(grid)
        start = start_f.to_numpy()[: len(grid)]
        valid = start_i.to_numpy()[: len(grid), layout.T_VALID] == 1
        sun = self.solver.plan.chunks[0].nodes
        origin = np.ascontiguousarray(start[valid, : layout.S_Z + 1])
        theirs = np.column_stack([self._sees(origin, towards) for towards in sun])
        agree = lit[valid] == theirs
        apart = [self._apart(origin[~same], towards, ours[~same]) for same, towards, ours in
                 zip(agree.T, sun, lit[valid].T, strict=True)]  # fmt: skip
        noon = int(np.argmax(sun[:, 2])) - len(sun) // 4
        row = {
            "city": self.name,
            "points": int(valid.sum()),
            "sun positions": len(sun),
            "lit [%]": 100.0 * float(theirs.mean()),
            "agree [%]": 100.0 * float(agree.mean()),
            "worst position [%]": 100.0 * float(agree.mean(axis=0).min()),
            f"apart by over {EDGE:g} m of shadow [%]": 100.0 * sum(apart) / agree.size,
        }
        return row, _figure(self.name, origin, lit[valid][:, noon], agree[:, noon])

    def _sees(self, origin: np.ndarray, towards: np.ndarray) -> np.ndarray:
        """Which points see the sun in Embree."""
        direction = np.repeat(towards[None].astype(np.float32), len(origin), axis=0)
        return np.asarray(self.scene.run(origin, direction, query="OCCLUDED")) < 0

    def _apart(self, origin: np.ndarray, towards: np.ndarray, ours: np.ndarray) -> int:
        """How many points have nowhere within `EDGE` what we found at them."""
        near = np.zeros(len(origin), bool)
        for east, north in ((EDGE, 0.0), (-EDGE, 0.0), (0.0, EDGE), (0.0, -EDGE)):
            moved = origin + np.array([east, north, 0.0], np.float32)
            near |= self._sees(moved, towards) == ours
        return int((~near).sum())


def make_case(city: City) -> Case:
    """A prepared case of a city under a clear day."""
    from heatmat.scenario import Scenario
    from heatmat.simulation import build_case

    return build_case(Scenario(city=city, weather={"clear_sky": CLEAR_SKY}, time=TIME))


def _window(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """South-west and north-east corners of the reported extent, local metres."""
    maps = case.maps
    row0, row1, col0, col1 = maps.window
    north = maps.south + maps.ny * maps.resolution
    low = [maps.west + col0 * maps.resolution, north - row1 * maps.resolution]
    high = [maps.west + col1 * maps.resolution, north - row0 * maps.resolution]
    return np.array(low), np.array(high)


def random_places(case: Case, count: int, rng: np.random.Generator) -> dict[str, Requests]:
    """Points on ground, roofs and walls of the extent."""
    maps = case.maps
    low, high = _window(case)
    zero, keys = np.zeros(count), rng.integers(1 << 31, size=count).astype(np.uint32)
    found = {}
    for kind in ("ground", "roof"):
        x, y = rng.uniform(low, high, (count, 2)).T
        found[kind] = plan_squares(x, y, zero, np.full(count, KINDS[kind]), keys)
    ab, z = maps.facade_ab.astype(float), maps.facade_z.astype(float)
    middle = 0.5 * (ab[:, :2] + ab[:, 2:])
    share = maps.facade_exposed_area * ((middle >= low) & (middle <= high)).all(axis=1)
    facade = rng.choice(len(share), count, p=share / share.sum())
    s = rng.uniform(size=count) * np.hypot(*(ab[facade, 2:] - ab[facade, :2]).T)
    height = rng.uniform(z[facade, 0], z[facade, 1])
    found["wall"] = wall_patches(facade, s, s, height, height, keys)
    return found


def grid_places(case: Case) -> Requests:
    """Points of a regular grid, seen from above."""
    low, high = _window(case)
    axes = [np.arange(a + 0.5 * SPACING, b, SPACING) for a, b in zip(low, high, strict=True)]
    x, y = (values.ravel() for values in np.meshgrid(*axes))
    keys = stream_keys(x, y, 0.0 * x, KINDS["any"], 0)
    return plan_squares(x, y, 0.0 * x, np.full(x.size, KINDS["any"]), keys)


def cosine_rays(normal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scrambled Sobol directions about a normal, cosine-weighted (Malley), shape (THEIRS, 3)."""
    from scipy.stats import qmc

    u, v = qmc.Sobol(2, rng=rng).random(THEIRS).T
    n = normal.astype(float)
    away = np.array([1.0, 0.0, 0.0]) if abs(n[2]) > 0.9 else np.array([0.0, 0.0, 1.0])
    t = np.cross(n, away)
    t /= np.linalg.norm(t)
    turn = 2.0 * np.pi * v[:, None]
    across = np.sqrt(u)[:, None] * (np.cos(turn) * t + np.sin(turn) * np.cross(n, t))
    return (across + np.sqrt(1.0 - u)[:, None] * n).astype(np.float32)


def closed_forms(setting: Setting) -> pd.DataFrame:
    """Floor of a long street, and of a square courtyard, at places along a section."""
    width, height, shares = 12.0, 15.0, (0.5, 0.25, 0.05)
    rows = []
    for plan, exact in (("street", street_view), ("courtyard", courtyard_view)):
        found = _floor_views(setting, plan, width, height, shares)
        for share, value in zip(shares, found, strict=True):
            rows.append(
                {
                    "place": f"{plan}, {share:g} of its width",
                    "exact": exact(width, height, share),
                    "HeatMat": value,
                }
            )
    table = pd.DataFrame(rows)
    return table.assign(difference=table["HeatMat"] - table["exact"])


def street_view(width: float, height: float, share: float) -> float:
    """Sky view of the floor of an endless street, `share` of the way across (crossed strings)."""
    a, b = share * width, (1.0 - share) * width
    return float(0.5 * (a / np.hypot(a, height) + b / np.hypot(b, height)))


def courtyard_view(width: float, height: float, share: float) -> float:
    """Sky view of the floor of a square courtyard, `share` of the way along its middle line.

    The mouth is a rectangle parallel to the floor: the sum of four corner rectangles (Siegel and
    Howell, Thermal Radiation Heat Transfer, configuration factor B-4).
    """
    total = 0.0
    for a in (share * width, (1.0 - share) * width):
        x, y = a / height, 0.5 * width / height
        root_x, root_y = np.hypot(1.0, x), np.hypot(1.0, y)
        total += 2.0 * (
            x / root_x * np.arctan(y / root_x) + y / root_y * np.arctan(x / root_y)
        ) / (2.0 * np.pi)  # fmt: skip
    return total


def _floor_views(
    setting: Setting, plan: str, width: float, height: float, shares: Sequence[float]
) -> np.ndarray:
    """HeatMat's view factors, of a plan that is turned by 23 degrees."""
    from shapely import Point, Polygon, affinity, box

    if plan == "street":
        shapes = [box(-20.0, -LONG, 0.0, LONG), box(width, -LONG, width + 20.0, LONG)]
    else:
        outer = box(-20.0, -20.0, width + 20.0, width + 20.0)
        shapes = [Polygon(outer.exterior, [box(0.0, 0.0, width, width).exterior])]
    middle = 0.0 if plan == "street" else 0.5 * width
    places = [Point(share * width, middle) for share in shares]
    x0, y0 = 600000.0, 5340000.0
    turned: list[Any] = [
        affinity.translate(affinity.rotate(shape, 23.0, origin=(0, 0)), x0, y0)
        for shape in (*shapes, *places)
    ]
    case = make_case(_city(setting.folder, plan, turned[: len(shapes)], height))
    at = np.array([(p.x, p.y) for p in turned[len(shapes) :]]) - case.maps.origin
    zero, kind = np.zeros(len(at)), np.full(len(at), KINDS["ground"])
    keys = stream_keys(at[:, 0], at[:, 1], zero, KINDS["ground"], 0)
    request = plan_squares(at[:, 0], at[:, 1], zero, kind, keys)
    return Solver(case, setting.device).sky_view(request, 1 << 16)[0]


def _city(folder: Path, plan: str, shapes: list[Any], height: float) -> City:
    from shapely.geometry import mapping

    from heatmat.city import City

    features = [
        {"type": "Feature", "properties": {"id": str(i), "height": height}, "geometry": mapping(g)}
        for i, g in enumerate(shapes)
    ]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    path = folder / f"{plan}.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}))
    # The sky begins at the rim of the maps: half a kilometre of street leaves 2e-5 of it too much.
    reach = 0.9 * LONG if plan == "street" else 50.0
    extent = (600000 - reach, 5340000 - reach, 600000 + reach, 5340000 + reach)
    return City.from_file(path, extent=extent, margin=20.0)


def _figure(name: str, place: np.ndarray, lit: np.ndarray, agree: np.ndarray) -> tuple[str, Figure]:
    """Sun and shade at one hour, and where the two sides disagree."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.subplots()
    east, north = place[:, 0], place[:, 1]
    axes.scatter(east, north, s=1, marker="s", c=np.where(lit, 0.9, 0.35), cmap="gray", vmax=1.0)
    axes.plot(east[~agree], north[~agree], "o", ms=3, color="#d55e00", label="disagree")
    axes.set_aspect("equal")
    axes.legend(frameon=False, loc="upper right")
    axes.set_xlabel("east [m]")
    axes.set_ylabel("north [m]")
    return f"{name}: sun and shade in the morning, and the points that disagree", figure
