"""Errors of maps from the field against the spread over seeds, of the field and of the pixels.

A square in the middle of a prepared case is mapped again and again, each time from a field with
other rays. Pixels with as few rays as those of large maps, or with as many as those of small ones;
the sun comes by the same sweeps.

    python -m heatmat.map_spread [--case FILE] [--side METRES] [--seeds N] [--pixels N]
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmat.arguments import Parser, square_side, whole
from heatmat.case import Case
from heatmat.ending import exit_code
from heatmat.errors import InputError

if TYPE_CHECKING:
    from heatmat.field_map import PixelGrid

TEXEL = 4.0
"""Side of the field's texels [m]."""

SHARE = 0.95
"""Of pixels and hours, whose errors are less than the percentile that is given."""


@dataclass
class Row:
    """One group of pixels [K].

    Attributes
    ----------
    where : str
    pixels : int
    spread, told : float
        Standard deviation over the seeds and reported standard error, root mean squares over
        pixels and hours.
    spread_most, told_most : float
        Percentiles of both over pixels and hours.
    away_most : float
        The same percentile of what single maps are away from the mean of endless ones.
    """

    where: str
    pixels: int
    spread: float
    spread_most: float
    away_most: float
    told: float
    told_most: float


def row(where: str, maps: np.ndarray, told: np.ndarray) -> Row:
    """Figures of a group from maps and reported errors by seed, (seeds, pixels, times)."""
    seeds = maps.shape[0]
    spread = maps.std(axis=0, ddof=1, dtype=float)
    # The mean of few maps follows each of them.
    away = np.abs(maps - maps.mean(axis=0, dtype=float)) * np.sqrt(seeds / (seeds - 1))
    error = np.sqrt(np.square(told, dtype=float).mean(axis=0))
    whole = [float(np.sqrt(np.square(a).mean())) for a in (spread, error)]
    most = [float(np.quantile(a, SHARE)) for a in (spread, away, error)]
    return Row(where, maps.shape[1], whole[0], most[0], most[1], whole[1], most[2])


def middle_grid(case: Case, side: float, size: float = 1.0) -> PixelGrid:
    """Pixels of a square in the middle of the reported extent."""
    from heatmat.field_map import PixelGrid

    maps = case.maps
    row0, row1, col0, col1 = maps.window
    x = maps.west + 0.5 * (col0 + col1) * maps.resolution
    y = maps.south + (maps.ny - 0.5 * (row0 + row1)) * maps.resolution
    extent = (row1 - row0, col1 - col0)
    n = int(min(side, *(e * maps.resolution for e in extent)) / size)
    if n < 1:
        raise InputError("no pixel fits into the square", where=f"a pixel of {size:g} m")
    return PixelGrid(x - 0.5 * n * size, y + 0.5 * n * size, size, n, n)


def measure(case: Case, side: float, seeds: int, pixels: int) -> dict[int, list[Row]]:
    """Rows by the first rays of a set of a start, hour by hour."""
    from heatmat.field import Field
    from heatmat.field_map import FINE, LARGE_RAYS, gather_map

    forcing = case.forcing
    hour = round(3600.0 / forcing.step)
    stamps = np.arange(forcing.spin_up_steps + hour, forcing.n_steps + 1, hour)
    grid = middle_grid(case, side)
    number = grid.nx * grid.ny
    chosen = np.sort(np.random.default_rng(0).choice(number, min(pixels, number), replace=False))
    maps: dict[int, list[np.ndarray]] = {LARGE_RAYS: [], FINE.rays: []}
    told: dict[int, list[np.ndarray]] = {rays: [] for rays in maps}
    place = grid, case.maps.origin
    marched: list[Field] = []
    kinds: dict[str, np.ndarray] = {}
    for seed in range(seeds):
        rayfield = marched.pop().rays if marched else None
        field = Field(case, TEXEL, stamps, seed=seed, rayfield=rayfield)
        field.march_chunk()
        marched.append(field)
        for rays in maps:
            found = gather_map(lambda: marched[-1], *place, seed, field.words, rays=rays)
            maps[rays].append(found["surface_temperature"][chosen])
            told[rays].append(found["surface_temperature_standard_error"][chosen])
        ground, roof = (
            np.isfinite(found[f"{kind}_temperature"][chosen, 0]) for kind in ("ground", "roof")
        )
        kinds = {"all": ground | roof, "ground": ~roof, "roof": ~ground, "both": ground & roof}
    return {
        rays: [
            row(where, np.stack(maps[rays])[:, mask], np.stack(told[rays])[:, mask])
            for where, mask in kinds.items()
            if mask.any()
        ]
        for rays in maps
    }


def table(found: dict[int, list[Row]]) -> str:
    """The rows as text."""
    lines = [
        f"{'rays':>5} {'where':8}{'pixels':>7}{'spread':>9}{'its p95':>9}{'away p95':>10}"
        f"{'told':>8}{'its p95':>9}   [K]"
    ]
    for rays, rows in found.items():
        lines += [
            f"{rays:5d} {r.where:8}{r.pixels:7d}{r.spread:9.4f}{r.spread_most:9.4f}"
            f"{r.away_most:10.4f}{r.told:8.4f}{r.told_most:9.4f}"
            for r in rows
        ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = Parser(description=__doc__, prog="python -m heatmat.map_spread")
    parser.add_argument("--case", help="a prepared case; default: the embedded district")
    parser.add_argument("--side", type=square_side, default=120.0, help="of the square [m]")
    parser.add_argument("--seeds", type=whole(2), default=16)
    parser.add_argument("--pixels", type=whole(1), default=2000, help="chosen of the square's")
    asked = parser.parse_args()
    if asked.case:
        case = Case.load(asked.case)
    else:
        from heatmat.scenario import Scenario
        from heatmat.simulation import build_case

        case = build_case(Scenario.embedded())
    sys.stdout.write(table(measure(case, asked.side, asked.seeds, asked.pixels)) + "\n")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
