"""Closed forms: slabs whose temperature is known, and the furnace.

Sky view factors in closed form are with the other radiation, in `heatmat.validation.radiation`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from heatmat.case import BASE_TEMPERATURE
from heatmat.validation.outcome import Check, Outcome, Setting, largest, least
from heatmat.validation.problem import STEP, Problem, compiled, difference, readable
from heatmat.validation.slab_march import make_series
from heatmat.validation.slab_problems import problems, waves_of_library

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOVE = 0.005
"""Steps are halved until that moves no temperature by more [K]."""
SMALLEST = 75.0
"""Steps are not halved below this [s]."""
STEPS = (1200.0, 600.0, 300.0)
"""From which the order in time is fitted, each against its half [s]."""
GRIDS = (0.5, 1.0, 2.0)
"""Refinements from which the order in depth is fitted, each against its double."""
SHOWN = (3600.0, 1800.0, 1200.0, 600.0, 300.0, 150.0)
"""Steps of the figure [s]."""

Slabs = Callable[..., tuple[np.ndarray, np.ndarray]]


def study(setting: Setting) -> Outcome:
    """Every problem of the table, both waves on the library, and the furnace."""
    setting.progress("closed forms of slabs")
    table = problems()
    rows = [problem_row(problem, setting) for problem in table]
    found = pd.DataFrame(rows)
    setting.progress("waves on the library")
    waves = library_rows(setting.device)
    setting.progress("furnace")
    off, spread = furnace(setting)
    moving = found[[not problem.steady for problem in table]]
    waves_alone = [not (problem.steady or problem.switched) for problem in table]
    waving = found["the same, compiled"][waves_alone]
    return Outcome(
        title="Closed forms",
        against="solutions of Carslaw and Jaeger (1959), balances solved to the last digit, and an"
        " enclosure at one temperature",
        proves="conduction, surface balance and their coupling in time; that nothing is gained or"
        " lost on the way from surface to surface.",
        does_not_prove="light and shade of a city, nor whether a coefficient is the right one.",
        checks=[
            Check("largest difference, converged steps", largest(found["largest [K]"]), 0.02),
            Check("what the last halving moved", largest(found["moved [K]"]), MOVE),
            Check("largest difference, default step", largest(found["at 10 min [K]"]), 0.02),
            Check("the same by heatmat.wall_law", largest(found["wall_law at 10 min [K]"]), 0.02),
            Check("least fitted order in time", least(moving["order in time"]), 1.8, "", True),
            Check("the same, compiled march, waves", least(waving), 1.8, "", True),
            Check("least fitted order in depth", least(moving["order in depth"]), 1.8, "", True),
            Check("library, wave of the air, RMSE", largest(waves["air, RMSE [K]"]), 0.02),
            Check("library, daylight, RMSE", largest(waves["daylight, RMSE [K]"]), 0.02),
            Check("furnace, largest departure", off, 0.002),
            Check("furnace, spread of single scrambles", spread, 0.0001),
        ],
        tables=[
            ("Problems: differences by the compiled march, and fitted orders", _dashed(found)),
            ("24 h waves at the default step, by construction of the library", waves),
        ],
        figures=[figure(table, setting.device)],
        notes=[
            "Differences are the largest over time. Steps begin at 10 minutes and are halved until"
            f" that moves no temperature by {MOVE:g} K. Nothing here is random but the furnace, so"
            " there is no standard error. After a step of light the comparison begins with the"
            " tenth step of 10 minutes.",
            "Orders are fitted to what halving the step (from 20, 10 and 5 minutes) or the cells"
            " moves. Both marches are designed for second order. After a step of light the surface"
            " warms as the root of time, which no line over a step follows: there the compiled"
            " march is of order 1.5. `heatmat.wall_law`, whose fluxes are linear between stamps,"
            " spreads the jump over a step. It keeps every mode of a slab, the compiled march"
            " eight: those are the up to 5 mK that stay as its steps shrink.",
            "Waves: 10 K of the air, 20 K of sol-air temperature by daylight, a film of 20 W/m2K."
            " The largest errors of thin sheets by daylight are those of the step in which the sun"
            " rises. The furnace is the embedded district with sky, air, rooms and ground at one"
            " temperature, default physics.",
        ],
    )  # fmt: skip


def problem_row(problem: Problem, setting: Setting) -> dict[str, object]:
    """Differences and orders of one problem."""
    at_default = np.abs(difference(problem, compiled, STEP, 1.0, setting.device)).max()
    step, moved, off = converged(problem, setting.device)
    row: dict[str, object] = {
        "problem": problem.name,
        "source": problem.source,
        "at 10 min [K]": float(at_default),
        "wall_law at 10 min [K]": float(np.abs(difference(problem, readable)).max()),
        "step [s]": int(step),
        "moved [K]": moved,
        "largest [K]": off,
        "order in time": np.nan,
        "the same, compiled": np.nan,
        "order in depth": np.nan,
    }
    if not problem.steady:
        row["order in time"] = order_in_time(problem, readable)
        row["the same, compiled"] = order_in_time(problem, compiled)
        row["order in depth"] = order_in_depth(problem)
    return row


def converged(problem: Problem, device: str = "cpu") -> tuple[float, float, float]:
    """Step at which halving moves the compiled march by less than `MOVE`.

    Returns
    -------
    step, moved, largest : float
        The half step [s], what the halving moved, and the largest difference from the exact
        answer then [K].
    """
    step, (before, coarse) = STEP, compiled(problem, STEP, 1.0, device)
    while True:
        step *= 0.5
        times, fine = compiled(problem, step, 1.0, device)
        # Every stamp of the longer step is one of the shorter.
        moved = float(np.abs(np.interp(before, times, fine) - coarse).max())
        if moved < MOVE or step <= SMALLEST:
            return step, moved, float(np.abs(fine - problem.exact(times)).max())
        before, coarse = times, fine


def order_in_time(problem: Problem, how: Slabs = readable, steps: Sequence[float] = STEPS) -> float:
    """Slope of what halving moves against the step.

    Errors are compared in place of temperatures, since they are smooth between stamps.
    """
    return _slope(steps, [_moved(problem, how, (h, 1.0), (0.5 * h, 1.0)) for h in steps])


def order_in_depth(problem: Problem, grids: Sequence[float] = GRIDS) -> float:
    """Slope of what halving the cells moves against their width."""
    moves = [_moved(problem, readable, (STEP, r), (STEP, 2.0 * r)) for r in grids]
    return -_slope(grids, moves)


def _moved(
    problem: Problem, how: Slabs, first: tuple[float, float], second: tuple[float, float]
) -> float:
    """Root mean square over time of how the errors of two marches differ [K]."""
    coarse, fine = how(problem, *first), how(problem, *second)
    errors = [got - problem.exact(times) for times, got in (coarse, fine)]
    inside = (coarse[0] >= fine[0][0]) & (coarse[0] <= fine[0][-1])
    apart = errors[0] - np.interp(coarse[0], fine[0], errors[1])
    return float(np.sqrt(np.mean(apart[inside] ** 2)))


def _slope(x: Sequence[float], y: Sequence[float]) -> float:
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def _dashed(table: pd.DataFrame) -> pd.DataFrame:
    """A dash for what there is not."""
    return table.astype(object).where(table.notna(), "-")


def library_rows(device: str = "cpu") -> pd.DataFrame:
    """Errors of both waves at the default step, one row a construction."""
    rows = []
    for name, (air, light) in waves_of_library().items():
        by_air = difference(air, compiled, STEP, 1.0, device)
        by_light = difference(light, compiled, STEP, 1.0, device)
        rows.append(
            {
                "construction": name,
                "air, RMSE [K]": float(np.sqrt(np.mean(by_air**2))),
                "air, largest [K]": float(np.abs(by_air).max()),
                "daylight, RMSE [K]": float(np.sqrt(np.mean(by_light**2))),
                "daylight, largest [K]": float(np.abs(by_light).max()),
            }
        )
    return pd.DataFrame(rows)


def furnace(setting: Setting) -> tuple[float, float]:
    """The embedded district where everything around has one temperature, so that it has it too.

    Returns
    -------
    off, spread : float
        Largest departure of any point at any hour, and the largest standard deviation over points
        [K]; that of single scrambles, which is above any standard error.
    """
    from heatmat.city import City
    from heatmat.kernels import layout
    from heatmat.solver import Solver
    from heatmat.validation.radiation import make_case, random_places

    level = BASE_TEMPERATURE + 25.0
    case = make_case(City.embedded())
    series = make_series(air=level, indoor=level, deep=level, wind=3.0)
    case = dataclasses.replace(case, forcing=series)
    solver = Solver(case, setting.device)
    rng = np.random.default_rng(setting.seed)
    off, spread = 0.0, 0.0
    for requests in random_places(case, 32 if setting.quick else 256, rng).values():
        starts = solver.solve(requests, 8, full=True)
        values = starts.values[starts.valid][..., layout.Y_TEMPERATURE].astype(float) - level
        off = largest([off, np.abs(values).max()])
        spread = largest([spread, values.std(axis=0).max()])
    solver.close()
    return off, spread


def figure(table: Sequence[Problem], device: str = "cpu") -> tuple[str, Figure]:
    """Root mean square error against the step, by both marches."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(10, 4.2), layout="constrained")
    axes = sheet.subplots(1, 2, sharey=True)
    steps = np.array(SHOWN)
    marches = (
        (axes[0], "compiled march", lambda p, h: difference(p, compiled, h, 1.0, device)),
        (axes[1], "wall_law, cells halved twice", lambda p, h: difference(p, readable, h, 4.0)),
    )  # fmt: skip
    for axis, title, error in marches:
        for problem in (p for p in table if not p.steady):
            rms = [np.sqrt(np.mean(error(problem, h) ** 2)) for h in SHOWN]
            axis.loglog(steps, rms, ".-", lw=1, label=problem.name)
        axis.loglog(steps, 2e-3 * (steps / 600.0) ** 2, "k--", lw=0.8, label="slope 2")
        axis.loglog(steps, 2e-3 * steps / 600.0, "k:", lw=0.8, label="slope 1")
        axis.set_xticks(SHOWN, [f"{h:g}" for h in SHOWN])
        axis.minorticks_off()
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("step [s]")
    axes[0].set_ylabel("root mean square error [K]")
    axes[0].legend(frameon=False, fontsize=7)
    return "Error against the exact answer as steps shrink", sheet
