"""fetch: from the name of a place to a folder that `run` takes as it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from heatmat.commands.options import Device, DeviceName, Overwrite, Quiet, Seed, Verbose
from heatmat.commands.session import DEGRADED, DONE, Session
from heatmat.errors import HeatMatError, InputError


def _file(option: str, text: str, metavar: str = "FILE") -> Any:
    return typer.Option(option, metavar=metavar, help=text, show_default=False)


def fetch(
    out: Annotated[
        Path, typer.Option("--out", metavar="CITY", help="Folder to make.", show_default=False)
    ],
    place: Annotated[
        str, typer.Argument(metavar="PLACE", help="Name of a place.", show_default=False)
    ] = "",
    bbox: Annotated[str, _file("--bbox", "The area, in degrees.", "W,S,E,N")] = "",
    polygon: Annotated[Path | None, _file("--polygon", "A file with the area's outline.")] = None,
    osm: Annotated[
        Path | None, _file("--osm", "Map data from an .osm, .osm.gz or .osm.pbf: no network.")
    ] = None,
    radius: Annotated[
        float | None,
        typer.Option(metavar="M", min=20.0, help="Around PLACE, in metres.", show_default=False),
    ] = None,
    weather: Annotated[
        str | None,
        _file(
            "--weather",
            "nearest (the typical year of a station), FROM/TO (dates of a past period), an .epw "
            "file or address, clear-sky. Default: nearest; with --osm clear-sky.",
            "WHAT",
        ),
    ] = None,
    terrain: Annotated[
        str | None,
        _file("--terrain", "glo30 or flat. Default: glo30; with --osm flat.", "WHAT"),
    ] = None,
    dem: Annotated[Path | None, _file("--dem", "Your terrain model, a raster.")] = None,
    dsm: Annotated[Path | None, _file("--dsm", "Your surface model: heights (with --dem).")] = None,
    canopy: Annotated[Path | None, _file("--canopy", "Your raster of tree heights.")] = None,
    land_cover: Annotated[
        Path | None, _file("--land-cover", "Your raster of UMEP land cover codes.")
    ] = None,
    views: Annotated[
        str,
        _file("--street-view", "Street views: panoramax, mapillary, both (a,b), none.", "NAMES"),
    ] = "none",
    max_images: Annotated[
        int, typer.Option(metavar="N", min=1, help="Most street images to fetch.")
    ] = 2000,
    offline: Annotated[
        bool, typer.Option("--offline", help="Use only what is on disk and in the cache.")
    ] = False,
    device: Device = DeviceName.auto,
    seed: Seed = 0,
    quiet: Quiet = False,
    verbose: Verbose = False,
    overwrite: Overwrite = False,
) -> int:
    """Make a city folder of a real place: map data, terrain, weather, a scenario, their sources."""
    from data_sources.city_wish import Wish

    session = Session(device, seed, quiet, verbose, overwrite)
    wish = Wish(
        place=place.strip(),
        bbox=bbox,
        polygon=polygon,
        osm=osm,
        radius=radius,
        weather=weather or ("nearest" if osm is None else "clear-sky"),
        terrain=terrain or ("glo30" if osm is None else "flat"),
        dem=dem,
        dsm=dsm,
        canopy=canopy,
        land_cover=land_cover,
        views=tuple(name.strip() for name in views.split(",") if name.strip() not in ("", "none")),
        max_images=max_images,
    )
    return fetch_into(session, wish, out, offline=offline)


def fetch_into(session: Session, wish: Any, out: Path, *, offline: bool = False) -> int:
    """Make or complete the folder; the exit code."""
    # Here, not above: `heatmat --help` stays quick.
    from data_sources.city_folder import fetch_city
    from data_sources.city_texts import table_text
    from data_sources.http import Session as Http
    from heatmat.commands.city_directory import CACHE, CityDirectory, fresh_name

    with CityDirectory.open(out, _inputs(wish), overwrite=session.overwrite) as folder:
        if folder.complete:
            session.note(f"{out}: complete already, from the same request")
            return DONE
        if folder.resumed:
            session.note(f"{out}: going on; what was fetched before is not fetched again")
            for leftover in (out / CACHE).glob(".part-*"):  # of one that was killed
                leftover.unlink()
        http = Http(out / CACHE, offline=offline, log=session.detail, **_mirrors())
        try:
            with session.progress() as report:
                outcome = fetch_city(wish, http, folder, report)
        except HeatMatError:
            folder.give_up()
            raise
        for note in outcome.notes:
            session.note(f"note: {note}")
        for line in outcome.missing:
            session.warn(line)
        for name in folder.kept:
            session.warn(f"{name} was edited, so it is kept; the new one is {fresh_name(name)}")
        folder.finish(
            seconds=session.seconds,
            warnings=session.warnings,
            degraded=bool(outcome.missing),
            missing=outcome.missing,
        )
    sys.stdout.write(table_text(outcome.rows) + "\n")
    session.note(f"heatmat run {out / 'scenario.toml'} --out RESULT")
    return DEGRADED if outcome.missing else DONE


def _mirrors() -> dict[str, Any]:
    """Services asked at another address: ``HEATMAT_MIRRORS="https://a=http://b ..."``."""
    import os

    pairs = [pair.partition("=") for pair in os.environ.get("HEATMAT_MIRRORS", "").split()]
    return {"overrides": {name: target for name, _, target in pairs if target}}


def _inputs(wish: Any) -> dict[str, Any]:
    """What decides the folder, for comparing with an earlier request."""
    from dataclasses import asdict

    from heatmat.run_record import run_inputs

    files, options = {}, {}
    for name, value in asdict(wish).items():
        if isinstance(value, Path):
            if not value.is_file():
                option = "--" + name.replace("_", "-")
                raise InputError("no such file", where=f"{option} {value}", remedy="check the path")
            files[name] = value
        elif value not in ("", None):
            options[name] = value
            if name == "weather" and Path(value).is_file():
                files[name] = Path(value)
    return run_inputs("fetch", {}, files, options)
