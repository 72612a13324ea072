"""The city on the device: the arrays that rays read, uploaded once."""

import numpy as np

from heatmat.case import Case
from heatmat.crowns import pack_crowns
from heatmat.kernels import layout
from heatmat.kernels.terrain import HILL_HEAD, HILL_UNIT
from heatmat.maps import Maps
from heatmat.ray_grid import RAY_CELL, build_ray_grid
from heatmat.runtime import ti
from heatmat.transfers import write


def to_device(array: np.ndarray, dtype: object = None) -> ti.Ndarray:
    """Copy an array to a Taichi ndarray; an empty axis becomes one unused element."""
    array = np.ascontiguousarray(array)
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    if array.dtype in (np.int64, np.int16):
        array = array.astype(np.int32)
    shape = tuple(max(1, n) for n in array.shape)
    if shape != array.shape:
        array = np.zeros(shape, array.dtype)
    kind = {"f": ti.f32, "i": ti.i32, "u": ti.u32}[array.dtype.kind]
    device = ti.ndarray(dtype=dtype or kind, shape=shape)
    write(device, array)
    return device


def sun_shares(bits: np.ndarray, nodes: int, size: int) -> np.ndarray:
    """What starts see of the sun at each position, from words of bits or bytes.

    Parameters
    ----------
    bits : ndarray of uint32, shape (n, words)
    nodes : int
        Positions.
    size : int
        `layout.SUN_BIT` or `layout.SUN_BYTE`.

    Returns
    -------
    ndarray of float32, shape (n, nodes)
        0 to 1.
    """
    levels = np.ascontiguousarray(bits).view(np.uint8)
    if size == layout.SUN_BYTE:
        return levels[:, :nodes].astype(np.float32) / np.float32(255.0)
    return np.unpackbits(levels, axis=1, bitorder="little")[:, :nodes].astype(np.float32)


class RayField:
    """Arrays and numbers of one city for the kernels, row 0 in the south.

    Attributes
    ----------
    geometry : tuple
        What `heightfield.trace` takes before the grid's numbers.
    labels : dict
        Compositions and sizes of regions, facades and ground.
    sun_size : int
        Size of what starts keep of the sun, see `layout.SUN_BIT`.
    """

    def __init__(self, case: Case, ray_cell: float = RAY_CELL) -> None:
        maps = case.maps
        grid = build_ray_grid(maps, ray_cell)
        sides = np.concatenate([maps.edge_regions, maps.edge_facades], axis=1)
        blocks, crowns = grid.blocks, 0
        self.sun_size = layout.SUN_BIT
        if maps.has_crowns:
            crowns, self.sun_size = blocks.size, layout.SUN_BYTE
            blocks = np.concatenate([blocks, pack_crowns(case)])
        hills = 0
        if getattr(maps, "hill_elevation", np.zeros(0)).size:
            blocks = padded(blocks)
            hills = blocks.size // HILL_UNIT
            blocks = np.concatenate([blocks, pack_hills(maps)])
        self.cells = to_device(grid.cells)
        self.blocks = to_device(blocks)
        self.block_edges = to_device(grid.block_edges)
        self.edge_sides = to_device(sides.astype(np.int32))
        self.planes = to_device(maps.region_plane)
        self.region_pa = to_device(maps.region_perimeter_over_area)
        self.facades = to_device(maps.facade_ab)
        info = np.stack([maps.facade_perimeter_over_area, maps.facade_exposed_area], axis=1)
        self.facade_info = to_device(info)
        self.ground_cell = float(maps.resolution / maps.ground_subdivision)
        top = float(maps.region_top.max(initial=0.0)) + 0.01
        east = maps.west + maps.nx * maps.resolution
        north = maps.south + maps.ny * maps.resolution
        self.grid_f = ti.Vector([maps.west, maps.south, grid.cell, top, east, north, hills], ti.f32)
        self.grid_i = ti.Vector([grid.nx, grid.ny, grid.nx + 2, crowns], ti.i32)
        self.wind = to_device(case.wind_coefficients[::-1].astype(np.float32))
        # Row 0 of the wind raster starts at the northern edge; the last row may hang over.
        wind_south = maps.south + maps.ny * maps.resolution
        wind_south -= case.wind_coefficients.shape[0] * maps.wind_cell
        self.wind_f = ti.Vector(
            [maps.west, wind_south, maps.wind_cell, case.physics.wind_model], ti.f32
        )
        self.default_facade = case.default_facade
        self.label(case)

    def label(self, case: Case) -> None:
        """Upload the compositions (all that a change of materials touches)."""
        maps = case.maps
        self.region_composition = to_device(maps.region_composition)
        self.facade_composition = to_device(maps.facade_composition)
        self.ground = to_device(maps.ground_composition[::-1])

    @property
    def geometry(self) -> tuple:
        """Arguments of every kernel that traces, before the grid's numbers."""
        return (
            self.cells,
            self.blocks,
            self.block_edges,
            self.edge_sides,
            self.planes,
        )


def pack_hills(maps: Maps) -> np.ndarray:
    """Elevations as `kernels.terrain` reads them, float32, above the lowest of them."""
    elevation = maps.hill_elevation - maps.hill_elevation.min()
    west, south, spacing = maps.hill_frame
    head = np.zeros(HILL_HEAD, np.float32)
    head[:6] = (
        elevation.shape[1],
        elevation.shape[0],
        west - maps.origin[0],
        south - maps.origin[1],
        spacing,
        elevation.max(),
    )
    return np.concatenate([head, elevation.ravel()]).astype(np.float32)


def padded(blocks: np.ndarray) -> np.ndarray:
    """An array that ends at a whole multiple of `HILL_UNIT`."""
    return np.pad(blocks, (0, -blocks.size % HILL_UNIT))
