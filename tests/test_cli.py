"""The command line: exit codes, one line for what went wrong, results alone on standard output."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from heatmat import cli
from heatmat.points import TEMPS_COLUMNS
from heatmat.scenario import Scenario

COMMANDS = (
    "validate",
    "demo",
    "fetch",
    "materials",
    "check",
    "run",
    "query",
    "compare",
    "sweep",
    "attribute",
    "sensitivity",
    "constructions",
    "prepare",
    "benchmark",
    "info",
)
TOML = """
[time]
start = "2023-07-15T00:00"
end = "2023-07-16T00:00"
"""
POINTS = "id,surface,construction\nw,wall,insulated_brick_wall\n"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A folder with a scenario, points and incident fluxes."""
    (tmp_path / "s.toml").write_text(TOML)
    (tmp_path / "p.csv").write_text(POINTS)
    rows = ["id,time,incident_shortwave_w_m2,incident_longwave_w_m2,air_temperature_c,h_conv_w_m2k"]
    rows += [f"w,2023-07-{14 + i // 24:02d}T{i % 24:02d}:00,100,350,20,12" for i in range(49)]
    (tmp_path / "f.csv").write_text("\n".join(rows))
    return tmp_path


def query(job: Path, *more: str, out: str | None = None) -> list[str]:
    return [
        "query", str(job / "s.toml"), "--points", str(job / "p.csv"), "--incident",
        str(job / "f.csv"), "--out", out or str(job / "t.csv"), *more,
    ]  # fmt: skip


def heatmat(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "heatmat", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        **options,  # type: ignore[call-overload]
    )


def one_line(text: str) -> str:
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith("heatmat: ")
    return lines[0]


def test_help_lists_what_there_is_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    for name in COMMANDS:
        assert f" {name} " in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_the_common_options(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.main([command, "--help"]) == 0
    text = capsys.readouterr().out
    for option in ("--device", "--seed", "--quiet", "--verbose", "--overwrite"):
        assert option in text


def test_help_is_quick_because_it_imports_little() -> None:
    program = (
        "import sys, heatmat.cli as c; c.main(['--help']);"
        "heavy = {'taichi','numpy','pandas','geopandas','pydantic','xarray','rasterio','pvlib'};"
        "sys.stderr.write(','.join(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""


def test_version_and_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    from heatmat import __version__

    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"heatmat {__version__}\n"
    assert cli.main([]) == 2


USAGE = [
    (["runn"], "No such command 'runn'"),
    (["run", "s.toml", "--otu", "x"], "No such option: --otu"),
    (["run"], "Missing argument 'SCENARIO.toml'"),
    (["run", "s.toml", "--out", "x", "--device", "gpu"], "'gpu' is not one of"),
    (["run", "s.toml", "--out", "x", "--seed", "-1"], "--seed"),
    (["run", "s.toml", "--out", "x", "--resolution", "0"], "--resolution"),
    (["query", "s.toml", "--points", "p.csv"], "Missing option '--out'"),
    (["run", "none.toml", "--out", "x"], "none.toml: no such file"),
    (["check", "none.toml"], "none.toml: no such file"),
    (["compare", "none.toml", "b.toml", "--out", "x"], "none.toml: no such file"),
    (["prepare", "none.toml", "--out", "x.npz"], "none.toml: no such file"),
    (["constructions", "brik_wall"], "did you mean 'brick_wall'?"),
]


@pytest.mark.parametrize(("arguments", "expected"), USAGE)
def test_what_the_user_can_mend_is_one_line_and_2(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert expected in one_line(captured.err)
    assert captured.out == ""


def test_our_own_fault_is_1_with_a_traceback_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Scenario, "load", lambda path: 1 / 0)
    assert cli.main(["run", "s.toml", "--out", "x"]) == 1
    line = one_line(capsys.readouterr().err)
    assert "internal error: ZeroDivisionError: division by zero; traceback in " in line
    path = Path(line.split("traceback in ")[1].split(";")[0])
    assert "ZeroDivisionError" in path.read_text()
    path.unlink()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), "not enough memory; use a coarser resolution_m"),
        (OSError(28, "No space left on device", "/x/y"), "/x/y: No space left on device"),
        (PermissionError(13, "Permission denied", "/x"), "/x: Permission denied"),
    ],
)
def test_disk_and_memory_are_the_user_s_to_mend(
    error: Exception,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(path: object) -> None:
        raise error

    monkeypatch.setattr(Scenario, "load", fail)
    assert cli.main(["run", "s.toml", "--out", "x"]) == 2
    assert expected in one_line(capsys.readouterr().err)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals(number: int, code: int) -> None:
    program = (
        "import signal, sys, time, heatmat.cli as c; from heatmat.scenario import Scenario\n"
        # What a shell starts in the background inherits that it ignores Ctrl-C.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def wait(path):\n    print('waiting', flush=True); time.sleep(60)\n"
        "Scenario.load = wait\n"
        "sys.exit(c.main(['run', 's.toml', '--out', 'x']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(number)
    _, error = process.communicate(timeout=30)
    assert process.returncode == code
    assert "goes on from what was finished" in one_line(error)


def test_a_reader_that_leaves_is_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "heatmat", "constructions", "--csv"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writing)
    assert done.returncode == 141
    assert done.stderr == ""


def test_constructions(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["constructions"]) == 0
    assert "solid_brick_wall" in capsys.readouterr().out
    assert cli.main(["constructions", "solid_brick_wall"]) == 0
    assert "layers, outside to inside" in capsys.readouterr().out
    assert cli.main(["constructions", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) >= 20
    assert all(row["source"] for row in rows)


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert "cpu" in facts["devices"]
    assert facts["versions"]["taichi"]
    assert facts["cpu_count"] >= 1
    assert facts["memory_bytes"] > 0
    assert cli.main(["info"]) == 0
    assert "CPU cores" in capsys.readouterr().out


def test_query_with_fluxes_given(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(query(job)) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    rows = list(csv.DictReader((job / "t.csv").open()))
    assert list(rows[0]) == list(TEMPS_COLUMNS)
    assert len(rows) == 24
    record = json.loads((job / "t.csv.run.json").read_text())
    assert set(record["inputs"]) == {"scenario", "points", "incident"}
    assert record["outputs"] == ["t.csv"]


def test_a_table_that_is_there_already(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(query(job)) == 0
    before = (job / "t.csv").stat().st_mtime_ns
    assert cli.main(query(job)) == 0
    assert "complete already" in capsys.readouterr().err
    assert (job / "t.csv").stat().st_mtime_ns == before
    assert cli.main(query(job, "--seed", "1", "-q")) == 2
    assert "seed was 0, is 1" in one_line(capsys.readouterr().err)
    (job / "p.csv").write_text(POINTS + "v,wall,brick_wall\n")
    (job / "f.csv").write_text((job / "f.csv").read_text().replace("\nw,", "\nv,"))
    (job / "p.csv").write_text(POINTS.replace("w,wall", "v,wall"))
    assert cli.main(query(job, "-q")) == 2
    assert "points (sha256) was " in one_line(capsys.readouterr().err)
    assert cli.main(query(job, "--overwrite", "-q")) == 0
    assert (job / "t.csv").read_text().splitlines()[1].startswith("v,")


def test_a_file_of_something_else_is_not_touched(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (job / "t.csv").write_text("mine")
    assert cli.main(query(job, "-q")) == 2
    assert "no record beside it says" in one_line(capsys.readouterr().err)
    assert (job / "t.csv").read_text() == "mine"


def test_standard_output_is_pure_csv(job: Path) -> None:
    done = heatmat(*query(job, "--verbose", out="/dev/stdout"))
    assert done.returncode == 0, done.stderr
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows[0] == list(TEMPS_COLUMNS)
    assert len(rows) == 25
    assert not list(job.glob("*.run.json"))
    with (job / "redirected.csv").open("w") as stream:
        code = subprocess.run(
            [sys.executable, "-m", "heatmat", *query(job, "-q", out="/dev/stdout")],
            stdout=stream,
            timeout=60,
        ).returncode
    assert code == 0
    assert (job / "redirected.csv").read_text() == done.stdout


def test_bad_points_are_found_before_the_city_is_read(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (job / "p.csv").write_text("id,surface,construction\nw,wal,brick_wall\n")
    assert cli.main(query(job, "-q")) == 2
    line = one_line(capsys.readouterr().err)
    assert "p.csv: line 2: surface: unknown surface" in line
    assert "did you mean 'wall'?" in line


def test_unused_columns_are_said(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (job / "p.csv").write_text("id,surface,construction,comment\nw,wall,brick_wall,x\n")
    assert cli.main(query(job)) == 0
    assert "warning: " in capsys.readouterr().err
    warnings = json.loads((job / "t.csv.run.json").read_text())["warnings"]
    assert warnings == [f"{job / 'p.csv'}: column 'comment' is not used"]


def test_what_a_library_prints_stays_off_standard_output() -> None:
    program = (
        "import os, sys\nfrom heatmat.commands.session import Session\n"
        "with Session(quiet=True).progress():\n"
        "    print('python'); os.write(1, b'library\\n')\n"
        "print('result')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "result\n"
    assert "library" in done.stderr
    assert "python" in done.stderr
