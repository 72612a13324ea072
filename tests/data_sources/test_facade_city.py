"""From a city folder with images to `run` with no step by hand; hand edits and corrections last."""

from __future__ import annotations

import csv
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import heatmat as hm
from data_sources.facade_labels import loading
from data_sources.facade_labels.answer import LABELS, WINDOW
from data_sources.facade_labels.compositions import composition
from data_sources.facade_labels.evidence import Belief
from data_sources.facade_labels.table import read_table
from heatmat import cli
from heatmat.facade_evidence import evidence_of
from heatmat.material_uncertainty import material_uncertainty, spread_of
from tests.conftest import SEED
from tests.data_sources import tiny_models
from tests.data_sources.facade_pictures import save, scene
from tests.data_sources.labelled_street import MadeUp, X, Y, make_city, vector

BRICK = {"brick": 0.8, WINDOW: 0.2}


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> MadeUp:
    """A model in place of any that would be loaded; `truth` may be changed."""
    made = MadeUp({})
    monkeypatch.setattr(loading, "load_labeller", lambda *_, **__: made)
    return made


def properties(folder: Path) -> dict[str, dict[str, Any]]:
    collection = json.loads((folder / "buildings.geojson").read_text())
    return {f["properties"]["id"]: f["properties"] for f in collection["features"]}


def run(folder: Path, *options: str) -> int:
    return cli.main(["materials", str(folder), *options])


def test_every_building_gets_a_facade_with_its_source(tmp_path, model, capsys):
    houses = [{}, {}, {"building:material": "wood"}, {"facade_composition": {"metal_wall": 1.0}}]
    folder = make_city(tmp_path / "city", [*houses, {}], {"way/1": 3, "way/2": 2})
    model.truth = {"way/1": BRICK, "way/2": {"render": 0.75, WINDOW: 0.25}}
    assert run(folder) == 0
    shown = capsys.readouterr().out
    assert re.search(r"from images +2\b", shown)
    found = properties(folder)
    sources = [found[f"way/{i + 1}"].get("facade_source") for i in range(5)]
    assert sources == ["images", "images", "building:material", None, "neighbours"]
    assert found["way/4"]["facade_composition"] == {"metal_wall": 1.0}
    one = found["way/1"]
    assert one["facade_composition"]["solid_brick_wall"] == pytest.approx(0.8, abs=0.1)
    assert one["facade_composition"]["glass_curtain_wall"] == pytest.approx(0.2, abs=0.1)
    assert sum(one["facade_composition"].values()) == pytest.approx(1.0, abs=1e-9)
    assert one["facade_evidence"]["images"][0].startswith("way_1/")
    assert one["facade_evidence"]["model"] == f"made-up@{'0' * 40}"
    assert found["way/5"]["facade_evidence"]["neighbours"]
    # And the engine reads all of it.
    city = (
        hm.Scenario.load(folder / "scenario.toml").build_city().buildings.set_index("building_id")
    )
    assert city["facade_source"].tolist() == [*sources[:3], "facade_composition", sources[4]]
    assert city.loc["way/1", "facade_confidence"] == one["facade_confidence"]
    assert dict(city.loc["way/1", "facade_composition"]) == pytest.approx(one["facade_composition"])
    assert evidence_of(city.loc["way/1", "tags"]) is not None
    assert evidence_of(city.loc["way/4", "tags"]) is None


def test_again_nothing_is_asked_and_nothing_changes(tmp_path, model):
    folder = make_city(tmp_path / "city", [{}] * 4, 2)
    assert run(folder) == 0
    before, asked = (folder / "buildings.geojson").read_bytes(), model.asked
    assert run(folder) == 0
    assert (folder / "buildings.geojson").read_bytes() == before
    assert model.asked == asked == 8


def test_what_somebody_edited_is_kept(tmp_path, model, capsys):
    folder = make_city(tmp_path / "city", [{}] * 3, 1)
    assert run(folder) == 0
    collection = json.loads((folder / "buildings.geojson").read_text())
    own = collection["features"][1]["properties"]
    own["facade_composition"] = {"stone_wall": 0.7, "glass_curtain_wall": 0.3}
    own["note"] = "seen on Sunday"
    (folder / "buildings.geojson").write_text(json.dumps(collection))
    model.truth = dict.fromkeys(("way/1", "way/2", "way/3"), BRICK)
    shutil.rmtree(folder / "materials")
    capsys.readouterr()
    assert run(folder) == 0
    assert "edited by hand: way/2" in capsys.readouterr().err
    found = properties(folder)
    kept = found["way/2"]
    assert kept["facade_composition"] == {"stone_wall": 0.7, "glass_curtain_wall": 0.3}
    assert (kept["facade_source"], kept["note"]) == ("stated", "seen on Sunday")
    assert "facade_evidence" not in kept
    assert "solid_brick_wall" in found["way/1"]["facade_composition"]
    assert run(folder) == 0  # and stays so
    assert properties(folder)["way/2"] == kept


def test_corrections_last_over_new_runs(tmp_path, model):
    folder = make_city(tmp_path / "city", [{}] * 4, 2)
    model.truth = dict.fromkeys(("way/1", "way/2", "way/3", "way/4"), BRICK)
    saved = tmp_path / "corrections.csv"
    saved.write_text(
        "building_id,image_id,label,window_share,note\nway/1,,wood,0.1,looked\n"
        "way/2,way_2/view_1.jpg,metal,,\nway/2,way_2/view_2.jpg,ignore,,\n"
    )
    assert run(folder, "--corrections", str(saved)) == 0
    saved.unlink()
    for _ in range(2):
        found = properties(folder)
        one, two = found["way/1"], found["way/2"]
        assert one["facade_source"] == "correction"
        assert one["facade_composition"] == pytest.approx(
            {"wood_wall": 0.9, "glass_curtain_wall": 0.1}, abs=0.02
        )
        assert one["facade_confidence"] > 0.95
        assert one["facade_evidence"]["said"] == "looked"
        assert max(two["facade_composition"], key=two["facade_composition"].get) == "metal_wall"
        assert two["facade_evidence"]["images"] == ["way_2/view_1.jpg"]
        (folder / "materials" / "answers.jsonl").unlink()  # as if another model were asked
        model.truth = dict.fromkeys(("way/1", "way/2"), {"concrete": 1.0})
        assert run(folder) == 0
    back = tmp_path / "back.csv"
    back.write_text("building_id,label\nway/1,none\n")
    assert run(folder, "--corrections", str(back)) == 0
    assert properties(folder)["way/1"]["facade_source"] == "images"
    assert properties(folder)["way/2"]["facade_evidence"]["images"] == ["way_2/view_1.jpg"]


def test_broken_images_are_named_and_cost_nothing_else(tmp_path, model, capsys, monkeypatch):
    folder = make_city(tmp_path / "city", [{}] * 2, 2)
    broken = folder / "views" / "way_1" / "view_2.jpg"
    broken.write_bytes(broken.read_bytes()[:80])
    (folder / "views" / "way_2" / "view_1.jpg").unlink()
    from data_sources.facade_labels.tiles import cut

    def label(self, crops, *, progress=None):
        from data_sources.facade_labels.answer import no_answer
        from data_sources.image_files import BrokenImageError

        answers = []
        for crop in crops:
            try:
                cut(crop, 4, 32)
                answers.append(self._answer(crop))
            except BrokenImageError as error:
                answers.append(no_answer(crop, self, str(error)))
        return answers

    monkeypatch.setattr(MadeUp, "label", label)
    assert run(folder) == 3
    said = capsys.readouterr()
    assert "way_1/view_2.jpg: not used, truncated" in said.err
    assert "way_2/view_1.jpg: not used, " in said.err
    assert re.search(r"views that cannot be used +2\b", said.out)
    assert properties(folder)["way/1"]["facade_evidence"]["images"] == ["way_1/view_1.jpg"]


def test_without_views_one_line_says_what_makes_them(tmp_path, model, capsys):
    folder = make_city(tmp_path / "city", [{}], 0)
    assert run(folder) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "--street-view panoramax" in line
    shutil.rmtree(folder / "views")
    assert run(folder) == 2
    assert "--street-view panoramax" in capsys.readouterr().err
    assert model.asked == 0
    assert run(tmp_path) == 2
    assert run(tmp_path / "nowhere") == 2
    assert cli.main(["materials"]) == 2


def test_tables_of_the_folder_are_used(tmp_path, model):
    folder = make_city(tmp_path / "city", [{}] * 2, {"way/1": 1})
    model.truth = {"way/1": {"tile": 1.0}}
    assert run(folder) == 0
    own = folder / "materials"
    table = (own / "constructions.csv").read_text()
    assert "tile," in table
    with open(folder / "scenario.toml", "a") as stream:
        stream.write('\n[constructions.tiled]\nalbedo = 0.4\nemissivity = 0.9\nkind = "wall"\n')
        stream.write('layers = [{ material = "brick", thickness_m = 0.1 }]\n')
    (own / "constructions.csv").write_text(re.sub(r"tile,\w+", "tile,tiled", table))
    rows = "".join(f"{label},{1.0 if label == 'wood' else 0}\n" for label in LABELS)
    (own / "regional_default.csv").write_text(f"label,share\n{rows}window,0.5\n")
    calibration = {"temperature": 50.0, "model": "another", "revision": "r", "prompt_id": "p"}
    (own / "calibration.json").write_text(json.dumps(calibration))
    for _ in range(2):
        assert run(folder) == 0
        best = properties(folder)["way/1"]["facade_composition"]
        assert max(best, key=best.get) == "tiled"
    (own / "regional_default.csv").write_text("label,share\nwod,1\n")
    assert run(folder) == 2


def test_a_calibration_of_the_model_is_used(tmp_path, model):
    folder = make_city(tmp_path / "city", [{}] * 2, 1)
    model.truth = {"way/1": BRICK}
    assert run(folder) == 0
    sure = properties(folder)["way/1"]["facade_confidence"]
    calibration = {"temperature": 3.0, "model": "made-up", "revision": "0" * 40, "prompt_id": "p"}
    (folder / "materials" / "calibration.json").write_text(json.dumps(calibration))
    assert run(folder) == 0
    assert properties(folder)["way/1"]["facade_confidence"] < sure - 0.05


def test_composition_holds_what_the_engine_can_hold():
    belief = Belief(np.ones(8), np.array([1.0, 8.0]))
    table = read_table()
    shares = composition(belief, {**table, "tile": "insulated_render_wall"})
    assert len(shares) <= 8
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-12)
    alone = composition(Belief(vector(brick=1e3) + 1e-3, np.array([1e-3, 1e3])), table)
    assert alone == {"solid_brick_wall": 1.0}


# --- the gallery ---------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags that occur, and the attributes of some."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.images: list[str] = []
        self.buildings: list[str] = []
        self.events: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.tags.append(tag)
        self.events += [name for name in found if name.startswith("on")]
        if tag == "img":
            self.images.append(str(found["src"]))
        if "data-building" in found:
            self.buildings.append(str(found["data-building"]))


def test_gallery_shows_every_view_and_escapes_every_name(tmp_path, model):
    evil = '"><script>alert(1)</script>&<img src=x onerror=alert(1)>'
    folder = make_city(tmp_path / "city", [{"building:material": "wood"}, {}], 2)
    text = (folder / "buildings.geojson").read_text().replace("way/2", json.dumps(evil)[1:-1])
    (folder / "buildings.geojson").write_text(text)
    views = folder / "views" / "views.csv"
    with open(views, newline="") as stream:
        rows = list(csv.reader(stream))
    rows = [[evil if cell in ("way/2", "nobody") else cell for cell in line] for line in rows]
    with open(views, "w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    note = "</script><script>alert(2)</script>"
    own = folder / "materials"
    own.mkdir()
    with open(own / "corrections.csv", "w", newline="") as stream:
        csv.writer(stream).writerows([["building_id", "label", "note"], [evil, "tile", note]])
    assert run(folder) == 0
    page = Page((own / "gallery.html").read_text())
    assert page.tags.count("script") == 2  # the data and the program
    assert page.events == []
    assert sorted(page.buildings) == sorted([evil, "way/1"])
    assert len(page.images) == 4
    assert all((own / source).resolve().is_file() for source in page.images)


def test_a_large_city_has_several_pages(tmp_path, model, monkeypatch):
    from data_sources.facade_labels import gallery

    monkeypatch.setattr(gallery, "PER_PAGE", 2)
    folder = make_city(tmp_path / "city", [{}] * 5, 1)
    assert run(folder) == 0
    pages = sorted(path.name for path in (folder / "materials").glob("gallery*.html"))
    assert pages == ["gallery.html", "gallery_2.html", "gallery_3.html"]
    assert 'href="gallery_3.html"' in (folder / "materials" / "gallery.html").read_text()
    monkeypatch.setattr(gallery, "PER_PAGE", 100)
    assert run(folder) == 0
    assert [p.name for p in (folder / "materials").glob("gallery*.html")] == ["gallery.html"]


# --- evaluate and self-check ---------------------------------------------------------------------


def test_evaluate_and_self_check_from_the_command_line(tmp_path, model, capsys):
    folder = make_city(tmp_path / "city", [{}], 1)
    model.truth = {"": {"render": 1.0}}
    lines = ["file,label"]
    for i in range(6):
        Image.new("RGB", (64, 64), (i, 9, 9)).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,{'render' if i < 4 else 'brick'}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    assert run(folder, "--evaluate", str(tmp_path / "labels.csv")) == 0
    assert re.search(r"accuracy +0\.667", capsys.readouterr().out)
    assert (folder / "materials" / "evaluation.json").is_file()
    assert "facade_source" not in properties(folder)["way/1"]
    assert cli.main(["materials", "--self-check"]) == 3
    assert "3 of 24 right" in capsys.readouterr().out


# --- temperatures --------------------------------------------------------------------------------


def asked(rows: list[tuple[str, str, float, float, float]]) -> dict[str, list]:
    return dict(
        zip(("id", "surface", "x", "y", "z"), map(list, zip(*rows, strict=True)), strict=True)
    )


WALLS = asked([("way/1", "wall", X + 5.0, Y - 8.0, 5.0), ("way/3", "wall", X + 19.0, Y - 8.0, 5.0),
               ("way/5", "wall", X + 33.0, Y - 8.0, 5.0)])  # fmt: skip
"""Walls on the south side of the street, which look north."""


def test_images_change_wall_temperatures_as_they_should(tmp_path, model):
    folder = make_city(tmp_path / "city", [{}] * 6, {"way/1": 3, "way/3": 3, "way/5": 1})
    model.truth = {"way/1": {"brick": 1.0}, "way/3": {"metal": 1.0}, "way/5": {"render": 1.0}}
    assert run(folder) == 0
    scenario = hm.Scenario.load(folder / "scenario.toml")
    with hm.Simulation(scenario, device="cpu", seed=SEED) as simulation:
        table = simulation.query(WALLS, target_error=0.0, max_rays=256).to_dataframe()
        series = table.pivot(index="time", columns="id", values="surface_temperature_c")
        spread = material_uncertainty(simulation, WALLS, 12, max_rays=128)
        shares = dict(simulation.city.buildings.set_index("building_id")["facade_composition"])
        pure = {name: pure_walls(simulation, name) for name in ("metal_wall", "solid_brick_wall")}
    brick, metal = series["way/1"].to_numpy(), series["way/3"].to_numpy()
    # Metal over insulation follows sun and air, 0.4 m of brick lags behind them: by day the metal
    # is the warmer one, by night the cooler. Pure walls there differ by some 6 K either way.
    assert dict(shares["way/3"])["metal_wall"] > 0.9
    assert dict(shares["way/1"])["solid_brick_wall"] > 0.9
    expected = pure["metal_wall"]["way/3"] - pure["solid_brick_wall"]["way/1"]
    assert expected.max() > 4.0
    assert expected.min() < -4.0
    assert np.ptp(metal) > 1.3 * np.ptp(brick)
    # Of other materials at most a tenth is left in each composition, and takes as much off; where
    # nothing is left the walls are the pure ones, and 1 is met but for the fit's rounding.
    slope = float(np.polyfit(expected, metal - brick, 1)[0])
    assert 0.85 < slope < 1.0 + 1e-6
    assert spread.drawn == 6
    assert spread.spread.shape == (3, 24)
    assert (spread.spread.max(axis=1) > 0.1).all()
    assert spread.spread.max() < 4.0


def pure_walls(simulation: hm.Simulation, construction: str) -> dict[str, np.ndarray]:
    """Temperatures of `WALLS` made of one construction, in the same street."""
    points = WALLS | {"construction": [construction] * 3}
    table = simulation.query(points, target_error=0.0, max_rays=256).to_dataframe()
    series = table.pivot(index="time", columns="id", values="surface_temperature_c")
    return {name: series[name].to_numpy() for name in series}


def test_spread_of_draws_leaves_the_sampling_out(rng):
    draws, points, replicates, times = 400, 3, 8, 5
    true = rng.normal(0.0, 1.5, (draws, points, 1, 1))
    shared = rng.normal(0.0, 3.0, (1, points, replicates, times))
    own = rng.normal(0.0, 2.0, (draws, points, replicates, times))
    found = spread_of(300.0 + true + shared + own)
    # 400 draws know a standard deviation to 3.5 %, and what is taken off adds little.
    assert found == pytest.approx(np.full((points, times), 1.5), rel=0.15)
    assert spread_of(300.0 + shared + 0.0 * own) == pytest.approx(0.0, abs=1e-9)
    nothing = spread_of(300.0 + shared + own)
    assert nothing.max() < 0.35  # of 2 / sqrt(8) = 0.7 K that the draws' means scatter by


def test_query_reports_the_spread_in_a_column_of_its_own(tmp_path, model, capsys):
    folder = make_city(tmp_path / "city", [{}, {"facade": "metal_wall"}], {"way/1": 1})
    points, out = tmp_path / "points.csv", tmp_path / "temps.csv"
    points.write_text(f"id,surface,x,y,z\na,wall,{X + 5},{Y - 8},5\n")
    command = ["query", str(folder / "scenario.toml"), "--points", str(points), "--out", str(out)]
    more = ["--max-rays", "64", "--material-uncertainty", "4"]
    assert cli.main([*command, *more]) == 2
    assert "heatmat materials" in capsys.readouterr().err
    assert run(folder) == 0
    assert cli.main([*command, *more]) in (0, 3)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert list(rows[0])[-2:] == ["snap_distance_m", "material_uncertainty_k"]
    assert max(float(row["material_uncertainty_k"]) for row in rows) > 0.1
    assert "1 buildings; 1 taken for certain" in capsys.readouterr().err


def test_from_images_to_temperatures_with_a_true_model_and_no_step_by_hand(tmp_path, capsys):
    """Loading, labelling, combining, writing and asking, as a user would do it."""
    folder = make_city(tmp_path / "city", [{}] * 4, {"way/1": 2, "way/2": 2, "way/3": 1})
    parts = {
        "way/1": {"sky": (0, 0, 1, 1), "brick": (0, 0.25, 1, 1), "tree": (0, 0.5, 0.3, 1)},
        "way/2": {"render": (0, 0, 1, 1), "window": (0.1, 0.25, 0.9, 0.75)},
    }
    rng = np.random.default_rng(SEED)
    truth = {}
    for name, shapes in parts.items():
        for n in (1, 2):
            picture, truth[name] = scene(shapes, rng)
            save(folder / "views" / name.replace("/", "_") / f"view_{n}.jpg", picture)
    (folder / "views" / "way_3" / "view_1.jpg").write_bytes(b"no picture")
    assert run(folder, "--model", str(tiny_models.trained_clip()), "--device", "cpu") == 3
    said = capsys.readouterr()
    assert "way_3/view_1.jpg: not used, not_an_image" in said.err
    found = properties(folder)
    brick, render = found["way/1"]["facade_composition"], found["way/2"]["facade_composition"]
    assert brick["solid_brick_wall"] == pytest.approx(1.0, abs=0.1)
    area = truth["way/2"]
    share = area["window"] / (area["window"] + area["render"])
    assert render["glass_curtain_wall"] == pytest.approx(share, abs=0.1)
    assert render["rendered_masonry_wall"] == pytest.approx(1.0 - share, abs=0.1)
    assert [found[f"way/{i}"]["facade_source"] for i in (3, 4)] == ["neighbours"] * 2
    points, out = tmp_path / "points.csv", tmp_path / "temps.csv"
    points.write_text(f"id,surface,x,y,z\na,wall,{X + 5},{Y - 8},5\n")
    command = ["query", str(folder / "scenario.toml"), "--points", str(points), "--out", str(out)]
    assert cli.main([*command, "--max-rays", "64"]) in (0, 3)
    assert "solid_brick_wall" in out.read_text()
