"""Where the time of both sides goes, and what a faster ray tracer would change."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from heatmat.reference_benchmark import Clock
from heatmat.reference_fast import SCRAMBLES, FastSide

if TYPE_CHECKING:
    from heatmat.reference_slow import SlowSide

KERNELS = {
    "rays": ("paths", "texels"),
    "shadow_rays": ("visibility",),
    "conduction": ("gather", "later", "field_march", "field_gather"),
}
"""Modules of the engine's kernels by what their time goes to; marches conduct and exchange."""


def rates_of_paths(slow: SlowSide) -> dict[str, float]:
    """Seconds a ray and a step where the paths go (`heatmat.reference.rates`).

    A step's seconds are without its share of rays into the solid, which are counted as rays.
    """
    from heatmat.reference.rates import ray_rates, step_rate

    suns = slow.climate.steps[1:4].T
    rates = ray_rates(slow.mesh, slow.points, slow.normals, suns[suns[:, 2] > 0.05])
    step, rays = step_rate(slow.solver, slow.faces, slow.points)
    return rates | {"step": float(max(0.0, step - rays * rates["closest"]))}


def shares_3d(counts: dict[str, int], seconds: float, rates: dict[str, float]) -> dict[str, float]:
    """Shares of the 3D side's time: rays and steps at their measured rates, and the rest.

    The rest is what happens at boundaries: what is gathered there, the choice of the mode, and for
    a day the replay of its 24 instants.

    Parameters
    ----------
    counts : dict
        Events of some paths.
    seconds : float
        Time of those paths.
    rates : dict
        Seconds a ray and a step.
    """
    closest = (counts["rays"] + counts["solid_rays"]) * rates["closest"]
    shadow = counts["shadow_rays"] * rates["any"]
    steps = counts["steps"] * rates["step"]
    shares = {
        "rays": closest / seconds,
        "shadow_rays": shadow / seconds,
        "conduction": steps / seconds,
        "rest": 1.0 - (closest + shadow + steps) / seconds,
    }
    if "embree_closest" in rates:
        shares["rays_by_embree"] = (
            closest * rates["embree_closest"] / rates["closest"]
            + shadow * rates["embree_any"] / rates["any"]
        ) / seconds
    return {name: float(share) for name, share in shares.items()}


def with_embree(speedup: float, shares: dict[str, float]) -> float | None:
    """The ratio if the 3D side's rays were as fast as Embree's; None where it is not installed."""
    if "rays_by_embree" not in shares:
        return None
    return float(speedup * (shares["conduction"] + shares["rest"] + shares["rays_by_embree"]))


def shares_2_5d(fast: FastSide, paths: int = 32) -> dict[str, float]:
    """Shares of the 2.5D side's time by its kernels: rays, shadow rays, marches, the rest."""
    from heatmat.sampling_plan import replicate

    requests = replicate(fast.places, 1, replicates=SCRAMBLES)
    fast.solver.solve(requests, paths)
    with kernel_clock() as spent:
        clock = Clock("cpu")
        fast.solver.solve(requests, paths)
        total = clock.read()
    named = {
        share: sum(spent.get(module, 0.0) for module in modules)
        for share, modules in KERNELS.items()
    }
    shares = {name: float(seconds / total) for name, seconds in named.items()}
    shares["rest"] = 1.0 - sum(shares.values())
    return shares


@contextmanager
def kernel_clock() -> Iterator[dict[str, float]]:
    """Processor seconds in the kernels of each module of `heatmat.kernels` while it is open."""
    from heatmat.runtime import synchronise

    spent: dict[str, float] = {}
    replaced = []
    for name, module in list(sys.modules.items()):
        if not name.startswith("heatmat"):
            continue
        for key, value in list(vars(module).items()):
            home = str(getattr(value, "__module__", ""))
            if getattr(value, "_is_wrapped_kernel", False) and home.startswith("heatmat.kernels."):
                replaced.append((module, key, value))
                setattr(module, key, _timed(value, home.rsplit(".", 1)[1], spent, synchronise))
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
        spent[name] = spent.get(name, 0.0) + clock.read()
        return value

    return run
