"""Facade materials read from street-view crops by a pretrained vision-language model.

`load_labeller` gives a model, `label_crops` runs it over the crops of a city and keeps every
answer, and an answer (`CropAnswer`) is a composition of one crop with what is needed to judge it.
Nothing here imports torch or transformers before a model is loaded.
"""

from __future__ import annotations

from data_sources.facade_labels.answer import LABELS, Crop, CropAnswer, Labeller, at_temperature
from data_sources.facade_labels.loading import load_labeller
from data_sources.facade_labels.prompts import Prompts, read_prompts
from data_sources.facade_labels.run_labels import LabelRun, label_crops
from data_sources.facade_labels.table import read_table, write_table

__all__ = [
    "LABELS",
    "Crop",
    "CropAnswer",
    "LabelRun",
    "Labeller",
    "Prompts",
    "at_temperature",
    "label_crops",
    "load_labeller",
    "read_prompts",
    "read_table",
    "write_table",
]
