"""What goes wrong around a run: tables of strangers, names in many ways, edits meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from data_sources.facade_labels import Crop, label_crops, loading
from data_sources.facade_labels.city_buildings import feature_id
from data_sources.facade_labels.tiles import MAX_TILE, cut
from data_sources.image_files import decode
from heatmat import cli
from tests.data_sources.labelled_street import MadeUp, make_city


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    made = MadeUp({})
    monkeypatch.setattr(loading, "load_labeller", lambda *_, **__: made)
    return made


def properties(folder: Path) -> dict[str, dict[str, Any]]:
    collection = json.loads((folder / "buildings.geojson").read_text())
    return {f["properties"]["id"]: f["properties"] for f in collection["features"]}


def add_view(folder: Path, building: str, file: str) -> None:
    with open(folder / "views" / "views.csv", "a") as stream:
        stream.write(f'{building},0,"{file}",0.9,9,5,1,made up,nobody,CC0,2025-06-01\n')


def test_names_from_outside_give_the_terminal_no_orders(tmp_path, model, capsys):
    folder = make_city(tmp_path / "city", [{}] * 2, 1)
    (folder / "views" / "round.jpg").symlink_to("round.jpg")  # stops nothing either
    add_view(folder, "way/1", "round.jpg")
    add_view(folder, "way/2", "two\nlines\x1b[31m.jpg")
    add_view(folder, "tower\x1b[2J", "way_1/view_1.jpg")
    assert cli.main(["materials", str(folder)]) == 3
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "round.jpg: not used, unreadable" in said
    assert "views of 1 buildings that are not in buildings.geojson: tower" in said
    assert [line for line in said.splitlines() if "two" in line and "lines" in line]
    page = (folder / "materials" / "gallery.html").read_text()
    assert 'data-building=""' not in page


def test_options_that_would_be_passed_over_are_refused(tmp_path, model, capsys):
    folder, table = make_city(tmp_path / "city", [{}], 1), tmp_path / "table.csv"
    table.write_text("building_id,label\nway/1,wood\n")
    options = ["--evaluate", str(table), "--corrections", str(table)]
    assert cli.main(["materials", str(folder), *options]) == 2
    assert "--evaluate --corrections: one at a time" in capsys.readouterr().err
    assert cli.main(["materials", "--self-check", *options[:2]]) == 2
    assert model.asked == 0


def test_a_default_in_another_encoding_is_one_line(tmp_path, model, capsys):
    folder = make_city(tmp_path / "city", [{}], 1)
    (folder / "materials").mkdir()
    table = "label,share\nbrick,1\n"
    (folder / "materials" / "regional_default.csv").write_text(table, encoding="utf-16")
    assert cli.main(["materials", str(folder)]) == 2
    assert "regional_default.csv" in capsys.readouterr().err.strip().splitlines()[-1]


def test_a_view_of_no_building_keeps_its_name():
    assert feature_id("way/1#2", {"way/1"}) == "way/1"
    assert feature_id("a#1", {"a#1", "a"}) == "a#1"
    assert feature_id("elsewhere", {"way/1"}) == "elsewhere"


def test_what_a_person_edits_during_a_run_is_kept(tmp_path, model, monkeypatch):
    folder = make_city(tmp_path / "city", [{}] * 3, 1)
    true = MadeUp.label

    def label(self, crops, *, progress=None):
        collection = json.loads((folder / "buildings.geojson").read_text())
        collection["features"][0]["properties"]["note"] = "written meanwhile"
        (folder / "buildings.geojson").write_text(json.dumps(collection))
        (folder / "materials").mkdir(exist_ok=True)
        table = folder / "materials" / "corrections.csv"
        table.write_text("building_id,label\nway/2,wood\n")
        return true(self, crops, progress=progress)

    monkeypatch.setattr(MadeUp, "label", label)
    more = tmp_path / "more.csv"
    more.write_text("building_id,label\nway/3,metal\n")
    assert cli.main(["materials", str(folder), "--corrections", str(more)]) == 0
    found = properties(folder)
    assert found["way/1"]["note"] == "written meanwhile"
    assert [found[f"way/{i}"]["facade_source"] for i in (1, 2, 3)] == [
        "images", "correction", "correction",
    ]  # fmt: skip


def test_answers_that_make_no_sense_are_asked_anew(tmp_path):
    folder = make_city(tmp_path / "city", [{}] * 4, 1)
    crops = [
        Crop(str(k), f"way/{k}", folder / "views" / f"way_{k}" / "view_1.jpg") for k in range(1, 5)
    ]
    kept = tmp_path / "answers.jsonl"
    sound = label_crops(MadeUp({}), crops, kept).answers
    records = [json.loads(line) for line in kept.read_text().splitlines()]
    records[0]["raw"]["classes"] = ["x"]
    records[1]["raw"]["tiles"] = [[1, 2], [3]]
    records[2]["raw"] = {}
    kept.write_text("".join(json.dumps(record) + "\n" for record in records))
    run = label_crops(MadeUp({}), crops, kept)
    assert (run.new, run.kept) == (3, 1)
    assert run.answers == sound


def test_a_model_is_its_revision_however_its_folder_is_named(tmp_path):
    folder = make_city(tmp_path / "city", [{}], 1)
    crops = [Crop("1", "way/1", folder / "views" / "way_1" / "view_1.jpg")]
    one, two = MadeUp({}), MadeUp({})
    one.model, two.model = "siglip2/", "./siglip2"
    label_crops(one, crops, tmp_path / "answers.jsonl")
    assert label_crops(two, crops, tmp_path / "answers.jsonl").answers[0].model == "./siglip2"
    assert two.asked == 0


def test_a_picture_like_a_thread_makes_no_thousand_squares(tmp_path):
    path = tmp_path / "thread.png"
    Image.new("L", (40, 400_000)).save(path)
    tiles = cut(Crop("thread", "b", path), 24)
    assert len(tiles.images) == 24
    assert max(max(image.size) for image in tiles.images) <= MAX_TILE


def test_grey_of_sixteen_bits_is_not_white(tmp_path):
    ramp = np.tile(np.linspace(0, 65535, 128).astype(np.uint16), (128, 1))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    pixels = decode(tmp_path / "ramp.png")
    assert pixels.shape == (128, 128, 3)
    # Sixteen bits in eight: each value is 257 of its own, cut to whole ones.
    np.testing.assert_allclose(pixels[0, :, 0], ramp[0] / 257, atol=1)
