"""prepare and benchmark: a case file, and how fast it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import indent
from typing import Annotated, Any

import typer

from heatmat.commands.options import (
    Device,
    DeviceName,
    Overwrite,
    Quiet,
    ScenarioFile,
    Seed,
    Verbose,
)
from heatmat.commands.session import DONE, Session
from heatmat.errors import OutputError


def prepare(
    scenario: ScenarioFile,
    out: Annotated[
        Path, typer.Option("--out", metavar="CASE.npz", help="File to write.", show_default=False)
    ],
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """Maps, constructions and forcing in one file: it runs with NumPy and Taichi alone."""
    from heatmat.commands.single_file import SingleFile
    from heatmat.run_record import output_errors, run_inputs
    from heatmat.rundir import is_stream

    if is_stream(out):
        raise OutputError("cannot be a stream", where=str(out), expected="the name of a file")
    session = Session(device, seed, quiet, verbose, overwrite)
    loaded = session.load(scenario)
    inputs = run_inputs("prepare", loaded.resolved(), loaded.input_files(), {})
    target = SingleFile.open(out, inputs, overwrite=overwrite)
    if target.complete:
        session.note(f"{out}: complete already, from the same inputs")
        return DONE
    with session.progress() as report, session.timed("prepare"):
        from heatmat.simulation import build_case

        case = build_case(loaded, progress=report)
        with output_errors(out):
            case.save(out)
    target.finish(session)
    return DONE


def benchmark(
    reference: Annotated[
        bool, typer.Option("--reference", help="Also against the three-dimensional solver.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="With --reference: one small scene, roughly.")
    ] = False,
    case: Annotated[
        Path | None,
        typer.Option(metavar="CASE.npz", help="A prepared case; default: the demo district."),
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the figures as JSON.")
    ] = None,
    solweig_python: Annotated[
        Path | None,
        typer.Option(
            envvar="HEATMAT_SOLWEIG_PYTHON",
            metavar="PATH",
            help="An interpreter that has solweig: maps beside its own.",
        ),
    ] = None,
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """Speed and accuracy on this machine."""
    from heatmat.benchmark import run_benchmark
    from heatmat.rundir import expect_writable

    if json is not None:
        expect_writable(json)
        if not overwrite:
            _expect_figures(json)
    session = Session(device, seed, quiet, verbose, overwrite)
    with session.progress() as report:
        figures = run_benchmark(
            case=case,
            reference=reference,
            quick=quick,
            solweig_python=solweig_python,
            device=device.value,
            seed=seed,
            progress=report,
        )
    if json is not None:
        _write_json(json, figures)
    if json is None or str(json) not in ("-", "/dev/stdout"):
        _show(figures)
    return DONE


def _expect_figures(path: Path) -> None:
    """New figures replace older ones alone."""
    import json

    if not path.is_file() or not path.stat().st_size:
        return
    try:
        ours = "rays_per_second" in json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, TypeError):
        ours = False
    if not ours:
        raise OutputError(
            "exists and holds no benchmark",
            where=str(path),
            remedy="choose another name, or give --overwrite",
        )


def _write_json(path: Path, figures: dict[str, Any]) -> None:
    import json

    from heatmat.rundir import open_output

    with open_output(path) as stream:
        stream.write(json.dumps(figures, indent=2) + "\n")


def _show(figures: dict[str, Any]) -> None:
    for key, value in figures.items():
        if key in ("roofline", "field_map", "reference", "solweig"):
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{name} {item}" for name, item in value.items())
        if not isinstance(value, list):
            sys.stdout.write(f"{key}: {value:.6g}\n" if isinstance(value, float) else
                             f"{key}: {value}\n")  # fmt: skip
    for case in figures.get("cases", []):
        sys.stdout.write(
            f"  {case['name']}: {case['median_s']:.3g} s median, {case['min_s']:.3g} s least\n"
        )
    for row in figures.get("matrix", []):
        sys.stdout.write(
            f"  {row['side_m']:g} m square at {row['resolution_m']:g} m: {row['seconds']:.3g} s, "
            f"{row['pixels_per_second']:.3g} pixels a second\n"
        )
    _show_rays(figures.get("roofline", {}))
    if "field_map" in figures:
        from heatmat.day_benchmark import as_text

        sys.stdout.write(
            f"a day of maps by the field\n{indent(as_text(figures['field_map']), '  ')}\n"
        )
    for row in figures.get("solweig", {}).get("rows", []):
        sys.stdout.write(
            f"  {row['pixels']} pixels a side, {row['hours']} hours: "
            f"{row['ns_per_pixel_hour']:.0f} ns a pixel and hour, "
            f"solweig {row['solweig_ns_per_pixel_hour']:.0f} ns; "
            f"{row['ratio_loop']:.2f} times as fast, {row['ratio_whole']:.2f} with both set-ups\n"
        )
    if "reference" in figures:
        from heatmat.reference_report import as_table

        sys.stdout.write(as_table(figures["reference"]))


def _show_rays(roofline: dict[str, Any]) -> None:
    if roofline:
        sys.stdout.write(f"memory: {roofline['bandwidth_bytes_per_second']:.3g} bytes a second\n")
    for row in roofline.get("rays", []):
        sys.stdout.write(
            f"  rays from {row['kind']}: {row['rays_per_second']:.3g} a second, touching "
            f"{row['bytes_per_second']:.3g} bytes a second\n"
        )
    for row in roofline.get("side_by_side") or []:
        sys.stdout.write(
            f"  one thread, from {row['kind']}: {row['first_hit_ns']:.0f} ns a ray, Embree "
            f"{row['embree_first_hit_ns']:.0f} ns; {row['first_hit_ratio']:.2f} times as fast\n"
        )
