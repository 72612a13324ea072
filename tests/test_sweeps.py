"""Sweeps: axes as data, and scenarios along shared rays that equal runs of their own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

import heatmat as hm
from heatmat.district_sample import PATHS, Groups, district_sample, mean_and_error
from heatmat.errors import InputError
from heatmat.map_comparison import compare_maps
from heatmat.sampling_plan import REPLICATES
from heatmat.shared_rays import SharedRays
from heatmat.solver import Solver
from heatmat.sweep_maps import sweep_maps
from heatmat.sweeps import BASE, axis_of, facade_axis, grid_of, march_sides, sweep
from heatmat.variants import join_variants, joint_labels
from tests.block_city import block, block_scenario
from tests.conftest import SEED

STARTS = 128
FACADE = {"name": "facade", "where": {"surface": "wall"}, "construction": ["wood_wall"]}
ROOF = {"name": "roof", "where": {"surface": "roof"}, "set": {"albedo": [0.2, 0.7]}}


def test_an_axis_of_constructions_and_one_of_properties() -> None:
    assert axis_of(FACADE).levels == (("wood_wall", {**FACADE, "construction": "wood_wall"}),)
    labels = [label for label, _ in axis_of(ROOF).levels]
    assert labels == ["albedo 0.2", "albedo 0.7"]
    together = axis_of({"name": "a", "set": {"albedo": [0.2, 0.4], "emissivity": 0.9}})
    assert [change["set"] for _, change in together.levels if change] == [
        {"albedo": 0.2, "emissivity": 0.9},
        {"albedo": 0.4, "emissivity": 0.9},
    ]


def test_the_grid_is_every_combination() -> None:
    names, cells = grid_of([FACADE, ROOF])
    assert names == ["facade", "roof"]
    assert [tuple(label for label, _ in cell) for cell in cells] == [
        ("wood_wall", "albedo 0.2"),
        ("wood_wall", "albedo 0.7"),
    ]


@pytest.mark.parametrize(
    "table",
    [
        {"name": "a"},
        {"name": "a", "set": {"albedo": [0.1, 0.2], "emissivity": [0.9]}},
        {"name": "a", "construction": "wood_wall", "whare": {}},
    ],
)
def test_axes_that_cannot_be(table: dict) -> None:
    with pytest.raises(InputError):
        axis_of(table)


@pytest.mark.parametrize("axes", [[], [FACADE, FACADE]])
def test_grids_that_cannot_be(axes: list) -> None:
    with pytest.raises(InputError):
        grid_of(axes)


def test_aliases_are_not_swept_twice() -> None:
    constructions = block().constructions
    swept = [label for label, _ in facade_axis(constructions).levels]
    assert len(swept) == len({constructions[name].name for name in swept})


SAME = 2e-3
"""How far a scenario of a sweep may be from its own run [K]: a run stops repeating its first day
once no mode moves by 0.05 K, a sweep always repeats it three times."""


def test_every_scenario_of_a_sweep_is_a_run_of_its_own() -> None:
    base = block()
    found = sweep(base, [FACADE, ROOF], starts=STARTS)
    assert found.labels == [(BASE, BASE), ("wood_wall", "albedo 0.2"), ("wood_wall", "albedo 0.7")]
    alone = base.with_interventions([
        {**FACADE, "construction": "wood_wall"}, {**ROOF, "set": {"albedo": 0.7}},
    ])  # fmt: skip
    requests = district_sample(base, STARTS).requests
    for row, side in ((0, base), (2, alone)):
        own = side.solver.solve(requests, PATHS)
        assert np.abs(own.values[..., 0] - found.temperature[row])[own.valid].max() < SAME


def test_versions_side_by_side_of_wet_and_mixed_surfaces() -> None:
    """Lawns that evaporate, facades of three materials; ground under all of the light."""
    physics = {"longwave_linearisation": "air", "ground_reflection": "unshaded"}
    folder = Path(tempfile.mkdtemp(prefix="heatmat-tests-versions-"))
    base = hm.Simulation(block_scenario(folder, physics=physics), device="cpu", seed=SEED)
    changes = [
        [{"name": "lawn", "where": {"surface": "ground"}, "construction": "grass"}],
        [{"name": "mixed", "where": {"surface": "wall"},
          "share": {"wood_wall": 0.5, "glass_curtain_wall": 0.2}}],
    ]  # fmt: skip
    sides = [base, *(base.with_interventions(change) for change in changes)]
    _, temperature = march_sides(base, sides, STARTS, PATHS)
    requests = district_sample(base, STARTS).requests
    for row, side in enumerate(sides):
        own = side.solver.solve(requests, PATHS)
        assert np.abs(own.values[..., 0] - temperature[row])[own.valid].max() < SAME


def test_a_version_does_not_depend_on_those_beside_it() -> None:
    base = block()
    roofs = [base.with_interventions([{**ROOF, "set": {"albedo": a}}]) for a in (0.2, 0.5, 0.8)]
    _, few = march_sides(base, [base, roofs[2]], STARTS, PATHS)
    _, many = march_sides(base, [base, *roofs, base] * 4, STARTS, PATHS)  # a second block
    assert np.array_equal(few[0], many[0]) and np.array_equal(few[0], many[19])
    assert np.array_equal(few[1], many[3]) and np.array_equal(few[1], many[18])


def test_twenty_facades_trace_once_and_march_sixteen_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a sweep costs, counted: the rays of one scenario, and a march for sixteen of them.

    The paths of 20 facades and of the city as it is are those of any of them alone, and they march
    in two goes.
    """
    base = block()
    traced, marched = [], []
    trace, march = Solver._trace, SharedRays._march_block

    def counted(self, requests, rays):
        traced.append(len(requests) * rays)
        return trace(self, requests, rays)

    def block_of(self, *given):
        marched.append(type(self))
        return march(self, *given)

    monkeypatch.setattr(Solver, "_trace", counted)
    monkeypatch.setattr(SharedRays, "_march_block", block_of)
    albedos = list(np.linspace(0.1, 0.6, 20).round(3))
    axis = {"name": "paint", "where": {"surface": "wall"}, "set": {"albedo": albedos}}
    found = sweep(base, [axis], starts=STARTS)
    assert found.temperature.shape[0] == 21
    batches = len(traced)
    assert len(marched) == 2 * batches
    together = sum(traced)
    traced.clear()
    base.solver.solve(district_sample(base, STARTS).requests, PATHS)
    assert together == sum(traced) > 0


def test_means_and_changes_of_a_sweep() -> None:
    found = sweep(block(), [ROOF], starts=STARTS)
    change, error = found.changes()
    roof = found.groups.names.index("roof")
    assert np.all(change[0] == 0.0) and np.all(error[0] == 0.0)
    # 0.7 in place of bitumen's 0.07: far cooler at noon.
    assert change[2, roof].min() < -20.0
    frame = found.to_dataframe()
    assert len(frame) == 3 * len(found.groups.names) * found.times.size
    assert {"roof", "group", "time", "change_k", "change_standard_error_k"} <= set(frame.columns)


def test_the_sample_knows_the_areas() -> None:
    found = sweep(block(), [ROOF], starts=512)
    area = dict(zip(found.groups.names, found.groups.areas(), strict=True))
    # Ring 40 x 30 - 16 x 12 and house 12 x 12; walls 12 m and 9 m high; 100 x 80 m in all. One
    # point in each of the cells of a jittered grid: within half of the cells that an edge crosses.
    assert area["roof"] == pytest.approx(1152.0, rel=0.1)
    assert area["ground"] + area["roof"] == pytest.approx(8000.0, rel=1e-6)
    assert area["wall"] == pytest.approx(12.0 * (140.0 + 56.0) + 9.0 * 48.0, rel=1e-3)


def test_labels_of_versions() -> None:
    base = block()
    other = base.with_interventions([{**FACADE, "construction": "wood_wall"}])
    labels, index = joint_labels([base.maps, other.maps])
    for rows, side in zip(index, (base, other), strict=True):
        for name, joint in labels.items():
            assert np.array_equal(rows[joint], getattr(side.maps, name))
    both = join_variants([base, other])
    assert [len(rows) for rows in both.compositions] == [len(both.case.compositions)] * 2


def test_versions_must_come_from_one_simulation() -> None:
    base = block()
    stranger = base.with_interventions([])
    stranger.forcing = type(base.forcing)(**vars(base.forcing))
    with pytest.raises(InputError, match="one simulation"):
        join_variants([base, stranger])


def test_means_by_replicate_leave_out_what_is_invalid() -> None:
    replicate = np.arange(16) % REPLICATES
    area = np.ones(16)
    area[0] = 0.0
    values = np.arange(16.0)[:, None]
    values[0] = np.nan
    groups = Groups(["all"], np.ones((1, 16), bool), area, replicate)
    assert groups.by_replicate(values)[0, 0, 0] == 8.0  # not the mean with row 0
    mean, error = mean_and_error(np.array([[1.0], [3.0]]))
    assert mean[0] == 2.0 and error[0] == pytest.approx(1.0)


def test_maps_of_a_grid_are_those_of_its_members_compared_and_can_be_resumed() -> None:
    base = block()
    axis = {**ROOF, "set": {"albedo": [0.2, 0.7]}}
    first, second = [
        (member.name, member.label, member.difference.ds["surface_temperature_change"].to_numpy())
        for member in sweep_maps(base, [axis], resolution=10.0)
    ]
    assert (first[0], second[1]) == ("001-albedo_0.2", ("albedo 0.7",))
    alone = base.with_interventions([{**ROOF, "set": {"albedo": 0.7}}])
    own = compare_maps(base, alone, resolution=10.0).ds["surface_temperature_change"].to_numpy()
    assert np.array_equal(second[2], own, equal_nan=True)
    assert np.nanmin(second[2]) < -5.0  # of roofs in the sun
    asked: list[str] = []
    done = sweep_maps(base, [axis], finished=lambda name: not asked.append(name))
    assert list(done) == []
    assert asked == [first[0], second[0]]
