"""validate: HeatMat against closed forms, other engines and measurements, and the page of it."""

from __future__ import annotations

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
    from heatmat.validation.outcome import Setting


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
    inputs = run_inputs("validate", {}, {}, options)
    with RunDirectory.open(out, inputs, overwrite=overwrite) as folder:
        if folder.complete:
            session.note(f"{out}: complete already, from the same inputs")
            return DEGRADED if folder.record.get("status") == "degraded" else DONE
        return _run(session, folder, names, short, data, solweig_python, earlier)


def _run(
    session: Session,
    folder: RunDirectory,
    names: list[str],
    quick: bool,
    data: Path | None,
    solweig_python: Path | None,
    earlier: Path | None,
) -> int:
    from heatmat.run_record import changed, commit, versions
    from heatmat.validation.outcome import Setting
    from heatmat.validation.page import FIGURES, write_page
    from heatmat.validation.studies import STUDIES, cpu_seconds, run_studies

    scratch = Path(tempfile.mkdtemp(prefix="heatmat-validate-"))
    try:
        setting = Setting(
            scratch,
            quick=quick,
            device=session.device.value,
            seed=session.seed,
            data=data,
            solweig_python=solweig_python,
            progress=session.note,
        )
        found = run_studies(setting, names)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for name, why in found.left_out.items():
        session.warn(f"{name} was not run: {why}")
    run: dict[str, Any] = {
        "command": _command(names, setting),
        "machine": f"{platform.machine()}, {session.device.value}",
        "versions": versions(),
        "commit": (commit()[:12] or "unknown") + (" with changes" if changed() else ""),
        "seconds": session.total_seconds,
        "cpu_seconds": cpu_seconds(),
    }
    page = write_page(
        folder.path, found.outcomes, found.left_out, run, earlier=earlier, order=list(STUDIES)
    )
    for path in [page, folder.path / "validation.json", *(folder.path / FIGURES).iterdir()]:
        folder.file(str(path.relative_to(folder.path)))
    missed = {o.title: [c.what for c in o.missed] for o in found.outcomes.values() if o.missed}
    folder.finish(
        seconds={name: round(o.seconds, 1) for name, o in found.outcomes.items()},
        warnings=session.warnings,
        device=session.device.value,
        seed=session.seed,
        degraded=bool(found.left_out),
        missed=missed,
    )
    for title, checks in missed.items():
        session.note(f"{title}: missed {'; '.join(checks)}")
    session.note(f"{page}: done in {session.total_seconds:.0f} s")
    return DEGRADED if found.left_out else DONE


def _command(names: list[str], setting: Setting) -> str:
    """The command to type, with words for folders of this machine."""
    from heatmat.validation.studies import STUDIES

    only = "" if names == list(STUDIES) else "".join(f" --only {name}" for name in names)
    quick = " --quick" if setting.quick else ""
    data = " --data DATA" if setting.data is not None else ""
    python = " --solweig-python PYTHON" if setting.solweig_python is not None else ""
    return f"heatmat validate --out DIR{only}{quick}{data}{python}"
