"""The same query on one thread, on more, and on a GPU, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from heatmat.errors import InputError
from heatmat.runtime import available_devices
from heatmat.validation.outcome import Setting

THREADS = (1, 2, 8)
GPUS = ("cuda", "metal")
"""Devices that are held against one thread where they are there; Vulkan is untried."""
PROGRAM = """
import sys
import numpy as np
from heatmat.scenario import Scenario
from heatmat.simulation import Simulation
from heatmat.validation.block import block_points

scenario, out, device, seed = sys.argv[1:]
with Simulation(Scenario.load(scenario), device=device, seed=int(seed)) as simulation:
    frame = simulation.query(block_points(), target_error=0.0, max_rays=256).to_dataframe()
    field = simulation.map(4.0)["surface_temperature"].to_numpy()
np.savez(out, points=frame["surface_temperature_c"].to_numpy(), field=field)
"""


def thread_rows(setting: Setting, scenario: Path) -> pd.DataFrame:
    """Largest differences of points and of a map from what one thread of the processor gives."""
    found = {str(n): _run(setting, scenario, "cpu", n) for n in THREADS}
    for name in available_devices():
        if name in GPUS:
            found[name] = _run(setting, scenario, name, 1)
    first = found.pop(str(THREADS[0]))
    return pd.DataFrame(
        [
            {
                "threads, or device": n,
                "of": what,
                "values": values.size,
                "largest difference [K]": _largest(values, first[what]),
            }
            for n, arrays in found.items()
            for what, values in arrays.items()
        ]
    )


def _largest(values: np.ndarray, first: np.ndarray) -> float:
    """Largest difference; not a number unless the same ones are numbers on both sides."""
    known = np.isfinite(first)
    if not known.any() or (known != np.isfinite(values)).any():
        return np.nan
    return float(np.abs(values - first)[known].max())


def _run(setting: Setting, scenario: Path, device: str, threads: int) -> dict[str, np.ndarray]:
    out = setting.folder / f"{device}-{threads}.npz"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(scenario), str(out), device, str(setting.seed)],
        env={**os.environ, "HEATMAT_THREADS": str(threads)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise InputError(
            "a run on so many threads stopped",
            where=f"{device}, {threads}",
            got=done.stderr.strip()[-300:],
        )
    with np.load(out) as stored:
        return {name: stored[name] for name in stored.files}
