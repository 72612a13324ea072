"""A made-up street whose facades are known, and a model whose answers are made up."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data_sources.facade_labels.answer import (
    LABELS,
    WINDOW,
    Crop,
    CropAnswer,
    from_tiles,
    no_answer,
)

SCENARIO = """
format = 1
[city]
buildings = "buildings.geojson"
crs = "EPSG:32631"
margin_m = 20.0
resolution_m = 2.0
[weather]
clear_sky = { date = "2023-07-14", tmax_c = 33.0, tmin_c = 20.0, utc_offset_h = 1.0 }
[time]
spin_up_days = 1
[solver]
target_error_k = 0.5
max_rays = 1024
"""
X, Y = 450_000.0, 5_410_000.0
SIDE, PITCH = 10.0, 14.0
"""Houses of 10 x 10 m, 14 m from one to the next, on both sides of a street 16 m wide."""


def vector(**shares: float) -> np.ndarray:
    return np.array([shares.get(label, 0.0) for label in LABELS])


def make_city(
    folder: Path, houses: Sequence[Mapping[str, Any]], views: Mapping[str, int] | int = 0
) -> Path:
    """A city folder of houses with the tags given; `views` crops of each, or by id."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenario.toml").write_text(SCENARIO)
    features = []
    for i, tags in enumerate(houses):
        row, side = divmod(i, 2)
        x, y = X + row * PITCH, Y + (8.0 if side else -8.0 - SIDE)
        ring = [[x, y], [x + SIDE, y], [x + SIDE, y + SIDE], [x, y + SIDE], [x, y]]
        properties = {"id": f"way/{i + 1}", "building": "house", "height": 9.0} | dict(tags)
        features.append(
            {
                "type": "Feature",
                "properties": properties,
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        )
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32631"}}
    collection = {"type": "FeatureCollection", "crs": crs, "features": features}
    (folder / "buildings.geojson").write_text(json.dumps(collection))
    number = views if isinstance(views, dict) else {}
    write_views(
        folder,
        {
            f["properties"]["id"]: number.get(f["properties"]["id"], 0) if number else views
            for f in features
        },
    )
    return folder


def write_views(folder: Path, views: Mapping[str, int]) -> None:
    columns = ("building_id", "facade_id", "file", "coverage", "distance_m", "angle_deg", "quality",
               "source", "author", "licence", "date")  # fmt: skip
    table = folder / "views" / "views.csv"
    table.parent.mkdir(exist_ok=True)
    with open(table, "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for i, (name, count) in enumerate(views.items()):
            for n in range(count):
                file = f"{name.replace('/', '_')}/view_{n + 1}.jpg"
                path = table.parent / file
                path.parent.mkdir(exist_ok=True)
                Image.new("RGB", (64, 64), (40 + 20 * i % 200, 90, 20 + 20 * n)).save(path)
                writer.writerow([name, "0", file, 0.9, 9.0, 5.0, 1.0, "made up", "nobody", "CC0",
                                 "2025-06-01"])  # fmt: skip


class MadeUp:
    """A labeller that gives what it was given, as logits of one tile."""

    family, model, revision, prompt_id, temperature = "contrastive", "made-up", "0" * 40, "p", 1.0

    def __init__(self, truth: Mapping[str, Mapping[str, float]], sure: float = 0.97) -> None:
        self.truth, self.sure, self.asked = truth, sure, 0

    def label(self, crops: Sequence[Crop], *, progress: Any = None) -> list[CropAnswer]:
        self.asked += len(crops)
        return [self._answer(crop) for crop in crops]

    def _answer(self, crop: Crop) -> CropAnswer:
        shares = self.truth.get(crop.building_id, {"render": 0.75, WINDOW: 0.25})
        classes = [*LABELS, WINDOW, "sky"]
        # Twenty tiles, each sure of one class, so many of each as its share says.
        rest = (1.0 - self.sure) / (len(classes) - 1)
        rows = []
        for name, share in shares.items():
            p = np.full(len(classes), rest)
            p[classes.index(name)] = self.sure
            rows += [np.log(p).round(4).tolist()] * round(20 * share)
        empty = no_answer(crop, self)
        count = len(rows)
        empty.raw.update(
            classes=classes, tiles=rows, boxes=[[0, 0, 1, 1]] * count, weights=[1.0] * count
        )
        return from_tiles(empty)


def answer_with(model: MadeUp, folder: Path):
    """What `label_city` asks, kept as the command keeps it."""
    from data_sources.facade_labels.run_labels import label_crops

    def answer(crops, say):
        return label_crops(model, crops, folder / "materials" / "answers.jsonl").answers

    return answer
