"""What a user asks of `fetch`, where it goes, and what came of it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from data_sources.city_texts import Source


class Folder(Protocol):
    """Where files go: each appears whole, or not at all."""

    path: Path

    def write(self, name: str) -> AbstractContextManager[Path]:
        """A path to write a file to; it gets its name when whole."""

    def file(self, name: str) -> Path:
        """The path of a file that another writes, noted as ours."""


@dataclass(frozen=True)
class Wish:
    """What a user asks for.

    Attributes
    ----------
    place : str
        Name for Nominatim; empty: `bbox`, `polygon`, `osm` or the rasters say where.
    bbox : str
        ``W,S,E,N`` in degrees.
    polygon, osm : Path or None
        Outline of the area; extract to read in place of a service.
    radius : float or None
        Of the area around `place` [m].
    weather : str
        ``nearest``, ``clear-sky``, an .epw file or address, or ``2023-07-01/2023-07-31``.
    terrain : str
        ``glo30`` or ``flat``; `dem` overrules it.
    dem, dsm, canopy, land_cover : Path or None
        Rasters of the user's.
    views : tuple of str
        Services to fetch street views from.
    max_images : int
        Most images that are fetched.
    """

    place: str = ""
    bbox: str = ""
    polygon: Path | None = None
    osm: Path | None = None
    radius: float | None = None
    weather: str = "nearest"
    terrain: str = "glo30"
    dem: Path | None = None
    dsm: Path | None = None
    canopy: Path | None = None
    land_cover: Path | None = None
    views: tuple[str, ...] = ()
    max_images: int = 2000


@dataclass
class Outcome:
    """What came of it.

    Attributes
    ----------
    rows : list
        Heading, line and number: what was read, and what became of it.
    missing : list of str
        What was asked for and could not be had, a sentence each; the folder runs without.
    notes : list of str
        What people should know.
    sources : list of Source
    """

    rows: list[tuple[str, str, int]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
