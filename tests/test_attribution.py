"""Attribution: Shapley values of games with known answers, and of the block."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from heatmat import cli
from heatmat.attribution import EXACT, attribute, shapley_plan
from heatmat.errors import InputError
from tests.block_city import CRS, EXTENT, block, write_buildings
from tests.conftest import SEED

STARTS = 128
GROUPS = {"streets": ["asphalt_street"], "houses": ["solid_brick_wall", "bitumen_roof"]}


def by_orders(value: dict[frozenset, float], count: int) -> np.ndarray:
    """Shapley values from their definition: the mean over all orders."""
    total = np.zeros(count)
    orders = list(itertools.permutations(range(count)))
    for order in orders:
        for k, player in enumerate(order):
            total[player] += value[frozenset(order[: k + 1])] - value[frozenset(order[:k])]
    return total / len(orders)


def test_weights_give_shapley_values(rng: np.random.Generator) -> None:
    subsets, weights, runs = shapley_plan(4)
    value = {subset: rng.normal() for subset in subsets}
    game = np.array([value[subset] for subset in subsets])
    assert runs is None and len(subsets) == 16
    assert weights @ game == pytest.approx(by_orders(value, 4), abs=1e-12)


def test_drawn_orders_share_everything_and_come_near(rng: np.random.Generator) -> None:
    count = EXACT + 1
    subsets, weights, runs = shapley_plan(count, orders=40, seed=SEED)
    single = rng.normal(size=count)
    pair = rng.normal(size=(count, count))

    def worth(subset: frozenset) -> float:
        rows = sorted(subset)
        return single[rows].sum() + pair[np.ix_(rows, rows)].sum()

    game = np.array([worth(subset) for subset in subsets])
    found = weights @ game
    assert found.sum() == pytest.approx(worth(frozenset(range(count))), abs=1e-9)
    # Pairs of opposite orders are exact for games of pairs.
    exact = single + 0.5 * (pair + pair.T).sum(axis=1)
    assert found == pytest.approx(exact, abs=1e-9)
    assert runs is not None and runs.mean(axis=0) == pytest.approx(weights)


@pytest.fixture(scope="module")
def shared():
    return attribute(block(), GROUPS, starts=STARTS)


def test_the_parts_are_the_whole(shared) -> None:
    assert shared.scenarios == 4
    assert shared.residual < 1e-3
    frame = shared.to_dataframe()
    noon = frame[(frame["time"].str.contains("T13")) & (frame["measure"] == "all")]
    part = noon.set_index("part")["shapley_k"]
    parts = part["streets"] + part["houses"] + part["form"]
    assert parts == pytest.approx(part["heat island"], abs=1e-4)  # rounded to 1e-5
    assert part["streets"] > 5.0  # asphalt in place of meadow, at noon


def test_alone_and_last_enclose_shapley_of_two(shared) -> None:
    """Of two groups each value is the mean of being first and being last."""
    both = 0.5 * (shared.alone + shared.last)
    # (A replicate of so few positions may hold no roof.)
    assert shared.shapley == pytest.approx(both, abs=1e-9, nan_ok=True)
    assert np.isfinite(both[:, 0]).all()


def test_replacing_with_itself_carries_nothing() -> None:
    own = {"ground": "asphalt_street", "roof": "bitumen_roof", "wall": "solid_brick_wall"}
    found = attribute(block(), GROUPS, reference=own, starts=STARTS)
    assert np.all(np.nan_to_num(found.shapley) == 0.0)
    assert np.all(found.shapley[:, 0] == 0.0)


@pytest.mark.parametrize(
    ("groups", "reference"),
    [
        ({"a": ["asphalt_street"], "b": ["asphalt_street"]}, None),
        ({"a": ["asfalt"]}, None),
        (GROUPS, {"wall": "gras"}),
    ],
)
def test_groups_that_cannot_be(groups: dict, reference: dict | None) -> None:
    with pytest.raises(InputError):
        attribute(block(), groups, reference=reference, starts=STARTS)


SCENARIO = """
format = 1
[city]
buildings = "buildings.gpkg"
crs = "{crs}"
extent = {extent}
margin_m = 30.0
[weather]
clear_sky = {{ date = "2023-07-14", tmax_c = 33.0, tmin_c = 20.0, utc_offset_h = 1.0 }}
[time]
spin_up_days = 1
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("studies")
    write_buildings(folder / "buildings.gpkg")
    file = folder / "scenario.toml"
    file.write_text(SCENARIO.format(crs=CRS, extent=list(EXTENT)))
    (folder / "vary.toml").write_text(
        '[[axis]]\nname = "roof"\nwhere = { surface = "roof" }\nset = { albedo = [0.2, 0.6] }\n'
    )
    (folder / "groups.toml").write_text('[groups]\nstreets = ["asphalt_street"]\n')
    return file


def run(scenario: Path, command: str, *more: str) -> Path:
    out = scenario.parent / command
    common = ["--out", str(out), "--quiet", "--device", "cpu", "--starts", str(STARTS)]
    assert cli.main([command, str(scenario), *common, *more]) == 0
    record = json.loads((out / "run.json").read_text())
    assert record["status"] == "complete"
    assert all((out / name).exists() for name in record["outputs"])
    return out


def test_sweep_from_the_command_line(scenario: Path) -> None:
    out = run(scenario, "sweep", "--vary", str(scenario.parent / "vary.toml"))
    summary = json.loads((out / "summary.json").read_text())
    assert [row["roof"] for row in summary["scenarios"]] == ["as it is", "albedo 0.2", "albedo 0.6"]
    assert (out / "sweep.csv").read_text().startswith("roof,group,area_m2,time,")


def test_attribute_from_the_command_line(scenario: Path) -> None:
    out = run(scenario, "attribute", "--groups", str(scenario.parent / "groups.toml"))
    summary = json.loads((out / "summary.json").read_text())
    assert summary["shapley_residual_k"] < 1e-3
    assert 'src="http' not in (out / "report.html").read_text()


def test_sensitivity_from_the_command_line(scenario: Path) -> None:
    out = run(
        scenario, "sensitivity", "--property", "albedo", "--where", 'surface = "roof"',
        "--resolution", "20",
    )  # fmt: skip
    summary = json.loads((out / "summary.json").read_text())
    roof = summary["properties"]["albedo"]["groups"]["roof"]["effect_own_k"]
    assert roof["mean"] < -1.0


def test_search_from_the_command_line(scenario: Path) -> None:
    out = run(scenario, "search", "--count", "1", "--to", "0.6")
    summary = json.loads((out / "summary.json").read_text())
    assert summary["chosen"] == ["ring"] and summary["budget"] is None
    assert summary["change_together_k"] < -1.0
    features = json.loads((out / "buildings.geojson").read_text())["features"]
    chosen = {f["properties"]["building_id"]: f["properties"]["chosen"] for f in features}
    assert chosen["ring"] and not chosen["house"]
    # WGS 84, as GeoJSON has it (RFC 7946)
    assert 2.0 < features[0]["geometry"]["coordinates"][0][0][0] < 3.0


def test_bad_files_are_one_line(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = scenario.parent / "bad.toml"
    bad.write_text("[axes]\n")
    common = ["--out", str(scenario.parent / "bad"), "--quiet"]
    assert cli.main(["sweep", str(scenario), *common, "--vary", str(bad)]) == 2
    assert cli.main(["attribute", str(scenario), *common, "--groups", str(bad)]) == 2
    assert cli.main(["sensitivity", str(scenario), *common, "--where", "roofs"]) == 2
    assert cli.main(["search", str(scenario), *common, "--budget", "1"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 4 and all(line.startswith("heatmat: ") for line in lines)
