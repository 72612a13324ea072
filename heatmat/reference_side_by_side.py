"""One scene on both sides: temperatures, times to equal error, and where the time goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from heatmat.reference_benchmark import HOURS, TARGETS, Clock, Effort, apart
from heatmat.reference_fast import Curve, FastSide
from heatmat.reference_scenes import Scene
from heatmat.reference_slow import SCRAMBLES, Costs, SlowSide, costs_of, follow_to
from heatmat.reference_time_shares import (
    rates_of_paths,
    shares_2_5d,
    shares_3d,
    with_embree,
)
from heatmat.simulation import Simulation
from heatmat.units import KELVIN

TRUTH_RAYS = 1 << 16
"""Most paths of a probe behind the 2.5D side's best temperatures."""

HEADLINE = 0.1
"""Error at which the headline's times are taken, and to which the 3D side goes all the way [K]."""


def measure_scene(scene: Scene, device: str, seed: int, effort: Effort) -> dict[str, Any]:
    """Everything about one scene; see docs/reference.md for the keys."""
    wall = Clock("wall")
    simulation = Simulation(scene.scenario(), device=device, seed=seed)
    device = simulation.solver.device
    probes = list(scene.probes)
    inner, _ = apart(scene.probes)
    setup_2_5d = _setup_seconds(scene, device, seed)
    fast = FastSide(simulation, probes, seed)
    slow = SlowSide(scene, simulation, probes, device)
    truth, truth_error = fast.truth(effort.agreement_error, TRUTH_RAYS)
    found = temperatures(scene, slow, truth, truth_error, effort)
    asked = FastSide(simulation, [probes[i] for i in inner], seed)
    curve = asked.curve(truth[inner], truth_error[inner], list(effort.sizes))
    costs = costs_of(slow, inner, effort.cost_paths)
    at_errors = {f"{target:g}": speed(curve, costs, target) for target in TARGETS}
    head = at_errors[f"{HEADLINE:g}"]
    if not effort.quick:
        _go_all_the_way(head, slow, inner, curve, costs)
    rates = rates_of_paths(slow)
    shares = {
        name: shares_3d(answer.counts, seconds * answer.paths * inner.size, rates)
        for name, answer, seconds in (
            ("instant", costs.noon, costs.seconds[HOURS.index(12)]),
            ("day", costs.day, costs.seconds_day),
        )
    }
    gain = (head["seconds_3d"] - head["seconds_2_5d"]) / inner.size
    found |= {
        "seconds_2_5d": head["seconds_2_5d"],
        "seconds_3d": head["seconds_3d"],
        "speedup_at_equal_error": head["speedup"],
        "speedup_at_equal_error_day": head["speedup_day"],
        "speedup_with_embree_rays": with_embree(head["speedup"], shares["instant"]),
        "speedup_day_with_embree_rays": with_embree(head["speedup_day"], shares["day"]),
        "setup_seconds_2_5d": setup_2_5d,
        "setup_seconds_3d": slow.setup_seconds,
        "break_even_queries": max(0.0, (setup_2_5d - slow.setup_seconds) / max(gain, 1e-12)),
        # Never the 2.5D side; the 3D side where its paths were not followed to the headline.
        "extrapolated": "followed" not in head,
        "at_errors": at_errors,
        "asked": _asked(asked, curve, costs),
        "cost_3d": _describe(costs, inner.size),
        "curve_2_5d": {
            "paths": curve.paths.tolist(),
            "seconds": curve.seconds.tolist(),
            "rms_error_k": np.sqrt((curve.error**2).mean(axis=(1, 2))).tolist(),
        },
        "rays_per_second_3d": {
            name: 1.0 / seconds for name, seconds in rates.items() if name != "step"
        },
        "steps_per_second_3d": 1.0 / max(rates["step"], 1e-12),
        "time_shares_3d": shares,
        "time_shares_2_5d": shares_2_5d(asked),
        "triangles": len(slow.mesh.faces),
        "buildings": len(scene.city.buildings),
    }
    if effort.plain_numbers_of == scene.name:
        found["quasi_random"] = _plain_numbers(
            scene, curve, truth[inner], truth_error[inner], device, seed, effort
        )
    simulation.close()
    found["wall_seconds"] = wall.read()
    return found


def _setup_seconds(scene: Scene, device: str, seed: int) -> float:
    """Maps, weather and device arrays of the 2.5D side, kernels compiled before [s]."""
    clock = Clock(device)
    with Simulation(scene.scenario(), device=device, seed=seed) as simulation:
        FastSide(simulation, list(scene.probes[:1]), seed)
    return clock.read()


def temperatures(
    scene: Scene, slow: SlowSide, truth: np.ndarray, truth_error: np.ndarray, effort: Effort
) -> dict[str, Any]:
    """Both sides' temperatures at `HOURS`, to the error asked for.

    Parameters
    ----------
    truth, truth_error : ndarray, shape (probes, 24)
        Of the 2.5D side [K].
    """
    inner, at_edges = apart(scene.probes)
    rows = np.arange(len(scene.probes))
    pilot, _ = slow.ask(rows, HOURS, 64, 50)
    need = pilot.path_variance.max(axis=1).mean() / effort.agreement_error**2
    paths = int(np.clip(need, 1024, effort.most_paths))
    answer, _ = slow.ask(rows, HOURS, -(-paths // SCRAMBLES), 100)
    index = np.array(HOURS) - 1
    difference = truth[:, index] - answer.mean
    combined = np.hypot(truth_error[:, index], answer.error)
    table = [
        {
            "probe": probe.name,
            "surface": probe.surface,
            "at_edge": probe.at_edge,
            "x_m": probe.x,
            "y_m": probe.y,
            "z_m": probe.z,
            "temperature_2_5d_c": (truth[i, index] - KELVIN).round(4).tolist(),
            "temperature_3d_c": (answer.mean[i] - KELVIN).round(4).tolist(),
            "difference_k": difference[i].round(4).tolist(),
            "combined_error_k": combined[i].round(4).tolist(),
        }
        for i, probe in enumerate(scene.probes)
    ]
    kinds = {
        kind: _moments(difference[[i for i in inner if scene.probes[i].surface == kind]])
        for kind in sorted({scene.probes[i].surface for i in inner})
    }
    whole = _moments(difference[inner])
    return {
        "name": scene.name,
        **whole,
        "combined_error_k": float(np.sqrt((combined[inner] ** 2).mean())),
        "by_surface": kinds,
        "at_edges": _moments(difference[at_edges]) if at_edges.size else None,
        "lost_paths": answer.counts["lost"] / (answer.paths * rows.size),
        "rays_past_the_rim_a_path": answer.counts["past_rim"] / (answer.paths * rows.size),
        "table": table,
    }


def _moments(difference: np.ndarray) -> dict[str, Any]:
    """Of differences of shape (probes, hours) [K]."""
    return {
        "probes": len(difference),
        "mean_abs_difference_k": float(np.abs(difference).mean()),
        "mean_difference_k": float(difference.mean()),
        "max_abs_difference_k": float(np.abs(difference).max()),
    }


def speed(curve: Curve, costs: Costs, target: float) -> dict[str, Any]:
    """Seconds on both sides at one error, summed over the probes.

    The 3D side's are its paths' variance over the square of the error, times what a path costs.
    Probes that the 2.5D side does not bring to the error within its largest size count on neither
    side, and are told: nothing of that side is extrapolated.
    """
    fast, slow, left_out = [], [], 0
    for k, hour in enumerate(HOURS):
        seconds, reached = curve.seconds_to(target, curve.error[:, :, hour - 1])
        fast.append(seconds[reached].sum())
        slow.append((costs.variance[reached, k] / target**2).sum() * costs.seconds[k])
        left_out = max(left_out, int((~reached).sum()))
    day, reached = curve.seconds_to(target, np.sqrt((curve.error**2).mean(axis=2)))
    left_out = max(left_out, int((~reached).sum()))
    fast_day = float(day[reached].sum())
    slow_day = float((costs.variance_day[reached] / target**2).sum() * costs.seconds_day)
    runs = float(
        np.sum([(v[reached] / target**2).sum() * c
                for v, c in zip(costs.variance.T, costs.seconds, strict=True)])
    ) / len(HOURS) * 24.0  # fmt: skip
    fast_one, slow_one = float(np.mean(fast)), float(np.mean(slow))
    return {
        "seconds_2_5d": fast_one,
        "seconds_3d": slow_one,
        "speedup": slow_one / max(fast_one, 1e-12),
        "seconds_2_5d_day": fast_day,
        "seconds_3d_day": slow_day,
        "speedup_day": slow_day / max(fast_day, 1e-12),
        "seconds_3d_day_24_runs": runs,
        "speedup_day_24_runs": runs / max(fast_day, 1e-12),
        "probes_left_out": left_out,
    }


def _go_all_the_way(
    head: dict[str, Any], slow: SlowSide, rows: np.ndarray, curve: Curve, costs: Costs
) -> None:
    """Replace the predicted times of the 3D side by those of runs that came to the error."""
    single, day = follow_to(slow, rows, costs, HEADLINE)
    head["predicted_seconds_3d"] = head["seconds_3d"]
    head["predicted_seconds_3d_day"] = head["seconds_3d_day"]
    head["followed_3d"], head["followed_3d_day"] = single, day
    if head["probes_left_out"]:
        return
    head["followed"] = True
    head["seconds_3d"], head["seconds_3d_day"] = single["seconds"], day["seconds"]
    head["speedup"] = single["seconds"] / head["seconds_2_5d"]
    head["speedup_day"] = day["seconds"] / head["seconds_2_5d_day"]


def _asked(fast: FastSide, curve: Curve, costs: Costs) -> dict[str, Any]:
    """The headline's times where the 2.5D side gets fewer queries in one call."""
    together, alone = fast.seconds_asked(curve.paths.tolist())
    return {
        "one_batch": speed(replace(curve, seconds=together), costs, HEADLINE),
        "alone": speed(replace(curve, seconds=alone), costs, HEADLINE),
    }


def _plain_numbers(
    scene: Scene,
    curve: Curve,
    truth: np.ndarray,
    truth_error: np.ndarray,
    device: str,
    seed: int,
    effort: Effort,
) -> dict[str, Any]:
    """What the 2.5D side owes to quasi-random numbers: errors at the same sizes without them."""
    from heatmat.reference_plain import plain_errors

    plain = plain_errors(
        scene.name, truth, truth_error, curve.paths.tolist(),
        quick=effort.quick, device=device, seed=seed,
    )  # fmt: skip
    quasi = np.sqrt((curve.error**2).mean(axis=(1, 2)))
    seconds = [
        float(np.exp(np.interp(np.log(1.0 / HEADLINE), np.log(1.0 / np.asarray(rms)),
                               np.log(curve.seconds))))
        for rms in (quasi, plain)
    ]  # fmt: skip
    return {
        "paths": curve.paths.tolist(),
        "rms_error_k": quasi.tolist(),
        "rms_error_plain_k": plain,
        "seconds_plain_over_quasi": seconds[1] / seconds[0],
    }


def _describe(costs: Costs, probes: int) -> dict[str, Any]:
    """Costs of the 3D side in words."""
    return {
        "hours": list(HOURS),
        "seconds_a_path": costs.seconds.tolist(),
        "seconds_a_path_day": costs.seconds_day,
        "deviation_of_a_path_k": np.sqrt(costs.variance.mean(axis=0)).tolist(),
        "deviation_of_a_path_day_k": float(np.sqrt(costs.variance_day.mean())),
        "deviation_by_plain_statistics_k": float(np.sqrt(costs.noon.path_variance.mean())),
        "events_a_path": {
            name: count / (costs.noon.paths * probes) for name, count in costs.noon.counts.items()
        },
        "events_a_path_day": {
            name: count / (costs.day.paths * probes) for name, count in costs.day.counts.items()
        },
    }
