"""The city on the device: the arrays that rays read, uploaded once."""

import numpy as np

from heatmat.case import Case
from heatmat.maps import Maps, max_pyramid
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

    def __init__(self, case: Case) -> None:
        maps = case.maps
        flat, levels, width = flat_pyramid(maps)
        starts = maps.boundary_start
        boundary = np.zeros((max(1, starts.size - 1), 3), np.int32)
        boundary[: starts.size - 1, 0] = starts[:-1]
        boundary[: starts.size - 1, 1] = np.diff(starts)
        boundary[: starts.size - 1, 2] = maps.boundary_reference_region
        sides = np.concatenate([maps.edge_regions, maps.edge_facades], axis=1)
        self.cells = to_device(maps.cell_region[::-1])
        self.pyramid = to_device(flat)
        self.boundary = to_device(boundary)
        self.reference = to_device(maps.boundary_reference)
        self.boundary_edges = to_device(maps.boundary_edges)
        self.edges = to_device(maps.edge_ab)
        self.edge_sides = to_device(sides.astype(np.int32))
        self.planes = to_device(maps.region_plane)
        self.region_pa = to_device(maps.region_perimeter_over_area)
        self.facades = to_device(maps.facade_ab)
        info = np.stack([maps.facade_perimeter_over_area, maps.facade_exposed_area], axis=1)
        self.facade_info = to_device(info)
        self.ground_cell = float(maps.resolution / maps.ground_subdivision)
        top = float(maps.region_top.max(initial=0.0)) + 0.01
        self.grid_f = ti.Vector([maps.west, maps.south, maps.resolution, top], ti.f32)
        self.grid_i = ti.Vector([maps.nx, maps.ny, levels, width], ti.i32)
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
            self.pyramid,
            self.boundary,
            self.reference,
            self.boundary_edges,
            self.edges,
            self.edge_sides,
            self.planes,
        )


def flat_pyramid(maps: Maps) -> tuple[np.ndarray, int, int]:
    """Maximum pyramid in one array, padded to a square power of two.

    Returns
    -------
    tuple
        The levels one after the other, their number, cells per row of level 0.
    """
    width = 1 << max(1, int(np.ceil(np.log2(max(maps.nx, maps.ny)))))
    top = np.zeros((width, width), np.float32)
    top[: maps.ny, : maps.nx] = maps.cell_top[::-1]
    levels = max_pyramid(top)
    return np.concatenate([level.ravel() for level in levels]), len(levels), width
