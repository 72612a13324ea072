"""The gallery of a city: every crop with its answer, every building with what became of them.

Pages of plain HTML beside the crops they show; nothing is asked of a network. What a person picks
there goes to ``corrections.csv``, which the browser saves. Every name comes from outside and is
escaped; ids travel in attributes, and the script reads them back as text.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from data_sources.facade_labels.answer import LABELS, CropAnswer
from data_sources.facade_labels.corrections import IGNORE, Correction
from data_sources.facade_labels.gallery_assets import COLOURS, SCRIPT, STYLE
from data_sources.facade_labels.sights import View
from heatmat.output.atomic import aside

if TYPE_CHECKING:
    from data_sources.facade_labels.city_materials import Materials

PER_PAGE = 100
"""Buildings a page: some 500 crops."""

FOLDER = "materials"

POLICY = (
    "default-src 'none'; img-src 'self' file: data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'"
)
"""What a page may load: pictures beside it, and nothing else."""

SHOWN = 4
"""Labels of an answer that are shown."""

TITLES = {
    "correction": "corrected by a person",
    "stated": "stated in the file",
    "images": "from images",
    "neighbours": "filled from neighbours",
    "regional_default": "regional default",
}


def write_gallery(city: Path, result: Materials) -> Path:
    """Write ``materials/gallery.html`` and, beyond a hundred buildings, further pages; the first.

    Buildings with views alone, those with the least confidence first: there a correction adds most.
    """
    by_building: dict[str, list[View]] = {}
    for view in result.views:
        by_building.setdefault(view.crop.building_id, []).append(view)
    sure = {name: facade.belief.confidence for name, facade in result.beliefs.facades.items()}
    names = sorted(by_building, key=lambda name: (sure.get(name, 2.0), name))
    count = max(1, -(-len(names) // PER_PAGE))
    folder = city / FOLDER
    for number in range(count):
        part = names[number * PER_PAGE : (number + 1) * PER_PAGE]
        cards = "\n".join(_card(name, by_building[name], result) for name in part)
        text = _page(city.resolve().name, number, count, cards, result.corrections)
        with aside(folder / page_name(number)) as path:
            path.write_text(text, encoding="utf-8")
    for old in folder.glob("gallery_*.html"):  # of a run with more buildings
        if old.stem.partition("_")[2].isdigit() and int(old.stem.partition("_")[2]) > count:
            old.unlink()
    return folder / page_name(0)


def page_name(number: int) -> str:
    """``gallery.html``, ``gallery_2.html``..."""
    return "gallery.html" if number == 0 else f"gallery_{number + 1}.html"


def _page(
    title: str, number: int, count: int, cards: str, corrections: Sequence[Correction]
) -> str:
    pages = " ".join(
        f"<b>{n + 1}</b>" if n == number else f'<a href="{page_name(n)}">{n + 1}</a>'
        for n in range(count)
    )
    rows = [
        [*row.key, _label(row), "" if math.isnan(row.window_share) else row.window_share, row.note]
        for row in corrections
    ]
    # In a script element only "</" and "<!--" end the text.
    data = json.dumps(rows, ensure_ascii=True).replace("<", "\\u003c")
    # What a browser remembers is of these corrections: when they change, it starts anew.
    store = f"heatmat {title} {hashlib.sha256(data.encode()).hexdigest()[:12]}"
    legend = "".join(
        f'<span><i style="background:{COLOURS[name]}"></i>{name.replace("_", " ")}</span>'
        for name in (*LABELS, "window")
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Facades of {escape(title)}</title><style>{STYLE}</style></head>
<body data-store="{escape(store)}"><header><h1>Facades of {escape(title)}</h1>
<p>Least sure first. Pick what is wrong, save <code>corrections.csv</code>, and run
<code>heatmat materials CITY --corrections corrections.csv</code>: it stays in the folder and stands
above every later run.</p>
<p class="legend">{legend}</p>
<nav>{"page " + pages if count > 1 else ""}
<button id="save" type="button">Save corrections.csv (<span id="count">0</span>)</button></nav>
</header><main>
{cards or "<p>No building has views.</p>"}
</main><script type="application/json" id="known">{data}</script>
<script>{SCRIPT}</script></body></html>
"""


def _label(row: Correction) -> str:
    if row.ignore:
        return IGNORE
    return ";".join(f"{k}:{v:.4g}" if v < 1 else k for k, v in (row.shares or {}).items())


def _card(name: str, views: Sequence[View], result: Materials) -> str:
    facade = result.beliefs.facades.get(name)
    head = f"<h2>{escape(name)}</h2>"
    if facade is None:
        known = name in result.city.tags
        head += f"<p>{'stated in the file, kept' if known else 'not in the buildings file'}</p>"
    else:
        title = TITLES.get(facade.source, facade.source)
        said = f" ({escape(facade.said)})" if facade.said else ""
        belief = facade.belief
        shares = dict(zip((*LABELS, "window"), belief.whole.tolist(), strict=True))
        head += (
            f'<p><span class="source">{escape(title)}{said}</span> '
            f'<span class="sure">confidence {belief.confidence:.2f}</span></p>'
            + _bar(shares)
            + f"<p>{_words(shares)}</p>"
        )
    weights = {view.crop.image_id: _weight(view, result.answers) for view in views}
    ordered = sorted(views, key=lambda view: -weights[view.crop.image_id])
    crops = "".join(_crop(view, weights[view.crop.image_id], result) for view in ordered)
    own = (
        f"<p>{_select('whole building')} windows <input class='window' type='number' min='0' "
        "max='1' step='0.05' aria-label='window share'> "
        "<input class='note' placeholder='note' aria-label='note'></p>"
    )
    return (
        f'<section data-building="{escape(name)}">{head}{own}'
        f'<div class="crops">{crops}</div></section>'
    )


def _weight(view: View, answers: Mapping[str, CropAnswer]) -> float:
    from data_sources.facade_labels.evidence import view_weight

    answer = answers.get(view.crop.image_id)
    if answer is None:
        return 0.0
    crop = view.crop
    return view_weight(crop.visibility, crop.distance_m, crop.sharpness, view.angle_deg, answer)


def _crop(view: View, weight: float, result: Materials) -> str:
    crop, about = view.crop, view.about
    answer = result.raw_answers.get(crop.image_id)
    source = escape(quote(f"../views/{crop.image_id}"))
    words = _answer(answer)
    credit = ", ".join(
        escape(str(about.get(key, ""))[:60])
        for key in ("source", "author", "licence", "date")
        if about.get(key)
    )
    return (
        f'<figure data-image="{escape(crop.image_id)}"><img loading="lazy" src="{source}" alt="">'
        f"<figcaption>{words}<small>weight {weight:.2f}, {crop.distance_m:.0f} m, "
        f"{view.angle_deg:.0f}° aslant</small><small>{credit}</small>{_select('this image', True)}"
        f"</figcaption></figure>"
    )


def _answer(answer: CropAnswer | None) -> str:
    if answer is None:
        return "<p>not asked</p>"
    if answer.faults:
        return f'<p class="fault">not used: {escape(", ".join(answer.faults))}</p>'
    return (
        _bar(answer.composition)
        + f"<p>{_words(answer.composition)}</p><small>certainty {answer.certainty:.2f}, "
        f"{escape(answer.model[-40:])}</small>"
    )


def _bar(shares: Mapping[str, float]) -> str:
    parts = "".join(
        f'<i style="width:{100 * share:.1f}%;background:{COLOURS[name]}"></i>'
        for name, share in shares.items()
        if share >= 0.005
    )
    return f'<div class="bar">{parts}</div>'


def _words(shares: Mapping[str, float]) -> str:
    best = sorted(shares.items(), key=lambda item: -item[1])[:SHOWN]
    return ", ".join(
        f"{escape(name.replace('_', ' '))} {share:.0%}" for name, share in best if share >= 0.01
    )


def _select(title: str, image: bool = False) -> str:
    options: list[Any] = ["", *LABELS, *([IGNORE] if image else [])]
    body = "".join(
        f'<option value="{name}">{name.replace("_", " ") or escape(title) + ": as it is"}</option>'
        for name in options
    )
    return f'<select class="label" aria-label="{escape(title)}">{body}</select>'
