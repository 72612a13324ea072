"""The classes a tile can be, and the words a model is asked with.

Every wall material, glazed openings, and what stands in front of facades or beside them. The words
can be edited in a file (`read_prompts`); a digest of what is asked stands beside every answer, so
answers to other words are never mixed up with these.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_sources.facade_labels.answer import LABELS, WINDOW
from heatmat.errors import InputError, nearest

VERSION = 1
"""Of how tiles are cut, asked and pooled: part of the digest."""

PHRASES: dict[str, tuple[str, ...]] = {
    "brick": ("a brick wall", "red bricks with mortar joints", "a facade of clinker bricks"),
    "concrete": ("a bare concrete wall", "grey concrete panels", "a facade of exposed concrete"),
    "render": ("a plastered wall", "a smooth painted wall of render", "a stucco facade"),
    "natural_stone": (
        "a wall of natural stone",
        "sandstone or limestone blocks",
        "a facade of granite slabs",
    ),
    "wood": ("a wooden wall", "timber cladding boards", "a facade of wooden planks"),
    "metal": ("a metal wall", "corrugated sheet metal cladding", "a facade of aluminium panels"),
    "glass": ("a glass curtain wall", "a facade all of reflecting glass", "glass cladding"),
    "tile": ("a wall of ceramic tiles", "glazed tiles on a facade", "a tiled facade"),
    "window": ("a window in a wall", "window panes with a frame", "a shop window"),
    "sky": ("the sky", "clouds and blue sky"),
    "tree": ("a tree", "leaves and branches", "a hedge or ivy"),
    "car": ("a parked car", "a car or a van", "a bicycle or a motorbike"),
    "road": ("a road", "the pavement of a street", "asphalt or paving stones on the ground"),
    "person": ("a person", "people walking"),
    "roof": ("a roof", "roof tiles or slates on a sloping roof"),
}

TEMPLATES = (
    "{}",
    "a photo of {}",
    "a close-up photo of {}",
    "a street view photo of {}",
    "a cropped, blurry photo of {}",
)

ANSWERS = {
    "brick": "brick",
    "concrete": "concrete",
    "render": "plaster",
    "natural_stone": "stone",
    "wood": "wood",
    "metal": "metal",
    "glass": "glass facade",
    "tile": "ceramic tiles",
    "window": "window",
    "sky": "sky",
    "tree": "tree",
    "car": "car",
    "road": "road",
    "person": "person",
    "roof": "roof",
}

QUESTION = (
    "This is a small part of a street view picture of a building. What fills most of it? "
    "Answer with one of these and nothing else: {answers}."
)


@dataclass(frozen=True)
class Prompts:
    """Classes and words.

    Attributes
    ----------
    phrases : dict of str to tuple of str
        Class to what contrastive models compare a tile with. Every label and ``window`` must be
        there; any other class is no facade.
    templates : tuple of str
        Sentences with ``{}`` for the phrase; a class is the mean over phrases and templates
        (Radford et al. 2021, arXiv:2103.00020, section 3.1.4).
    answers : dict of str to str
        Class to the words that generative models may answer.
    question : str
        With ``{answers}`` where those are listed.
    """

    phrases: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(PHRASES))
    templates: tuple[str, ...] = TEMPLATES
    answers: Mapping[str, str] = field(default_factory=lambda: dict(ANSWERS))
    question: str = QUESTION

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels first, then ``window``, then what is no facade."""
        return (*LABELS, WINDOW, *(c for c in self.phrases if c not in LABELS and c != WINDOW))

    def texts(self, name: str) -> list[str]:
        """All sentences of a class."""
        return [t.replace("{}", phrase) for phrase in self.phrases[name] for t in self.templates]

    def asked(self) -> str:
        """The question with its answers."""
        return self.question.replace("{answers}", ", ".join(self.answers[c] for c in self.classes))

    def digest(self, family: str, **settings: Any) -> str:
        """Twelve hex digits that stand for what a family is asked, and how."""
        if family == "contrastive":
            words: Any = {c: self.texts(c) for c in self.classes}
        else:
            words = [self.asked(), {c: self.answers[c] for c in self.classes}]
        all_of_it = json.dumps([VERSION, family, words, settings], sort_keys=True)
        return hashlib.sha256(all_of_it.encode()).hexdigest()[:12]


def read_prompts(path: Path) -> Prompts:
    """Words from a TOML file: ``templates``, ``question``, and a table ``[classes.NAME]`` each.

    A class has ``phrases`` (list) and ``answer``; what the file leaves out stays as it is, and new
    classes are no facade.

    Raises
    ------
    InputError
        On unknown keys, wrong types, a template without ``{}``, two classes with one answer.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("cannot read the prompts", where=str(path), got=str(error)) from None
    keys = ("templates", "question", "classes")
    for key in table:
        if key not in keys:
            raise InputError(f"unknown key {key!r}", where=str(path), remedy=nearest(key, keys))
    phrases, answers = dict(PHRASES), dict(ANSWERS)
    classes = table.get("classes", {})
    if not isinstance(classes, dict):
        raise InputError("classes must be tables", where=str(path), expected="[classes.brick]")
    for name, entry in classes.items():
        where = f"{path}, classes.{name}"
        if not isinstance(entry, dict) or not set(entry) <= {"phrases", "answer"}:
            raise InputError("unknown key", where=where, expected="phrases, answer")
        if name not in phrases and len(entry) < 2:
            raise InputError("a new class needs both", where=where, expected="phrases, answer")
        if "phrases" in entry:
            phrases[name] = _strings(entry["phrases"], where)
        if "answer" in entry:
            answers[name] = _strings([entry["answer"]], where)[0]
    question = _strings([table.get("question", QUESTION)], f"{path}, question")[0]
    templates = _strings(table.get("templates", list(TEMPLATES)), f"{path}, templates")
    if any("{}" not in t for t in templates):
        raise InputError("a template without {}", where=f"{path}, templates", expected="'a {}'")
    if len(set(answers.values())) < len(answers):
        raise InputError("two classes have the same answer", where=str(path))
    return Prompts(phrases, templates, answers, question)


def no_tokenizer(found: str) -> InputError:
    """What to say where a model does not tell the words apart that it is asked with."""
    return InputError(
        "the model does not tell its words apart",
        where="tokenizer",
        got=found,
        remedy="tokenizer files are missing from the model's folder, or two classes have the same "
        "words; fetch the model again",
    )


def _strings(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and v for v in value):
        raise InputError("expected text", where=where, got=repr(value)[:80])
    return tuple(value)
