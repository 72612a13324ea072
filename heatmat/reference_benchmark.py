"""``heatmat benchmark --reference``: the 2.5D engine against classic thermal paths in 3D.

Both sides compute the same scenes with linear physics. What is compared is the time to the same
error, from measured costs and errors. Nothing of the 2.5D side is extrapolated; the 3D side goes
all the way to the headline's 0.1 K with every probe, and at other errors its paths follow from
their variance.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from heatmat.reference_scenes import Probe, Scene, scenes

TARGETS = (0.2, 0.1, 0.05)
"""Errors at which times are compared [K]; 0.1 is the headline."""

HOURS = (5, 9, 12, 18)
"""Local standard times at which temperatures stand side by side."""


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes
    ----------
    quick : bool
        One street with four probes.
    agreement_error : float
        Standard error of each side's temperatures [K].
    most_paths : int
        Of a probe on the 3D side.
    cost_paths : int
        Paths of each of 16 scrambles from which the 3D side's cost and variance are taken.
    sizes : tuple of int
        Paths of a query on the 2.5D side.
    plain_numbers_of : str
        Scene that the 2.5D side also computes with plain random numbers.
    """

    quick: bool = False
    agreement_error: float = 0.03
    most_paths: int = 1 << 18
    cost_paths: int = 512
    sizes: tuple[int, ...] = (4, 8, 16, 32, 64, 128, 256, 1024)
    plain_numbers_of: str = "street canyon"


QUICK = Effort(
    quick=True,
    agreement_error=0.2,
    most_paths=8192,
    cost_paths=64,
    sizes=(4, 16, 64),
    plain_numbers_of="",
)

Progress = Callable[..., None]


def run_reference_benchmark(
    *,
    device: str = "cpu",
    seed: int = 0,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure every scene.

    Parameters
    ----------
    device : str
        See `heatmat.runtime.ensure_device`; both sides run on it with the same threads.
    seed : int
    effort : Effort, optional
    progress : callable, optional
        ``progress(stage, done, total)``.

    Returns
    -------
    dict
        ``scenes``: one entry each (see docs/reference.md for every key); ``fourth_power``: what
        linear longwave costs; ``machine``; ``scaling``, unless quick:
        `heatmat.reference_scaling.scaling`.
    """
    from heatmat.reference_fourth_power import fourth_power
    from heatmat.reference_side_by_side import measure_scene

    effort = effort or Effort()
    report = progress or (lambda *_: None)
    places = scenes(quick=effort.quick)
    found = []
    for k, scene in enumerate(places):
        report(scene.name, k, len(places) + 1)
        found.append(measure_scene(scene, device, seed, effort))
    report("fourth power", len(places), len(places) + 1)
    hot = fourth_power(places[0], device, seed, effort)
    result = {"scenes": found, "fourth_power": hot, "machine": machine(), "hours": list(HOURS)}
    if not effort.quick:
        from heatmat.reference_scaling import scaling

        result["scaling"] = scaling(device=device, seed=seed, progress=progress)
    report("reference", len(places) + 1, len(places) + 1)
    return result


def machine() -> dict[str, Any]:
    """Processor, threads and system."""
    import os
    import platform

    from heatmat.runtime import threads_asked

    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            names = [line.split(":", 1)[1].strip() for line in stream if "model name" in line]
        model = names[0] if names else model
    except OSError:
        pass
    threads = threads_asked() or os.cpu_count()
    return {"processor": model, "threads": threads, "system": platform.system()}


class Clock:
    """Processor seconds of all threads; wall-clock seconds where the work is on another device."""

    def __init__(self, device: str) -> None:
        self.now = time.process_time if device == "cpu" else time.perf_counter
        self.begun = self.now()

    def read(self) -> float:
        """Seconds since it was made."""
        return self.now() - self.begun


def apart(probes: tuple[Probe, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the probes away from edges, and of those at edges."""
    at_edge = np.array([probe.at_edge for probe in probes])
    return np.flatnonzero(~at_edge), np.flatnonzero(at_edge)


__all__ = ["HOURS", "TARGETS", "Clock", "Effort", "QUICK", "Scene", "run_reference_benchmark"]
