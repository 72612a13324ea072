"""validate: HeatMat against closed forms, other engines and measurements, and the page of it."""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heatmat.commands.options import Device, DeviceName, OutFolder, Overwrite, Quiet, Seed, Verbose
from heatmat.commands.session import DEGRADED, DONE, Session

if TYPE_CHECKING:
    from heatmat.rundir import RunDirectory
    from heatmat.validation.outcome import Outcome, Setting
    from heatmat.validation.page import Record


def validate(
    out: OutFolder,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="STUDY", help="Only this study; may be given again."),
    ] = None,
    short: Annotated[
        bool, typer.Option("--quick", help="Fewer cases and seeds: minutes in place of twenty.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder with the measurements that are not part of the package."
        ),
    ] = None,
    solweig_python: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            envvar="HEATMAT_SOLWEIG_PYTHON",
            help="Python of an environment that has the solweig package, for its comparison.",
        ),
    ] = None,
    earlier: Annotated[
        Path | None,
        typer.Option(
            "--with",
            metavar="DIR",
            help="Folder of an earlier run: studies that are not run now are taken from it.",
        ),
    ] = None,
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """Evidence: runs every study and writes the page with its figures, misfits included."""
    from heatmat.run_record import run_inputs
    from heatmat.rundir import RunDirectory
    from heatmat.validation.page import read_studies
    from heatmat.validation.studies import STUDIES, check_names

    session = Session(device, seed, quiet, verbose, overwrite)
    names = list(only or STUDIES)
    check_names(names)
    if earlier is not None:
        read_studies(earlier)
    options = {"studies": names, "quick": short, "data": str(data or ""), "seed": seed}
    options |= {"with": str(earlier)} if earlier is not None else {}
    options |= {"solweig": str(solweig_python)} if solweig_python is not None else {}
    # Evidence is of one state of the code: another one's is neither complete nor gone on with.
    options |= {"heatmat": _code()}
    inputs = run_inputs("validate", {}, {}, options)
    with RunDirectory.open(out, inputs, overwrite=overwrite) as folder:
        if folder.complete:
            session.note(f"{out}: complete already, from the same inputs")
            return DEGRADED if folder.record.get("status") == "degraded" else DONE
        return _run(session, folder, names, short, data, solweig_python, earlier)


def _code() -> str:
    from heatmat.run_record import changed, commit

    return (commit()[:12] or "unknown") + (" with changes" if changed() else "")


def _run(
    session: Session,
    folder: RunDirectory,
    names: list[str],
    quick: bool,
    data: Path | None,
    solweig_python: Path | None,
    earlier: Path | None,
) -> int:
    import numpy as np

    from heatmat.run_record import versions
    from heatmat.validation.outcome import Setting
    from heatmat.validation.page import FIGURES, study_record
    from heatmat.validation.studies import cpu_seconds, run_studies

    scratch = Path(tempfile.mkdtemp(prefix="heatmat-validate-"))
    setting = Setting(
        scratch,
        quick=quick,
        device=session.device.value,
        seed=session.seed,
        data=data,
        solweig_python=solweig_python,
        progress=session.note,
    )
    run: dict[str, Any] = {
        "command": _command(names, setting),
        "machine": f"{platform.machine()}, {session.device.value}",
        "versions": versions(),
        "commit": folder.inputs["options"]["heatmat"],
    }
    studies = _kept(folder, names)
    for name in studies:
        session.note(f"{name}: kept from the run that was interrupted")

    def keep(name: str, outcome: Outcome) -> None:
        studies[name] = study_record(folder.path / FIGURES, name, outcome, run)
        folder.save_tile(name, {"record": np.array(json.dumps(studies[name]))})

    try:
        left_out = run_studies(setting, [name for name in names if name not in studies], keep)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    run |= {"seconds": session.total_seconds, "cpu_seconds": cpu_seconds()}
    return _finish(session, folder, studies, left_out, run, earlier)


def _finish(
    session: Session,
    folder: RunDirectory,
    studies: dict[str, Record],
    left_out: dict[str, str],
    run: dict[str, Any],
    earlier: Path | None,
) -> int:
    from heatmat.validation.page import FIGURES, write_page
    from heatmat.validation.studies import STUDIES

    for name, why in left_out.items():
        session.warn(f"{name} was not run: {why}")
    page = write_page(folder.path, studies, left_out, run, earlier=earlier, order=list(STUDIES))
    for path in [page, folder.path / "validation.json", *(folder.path / FIGURES).iterdir()]:
        folder.file(str(path.relative_to(folder.path)))
    missed = {
        record["title"]: [check["what"] for check in record["checks"] if not check["holds"]]
        for record in studies.values()
    }
    missed = {title: checks for title, checks in missed.items() if checks}
    folder.finish(
        seconds={name: record["seconds"] for name, record in studies.items()},
        warnings=session.warnings,
        device=session.device.value,
        seed=session.seed,
        degraded=bool(left_out),
        missed=missed,
    )
    for title, checks in missed.items():
        session.note(f"{title}: missed {'; '.join(checks)}")
    session.note(f"{page}: done in {session.total_seconds:.0f} s")
    return DEGRADED if left_out else DONE


def _kept(folder: RunDirectory, names: list[str]) -> dict[str, Record]:
    """What an interrupted run of the same code found, where its figures are still there."""
    from heatmat.validation.page import FIGURES

    found = {}
    for name in names:
        tile = folder.load_tile(name)
        record = json.loads(str(tile["record"])) if tile else None
        if record and all((folder.path / FIGURES / f["file"]).exists() for f in record["figures"]):
            found[name] = record
    return found


def _command(names: list[str], setting: Setting) -> str:
    """The command to type, with words for folders of this machine."""
    from heatmat.validation.studies import STUDIES

    only = "" if names == list(STUDIES) else "".join(f" --only {name}" for name in names)
    quick = " --quick" if setting.quick else ""
    data = " --data DATA" if setting.data is not None else ""
    python = " --solweig-python PYTHON" if setting.solweig_python is not None else ""
    return f"heatmat validate --out DIR{only}{quick}{data}{python}"
