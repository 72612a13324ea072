"""One scene on both sides: temperatures, times to equal error, and where the time goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from heatmat.reference_benchmark import HOURS, TARGETS, Clock, Effort, apart
from heatmat.reference_fast import SCRAMBLES, Curve, FastSide
from heatmat.reference_scenes import Probe, Scene
from heatmat.simulation import Simulation

TRUTH_RAYS = 1 << 16
"""Most paths of a probe behind the 2.5D side's best temperatures."""


class SlowSide:
    """Probes of one scene in the 3D solver.

    Parameters
    ----------
    scene : Scene
    simulation : Simulation
        Its weather and the turn of its grid.
    probes : list of Probe
    device : str
    """

    def __init__(self, scene: Scene, simulation: Simulation, probes: list[Probe], device: str):
        from heatmat.reference.climate import climate_of
        from heatmat.reference.solver import ReferenceSolver

        origin = tuple(simulation.maps.origin)
        scenario = simulation.scenario
        clock = Clock(device)
        self.mesh = scene.mesh(origin)
        known = scenario.constructions()
        self.climate = climate_of(
            simulation.forcing, scenario.physics(), simulation.maps.convergence_deg
        )
        self.solver = ReferenceSolver(
            self.mesh, [known[name] for name in self.mesh.constructions], self.climate,
            device=device,
        )  # fmt: skip
        self.setup_seconds = clock.read()
        self.points = np.array([[p.x - origin[0], p.y - origin[1], p.z] for p in probes])
        self.normals = np.array([p.normal for p in probes])
        self.faces, self.points = self.solver.faces_at(self.points, self.normals)
        self.device = device

    def stamps(self, hours: np.ndarray) -> np.ndarray:
        """Stamps of local hours of the day."""
        return np.asarray(hours) * round(3600.0 / self.climate.step)

    def ask(self, rows: np.ndarray, stamps: np.ndarray, paths: int, **more: Any) -> tuple:
        """Answer at some probes and its processor seconds."""
        keys = (rows.astype(np.uint32) + 1) * np.uint32(0x9E3779B1)
        clock = Clock(self.device)
        answer = self.solver.solve(
            self.faces[rows], self.points[rows], stamps, paths, keys=keys, **more
        )
        return answer, clock.read()


def measure_scene(scene: Scene, device: str, seed: int, effort: Effort) -> dict[str, Any]:
    """Everything about one scene; see docs/reference.md for the keys."""
    clock = Clock("wall")
    simulation = Simulation(scene.scenario(), device=device, seed=seed)
    device = simulation.solver.device
    fast_setup = Clock(device)
    probes = list(scene.probes)
    inner, at_edges = apart(scene.probes)
    with Simulation(scene.scenario(), device=device, seed=seed) as again:
        again.solver.place(FastSide(again, probes[:1], seed).places)
        setup_2_5d = fast_setup.read()
    fast = FastSide(simulation, probes, seed)
    slow = SlowSide(scene, simulation, probes, device)
    every = np.arange(1, 25)
    truth, truth_error = fast.truth(effort.agreement_error, TRUTH_RAYS)
    found = _temperatures(scene, slow, truth, truth_error, effort, inner, at_edges)
    curve = FastSide(simulation, [probes[i] for i in inner], seed).curve(
        truth[inner], truth_error[inner], list(effort.sizes)
    )
    costs = _costs(slow, inner, effort, every)
    speed = _speed(curve, costs)
    rates = _rates(slow)
    shares_3d = _breakdown(costs, rates)
    found |= {
        "seconds_2_5d": speed["0.1"]["seconds_2_5d"],
        "seconds_3d": speed["0.1"]["seconds_3d"],
        "speedup_at_equal_error": speed["0.1"]["speedup"],
        "speedup_at_equal_error_day": speed["0.1"]["speedup_day"],
        "speedup_with_embree_rays": _with_embree(speed["0.1"]["speedup"], shares_3d, "instant"),
        "speedup_day_with_embree_rays": _with_embree(speed["0.1"]["speedup_day"], shares_3d, "day"),
        "setup_seconds_2_5d": setup_2_5d,
        "setup_seconds_3d": slow.setup_seconds,
        "break_even_queries": _break_even(setup_2_5d, slow.setup_seconds, speed["0.1"], inner),
        "extrapolated": bool(not speed["0.1"]["reached"]),
        "at_errors": speed,
        "cost_3d": costs["plain"],
        "curve_2_5d": {
            "paths": curve.paths.tolist(),
            "seconds": curve.seconds.tolist(),
            "rms_error_k": np.sqrt((curve.error**2).mean(axis=(1, 2))).tolist(),
        },
        "rays_per_second": {k: 1.0 / v for k, v in rates.items()},
        "time_shares_3d": shares_3d,
        "time_shares_2_5d": _engine_shares(fast, inner, seed),
        "followed_to_0_1_k": _whole(slow, inner, effort, costs),
        "triangles": len(slow.mesh.faces),
        "buildings": len(scene.city.buildings),
        "quasi_random_3d": _plain_numbers(slow, inner, effort, costs),
    }
    simulation.close()
    found["wall_seconds"] = clock.read()
    return found


# -- temperatures -----------------------------------------------------------------------------------


def _temperatures(
    scene: Scene,
    slow: SlowSide,
    truth: np.ndarray,
    truth_error: np.ndarray,
    effort: Effort,
    inner: np.ndarray,
    at_edges: np.ndarray,
) -> dict[str, Any]:
    """Both sides' temperatures at `HOURS`, to the error asked for."""
    hours = np.array(HOURS)
    stamps = slow.stamps(hours)
    rows = np.arange(len(scene.probes))
    pilot, _ = slow.ask(rows, stamps, 256)
    need = pilot.path_variance.max(axis=1) / effort.agreement_error**2
    paths = int(np.clip(need.max(), 1024, effort.most_paths))
    answer, _ = slow.ask(rows, stamps, -(-paths // 16), first_replicate=100)
    index = hours - 1
    difference = truth[:, index] - answer.mean
    combined = np.hypot(truth_error[:, index], answer.error)
    table = [
        {
            "probe": probe.name,
            "surface": probe.surface,
            "at_edge": probe.at_edge,
            "x_m": probe.x, "y_m": probe.y, "z_m": probe.z,
            "temperature_2_5d_c": (truth[i, index] - 273.15).round(4).tolist(),
            "temperature_3d_c": (answer.mean[i] - 273.15).round(4).tolist(),
            "difference_k": difference[i].round(4).tolist(),
            "combined_error_k": combined[i].round(4).tolist(),
        }
        for i, probe in enumerate(scene.probes)
    ]  # fmt: skip
    kinds = {}
    for kind in ("wall", "roof", "ground"):
        some = np.array([i for i in inner if scene.probes[i].surface == kind], int)
        if some.size:
            kinds[kind] = {
                "probes": int(some.size),
                "mean_abs_difference_k": float(np.abs(difference[some]).mean()),
                "mean_difference_k": float(difference[some].mean()),
            }
    kept = difference[inner]
    found = {
        "name": scene.name,
        "probes": int(inner.size),
        "mean_abs_difference_k": float(np.abs(kept).mean()),
        "mean_difference_k": float(kept.mean()),
        "max_abs_difference_k": float(np.abs(kept).max()),
        "combined_error_k": float(np.sqrt((combined[inner] ** 2).mean())),
        "by_surface": kinds,
        "lost_paths": answer.counts["lost"] / (answer.paths * len(rows)),
        "paths_past_the_rim": answer.counts["past_rim"] / (answer.paths * len(rows)),
        "table": table,
    }
    if at_edges.size:
        found["at_edges"] = {
            "probes": int(at_edges.size),
            "mean_abs_difference_k": float(np.abs(difference[at_edges]).mean()),
            "mean_difference_k": float(difference[at_edges].mean()),
            "max_abs_difference_k": float(np.abs(difference[at_edges]).max()),
        }
    return found


# -- speed ------------------------------------------------------------------------------------------


def _costs(slow: SlowSide, rows: np.ndarray, effort: Effort, every: np.ndarray) -> dict[str, Any]:
    """Seconds a path and variance of a path: single instants at `HOURS`, and the day replayed."""
    single = []
    slow.ask(rows, slow.stamps(np.array(HOURS[:1])), 8)
    for hour in HOURS:
        answer, seconds = slow.ask(
            rows, slow.stamps(np.array([hour])), effort.cost_paths, first_replicate=200
        )
        single.append((answer, seconds / (answer.paths * len(rows))))
    slow.ask(rows, slow.stamps(every), 8)
    day, seconds = slow.ask(rows, slow.stamps(every), effort.cost_paths, first_replicate=300)
    day_cost = seconds / (day.paths * len(rows))
    # Variance of the mean of scrambles times paths: what quasi-random numbers save is in it.
    variance = np.stack([a.error[:, 0] ** 2 * a.paths for a, _ in single], axis=1)
    variance_day = (day.error**2 * day.paths).mean(axis=1)
    return {
        "single": single,
        "day": (day, day_cost),
        "variance": variance,
        "variance_day": variance_day,
        "cost": np.array([cost for _, cost in single]),
        "cost_day": day_cost,
        "plain": {
            "seconds_a_path": [float(cost) for _, cost in single],
            "seconds_a_path_day": float(day_cost),
            "deviation_of_a_path_k": np.sqrt(variance.mean(axis=0)).tolist(),
            "deviation_of_a_path_day_k": float(np.sqrt(variance_day.mean())),
            "events_a_path": {
                name: count / (single[2][0].paths * len(rows))
                for name, count in single[2][0].counts.items()
            },
            "events_a_path_day": {
                name: count / (day.paths * len(rows)) for name, count in day.counts.items()
            },
        },
    }


def _speed(curve: Curve, costs: dict[str, Any]) -> dict[str, Any]:
    """Seconds on both sides at each error, summed over the probes."""
    index = np.array(HOURS) - 1
    found = {}
    for target in TARGETS:
        # Single instants: mean over the hours of the sum over the probes.
        slow = (costs["variance"] / target**2 * costs["cost"]).sum(axis=0).mean()
        slow_day = (costs["variance_day"] / target**2).sum() * costs["cost_day"]
        slow_24 = 24.0 * slow
        fast, reached = [], True
        for hour in index:
            seconds, ok = curve.seconds_to(target, curve.error[:, :, hour])
            fast.append(np.nansum(seconds))
            reached &= bool(ok.all())
        day, ok = curve.seconds_to(target, np.sqrt((curve.error**2).mean(axis=2)))
        reached &= bool(ok.all())
        fast_one = float(np.mean(fast))
        fast_day = float(np.nansum(day))
        found[f"{target:g}"] = {
            "seconds_2_5d": fast_one,
            "seconds_3d": float(slow),
            "speedup": float(slow / fast_one),
            "seconds_2_5d_day": fast_day,
            "seconds_3d_day_replayed": float(slow_day),
            "speedup_day": float(slow_day / fast_day),
            "seconds_3d_day_24_runs": float(slow_24),
            "speedup_day_24_runs": float(slow_24 / fast_day),
            "reached": reached,
        }
    return found


def _whole(
    slow: SlowSide, rows: np.ndarray, effort: Effort, costs: dict[str, Any]
) -> list[dict[str, Any]]:
    """Probes that the 3D side follows all the way to 0.1 K at noon."""
    noon = HOURS.index(12)
    kinds: dict[str, int] = {}
    for k, row in enumerate(rows):
        kinds.setdefault(("ground" if slow.solver.is_ground(slow.faces[[row]])[0] else
                          "roof" if slow.normals[row, 2] > 0.5 else "wall"), k)  # fmt: skip
    found = []
    for kind, k in list(kinds.items())[: effort.whole]:
        paths = int(np.ceil(costs["variance"][k, noon] / 0.01 / SCRAMBLES))
        answer, seconds = slow.ask(
            rows[[k]], slow.stamps(np.array([12])), paths, first_replicate=400
        )
        found.append(
            {
                "surface": kind,
                "paths": answer.paths,
                "seconds": seconds,
                "standard_error_k": float(answer.error[0, 0]),
                "predicted_seconds": float(costs["variance"][k, noon] / 0.01 * costs["cost"][noon]),
            }
        )
    return found


def _break_even(
    setup_2_5d: float, setup_3d: float, speed: dict[str, Any], rows: np.ndarray
) -> float:
    """Probes from which on the 2.5D side is ahead, its longer set-up counted."""
    gain = (speed["seconds_3d"] - speed["seconds_2_5d"]) / rows.size
    return float(max(0.0, (setup_2_5d - setup_3d) / gain)) if gain > 0.0 else float("inf")


def _plain_numbers(
    slow: SlowSide, rows: np.ndarray, effort: Effort, costs: dict[str, Any]
) -> dict[str, float]:
    """What Sobol points save the 3D side: variance of a path with plain numbers over that with."""
    from dataclasses import replace

    options = slow.solver.options
    slow.solver.options = replace(options, sobol_pairs=0)
    answer, _ = slow.ask(rows, slow.stamps(np.array([12])), effort.cost_paths, first_replicate=500)
    slow.solver.options = options
    noon = HOURS.index(12)
    ratio = (answer.error[:, 0] ** 2 * answer.paths).sum() / costs["variance"][:, noon].sum()
    return {"variance_ratio": float(ratio)}


# -- where the time goes ----------------------------------------------------------------------------


def _rates(slow: SlowSide) -> dict[str, float]:
    from heatmat.reference.rates import ray_rates

    sun = slow.climate.steps[1:4].T
    return ray_rates(slow.mesh, slow.points, slow.normals, sun[sun[:, 2] > 0.05])


def _breakdown(costs: dict[str, Any], rates: dict[str, float]) -> dict[str, dict[str, float]]:
    """Shares of the 3D side's time: rays by their measured cost, the rest walks and boundaries."""
    found = {}
    for name, answer, seconds in (
        ("instant", costs["single"][HOURS.index(12)][0], costs["cost"][HOURS.index(12)]),
        ("day", costs["day"][0], costs["cost_day"]),
    ):
        total = seconds * answer.paths * len(answer.mean)
        counts = answer.counts
        closest = (counts["rays"] + counts["solid_rays"]) * rates["closest"]
        shadow = counts["shadow_rays"] * rates["any"]
        shares = {"rays": closest / total, "shadow_rays": shadow / total}
        shares["walks_and_boundaries"] = 1.0 - sum(shares.values())
        if "embree_closest" in rates:
            shares["rays_by_embree"] = (
                closest * rates["embree_closest"] / rates["closest"]
                + shadow * rates["embree_any"] / rates["any"]
            ) / total
        found[name] = {k: float(v) for k, v in shares.items()}
    return found


def _with_embree(speedup: float, shares: dict[str, dict[str, float]], which: str) -> float | None:
    """The ratio if the 3D side's rays were as fast as Embree's; None where it is not installed."""
    share = shares[which]
    if "rays_by_embree" not in share:
        return None
    return float(speedup * (share["walks_and_boundaries"] + share["rays_by_embree"]))


def _engine_shares(fast: FastSide, rows: np.ndarray, seed: int) -> dict[str, float]:
    """Shares of the 2.5D side's time by its kernels: rays, shadow rays, marches, the rest."""
    from heatmat.sampling_plan import replicate

    requests = replicate(fast.places, 1, replicates=SCRAMBLES)
    fast.solver.solve(requests, 32)
    with kernel_clock() as spent:
        clock = Clock("cpu")
        fast.solver.solve(requests, 32)
        total = clock.read()
    named = {
        "rays": spent["paths"],
        "shadow_rays": spent["visibility"],
        "conduction": spent["gather"],
    }
    shares = {name: float(seconds / total) for name, seconds in named.items()}
    shares["rest"] = 1.0 - sum(shares.values())
    return shares


@contextmanager
def kernel_clock() -> Iterator[dict[str, float]]:
    """Processor seconds spent in the kernels of each module of `heatmat.kernels` while it is open."""
    import importlib

    from heatmat.runtime import synchronise

    spent = {"paths": 0.0, "visibility": 0.0, "gather": 0.0}
    replaced = []
    for name in spent:
        module = importlib.import_module(f"heatmat.kernels.{name}")
        for key, value in list(vars(module).items()):
            if getattr(value, "_is_wrapped_kernel", False) and value.__module__ == module.__name__:
                replaced.append((module, key, value))
                setattr(module, key, _timed(value, name, spent, synchronise))
    try:
        yield spent
    finally:
        for module, key, value in replaced:
            setattr(module, key, value)


def _timed(kernel: Any, name: str, spent: dict[str, float], synchronise: Any) -> Any:
    def run(*args: Any) -> Any:
        synchronise()
        clock = Clock("cpu")
        value = kernel(*args)
        synchronise()
        spent[name] += clock.read()
        return value

    return run
