"""A small extract tiled: copies side by side, whose buildings stand once, and a square of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from data_sources import large_city
from heatmat.city import City
from heatmat.ending import exit_code
from heatmat.scenario import Scenario

WEST, SOUTH, EAST, NORTH = 2.34, 48.87, 2.341, 48.8706


def extract(folder: Path) -> Path:
    """Two buildings within bounds of some 73 m x 67 m, and one that mostly lies beyond them.

    +-----------+
    | [a]  [b]  |
    |         [overhang]
    +-----------+
    """
    nodes, ways = [], []
    boxes = {"10": (2.3401, 48.8703), "20": (2.3405, 48.8703), "30": (2.34095, 48.8701)}
    for name, (x, y) in boxes.items():
        corners = [(x, y), (x + 0.0003, y), (x + 0.0003, y + 0.0001), (x, y + 0.0001)]
        for k, (lon, lat) in enumerate(corners):
            nodes.append(f'<node id="{name}{k}" lat="{lat:.7f}" lon="{lon:.7f}"/>')
        refs = "".join(f'<nd ref="{name}{k}"/>' for k in (0, 1, 2, 3, 0))
        ways.append(
            f'<way id="{name}">{refs}<tag k="building" v="yes"/><tag k="height" v="9"/></way>'
        )
    path = folder / "small.osm"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6">\n'
        f'<bounds minlat="{SOUTH}" minlon="{WEST}" maxlat="{NORTH}" maxlon="{EAST}"/>\n'
        + "\n".join(nodes + ways) + "\n</osm>\n",
        encoding="utf-8",
    )  # fmt: skip
    return path


def test_copies_stand_side_by_side_without_what_overhangs(tmp_path: Path) -> None:
    city = tmp_path / "city.osm"
    source = large_city.Extract(extract(tmp_path))
    assert source.buildings == 2
    source.write(city, 3, 2)
    found = City.from_file(city, margin=0.0)
    assert len(found.buildings) == 2 * 3 * 2
    assert found.buildings["building_id"].is_unique
    middles = shapely.get_coordinates(shapely.centroid(found.buildings.geometry))
    apart = np.ptp(middles, axis=0)
    # 0.001 degrees of longitude are 73.2 m there, 0.0006 of latitude 66.7 m; a and b 29.3 m apart.
    assert apart == pytest.approx([2 * 73.2 + 29.3, 66.7], abs=3.0)


def test_a_square_is_covered_and_can_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weather = tmp_path / "a day.epw"
    weather.write_text("not read here", encoding="utf-8")
    monkeypatch.setattr(large_city, "MARGIN", 20.0)
    path = large_city.write_square(large_city.Extract(extract(tmp_path)), tmp_path, 150.0, weather)
    given = Scenario.load(path).resolved()
    west, south, east, north = given["city"]["extent"]
    assert (east - west, north - south) == (150.0, 150.0)
    assert given["city"]["crs"] == "EPSG:32631" and given["time"]["spin_up_days"] == 3
    # Two buildings in each copy of 73 m x 67 m, over the margin too.
    buildings = City.from_file(tmp_path / "square_150.osm", margin=0.0).buildings
    middles = shapely.get_coordinates(shapely.centroid(buildings.geometry))
    for corner in ((west - 20, south - 20), (east + 20, north + 20)):
        assert np.hypot(*(middles - corner).T).min() < 75.0


def run(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """Exit code and what is said of it."""
    monkeypatch.setattr("sys.argv", ["large_city", *words])
    try:
        code = exit_code(large_city.main)
    except SystemExit as refused:  # argparse's own way out
        code = refused.code
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["{small}", "--square", "100"], "--square needs --weather"),
        (["{small}", "--square", "-5", "--weather", "a.epw"], "--square: expected a number from"),
        (["{small}", "--square", "1e300", "--weather", "a.epw"], "--square: expected a number"),
        (["{small}", "--square", "100", "--weather", "no.epw"], "no.epw: no such file"),
        (["{small}", "--buildings", "0"], "--buildings: expected a whole number of at least 1"),
        (["{small}", "--resolution", "1e-9"], "--resolution: expected a number from"),
        (["no.osm"], "no.osm: "),
        (["{cut}"], "not a whole OpenStreetMap extract"),
        (["{unbound}"], "states no bounds"),
        (["{turned}", "--square", "100", "--weather", "{small}"], "bounds"),
        (["{dot}", "--square", "100", "--weather", "{small}"], "bounds"),
        (["{bare}", "--square", "100", "--weather", "{small}"], "no building in its bounds"),
        (["{nameless}"], "KeyError('id')"),
        (["{letters}"], "invalid literal"),
        (["{south}"], "95.0 degrees"),
        (["{keyless}"], "KeyError('k')"),
        (["{small}", "--buildings", "3000"], "too small an extract"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    given: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = extract(tmp_path).read_text(encoding="utf-8")
    bounds = next(line for line in whole.splitlines(keepends=True) if "<bounds" in line)
    texts = {
        "small": whole,
        "cut": whole[:-40],
        "unbound": whole.replace(bounds, ""),
        "turned": whole.replace(f'maxlon="{EAST}"', f'maxlon="{WEST - 1.0}"'),
        "dot": whole.replace(f'maxlon="{EAST}"', f'maxlon="{WEST + 1e-9}"'),
        "bare": whole.replace('k="building"', 'k="amenity"'),
        "nameless": whole.replace('<node id="100"', "<node"),
        "letters": whole.replace('<node id="100"', '<node id="one"'),
        "south": whole.replace('lat="48.8703000"', 'lat="95.0"', 1),
        "keyless": whole.replace('<tag k="height"', "<tag", 1),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.osm").write_text(text, encoding="utf-8")
    words = [word.format(**{key: tmp_path / f"{key}.osm" for key in texts}) for word in given]
    out = tmp_path / "out"
    code, told = run([*words, "--out", str(out)], monkeypatch, capsys)
    assert code == 2
    assert told.count("\n") == 1 and told.startswith("heatmat: ") and says in told
    assert not out.exists()


def test_what_stands_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = extract(tmp_path).rename(tmp_path / "square_100.osm")
    weather = tmp_path / "a.epw"
    weather.touch()
    words = [str(source), "--square", "100", "--weather", str(weather), "--out"]
    before = source.read_bytes()
    code, told = run([*words, str(tmp_path)], monkeypatch, capsys)
    assert code == 2 and "square_100.osm: exists, and not from this extract" in told
    assert source.read_bytes() == before
    for name in ("square_100.osm", "square_100.toml"):
        kept = tmp_path / name[-4:] / name / "kept"
        kept.mkdir(parents=True)
        code, told = run([*words, str(tmp_path / name[-4:])], monkeypatch, capsys)
        assert code == 2 and "cannot be written" in told and kept.exists()
    out = tmp_path / "out"
    assert run([*words, str(out)], monkeypatch, capsys) == (0, "")
    assert run([*words, str(out)], monkeypatch, capsys) == (0, "")
    (out / "square_100.toml").write_text("mine", encoding="utf-8")
    code, told = run([*words, str(out)], monkeypatch, capsys)
    assert code == 2 and "square_100.toml: exists, and differs" in told
    assert (out / "square_100.toml").read_text(encoding="utf-8") == "mine"


def test_copies_are_used_again_for_their_own_extract_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = extract(tmp_path).rename(tmp_path / "small.south.osm")
    words = [str(source), "--buildings", "4", "--out", str(tmp_path / "out")]
    assert run(words, monkeypatch, capsys)[0] == 0
    copies = tmp_path / "out" / "small.south_4.osm"
    written = copies.stat().st_mtime_ns
    assert run(words, monkeypatch, capsys)[0] == 0
    assert copies.stat().st_mtime_ns == written
    source.write_text(source.read_text("utf-8").replace('v="9"', 'v="8"'), encoding="utf-8")
    code, told = run(words, monkeypatch, capsys)
    assert code == 2 and "exists, and not from this extract" in told
