"""What a run leaves on disk: rasters, walls, tables, pictures and a report.

Importing this package is light; each writer imports what it needs when it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["write_run_outputs"]


def write_run_outputs(
    out: str | Path,
    *,
    scenario: Any,
    city: Any,
    maps_dataset: xr.Dataset,
    walls: Any,
    probes: pd.DataFrame | None,
    run_info: dict[str, Any],
    geometry: Any = None,
    run_directory: Any = None,
    progress: Callable[..., None] | None = None,
) -> list[Path]:
    """Write everything that ``heatmat run`` leaves beside run.json.

    Parameters
    ----------
    out : path
        Folder; made where it is missing.
    scenario : Scenario
        Gives the report its title (its ``name``, else the folder's).
    city : City
        Footprints and labels.
    maps_dataset : xarray.Dataset
        As from ``Simulation.map``.
    walls : WallSeries or look-alike
        As from ``Simulation.walls``.
    probes : pandas.DataFrame or None
        TEMPS.csv rows of the points whose diurnal curves are drawn; None draws none.
    run_info : dict
        What run.json will hold: inputs, versions, device, seed, seconds, warnings.
    geometry : Maps, optional
        Labels in force, where interventions changed the city's.
    run_directory : RunDirectory, optional
        Is told of every file, so that ``--overwrite`` can find them again.
    progress : callable, optional
        Called as ``progress("writing", done, total)`` before each file and at the end.

    Returns
    -------
    list of Path
        What was written, the report last.
    """
    from heatmat.output.run_files import RunFiles

    if geometry is not None:
        from heatmat.output.labels import relabelled

        changed = bool(getattr(scenario, "interventions", ()))
        city = relabelled(city, geometry, ground=changed)
    files = RunFiles(
        Path(out), scenario, city, maps_dataset, walls, probes, run_info, run_directory, progress
    )
    return files.write()
