"""Constructions from OpenStreetMap material and colour tags: the tables, in one place.

The keys are values that the OpenStreetMap wiki documents for `building:material`, `roof:material`
and `surface`; which construction stands for each is our choice. A colour says less than a material,
so it gives a lower confidence. The confidences are stated judgements, not measurements.
"""

from __future__ import annotations

import colorsys
import json
import math
from typing import Any

from heatmat.errors import InputError
from heatmat.facade_evidence import fits

Composition = tuple[tuple[str, float], ...]

CONFIDENCE_STATED = 1.0
CONFIDENCE_MATERIAL = 0.9
CONFIDENCE_COLOUR = 0.4
CONFIDENCE_DEFAULT = 0.0

WALLS = {
    "brick": "solid_brick_wall",
    "bricks": "solid_brick_wall",
    "clinker": "solid_brick_wall",
    "masonry": "solid_brick_wall",
    "concrete": "concrete_wall",
    "reinforced_concrete": "concrete_wall",
    "cement_block": "concrete_wall",
    "concrete_block": "concrete_wall",
    "plaster": "rendered_masonry_wall",
    "stucco": "rendered_masonry_wall",
    "render": "rendered_masonry_wall",
    "timber_framing": "rendered_masonry_wall",
    "adobe": "rendered_masonry_wall",
    "stone": "stone_wall",
    "sandstone": "stone_wall",
    "limestone": "stone_wall",
    "granite": "stone_wall",
    "marble": "stone_wall",
    "glass": "glass_curtain_wall",
    "mirror": "glass_curtain_wall",
    "wood": "wood_wall",
    "timber": "wood_wall",
    "metal": "metal_wall",
    "metal_plates": "metal_wall",
    "steel": "metal_wall",
    "aluminium": "metal_wall",
    "copper": "metal_wall",
    "tin": "metal_wall",
}

ROOFS = {
    "roof_tiles": "tile_roof",
    "tile": "tile_roof",
    "tiles": "tile_roof",
    "slate": "slate_roof",
    "stone": "slate_roof",
    "metal": "metal_roof",
    "metal_sheet": "metal_roof",
    "copper": "metal_roof",
    "zinc": "metal_roof",
    "tin": "metal_roof",
    "steel": "metal_roof",
    "aluminium": "metal_roof",
    "tar_paper": "bitumen_roof",
    "bitumen": "bitumen_roof",
    "asphalt": "bitumen_roof",
    "asphalt_shingle": "bitumen_roof",
    "roofing_felt": "bitumen_roof",
    "gravel": "gravel_roof",
    "concrete": "concrete_roof",
    "cement": "concrete_roof",
    "grass": "green_roof",
    "green": "green_roof",
    "plants": "green_roof",
    "white_membrane": "white_membrane_roof",
}

WALL_COLOURS = {"red": "solid_brick_wall", "light": "rendered_masonry_wall"}
ROOF_COLOURS = {"red": "tile_roof", "white": "white_membrane_roof"}

SURFACES = {
    "asphalt": "asphalt_street",
    "chipseal": "asphalt_street",
    "tartan": "asphalt_street",
    "concrete": "concrete_paving",
    "concrete:plates": "concrete_paving",
    "concrete:lanes": "concrete_paving",
    "paving_stones": "concrete_paving",
    "sett": "setts_street",
    "cobblestone": "setts_street",
    "unhewn_cobblestone": "setts_street",
    "bricks": "setts_street",
    "gravel": "gravel_ground",
    "fine_gravel": "gravel_ground",
    "compacted": "gravel_ground",
    "pebblestone": "gravel_ground",
    "unpaved": "gravel_ground",
    "ground": "bare_soil",
    "dirt": "bare_soil",
    "earth": "bare_soil",
    "mud": "bare_soil",
    "sand": "bare_soil",
    "clay": "bare_soil",
    "grass": "grass",
    "grass_paver": "grass",
}


def facade_of(tags: dict[str, Any], default: str, where: str) -> tuple[Composition, str, float]:
    """Facade composition, its source and confidence, of one building.

    In order: `facade_composition`, `facade`, `building:material`, `building:colour`, the default.

    Returns
    -------
    composition : tuple of (construction, fraction)
        Fractions sum to 1.
    source : str
        The tag it comes from, or ``"default"``.
    confidence : float
        0 to 1.
    """
    if "facade_composition" in tags:
        composition = parse_composition(tags["facade_composition"], where)
        if fits(tags):  # written by `heatmat materials`, and not edited since
            source = str(tags.get("facade_source") or "facade_composition")
            return composition, source, _confidence(tags.get("facade_confidence"))
        return composition, "facade_composition", CONFIDENCE_STATED
    if "facade" in tags:
        return ((_name(tags["facade"], "facade", where), 1.0),), "facade", CONFIDENCE_STATED
    material = WALLS.get(_word(tags.get("building:material")))
    if material:
        return ((material, 1.0),), "building:material", CONFIDENCE_MATERIAL
    colour = WALL_COLOURS.get(colour_class(tags.get("building:colour")).replace("white", "light"))
    if colour:
        return ((colour, 1.0),), "building:colour", CONFIDENCE_COLOUR
    return ((default, 1.0),), "default", CONFIDENCE_DEFAULT


def _confidence(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return CONFIDENCE_STATED
    return min(1.0, max(0.0, number)) if math.isfinite(number) else CONFIDENCE_STATED


def roof_of(tags: dict[str, Any], default: str, where: str) -> tuple[str, str]:
    """Roof construction and its source: `roof`, `roof:material`, `roof:colour`, the default."""
    if "roof" in tags:
        return _name(tags["roof"], "roof", where), "roof"
    material = ROOFS.get(_word(tags.get("roof:material")))
    if material:
        return material, "roof:material"
    colour = ROOF_COLOURS.get(colour_class(tags.get("roof:colour")))
    return (colour, "roof:colour") if colour else (default, "default")


def parse_composition(value: Any, where: str) -> Composition:
    """A JSON object of construction to fraction, as a tuple whose fractions sum to 1.

    Raises
    ------
    InputError
        When it is not such an object, a fraction is not positive, or the sum is off by over 0.01.
    """
    form = 'a JSON object such as {"solid_brick_wall": 0.7, "glass_curtain_wall": 0.3}'
    try:
        table = json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError as error:
        raise InputError(
            f"facade_composition is not JSON ({error.msg})", where=where, expected=form, got=value
        ) from error
    if not isinstance(table, dict) or not table:
        raise InputError(
            "facade_composition is not an object", where=where, expected=form, got=repr(value)
        )
    for name, fraction in table.items():
        number = isinstance(fraction, (int, float)) and not isinstance(fraction, bool)
        if not number or not 0.0 <= float(fraction) <= 1.0:
            raise InputError(
                f"the fraction of {name!r} in facade_composition is not between 0 and 1",
                where=where,
                got=repr(fraction),
            )
    total = math.fsum(float(fraction) for fraction in table.values())
    if abs(total - 1.0) > 0.01:
        raise InputError(
            "the fractions of facade_composition do not sum to 1",
            where=where,
            expected="1 within 0.01",
            got=f"{total:g}",
        )
    return tuple((str(name), float(f) / total) for name, f in table.items() if float(f) > 0.0)


def _name(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{key} is not a construction's name", where=where, got=repr(value))
    return value.strip()


def _word(value: Any) -> str:
    """A tag value in its usual spelling; of several the first."""
    return str(value or "").split(";")[0].strip().lower().replace(" ", "_").replace("-", "_")


def colour_class(value: Any) -> str:
    """``"red"`` (red, orange-brown), ``"white"``, ``"light"`` (pale, yellow), or ``""``.

    Takes what `building:colour` holds: a hexadecimal triple or a CSS colour name.
    """
    rgb = _rgb(value)
    if rgb is None:
        return ""
    hue, lightness, saturation = colorsys.rgb_to_hls(*rgb)
    if lightness > 0.9 and saturation < 0.2 or min(rgb) > 0.93:
        return "white"
    warm = hue * 360.0 < 70.0 or hue * 360.0 > 345.0
    if lightness > 0.72 and (warm or saturation < 0.15):
        return "light"
    if hue * 360.0 < 32.0 or hue * 360.0 > 345.0:
        return "red" if saturation > 0.25 and 0.12 < lightness < 0.6 else ""
    return ""


def _rgb(value: Any) -> tuple[float, float, float] | None:
    from matplotlib.colors import to_rgb

    text = str(value or "").split(";")[0].strip().lower().replace(" ", "").replace("_", "")
    if not text:
        return None
    try:
        red, green, blue = to_rgb(text)
    except ValueError:
        return None
    return float(red), float(green), float(blue)
