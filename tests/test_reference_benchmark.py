"""The comparison with the 3D side: its scenes, its arithmetic, and a small run of all of it."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import shapely

from heatmat.reference.solver import Answer
from heatmat.reference_benchmark import HOURS, Effort, run_reference_benchmark
from heatmat.reference_fast import Curve
from heatmat.reference_report import as_table, draw, with_tables
from heatmat.reference_scenes import FROM_EDGES, scenes
from heatmat.reference_side_by_side import speed
from heatmat.reference_slow import Costs, _variance, follow_to
from heatmat.reference_time_shares import shares_3d, with_embree

SCENE_KEYS = {
    "name", "probes", "mean_abs_difference_k", "mean_difference_k", "max_abs_difference_k",
    "seconds_2_5d", "seconds_3d", "speedup_at_equal_error", "speedup_at_equal_error_day",
    "speedup_with_embree_rays", "setup_seconds_2_5d", "setup_seconds_3d", "extrapolated",
}  # fmt: skip


def test_probes_keep_from_edges_or_are_told_apart() -> None:
    found = scenes()
    assert sum(not p.at_edge for s in found for p in s.probes) >= 30
    for scene in found:
        shapes = list(scene.city.buildings.geometry)
        heights = list(scene.city.buildings["height"])
        kinds = {p.surface for p in scene.probes if not p.at_edge}
        assert kinds == {"ground", "roof", "wall"}
        corners = shapely.MultiPoint(
            [c for s in shapes for c in shapely.get_coordinates(s.simplify(0.01))]
        )
        for probe in scene.probes:
            point = shapely.Point(probe.x, probe.y)
            if probe.surface == "wall":
                gaps = [shape.exterior.distance(point) for shape in shapes]
                gaps += [hole.distance(point) for shape in shapes for hole in shape.interiors]
                assert min(gaps) < 0.01
                near = corners.distance(point)
                top = min(
                    abs(h - probe.z)
                    for s, h in zip(shapes, heights, strict=True)
                    if s.distance(point) < 0.01
                )
                assert (min(near, top, probe.z) >= FROM_EDGES) == (not probe.at_edge)
            elif probe.surface == "ground":
                assert all(shape.distance(point) >= FROM_EDGES for shape in shapes)


def test_time_to_an_error_is_read_from_the_curve() -> None:
    error = np.array([[[0.4], [0.05]], [[0.2], [0.04]], [[0.05], [0.03]]])
    curve = Curve(np.array([1, 2, 4]), np.array([1e-3, 2e-3, 4e-3]), error)
    seconds, reached = curve.seconds_to(0.1, error[:, :, 0])
    # Half way from 0.2 to 0.05 in the logarithm; the other probe is good enough at once.
    assert seconds == pytest.approx([np.sqrt(8.0) * 1e-3, 1e-3])
    assert reached.all()
    seconds, reached = curve.seconds_to(0.04, error[:, :, 0])
    assert reached.tolist() == [False, True] and np.isnan(seconds[0])


def test_faster_rays_shorten_only_the_rays() -> None:
    counts = {"rays": 60, "solid_rays": 40, "shadow_rays": 100, "steps": 1000}
    rates = {
        "closest": 2e-3, "any": 1e-3, "step": 5e-4, "embree_closest": 1e-3, "embree_any": 0.5e-3,
    }  # fmt: skip
    shares = shares_3d(counts, 1.0, rates)
    assert shares["rays"] == pytest.approx(0.2) and shares["shadow_rays"] == pytest.approx(0.1)
    assert shares["conduction"] == pytest.approx(0.5) and shares["rest"] == pytest.approx(0.2)
    assert with_embree(100.0, shares) == pytest.approx(85.0)
    ours = {"closest": 1e-3, "any": 1e-3, "step": 1e-4}
    assert with_embree(100.0, shares_3d(counts, 1.0, ours)) is None


def test_a_small_run_agrees_and_reports(tmp_path: Path) -> None:
    effort = Effort(
        quick=True, agreement_error=0.25, most_paths=4096, cost_paths=32, sizes=(4, 16),
        plain_numbers_of="",
    )  # fmt: skip
    stages: list[str] = []
    found = run_reference_benchmark(effort=effort, progress=lambda stage, *_: stages.append(stage))
    assert stages[-1] == "reference"
    (scene,) = found["scenes"]
    assert set(scene) >= SCENE_KEYS
    assert scene["probes"] == 4 and scene["lost_paths"] < 1e-3
    # 16 differences of 0.2 K each at one sigma, and up to 1 K in the ten minutes after a shadow.
    assert abs(scene["mean_difference_k"]) < 0.2 and scene["mean_abs_difference_k"] < 0.4
    assert scene["speedup_at_equal_error"] > 1.0 and scene["speedup_at_equal_error_day"] > 1.0
    # A call has a cost of its own, which fewer queries share.
    assert scene["asked"]["alone"]["seconds_2_5d"] > scene["seconds_2_5d"]
    # A small run follows nobody to 0.1 K, and says so.
    assert scene["extrapolated"] and "follow from their variance" in as_table(found)
    for shares in (scene["time_shares_2_5d"], scene["time_shares_3d"]["day"]):
        named = [v for k, v in shares.items() if k != "rays_by_embree"]
        assert sum(named) == pytest.approx(1.0)
    hot = found["fourth_power"]
    # Linear longwave emits too little from hot walls: they are warmer, by under half a kelvin.
    assert 0.0 < hot["linear_minus_fourth_power_2_5d_k"]["mean"] < 0.5
    assert "street canyon" in as_table(found)
    assert all(path.stat().st_size > 1000 for path in draw(copy.deepcopy(found), tmp_path))
    text = with_tables(found, "words\n<!-- summary -->\nold\n<!-- /summary -->\nmore\n")
    assert "| street canyon | 4 |" in text and "old" not in text and text.endswith("more\n")


def answer_of(replicates: np.ndarray, paths: int) -> Answer:
    mean = replicates.mean(axis=1)
    return Answer(mean, replicates, np.full_like(mean, 100.0), paths, {})


def test_variance_of_a_path_is_that_of_the_scrambles_times_the_paths_of_one() -> None:
    # Means of 50 paths each, off by +-0.4 K in turn: 16/15 x 0.16 K2 x 50 paths.
    replicates = 300.0 + 0.4 * np.where(np.arange(16) % 2, 1.0, -1.0)[None, :, None]
    found = _variance([answer_of(replicates, 800)] * 2)
    assert found == pytest.approx(np.full((1, 1), 16.0 / 15.0 * 0.16 * 50.0))


def test_times_to_equal_error_are_cost_times_paths_over_the_probes() -> None:
    """Two probes; the second does not come to 0.1 K at any hour, so it counts on neither side."""
    error = np.full((2, 2, 24), 0.4)
    error[1, 0], error[1, 1] = 0.025, 0.2
    curve = Curve(np.array([4, 64]), np.array([1e-3, 16e-3]), error)
    hours = len(HOURS)
    costs = Costs(
        seconds=np.full(hours, 1e-5), seconds_day=4e-5,
        variance=np.array([[100.0] * hours, [400.0] * hours]),
        variance_day=np.array([150.0, 500.0]),
        noon=answer_of(np.zeros((2, 16, 1)), 16), day=answer_of(np.zeros((2, 16, 1)), 16),
    )  # fmt: skip
    found = speed(curve, costs, 0.1)
    # Half way between the sizes in the logarithms; 100 K2 / 0.01 K2 paths of 10 us, or 15000 of 40.
    assert found["seconds_2_5d"] == pytest.approx(4e-3)
    assert found["seconds_3d"] == pytest.approx(0.1)
    assert found["speedup"] == pytest.approx(25.0)
    assert found["seconds_2_5d_day"] == pytest.approx(4e-3)
    assert found["seconds_3d_day"] == pytest.approx(0.6)
    assert found["speedup_day"] == pytest.approx(150.0)
    assert found["seconds_3d_day_24_runs"] == pytest.approx(24 * 0.1)
    assert found["probes_left_out"] == 1
    # At 0.2 K both count, with a quarter of the paths.
    both = speed(curve, costs, 0.2)
    assert both["probes_left_out"] == 0
    assert both["seconds_3d"] == pytest.approx(0.25 * (0.1 + 0.4))


def test_following_takes_as_many_paths_as_the_error_asks_for() -> None:
    hours = len(HOURS)
    costs = Costs(
        seconds=np.full(hours, 1e-5), seconds_day=4e-5,
        variance=np.full((2, hours), 160.0), variance_day=np.full(2, 320.0),
        noon=answer_of(np.zeros((2, 16, 1)), 16), day=answer_of(np.zeros((2, 16, 1)), 16),
    )  # fmt: skip
    asked = []

    class Side:
        def ask(self, rows, hours, paths, first):  # type: ignore[no-untyped-def]
            asked.append((len(rows), len(hours), paths))
            spread = 0.4 * np.where(np.arange(16) % 2, 1.0, -1.0)[None, :, None]
            return answer_of(np.repeat(spread, len(hours), axis=2), 16 * paths), 0.5

    single, day = follow_to(Side(), np.arange(2), costs, 0.1)  # type: ignore[arg-type]
    # 160 / 0.01 paths in 16 scrambles, for each probe and hour; twice as many for the day.
    assert asked == [(1, 1, 1000)] * 2 * hours + [(1, 24, 2000)] * 2
    assert single["paths"] == 2 * 16000 and day["paths"] == 2 * 32000
    assert single["seconds"] == pytest.approx(0.32) and day["seconds"] == pytest.approx(2.56)
    assert single["seconds_of_this_run"] == pytest.approx(1.0)
    # 16 scrambles off by +-0.4 K.
    assert single["standard_error_k"] == pytest.approx(np.sqrt(16.0 / 15.0) * 0.1)
