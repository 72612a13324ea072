"""One scene with T^4 on both sides: what linear longwave costs, and whether they still agree."""

from __future__ import annotations

from typing import Any

import numpy as np

from heatmat.reference_benchmark import HOURS, Effort, apart
from heatmat.reference_fast import FastSide
from heatmat.reference_scenes import Scene
from heatmat.simulation import Simulation


def fourth_power(scene: Scene, device: str, seed: int, effort: Effort) -> dict[str, Any]:
    """Temperatures with T^4: the 2.5D side by Newton steps, the 3D side by a second Picard iterate.

    The first iterate is linear about the air's temperature. The second is linear about the first,
    which is asked for at the middle of every face at every hour: what is left of T^4 is the square
    of how far a surface is from its face's middle and hour, some hundredths of a kelvin.
    """
    from heatmat.reference.mesh import AIR
    from heatmat.reference_side_by_side import TRUTH_RAYS
    from heatmat.reference_slow import SCRAMBLES, SlowSide

    probes = [scene.probes[i] for i in apart(scene.probes)[0]]
    linear = Simulation(scene.scenario(), device=device, seed=seed)
    curved = Simulation(scene.scenario(linear=False), device=device, seed=seed)
    index = np.array(HOURS) - 1
    truths = []
    for simulation in (linear, curved):
        truth, _ = FastSide(simulation, probes, seed).truth(effort.agreement_error, TRUTH_RAYS)
        truths.append(truth[:, index])
    slow = SlowSide(scene, linear, probes, device)
    paths = int(min(effort.most_paths, 32768)) // SCRAMBLES
    rows = np.arange(len(probes))
    first, _ = slow.ask(rows, HOURS, paths, 600)
    faces = np.flatnonzero(slow.mesh.front == AIR)
    middles = slow.mesh.vertices[slow.mesh.faces[faces]].mean(axis=1)
    every = slow.stamps(np.arange(1, 25))
    each = 16 if effort.quick else 64
    field = slow.solver.solve(faces, middles, every, each, replicates=4, seed=seed)
    rise = np.zeros((len(slow.mesh.faces), slow.climate.steps.shape[1]), np.float32)
    steps = np.arange(rise.shape[1]) + 0.5
    air = slow.climate.stamps[0][every] + slow.climate.base
    for row, values in zip(faces, field.mean - air, strict=True):
        rise[row] = np.interp(steps, np.r_[0, every], np.r_[values[-1], values])
    slow.solver.set_reference(rise)
    second, _ = slow.ask(rows, HOURS, paths, 600)
    linear.close()
    curved.close()
    return {
        "scene": scene.name,
        "probes": len(probes),
        "linear_minus_fourth_power_2_5d_k": _moments(truths[0] - truths[1]),
        "linear_minus_fourth_power_3d_k": _moments(first.mean - second.mean),
        "difference_2_5d_minus_3d_k": _moments(truths[1] - second.mean),
        "standard_error_3d_k": float(np.sqrt((second.error**2).mean())),
    }


def _moments(difference: np.ndarray) -> dict[str, float]:
    return {
        "mean": float(difference.mean()),
        "mean_abs": float(np.abs(difference).mean()),
        "max_abs": float(np.abs(difference).max()),
    }
