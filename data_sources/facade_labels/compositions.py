"""Labels to constructions: a belief as the composition and evidence of a buildings file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data_sources.facade_labels.answer import LABELS, WINDOW
from data_sources.facade_labels.beliefs import Facade
from data_sources.facade_labels.evidence import Belief
from heatmat.facade_evidence import DECIMALS, composition_digest

LEAST_SHARE = 0.03
"""Constructions of less of a facade are left out of its composition (not of its evidence)."""

MOST = 8
"""Constructions of one composition: what the engine holds."""

FIELDS = ("facade_composition", "facade_source", "facade_confidence", "facade_evidence")


def composition(belief: Belief, table: Mapping[str, str]) -> dict[str, float]:
    """Expected shares of constructions, windows among them; largest first, sum 1.

    Parameters
    ----------
    belief : Belief
    table : mapping
        `LABELS` and ``window`` to constructions.
    """
    shares: dict[str, float] = {}
    for label, share in zip((*LABELS, WINDOW), belief.whole, strict=True):
        shares[table[label]] = shares.get(table[label], 0.0) + float(share)
    ordered = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    kept = [item for item in ordered if item[1] >= LEAST_SHARE][:MOST] or ordered[:1]
    total = sum(share for _, share in kept)
    rounded = {name: round(share / total, DECIMALS) for name, share in kept}
    first = kept[0][0]
    rounded[first] = round(1.0 - sum(v for k, v in rounded.items() if k != first), DECIMALS)
    return rounded


def facade_fields(facade: Facade, table: Mapping[str, str], model: str) -> dict[str, Any]:
    """The fields of one building in the buildings file.

    Parameters
    ----------
    facade : Facade
    table : mapping
        `LABELS` and ``window`` to constructions.
    model : str
        Name and revision of what looked at the images.
    """
    belief = facade.belief
    shares = composition(belief, table)
    counts: dict[str, float] = {}
    for label, value in zip(LABELS, belief.materials, strict=True):
        counts[table[label]] = round(counts.get(table[label], 0.0) + float(value), 4)
    a, b = (round(float(value), 4) for value in belief.window)
    labels = {
        label: round(float(share), 3)
        for label, share in zip(LABELS, belief.shares, strict=True)
        if share >= 0.005
    }
    evidence: dict[str, Any] = {
        "of": composition_digest(shares),
        "counts": counts,
        "window": {"construction": table[WINDOW], "counts": [a, b]},
        "labels": labels,
        "window_share": round(belief.window_share, 3),
        "window_source": facade.window_source,
    }
    if facade.images:
        evidence |= {"images": list(facade.images), "model": model}
    if facade.neighbours:
        evidence["neighbours"] = list(facade.neighbours)
    if facade.said:
        evidence["said"] = facade.said
    return {
        "facade_composition": shares,
        "facade_source": facade.source,
        "facade_confidence": round(belief.confidence, 3),
        "facade_evidence": evidence,
    }
