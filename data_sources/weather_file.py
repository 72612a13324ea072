"""Weather files of others: found locally or at an address, unpacked, checked, brought in."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from data_sources.cache import write_atomically
from data_sources.errors import MalformedError
from data_sources.local_files import local_file
from data_sources.untrusted import inside, safe_name, unzip_member
from heatmat.errors import InputError

if TYPE_CHECKING:
    from data_sources.cache import Provenance
    from data_sources.http import Session
    from heatmat.weather import Weather

MAX_EPW = 32 << 20
"""An hourly year takes 1.6 MB, one of minutes 100 MB; ten-minute years fit [bytes]."""

MAX_ARCHIVE = 64 << 20


def bring_epw(
    source: str, session: Session, folder: Path, *, licence: str = "", attribution: str = ""
) -> tuple[Path, Weather, str, tuple[Provenance, ...]]:
    """Bring an EPW file into a folder.

    Parameters
    ----------
    source : str
        A local file, or an http(s) address; an .epw file, or a zip archive that holds one, as
        climate.onebuilding.org packs them.
    session : Session
    folder : Path
        City folder.
    licence, attribution : str
        For the provenance of an address.

    Returns
    -------
    path : Path
        In the folder, under a safe name.
    weather : Weather
        As the solver will read it.
    station : str
        Place, country and source from the file's first line.
    provenance : tuple of Provenance
        One entry.

    Raises
    ------
    InputError
        When there is no such file, or it is no weather file.
    NetworkError
        When the address does not give one.
    """
    content, name, provenance = _read(source, session, licence, attribution)
    if content[:4] == b"PK\x03\x04":
        name, content = unzip_member(content, ".epw", MAX_EPW, where=source)
    stem = safe_name(name.rsplit(".", 1)[0] if "." in name else name, "weather")
    path = inside(folder, f"{stem[:70]}.epw")
    return (*install_epw(content, path, source), provenance)


def install_epw(content: bytes, path: Path, source: str) -> tuple[Path, Weather, str]:
    """Write and read back an EPW file; nothing is left of one that cannot be read."""
    from heatmat.weather import Weather

    if content.removeprefix(b"\xef\xbb\xbf")[:9].upper() != b"LOCATION,":
        start = content[:40].decode("utf-8", "replace")
        raise InputError(
            "not an EPW file", where=source, expected="a first line LOCATION,...", got=repr(start)
        )
    part = path.with_name(f".part-{path.name}")
    try:
        write_atomically(part, content)
        try:
            weather = Weather.from_epw(part)
        except InputError as error:
            place = error.where.replace(str(part), source)
            raise InputError(
                error.what,
                where=place,
                expected=error.expected,
                got=error.got,
                remedy=error.remedy or "take another file, for example with --weather",
            ) from None
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    notes = tuple(note.replace(part.name, path.name) for note in weather.notes)
    weather = dataclasses.replace(weather, source=str(path), notes=notes)
    return path, weather, _station(content)


def _read(
    source: str, session: Session, licence: str, attribution: str
) -> tuple[bytes, str, tuple[Provenance, ...]]:
    """The bytes, a name for them, and where they came from."""
    if urlsplit(source).scheme.lower() in ("http", "https"):
        answer = session.get(
            source,
            max_bytes=MAX_ARCHIVE,
            licence=licence or "as the publisher states it",
            attribution=attribution or urlsplit(source).hostname or "",
            remedy="download it yourself and give --weather FILE",
        )
        content = answer.content
        if not content.strip():
            session.forget(answer)
            raise MalformedError("the answer is empty", where=source, expected="a weather file")
        return content, unquote(urlsplit(source).path).rsplit("/", 1)[-1], (answer.provenance,)
    path = Path(source).expanduser()
    if not path.is_file():
        raise InputError("no such file", where=source, remedy="check --weather")
    if path.stat().st_size > MAX_ARCHIVE:
        raise InputError(
            "too large for a weather file",
            where=source,
            expected=f"at most {MAX_ARCHIVE >> 20} MiB",
        )
    return path.read_bytes(), path.name, (local_file(path),)


def _station(content: bytes) -> str:
    """Place, country and source from the LOCATION line, as printable text."""
    line = content.split(b"\n", 1)[0].decode("utf-8", "replace").strip().lstrip("\ufeff")
    cells = [cell.strip() for cell in line.split(",")][1:6]
    known = [cell for cell in cells if cell and cell != "-"]
    text = ", ".join("".join(c for c in cell if c.isprintable())[:60] for cell in known[:4])
    return text or "unnamed station"


def apart(
    weather: Weather, longitude: float, latitude: float, elevation: float
) -> tuple[float, float]:
    """Distance of a station from a place [km], and its height above it [m]; NaN where unknown."""
    import pyproj

    geod = pyproj.Geod(ellps="WGS84")
    _, _, metres = geod.inv(longitude, latitude, weather.longitude, weather.latitude)
    rise = weather.elevation - elevation if math.isfinite(elevation) else math.nan
    return float(metres) / 1000.0, float(rise)
