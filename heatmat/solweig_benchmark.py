"""Maps beside solweig's: the same squares of the same city, the same hours, the same threads.

They do not compute the same. solweig (Lindberg et al. 2008, doi:10.1007/s00484-008-0162-7) gives
the mean radiant temperature of a person on the ground: shadows and sky views from a height raster,
surface temperatures by a curve fitted to the sun's height and the air, no memory but a smoothing
over hours, reflections from walls on average. HeatMat gives the temperature of ground and roofs
with their heat conduction, spin-up days and all bounces between surfaces, and their errors.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from heatmat.case import Case
from heatmat.errors import InputError
from heatmat.info import available_cpus
from heatmat.units import to_celsius

CHILD = Path(__file__).with_name("solweig_timing_child.py")

SIDES = (256, 500, 1000)
"""Pixels along a side."""

TEXEL = 4.0
"""Size of the field's texels [m]."""

LONGEST = 3600.0
"""No run of solweig takes longer [s]."""

NOTE = (
    "solweig: mean radiant temperature of a person on the ground, fitted surface temperatures; "
    "HeatMat: temperatures of ground and roofs with conduction, spin-up, all bounces and errors. "
    "HeatMat's set-up is the field of the whole case, its margin included; solweig sees the square "
    "alone. Kernels are compiled."
)


def beside_solweig(
    case: Case,
    python: str | Path,
    sides: tuple[int, ...] = SIDES,
    progress: Callable[..., None] | None = None,
) -> dict[str, Any]:
    """Time both on squares in the middle of a case.

    Parameters
    ----------
    case : Case
        Squares larger than its window are left out.
    python : path
        Interpreter that has solweig; it runs in a process of its own, its GPU off.

    Returns
    -------
    dict
        ``note``, ``solweig`` (version), ``rows``: ``pixels, hours, set_up_cpu_s, loop_cpu_s,
        solweig_set_up_cpu_s, solweig_loop_cpu_s, ns_per_pixel_hour, solweig_ns_per_pixel_hour``
        (loops alone), ``ratio_loop`` and ``ratio_whole``: solweig's processor time over HeatMat's.

    Raises
    ------
    InputError
        If that interpreter cannot run solweig.
    """
    rows: list[dict[str, Any]] = []
    version = ""
    row0, row1, col0, col1 = case.maps.window
    most = int(min(row1 - row0, col1 - col0) * case.maps.resolution)
    wanted = [side for side in sides if side <= most]
    for k, side in enumerate(wanted):
        theirs = _solweig(case, side, Path(python))
        ours = _heatmat(case, side)
        version = theirs["version"]
        hours = ours["hours"]
        each = 1e9 / (side * side * hours)
        whole = theirs["set_up_cpu_s"] + theirs["loop_cpu_s"]
        rows.append(
            {
                "pixels": side,
                "hours": hours,
                "set_up_cpu_s": ours["set_up"],
                "loop_cpu_s": ours["loop"],
                "solweig_set_up_cpu_s": theirs["set_up_cpu_s"],
                "solweig_loop_cpu_s": theirs["loop_cpu_s"],
                "ns_per_pixel_hour": ours["loop"] * each,
                "solweig_ns_per_pixel_hour": theirs["loop_cpu_s"] * each,
                "ratio_loop": theirs["loop_cpu_s"] / ours["loop"],
                "ratio_whole": whole / (ours["set_up"] + ours["loop"]),
            }
        )
        if progress is not None:
            progress("solweig", (k + 1) / len(wanted), 1.0)
    return {"note": NOTE, "solweig": version, "rows": rows}


def _hours(case: Case) -> np.ndarray:
    """Forcing stamps of the window's first 24 hours."""
    forcing = case.forcing
    every = round(3600.0 / forcing.step)
    last = min(forcing.n_steps, forcing.spin_up_steps + 24 * every)
    return np.arange(forcing.spin_up_steps + every, last + 1, every)


def _corner(case: Case, side: int) -> tuple[int, int, int]:
    """First row and column of a square of `side` metres in the middle, and its cells."""
    row0, row1, col0, col1 = case.maps.window
    cells = round(side / case.maps.resolution)
    return (row0 + row1 - cells) // 2, (col0 + col1 - cells) // 2, cells


def _heatmat(case: Case, side: int) -> dict[str, float]:
    """Processor time of the field, and of the square's pixels; compiled by a small square first."""
    from heatmat.field import Field
    from heatmat.field_map import PixelGrid, gather_map

    maps, stamps = case.maps, _hours(case)
    row, column, cells = _corner(case, side)
    west = maps.west + column * maps.resolution
    north = maps.south + (maps.ny - row) * maps.resolution

    def make(field: Field, pixels: int) -> None:
        grid = PixelGrid(west, north, 1.0, pixels, pixels)
        gather_map(lambda: field, grid, maps.origin, 0, field.words)

    begun = time.process_time()
    field = Field(case, TEXEL, stamps)
    field.march_chunk()
    first = time.process_time() - begun
    make(field, 16)
    # A second field is without compiling.
    begun = time.process_time()
    field = Field(case, TEXEL, stamps)
    field.march_chunk()
    set_up = min(first, time.process_time() - begun)
    begun = time.process_time()
    make(field, side)
    return {"set_up": set_up, "loop": time.process_time() - begun, "hours": stamps.size}


def _solweig(case: Case, side: int, python: Path) -> dict[str, Any]:
    """What the other process measured."""
    maps, forcing, stamps = case.maps, case.forcing, _hours(case)
    row, column, cells = _corner(case, side)
    heights = maps.height[row : row + cells, column : column + cells]
    every = round(3600.0 / forcing.step)
    ghi = [float(forcing.ghi[stamp - every : stamp].mean()) for stamp in stamps]
    local = forcing.local_time[stamps].astype("datetime64[s]")
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder, "given.npz"), Path(folder, "out.json")
        np.savez(
            given,
            heights=heights,
            cell=maps.resolution,
            time=local.astype(str),
            air_c=to_celsius(forcing.air_temperature[stamps]),
            ghi=ghi,
            wind=forcing.wind_speed[stamps],
            latitude=maps.latitude,
            longitude=maps.longitude,
            utc_offset=forcing.utc_offset,
        )
        threads = os.environ.get("HEATMAT_THREADS") or str(available_cpus())
        # What else is on the path of this process is not for the other environment.
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        environment |= {"RAYON_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        try:
            done = subprocess.run(
                [python, CHILD, given, out], capture_output=True, text=True, timeout=LONGEST,
                env=environment,
            )  # fmt: skip
        except OSError as error:
            raise InputError(
                "no Python to run solweig", where=str(python), got=str(error)
            ) from error
        if done.returncode != 0:
            said = done.stderr.strip().splitlines() or ["nothing"]
            raise InputError("solweig failed", where=str(python), got=said[-1])
        figures: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return figures
