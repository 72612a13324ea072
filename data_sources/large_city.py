"""Tile a real extract into a large city, and measure how long it takes to read and rasterise.

    python -m data_sources.large_city paris.osm --buildings 100000 --out scratch/
    python -m data_sources.large_city paris.osm --square 1000 --weather lyon.epw --out scratch/

The copies stand side by side with new ids; tags, shapes and their faults are those of the extract.
The first prints processor time, wall time and the peak of memory of each stage. The second writes a
scenario of a square kilometre in the middle of copies without a seam, for `heatmat prepare` and
`heatmat benchmark --case`.
"""

from __future__ import annotations

import json
import math
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from data_sources.untrusted import check_xml, opened
from heatmat.arguments import Parser, pixel_size, square_side, whole
from heatmat.ending import exit_code
from heatmat.errors import InputError, OutputError
from heatmat.memory import peak_memory
from heatmat.output.atomic import aside
from heatmat.run_record import sha256_of
from heatmat.rundir import expect_writable

SEAM = 0.0006
"""Distance kept between copies [degrees], about 60 m: buildings overhang the extract's bounds."""

MARGIN = 200.0
"""City kept around a square [m]."""

BUILDING = ("building", "building:part")
"""Tags that a copy loses where the middle of what has them is beyond the extract's bounds: the
next copy has that place."""

OTHER = "choose another --out, or move it away"

LEAST = 1e-4
"""An extract is larger than that [degrees], about 10 m."""


MOST = 1000
"""Copies at most: node ids of more are beyond what GDAL's reader takes."""


def _degrees(most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        if not abs(float(text)) <= most:
            raise ValueError(f"{text} degrees")
        return float(text)

    return read


KEPT: dict[str, dict[str, Callable[[str], object]]] = {
    "node": {"id": int, "lat": _degrees(90.0), "lon": _degrees(180.0)},
    "way": {"id": int},
    "relation": {"id": int},
    "nd": {"ref": int},
    "member": {"type": str, "ref": int, "role": str},
    "tag": {"k": str, "v": str},
}
"""Elements and their fields, which must be there and can be read so."""


class Extract:
    """The elements of an .osm file, ready to be written again with other ids and places.

    Raises
    ------
    InputError
        Where the file is not a whole extract with bounds and buildings within them.
    """

    def __init__(self, path: Path) -> None:
        check_xml(path)
        self.path = path
        self.mark = mark_of(path)
        self.bounds: list[float] = []  # west, south, east, north
        self._children: list[tuple[str, dict[str, str]]] = []
        self.elements: dict[str, list[tuple[dict[str, str], list[tuple[str, dict[str, str]]]]]] = {
            "node": [],
            "way": [],
            "relation": [],
        }
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        try:
            with opened(path) as stream:
                parser.ParseFile(stream)
        except (expat.ExpatError, KeyError, ValueError, EOFError, OSError, zlib.error) as error:
            raise InputError(
                "not a whole OpenStreetMap extract", where=str(path), got=repr(error)
            ) from None
        if not self.bounds:
            raise InputError("it states no bounds", where=str(path), expected="<bounds …/>")
        self.outside = self._outside()
        if not self.buildings:
            raise InputError("no building in its bounds", where=str(path))

    def _start(self, name: str, values: dict[str, str]) -> None:
        for key, read in KEPT.get(name, {}).items():
            read(values[key])
        if name == "bounds":
            keys = ("minlon", "minlat", "maxlon", "maxlat")
            self.bounds = west, south, east, north = [float(values[key]) for key in keys]
            sides = east - west, north - south
            if min(sides) < LEAST or not (
                -180 <= west < east <= 180 and -80 <= south < north <= 80
            ):
                raise ValueError(f"bounds {self.bounds}")
        elif name in self.elements:
            self.elements[name].append((values, []))
            self._children = self.elements[name][-1][1]
        elif name in KEPT:
            self._children.append((name, values))

    @property
    def buildings(self) -> int:
        """Ways and relations of a copy with a building tag."""
        found = 0
        for kind in ("way", "relation"):
            for values, children in self.elements[kind]:
                if (kind, values["id"]) not in self.outside:
                    found += any(n == "tag" and v["k"] == "building" for n, v in children)
        return found

    def _outside(self) -> set[tuple[str, str]]:
        """Kind and id of ways and relations whose mean node is beyond the bounds."""
        west, south, east, north = self.bounds
        at = {v["id"]: (float(v["lon"]), float(v["lat"])) for v, _ in self.elements["node"]}
        way = {
            v["id"]: [at[c["ref"]] for name, c in children if name == "nd" and c["ref"] in at]
            for v, children in self.elements["way"]
        }
        relation = {
            v["id"]: [node for name, c in children if name == "member" and c["type"] == "way"
                      for node in way.get(c["ref"], [])]
            for v, children in self.elements["relation"]
        }  # fmt: skip
        found = set()
        for kind, nodes in (("way", way), ("relation", relation)):
            for name, places in nodes.items():
                x, y = (sum(p[k] for p in places) / max(1, len(places)) for k in (0, 1))
                if places and not (west <= x < east and south <= y < north):
                    found.add((kind, name))
        return found

    def write_many(self, path: Path, copies: int) -> None:
        """Write so many copies, in a block about as wide as it is high."""
        west, south, east, north = self.bounds
        across = (east - west + SEAM, north - south + SEAM)
        shape = across[0] * math.cos(math.radians(south)) / across[1]
        columns = max(1, round(math.sqrt(copies / shape)))
        self.write(path, columns, math.ceil(copies / columns), SEAM, copies)

    def write(
        self, path: Path, columns: int, rows: int, seam: float = 0.0, copies: int | None = None
    ) -> None:
        """Write copies in columns and rows, a seam apart [degrees]; all of them, or the first.

        Raises
        ------
        InputError
            Where they are more than `MOST`.
        """
        west, south, east, north = self.bounds
        across = (east - west + seam, north - south + seam)
        copies = columns * rows if copies is None else copies
        if copies > MOST:
            raise InputError(
                "too small an extract",
                where=str(self.path),
                expected=f"at most {MOST} copies",
                got=str(copies),
            )
        with aside(path) as partial, open(partial, "w", encoding="utf-8") as out:
            out.write(f'<?xml version="1.0" encoding="UTF-8"?>\n{self.mark}\n<osm version="0.6">\n')
            out.write(
                f'<bounds minlat="{south}" minlon="{west}" '
                f'maxlat="{south + rows * across[1]}" maxlon="{west + columns * across[0]}"/>\n'
            )
            for kind in self.elements:  # nodes before ways before relations, as readers want them
                for copy in range(copies):
                    shift = (copy % columns) * across[0], (copy // columns) * across[1]
                    out.writelines(self._copy(kind, copy + 1, shift))
            out.write("</osm>\n")

    def _copy(self, kind: str, number: int, shift: tuple[float, float]) -> list[str]:
        # Ids stay ascending over the copies: GDAL's reader wants them sorted to be quick.
        base = number * 100_000_000_000 if kind == "node" else number * 10_000_000_000
        lines = []
        for values, children in self.elements[kind]:
            place = ""
            if kind == "node":
                lat, lon = float(values["lat"]) + shift[1], float(values["lon"]) + shift[0]
                place = f' lat="{lat:.7f}" lon="{lon:.7f}"'
            lines.append(f'<{kind} id="{base + int(values["id"])}"{place}>')
            outside = (kind, values["id"]) in self.outside
            for name, child in children:
                if not (outside and name == "tag" and child["k"] in BUILDING):
                    lines.append(_child(name, child, number))
            lines.append(f"</{kind}>\n")
        return lines


def mark_of(extract: Path) -> str:
    """The line by which a file of copies names what they are of."""
    return f"<!-- copies of the extract with sha256 {sha256_of(extract)} -->"


def is_there(path: Path, mark: str) -> bool:
    """Whether a file of copies was written already.

    Raises
    ------
    OutputError
        Something else stands there, or no file can be made.
    """
    expect_writable(path)
    if not path.exists():
        return False
    with open(path, "rb") as stream:
        if mark.encode() in stream.read(1000):
            return True
    raise OutputError("exists, and not from this extract", where=str(path), remedy=OTHER)


def _child(name: str, values: dict[str, str], number: int) -> str:
    fields = dict(values)
    if name == "nd":
        fields["ref"] = str(number * 100_000_000_000 + int(values["ref"]))
    elif name == "member":
        unit = 100_000_000_000 if values["type"] == "node" else 10_000_000_000
        fields["ref"] = str(number * unit + int(values["ref"]))
    text = " ".join(f"{key}={quoteattr(fields[key])}" for key in KEPT[name])
    return f"<{name} {text}/>"


def write_square(extract: Extract, folder: Path, side: float, weather: Path) -> Path:
    """Copies around a square of `side` metres and its scenario at 1 m; the path of the latter.

    The day is 14 July of the weather file, after three spin-up days.

    Raises
    ------
    InputError
        Where there is no such weather file.
    OutputError
        Where another square stands there.
    """
    from pyproj import Transformer

    from heatmat.crs import utm_code

    if not weather.is_file():
        raise InputError("no such file", where=str(weather), expected="weather (EPW)")
    west, south, east, north = extract.bounds
    crs = utm_code(0.5 * (west + east), 0.5 * (south + north))
    to_metres = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    left, low, right, high = to_metres.transform_bounds(west, south, east, north)
    # The box about turned bounds is somewhat larger than them: one column and row more do no harm.
    reach = side + 2.0 * MARGIN
    columns, rows = (math.ceil(reach / length) + 1 for length in (right - left, high - low))
    city = folder / f"square_{side:g}.osm"
    scenario = city.with_suffix(".toml")
    found = is_there(city, extract.mark)
    x, y = to_metres.transform(
        west + 0.5 * columns * (east - west), south + 0.5 * rows * (north - south)
    )
    extent = [round(x - 0.5 * side), round(y - 0.5 * side)]
    extent += [round(extent[0] + side), round(extent[1] + side)]
    text = f"""format = 1
[city]
buildings = {json.dumps(city.name)}
crs = {json.dumps(crs)}
extent = {extent}
margin_m = {MARGIN}
resolution_m = 1.0
[weather]
epw = {json.dumps(str(weather.resolve()))}
[time]
start = "07-14T00:00"
end = "07-15T00:00"
spin_up_days = 3
"""
    expect_writable(scenario)
    if scenario.exists() and scenario.read_bytes() != text.encode():
        raise OutputError("exists, and differs", where=str(scenario), remedy=OTHER)
    if not found:
        extract.write(city, columns, rows)
    with aside(scenario) as partial:
        partial.write_text(text, encoding="utf-8")
    return scenario


def measure(path: Path, resolution: float) -> list[tuple[str, float, float, float, str]]:
    """Stage, processor seconds, wall seconds, peak memory [GiB] and what came out of it."""
    from heatmat.city import City
    from heatmat.rasterise import maps_from_city

    rows = []
    clock = time.process_time(), time.perf_counter()
    city = City.from_file(path, margin=0.0)
    rows.append(_row("read", clock, f"{len(city.buildings)} buildings and parts"))
    clock = time.process_time(), time.perf_counter()
    maps = maps_from_city(city, resolution)
    cells = f"{maps.nx} x {maps.ny} cells of {resolution:g} m, {len(maps.edge_ab)} edges"
    rows.append(_row("rasterise", clock, cells))
    return rows


def _row(stage: str, clock: tuple[float, float], what: str) -> tuple[str, float, float, float, str]:
    processor, wall = time.process_time() - clock[0], time.perf_counter() - clock[1]
    return stage, processor, wall, peak_memory() / 2**30, what


def main() -> None:
    """The command."""
    parser = Parser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("extract", type=Path, help="an .osm or .osm.gz file")
    parser.add_argument("--buildings", type=whole(1), default=100_000)
    parser.add_argument("--resolution", type=pixel_size, default=2.0, metavar="M")
    parser.add_argument(
        "--square",
        type=square_side,
        metavar="M",
        help="write a scenario of this side",
    )
    parser.add_argument("--weather", type=Path, metavar="EPW", help="of --square")
    parser.add_argument("--out", type=Path, default=Path("."), metavar="DIR")
    options = parser.parse_args()
    if options.square and options.weather is None:
        parser.error("--square needs --weather")
    if options.square:
        extract = Extract(options.extract)
        scenario = write_square(extract, options.out, options.square, options.weather)
        sys.stdout.write(f"{scenario}\n")
        return
    stem = options.extract.name.removesuffix(".gz").removesuffix(".osm")
    target = options.out / f"{stem}_{options.buildings}.osm"
    if not is_there(target, mark_of(options.extract)):
        extract = Extract(options.extract)
        extract.write_many(target, math.ceil(options.buildings / extract.buildings))
    for stage, processor, wall, peak, what in measure(target, options.resolution):
        sys.stdout.write(
            f"{stage:<10} {processor:7.1f} s processor {wall:7.1f} s wall "
            f"{peak:5.2f} GiB peak  {what}\n"
        )


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
