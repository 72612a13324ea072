"""Facade materials read from street-view crops by a pretrained vision-language model.

`load_labeller` gives a model, `label_crops` runs it over the crops of a city and keeps every
answer, and an answer (`CropAnswer`) is a composition of one crop with what is needed to judge it.
Nothing here imports torch or transformers before a model is loaded.
"""

from __future__ import annotations

from data_sources.facade_labels.answer import LABELS, Crop, CropAnswer, Labeller, at_temperature

__all__ = ["LABELS", "Crop", "CropAnswer", "Labeller", "at_temperature"]
