"""How fast this machine answers: the figures of ``heatmat benchmark``.

It drives the solver from a prepared case, so it runs where only NumPy and Taichi are installed.
Every time is of warm calls: kernels are compiled, arrays are on the device.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from heatmat.case import Case
from heatmat.day_benchmark import SIDE, day_of_maps
from heatmat.errors import InputError
from heatmat.estimate import Estimate, estimate
from heatmat.kernels import layout
from heatmat.map_benchmark import make_map, map_matrix, map_places
from heatmat.memory import peak_memory, reset_peak_memory
from heatmat.ray_benchmark import roofline
from heatmat.sampling_plan import KINDS, pick, plan_squares, stream_keys, wall_patches
from heatmat.solver import Requests, Solver

TARGET = 0.1
"""Standard error at which a query stops [K]."""

MOST_RAYS = 65536
"""Paths that a query may take before it gives up on the target."""

OUTPUT_STEP = 3600.0
"""Interval of the reported times [s]."""

MAP_RESOLUTIONS = (64.0, 32.0, 16.0, 8.0, 4.0, 2.0, 1.0)
"""Pixel sides tried from the coarsest on, as far as the time allowed goes [m]."""

VIEW_RAYS = 256
"""Rays of one sky view factor."""


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes
    ----------
    single : int
        Points that are asked one by one: of eight the median was 4.7 ms here and 12 ms there.
    batch : int
        Points asked at once.
    repeats : int
        Of everything but the single points and the maps.
    patience : float
        No more repeats of a case after this long [s].
    map_seconds : float
        A map is made if it is expected to take less than this [s].
    view_points : int
        Points whose rays are counted.
    rays : int
        Rays of each kind that are held against memory and Embree.
    embree : bool
        Whether Embree is asked, where it is installed.
    day_side : float
        Of the square whose day is mapped by the field, at most [m].
    """

    single: int = 32
    batch: int = 100
    repeats: int = 3
    patience: float = 8.0
    map_seconds: float = 5.0
    view_points: int = 8192
    rays: int = 50_000
    embree: bool = True
    day_side: float = SIDE


def run_benchmark(
    case: Case | str | Path | None = None,
    *,
    reference: bool = False,
    quick: bool = False,
    device: str = "auto",
    seed: int = 0,
    progress: Callable[..., None] | None = None,
    effort: Effort | None = None,
    solweig_python: str | Path | None = None,
) -> dict[str, Any]:
    """Measure a case on this machine.

    Parameters
    ----------
    case : Case or path, optional
        A prepared case; default: the embedded district, prepared here.
    reference : bool
        Also against the 3D reference solver, on scenes of its own (`heatmat.reference_benchmark`).
    quick : bool
        The comparison with the reference on one small scene, roughly.
    device : str
        See `heatmat.runtime.ensure_device`.
    seed : int
        Of the random streams and of the places asked.
    progress : callable, optional
        ``progress(stage, done, total)``.
    effort : Effort, optional
        How much is measured; the default takes about a minute on two cores.
    solweig_python : path, optional
        Interpreter that has solweig: also ``solweig``, see `heatmat.solweig_benchmark`.

    Returns
    -------
    dict
        ``device, versions, commit, rays_per_second`` (first hits of cosine-weighted rays from all
        over the map), ``queries_per_second`` (points of the batch, each to 0.1 K over the whole
        window), ``seconds_to_100_mk`` (median of single wall points), ``peak_memory_bytes`` (of
        this process on the host), ``compile_seconds`` (first answer less a warm one; kernels in
        Taichi's cache are only loaded), ``cases``: ``name, pixels, points, repeats, median_s,
        min_s, rays, peak_memory_bytes`` each; ``matrix``: see
        `heatmat.map_benchmark.map_matrix`; ``roofline``: see `heatmat.ray_benchmark.roofline`;
        ``field_map``: see `heatmat.day_benchmark.day_of_maps`.

    Raises
    ------
    InputError
        If the case cannot be read or holds nothing to ask.
    """
    bench = _Bench(_load(case), device, seed, progress or _silent, effort or Effort())
    bench.run()
    figures = bench.figures()
    if reference:
        from heatmat.reference_benchmark import QUICK, run_reference_benchmark

        figures["reference"] = run_reference_benchmark(
            device=bench.solver.device,
            seed=seed,
            effort=QUICK if quick else None,
            progress=progress,
        )
    if solweig_python is not None:
        from heatmat.solweig_benchmark import beside_solweig

        figures["solweig"] = beside_solweig(bench.case, solweig_python, progress=progress)
    return figures


def _silent(stage: str, done: float = 0.0, total: float | None = 1.0) -> None:
    """Progress that nobody asked for."""


def _load(case: Case | str | Path | None) -> Case:
    if isinstance(case, Case):
        return case
    if case is not None:
        return Case.load(case)
    # These need the geospatial libraries; a prepared case does not.
    from heatmat.scenario import Scenario
    from heatmat.simulation import build_case

    return build_case(Scenario.embedded())


class _Bench:
    """One case being measured."""

    def __init__(
        self, case: Case, device: str, seed: int, progress: Callable[..., None], effort: Effort
    ) -> None:
        self.case, self.seed, self.progress, self.effort = case, seed, progress, effort
        self.random = np.random.default_rng(seed)
        forcing = case.forcing
        every = max(1, round(OUTPUT_STEP / forcing.step))
        stamps = np.arange(forcing.spin_up_steps + every, forcing.n_steps + 1, every)
        self.solver = Solver(case, device, stamps=stamps if stamps.size else None)
        self.cases: list[dict[str, Any]] = []
        self.matrix: list[dict[str, Any]] = []
        self.roofline: dict[str, Any] = {}
        self.field_map: dict[str, Any] = {}
        self.compile_seconds = 0.0
        self.peak = 0

    def run(self) -> None:
        """Every case, one after the other."""
        ground, walls = self._ground_points(), self._wall_points()
        stages: list[tuple[str, Callable[[], None]]] = [
            ("compile", lambda: self._compile(ground)),
            ("one wall point to 0.1 K", lambda: self._single("wall", walls)),
            ("one ground point to 0.1 K", lambda: self._single("ground", ground)),
            ("batch to 0.1 K", lambda: self._batch(ground, walls)),
            ("sky view rays", self._sky_rays),
            ("shadow rays", self._shadow_rays),
            ("maps", self._maps),
            ("maps of many sizes", self._matrix),
            ("rays, memory and Embree", self._roofline),
            ("a day of maps by the field", self._day),
        ]
        for done, (name, stage) in enumerate(stages):
            self.progress(name, done, len(stages))
            stage()
        self.progress("benchmark", len(stages), len(stages))

    def figures(self) -> dict[str, Any]:
        """What contracts call the JSON of a benchmark."""
        from heatmat.run_record import commit, versions

        found = {case["name"]: case for case in self.cases}
        wall = found.get("one wall point to 0.1 K", found["one ground point to 0.1 K"])
        sky, batch = found["sky view rays"], found["batch to 0.1 K"]
        return {
            "device": self.solver.device,
            "versions": versions(),
            "commit": commit(),
            "rays_per_second": sky["rays"] / sky["median_s"],
            "queries_per_second": batch["points"] / batch["median_s"],
            "seconds_to_100_mk": wall["median_s"],
            "peak_memory_bytes": max(self.peak, peak_memory()),
            "compile_seconds": self.compile_seconds,
            "cases": self.cases,
            "matrix": self.matrix,
            "roofline": self.roofline,
            "field_map": self.field_map,
        }

    # -- places -------------------------------------------------------------------------------

    def _window(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the reported extent, local metres."""
        maps = self.case.maps
        row0, row1, col0, col1 = maps.window
        north = maps.south + maps.ny * maps.resolution
        return (
            maps.west + col0 * maps.resolution,
            north - row1 * maps.resolution,
            maps.west + col1 * maps.resolution,
            north - row0 * maps.resolution,
        )

    def _keys(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        ox, oy = self.case.maps.origin
        return stream_keys(x + ox, y + oy, z, 0, self.seed)

    def _plan_points(self, count: int, kind: str) -> Requests:
        """Random points of the extent, of one kind if they are found to be."""
        west, south, east, north = self._window()
        x, y = self.random.uniform(west, east, count), self.random.uniform(south, north, count)
        zero = np.zeros(count)
        requests = plan_squares(x, y, zero, np.full(count, KINDS[kind]), self._keys(x, y, zero))
        if kind == "any":
            return requests
        return pick(requests, np.flatnonzero(self._valid(requests)))

    def _valid(self, requests: Requests) -> np.ndarray:
        """Whether there is a surface of the asked kind, shape (n,)."""
        _, records, _, _ = self.solver.place(requests)
        return records.to_numpy()[:, layout.T_VALID] == 1

    def _ground_points(self) -> Requests:
        found = self._plan_points(8 * self.effort.batch, "ground")
        if not len(found):
            raise InputError("the case has no open ground to measure", where="case")
        return found

    def _wall_points(self) -> Requests:
        """Random points of random exposed facades of the extent."""
        maps, effort = self.case.maps, self.effort
        west, south, east, north = self._window()
        ab, z = maps.facade_ab.astype(float), maps.facade_z.astype(float)
        middle = 0.5 * (ab[:, :2] + ab[:, 2:])
        inside = (middle >= (west, south)).all(axis=1) & (middle <= (east, north)).all(axis=1)
        allowed = np.flatnonzero(inside & (maps.facade_exposed_area > 1.0))
        if not allowed.size:
            return self._plan_points(0, "any")
        facade = self.random.choice(allowed, 4 * effort.batch)
        length = np.hypot(ab[facade, 2] - ab[facade, 0], ab[facade, 3] - ab[facade, 1])
        s = length * self.random.uniform(0.05, 0.95, facade.size)
        up = self.random.uniform(0.05, 0.95, facade.size)
        height = z[facade, 0] + (z[facade, 1] - z[facade, 0]) * up
        x = ab[facade, 0] + s / length * (ab[facade, 2] - ab[facade, 0])
        y = ab[facade, 1] + s / length * (ab[facade, 3] - ab[facade, 1])
        requests = wall_patches(facade, s, s, height, height, self._keys(x, y, height))
        return pick(requests, np.flatnonzero(self._valid(requests)))

    # -- cases --------------------------------------------------------------------------------

    def _estimate(self, places: Requests) -> Estimate:
        return estimate(self.solver, places, target_error=TARGET, max_rays=MOST_RAYS)

    def _measure(
        self,
        name: str,
        works: list[Callable[[], int]],
        *,
        pixels: int = 0,
        points: int = 0,
        each: bool = False,
    ) -> dict[str, Any]:
        """Time calls that return the rays they took; rays of the case are their median.

        Calls beyond the first are left out once patience ends, but not where `each` counts.
        """
        reset_peak_memory()
        seconds, rays = [], []
        for work in works:
            begun = time.perf_counter()
            rays.append(work())
            seconds.append(time.perf_counter() - begun)
            if not each and sum(seconds) > self.effort.patience:
                break
        memory = peak_memory()
        self.peak = max(self.peak, memory)
        self.cases.append(
            {
                "name": name,
                "pixels": pixels,
                "points": points,
                "repeats": len(seconds),
                "median_s": float(np.median(seconds)),
                "min_s": float(np.min(seconds)),
                "rays": int(np.median(rays)),
                "peak_memory_bytes": memory,
            }
        )
        return self.cases[-1]

    def _compile(self, ground: Requests) -> None:
        one = pick(ground, np.arange(1))
        seconds = []
        for _ in range(2):
            begun = time.perf_counter()
            self._estimate(one)
            seconds.append(time.perf_counter() - begun)
        self.compile_seconds = max(0.0, seconds[0] - seconds[1])

    def _single(self, kind: str, places: Requests) -> None:
        """Points one by one, every one a repeat: what a query costs where it may fall."""
        count = min(self.effort.single, len(places))
        if not count:
            return

        def ask(index: int) -> Callable[[], int]:
            one = pick(places, np.array([index]))
            return lambda: int(self._estimate(one).rays.sum())

        # Untimed first: every number of paths that a point may come to has its device arrays.
        ask(0)()
        self._measure(
            f"one {kind} point to 0.1 K", [ask(i) for i in range(count)], points=1, each=True
        )

    def _batch(self, ground: Requests, walls: Requests) -> None:
        half = self.effort.batch // 2
        parts = [pick(p, np.arange(min(half, len(p)))) for p in (ground, walls)]
        both = Requests(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("numbers", "codes", "keys", "composition")
            )
        )
        self._measure(
            "batch to 0.1 K",
            [lambda: int(self._estimate(both).rays.sum())] * self.effort.repeats,
            points=len(both),
        )

    def _sky_rays(self) -> None:
        places = self._plan_points(self.effort.view_points, "any")
        self.solver.sky_view(places, VIEW_RAYS)

        def work() -> int:
            self.solver.sky_view(places, VIEW_RAYS)
            return len(places) * VIEW_RAYS

        self._measure("sky view rays", [work] * self.effort.repeats, points=len(places))

    def _shadow_rays(self) -> None:
        places = self._plan_points(self.effort.view_points, "any")
        self.solver.sunlit(places)

        def work() -> int:
            return self.solver.sunlit(places).size

        self._measure("shadow rays", [work] * self.effort.repeats, points=len(places))

    def _maps(self) -> None:
        """Maps from coarse to fine while the next one is expected to fit in the time allowed."""
        for resolution in MAP_RESOLUTIONS:
            places = map_places(self._window(), resolution, self._keys)
            if places is None:
                continue
            found = self._measure(
                f"map at {resolution:g} m",
                [lambda places=places: make_map(self.solver, places)],  # type: ignore[misc]
                pixels=len(places), points=len(places),
            )  # fmt: skip
            if 4.0 * found["median_s"] > self.effort.map_seconds:
                return

    def _matrix(self) -> None:
        most = 0.5 * self.effort.map_seconds
        self.matrix = map_matrix(self.solver, self._window(), self._keys, most)

    def _roofline(self) -> None:
        count, repeats, embree = self.effort.rays, self.effort.repeats, self.effort.embree
        self.roofline = roofline(self.case, self.solver, count, repeats, embree=embree)

    def _day(self) -> None:
        self.field_map = day_of_maps(
            self.case, side=self.effort.day_side, device=self.solver.device, seed=self.seed
        )
        self.peak = max(self.peak, self.field_map["peak_memory_bytes"])
