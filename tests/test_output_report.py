"""The report, and all files of a run together."""

import json
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest

from heatmat.errors import OutputError
from heatmat.output import style, write_run_outputs
from heatmat.output.report import number, report_html, table
from heatmat.output.tables import summary_of
from tests.output_case import make_city, make_maps, make_probes, make_run_info, make_walls

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Collects what a page loads, its text, and checks that tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [v or "" for k, v in attrs if k in ("src", "srcset", "data", "poster")]
        if tag == "link":
            self.loads += [v or "" for k, v in attrs if k == "href"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setattr(style, "DPI", 50)
    out = tmp_path_factory.mktemp("run")
    city = make_city()
    noted, told = [], []
    directory = SimpleNamespace(file=lambda name: (noted.append(name), out / name)[1])
    written = write_run_outputs(
        out,
        scenario=SimpleNamespace(name="Block <42> & Söhne"),
        city=city,
        maps_dataset=make_maps(city, 4.0),
        walls=make_walls(city),
        probes=make_probes(),
        run_info=make_run_info(),
        run_directory=directory,
        progress=lambda *what: told.append(what),
    )
    patch.undo()
    return SimpleNamespace(out=out, written=written, noted=noted, told=told)


def test_a_run_writes_everything_and_says_so(run):
    names = [path.relative_to(run.out).as_posix() for path in run.written]
    assert names[:6] == [
        "surface_temperature.tif", "result.zarr", "walls.gpkg", "walls.parquet", "buildings.csv",
        "summary.json",
    ]  # fmt: skip
    assert names[-1] == "report.html"
    assert run.noted == names
    assert all(path.exists() for path in run.written)
    assert len([name for name in names if name.endswith(".png")]) == 8
    assert run.told[-1] == ("writing", len(names), len(names))
    assert list(run.out.rglob(".partial*")) == []


def test_the_report_loads_nothing_and_is_well_formed(run):
    text = (run.out / "report.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.open == []
    assert len(page.loads) == 8
    assert all(load.startswith("data:image/") for load in page.loads)
    assert "script" not in page.tags and "link" not in page.tags
    assert "url(" not in text and "@import" not in text


def test_the_report_escapes_what_it_is_given(run):
    text = (run.out / "report.html").read_text(encoding="utf-8")
    assert "<script>" not in text and "<city>" not in text and "<kept>" not in text
    page = Page()
    page.feed(text)
    assert "Block <42> & Söhne" in page.text
    assert "tarp <script>" in page.text
    assert "2 footprints repaired & <kept>" in page.text


def test_the_report_says_what_was_run_and_what_is_left_out(run):
    page = Page()
    page.feed((run.out / "report.html").read_text(encoding="utf-8"))
    summary = json.loads((run.out / "summary.json").read_text(encoding="utf-8"))
    roof = summary["surface_temperature_c"]["roof"]
    for words in (
        number(roof["max"]), "ab" * 32, "taichi 1.7.4", "05:00", "14:00", "% filled by rule",
        "Convection is the largest single uncertainty", "Trees count only",
        "© OpenStreetMap contributors",
    ):  # fmt: skip
        assert words in page.text, words


def test_a_run_without_probes_draws_no_curves():
    from heatmat.output.run_files import RunFiles

    city = make_city()
    files = RunFiles(
        SimpleNamespace(), None, city, make_maps(city, 4.0), make_walls(city), None, {}
    )
    assert "figures/probes.png" not in [name for name, _ in files.jobs()]


def test_a_folder_that_cannot_be_written_is_the_users_to_mend(tmp_path):
    (tmp_path / "file").write_text("")
    city = make_city()
    with pytest.raises(OutputError, match=r"surface_temperature\.tif"):
        write_run_outputs(
            tmp_path / "file", scenario=None, city=city, maps_dataset=make_maps(city, 4.0),
            walls=make_walls(city), probes=None, run_info={},
        )  # fmt: skip


def test_a_report_needs_no_figures_and_little_information():
    city = make_city()
    page = Page()
    page.feed(
        report_html(
            title="t",
            summary=summary_of(city, make_maps(city, 4.0), make_walls(city)),
            run_info={},
            figures=[],
            hours=[0],
            attribution="",
        )  # fmt: skip
    )
    assert page.open == []


def test_tables_and_numbers():
    assert number(-1.25, 1) == "\u22121.2"
    assert number(None) == "–"
    assert table(["a"], []) == ""
    assert "&lt;b&gt;" in table(["a"], [["<b>"]])
