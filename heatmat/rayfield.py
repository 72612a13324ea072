"""The city on the device: the arrays that rays read, uploaded once."""

import numpy as np

from heatmat.case import Case
from heatmat.ray_grid import RAY_CELL, build_ray_grid
from heatmat.runtime import ti


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
    device.from_numpy(array)
    return device


class RayField:
    """Arrays and numbers of one city for the kernels, row 0 in the south.

    Attributes
    ----------
    geometry : tuple
        What `heightfield.trace` takes before the grid's numbers.
    labels : dict
        Compositions and sizes of regions, facades and ground.
    """

    def __init__(self, case: Case, ray_cell: float = RAY_CELL) -> None:
        maps = case.maps
        grid = build_ray_grid(maps, ray_cell)
        sides = np.concatenate([maps.edge_regions, maps.edge_facades], axis=1)
        self.cells = to_device(grid.cells)
        self.blocks = to_device(grid.blocks)
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
        self.grid_f = ti.Vector([maps.west, maps.south, grid.cell, top, east, north], ti.f32)
        self.grid_i = ti.Vector([grid.nx, grid.ny, grid.nx + 2, 0], ti.i32)
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
