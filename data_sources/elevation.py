"""Terrain and heights: Copernicus GLO-30 read by window, and the user's own elevation rasters."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_sources.cache import Provenance


@dataclass(frozen=True)
class TerrainResult:
    """What `fetch_terrain` found.

    Attributes
    ----------
    path : Path or None
        ``terrain.tif`` in the city folder (metres, UTM zone of the place); None where the ground is
        taken as flat, or no elevation is known.
    note : str
        One sentence for people: what was taken, or why nothing.
    provenance : tuple of Provenance
        One entry for each file that was read.
    relief : float
        Highest minus lowest terrain of the area [m]; NaN where unknown.
    elevation : float
        Mean terrain height of the area above sea [m]; NaN where unknown.
    """

    path: Path | None
    note: str
    provenance: tuple[Provenance, ...] = field(default=())
    relief: float = float("nan")
    elevation: float = float("nan")


def fetch_terrain(
    bounds: tuple[float, float, float, float], session: Any, folder: Path
) -> TerrainResult:
    """Terrain of an area from Copernicus GLO-30.

    Parameters
    ----------
    bounds : tuple of float
        West, south, east, north [degrees, WGS 84].
    session : data_sources.http.Session
    folder : Path
        City folder.
    """
    raise NotImplementedError
