"""compare-observed: a run beside the user's own sensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heatmat.commands.options import Overwrite, Quiet, Verbose
from heatmat.commands.session import DEGRADED, DONE, Session

if TYPE_CHECKING:
    import pandas as pd


def compare_observed(
    run: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="TEMPS.csv of a query, or a folder of heatmat run."),
    ],
    observations: Annotated[
        Path,
        typer.Argument(metavar="OBS.csv", help="id, time, surface_temperature_c; for maps x, y."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="PAIRS.csv", help="Write the pairs, and a picture beside them."),
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """Bias, RMSE, day, night and skill of a run against measured surface temperatures."""
    from heatmat.commands.single_file import SingleFile
    from heatmat.observed import pair_with_maps, pair_with_temps, read_observed, statistics
    from heatmat.run_record import run_inputs

    session = Session(quiet=quiet, verbose=verbose, overwrite=overwrite)
    maps = run.is_dir()
    observed = read_observed(observations, places=maps)
    pairs = pair_with_maps(run, observed) if maps else pair_with_temps(run, observed)
    left_out = len(observed) - len(pairs)
    if left_out:
        session.warn(f"{left_out} of {len(observed)} rows lie outside the run's times or ids")
    if out is not None:
        source = run / "run.json" if maps else run
        files = {"run": source, "observations": observations}
        target = SingleFile.open(
            out, run_inputs("compare-observed", {}, files, {}), overwrite=overwrite
        )
        if not target.complete:
            _write(out, pairs)
            target.finish(session, degraded=bool(left_out))
    _show(statistics(pairs))
    return DEGRADED if left_out else DONE


def _write(out: Path, pairs: pd.DataFrame) -> None:
    from heatmat.output.observed import draw_observed
    from heatmat.rundir import is_stream, open_output

    with open_output(out) as stream:
        pairs.to_csv(
            stream, index=False, float_format="%.4f", date_format="%Y-%m-%dT%H:%M:%S+00:00"
        )
    if not is_stream(out):
        draw_observed(out.with_suffix(".png"), pairs)


def _show(table: pd.DataFrame) -> None:
    import sys

    sys.stdout.write(table.to_csv(index=False, float_format="%.3f"))
