"""Accuracy, calibration and temperature on made-up answers whose truth is known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image

from data_sources.facade_labels.answer import LABELS, Crop, CropAnswer
from data_sources.facade_labels.calibration import (
    calibration_curve,
    class_scores,
    confusion_matrix,
    fit_temperature,
    likelihood_loss,
    macro_f1,
    probabilities,
    split,
    wilson,
)
from data_sources.facade_labels.drawn_facades import SIZE, draw_facade
from data_sources.facade_labels.evaluate import (
    Labelled,
    compare_answers,
    read_labels,
    report_lines,
)
from data_sources.facade_labels.evaluation_page import write_evaluation
from data_sources.facade_labels.self_check import check_lines, check_model
from heatmat.errors import InputError
from tests.data_sources.labelled_street import MadeUp


def overconfident(rng: np.random.Generator, count: int, factor: float):
    """Logits that are `factor` times those from which the truth is drawn."""
    honest = rng.normal(0.0, 1.3, (count, len(LABELS)))
    p = probabilities(honest)
    true = np.array([rng.choice(len(LABELS), p=row) for row in p])
    return factor * honest, true


def examples(logits: np.ndarray, true: np.ndarray):
    """The logits as a model's answers, and the labels beside them."""
    answers, rows = [], []
    for i, (line, label) in enumerate(zip(logits, true, strict=True)):
        name = f"{i}.jpg"
        p = probabilities(line[None])[0]
        raw = {"logits": dict(zip(LABELS, line.tolist(), strict=True))}
        shares = dict(zip(LABELS, p.tolist(), strict=True))
        answers.append(CropAnswer(name, "", shares, 0.3, 0.9, 1.0, None, "m", "r", "p", raw))
        rows.append(Labelled(Crop(name, "", None), int(label), None, 0.25))  # type: ignore[arg-type]
    return answers, rows


def test_the_temperature_is_found(rng):
    logits, true = overconfident(rng, 4000, 2.5)
    # The likelihood knows it to some 3 % from 4000 examples.
    assert fit_temperature(logits, true) == pytest.approx(2.5, rel=0.08)


@pytest.mark.parametrize("factor", [3.0, 0.4])
def test_calibration_lowers_the_error_on_what_was_held_out(rng, factor):
    logits, true = overconfident(rng, 1200, factor)
    found = compare_answers(*examples(logits, true))
    assert (found.fitted_on, found.reported_on) == (600, 600)
    assert found.temperature == pytest.approx(factor, rel=0.2)
    before, after = found.curves["before"].error, found.curves["after"].error
    assert before > 0.15
    # 600 answers in ten bins: the error of a perfect model would be some 0.04.
    assert after < 0.06
    assert found.loss["after"] < found.loss["before"]
    assert found.window_error == pytest.approx(0.05)
    assert math.isnan(found.composition_error)


def test_curve_of_known_answers():
    p = np.full((4, 8), 0.0)
    p[:, 0] = (0.95, 0.95, 0.95, 0.55)
    p[:, 1] = 1.0 - p[:, 0]
    curve = calibration_curve(p, np.array([0, 0, 1, 0]))
    assert curve.count[[5, 9]].tolist() == [1, 3]
    assert curve.accuracy[[5, 9]] == pytest.approx([1.0, 2 / 3])
    assert curve.error == pytest.approx((0.45 + 3 * (0.95 - 2 / 3)) / 4)
    assert likelihood_loss(p, np.array([0, 0, 1, 0])) == pytest.approx(
        -(2 * math.log(0.95) + math.log(0.05) + math.log(0.55)) / 4
    )


def test_confusion_and_scores_of_known_answers():
    true, said = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0])
    table = confusion_matrix(true, said, 4)
    assert table[:3, :3].tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    precision, recall, f1 = class_scores(table)
    assert precision[:3] == pytest.approx([2 / 3, 2 / 3, 0.0])
    assert recall[:3] == pytest.approx([2 / 3, 1.0, 0.0])
    assert f1[:3] == pytest.approx([2 / 3, 0.8, 0.0])
    assert np.isnan([precision[3], recall[3], f1[3]]).all()
    assert macro_f1(table) == pytest.approx((2 / 3 + 0.8) / 3)
    assert wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-3)  # Wilson 1927's formula


def test_half_of_each_label_is_held_out():
    true = np.repeat([0, 1, 2], [10, 7, 1])
    chosen = split(true, 3)
    assert [int(chosen[true == k].sum()) for k in (0, 1)] in ([5, 3], [5, 4])
    assert chosen.sum() == 9
    assert not np.array_equal(chosen, split(true, 4))


def test_too_few_images_get_no_temperature(rng, tmp_path):
    found = compare_answers(*examples(*overconfident(rng, 30, 3.0)))
    assert (found.temperature, found.fitted_on, found.reported_on) == (1.0, 0, 30)
    write_evaluation(tmp_path, found)
    assert not (tmp_path / "materials" / "calibration.json").exists()
    assert "not fitted" in "\n".join(report_lines(found))


def test_page_and_json_of_an_evaluation(rng, tmp_path):
    answers, rows = examples(*overconfident(rng, 400, 3.0))
    answers.append(
        CropAnswer("<b>.jpg", "", {}, 0.0, 0.0, 0.0, None, "m", "r", "p", {}, ["truncated"])
    )
    rows.append(rows[0])
    found = compare_answers(answers, rows)
    page = write_evaluation(tmp_path, found).read_text()
    assert "&lt;b&gt;.jpg: truncated" in page
    stored = json.loads((tmp_path / "materials" / "evaluation.json").read_text())
    assert stored["images"] == 400
    assert stored["skipped"] == {"<b>.jpg": "truncated"}
    assert sum(sum(line) for line in stored["confusion"]) == 400
    assert 0.0 <= stored["by_label"]["brick"]["f1"] <= 1.0
    kept = json.loads((tmp_path / "materials" / "calibration.json").read_text())
    assert kept["temperature"] == pytest.approx(3.0, rel=0.3)
    assert (kept["model"], kept["revision"], kept["prompt_id"]) == ("m", "r", "p")


def test_a_temperature_that_does_not_help_is_not_kept(rng, tmp_path):
    logits, true = overconfident(rng, 400, 1.0)
    chosen = split(true, 0)
    logits[chosen] *= 3.0  # only the half it is fitted on is overconfident
    found = compare_answers(*examples(logits, true))
    assert found.loss["after"] > found.loss["before"]
    write_evaluation(tmp_path, found)
    assert not (tmp_path / "materials" / "calibration.json").exists()


# --- LABELS.csv ----------------------------------------------------------------------------------


def test_labels_are_read(tmp_path):
    table = tmp_path / "labels.csv"
    (tmp_path / "a.jpg").write_bytes(b"")
    table.write_text("file,label,window_share,brick,render\na.jpg,,0.3,0.2,0.8\nb.jpg,wood,,,\n")
    one, two = read_labels(table, tmp_path / "city")
    assert (LABELS[one.label], one.window_share) == ("render", 0.3)
    assert one.shares is not None
    assert one.shares[0] == pytest.approx(0.2)
    assert one.crop.path == tmp_path / "a.jpg"
    assert (LABELS[two.label], two.shares) == ("wood", None)
    assert two.crop.path == tmp_path / "city" / "views" / "b.jpg"
    assert math.isnan(two.window_share)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,label\na.jpg,brik\n", "brick"),
        ("file,label\na.jpg,\n", "nothing"),
        ("file,label,window_share\na.jpg,brick,1.2\n", "window_share"),
        ("image,label\na.jpg,brick\n", "missing column 'file'"),
        ("file\na.jpg\n", "missing column 'label'"),
    ],
)
def test_mistakes_in_labels_are_one_line(tmp_path, text, words):
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        read_labels(tmp_path / "labels.csv", tmp_path)


def test_nothing_that_can_be_used_is_said():
    answer = CropAnswer("a", "", {}, 0, 0, 0, None, "m", "r", "p", {}, ["not_an_image"])
    row = Labelled(Crop("a", "", None), 0, None, math.nan)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not_an_image"):
        compare_answers([answer], [row])


# --- self-check ----------------------------------------------------------------------------------


class ByColour(MadeUp):
    """A model that knows the drawn facades by their mean colour."""

    def label(self, crops, *, progress=None):
        known = {name: wall(draw_facade(name, 7)) for name in LABELS}
        self.truth = {}
        for crop in crops:
            seen = wall(np.asarray(Image.open(crop.path)))
            best = min(known, key=lambda name: float(np.abs(known[name] - seen).sum()))
            self.truth[crop.image_id] = {best: 1.0}
        return [self._answer(Crop(c.image_id, c.image_id, c.path)) for c in crops]


def wall(picture: np.ndarray) -> np.ndarray:
    return np.asarray(picture[140:160, :40].reshape(-1, 3).mean(axis=0))


def test_self_check_tells_a_model_that_sees_from_one_that_does_not():
    seeing = check_model(ByColour({}))
    assert (seeing.right, seeing.passed) == (24, True)
    blind = check_model(MadeUp({"": {"render": 1.0}}))
    assert (blind.right, blind.passed) == (3, False)
    assert check_lines(blind)[-1].startswith("3 of 24 right: does not work")


def test_drawn_facades_are_the_same_again_and_differ_from_one_another():
    pictures = [draw_facade(name, 0) for name in LABELS]
    assert all(p.shape == (SIZE, SIZE, 3) and p.dtype == np.uint8 for p in pictures)
    assert np.array_equal(pictures[0], draw_facade("brick", 0))
    means = np.array([wall(p) for p in pictures])
    apart = np.abs(means[:, None] - means[None]).sum(axis=2) + 1e3 * np.eye(len(LABELS))
    assert apart.min() > 20.0
