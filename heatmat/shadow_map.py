"""The sun on a raster of a metre: what spares most rays to the sun that maps and fields would send.

Shadows of flat ground and roofs are large beside a metre. Where all cells around a point lie in the
sun, or all in the shade, so does the point; rays decide at the edges alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatmat.case import Case
from heatmat.kernels import shadow_sweep
from heatmat.kernels.shadow_sweep import LINES
from heatmat.rayfield import RayField, to_device
from heatmat.runtime import ti

CELL = 1.0
"""Side of a cell [m]."""

MOST_BYTES = 160 << 20
"""A raster that would take more is not made; rays then settle everything."""


@dataclass
class ShadowMap:
    """Settled cells at some sun positions.

    Attributes
    ----------
    settled : ti.Ndarray of uint32, shape (rows, columns, words)
        See `kernels.shadow_sweep.settle_cells`.
    region : ti.Ndarray, shape (rows, columns + 2 LINES)
        Region at the middles of the cells.
    frame : vector of four
    """

    settled: ti.Ndarray
    region: ti.Ndarray
    frame: object

    def arguments(self, positions: np.ndarray | None) -> tuple:
        """What `kernels.field_sun.sun_bits` takes; `positions`: those asked for, default: all."""
        if positions is None:
            positions = np.zeros(1, np.int32)
        elif positions.size == 1:
            positions = np.repeat(positions, 2)  # one number would stand for all of them
        return self.settled, to_device(positions), self.region, self.frame


def no_shadow_map() -> ShadowMap:
    """Where rays settle everything."""
    settled = ti.ndarray(dtype=ti.u32, shape=(1, 1, 1))
    region = ti.ndarray(dtype=ti.f32, shape=(1, 1))
    return ShadowMap(settled, region, ti.Vector([0.0] * 4, ti.f32))


def map_shadows(case: Case, field: RayField, nodes: np.ndarray, cell: float = CELL) -> ShadowMap:
    """Sweep the shadows of a case.

    Parameters
    ----------
    case : Case
    field : RayField
        The city on the device.
    nodes : ndarray of float32, shape (n, 3)
        Directions to the sun.
    cell : float
        Side of a cell [m].

    Returns
    -------
    ShadowMap
        An empty one where hills may shade, or where the raster would be too large.
    """
    maps = case.maps
    nx = int(np.ceil(maps.nx * maps.resolution / cell - 1e-6))
    ny = int(np.ceil(maps.ny * maps.resolution / cell - 1e-6))
    words = [(n + 2 * LINES) // LINES + 1 for n in (nx, ny)]
    along_x = np.abs(nodes[:, 0]) >= np.abs(nodes[:, 1])
    length = np.where(along_x, nx * words[1], ny * words[0])
    first = np.cumsum(length) - length
    blocks = (len(nodes) + 31) // 32
    hills = getattr(maps, "hill_elevation", np.zeros(0)).size > 0
    if hills or 4 * int(length.sum()) + (8 * blocks + 16) * nx * ny > MOST_BYTES:
        return no_shadow_map()
    frame = ti.Vector([maps.west, maps.south, cell, 1.0], ti.f32)
    rasters = _rasters(field, frame, nx, ny)
    plane = to_device(np.stack([first, along_x], axis=1).astype(np.int32))
    directions = to_device(nodes)
    lit = ti.ndarray(dtype=ti.u32, shape=(int(length.sum()),))
    lit.fill(0)
    shadow_sweep.sweep_shadows(*rasters, directions, plane, cell, lit)
    settled = ti.ndarray(dtype=ti.u32, shape=(ny, nx, 2 * blocks))
    settled.fill(0)
    for along, (rows, columns) in enumerate(((ny, nx), (nx, ny))):
        same = ti.ndarray(dtype=ti.u32, shape=(9 * rows * words[along],))
        shadow_sweep.same_region(rasters[1 + 2 * along], same)
        shadow_sweep.settle_cells(lit, same, columns, along, plane, directions, settled)
    return ShadowMap(settled, rasters[1], frame)


def _rasters(field: RayField, frame: object, nx: int, ny: int) -> list[ti.Ndarray]:
    """Heights and regions by rows, then by columns."""
    rasters = []
    for rows, columns in ((ny, nx), (nx, ny)):
        for value in (shadow_sweep.NOTHING, -1.0):
            raster = ti.ndarray(dtype=ti.f32, shape=(rows, columns + 2 * LINES))
            raster.fill(value)
            rasters.append(raster)
    shadow_sweep.raster_heights(*rasters, frame, *field.geometry, field.grid_f, field.grid_i)
    return rasters
