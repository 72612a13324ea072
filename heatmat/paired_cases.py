"""The what-if on which pairing is measured: roofs and one facade of the embedded district."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from heatmat.scenario import Scenario
    from heatmat.simulation import Simulation

EXTENT = (385890.0, 6671920.0, 386070.0, 6672080.0)
"""Part of the embedded district that is mapped: west, south, east, north (its CRS)."""

RESOLUTION = 2.0
"""Pixel side [m]."""

POINTS = {"roof": 16, "wall": 12, "ground": 24}
"""Points drawn on roofs, on the facade, and on the ground before it."""


def scenario() -> Scenario:
    """A hot clear day over a part of the embedded district."""
    from heatmat.scenario import Scenario

    return Scenario(
        city={
            "embedded": True,
            "extent": list(EXTENT),
            "margin_m": 50.0,
            "resolution_m": RESOLUTION,
        },
        weather={
            "clear_sky": {
                "date": "2023-07-14",
                "tmax_c": 33.0,
                "tmin_c": 20.0,
                "wind_m_s": 2.0,
                "dew_point_c": 14.0,
                "utc_offset_h": 2.0,
            }
        },
        time={"spin_up_days": 1},
    )


def chosen_facade(simulation: Simulation) -> int:
    """The largest facade that faces south within 50 degrees and lies well inside the window."""
    maps = simulation.maps
    row0, row1, col0, col1 = maps.window
    middle = 0.5 * (maps.facade_ab[:, :2] + maps.facade_ab[:, 2:])
    low = np.array([maps.west + col0 * maps.resolution,
                    maps.south + (maps.ny - row1) * maps.resolution])  # fmt: skip
    size = maps.resolution * np.array([col1 - col0, row1 - row0])
    inside = np.all((middle > low + 0.2 * size) & (middle < low + 0.8 * size), axis=1)
    inside &= np.abs(maps.facade_azimuth_deg() - 180.0) < 50.0
    candidates = np.flatnonzero(inside)
    return int(candidates[np.argmax(maps.facade_exposed_area[candidates])])


def sides_of(base: Simulation, facade: int) -> tuple[Simulation, Simulation]:
    """The district with dark roofs and a dark facade, and with light ones."""
    maps = base.maps
    azimuth = float(maps.facade_azimuth_deg()[facade])
    opaque = [n for n, c in base.constructions.items() if c.solar_transmittance < 0.3]
    where = {
        "surface": "wall",
        "building_id": [maps.building_ids[maps.facade_building[facade]]],
        "azimuth_deg": [azimuth - 5.0, azimuth + 5.0],
        "construction": opaque,
    }
    dark, light = (
        base.with_interventions(
            [
                {"name": "roofs", "where": {"surface": "roof"}, "set": {"albedo": roof}},
                {"name": "facade", "where": where, "set": {"albedo": wall}},
            ]
        )
        for roof, wall in ((0.2, 0.3), (0.6, 0.5))
    )
    return dark, light


def drawn_points(simulation: Simulation, facade: int) -> pd.DataFrame:
    """Points on roofs anywhere, on the facade, and on the ground up to 8 m before it."""
    import pandas as pd

    maps, rng = simulation.maps, np.random.default_rng(0)
    row0, row1, col0, col1 = maps.window
    roofs = np.argwhere((maps.building_index >= 0) & (maps.cell_region >= 0))
    inside = (roofs > [row0, col0]) & (roofs < [row1 - 1, col1 - 1])
    roofs = roofs[inside.all(axis=1)]
    row, col = roofs[rng.choice(len(roofs), POINTS["roof"], replace=False)].T
    roof = np.stack(
        [
            maps.west + (col + 0.5) * maps.resolution,
            maps.south + (maps.ny - row - 0.5) * maps.resolution,
        ],
        axis=1,
    )
    a, b = maps.facade_ab[facade, :2], maps.facade_ab[facade, 2:]
    along = (b - a) / np.hypot(*(b - a))
    out = np.array([along[1], -along[0]])
    wall = a + np.outer(rng.uniform(0.1, 0.9, POINTS["wall"]), b - a)
    low, high = maps.facade_z[facade]
    ground = a + np.outer(rng.uniform(0.1, 0.9, POINTS["ground"]), b - a)
    ground += np.outer(rng.uniform(1.0, 8.0, POINTS["ground"]), out)
    x, y = (np.concatenate([roof, wall, ground]) + np.array(maps.origin)).T
    surface = np.repeat(list(POINTS), list(POINTS.values()))
    z = np.zeros(surface.size)
    on_wall = surface == "wall"
    z[on_wall] = rng.uniform(low + 0.5, high - 0.5, on_wall.sum())
    azimuth = np.where(on_wall, maps.facade_azimuth_deg()[facade], np.nan)
    names = [f"p{i}" for i in range(surface.size)]
    return pd.DataFrame(
        {"id": names, "surface": surface, "x": x, "y": y, "z": z, "azimuth_deg": azimuth}
    )
