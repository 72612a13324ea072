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

PATHS_MS = 10.0
"""Processor time of a point by paths to 0.1 K [ms]; it grows as the inverse square of the error."""

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
        ``paths``, ``field``, or ``auto``: the field where it is there already, or where there are
        so many points that making it costs less than half of their paths, if its own error
        (`field_solver.BIAS`) is under the error asked for and it fits into memory.
    points : int
    target_error : float
        Asked for [K]; 0 asks for all that paths can do.

    Raises
    ------
    InputError
        If there is no such method.
    """
    from heatmat.field_memory import count_texels, field_memory
    from heatmat.field_solver import BIAS
    from heatmat.info import available_memory

    if method not in METHODS:
        raise InputError(
            "no such way to answer a query", where="method", expected=", ".join(METHODS),
            got=method, remedy=nearest(method, METHODS),
        )  # fmt: skip
    if method != "auto":
        return method
    if target_error <= BIAS:
        return "paths"
    if simulation.has_field:
        return "field"
    by_paths = points * PATHS_MS * (0.1 / target_error) ** 2
    case, size = simulation.case, simulation.scenario.field_resolution_m
    # Cells of 4 m alone are more than that: no need to count the walls'.
    if (
        by_paths
        < WORTH * TEXEL_MS * case.maps.nx * case.maps.ny * (case.maps.resolution / size) ** 2
    ):
        return "paths"
    worth = by_paths >= WORTH * TEXEL_MS * count_texels(case, size)
    free = available_memory()
    fits = not free or field_memory(case, size) <= free
    return "field" if worth and fits else "paths"


def solver_for(
    simulation: Simulation, method: str, target_error: float
) -> tuple[Solver | FieldSolver, float]:
    """What marches the starts, and the error that its sampling must come to [K].

    The field's own error and the sampling's add up as squares to what was asked for. Where that is
    less than the field's own, or nothing, sampling is held to what was asked for alone.
    """
    from heatmat.field_solver import BIAS, FieldSolver

    if method == "paths":
        return simulation.solver, target_error
    field = simulation.field()
    solver = field.point_solver
    if not isinstance(solver, FieldSolver):
        # Kept for later questions, with its buffers and what its kernels were told.
        solver = field.point_solver = FieldSolver(field)
    rest = target_error**2 - BIAS**2
    return solver, float(np.sqrt(rest)) if rest > 0.0 else target_error
