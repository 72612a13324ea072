"""What shared rays are worth in maps, storeys and tables, and whether pairs tell their errors."""

from __future__ import annotations

import copy
import functools

import numpy as np
import pytest

import heatmat as hm
from heatmat.map_comparison import MapDifference, compare_maps
from heatmat.paired_benchmark import with_seed
from tests.block_city import (
    BRIGHT,
    X,
    Y,
    block,
    seasons,
)  # fmt: skip


def test_pairs_are_more_certain_than_runs_apart() -> None:
    """Differences at points that one bright wall shines on, paired and with different seeds."""
    before = block()
    after = before.with_interventions(BRIGHT[:1])
    x, y = np.meshgrid(X + np.arange(21.5, 33.0, 3.0), Y + np.arange(-12.0, 13.0, 6.0))
    points = {"id": [f"p{i}" for i in range(x.size)], "surface": ["ground"] * x.size,
              "x": x.ravel(), "y": y.ravel()}  # fmt: skip
    sides = []
    for seed in range(4):
        pair = [copy.copy(side) for side in (before, after)]
        for one, side in zip(pair, (before, after), strict=True):
            one.seed, one._solver = seed, side.solver
        sides.append(hm.compare(*pair, points, max_rays=128).ds)
    a, b = (np.stack([ds[f"temperature_{s}"].values for ds in sides]) for s in "ab")
    mean = (b - a).mean(axis=0)
    count = len(sides)
    paired = np.sqrt(((b - a - mean) ** 2).mean() * count / (count - 1))
    apart = np.sqrt(((b - np.roll(a, 1, axis=0) - mean) ** 2).mean())
    told = np.sqrt(np.mean([(ds["standard_error"].values ** 2).mean() for ds in sides]))
    assert apart > 3.0 * paired
    # Four seeds of twenty points: told errors within a third of the spread.
    assert told == pytest.approx(paired, rel=0.33)


def test_maps_in_pairs_are_more_certain_than_runs_apart() -> None:
    """Pixels under brighter roofs and beside them, with the rays of pairs on all sides.

    Runs apart are the two sides of pairs of different seeds: the same rays, and the same cost but
    for what is traced once. Eight seeds of 20 pixels and 24 hours: spreads to a tenth.
    """
    ds = [pair.ds for pair in _pairs()]
    change = np.stack([d["surface_temperature_change"].values for d in ds]).astype(float)
    told = np.stack([d["surface_temperature_change_standard_error"].values for d in ds])
    before = np.stack([d["surface_temperature_a"].values for d in ds]).astype(float)
    apart = before + change - np.roll(before, 1, axis=0) - change.mean(axis=0)
    reached = np.sqrt((change.mean(axis=0) ** 2).mean(axis=0)) > 0.01
    assert reached.sum() == 20
    spread = change.var(axis=0, ddof=1)[:, reached].mean()
    assert np.sqrt(np.square(apart)[:, :, reached].mean() / spread) > 4.0
    # Told errors are 0.97 to 1.03 of the spread over sixteen seeds of the embedded district.
    assert np.sqrt(np.square(told)[:, :, reached].mean() / spread) == pytest.approx(1.0, abs=0.2)


def test_storeys_in_pairs_tell_their_errors() -> None:
    """Walls that were not changed, whose replicates have halves of the field in common."""
    walls = [pair.walls for pair in _pairs()]
    keys = ["facade", "z0"]
    common = set.intersection(*(set(map(tuple, w.table[keys].to_numpy())) for w in walls))
    rows = [[tuple(row) in common for row in w.table[keys].to_numpy()] for w in walls]
    change, told = (
        np.stack([getattr(w, name)[r] for w, r in zip(walls, rows, strict=True)]).astype(float)
        for name in ("change", "error")
    )
    ratio = np.sqrt(np.square(told).mean() / change.var(axis=0, ddof=1).mean())
    # 0.76 where replicates of one half counted as independent.
    assert ratio == pytest.approx(1.0, abs=0.2)


def test_errors_of_tables_are_those_over_seeds() -> None:
    """Means of ground and of the walls of each building that were not changed, by day and night.

    One degree of freedom each: eight seeds tell a ratio of root mean squares to a third. Halves of
    the field that have all iterates but the last in common told a tenth of it at night.
    """
    tables = []
    for pair in _pairs():
        table = pair.table("building_id")
        rows = table["surface"].isin(["ground", "wall"]) & (table["period"] != "all")
        tables.append(table[rows][["change_k", "standard_error_k"]].to_numpy())
    change, told = np.moveaxis(np.stack(tables), 2, 0)
    assert change.shape[1] == 6
    spread = change.std(axis=0, ddof=1)
    ratio = np.sqrt((told**2).mean(axis=0)) / spread
    assert ((ratio > 0.4) & (ratio < 2.0)).all()
    assert 0.65 < np.sqrt((ratio**2).mean()) < 1.5


@functools.cache
def _roofs() -> tuple[hm.Simulation, hm.Simulation]:
    base = copy.copy(seasons("2023-07-14"))
    base._field = None
    roofs = {"name": "roofs", "where": {"surface": "roof"}, "set": {"albedo": 0.7}}
    return base, base.with_interventions([roofs])


@functools.cache
def _pairs() -> list[MapDifference]:
    """Brighter roofs, by eight seeds."""
    return [
        compare_maps(*(with_seed(side, seed) for side in _roofs()), resolution=10.0)
        for seed in range(8)
    ]
