"""The solweig package, in a process and an environment of its own (its licence is GPL-3.0)."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from heatmat.errors import InputError
from heatmat.validation.outcome import Setting

CHILD = Path(__file__).with_name("solweig_child.py")
LONGEST = 900.0
"""No run takes longer [s]."""
ASK = "import importlib.metadata as m; print(m.version('solweig'))"


@dataclass(frozen=True)
class Solweig:
    """What solweig made of a height map.

    Attributes
    ----------
    sunlit : ndarray of bool, shape (positions, rows, columns)
    sky_view : ndarray, shape (rows, columns)
    patch_altitude_deg, patch_azimuth_deg : ndarray, shape (patches,)
        Directions in which it looks for the sky.
    band_edges_deg : ndarray
        Altitudes that bound the bands of patches.
    version : str
    seconds : ndarray, shape (2,)
        Processor time of the sunlit maps and of the view factors.
    clear : ndarray of bool, shape (positions, rows, columns)
        Whether no crown stands before the sun; without rows where there are no trees.
    sky_clear : ndarray, shape (rows, columns)
        View factor of what no crown hides, buildings left aside.
    """

    sunlit: np.ndarray
    sky_view: np.ndarray
    patch_altitude_deg: np.ndarray
    patch_azimuth_deg: np.ndarray
    band_edges_deg: np.ndarray
    version: str
    seconds: np.ndarray
    clear: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0), bool))
    sky_clear: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))


def missing(setting: Setting) -> str:
    """Why solweig cannot run here; empty if it can."""
    python = setting.solweig_python
    if python is None:
        return (
            "no Python that has solweig is named by --solweig-python or HEATMAT_SOLWEIG_PYTHON"
            " (solweig is GPL-3.0 and runs in an environment and a process of its own)"
        )
    try:
        done = subprocess.run([python, "-c", ASK], capture_output=True, text=True, timeout=60.0)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{python}: {error}"
    return "" if done.returncode == 0 else f"{python} does not have solweig"


def run(
    python: Path,
    folder: Path,
    heights: np.ndarray,
    cell: float,
    directions: np.ndarray,
    *,
    crowns: tuple[np.ndarray, np.ndarray] | None = None,
    sky: bool = True,
) -> Solweig:
    """Let solweig look at a height map.

    Parameters
    ----------
    python : Path
        Interpreter that has solweig.
    folder : Path
        For the files that are exchanged.
    heights : ndarray, shape (rows, columns)
        [m], row 0 north.
    cell : float
        [m].
    directions : ndarray, shape (positions, 3)
        Towards the sun: east, north, up, on the grid.
    crowns : tuple of ndarray, optional
        Tops and bases of crowns [m], shaped as the heights; 0 where there is none.
    sky : bool, optional
        Whether view factors are wanted: they take most of the time.

    Raises
    ------
    InputError
        With the last line of what solweig said, if it fails.
    """
    given, out = folder / "heights.npz", folder / "solweig.npz"
    azimuth = np.degrees(np.arctan2(directions[:, 0], directions[:, 1])) % 360.0
    altitude = np.degrees(np.arcsin(directions[:, 2]))
    trees = {} if crowns is None else {"crown_top": crowns[0], "crown_base": crowns[1]}
    suns = {"azimuth_deg": azimuth, "altitude_deg": altitude}
    asked: dict[str, Any] = {"heights": heights, "cell": cell, "sky": sky, **suns, **trees}
    np.savez(given, **asked)
    # What else is on the path of this process is not for the other environment.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [python, CHILD, given, out], capture_output=True, text=True, timeout=LONGEST,
        env=environment,
    )  # fmt: skip
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["nothing"]
        raise InputError("solweig failed", where=str(python), got=said[-1])
    with np.load(out) as data:
        shape = (len(directions), *heights.shape)
        count = int(np.prod(shape))

        def maps(name: str) -> np.ndarray:
            return np.unpackbits(data[name], count=count).astype(bool).reshape(shape)

        return Solweig(
            sunlit=maps("sunlit"),
            clear=maps("clear") if trees else np.zeros((0, *heights.shape), bool),
            sky_clear=data["sky_clear"],
            sky_view=data["sky_view"],
            patch_altitude_deg=data["patch_altitude_deg"],
            patch_azimuth_deg=data["patch_azimuth_deg"],
            band_edges_deg=data["band_edges_deg"],
            version=str(data["version"]),
            seconds=data["seconds"],
        )


def run_cut(
    python: Path,
    folder: Path,
    heights: np.ndarray,
    cell: float,
    directions: np.ndarray,
    times: int,
    *,
    crowns: tuple[np.ndarray, np.ndarray] | None = None,
    sky: bool = True,
) -> Solweig:
    """What solweig makes of pixels cut into `times` (an odd number) each way, at the old centres.

    Its steps are as long as a pixel: so much shorter is what it comes too late by.
    """

    def cut(values: np.ndarray) -> np.ndarray:
        return values.repeat(times, 0).repeat(times, 1)

    found = run(
        python, folder, cut(heights), cell / times, directions,
        crowns=None if crowns is None else (cut(crowns[0]), cut(crowns[1])), sky=sky,
    )  # fmt: skip
    middle = slice(times // 2, None, times)
    sky_view, sky_clear = (
        view[middle, middle] if view.size else view for view in (found.sky_view, found.sky_clear)
    )
    return replace(
        found, sunlit=found.sunlit[:, middle, middle], clear=found.clear[:, middle, middle],
        sky_view=sky_view, sky_clear=sky_clear,
    )  # fmt: skip
