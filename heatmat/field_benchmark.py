"""The field against paths at points: `python -m heatmat.field_benchmark CASE.npz`.

What gathers from the field reads coarse texels, one bounce away. Its error is measured where it is
worst as well: a fifth of the points lies within a metre of a corner.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from heatmat.arguments import Parser, between, whole
from heatmat.case import Case
from heatmat.ending import exit_code
from heatmat.estimate import Estimate, estimate
from heatmat.field import Field
from heatmat.field_solver import NEAR, FieldSolver
from heatmat.requests import Requests
from heatmat.sampling_plan import KINDS, plan_squares, stream_keys, wall_patches
from heatmat.solver import Solver
from heatmat.start_batches import StartBatches

POINTS = 500
"""Points that are compared: two thirds seen from above, the others on walls."""

CORNERS = 5
"""One point in so many lies within a metre of a corner."""

SPARE = 1.1
"""Points drawn for each that is compared: a place on a wall may be hidden by the next building."""

PATH_ERROR = 0.03
"""Upper 90 % bound of the standard error of the paths [K]."""

WAYS = (("texels alone", 0.0, 256), ("near hits", NEAR, 256), ("near hits", NEAR, 512))
"""What is compared: name, texels' sizes within which hits are marched, rays of a point."""


def corner_points(case: Case, count: int, seed: int = 0) -> tuple[Requests, np.ndarray]:
    """Points all over the reported extent, and which of them lie near a corner.

    Parameters
    ----------
    case : Case
    count : int
    seed : int

    Returns
    -------
    requests : Requests
        Points seen from above, then points on walls of 3 m and more.
    near : ndarray of bool, shape (count,)
        Within 1 m of the end of a facade.
    """
    rng = np.random.default_rng(seed)
    maps = case.maps
    top, bottom, left, right = (k * maps.resolution for k in maps.window)
    north = maps.south + maps.ny * maps.resolution
    west, east, south, north = maps.west + left, maps.west + right, north - bottom, north - top
    ends = maps.facade_ab.astype(float)
    length = np.hypot(ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1])
    inside = (ends[:, 0] > west + 1.0) & (ends[:, 0] < east - 1.0)
    inside &= (ends[:, 1] > south + 1.0) & (ends[:, 1] < north - 1.0)
    walls = np.flatnonzero(inside & (length > 3.0) & (maps.facade_exposed_area > 20.0))
    on_walls = count // 3 if walls.size else 0
    above = count - on_walls
    x, y = rng.uniform(west, east, above), rng.uniform(south, north, above)
    few = -(-above // CORNERS) if walls.size else 0
    corner = rng.choice(walls, few) if few else np.zeros(0, int)
    angle, away = rng.uniform(0.0, 2.0 * np.pi, few), rng.uniform(0.1, 1.0, few)
    x[:few] = ends[corner, 0] + away * np.cos(angle)
    y[:few] = ends[corner, 1] + away * np.sin(angle)
    zero = np.zeros(above)
    plan = plan_squares(x, y, zero, np.full(above, KINDS["any"]), stream_keys(x, y, zero, 1, seed))
    near = np.arange(count) % above < few
    if not on_walls:
        return plan, near
    facade = rng.choice(walls, on_walls)
    along = rng.uniform(0.02, 0.98, on_walls) * length[facade]
    few = -(-on_walls // CORNERS)
    along[:few] = rng.uniform(0.1, 1.0, few)
    low, high = maps.facade_z[facade].astype(float).T
    z = low + rng.uniform(0.02, 0.98, on_walls) * (high - low)
    keys = stream_keys(along, z, facade * 1.0, KINDS["wall"], seed)
    wall = wall_patches(facade, along, along, z, z, keys)
    near[above:] = np.arange(on_walls) < few
    both = (
        np.concatenate([getattr(plan, name), getattr(wall, name)])
        for name in ("numbers", "codes", "keys", "composition")
    )
    return Requests(*both), near


def evenly(valid: np.ndarray, near: np.ndarray, count: int) -> np.ndarray:
    """Which `count` of the drawn points are compared, shape (count,); fewer where fewer are valid.

    One in `CORNERS` is near a corner. Both kinds are taken evenly from first to last, so that
    those on walls, which come last, keep their share.
    """
    few = count // CORNERS
    kinds = (np.flatnonzero(valid & near), few), (np.flatnonzero(valid & ~near), count - few)
    kept = [
        found[np.linspace(0, found.size - 1, min(number, found.size)).astype(int)]
        for found, number in kinds
    ]
    return np.sort(np.concatenate(kept))


def field_against_paths(
    case: Case,
    *,
    size: float = 4.0,
    points: int = POINTS,
    path_error: float = PATH_ERROR,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[..., None] = lambda *told: None,
) -> dict[str, Any]:
    """Differences of what gathers from the field to paths, over points and hours.

    Parameters
    ----------
    case : Case
    size : float
        Of the texels [m].
    points : int
        That are compared, see `evenly`.
    path_error : float
        [K], see `PATH_ERROR`.
    seed : int
    device : str
    progress : callable
        ``progress(stage, done, total)``.

    Returns
    -------
    dict
        ``points, near_corners, texels, path_error_k`` (root mean square), ``field_cpu_s`` (texels,
        links and march), ``paths_ms`` of processor time a point, and ``rows``: ``name, near_sizes,
        rays, standard_error_k, mean_k, rms_k, p95_k, p99_k, largest_k, corners_p99_k, ms`` each.
    """
    forcing = case.forcing
    every = max(1, round(3600.0 / forcing.step))
    stamps = np.arange(forcing.spin_up_steps + every, forcing.n_steps + 1, every)
    requests, near = corner_points(case, round(SPARE * points), seed)
    paths = Solver(case, device, stamps=stamps)
    progress("paths", 0.0, 1.0)
    true, seconds = _timed(paths, requests, path_error, 1 << 16)
    kept = evenly(true.valid, near, points)
    progress("field", 0.0, 1.0)
    begun = time.process_time()
    field = Field(case, size, stamps, device=device, seed=seed, rayfield=paths.field)
    field.march_chunk()
    made = time.process_time() - begun
    rows = []
    for done, (name, within, rays) in enumerate(WAYS):
        progress("gather", done, len(WAYS))
        found, cost = _timed(FieldSolver(field, near=within), requests, 0.0, rays)
        away = (found.mean - true.mean)[kept, :, 0]
        size_of = np.abs(away)
        corners = size_of[near[kept]]
        rows.append(
            {
                "name": name,
                "near_sizes": within,
                "rays": rays,
                "standard_error_k": _rms(found.error[kept]),
                "mean_k": float(away.mean()),
                "rms_k": _rms(away),
                "p95_k": float(np.quantile(size_of, 0.95)),
                "p99_k": float(np.quantile(size_of, 0.99)),
                "largest_k": float(size_of.max()),
                "corners_p99_k": float(np.quantile(corners, 0.99)) if corners.size else np.nan,
                "ms": 1e3 * cost / len(requests),
            }
        )
    return {
        "points": kept.size,
        "near_corners": int(near[kept].sum()),
        "texels": field.texels.count,
        "path_error_k": _rms(true.error[kept]),
        "field_cpu_s": made,
        "paths_ms": 1e3 * seconds / len(requests),
        "rows": rows,
    }


def _timed(
    solver: StartBatches, requests: Requests, target: float, rays: int
) -> tuple[Estimate, float]:
    """An estimate and its processor time [s], after one that compiles what it needs."""
    estimate(solver, requests.part(slice(0, 8)), target_error=0.0, max_rays=128)
    begun = time.process_time()
    found = estimate(solver, requests, target_error=target, max_rays=rays)
    return found, time.process_time() - begun


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.nanmean(np.square(values))))


def as_table(found: dict[str, Any]) -> str:
    """The figures as Markdown, kelvin."""
    lines = [
        f"{found['points']} points, {found['near_corners']} within 1 m of a corner; "
        f"{found['texels']} texels in {found['field_cpu_s']:.1f} s; standard error of the paths "
        f"{found['path_error_k']:.3f} K, {found['paths_ms']:.0f} ms a point",
        "",
        "| | rays | mean | root mean square | 95th percentile | 99th percentile | the same near "
        "corners | standard error | ms a point |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in found["rows"]:
        figures = (row[k] for k in ("rms_k", "p95_k", "p99_k", "corners_p99_k", "standard_error_k"))
        lines.append(
            f"| {row['name']} | {row['rays']} | {row['mean_k']:+.3f} | "
            + " | ".join(f"{figure:.3f}" for figure in figures)
            + f" | {row['ms']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = Parser(description="The field against paths at points of a case.")
    parser.add_argument("case", help="a prepared case (heatmat prepare)")
    parser.add_argument("--points", type=whole(1), default=POINTS)
    parser.add_argument("--size", type=between(0.5, 100.0), default=4.0, help="of the texels [m]")
    parser.add_argument("--seed", type=whole(0), default=0)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    found = field_against_paths(
        Case.load(given.case), size=given.size, points=given.points, seed=given.seed,
        device=given.device,
    )  # fmt: skip
    sys.stdout.write(as_table(found) + "\n")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
