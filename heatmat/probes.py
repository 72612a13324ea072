"""Points whose daily curves tell a run at a glance: a roof, a street, a courtyard, four walls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from heatmat.map_query import Walls
    from heatmat.maps import Maps

SIDES = {"north": 0.0, "east": 90.0, "south": 180.0, "west": 270.0}
FACING = 25.0
"""A wall stands for a side of the compass when it faces within this [degrees] of it."""


SEALED = ("asphalt", "concrete", "setts", "paving")
"""Words in the name of a ground construction that make a place a street or a yard."""


def choose_probes(maps: xr.Dataset, walls: Walls, city_maps: Maps) -> pd.DataFrame:
    """Points for the curves of a report, by what the maps show.

    Parameters
    ----------
    maps : xarray.Dataset
        From `Simulation.map`.
    walls : Walls
        From `Simulation.walls`.
    city_maps : heatmat.maps.Maps
        Tells sealed ground from green.

    Returns
    -------
    DataFrame
        Columns of POINTS.csv: `roof` and `street`, the sunniest pixels that are all roof and all
        sealed ground; `shade`, the sealed ground with the least sun; `wall north` to `wall
        west`, the largest facade that faces there, at three quarters of its height. What a
        place lacks is left out.
    """
    import pandas as pd

    rows = [*_pixels(maps, _sealed(maps, city_maps)), *_walls(maps, walls)]
    columns = ["id", "surface", "x", "y", "z", "azimuth_deg"]
    return pd.DataFrame(rows, columns=columns)


def _sealed(maps: xr.Dataset, city: Maps) -> np.ndarray:
    """Pixels whose middle is sealed ground; all, where none is."""
    cell = city.resolution / city.ground_subdivision
    north = city.origin[1] + city.south + city.ny * city.resolution
    rows, columns = city.ground_composition.shape
    row = np.clip(((north - maps["y"].values) / cell).astype(int), 0, rows - 1)
    west = city.origin[0] + city.west
    column = np.clip(((maps["x"].values - west) / cell).astype(int), 0, columns - 1)
    names = [max(entries, key=lambda entry: entry[1])[0] for entries in city.compositions]
    known = np.array([any(word in name for word in SEALED) for name in names])
    sealed = known[city.ground_composition[np.ix_(row, column)]]
    return sealed if sealed.any() else np.ones_like(sealed)


def _pixels(
    maps: xr.Dataset, sealed: np.ndarray
) -> list[tuple[str, str, float, float, float, float]]:
    roof, sun = maps["roof_fraction"].values, maps["sunlit_hours"].values
    x, y = np.meshgrid(maps["x"].values, maps["y"].values)
    away = np.hypot(x - x.mean(), y - y.mean())
    found = []
    for name, surface, kind, sign in (
        ("roof", "roof", roof >= 1.0, 1.0),
        ("street", "ground", (roof <= 0.0) & sealed, 1.0),
        ("shade", "ground", (roof <= 0.0) & sealed, -1.0),
    ):
        inner = _eroded(kind) if _eroded(kind).any() else kind
        if not inner.any():
            continue
        # Of equally sunny pixels (to the quarter of an hour) the one nearest the middle.
        score = np.where(inner, np.round(sign * sun * 4.0) - 1e-6 * away, -np.inf)
        j, i = np.unravel_index(int(np.nanargmax(score)), score.shape)
        found.append((name, surface, float(x[j, i]), float(y[j, i]), np.nan, np.nan))
    return found


def _eroded(mask: np.ndarray) -> np.ndarray:
    """Without the pixels that touch others: a probe should not sit on an edge."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return inner


def _walls(maps: xr.Dataset, walls: Walls) -> list[tuple[str, str, float, float, float, float]]:
    table = walls.table
    x, y = 0.5 * (table["x0"] + table["x1"]), 0.5 * (table["y0"] + table["y1"])
    # Walls at the border may have their middle outside, where nothing can be asked.
    table = table[
        x.between(maps["x"].values.min(), maps["x"].values.max())
        & y.between(maps["y"].values.min(), maps["y"].values.max())
    ]
    if table.empty:
        return []
    facades = table.groupby("facade").agg(
        area=("area", "sum"),
        azimuth=("azimuth_deg", "first"),
        x0=("x0", "first"),
        x1=("x1", "first"),
        y0=("y0", "first"),
        y1=("y1", "first"),
        z0=("z0", "min"),
        z1=("z1", "max"),
    )
    found = []
    for side, azimuth in SIDES.items():
        turn = np.abs((facades["azimuth"] - azimuth + 180.0) % 360.0 - 180.0)
        facing = facades[turn <= FACING]
        if facing.empty:
            continue
        best = facing.loc[facing["area"].idxmax()]
        x, y = 0.5 * (best["x0"] + best["x1"]), 0.5 * (best["y0"] + best["y1"])
        z = best["z0"] + 0.75 * (best["z1"] - best["z0"])
        found.append((f"wall {side}", "wall", float(x), float(y), float(z), float(best["azimuth"])))
    return found
