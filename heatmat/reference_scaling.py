"""Both sides against the number of buildings and against resolution.

Districts of 1 to 1000 buildings about the same probes: what a question costs should not grow with
what lies far away, and what is set up once should grow no faster than the city. Resolution is the
cell on the 2.5D side and the size of the triangles on the 3D side; neither should change a
temperature.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from heatmat.reference.mesh import Mesh
from heatmat.reference_benchmark import Clock
from heatmat.reference_scenes import Probe, Scene
from heatmat.units import KELVIN

NUMBERS = (1, 10, 100, 1000)
CELLS = (0.5, 1.0, 2.0, 4.0)
"""Cells of the 2.5D side [m]."""

CUTS = (0, 1, 2)
"""Times that each triangle of the 3D side is cut into four."""

AT_RESOLUTION = 100
"""Buildings of the district that is computed at several resolutions."""

PITCH, SIZE = (32.0, 26.0), (20.0, 14.0)
"""Buildings stand in a grid turned by 17 degrees: 12 m apart, 9 to 24 m high [m]."""

TURN = 17.0
TARGET = 0.1
"""Error at which times are compared [K]."""

HOUR = 12


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes
    ----------
    numbers, cells, cuts : tuple
        See `NUMBERS`, `CELLS`, `CUTS`.
    sizes : tuple of int
        Paths of a query on the 2.5D side.
    truth_error : float
        Standard error of the temperatures that queries are held against [K].
    paths : int
        Of each of 16 scrambles on the 3D side.
    """

    numbers: tuple[int, ...] = NUMBERS
    cells: tuple[float, ...] = CELLS
    cuts: tuple[int, ...] = CUTS
    sizes: tuple[int, ...] = (4, 16, 64, 128, 256, 512)
    truth_error: float = 0.03
    paths: int = 256


def districts(numbers: tuple[int, ...] = NUMBERS) -> list[Scene]:
    """Nested districts about the same probes; the first building is in the middle.

    Parameters
    ----------
    numbers : tuple of int

    Returns
    -------
    list of Scene
    """
    import shapely
    from shapely import affinity

    from heatmat.reference_scenes import CORNER, city_of

    most = max(1000, *numbers)  # the same places and heights whatever is asked for
    side = int(np.ceil(np.sqrt(most))) + 2
    i, j = (part.ravel() for part in np.mgrid[0:side, 0:side] - side // 2)
    order = np.argsort(np.hypot(PITCH[0] * i, PITCH[1] * j), kind="stable")[:most]
    heights = np.random.default_rng(17).uniform(9.0, 24.0, most).round(1)
    box = shapely.box(-0.5 * SIZE[0], -0.5 * SIZE[1], 0.5 * SIZE[0], 0.5 * SIZE[1])
    shapes = [
        affinity.rotate(
            affinity.translate(box, PITCH[0] * i[n], PITCH[1] * j[n]), TURN, origin=(0, 0)
        )
        for n in order
    ]
    pieces = list(zip(shapes, heights.tolist(), strict=True))
    found = []
    for n in numbers:
        city = city_of(pieces[:n], around=30.0)
        found.append(Scene(f"{n} buildings", city, _probes(CORNER, heights[0])))
    return found


def _probes(centre: tuple[float, float], height: float) -> tuple[Probe, ...]:
    """On the first building's four walls, low and high, on its roof, and in the streets."""
    cos, sin = np.cos(np.deg2rad(TURN)), np.sin(np.deg2rad(TURN))
    half = 0.5 * np.array(SIZE)

    def at(x: float, y: float) -> tuple[float, float]:
        return centre[0] + cos * x - sin * y, centre[1] + sin * x + cos * y

    probes = []
    for name, nx, ny in (("east", 1, 0), ("north", 0, 1), ("west", -1, 0), ("south", 0, -1)):
        x, y = at(nx * half[0] + 0.1 * ny * half[0], ny * half[1] + 0.1 * nx * half[1])
        normal = (float(cos * nx - sin * ny), float(sin * nx + cos * ny), 0.0)
        for level, z in (("low", 2.0), ("high", height - 2.0)):
            probes.append(Probe(f"{level} wall {name}", "wall", x, y, float(z), normal))
    up = (0.0, 0.0, 1.0)
    probes.append(Probe("roof", "roof", *at(2.0, 1.0), float(height), up))
    for name, x, y in (("east", 16.0, 0.0), ("north", 1.0, 13.0), ("crossing", -16.0, -13.0)):
        probes.append(Probe(f"ground {name}", "ground", *at(x, y), 0.0, up))
    return tuple(probes)


def scaling(
    *,
    device: str = "cpu",
    seed: int = 0,
    effort: Effort | None = None,
    progress: Callable[..., None] | None = None,
) -> dict[str, Any]:
    """Measure both sides on every district and resolution.

    Parameters
    ----------
    device : str
    seed : int
    effort : Effort, optional
    progress : callable, optional
        ``progress(stage, done, total)``.

    Returns
    -------
    dict
        ``buildings``, ``resolution``: lists of records. ``seconds_2_5d``, ``seconds_3d``: processor
        seconds for one probe at noon to 0.1 K, from measured error curves (2.5D; a day's 24 values
        come with it) and from cost and variance of a path (3D), mean over the probes that the
        largest query of the 2.5D side brings to the error (``probes_left_out``: the others, on
        neither side); ``setup_seconds_2_5d``, ``setup_seconds_3d``: before the first question,
        kernels compiled; ``triangles``; each probe's seconds and temperatures.
    """
    effort = effort or Effort()
    report = progress or (lambda *_: None)
    total = len(effort.numbers) + len(effort.cells) + len(effort.cuts)
    one = min(effort.numbers, key=lambda n: abs(n - AT_RESOLUTION))
    _Both(districts((min(effort.numbers),))[0], device, seed).measure(_warm(effort))
    buildings = []
    for k, scene in enumerate(districts(effort.numbers)):
        report(scene.name, k, total)
        buildings.append(_Both(scene, device, seed).measure(effort))
    scene = districts((one,))[0]
    resolution: list[dict[str, Any]] = []
    for k, cell in enumerate(effort.cells, start=len(effort.numbers)):
        report(f"cells of {cell:g} m", k, total)
        resolution.append(_Both(scene, device, seed, cell=cell).measure(effort, slow=False))
    for k, cut in enumerate(effort.cuts, start=len(effort.numbers) + len(effort.cells)):
        report(f"triangles cut {cut} times", k, total)
        resolution.append(_Both(scene, device, seed, cuts=cut).measure(effort, fast=False))
    report("scaling", total, total)
    return {"buildings": buildings, "resolution": resolution, "target_k": TARGET, "hour": HOUR}


def _warm(effort: Effort) -> Effort:
    """As little as compiles every kernel."""
    from dataclasses import replace

    return replace(effort, sizes=effort.sizes[:1], truth_error=1.0, paths=4)


@dataclass(frozen=True)
class _Cut(Scene):
    """A scene whose triangles are cut into four `cuts` times."""

    cuts: int = 0

    def mesh(self, origin: tuple[float, float]) -> Mesh:
        return super().mesh(origin).refined(self.cuts)


def _means(record: dict[str, Any]) -> dict[str, Any]:
    """Mean seconds of the probes that the 2.5D side brought to the error, on both sides."""
    both = [record.get(f"probe_seconds_{side}") for side in ("2_5d", "3d")]
    kept = [k for k, t in enumerate(both[0] or both[1] or ()) if t is not None]
    found: dict[str, Any] = {}
    if both[0] is not None:
        found["probes_left_out"] = len(both[0]) - len(kept)
    for side, seconds in zip(("2_5d", "3d"), both, strict=True):
        if seconds is not None:
            found[f"seconds_{side}"] = sum(seconds[k] for k in kept) / max(1, len(kept))
    return found


class _Both:
    """One district on both sides."""

    def __init__(
        self, scene: Scene, device: str, seed: int, *, cell: float | None = None, cuts: int = 0
    ) -> None:
        self.scene, self.device, self.seed = scene, device, seed
        self.cell, self.cuts = cell or 1.0, cuts

    def measure(self, effort: Effort, *, fast: bool = True, slow: bool = True) -> dict[str, Any]:
        """One record."""
        import tempfile

        from heatmat.simulation import Simulation

        record: dict[str, Any] = {"buildings": len(self.scene.city.buildings)}
        with tempfile.TemporaryDirectory() as folder:
            scenario = self.scene.scenario(city=self._table(folder))
            clock = Clock(self.device)
            with Simulation(scenario, device=self.device, seed=self.seed) as simulation:
                if fast:
                    solver = simulation.solver  # the maps go to the device
                    record["setup_seconds_2_5d"] = clock.read()
                    record |= {"cell_m": solver.case.maps.resolution}
                    record |= self._fast(simulation, effort)
                if slow:
                    record |= self._slow(simulation, effort)
        return record | _means(record)

    def _table(self, folder: str) -> dict[str, Any]:
        """The city as a file at this cell size."""
        from pathlib import Path

        city = self.scene.city
        path = Path(folder) / "buildings.gpkg"
        columns = city.buildings[["building_id", "height", "geometry"]]
        table = columns.rename(columns={"building_id": "id"}).set_geometry("geometry")
        table.assign(building="yes").to_file(path, driver="GPKG")
        return {
            "buildings": str(path), "extent": list(city.extent), "crs": city.crs.to_string(),
            "margin_m": city.margin, "resolution_m": self.cell,
            "default_facade": city.default_facade, "default_roof": city.default_roof,
            "default_ground": city.default_ground,
        }  # fmt: skip

    def _fast(self, simulation: Any, effort: Effort) -> dict[str, Any]:
        from heatmat.reference_fast import FastSide

        side = FastSide(simulation, list(self.scene.probes), self.seed)
        truth, error = side.truth(effort.truth_error, 1 << 14)
        curve = side.curve(truth, error, list(effort.sizes))
        seconds, reached = curve.seconds_to(TARGET, curve.error[:, :, HOUR - 1])
        return {
            "probe_seconds_2_5d": [
                float(t) if ok else None for t, ok in zip(seconds, reached, strict=True)
            ],
            "seconds_a_query": dict(
                zip(map(str, curve.paths.tolist()), curve.seconds.tolist(), strict=True)
            ),
            "temperature_c": (truth[:, HOUR - 1] - KELVIN).round(3).tolist(),
        }

    def _slow(self, simulation: Any, effort: Effort) -> dict[str, Any]:
        from heatmat.reference_slow import SlowSide

        scene = _Cut(self.scene.name, self.scene.city, self.scene.probes, self.cuts)
        side = SlowSide(scene, simulation, list(scene.probes), self.device)
        rows = np.arange(len(self.scene.probes))
        answer, seconds = side.ask(rows, np.array([HOUR]), effort.paths, 100)
        cost = seconds / (answer.paths * len(rows))
        variance = answer.error[:, 0] ** 2 * answer.paths
        return {
            "triangles": len(side.mesh.faces),
            "setup_seconds_3d": side.setup_seconds,
            "seconds_a_path_3d": cost,
            "probe_seconds_3d": (variance / TARGET**2 * cost).tolist(),
            "temperature_3d_c": (answer.mean[:, 0] - KELVIN).round(3).tolist(),
            "error_3d_k": answer.error[:, 0].round(4).tolist(),
        }
