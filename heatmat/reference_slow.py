"""The 3D side as the comparison sees it: cost and variance of its paths, and answers by them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.reference_benchmark import HOURS, Clock
from heatmat.reference_scenes import Probe, Scene
from heatmat.simulation import Simulation

if TYPE_CHECKING:
    from heatmat.reference.solver import Answer

SCRAMBLES = 16
REPEATS = 3
"""Costs are the least of so many: other work on the machine only ever slows it."""


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

    def __init__(
        self, scene: Scene, simulation: Simulation, probes: list[Probe], device: str
    ) -> None:
        from heatmat.reference.climate import climate_of
        from heatmat.reference.solver import ReferenceSolver

        origin = (float(simulation.maps.origin[0]), float(simulation.maps.origin[1]))
        scenario = simulation.scenario
        clock = Clock(device)
        self.mesh = scene.mesh(origin)
        known = scenario.constructions()
        physics = replace(scenario.physics(), longwave_linearisation="air")
        self.climate = climate_of(simulation.forcing, physics, simulation.maps.convergence_deg)
        layers = [known[name] for name in self.mesh.constructions]
        self.solver = ReferenceSolver(self.mesh, layers, self.climate, device=device)
        self.setup_seconds = clock.read()
        points = np.array([[p.x - origin[0], p.y - origin[1], p.z] for p in probes])
        self.normals = np.array([p.normal for p in probes])
        self.faces, self.points = self.solver.faces_at(points, self.normals)
        self.device = device

    def stamps(self, hours: Any) -> np.ndarray:
        """Stamps of local hours of the day."""
        return np.asarray(hours) * round(3600.0 / self.climate.step)

    def ask(
        self, rows: np.ndarray, hours: Any, paths: int, first_replicate: int
    ) -> tuple[Answer, float]:
        """Answer at some probes by `SCRAMBLES` scrambles, and its seconds."""
        clock = Clock(self.device)
        answer = self.solver.solve(
            self.faces[rows],
            self.points[rows],
            self.stamps(hours),
            paths,
            replicates=SCRAMBLES,
            first_replicate=first_replicate,
            keys=(rows.astype(np.uint32) + 1) * np.uint32(0x9E3779B1),
        )
        return answer, clock.read()


@dataclass(frozen=True)
class Costs:
    """What paths cost and how their values spread.

    Attributes
    ----------
    seconds : ndarray, shape (hours,)
        Of one path that answers one instant, at each of `HOURS`.
    seconds_day : float
        Of one path that is replayed for 24 instants.
    variance : ndarray, shape (probes, hours)
        Of the mean of scrambles, times their paths [K2]: what quasi-random numbers save is in it.
    variance_day : ndarray, shape (probes,)
        Mean over the day.
    noon, day : Answer
        With what was counted.
    """

    seconds: np.ndarray
    seconds_day: float
    variance: np.ndarray
    variance_day: np.ndarray
    noon: Answer
    day: Answer


def costs_of(slow: SlowSide, rows: np.ndarray, paths: int) -> Costs:
    """Measure paths from some probes: 16 scrambles of `paths` each, `REPEATS` times."""
    every = np.arange(1, 25)
    slow.ask(rows[:1], [12], 8, 0)
    seconds, variance, noon = [], [], None
    for k, hour in enumerate(HOURS):
        answers, least = _repeat(slow, rows, [hour], paths, 1000 * (k + 1))
        seconds.append(least)
        variance.append(_variance(answers)[:, 0])
        if hour == 12:
            noon = answers[0]
    days, day_seconds = _repeat(slow, rows, every, paths, 9000)
    assert noon is not None
    return Costs(
        np.array(seconds), day_seconds, np.stack(variance, axis=1),
        _variance(days).mean(axis=1), noon, days[0],
    )  # fmt: skip


def _repeat(
    slow: SlowSide, rows: np.ndarray, hours: Any, paths: int, first: int
) -> tuple[list[Answer], float]:
    """Answers by fresh scrambles, and the least seconds a path."""
    answers, least = [], np.inf
    for repeat in range(REPEATS):
        answer, seconds = slow.ask(rows, hours, paths, first + 100 * repeat)
        answers.append(answer)
        least = min(least, seconds / (answer.paths * len(rows)))
    return answers, least


def _variance(answers: list[Answer]) -> np.ndarray:
    """Variance of the scrambles' means times the paths of one, shape (probes, instants) [K2]."""
    spread = np.mean([a.replicates.var(axis=1, ddof=1) for a in answers], axis=0)
    return spread * (answers[0].paths / answers[0].replicates.shape[1])


def follow_to(
    slow: SlowSide, rows: np.ndarray, costs: Costs, target: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Go all the way to `target` [K] with every probe: at each of `HOURS`, and for a day.

    Returns
    -------
    tuple of dict
        Paths (mean over the hours of their sum over the probes), seconds at the least cost, the
        seconds that the run itself took, and the root mean square of the errors it came to.
    """
    single = {"paths": 0.0, "seconds": 0.0, "seconds_of_this_run": 0.0, "standard_error_k": 0.0}
    for k, hour in enumerate(HOURS):
        for i in range(len(rows)):
            paths = int(np.ceil(costs.variance[i, k] / target**2 / SCRAMBLES))
            answer, seconds = slow.ask(rows[[i]], [hour], paths, 20000)
            single["paths"] += answer.paths / len(HOURS)
            single["seconds"] += answer.paths * costs.seconds[k] / len(HOURS)
            single["seconds_of_this_run"] += seconds / len(HOURS)
            single["standard_error_k"] += float(answer.error[0, 0] ** 2) / (len(HOURS) * len(rows))
    day = {"paths": 0.0, "seconds": 0.0, "seconds_of_this_run": 0.0, "standard_error_k": 0.0}
    for i in range(len(rows)):
        paths = int(np.ceil(costs.variance_day[i] / target**2 / SCRAMBLES))
        answer, seconds = slow.ask(rows[[i]], np.arange(1, 25), paths, 30000)
        day["paths"] += answer.paths
        day["seconds"] += answer.paths * costs.seconds_day
        day["seconds_of_this_run"] += seconds
        day["standard_error_k"] += float((answer.error[0] ** 2).mean()) / len(rows)
    for found in (single, day):
        found["standard_error_k"] = float(np.sqrt(found["standard_error_k"]))
    return single, day
