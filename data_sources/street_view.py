"""Street view behind one interface: find images in an area, choose views of facades, keep them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_sources.street_image import StreetImage

if TYPE_CHECKING:
    import geopandas as gpd

    from data_sources.http import Session
    from heatmat.city import City

SOURCES = ("panoramax", "mapillary")


@dataclass(frozen=True)
class ViewsResult:
    """What `fetch_views` found and wrote.

    Attributes
    ----------
    counts : dict of str to int
        ``images_found``, ``images_thinned`` (left after thinning), ``images_used``,
        ``images_fetched``, ``images_kept`` (there already), ``facades``, ``facades_seen``,
        ``buildings``, ``buildings_seen``, ``views``.
    coverage : float
        Share of the facade area (m2 above ground, walls to the open) that a chosen view sees.
    skipped : dict of str to int
        Why images were not used, and how many: ``no_heading``, ``inside_building``, ``broken``...
    notes : list of str
        One line each for what a user should know: a service that failed, images cut off by `limit`.
    provenance : list of dict
        For SOURCES.md, a row a source and licence: ``source``, ``licence``, ``authors`` (list),
        ``images``, ``address``.
    table : Path or None
        The ``views.csv`` written, None without any view.
    """

    counts: dict[str, int]
    coverage: float
    skipped: dict[str, int]
    notes: list[str] = field(default_factory=list)
    provenance: list[dict[str, Any]] = field(default_factory=list)
    table: Path | None = None


def find_images(
    area: tuple[float, float, float, float], source: str, session: Session
) -> list[StreetImage]:
    """Every image that a service has in an area.

    Parameters
    ----------
    area : tuple of float
        west, south, east, north [degrees, WGS 84].
    source : str
        ``panoramax`` or ``mapillary`` (needs a token in the environment variable MAPILLARY_TOKEN).
    session : Session
        The HTTP layer.

    Raises
    ------
    InputError
        On an unknown source, a missing token, a service that does not answer.
    """
    raise NotImplementedError


def fetch_views(
    city: City | gpd.GeoDataFrame,
    session: Session,
    folder: Path,
    *,
    sources: Sequence[str] = ("panoramax",),
    spacing_m: float = 8.0,
    per_building: int = 5,
    limit: int = 2000,
    progress: Callable[[str], None] | None = None,
) -> ViewsResult:
    """Find, choose, fetch and cut the best views of every building's facades.

    Parameters
    ----------
    city : City or GeoDataFrame
        Buildings in metres: ``geometry`` and ``building_id``, ``height``, ``min_height`` (0 where
        absent). Of a City those in the extent get views; those in the margin only hide.
    session : Session
        The HTTP layer.
    folder : Path
        City folder; everything is written to ``folder/views``.
    sources : sequence of str
        Of `SOURCES`.
    spacing_m : float
        Distance along the street that thinning leaves between images of one direction [m].
    per_building : int
        Views of each building at most.
    limit : int
        Images that are fetched at most; more are listed as left out.
    progress : callable, optional
        Is told one line per stage.

    Returns
    -------
    ViewsResult

    Raises
    ------
    InputError
        On an unknown source, a missing token, a coordinate system that is not metric.
    """
    raise NotImplementedError
