"""materials: facade compositions of a city folder from its street views."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from heatmat.commands.options import Overwrite, Quiet, Seed, Verbose
from heatmat.commands.session import DEGRADED, DONE, Session
from heatmat.errors import InputError

if TYPE_CHECKING:
    from data_sources.facade_labels.city_materials import Materials

ANSWERS = "answers.jsonl"


def _option(name: str, text: str, metavar: str = "FILE") -> Any:
    return typer.Option(name, metavar=metavar, help=text, show_default=False)


def materials(
    city: Annotated[
        Path | None,
        typer.Argument(metavar="CITY", help="City folder with views.", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        _option("--model", "Name on the Hugging Face hub (NAME@REVISION), or a folder.", "MODEL"),
    ] = None,
    revision: Annotated[
        str | None, _option("--revision", "Commit, tag or branch on the hub.", "COMMIT")
    ] = None,
    evaluate: Annotated[
        Path | None, _option("--evaluate", "Compare with labelled images.", "LABELS.csv")
    ] = None,
    self_check: Annotated[
        bool, typer.Option("--self-check", help="Run drawn sample images on the model.")
    ] = False,
    corrections: Annotated[
        Path | None, _option("--corrections", "Add a corrections.csv from the gallery.")
    ] = None,
    prompts: Annotated[Path | None, _option("--prompts", "Other words for the model.")] = None,
    device: Annotated[
        str, _option("--device", "auto, cpu, cuda, cuda:N or metal: where the model runs.", "WHERE")
    ] = "auto",
    dtype: Annotated[
        str, _option("--dtype", "auto, float32, float16 or bfloat16.", "TYPE")
    ] = "auto",
    batch_size: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Tiles at once.", show_default=False)
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Use only weights that are on disk.")
    ] = False,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """Facade composition of every building, from its images, tags and neighbours."""
    session = Session(seed=seed, quiet=quiet, verbose=verbose, overwrite=overwrite)
    asked = {"--self-check": self_check, "--evaluate": evaluate, "--corrections": corrections}
    if len(given := [name for name, value in asked.items() if value]) > 1:
        raise InputError("one at a time", where=" ".join(given), remedy="run each on its own")
    if city is None and not self_check:
        raise InputError("which city?", where="CITY", remedy="heatmat materials CITY/")
    if city is not None and not city.is_dir():
        raise InputError("no such folder", where=str(city), remedy="make one: heatmat fetch")

    def load() -> Any:
        from data_sources.facade_labels.loading import load_labeller

        return load_labeller(
            model, revision=revision, device=device, dtype=dtype, batch_size=batch_size,
            offline=offline, prompts=prompts,
        )  # fmt: skip

    if self_check:
        return _self_check(session, load, city)
    assert city is not None
    if evaluate is not None:
        return _evaluate(session, load, city, evaluate)
    return _label(session, load, city, corrections)


def _label(session: Session, load: Any, city: Path, corrections: Path | None) -> int:
    from data_sources.facade_labels.city_materials import FOLDER, label_city
    from data_sources.facade_labels.corrections import read_corrections
    from data_sources.facade_labels.gallery import write_gallery

    if corrections is not None and not corrections.is_file():
        raise InputError("no such file", where=f"--corrections {corrections}")
    more = read_corrections(corrections) if corrections is not None else []
    runs: list[Any] = []

    def answer(crops: Sequence[Any], say: Any) -> list[Any]:
        from data_sources.facade_labels.run_labels import label_crops

        say("materials: loading the model")
        run = label_crops(load(), crops, city / FOLDER / ANSWERS, progress=session.note)
        runs.append(run)
        return list(run.answers)

    with session.progress() as report:
        result = label_city(city, answer, report, more=more)
        gallery = write_gallery(city, result)
    for note in result.notes:
        session.note(f"note: {_plain(note)}")
    if result.city.edited:
        session.note(f"note: kept as edited by hand: {_plain(_some(result.city.edited))}")
    for name, why in sorted(result.skipped.items()):
        session.warn(_plain(f"{name}: not used, {why}"))
    sys.stdout.write(summary(result, runs[0].images_per_second if runs else 0.0) + "\n")
    session.note(f"look at it and correct it: {gallery}")
    session.note(f"heatmat run {city / 'scenario.toml'} --out RESULT")
    return DEGRADED if result.skipped else DONE


def _plain(text: str) -> str:
    """Names come from outside: no line breaks, nothing that a terminal obeys."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


LINES: Mapping[str, str] = {
    "buildings": "buildings and parts",
    "correction": "corrected by a person",
    "stated": "stated in the file, kept",
    "building:material": "from a tag of the material",
    "images": "from images",
    "building:colour": "from a tag of the colour, and neighbours",
    "neighbours": "filled from neighbours alike",
    "regional_default": "the regional default",
    "views": "views",
    "views_without_facade": "views that show no facade",
    "views_skipped": "views that cannot be used",
}


def summary(result: Materials, speed: float) -> str:
    """The counts for standard output."""
    rows = [
        (text, f"{result.counts[key]}") for key, text in LINES.items() if result.counts.get(key)
    ]
    sure = [facade.belief.confidence for facade in result.beliefs.facades.values()]
    if sure:
        rows.append(("mean confidence", f"{sum(sure) / len(sure):.2f}"))
    if speed > 0.0:
        rows.append(("images a second", f"{speed:.3g}"))
    width = max(len(text) for text, _ in rows)
    return "\n".join(f"{text:<{width}}  {value:>8}" for text, value in rows)


def _evaluate(session: Session, load: Any, city: Path, labels: Path) -> int:
    from data_sources.facade_labels.evaluate import evaluate_model, read_labels, report_lines
    from data_sources.facade_labels.evaluation_page import write_evaluation

    rows = read_labels(labels, city)
    with session.progress() as report:
        report("materials: loading the model")
        found = evaluate_model(load(), rows, city, seed=session.seed, progress=session.note)
        page = write_evaluation(city, found)
    for name, why in sorted(found.skipped.items()):
        session.warn(_plain(f"{name}: not used, {why}"))
    sys.stdout.write("\n".join(report_lines(found)) + "\n")
    session.note(f"{page}")
    return DEGRADED if found.skipped else DONE


def _self_check(session: Session, load: Any, city: Path | None) -> int:
    from data_sources.facade_labels.self_check import check_lines, check_model

    with session.progress() as report:
        report("materials: loading the model")
        found = check_model(load(), progress=session.note)
    sys.stdout.write("\n".join(check_lines(found)) + "\n")
    if not found.passed:
        session.warn("the model does not tell drawn facades apart: do not use it before --evaluate")
    return DONE if found.passed else DEGRADED
