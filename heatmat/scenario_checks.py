"""What no single key can tell: keys that must agree with each other, with files and with names."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heatmat import intervention_checks
from heatmat.errors import InputError
from heatmat.intervention_checks import unknown_construction
from heatmat.scenario_files import PATH_KEYS
from heatmat.scenario_schema import ScenarioTables
from heatmat.text_table import join_faults
from heatmat.times import Stamp, parse_stamp

if TYPE_CHECKING:
    from heatmat.materials import Construction


def warnings(tables: ScenarioTables) -> list[str]:
    """Keys that are understood but not acted on yet, one line each: none now."""
    return []


def window(tables: ScenarioTables, *, where: str = "", weather: Any = None) -> tuple[str, str]:
    """Start and end of the reported window, as canonical ISO text.

    A clear-sky day is its own window where none is given; without a year, an end that is not
    after the start wraps over the end of the typical year.
    """
    start, end = tables.time.start, tables.time.end
    day = None
    if tables.weather is not None and tables.weather.clear_sky is not None:
        day = tables.weather.clear_sky.date
    elif getattr(weather, "kind", "") == "design_day":
        day = str(weather.origin)[:10]
    if start is None and end is None and day is not None:
        first = datetime.date.fromisoformat(day)
        return f"{first}T00:00", f"{first + datetime.timedelta(days=1)}T00:00"
    for key, value in (("start", start), ("end", end)):
        if value is None:
            raise InputError(
                "missing key",
                where=f"{where}: time.{key}",
                remedy="add it, for example '07-14T00:00'",
            )
    assert start is not None and end is not None
    first_stamp, last_stamp = parse_stamp(start), parse_stamp(end)
    if (first_stamp.year is None) != (last_stamp.year is None):
        raise InputError(
            "one time has a year, the other has none",
            where=f"{where}: time",
            got=f"{start} and {end}",
            remedy="write both with a year, or both without",
        )
    if first_stamp.year is not None and not _utc(first_stamp) < _utc(last_stamp):
        raise InputError(
            "the window is empty or inverted",
            where=f"{where}: time.end",
            expected=f"later than {start}",
            got=end,
        )
    if first_stamp == last_stamp:
        raise InputError(
            "the window is empty",
            where=f"{where}: time.end",
            expected=f"later than {start}",
            got=end,
        )
    return first_stamp.isoformat(), last_stamp.isoformat()


def _utc(stamp: Stamp) -> datetime.datetime:
    """For ordering two stamps with a year; a missing zone counts as UTC."""
    return stamp.at_offset(0.0)


def build_constructions(
    tables: Mapping[str, Mapping[str, Any]], *, where: str = ""
) -> dict[str, Construction]:
    """The library, with [constructions.NAME] tables added or laid over its entries."""
    from heatmat.materials import construction_from_dict, library

    merged = dict(library())
    faults = []
    for name, table in tables.items():
        try:
            merged[name] = construction_from_dict(name, table)
        except InputError as error:
            faults.append(
                InputError(
                    error.what,
                    where=f"{where}: {error.where or f'constructions.{name}'}",
                    expected=error.expected,
                    got=error.got,
                    remedy=error.remedy,
                )
            )
    if faults:
        raise join_faults(faults, where)
    return merged


def consistent(
    tables: ScenarioTables,
    constructions: Mapping[str, Construction],
    *,
    where: str,
    weather: Any = None,
) -> tuple[str, str]:
    """Refuse what the schema cannot see: files, names, sources, divisors; all faults at once.

    Parameters
    ----------
    weather : Weather, optional
        Where it was given as an object.

    Returns
    -------
    start, end : str
        The window, see `window`.
    """
    faults = [
        *_files(tables, where),
        *_sources(tables, where),
        *_steps(tables, where),
        *_names(tables, constructions, where),
        *intervention_checks.faults(tables, constructions, where),
    ]
    times = ("", "")
    try:
        times = window(tables, where=where, weather=weather)
    except InputError as error:
        faults.append(error)
    if faults:
        raise join_faults(faults, where)
    return times


def _files(tables: ScenarioTables, where: str) -> list[InputError]:
    dumped = tables.model_dump(by_alias=True)
    faults = []
    for keys in PATH_KEYS:
        value: Any = dumped
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str) and not value.startswith("/vsi") and not Path(value).exists():
            faults.append(
                InputError(
                    "no such file",
                    where=f"{where}: {'.'.join(keys)}",
                    got=value,
                    remedy="paths are relative to the file that names them",
                )
            )
    return faults


def _sources(tables: ScenarioTables, where: str) -> list[InputError]:
    faults = []
    weather, city = tables.weather, tables.city
    if weather is not None:
        given = [key for key in ("epw", "csv", "clear_sky") if getattr(weather, key) is not None]
        if len(given) != 1:
            faults.append(
                InputError(
                    "one source of weather is needed",
                    where=f"{where}: weather",
                    expected="one of epw, csv, clear_sky",
                    got=" and ".join(given) or "none",
                )
            )
        day = weather.clear_sky
        if day is not None and day.tmin_c > day.tmax_c:
            faults.append(
                InputError(
                    "minimum above maximum",
                    where=f"{where}: weather.clear_sky.tmin_c",
                    expected=f"at most tmax_c = {day.tmax_c:g}",
                    got=f"{day.tmin_c:g}",
                )
            )
    if city is None:
        return faults
    if (city.buildings is None) == (not city.embedded):
        faults.append(
            InputError(
                "one source of buildings is needed",
                where=f"{where}: city.buildings",
                expected="a file (or embedded = true for the demo district)",
                got="both" if city.embedded else "none",
            )
        )
    if city.extent is not None:
        west, south, east, north = city.extent
        if not (west < east and south < north):
            faults.append(
                InputError(
                    "the extent is empty or inverted",
                    where=f"{where}: city.extent",
                    expected="[xmin, ymin, xmax, ymax] with xmin < xmax and ymin < ymax",
                    got=str(city.extent),
                )
            )
    if city.land_cover is not None and not city.land_cover_legend:
        faults.append(
            InputError(
                "missing table",
                where=f"{where}: city.land_cover_legend",
                remedy="add [city.land_cover_legend] with one line a class: 1 = 'asphalt_street'",
            )
        )
    faults += [
        InputError(
            "unknown key",
            where=f"{where}: city.land_cover_legend.{key}",
            expected="a whole number, the class in the raster",
            got=repr(key),
        )
        for key in city.land_cover_legend
        if not key.lstrip("-").isdigit()
    ]
    return faults


def _steps(tables: ScenarioTables, where: str) -> list[InputError]:
    time, faults = tables.time, []
    if 60 % time.step_min:
        faults.append(
            InputError(
                "wrong value",
                where=f"{where}: time.step_min",
                expected="a divisor of 60",
                got=time.step_min,
            )
        )
    if time.output_step_min % time.step_min:
        faults.append(
            InputError(
                "wrong value",
                where=f"{where}: time.output_step_min",
                expected=f"a multiple of step_min = {time.step_min}",
                got=time.output_step_min,
            )
        )
    return faults


def _names(
    tables: ScenarioTables, constructions: Mapping[str, Construction], where: str
) -> list[InputError]:
    if tables.city is None:
        return []
    city = tables.city
    named = {
        f"city.{key}": getattr(city, key)
        for key in ("default_facade", "default_roof", "default_ground")
    }
    named |= {f"city.land_cover_legend.{k}": v for k, v in city.land_cover_legend.items()}
    return [
        unknown_construction(name, constructions, f"{where}: {key}")
        for key, name in named.items()
        if name not in constructions
    ]


def describe_object(thing: Any) -> dict[str, Any]:
    """A Python object for run.json: its class and a digest of all it holds."""
    digest = hashlib.sha256()
    _feed(digest, thing)
    return {"object": type(thing).__name__, "sha256": digest.hexdigest()}


def _feed(digest: Any, thing: Any) -> None:
    if hasattr(thing, "to_csv"):
        digest.update(thing.to_csv().encode())
    elif hasattr(thing, "tobytes"):
        digest.update(str(thing.dtype).encode() + str(thing.shape).encode() + thing.tobytes())
    elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        for field in dataclasses.fields(thing):
            digest.update(field.name.encode())
            _feed(digest, getattr(thing, field.name))
    elif isinstance(thing, Mapping):
        for key in thing:
            digest.update(str(key).encode())
            _feed(digest, thing[key])
    else:
        digest.update(repr(thing).encode())
