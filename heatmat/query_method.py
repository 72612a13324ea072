"""Paths or the field: by which a question about points is answered for less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from heatmat.errors import InputError, nearest

if TYPE_CHECKING:
    from heatmat.field_solver import FieldSolver
    from heatmat.simulation import Simulation
    from heatmat.solver import Solver

METHODS = ("auto", "paths", "field")

AT = 0.1
"""Error at which points were timed [K]; their cost goes with its inverse square."""

PATHS_MS = 9.5
"""Processor time of one of many points by paths, to `AT` [ms]."""

FIELD_MS, CALL_MS = 2.4, 20.0
"""The same by the field, to a sampling error of `AT`, and what any question costs it besides [ms]:
it launches three times as many kernels."""

TEXEL_MS = 0.12
"""Processor time of a texel of the field, links and march, over a day after three [ms]."""

WORTH = 2.0
"""So many times the cost of making a field must be saved before one is made."""


def choose_method(simulation: Simulation, method: str, points: int, target_error: float) -> str:
    """`paths` or `field` for a question.

    Parameters
    ----------
    simulation : Simulation
    method : str
        ``paths``, ``field``, or ``auto``: what costs less. The field's own error
        (`field_solver.BIAS`) takes its part of what was asked for; where there is no field yet, it
        must save twice what making it costs, and fit into memory.
    points : int
    target_error : float
        Asked for [K]; 0 asks for all that paths can do.

    Raises
    ------
    InputError
        If there is no such method.
    """
    from heatmat.field_memory import count_texels, field_memory
    from heatmat.info import available_memory

    if method not in METHODS:
        raise InputError(
            "no such way to answer a query", where="method", expected=", ".join(METHODS),
            got=method, remedy=nearest(method, METHODS),
        )  # fmt: skip
    rest = sampling_target(target_error)
    if method != "auto":
        return method
    if rest <= 0.0:
        return "paths"
    saved = points * PATHS_MS * (AT / target_error) ** 2
    saved -= CALL_MS + points * FIELD_MS * (AT / rest) ** 2
    if saved <= 0.0 or simulation.has_field:
        return "field" if saved > 0.0 else "paths"
    case, size = simulation.case, simulation.scenario.field_resolution_m
    if saved < WORTH * TEXEL_MS * count_texels(case, size):
        return "paths"
    free = available_memory()
    return "field" if not free or field_memory(case, size) <= free else "paths"


def sampling_target(target_error: float) -> float:
    """What the sampling may err beside the field's own error [K]; 0 if that leaves nothing."""
    from heatmat.field_solver import BIAS

    return float(np.sqrt(max(0.0, target_error**2 - BIAS**2)))


def solver_for(
    simulation: Simulation, method: str, target_error: float
) -> tuple[Solver | FieldSolver, float]:
    """What marches the starts, and the error that its sampling must come to [K].

    The field's own error and the sampling's add up as squares to what was asked for. Where that is
    less than the field's own, or nothing, sampling is held to what was asked for alone.
    """
    from heatmat.field_solver import FieldSolver

    if method == "paths":
        return simulation.solver, target_error
    field = simulation.field()
    solver = field.point_solver
    if not isinstance(solver, FieldSolver):
        # Kept for later questions, with its buffers and what its kernels were told.
        solver = field.point_solver = FieldSolver(field)
    return solver, sampling_target(target_error) or target_error
