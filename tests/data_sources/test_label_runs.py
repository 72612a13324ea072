"""Runs over many crops: nothing is asked twice or lost, and no picture stops them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_sources.facade_labels import (
    LABELS,
    Crop,
    CropAnswer,
    label_crops,
    load_labeller,
    read_table,
    write_table,
)
from data_sources.facade_labels.answer import Progress, from_tiles, no_answer
from data_sources.facade_labels.prompts import Prompts
from data_sources.facade_labels.run_labels import GROUP
from data_sources.facade_labels.tiles import covered, grid
from heatmat.errors import InputError
from tests.data_sources import tiny_models
from tests.data_sources.facade_pictures import save, scene, texture


class Counting:
    """A labeller that says brick to everything, and counts; it can be interrupted."""

    family, model, temperature = "contrastive", "counting", 1.0

    def __init__(self, revision: str = "1", prompt_id: str = "a", stop_at: int = 10**9) -> None:
        self.revision, self.prompt_id, self.stop_at = revision, prompt_id, stop_at
        self.asked: list[str] = []

    def label(self, crops: Sequence[Crop], *, progress: Progress | None = None) -> list[CropAnswer]:
        answers = []
        for crop in crops:
            if len(self.asked) >= self.stop_at:
                raise KeyboardInterrupt
            self.asked.append(crop.image_id)
            answer = no_answer(crop, self)
            row = [5.0] + [0.0] * (len(Prompts().classes) - 1)
            answer.raw.update(
                classes=list(Prompts().classes), tiles=[row], boxes=[[0, 0, 1, 1]], weights=[1.0]
            )
            answers.append(from_tiles(answer, self.temperature))
        return answers


def some_crops(folder: Path, count: int) -> list[Crop]:
    rng = np.random.default_rng(5)
    return [
        Crop(f"{k}.jpg", "b", save(folder / f"{k}.jpg", texture("brick", 64, 64, rng).astype("u1")))
        for k in range(count)
    ]


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    crops = some_crops(tmp_path, 5)
    kept = tmp_path / "materials" / "answers.jsonl"
    first, second = Counting(), Counting()
    one = label_crops(first, crops, kept)
    again = label_crops(second, crops, kept)
    assert (one.new, one.kept, again.new, again.kept) == (5, 0, 0, 5)
    assert second.asked == [] and again.answers == one.answers
    for changed in (Counting(revision="2"), Counting(prompt_id="b")):
        assert label_crops(changed, crops, kept).new == 5
    # The content counts, not the name: two rows of one picture are asked once.
    twin = Crop("twin", "another", crops[0].path)
    assert label_crops(second, [twin, *crops], kept).answers[0].building_id == "another"
    assert second.asked == []
    masked = Crop("masked", "b", crops[0].path, mask=((0, 0), (1, 0), (1, 1)))
    assert label_crops(second, [masked], kept).new == 1


def test_an_interruption_loses_nothing_that_was_done(tmp_path: Path) -> None:
    crops = some_crops(tmp_path, 2 * GROUP + 3)
    kept = tmp_path / "answers.jsonl"
    with pytest.raises(KeyboardInterrupt):
        label_crops(Counting(stop_at=GROUP + 2), crops, kept)
    assert len(kept.read_text().splitlines()) == GROUP
    with open(kept, "a") as stream:
        stream.write('{"image": "cut sho')  # the process died in the middle of a line
    rest = Counting()
    lines: list[str] = []
    run = label_crops(rest, crops, kept, progress=lines.append)
    assert (run.new, run.kept) == (GROUP + 3, GROUP)
    assert rest.asked == [crop.image_id for crop in crops[GROUP:]]
    assert [a.image_id for a in run.answers] == [crop.image_id for crop in crops]
    assert lines[-1].startswith(f"materials: {len(crops)} of {len(crops)} crops")
    assert "images/s" in lines[-1] and run.images_per_second > 0
    assert label_crops(rest, crops, kept).new == 0


def test_another_temperature_asks_for_nothing(tmp_path: Path) -> None:
    crops = some_crops(tmp_path, 1)
    cool, warm = Counting(), Counting()
    warm.temperature = 5.0
    (a,) = label_crops(cool, crops, tmp_path / "a.jsonl").answers
    (b,) = label_crops(warm, crops, tmp_path / "a.jsonl").answers
    assert warm.asked == [] and b.shares["brick"] < 0.5 < a.shares["brick"]


def broken_pictures(folder: Path) -> dict[str, str]:
    """Files that are no pictures, or none that can be used, and what is said of each."""
    rng = np.random.default_rng(2)
    good = save(folder / "good.jpg", texture("brick", 200, 150, rng).astype("u1")).read_bytes()
    (folder / "cut.jpg").write_bytes(good[: len(good) // 2])
    (folder / "header.jpg").write_bytes(good[:60])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("no picture")
    Image.new("RGB", (1, 1)).save(folder / "one.png")
    Image.new("1", (20_000, 20_000)).save(folder / "vast.png")
    Image.new("RGB", (100, 100)).save(folder / "other.gif")
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    return {
        "cut.jpg": "truncated",
        "header.jpg": "not_an_image",
        "empty.jpg": "not_an_image",
        "text.jpg": "not_an_image",
        "one.png": "too_small",
        "vast.png": "too_many_pixels",
        "other.gif": "not_an_image",
        "folder.jpg": "not_a_file",
        "pipe.jpg": "not_a_file",
        "gone.jpg": "missing",
    }


def test_broken_pictures_stop_nothing_and_are_named(tmp_path: Path) -> None:
    expected = broken_pictures(tmp_path)
    names = ["good.jpg", *expected, "good.jpg"]
    crops = [Crop(name, "house", tmp_path / name) for name in names]
    labeller = load_labeller(tiny_models.tiny_clip())
    run = label_crops(labeller, crops, tmp_path / "answers.jsonl")
    assert len(run.answers) == len(crops)
    assert run.answers[0].raw["tiles"] and run.answers[0].raw == run.answers[-1].raw
    assert run.broken.keys() == expected.keys()
    assert {k: v for k, v in run.broken.items() if k != "header.jpg"} == {
        k: v for k, v in expected.items() if k != "header.jpg"
    }  # of sixty bytes of a header each decoder thinks what it likes
    for answer in run.answers[1:-1]:
        assert answer.certainty == 0 and sum(answer.shares.values()) == pytest.approx(1)
    line = run.summary()
    assert "\n" not in line and all(name in line for name in expected)
    # What was found broken is not opened again, unless the file changes.
    again = label_crops(labeller, crops, tmp_path / "answers.jsonl")
    assert again.new == 0 and again.broken == run.broken


def test_colour_models_and_turned_pictures_are_read_as_they_are_seen(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    picture, _ = scene({"sky": (0, 0, 1, 1), "brick": (0, 0.4, 1, 1)}, rng)
    upright = Image.fromarray(picture)
    upright.save(tmp_path / "plain.png")
    upright.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    grey = Image.fromarray((picture.mean(axis=2) * 257).astype(np.uint16))
    grey.save(tmp_path / "grey16.png")
    upright.convert("P").save(tmp_path / "palette.png")
    names = ["plain.png", "cmyk.jpg", "turned.png", "palette.png", "grey16.png"]
    crops = [Crop(name, "house", tmp_path / name) for name in names]
    run = label_crops(load_labeller(tiny_models.trained_clip()), crops, tmp_path / "a.jsonl")
    plain, cmyk, turned, palette, grey16 = run.answers
    assert run.broken == {} and turned.raw["tiles"] == plain.raw["tiles"]
    assert grey16.raw["tiles"]
    for answer in (plain, cmyk, palette):
        assert answer.shares["brick"] > 0.9
        assert answer.facade_fraction == pytest.approx(0.6, abs=0.1)


def test_tiles_cover_a_crop_once() -> None:
    for width, height, count in ((768, 512, 24), (64, 768, 24), (33, 32, 24), (768, 768, 6)):
        boxes = grid(width, height, count)
        area = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes)
        assert area == pytest.approx(1)
        assert 1 <= len(boxes) <= 1.6 * count
        x0, y0, x1, y1 = boxes[0]
        assert min((x1 - x0) * width, (y1 - y0) * height) >= 22
        assert 0.5 < (x1 - x0) * width / ((y1 - y0) * height) < 2
    triangle = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    # A lattice of 16 x 16 points counts the half of a square to one part in 32.
    assert covered(triangle, (0, 0, 1, 1)) == pytest.approx(0.5, abs=1 / 32)
    assert covered(triangle, (0.6, 0.6, 1, 1)) == 0
    assert covered(triangle, (0, 0, 0.3, 0.3)) == 1


def test_the_table_of_constructions_can_be_edited(tmp_path: Path) -> None:
    assert set(read_table()) == {*LABELS, "window"}
    path = write_table(tmp_path)
    path.write_text(path.read_text().replace("wood,wood_wall", "wood,concrete_wall"))
    assert write_table(tmp_path).read_text() == path.read_text()  # what was edited stays
    assert read_table(tmp_path) == read_table() | {"wood": "concrete_wall"}
    path.write_text(path.read_text().replace("wood,concrete_wall", "wood,my_wall"))
    assert read_table(tmp_path, extra=["my_wall"])["wood"] == "my_wall"
    for wrong, word in {
        "wood,my_wall": "my_wall",
        "wood,bitumen_roof": "bitumen_roof",
        "woood,wood_wall": "woood",
        "brick,wood_wall": "twice",
        "": "wood",
    }.items():
        path.write_text(path.read_text())
        text = "\n".join(
            wrong if line.startswith("wood,") else line for line in path.read_text().splitlines()
        )
        other = tmp_path / "other"
        write_table(other).write_text(text)
        with pytest.raises(InputError, match=word) as caught:
            read_table(other)
        assert "constructions.csv" in str(caught.value)


def test_an_answer_file_of_something_else_is_passed_over(tmp_path: Path) -> None:
    crops = some_crops(tmp_path, 1)
    kept = tmp_path / "answers.jsonl"
    lines = ["null", "[]", '{"image": 3}', '"x"', "[" * 5000, "\x00\xff"]
    kept.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert label_crops(Counting(), crops, kept).new == 1
    assert json.loads(kept.read_text().splitlines()[-1])["model"] == "counting"
