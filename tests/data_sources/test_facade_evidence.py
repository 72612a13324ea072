"""Combination, fill-in and corrections on made-up views whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from data_sources.facade_labels.answer import LABELS, CropAnswer
from data_sources.facade_labels.beliefs import Known, believe
from data_sources.facade_labels.corrections import (
    Correction,
    corrected_answers,
    merge,
    read_corrections,
    write_corrections,
)
from data_sources.facade_labels.evidence import (
    COUNTS_COMMON,
    Belief,
    Sight,
    Worth,
    combine,
    mean_deviation,
    view_weight,
    worth_of_views,
)
from data_sources.facade_labels.fill_in import Buildings, FillIn, regional_default, use_of, year_of
from heatmat.errors import InputError
from tests.data_sources.labelled_street import vector

WEAK = Belief(np.full(8, 0.01), np.array([0.02, 0.06]))
DEFAULT = regional_default("render")


def sight(
    shares: np.ndarray, window: float = 0.2, weight: float = 1.0, area: float = 50.0, name="a"
) -> Sight:
    return Sight(name, f"{name}/view", shares, window, weight, area)


def answer(**fields: object) -> CropAnswer:
    given: dict = {
        "image_id": "a/1.jpg", "building_id": "a", "shares": dict.fromkeys(LABELS, 0.125),
        "window_share": 0.2, "certainty": 0.8, "facade_fraction": 0.8, "patches": None,
        "model": "m", "revision": "r", "prompt_id": "p",
    }  # fmt: skip
    return CropAnswer(**(given | fields))


def row(count: int, **columns: object) -> Buildings:
    """Buildings 14 m from one to the next, alike but for the columns given."""
    fields: dict = {
        "ids": [f"b{i}" for i in range(count)],
        "place": np.stack([np.arange(count) * 14.0, np.zeros(count)], axis=1),
        "height": np.full(count, 9.0),
        "year": np.full(count, np.nan),
        "use": np.array(["home"] * count, object),
        "whole": [f"b{i}" for i in range(count)],
    }
    return Buildings(**(fields | columns))


# --- one building --------------------------------------------------------------------------------


@pytest.mark.parametrize(("a", "b"), [(0.3, 0.2), (1.0, 1.0), (5.0, 2.0), (0.05, 9.0)])
def test_mean_deviation_is_that_of_the_beta(a, b):
    made = stats.beta(a, b)
    middle = a / (a + b)
    # E|X - m| = 2 * integral of the distribution function below m
    below, _ = integrate.quad(made.cdf, 0.0, middle)
    assert mean_deviation(np.array(a), np.array(b)) == pytest.approx(2.0 * below, rel=1e-6)


def test_confidence_is_the_expected_overlap(rng):
    belief = Belief(vector(brick=6.0, render=2.0) + 0.05, np.array([3.0, 7.0]))
    wall = rng.dirichlet(belief.materials, 40_000)
    window = rng.beta(*belief.window, (40_000, 1))
    draws = np.hstack([wall * (1.0 - window), window])
    overlap = 1.0 - 0.5 * np.abs(draws - belief.whole).sum(axis=1).mean()
    # The shares are matched to Betas in mean and variance: 0.01 is what that costs.
    assert belief.confidence == pytest.approx(overlap, abs=0.01)


def test_views_that_agree_make_sure_and_views_that_differ_do_not():
    worth = Worth()
    brick, render = vector(brick=0.95, render=0.05), vector(render=0.95, brick=0.05)
    one = combine([sight(brick)], worth, WEAK)
    three = combine([sight(brick)] * 3, worth, WEAK)
    split = combine([sight(brick), sight(brick), sight(render)], worth, WEAK)
    assert three.confidence > one.confidence + 0.02
    assert split.confidence < one.confidence
    assert three.shares[0] == pytest.approx(0.95, abs=0.02)
    assert split.shares[0] == pytest.approx(0.65, abs=0.02)


def test_what_all_views_share_does_not_average_out():
    many = combine([sight(vector(brick=1.0))] * 500, Worth(), WEAK)
    assert many.materials.sum() <= COUNTS_COMMON + WEAK.materials.sum()


def test_views_weigh_by_the_wall_that_they_show():
    large = sight(vector(brick=1.0), area=150.0)
    small = sight(vector(metal=1.0), area=50.0)
    nothing = Belief(1e-3 * WEAK.materials, WEAK.window)
    assert combine([large, small], Worth(), nothing).shares[0] == pytest.approx(0.75, abs=0.001)


def test_a_view_without_weight_says_nothing():
    found = combine([sight(vector(metal=1.0), weight=0.0)], Worth(), WEAK)
    assert np.array_equal(found.materials, WEAK.materials)
    assert found.confidence == WEAK.confidence


def test_a_building_whose_views_say_nothing_is_named_and_filled():
    sights = {"b0": [sight(vector(metal=1.0), weight=0.001)], "b1": [sight(vector(brick=1.0))]}
    found = believe(Known(row(3), DEFAULT), sights)
    assert found.mute == ("b0",)
    assert found.facades["b0"].source == "neighbours"
    assert found.facades["b1"].source == "images"


def test_what_a_view_is_worth():
    good = view_weight(0.9, 5.0, 1.0, 0.0, answer(certainty=0.8))
    assert good == pytest.approx(1.0 / (1.0 + 0.04))
    for worse in (
        view_weight(0.2, 5.0, 1.0, 0.0, answer(certainty=0.8)),
        view_weight(0.9, 25.0, 1.0, 0.0, answer(certainty=0.8)),
        view_weight(0.9, 5.0, 0.0, 0.0, answer(certainty=0.8)),
        view_weight(0.9, 5.0, 1.0, 60.0, answer(certainty=0.8)),
        view_weight(0.9, 5.0, 1.0, 0.0, answer(certainty=0.3)),
    ):
        assert worse < 0.6 * good
    # Sky beside the building is no doubt about the building.
    assert view_weight(0.9, 5.0, 1.0, 0.0, answer(certainty=0.5, facade_fraction=0.5)) == good
    assert view_weight(0.9, 5.0, 1.0, 0.0, answer(faults=["truncated"])) == 0.0


@pytest.mark.parametrize("counts", [2.0, 12.0])
def test_the_scatter_of_views_tells_their_worth(rng, counts):
    truth = vector(brick=0.6, render=0.3, wood=0.1) + 1e-3
    sights = {
        f"b{i}": [sight(rng.dirichlet(counts * truth), 0.2) for _ in range(4)] for i in range(200)
    }
    # 600 degrees of freedom: 1 / sqrt(300) of 6 %, and the stated value pulls by 20 / 620.
    assert worth_of_views(sights).per_view == pytest.approx(counts, rel=0.2)


# --- a street ------------------------------------------------------------------------------------


def noisy_street(
    rng: np.random.Generator, count: int = 50, seen: float = 1.0, common: float = 15.0
):
    """Known facades and views of them that err: by few tiles, by habit, and now and then wholly.

    None of it is drawn from the model that is to be tested: tiles are counted (better views have
    more), a tenth is confused with others, one view in twenty shows another wall.
    """
    size = len(LABELS)
    confusion = np.full((size, size), 0.1 / (size - 1))
    np.fill_diagonal(confusion, 0.9)
    truth, sights = [], {}
    for i in range(count):
        wall = np.zeros(size)
        main = rng.choice([0, 0, 2, 2, 2, 3, 1])
        wall[main] = rng.choice([1.0, 0.9, 0.7])
        wall[rng.integers(size)] += 1.0 - wall[main]
        window = rng.uniform(0.1, 0.4)
        truth.append(np.append(wall * (1.0 - window), window))
        if rng.random() > seen:
            continue
        habit = rng.dirichlet(common * (confusion.T @ wall))
        panes = rng.beta(2.0 * common * window, 2.0 * common * (1.0 - window))
        sights[f"b{i}"] = []
        for _ in range(rng.integers(1, 6)):
            weight = rng.uniform(0.2, 1.0)
            shown = habit if rng.random() > 0.05 else np.eye(size)[rng.integers(size)]
            tiles = max(1, round(10 * weight))
            shares = rng.multinomial(tiles, shown) / tiles
            glazed = rng.binomial(20, panes) / 20
            sights[f"b{i}"].append(sight(shares, glazed, weight, 1.0))
    return np.array(truth), sights


def misses(truth: np.ndarray, sights: dict, rng: np.random.Generator):
    """Of every building: what it is off by, the error that is stated, its 90 % bound."""
    buildings = row(len(truth))
    facades = believe(Known(buildings, DEFAULT), sights).facades
    found = []
    for name, true in zip(buildings.ids, truth, strict=True):
        belief = facades[name].belief
        wall = rng.dirichlet(np.maximum(belief.materials, 1e-3), 400)
        window = rng.beta(*belief.window, (400, 1))
        draws = np.hstack([wall * (1.0 - window), window])
        apart = 0.5 * np.abs(draws - belief.whole).sum(axis=1)
        off = 0.5 * np.abs(belief.whole - true).sum()
        found.append((off, 1.0 - belief.confidence, np.quantile(apart, 0.9)))
    return np.array(found).T


def test_a_street_of_noisy_views_ends_within_the_stated_error(rng):
    runs = [misses(*noisy_street(rng), rng) for _ in range(4)]
    off, stated, bound = np.concatenate(runs, axis=1)
    # 200 buildings whose errors scatter by about their mean: 7 % of it, twice.
    assert off.mean() == pytest.approx(stated.mean(), rel=0.15)
    # 90 % of 200: 2.1 % standard error.
    assert 0.85 <= (off <= bound).mean() <= 0.97
    assert np.corrcoef(off, stated)[0, 1] > 0.2  # the unsure ones are the wrong ones


def test_several_views_are_better_than_one(rng):
    ours, first, plain = [], [], []
    for _ in range(4):
        truth, sights = noisy_street(rng, common=60.0)
        off = misses(truth, sights, rng)[0]
        for i, views in enumerate(sights[f"b{i}"] for i in range(len(truth))):
            if len(views) < 3:
                continue
            each = [whole(view) for view in views]
            ours.append(off[i])
            first.append(0.5 * np.abs(each[0] - truth[i]).sum())
            plain.append(0.5 * np.abs(np.mean(each, axis=0) - truth[i]).sum())
    # The tenth that is confused no number of views takes away.
    assert np.mean(ours) < 0.87 * np.mean(first)
    # What neighbours tell costs next to nothing where there are images.
    assert np.mean(ours) < np.mean(plain) + 0.012


def whole(view: Sight) -> np.ndarray:
    return np.append(view.shares * (1.0 - view.window_share), view.window_share)


def test_filled_facades_do_not_claim_what_they_do_not_know(rng):
    runs = [misses(*noisy_street(rng, 50, seen=0.5), rng) for _ in range(4)]
    off, stated, bound = np.concatenate(runs, axis=1)
    # Walls are strewn at random along this street: neighbours tell nothing but how common each is.
    assert off.mean() == pytest.approx(stated.mean(), rel=0.2)
    assert (off <= bound).mean() >= 0.8
    assert off[stated > 0.4].size > 50


# --- fill-in -------------------------------------------------------------------------------------


def known(**belief: float) -> Belief:
    return Belief(20.0 * vector(**belief) + 0.05, np.array([4.0, 16.0]))


def test_the_nearest_of_the_same_kind_counts_most():
    buildings = row(9, use=np.array(["home"] * 8 + ["industry"], object))
    about = {"b0": known(brick=1.0), "b1": known(brick=1.0), "b8": known(metal=1.0)}
    fill = FillIn(buildings, about, DEFAULT)
    near, middle = fill.fill(2), fill.fill(7)
    assert near.rule == middle.rule == "neighbours"
    assert near.neighbours[0] == "b1"
    assert near.belief.shares[0] > 0.8
    # The factory next door is of another use: it counts less than it would as a home.
    homes = FillIn(row(9), about, DEFAULT).fill(7)
    metal = LABELS.index("metal")
    assert middle.belief.shares[metal] < 0.8 * homes.belief.shares[metal]


@pytest.mark.parametrize("column", ["height", "year"])
def test_neighbours_of_another_height_or_age_count_less(column):
    values = np.array([9.0, 9.0, 36.0]) if column == "height" else np.array([1900.0, 1900, 1990])
    place = np.array([(0.0, 0.0), (14.0, 0.0), (-14.0, 0.0)])
    buildings = row(3, place=place, **{column: values})
    fill = FillIn(buildings, {"b1": known(brick=1.0), "b2": known(metal=1.0)}, DEFAULT)
    shares = fill.fill(0).belief.shares
    assert shares[0] > 5.0 * shares[LABELS.index("metal")]


def test_far_from_everything_is_the_regional_default():
    place = np.array([(0.0, 0.0), (2000.0, 0.0)])
    fill = FillIn(row(2, place=place), {"b0": known(brick=1.0)}, DEFAULT)
    assert fill.fill(1).rule == "regional_default"
    assert np.array_equal(fill.fill(1).belief.materials, DEFAULT.materials)
    assert FillIn(row(2), {}, DEFAULT).fill(0).rule == "regional_default"


def test_a_part_is_filled_from_its_own_building_first():
    buildings = row(4, whole=["b0", "b1", "b2", "b0"])
    about = {"b0": known(wood=1.0), "b1": known(brick=1.0), "b2": known(brick=1.0)}
    assert FillIn(buildings, about, DEFAULT).fill(3).neighbours[0] == "b0"


def test_neighbours_that_are_alike_make_surer_than_those_that_are_not(rng):
    def confidence(materials: list[str]) -> float:
        about = {f"b{i}": known(**{name: 1.0}) for i, name in enumerate(materials)}
        return FillIn(row(41), about, DEFAULT).fill(40).belief.confidence

    mixed = rng.choice(["brick", "render", "natural_stone"], 40).tolist()
    assert confidence(["brick"] * 40) > confidence(mixed) + 0.2


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("1857", 1857), ("1857-03-12", 1857), ("1850s", 1855), ("~1855", 1855),
        ("1850..1860", 1855), ("C19", 1850), ("before 1855", 1855), ("", None), ("soon", None),
    ],
)  # fmt: skip
def test_years_of_building(text, year):
    found = year_of({"start_date": text})
    assert math.isnan(found) if year is None else found == year


def test_uses():
    assert use_of({"building": "apartments"}) == use_of({"building": "house"}) == "home"
    assert use_of({"building": "yes"}) == ""
    assert use_of({"building:part": "yes", "building": "warehouse"}) == "industry"


# --- order ---------------------------------------------------------------------------------------


def test_each_building_takes_what_knows_most():
    buildings = row(7)
    tags = {
        "b1": ("building:material", "wood", "wood"),
        "b2": ("building:colour", "red", "brick"),
        "b6": ("building:colour", "red", "brick"),
    }
    stated = {"b3": {"metal_wall": 1.0}, "b4": {"metal_wall": 1.0}}
    sights = {
        name: [sight(vector(concrete=1.0), 0.4, name=name)] * 2 for name in ("b0", "b1", "b2", "b4")
    }
    said = [Correction("b4", shares={"glass": 1.0}, window_share=0.1)]
    found = believe(Known(buildings, DEFAULT, tags, stated), sights, said).facades
    assert {name: facade.source for name, facade in found.items()} == {
        "b0": "images",
        "b1": "building:material",
        "b2": "images",
        "b4": "correction",
        "b5": "neighbours",
        "b6": "building:colour",
    }  # b3 is stated by hand: left alone
    best = {n: LABELS[int(f.belief.materials.argmax())] for n, f in found.items()}
    assert best["b0"] == best["b2"] == "concrete"  # a colour does not stand up to two images
    assert (best["b1"], best["b4"], best["b6"]) == ("wood", "glass", "brick")
    # A tag says nothing of windows, but the images do.
    assert found["b1"].window_source == "images"
    assert found["b1"].belief.window_share == pytest.approx(0.4, abs=0.05)
    assert found["b4"].belief.window_share == pytest.approx(0.1, abs=0.01)
    order = ("b4", "b1", "b0", "b5")
    confidences = [found[name].belief.confidence for name in order]
    assert confidences[0] == max(confidences)
    assert confidences[3] == min(confidences)
    # What is stated tells its neighbours.
    assert found["b5"].neighbours[0] in ("b4", "b6")


# --- corrections ---------------------------------------------------------------------------------


def test_corrections_are_read_as_they_were_written(tmp_path):
    rows = [
        Correction("way/1", shares={"brick": 0.7, "render": 0.3}, window_share=0.25, note='a, "b"'),
        Correction("way/1", "way_1/x.jpg", ignore=True),
        Correction("=cmd|' /C calc'!A0", shares={"wood": 1.0}),
        Correction("way/2", window_share=0.5),
    ]
    path = tmp_path / "corrections.csv"
    write_corrections(path, rows)
    read = read_corrections(path)
    assert [r.key for r in read] == [r.key for r in rows]
    assert read[0].shares == pytest.approx({"brick": 0.7, "render": 0.3})
    assert (read[0].note, read[0].window_share) == ('a, "b"', 0.25)
    assert read[1].ignore
    assert read[3].shares is None
    assert read_corrections(tmp_path / "none.csv") == []


def test_later_rows_win_and_none_takes_back(tmp_path):
    path = tmp_path / "corrections.csv"
    path.write_text("building_id,label\na,brick\na,wood\nb,brick\nb,none\n")
    rows = merge([Correction("c", shares={"tile": 1.0})], read_corrections(path))
    assert {r.building_id: r.shares for r in rows} == {"a": {"wood": 1.0}, "c": {"tile": 1.0}}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a,,brik,", "brick"),
        ("a,,brick:0.7;render:0.7,", "sum to 1"),
        ("a,,brick:x,", "not a share"),
        ("a,,brick,1.4", "window_share"),
        (",,brick,", "building_id"),
        ("a,,ignore,", "image_id"),
        ("a,,,", "says nothing"),
    ],
)
def test_mistakes_in_corrections_are_one_line(tmp_path, line, words):
    path = tmp_path / "corrections.csv"
    path.write_text(f"building_id,image_id,label,window_share\n{line}\n")
    with pytest.raises(InputError, match=words) as caught:
        read_corrections(path)
    assert "line 2" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_image_is_corrected_or_left_out():
    answers = {"a/1.jpg": answer(), "a/2.jpg": answer(image_id="a/2.jpg")}
    rows = [
        Correction("a", "a/1.jpg", shares={"wood": 1.0}),
        Correction("a", "a/2.jpg", ignore=True),
        Correction("a", "gone.jpg", ignore=True),
    ]
    found = corrected_answers(answers, rows)
    assert list(found) == ["a/1.jpg"]
    assert found["a/1.jpg"].shares["wood"] == 1.0
    assert found["a/1.jpg"].certainty == 1.0
    assert found["a/1.jpg"].window_share == 0.2
    assert answers["a/1.jpg"].shares["wood"] == 0.125
