"""Heights of buildings and roofs from tags, and the rule for those that have none.

In order: a tagged height; else storeys x 3.0 m plus the roof; else filled from the neighbours.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from heatmat.errors import InputError

STOREY_HEIGHT = 3.0
"""Height of a storey without a tagged height [m] (OpenStreetMap wiki, Key:roof:levels and
Key:building:levels: the default height of a level)."""

MAX_HEIGHT = 1000.0
"""Above this a height is taken for a mistake [m]; the tallest building stands at 828 m."""

MAX_LEVELS = 250.0
FOOT = 0.3048  # m, international foot
INCH = 0.0254  # m

DEFAULT_PITCH_DEG = 30.0
"""Pitch of a gabled, hipped or pyramidal roof whose height is not tagged: our rule."""
SKILLION_PITCH_DEG = 10.0
"""Pitch of a skillion roof whose height is not tagged: our rule."""
MAX_DEFAULT_RISE = 6.0
"""Largest roof height given by the default pitch [m]: our rule, deep blocks are not one roof."""

FILL_DISTANCE = 100.0
"""Neighbours within this distance give a missing height [m]: our rule, about one city block."""
FILL_SOFTENING = 10.0
"""Neighbours weigh area / (distance + this) [m]: our rule. The area, so that a block outweighs the
sheds in its courtyard; the softening, so that touching ones do not decide alone."""
FILL_MIN_NEIGHBOURS = 3
DEFAULT_LEVELS = 3.0
"""Storeys where neither neighbours nor the file have heights: our rule."""

ONE_STOREY_KINDS = frozenset(
    {
        "bicycle_parking",
        "cabin",
        "canopy",
        "carport",
        "entrance",
        "garage",
        "garages",
        "gatehouse",
        "glasshouse",
        "greenhouse",
        "guardhouse",
        "hut",
        "kiosk",
        "pavilion",
        "roof",
        "service",
        "shed",
        "stable",
        "storage_tank",
        "sty",
        "tent",
        "toilets",
        "underpass_entrance",
        "utility",
    }
)
"""Values of `building` and `building:part` that get one storey when untagged: our rule."""

HEIGHT_SOURCES = ("tagged", "levels", "dsm", "filled")
"""Where a height is from: a tag or column, storeys, a surface model minus terrain, or a rule."""

FILL_RULES = ("neighbours", "one_storey", "median", "default")
"""How a height was filled: from the neighbours, as a kind that has one storey, with the median of
the file, with `DEFAULT_LEVELS` storeys."""

ROOF_SHAPES = ("flat", "gabled", "hipped", "pyramidal", "skillion")

_NUMBER = r"[+-]?\d+(?:[.,]\d+)?"
_METRES = re.compile(rf"^~?\s*({_NUMBER})\s*(m|metre|metres|meter|meters)?$", re.IGNORECASE)
_FEET = re.compile(
    rf"^~?\s*({_NUMBER})\s*(?:'|ft|feet|foot)\s*(?:({_NUMBER})\s*(?:\"|''|in))?$", re.IGNORECASE
)
_POINTS = (
    *("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE"),
    *("S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"),
)
_COMPASS = {name: 22.5 * i for i, name in enumerate(_POINTS)}


def parse_length(value: Any) -> float:
    """A length in metres from a tag: ``12``, ``12 m``, ``40'``, ``5'6"``, ``12,5``, ``3;4``.

    Of several values separated by semicolons the largest is taken (the top of the building).

    Returns
    -------
    float
        Metres; NaN where the value is not a length.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    lengths = [_one_length(part.strip()) for part in str(value).split(";") if part.strip()]
    return math.nan if not lengths or any(map(math.isnan, lengths)) else max(lengths)


def _one_length(text: str) -> float:
    if match := _METRES.match(text):
        return float(match[1].replace(",", "."))
    if match := _FEET.match(text):
        inches = float(match[2].replace(",", ".")) if match[2] else 0.0
        return float(match[1].replace(",", ".")) * FOOT + inches * INCH
    return math.nan


def parse_direction(value: Any) -> float:
    """Degrees clockwise from north: of a number or a compass word; NaN of anything else."""
    text = str(value).strip().upper()
    if text in _COMPASS:
        return _COMPASS[text]
    try:
        degrees = float(text.rstrip("°"))
    except ValueError:
        return math.nan
    return degrees % 360.0 if math.isfinite(degrees) else math.nan


@dataclass
class TagReader:
    """Reads lengths and counts; bad values are errors in the user's tables, counted in OSM.

    Parameters
    ----------
    lenient : bool
        True: a bad value counts as missing (``counts["unreadable_tags"]``).
    counts : Counter
        Where such cases are counted.
    """

    lenient: bool
    counts: Counter[str]

    def number(self, tags: dict[str, Any], key: str, where: str, largest: float) -> float:
        """The number at `key` within 0 to `largest`, NaN where missing.

        Raises
        ------
        InputError
            When it is negative, too large or not a number, and the reader is not lenient.
        """
        if key not in tags:
            return math.nan
        value = parse_length(tags[key])
        if 0.0 <= value <= largest:
            return value
        if self.lenient:
            self.counts["unreadable_tags"] += 1
            return math.nan
        raise InputError(
            f"{key} is not a usable number",
            where=where,
            expected=f"0 to {largest:g}",
            got=repr(tags[key]),
            remedy="mend the value, or leave it empty to have it filled from the neighbours",
        )


@dataclass(frozen=True)
class Heights:
    """Heights of one footprint above its base [m]; the height is NaN where it must be filled."""

    height: float
    min_height: float
    roof_shape: str
    roof_height: float
    roof_direction_deg: float
    source: str


def heights_from_tags(tags: dict[str, Any], polygon: Any, where: str, reader: TagReader) -> Heights:
    """What the tags of one building or part say about its heights.

    Parameters
    ----------
    tags : dict
        OpenStreetMap-style tags.
    polygon : shapely Polygon
        Footprint in metres, for the default roof pitch.
    where : str
        File and feature, for messages.
    reader : TagReader
        Strict or lenient.

    Returns
    -------
    Heights
        ``source`` is ``"tagged"``, ``"levels"`` or ``""``. A height of 0 counts as missing.
    """
    shape = _roof_shape(tags, reader)
    rise = _roof_rise(tags, shape, polygon, where, reader)
    height = reader.number(tags, "height", where, MAX_HEIGHT)
    if math.isnan(height):
        height = reader.number(tags, "height_m", where, MAX_HEIGHT)
    source = "tagged"
    if height == 0.0:
        reader.counts["height_zero"] += 1
    if not height > 0.0:
        height, source = _from_levels(tags, rise, where, reader)
    low = _min_height(tags, where, reader)
    if height <= low:
        reader.counts["min_height_dropped"] += 1
        low = 0.0
    if not math.isnan(height):
        rise = min(rise, height - low)
    direction = parse_direction(tags["roof:direction"]) if "roof:direction" in tags else math.nan
    return Heights(height, low, shape, rise, direction, source)


def _roof_shape(tags: dict[str, Any], reader: TagReader) -> str:
    shape = str(tags.get("roof:shape", "flat")).strip().lower()
    if shape in ROOF_SHAPES:
        return shape
    reader.counts["roof_shape_flattened"] += 1
    return "flat"


def _roof_rise(
    tags: dict[str, Any], shape: str, polygon: Any, where: str, reader: TagReader
) -> float:
    """Height of the roof itself [m]: tagged, from its levels, or by a default pitch."""
    if shape == "flat":
        return 0.0
    tagged = reader.number(tags, "roof:height", where, MAX_HEIGHT)
    if not math.isnan(tagged):
        return tagged
    levels = reader.number(tags, "roof:levels", where, MAX_LEVELS)
    if levels > 0.0:
        return STOREY_HEIGHT * levels
    width = _short_side(polygon)
    if shape == "skillion":
        return min(MAX_DEFAULT_RISE, width * math.tan(math.radians(SKILLION_PITCH_DEG)))
    return min(MAX_DEFAULT_RISE, 0.5 * width * math.tan(math.radians(DEFAULT_PITCH_DEG)))


def _short_side(polygon: Any) -> float:
    """Short side of the smallest rectangle around the footprint [m]."""
    import shapely

    box = shapely.oriented_envelope(polygon)
    if box.geom_type != "Polygon" or box.is_empty:
        # GEOS gives up on some needles: their width is about area over half the perimeter.
        return float(2.0 * polygon.area / polygon.length)
    (ax, ay), (bx, by), (cx, cy) = list(box.exterior.coords)[:3]
    return min(math.hypot(bx - ax, by - ay), math.hypot(cx - bx, cy - by))


def _from_levels(
    tags: dict[str, Any], rise: float, where: str, reader: TagReader
) -> tuple[float, str]:
    """Storeys x 3.0 m plus the roof: its own height, else its levels (under a flat roof too)."""
    levels = reader.number(tags, "building:levels", where, MAX_LEVELS)
    roof_levels = reader.number(tags, "roof:levels", where, MAX_LEVELS)
    if math.isnan(levels):
        return math.nan, ""
    top = rise
    if rise == 0.0:
        tagged = reader.number(tags, "roof:height", where, MAX_HEIGHT)
        top = STOREY_HEIGHT * roof_levels if math.isnan(tagged) else tagged
    height = STOREY_HEIGHT * levels + (0.0 if math.isnan(top) else top)
    return (height, "levels") if 0.0 < height <= MAX_HEIGHT else (math.nan, "")


def _min_height(tags: dict[str, Any], where: str, reader: TagReader) -> float:
    low = reader.number(tags, "min_height", where, MAX_HEIGHT)
    if math.isnan(low):
        low = STOREY_HEIGHT * reader.number(tags, "building:min_level", where, MAX_LEVELS)
    return 0.0 if math.isnan(low) else low


def is_one_storey(tags: dict[str, Any]) -> bool:
    """Whether the kind of building is one that has a single storey."""
    kinds = {str(tags.get(key, "")).lower() for key in ("building", "building:part", "man_made")}
    return bool(kinds & ONE_STOREY_KINDS)


def fill_heights(
    polygons: list[Any], heights: list[float], low: list[bool]
) -> tuple[list[float], list[str]]:
    """Give every missing height one.

    One-storey kinds get one storey. The others get the median of the known heights within
    `FILL_DISTANCE`, each weighted by area / (distance + `FILL_SOFTENING`); with fewer than
    `FILL_MIN_NEIGHBOURS` of them the median of the whole file; with fewer than that in the file
    `DEFAULT_LEVELS` storeys. One-storey kinds are not asked as neighbours.

    Parameters
    ----------
    polygons : list of shapely Polygon
        Footprints in metres.
    heights : list of float
        Known heights [m], NaN where missing.
    low : list of bool
        Whether the kind has one storey.

    Returns
    -------
    list of float
        Heights [m], none missing.
    list of str
        The rule of `FILL_RULES` that gave each, "" where the height was known.
    """
    import numpy as np
    import shapely

    known = [i for i, h in enumerate(heights) if not math.isnan(h) and not low[i]]
    values = np.array([heights[i] for i in known])
    fallback, rest = DEFAULT_LEVELS * STOREY_HEIGHT, "default"
    if len(known) >= FILL_MIN_NEIGHBOURS:
        fallback, rest = float(np.median(values)), "median"
    filled, rules = list(heights), [""] * len(heights)
    missing = [i for i, height in enumerate(heights) if math.isnan(height)]
    asked = np.array([polygons[i] for i in missing if not low[i]], dtype=object)
    tree = shapely.STRtree([polygons[i] for i in known])
    west, south, east, north = shapely.bounds(asked).reshape(-1, 4).T
    reach = FILL_DISTANCE
    # Boxes first: the distance is needed anyway, and measured once.
    boxes = shapely.box(west - reach, south - reach, east + reach, north + reach)
    who, near = tree.query(boxes)
    distance = shapely.distance(asked[who], tree.geometries[near])
    close = np.flatnonzero(distance <= reach)
    close = close[np.argsort(who[close], kind="stable")]
    who, near, distance = who[close], near[close], distance[close]
    weights = shapely.area(tree.geometries[near]) / (distance + FILL_SOFTENING)
    first = np.searchsorted(who, np.arange(len(asked) + 1))
    row = 0
    for i in missing:
        if low[i]:
            filled[i], rules[i] = STOREY_HEIGHT, "one_storey"
            continue
        mine = slice(first[row], first[row + 1])
        row += 1
        if mine.stop - mine.start < FILL_MIN_NEIGHBOURS:
            filled[i], rules[i] = fallback, rest
        else:
            filled[i] = weighted_median(values[near[mine]], weights[mine])
            rules[i] = "neighbours"
    return filled, rules


def weighted_median(values: Any, weights: Any) -> float:
    """The value at which the sorted weights reach half of their sum."""
    import numpy as np

    order = np.argsort(values, kind="stable")
    running = np.cumsum(np.asarray(weights)[order])
    return float(np.asarray(values)[order][np.searchsorted(running, 0.5 * running[-1])])
