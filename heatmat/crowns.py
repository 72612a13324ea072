"""Tree crowns as rays read them, and the season of their leaves. NumPy is all it needs.

A crown is a column of leaves over each cell of the ground, from its base to its top, with one
extinction: leaves stand evenly in it and are turned every way alike, so that a ray of length s goes
through with probability exp(-k s). k follows from the transmissivity, that of a vertical way
through the crown.
"""

from __future__ import annotations

import numpy as np

from heatmat.case import Case
from heatmat.forcing import Forcing
from heatmat.kernels.crowns import COLUMN, CROWN_BLOCK, CROWN_CELL, CROWN_HEAD, FINE
from heatmat.maps import Maps

LEAF_PERIMETER_OVER_AREA = 40.0
"""Of a leaf 0.1 m across [1/m]: 4 over its diameter. With it the correlation of walls gives
5.1 (v/d)^0.5 W m-2 K-1; leaves outdoors 5.5 (v/d)^0.5 (Campbell and Norman 1998, An introduction
to environmental biophysics, doi:10.1007/978-1-4612-1626-1: eq. 7.30, 1.4 times as much in
turbulent wind by section 7.13; d is 0.72 of the leaf's width)."""

LEAST_TRANSMISSIVITY = 1e-4
"""A crown that lets nothing through would have no finite extinction."""

MOST_EXTINCTION = 20.0
"""Columns thinner than their rounding are no denser than this [1/m]."""


def leaves_out(forcing: Forcing, leaf_on: tuple[str, str]) -> bool:
    """Whether the first day of the window has leaves, the whole run then has them.

    Parameters
    ----------
    forcing : Forcing
    leaf_on : tuple of str
        First and last day with leaves, ``MM-DD``; the first may be the later one in the year.
    """
    day = str(forcing.local_time[forcing.spin_up_steps].astype("datetime64[D]"))[5:]
    first, last = leaf_on
    return first <= day <= last if first <= last else day >= first or day <= last


def extinction(maps: Maps, transmissivity: float) -> np.ndarray:
    """Extinction of every column [1/m], 0 where there is none; shape of `maps.crown_top`."""
    depth = -np.log(max(transmissivity, LEAST_TRANSMISSIVITY))
    k = np.minimum(depth * maps.crown_density, MOST_EXTINCTION)
    return np.where(maps.crown_top > maps.crown_base, k, 0.0).astype(np.float32)


def pack_crowns(case: Case) -> np.ndarray:
    """Crowns of a case as `kernels.crowns` reads them, row 0 in the south.

    Returns
    -------
    ndarray of float32
        Heading, coarse cells, columns.
    """
    maps = case.maps
    leafy = leaves_out(case.forcing, maps.crown_leaf_on)
    k = extinction(maps, maps.crown_transmissivity[0 if leafy else 1])
    rows, columns = k.shape
    ny, nx = -(-rows // FINE), -(-columns // FINE)

    def by_cell(values: np.ndarray) -> np.ndarray:
        """Shape (ny, nx, FINE * FINE), row 0 south."""
        whole = np.zeros((ny * FINE, nx * FINE), np.float32)
        whole[:rows, :columns] = values[::-1]
        split = whole.reshape(ny, FINE, nx, FINE).swapaxes(1, 2)
        return split.reshape(ny, nx, FINE * FINE)

    density, base, top = by_cell(k), by_cell(maps.crown_base), by_cell(maps.crown_top)
    there = density > 0.0
    high = np.where(there, top, 0.0).max(axis=2)
    low = np.where(there, base, np.inf).min(axis=2)
    planted = there.any(axis=2)
    cells = np.zeros((ny, nx, CROWN_CELL), np.float32)
    cells[..., 0] = high
    cells[..., 1] = np.where(planted, low, 0.0)
    cells[planted, 2] = np.arange(planted.sum())
    blocks = np.zeros((int(planted.sum()), FINE * FINE, COLUMN), np.float32)
    blocks[..., 0], blocks[..., 1], blocks[..., 2] = base[planted], top[planted], density[planted]
    fine = maps.resolution / maps.ground_subdivision
    head = np.zeros(CROWN_HEAD, np.float32)
    head[:9] = (
        nx,
        ny,
        maps.west,
        maps.south,
        fine * FINE,
        low[planted].min(initial=1e9),
        high.max(initial=0.0),
        maps.crown_compositions[0 if leafy else 1],
        LEAF_PERIMETER_OVER_AREA,
    )
    assert blocks.size == CROWN_BLOCK * int(planted.sum())
    return np.concatenate([head, cells.ravel(), blocks.ravel()])
