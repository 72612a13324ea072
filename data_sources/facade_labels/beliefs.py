"""Every building's facade from what is known of it, in order, each with its source.

1. A person's correction.  2. What the buildings file states by hand (kept as it is).  3. A material
tag of OpenStreetMap.  4. Images.  5. Neighbours alike.  6. The regional default.

Windows follow the same order, but that a tag says nothing of them. A colour tag says little: it
leans the belief that images start from, and what neighbours tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data_sources.facade_labels.answer import LABELS
from data_sources.facade_labels.corrections import Correction
from data_sources.facade_labels.evidence import Belief, Sight, Worth, combine, worth_of_views
from data_sources.facade_labels.fill_in import Buildings, FillIn, Filling
from data_sources.facade_labels.sights import as_vector

CORRECTION, STATED, IMAGES = "correction", "stated", "images"
SOURCES = (
    CORRECTION,
    STATED,
    "building:material",
    IMAGES,
    "building:colour",
    "neighbours",
    "regional_default",
)
"""Values of ``facade_source``, those that know most first."""

PERSON_COUNTS = 200.0
"""What a person's word is worth: shares within some 3 %. Stated."""

TAG_COUNTS, TAG_SHARE = 20.0, 0.95
"""What a material tag is worth, and the share that its material is expected to have: the rest of a
tagged wall is often of something else. Stated."""

COLOUR_COUNTS = 1.0
"""What a colour tag leans a belief by. Stated."""

PRIOR_COUNTS = 0.1
"""Images start from what neighbours tell, held to so many counts."""

LEAST_WEIGHT = 0.02
"""Views that weigh less than this together are no evidence."""

TAG_LABELS = {
    "solid_brick_wall": "brick",
    "insulated_brick_wall": "brick",
    "concrete_wall": "concrete",
    "insulated_concrete_wall": "concrete",
    "rendered_masonry_wall": "render",
    "insulated_render_wall": "render",
    "stone_wall": "natural_stone",
    "wood_wall": "wood",
    "metal_wall": "metal",
    "glass_curtain_wall": "glass",
}
"""The material that a construction of the library shows: what tags and defaults say as labels."""


@dataclass(frozen=True)
class Facade:
    """What is believed of a building, and why.

    Attributes
    ----------
    belief : Belief
    source : str
        Of `SOURCES`; where the wall's material is from.
    window_source : str
        Where its window share is from.
    images : tuple of str
        Views that were used, those of most weight first.
    neighbours : tuple of str
        Buildings that it was filled from.
    said : str
        The tag, or the note of a correction.
    """

    belief: Belief
    source: str
    window_source: str
    images: tuple[str, ...] = ()
    neighbours: tuple[str, ...] = ()
    said: str = ""


@dataclass(frozen=True)
class Known:
    """What is known of the buildings of a city beside the images.

    Attributes
    ----------
    buildings : Buildings
    tags : dict of str to (str, str, str)
        Building id to the key, the value and the label of a material or colour tag.
    stated : dict of str to dict of str to float
        Building id to the construction shares that the file states by hand.
    default : Belief
        The regional default.
    """

    buildings: Buildings
    default: Belief
    tags: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    stated: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Beliefs:
    """Facades by building id, and what views and neighbours turned out to be worth.

    ``mute`` names the buildings whose views say too little to count.
    """

    facades: dict[str, Facade]
    worth: Worth
    neighbour_counts: tuple[float, float]
    mute: tuple[str, ...] = ()


def believe(
    known: Known,
    sights: Mapping[str, Sequence[Sight]],
    corrections: Sequence[Correction] = (),
    worth: Worth | None = None,
) -> Beliefs:
    """Put everything together.

    Parameters
    ----------
    known : Known
    sights : mapping of str to sequence of Sight
        By building id; corrected images are in it as corrected.
    corrections : sequence of Correction
        Those of images are left alone.
    worth : Worth, optional
        Default: from the views themselves.

    Returns
    -------
    Beliefs
        Of every building but those that are stated by hand.
    """
    said = {row.building_id: row for row in corrections if not row.image_id}
    use = {
        name: views
        for name, views in sights.items()
        if sum(view.weight for view in views) >= LEAST_WEIGHT
    }
    worth = worth or worth_of_views(use)
    start = _limited(known.default, PRIOR_COUNTS)
    certain = _certain(known, use, said, worth, lambda _: start)
    fill = FillIn(known.buildings, certain, known.default)
    rows = {name: i for i, name in enumerate(known.buildings.ids)}
    fillings: dict[str, Filling] = {}

    def without(name: str) -> Filling:
        if name not in fillings:
            fillings[name] = fill.fill(rows[name])
        return fillings[name]

    # Once more, now that neighbours tell where images start from.
    better = _certain(
        known, use, said, worth, lambda name: _limited(without(name).belief, PRIOR_COUNTS)
    )
    facades = {
        name: _facade(name, known, use, said, better, without)
        for name in known.buildings.ids
        if name not in known.stated or name in said
    }
    mute = tuple(name for name, views in sights.items() if views and name not in use)
    return Beliefs(facades, worth, fill.counts, mute)


def _certain(
    known: Known,
    sights: Mapping[str, Sequence[Sight]],
    said: Mapping[str, Correction],
    worth: Worth,
    prior: Any,
) -> dict[str, Belief]:
    """Beliefs about the buildings that something is known of."""
    found: dict[str, Belief] = {}
    for name in known.buildings.ids:
        views = sights.get(name, ())
        row, tag, stated = said.get(name), known.tags.get(name), known.stated.get(name)
        is_material = tag is not None and tag[0] == "building:material"
        if not (views or row or is_material or stated):
            continue
        start = prior(name)
        if tag is not None and not is_material:
            start = Belief(start.materials + COLOUR_COUNTS * _pure(tag[2]), start.window)
        belief = combine(views, worth, start) if views else start
        materials, window = belief.materials, belief.window
        if tag is not None and is_material:
            rest = (1.0 - TAG_SHARE) / len(LABELS)
            materials = TAG_COUNTS * (TAG_SHARE * _pure(tag[2]) + rest)
        if stated and row is None:
            shares = _as_labels(stated)
            if shares is None:
                continue
            materials = PERSON_COUNTS * shares + 0.01
        if row is not None and row.shares is not None:
            materials = PERSON_COUNTS * as_vector(row.shares) + 0.01
        if row is not None and not math.isnan(row.window_share):
            share = min(max(row.window_share, 1e-4), 1.0 - 1e-4)
            window = PERSON_COUNTS * np.array([share, 1.0 - share])
        found[name] = Belief(materials, window)
    return found


def _facade(
    name: str,
    known: Known,
    sights: Mapping[str, Sequence[Sight]],
    said: Mapping[str, Correction],
    certain: Mapping[str, Belief],
    fill: Any,
) -> Facade:
    """One building's facade with its sources."""
    views = sorted(sights.get(name, ()), key=lambda view: -view.weight)
    images = tuple(view.image_id for view in views)
    row, tag = said.get(name), known.tags.get(name)
    filled = fill(name)
    window_source = IMAGES if views else filled.rule
    if row is not None and not math.isnan(row.window_share):
        window_source = CORRECTION
    if row is not None and row.shares is not None:
        return Facade(certain[name], CORRECTION, window_source, images, said=row.note)
    if tag is not None and tag[0] == "building:material":
        return Facade(certain[name], tag[0], window_source, images, said=tag[1])
    if views:
        leaning = f"{tag[0]}={tag[1]}" if tag else ""
        return Facade(certain[name], IMAGES, window_source, images, said=leaning)
    belief, source = filled.belief, filled.rule
    if tag is not None:
        source = tag[0]
        belief = Belief(belief.materials + COLOUR_COUNTS * _pure(tag[2]), belief.window)
    if row is not None:  # windows alone are corrected
        belief = Belief(belief.materials, certain[name].window)
    return Facade(
        belief, source, window_source, neighbours=filled.neighbours, said=tag[1] if tag else ""
    )


def _limited(belief: Belief, counts: float) -> Belief:
    """The same shares on at most so many counts."""
    materials = belief.materials * min(1.0, counts / belief.materials.sum())
    return Belief(materials, belief.window * min(1.0, counts / belief.window.sum()))


def _pure(label: str) -> np.ndarray:
    values = np.zeros(len(LABELS))
    values[LABELS.index(label)] = 1.0
    return values


def _as_labels(composition: Mapping[str, float]) -> np.ndarray | None:
    """A composition of constructions as labels; None where one of them is none of ours."""
    values = np.zeros(len(LABELS))
    for name, share in composition.items():
        label = TAG_LABELS.get({"brick_wall": "solid_brick_wall"}.get(name, name))
        if label is None:
            return None
        values[LABELS.index(label)] += share
    return values / values.sum()
