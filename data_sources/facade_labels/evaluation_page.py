"""An evaluation as a page, as a picture and as JSON in the city folder."""

from __future__ import annotations

import base64
import io
import json
from html import escape
from pathlib import Path

import numpy as np

from data_sources.facade_labels.answer import LABELS
from data_sources.facade_labels.calibration import BINS, class_scores
from data_sources.facade_labels.evaluate import Evaluation, report_lines, write_calibration
from heatmat.output.atomic import aside

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1000px; margin: 24px auto; }
pre { background: #f3f4f6; padding: 12px; border-radius: 6px; white-space: pre-wrap; }
img { max-width: 100%; } td, th { padding: 3px 10px; text-align: right; } th:first-child,
td:first-child { text-align: left; } table { border-collapse: collapse; } tr { border-bottom: 1px
solid #ddd; }
"""


def write_evaluation(city: Path, found: Evaluation) -> Path:
    """Write ``evaluation.json``, ``.html``, and ``calibration.json`` where it helps; the page."""
    folder = city / "materials"
    used = write_calibration(folder / "calibration.json", found)
    with aside(folder / "evaluation.json") as part:
        part.write_text(json.dumps(found.as_dict(), indent=1) + "\n", encoding="utf-8")
    with aside(folder / "evaluation.html") as part:
        part.write_text(_page(found, used), encoding="utf-8")
    return folder / "evaluation.html"


def _page(found: Evaluation, used: bool) -> str:
    picture = base64.b64encode(draw(found)).decode("ascii")
    precision, recall, f1 = class_scores(found.confusion)
    rows = "".join(
        f"<tr><td>{name.replace('_', ' ')}</td><td>{int(found.confusion[i].sum())}</td>"
        + "".join(
            f"<td>{'' if np.isnan(v[i]) else f'{v[i]:.2f}'}</td>" for v in (precision, recall, f1)
        )
        + "</tr>"
        for i, name in enumerate(LABELS)
    )
    skipped = "".join(
        f"<li>{escape(name)}: {escape(why)}</li>" for name, why in sorted(found.skipped.items())
    )
    kept = (
        "The temperature is kept in calibration.json; the next run over this city divides by it."
        if used
        else "No new temperature is kept: too few images, or it does not help on those left out."
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Evaluation</title><style>{STYLE}</style></head>
<body><h1>{escape(found.model)}</h1><p>Revision {escape(found.revision)}, prompt
{escape(found.prompt_id)}.</p><pre>{escape(chr(10).join(report_lines(found)))}</pre><p>{kept}</p>
<img alt="Confusion and calibration" src="data:image/png;base64,{picture}">
<table><tr><th>label</th><th>images</th><th>precision</th><th>recall</th><th>F1</th></tr>{rows}
</table>{"<h2>Not used</h2><ul>" + skipped + "</ul>" if skipped else ""}</body></html>
"""


def draw(found: Evaluation) -> bytes:
    """Confusion matrix and calibration curves side by side, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = [name.replace("_", " ") for name in LABELS]
    left.imshow(found.confusion / np.maximum(1, found.confusion.sum(axis=1, keepdims=True)),
                cmap="Blues", vmin=0, vmax=1)  # fmt: skip
    for i, j in np.argwhere(found.confusion > 0):
        share = found.confusion[i, j] / found.confusion[i].sum()
        left.text(j, i, str(found.confusion[i, j]), ha="center", va="center",
                  color="white" if share > 0.5 else "black")  # fmt: skip
    left.set_xticks(range(len(names)), names, rotation=45, ha="right")
    left.set_yticks(range(len(names)), names)
    left.set(xlabel="the model says", ylabel="people say", title="images")
    right.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    for name, colour in (("before", "#c2410c"), ("after", "#1f3a5f")):
        curve = found.curves.get(name)
        if curve is None:
            continue
        used = curve.count > 0
        right.plot(curve.confidence[used], curve.accuracy[used], "o-", color=colour,
                   label=f"{name}: error {curve.error:.3f}")  # fmt: skip
    right.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability that the model gives",
              ylabel="share that is right", xticks=np.linspace(0, 1, 6),
              title=f"calibration, {BINS} bins, {found.reported_on} images")  # fmt: skip
    right.legend(loc="upper left")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()
