"""Small weather files made in the test, so that every number in them is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

HEADER = """LOCATION,Testville,-,XXX,made,000000,{lat},{lon},{zone},{elevation}
DESIGN CONDITIONS,0
TYPICAL/EXTREME PERIODS,0
GROUND TEMPERATURES,0
HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0
COMMENTS 1,
COMMENTS 2,
DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31
"""


def epw_rows(year: int = 2005, minute: int = 60) -> list[list[str]]:
    """A year of rows: temperature is the hour of the year modulo 20, radiation 300 by day."""
    start = np.datetime64(f"{year}-01-01T00", "h") + np.arange(8760)
    rows = []
    for i, moment in enumerate(start):
        date = moment.astype(object)
        row = [str(year), str(date.month), str(date.day), str(date.hour + 1), str(minute), "?9"]
        by_day = 8 <= date.hour < 16
        row += [f"{i % 20}.0", "-5.0", "50", "100000", "0", "0", "300"]
        row += ["300", "200", "150"] if by_day else ["0", "0", "0"]
        row += ["0", "0", "0", "0", "350" if i % 2 else "10", "2.0", "5", "5"]
        row += ["9999", "9999", "9", "999999999", "10", "0", "0", "88", "0.2", "0", "0"]
        rows.append(row)
    return rows


def write_epw(path: Path, rows: list[list[str]], **site: float) -> Path:
    """Write rows under a header; site: lat, lon, zone, elevation."""
    header = HEADER.format(**({"lat": 50.0, "lon": 15.0, "zone": 1.0, "elevation": 100.0} | site))
    path.write_text(header + "".join(",".join(row) + "\n" for row in rows))
    return path
