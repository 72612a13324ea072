"""Pixels of maps against paths: `python -m heatmat.pixel_benchmark CASE.npz`.

Both give means over the same squares: maps from the field with a few positions a pixel and rays
shared between neighbours, paths each from a position of its own. All pixels get as many: where
an error bound says when it is enough, a sliver or a shadow that no position fell on is never found.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from heatmat.arguments import Parser, square_side, whole
from heatmat.case import Case
from heatmat.ending import exit_code
from heatmat.errors import InputError
from heatmat.estimate import estimate
from heatmat.field_benchmark import CORNERS, corner_points
from heatmat.kernels.layout import Q_A, Q_B, R_TYPE, REQUEST_PLAN
from heatmat.map_spread import TEXEL, middle_grid
from heatmat.sampling_plan import KINDS, plan_squares, stream_keys
from heatmat.solver import Solver

PIXELS, SIDE = 300, 240.0
"""Pixels that are compared, one in `CORNERS` near a corner; the square that they lie in [m]."""

PATHS = 4096
"""Paths a pixel."""

DRAWN = 300
"""Points of the whole extent that are drawn for each pixel, so that enough fall into the square."""


@dataclass
class Row:
    """One group of pixels [K], over pixels and hours."""

    rays: int
    where: str
    pixels: int
    mean: float
    rms: float
    p95: float
    p99: float
    largest: float


def row(rays: int, where: str, away: np.ndarray) -> Row:
    """Figures of differences to paths, shape (pixels, times)."""
    size = np.abs(away)
    p95, p99 = np.quantile(size, [0.95, 0.99])
    rms = float(np.sqrt(np.mean(size**2)))
    return Row(rays, where, len(away), float(away.mean()), rms, p95, p99, float(size.max()))


def choose_pixels(
    case: Case, side: float, number: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns, rows and nearness to a corner of pixels of `map_spread.middle_grid`."""
    grid = middle_grid(case, side)
    points, near = corner_points(case, DRAWN * number, seed)
    column = np.floor((points.numbers[:, Q_A] - grid.west) / grid.size).astype(int)
    line = np.floor((grid.north - points.numbers[:, Q_B]) / grid.size).astype(int)
    inside = (column >= 0) & (column < grid.nx) & (line >= 0) & (line < grid.ny)
    inside &= points.codes[:, R_TYPE] == REQUEST_PLAN
    few = number // CORNERS
    chosen = np.concatenate(
        [np.flatnonzero(inside & near)[:few], np.flatnonzero(inside & ~near)[: number - few]]
    )
    return column[chosen], line[chosen], near[chosen]


def measure(
    case: Case, side: float = SIDE, pixels: int = PIXELS, paths: int = PATHS, seed: int = 0
) -> tuple[list[Row], float]:
    """Figures by the rays of a set of a start, and the paths' standard error [K]."""
    from heatmat.field import Field
    from heatmat.field_map import FINE, LARGE_RAYS, gather_map

    forcing = case.forcing
    hour = max(1, round(3600.0 / forcing.step))
    stamps = np.arange(forcing.spin_up_steps + hour, forcing.n_steps + 1, hour)
    grid = middle_grid(case, side)
    column, line, near = choose_pixels(case, side, pixels, seed)
    if not column.size:
        raise InputError("no pixel is drawn", where=f"a square of {side:g} m", remedy="draw more")
    x, y = grid.west + (column + 0.5) * grid.size, grid.north - (line + 0.5) * grid.size
    zero = np.zeros(x.size)
    keys = stream_keys(x, y, zero, 1, seed + 1)
    places = plan_squares(x, y, zero + 0.5 * grid.size, np.full(x.size, KINDS["any"]), keys)
    solver = Solver(case, stamps=stamps)
    true = estimate(solver, places, target_error=0.0, max_rays=paths, area=True)
    field = Field(case, TEXEL, stamps, seed=seed, rayfield=solver.field)
    field.march_chunk()
    rows = []
    for rays in (LARGE_RAYS, FINE.rays):
        found = gather_map(lambda: field, grid, case.maps.origin, seed, field.words, rays=rays)
        at = line * grid.nx + column
        away = found["surface_temperature"][at] - true.mean[:, :, 0]
        ground, roof = (np.isfinite(found[f"{k}_temperature"][at, 0]) for k in ("ground", "roof"))
        groups = {"all": near | ~near, "near corners": near, "both": ground & roof}
        groups["one"] = ~groups["both"]
        rows += [row(rays, name, away[mask]) for name, mask in groups.items() if mask.any()]
    return rows, float(np.sqrt(np.mean(true.error**2)))


def table(rows: list[Row], path_error: float) -> str:
    """The figures as text."""
    lines = [
        f"standard error of the paths {path_error:.3f} K",
        f"{'rays':>5} {'where':13}{'pixels':>7}{'mean':>9}{'rms':>8}{'p95':>8}{'p99':>8}{'most':>8}"
        "   [K]",
    ]
    lines += [
        f"{r.rays:5d} {r.where:13}{r.pixels:7d}{r.mean:+9.4f}{r.rms:8.4f}{r.p95:8.4f}{r.p99:8.4f}"
        f"{r.largest:8.3f}"
        for r in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = Parser(description="Pixels of maps against paths.")
    parser.add_argument("case", help="a prepared case (heatmat prepare)")
    parser.add_argument("--side", type=square_side, default=SIDE, help="of the square [m]")
    parser.add_argument("--pixels", type=whole(1), default=PIXELS)
    parser.add_argument("--paths", type=whole(1), default=PATHS, help="a pixel")
    parser.add_argument("--seed", type=whole(0), default=0)
    given = parser.parse_args()
    found = measure(Case.load(given.case), given.side, given.pixels, given.paths, given.seed)
    sys.stdout.write(table(*found) + "\n")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
