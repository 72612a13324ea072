"""Whether the estimator's errors are what it says: samplers, rays, seeds, bias, threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from heatmat.validation.block import PLACES, write_block
from heatmat.validation.outcome import Check, Outcome, Setting, largest, least
from heatmat.validation.samplers import corrected, sampler_rows
from heatmat.validation.seeds import FEW, MANY, Asked, bias_rows, error_rows, reference, spread_rows
from heatmat.validation.seeds_field import field_rows
from heatmat.validation.threads import GPUS, thread_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RAYS = (64, 128, 256, 512, 1024, 2048, 4096)
"""Of a query."""
SHORT_RAYS = (64, 256, 1024)
ALLOWED, SHORT_ALLOWED = 0.15, 0.35
"""Of reported errors over the spread, which 48 seeds of the short version know to 10 %."""
SEEDS, FIELD_SEEDS = 800, 200
"""200 seeds know a spread to 5 % where answers are normal. On a roof with little in sight they are
not, and 200 gave 0.91 to 1.15 of it with other streams: more are asked, which costs little."""
TARGET, MOST, STOPPED_SEEDS = 0.1, 65536, 300
"""Error that a query asks for unless it is told otherwise [K], its most rays, and seeds."""
TYPICAL = 256
"""Rays at which reported errors are compared with the spread over seeds."""


def study(setting: Setting) -> Outcome:
    """Ask a block again and again, with other seeds, more rays and other numbers of threads."""
    from heatmat.scenario import Scenario
    from heatmat.simulation import Simulation

    quick = setting.quick
    path = write_block(setting.folder)
    rng = np.random.default_rng(setting.seed)
    with Simulation(Scenario.load(path), device=setting.device, seed=setting.seed) as simulation:
        solver = simulation.solver
        setting.progress("samplers")
        samplers = sampler_rows(solver, 1 << (14 if quick else 17), rng)
        setting.progress("the error against rays")
        names = [name for name in PLACES if PLACES[name][4] == 0.0]
        asked = Asked(simulation, names[::3] if quick else names, rng)
        scrambles = 64 if quick else 256
        truth = reference(asked, scrambles)
        errors = error_rows(asked, truth, SHORT_RAYS if quick else RAYS, 12 if quick else 24)
        setting.progress("reported errors against the spread over seeds")
        everything = Asked(simulation, names[::3] if quick else list(PLACES), rng)
        spread = spread_rows(everything, TYPICAL, 48 if quick else SEEDS)
        setting.progress("few rays against many")
        bias = bias_rows(asked, truth, 128 if quick else 1024)
        field = stopped = pd.DataFrame()
        if not quick:
            setting.progress("the same of queries that stop at an error")
            stopped = spread_rows(everything, MOST, STOPPED_SEEDS, TARGET)
            setting.progress("the field's errors")
            field = field_rows(simulation, FIELD_SEEDS)
    threads = pd.DataFrame()
    if not quick:
        setting.progress("threads")
        threads = thread_rows(setting, path)
    checks = _checks(samplers, errors, spread, bias, SHORT_ALLOWED if quick else ALLOWED)
    if not quick:
        checks += _more_checks(stopped, field, threads)
    return Outcome(
        title="Honest errors",
        against="the densities of its samplers, and itself with other seeds, rays and threads",
        proves="that a standard error says how far a result is from what endless rays would give:"
        " neither the noise nor the bias is larger.",
        does_not_prove="anything about the model and its inputs: a standard error knows nothing of"
        " them.",
        checks=checks,
        tables=[(caption, table) for caption, table in (
            ("Samplers against their densities", samplers),
            ("Root mean square error against rays", errors.round(4)),
            (f"Reported standard errors over the spread of seeds, {TYPICAL} rays", spread),
            (f"The same of queries that stop at {TARGET:g} K", stopped),
            (f"The mean of many answers from {FEW} rays against {MANY * scrambles} rays", bias),
            ("The same of maps and storeys by the field", field),
            ("One thread against more, and against a GPU where there is one", threads),
        ) if len(table)],
        figures=[_figure(errors, spread, bias)],
        notes=[
            "The block of the study: a ring of 40 x 30 m, 12 m high, with a court of 16 x 12 m, an"
            " annex and a house, on a clear day of 33 C, hour by hour. Errors are root mean squares"
            " over the day.",
            "A chi-square test each; the figure is the probability that the least p-value of so"
            " many tests is as small as it is (Sidak). Starts are drawn where parts of the square"
            " or the wall are not asked for; the roulette and the numbers for constructions are"
            " those of recorded paths.",
            "Rays are those of a query: eight scrambles of an eighth each. The reference has"
            f" {scrambles} scrambles of {MANY} rays from the point, so that the bias that 16 rays"
            f" at a start leave counts as error. Few against many: answers of {FEW} rays from one"
            " start, many seeds.",
            f"Spreads of single places are those of {SEEDS} seeds: 200 know one to 5 % where"
            " answers are normal, but on a roof with little in sight they are not, and 200 gave"
            " 0.91 to 1.15 of it with other streams.",
            *_no_gpu(threads),
        ],
    )  # fmt: skip


def _checks(
    samplers: pd.DataFrame,
    errors: pd.DataFrame,
    spread: pd.DataFrame,
    bias: pd.DataFrame,
    allowed: float,
) -> list[Check]:
    pooled = errors[errors["place"] == "all"].iloc[0]
    ratio = spread["reported / spread"]
    return [
        Check("samplers, probability of the least p-value", corrected(
            samplers["p-value"].to_numpy()), 0.01, "", True),
        Check("error against rays, slope of all places together", float(pooled["slope"]), -0.5, ""),
        Check("the same, second half of the rays", float(pooled["last slope"]), -0.4, "",
              note="a plateau would show here"),
        Check("reported error over spread, largest", largest(ratio), 1.0 + allowed, "",
              note="errors are said to be larger than they are"),
        Check("reported error over spread, least", least(ratio), 1.0 - allowed, "", True),
        Check("bias of 16 rays, in errors of 16 rays", largest(bias["bias / error"]), 1 / 3, ""),
    ]  # fmt: skip


def _more_checks(stopped: pd.DataFrame, field: pd.DataFrame, threads: pd.DataFrame) -> list[Check]:
    target, ratio = stopped["reported / spread"], field["reported / spread"]
    return [
        Check("the same where queries stop at an error, largest", largest(target), 1 + ALLOWED, ""),
        Check(
            "the same where queries stop at an error, least", least(target), 1 - ALLOWED, "", True
        ),
        Check("the same with the field, largest", largest(ratio), 1.0 + ALLOWED, ""),
        Check("the same with the field, least", least(ratio), 1.0 - ALLOWED, "", True),
        *_device_checks(threads),
    ]


def _no_gpu(rows: pd.DataFrame) -> list[str]:
    if rows.empty or rows["threads, or device"].isin(GPUS).any():
        return []
    return ["Processor against GPU (0.01 K asked): not run, there was no GPU."]


def _device_checks(rows: pd.DataFrame) -> list[Check]:
    """Threads against one, and a GPU against the processor where there is one."""
    name, off = rows["threads, or device"], rows["largest difference [K]"]
    gpu = name.isin(GPUS)
    checks = [Check("threads 1, 2 and 8", largest(off[~gpu]), 0.001)]
    if gpu.any():
        checks.append(Check("processor and GPU", largest(off[gpu]), 0.01))
    return checks


def _figure(errors: pd.DataFrame, spread: pd.DataFrame, bias: pd.DataFrame) -> tuple[str, Figure]:
    """Errors against rays, and the ratios of reported errors."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(10, 4), layout="constrained")
    left, right = sheet.subplots(1, 2, width_ratios=[3, 2])
    columns = [c for c in errors.columns if str(c).isdigit()]
    rays = np.array([int(c) for c in columns], float)
    for _, row in errors.iterrows():
        whole = row["place"] == "all"
        left.loglog(rays, row[columns].astype(float), "k" if whole else "", lw=2 if whole else 1,
                    marker="o", ms=3, label=row["place"])  # fmt: skip
    top = float(errors.loc[errors["place"] == "all", columns[0]].iloc[0])
    left.loglog(rays, 1.6 * top * (rays / rays[0]) ** -0.5, "k:", lw=1, label="slope -1/2")
    left.set_xlabel("rays of a query")
    left.set_ylabel("error [K]")
    left.legend(frameon=False, fontsize=7)
    _bars(right, list(spread["place"]), spread["reported / spread"].to_numpy())
    return "Errors against rays; reported errors over the spread of seeds", sheet


def _bars(axes: object, names: Sequence[str], ratio: np.ndarray) -> None:
    at = np.arange(len(names))
    axes.plot(ratio, at, "ko", ms=4)  # type: ignore[attr-defined]
    axes.axvspan(0.85, 1.15, color="0.9")  # type: ignore[attr-defined]
    axes.set_yticks(at, names)  # type: ignore[attr-defined]
    axes.set_xlim(0.7, 1.3)  # type: ignore[attr-defined]
    axes.set_xlabel("reported / spread")  # type: ignore[attr-defined]
