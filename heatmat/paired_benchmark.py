"""What pairing is worth: errors of a difference by pairs and by runs apart, and what each costs.

Roofs from an albedo of 0.2 to 0.6 and one facade from 0.3 to 0.5, in the embedded district. The
same is done with several seeds; errors are the spread of the results over them, root mean squares
over places and output times. Runs apart are ordinary ones of either side with seeds of their own,
so that the variances of both add up.

    python -m heatmat.paired_benchmark [--json FILE] [--seeds N] [--rays N]
"""

from __future__ import annotations

import copy
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.arguments import Parser, output_file, whole
from heatmat.ending import exit_code
from heatmat.output.atomic import aside
from heatmat.paired_cases import (
    POINTS,
    RESOLUTION,
    chosen_facade,
    drawn_points,
    scenario,
    sides_of,
)

if TYPE_CHECKING:
    import pandas as pd

    from heatmat.comparison import Difference
    from heatmat.map_comparison import MapDifference
    from heatmat.simulation import Simulation

AFFECTED = 0.01
"""Root mean square change from which on a place counts as affected [K]."""


@dataclass
class Row:
    """One group of places.

    Attributes
    ----------
    method : str
        ``maps`` or ``paths``.
    where : str
    places : int
    change_k : float
        Root mean square change.
    paired_k, told_k, apart_k : float
        Error of the difference by pairs, what they tell, and that of runs apart.
    same_cost_k : float
        Error of runs apart that cost as much as the pair.
    """

    method: str
    where: str
    places: int
    change_k: float
    paired_k: float
    told_k: float
    apart_k: float
    same_cost_k: float

    @property
    def ratio(self) -> float:
        """Runs apart over pairs, at the same cost."""
        return self.same_cost_k / self.paired_k


@dataclass
class Cost:
    """CPU seconds of one difference, median over the seeds."""

    method: str
    pair_s: float
    apart_s: float
    apart_more_s: float


@dataclass
class Samples:
    """Results by seed, each (places, times): changes and their told errors, and runs apart."""

    change: np.ndarray
    told: np.ndarray
    apart: list[np.ndarray]
    apart_more: list[np.ndarray]

    def rows(self, method: str, groups: dict[str, np.ndarray], cost: Cost) -> list[Row]:
        """Errors of groups of places, each a mask over the places."""
        found = []
        for where, mask in groups.items():
            apart, more = (
                float(np.sqrt(sum(_spread(side[:, mask]) ** 2 for side in sides)))
                for sides in (self.apart, self.apart_more)
            )
            found.append(
                Row(
                    method,
                    where,
                    int(mask.sum()),
                    _rms(self.change.mean(axis=0)[mask]),
                    _spread(self.change[:, mask]),
                    _rms(self.told[:, mask]),
                    apart,
                    at_cost(cost.pair_s, (cost.apart_s, apart), (cost.apart_more_s, more)),
                )
            )
        return found


def at_cost(wanted: float, one: tuple[float, float], more: tuple[float, float]) -> float:
    """Error of runs apart at a cost, from their (cost, error) at two efforts.

    Between and beyond the two it goes as a power of the cost; where less is wanted than the first
    effort costs, its error is taken: runs apart then have cost more than the pair.
    """
    if wanted <= one[0] or more[0] <= one[0]:
        return one[1]
    slope = np.log(more[1] / one[1]) / np.log(more[0] / one[0])
    return float(one[1] * (wanted / one[0]) ** slope)


def _rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=float))))


def _spread(by_seed: np.ndarray) -> float:
    """Standard deviation over the seeds, root mean square over the rest [K]."""
    return float(np.sqrt(by_seed.astype(float).var(axis=0, ddof=1).mean()))


def with_seed(side: Simulation, seed: int) -> Simulation:
    """The same simulation with other random streams; its geometry on the device is shared."""
    other = copy.copy(side)
    other.seed, other._solver, other._field = seed, side.solver, None
    return other


def timed(work: Callable[..., Any], *given: Any) -> tuple[Any, float]:
    """What some work gives, and its CPU seconds."""
    begin = time.process_time()
    return work(*given), time.process_time() - begin


# --- maps and storeys ------------------------------------------------------------------------


def map_samples(
    sides: tuple[Simulation, Simulation], seeds: list[int]
) -> tuple[Samples, dict[str, np.ndarray], Cost]:
    """Pixels, then storeys, by pairs and by runs apart."""
    from heatmat.map_comparison import compare_maps
    from heatmat.paired_maps import RAYS

    def pair(seed: int) -> MapDifference:
        return compare_maps(*(with_seed(side, seed) for side in sides), resolution=RESOLUTION)

    def both(seed: int, rays: int | None) -> list[tuple]:
        return [whole_run(side, seed, rays) for side in sides]

    pairs, apart, more, seconds = [], [], [], []
    for seed in seeds:
        found, pair_s = timed(pair, seed)
        runs, run_s = timed(both, seed, None)
        large, large_s = timed(both, seed, RAYS)
        pairs.append(found)
        apart.append(runs)
        more.append(large)
        seconds.append((pair_s, run_s, large_s))
    # Whether a storey is exposed at all depends on where its positions fell.
    names = [_storey_names(p.walls.table) for p in pairs]
    names += [run[1] for one in (*apart, *more) for run in one]
    common = sorted(set.intersection(*(set(n) for n in names)))
    pick = [np.array([{n: i for i, n in enumerate(own)}[c] for c in common]) for own in names]
    ds = [p.ds for p in pairs]
    change = [_pixels(d["surface_temperature_change"]) for d in ds]
    told = [_pixels(d["surface_temperature_change_standard_error"]) for d in ds]
    count = len(pairs)
    change = [
        np.concatenate([c, p.walls.change[r]]) for c, p, r in zip(change, pairs, pick, strict=False)
    ]
    told = [
        np.concatenate([t, p.walls.error[r]]) for t, p, r in zip(told, pairs, pick, strict=False)
    ]
    rows = iter(pick[count:])
    by_side = [
        [np.stack(side) for side in zip(*(
            [np.concatenate([pixels, walls[next(rows)]]) for pixels, _, walls in one]
            for one in runs
        ), strict=True)]
        for runs in (apart, more)
    ]  # fmt: skip
    samples = Samples(np.stack(change), np.stack(told), *by_side)
    cost = Cost("maps", *np.median(seconds, axis=0).tolist())
    return samples, _map_groups(samples, pairs[0], pick[0]), cost


def whole_run(side: Simulation, seed: int, rays: int | None) -> tuple:
    """Pixels, names of storeys and storeys of one run apart; `rays` as in `map_effort`."""
    from heatmat.field_map import PixelGrid, gather_map
    from heatmat.field_time import series_words
    from heatmat.map_query import pixel_grid

    run = with_seed(side, seed)
    maps = run.maps
    x, y = pixel_grid(run, RESOLUTION)
    half = 0.5 * RESOLUTION
    grid = PixelGrid(
        x[0] - half - maps.origin[0], y[0] + half - maps.origin[1], RESOLUTION, x.size, y.size
    )
    found = gather_map(run.field, grid, maps.origin, seed, series_words(run.forcing), rays=rays)
    walls = run.walls()
    return found["surface_temperature"], _storey_names(walls.table), walls.temperature


def _storey_names(table: pd.DataFrame) -> list[tuple[int, float]]:
    return list(zip(table["facade"].tolist(), table["z0"].tolist(), strict=True))


def _pixels(array: Any) -> np.ndarray:
    return array.transpose("y", "x", "time").values.reshape(-1, array.sizes["time"])


def _map_groups(samples: Samples, pair: Any, storeys: np.ndarray) -> dict[str, np.ndarray]:
    roof = pair.ds["roof_fraction"].values.ravel()
    table = pair.walls.table
    pixel = np.arange(samples.change.shape[1]) < roof.size
    roof = np.concatenate([roof, np.zeros(storeys.size)])
    changed = np.concatenate([np.zeros(pixel.sum(), bool), table["changed"].to_numpy()[storeys]])
    reached = np.sqrt((samples.change.mean(axis=0) ** 2).mean(axis=1)) >= AFFECTED
    return {
        "all that changes": reached,
        "pixels that change": reached & pixel,
        "roofs that were painted": reached & pixel & (roof == 1.0),
        "ground that changes": reached & pixel & (roof == 0.0),
        "the facade": changed,
        "other walls that change": reached & ~pixel & ~changed,
    }


# --- points by paths -------------------------------------------------------------------------


def point_samples(
    sides: tuple[Simulation, Simulation], points: pd.DataFrame, seeds: list[int], paths: int
) -> tuple[Samples, dict[str, np.ndarray], Cost]:
    """The same at points that follow paths; more effort is twice the paths.

    A pair takes twice the paths: what it saves by tracing them once pays for most of that.
    """
    from heatmat.comparison import compare

    def pair(seed: int) -> Difference:
        before, after = (with_seed(side, seed) for side in sides)
        return compare(before, after, points, max_rays=2 * paths)

    def both(seed: int, paths: int) -> list[np.ndarray]:
        runs = (with_seed(side, seed) for side in sides)
        found = [run.query(points, target_error=0.0, max_rays=paths) for run in runs]
        return [result.ds["surface_temperature"].values for result in found]

    change, told, apart, more, seconds = [], [], [], [], []
    for seed in seeds:
        found, pair_s = timed(pair, seed)
        runs, run_s = timed(both, seed, paths)
        large, large_s = timed(both, seed, 2 * paths)
        change.append(found.ds["temperature_difference"].values)
        told.append(found.ds["standard_error"].values)
        apart.append(runs)
        more.append(large)
        seconds.append((pair_s, run_s, large_s))
    samples = Samples(
        np.stack(change),
        np.stack(told),
        *([np.stack(s) for s in zip(*r, strict=True)] for r in (apart, more)),
    )
    kind = points["surface"].to_numpy()
    groups = {"all points": np.ones(kind.size, bool)}
    groups |= {f"points: {name}": kind == name for name in POINTS}
    return samples, groups, Cost("paths", *np.median(seconds, axis=0).tolist())


def run(seeds: int = 4, paths: int = 256, device: str = "cpu") -> tuple[list[Row], list[Cost]]:
    """All of it; the first seed only warms up, and does not count."""
    from heatmat.simulation import Simulation

    base = Simulation(scenario(), device=device)
    facade = chosen_facade(base)
    sides = sides_of(base, facade)
    points = drawn_points(base, facade)
    map_samples(sides, [0, 1])
    point_samples(sides, points, [0], paths)
    used = list(range(100, 100 + seeds))
    rows, costs = [], []
    for samples, groups, cost in (
        map_samples(sides, used),
        point_samples(sides, points, [*used, *range(200, 200 + seeds)], paths),
    ):
        rows += samples.rows(cost.method, groups, cost)
        costs.append(cost)
    return rows, costs


def table(rows: list[Row], costs: list[Cost]) -> str:
    """Both as text."""
    lines = [
        "Roof albedo 0.2 to 0.6, one facade 0.3 to 0.5; errors of the difference [K], "
        "root mean squares",
        "",
        f"{'':28}{'places':>8}{'change':>9}{'paired':>9}{'told':>9}{'apart':>9}"
        f"{'same cost':>11}{'ratio':>7}",
    ]
    for row in rows:
        lines.append(
            f"{row.where:28}{row.places:8d}{row.change_k:9.2f}{row.paired_k:9.4f}{row.told_k:9.4f}"
            f"{row.apart_k:9.4f}{row.same_cost_k:11.4f}{row.ratio:7.1f}"
        )
    lines.append("")
    for cost in costs:
        lines.append(
            f"{cost.method}: {cost.pair_s:.2f} s of CPU time the pair, {cost.apart_s:.2f} s two "
            f"runs apart, {cost.apart_more_s:.2f} s two of more effort"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table; with --json write it to a file too."""
    parser = Parser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=output_file, help="write rows and costs here")
    parser.add_argument("--seeds", type=whole(1), default=4)
    parser.add_argument("--paths", type=whole(1), default=256, help="of a point")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    rows, costs = run(given.seeds, given.paths, given.device)
    sys.stdout.write(table(rows, costs) + "\n")
    if given.json:
        found = {
            "rows": [{**asdict(row), "ratio": row.ratio} for row in rows],
            "costs": [asdict(cost) for cost in costs],
        }
        with aside(given.json) as partial:
            partial.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
