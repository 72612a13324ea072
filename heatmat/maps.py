"""Maps: the 2.5D city as arrays, exact whatever the resolution of its grid.

The grid only says where to look. What a ray meets are the noded edges of a planar partition of
the ground plan: every face of it (a *region*) carries one plane, and a wall stands wherever the
plane on one side of an edge is higher than on the other. NumPy is all this module needs, so that
a prepared case opens where no geospatial library is installed.
"""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from heatmat.errors import InputError, MemoryLimitError

FORMAT = 1
"""Version of the saved file."""

BOUNDARY_METRES = 0.13
"""Edge length per square metre of a dense centre [1/m]: Paris 9e has 0.11, Helsinki 0.07."""


@dataclass
class Maps:
    """A city as rasters, edges, regions and facades.

    Lengths in metres, angles in degrees where named so. Local coordinates: x east, y north,
    `origin` is their zero in the CRS. Rasters have row 0 in the north.

    Attributes
    ----------
    crs_wkt : str
        The projected CRS.
    resolution : float
        Cell size.
    nx, ny : int
        Cells to the east and to the north.
    origin : tuple of float
        CRS coordinates of the local zero, whole metres, at the grid's centre: a float32 then
        resolves 0.1 mm one kilometre away.
    west, south : float
        Local coordinates of the grid's south-west corner.
    window : tuple of int
        row0, row1, col0, col1 (half-open) of the reported extent.
    convergence_deg : float
        True azimuth = grid azimuth + convergence, at the extent's centre.
    latitude, longitude, elevation : float
        Of the extent's centre, degrees north, degrees east, metres above datum.
    cell_region : ndarray of int32, shape (ny, nx)
        The region that holds the whole cell, or -1-k for boundary cell k.
    cell_top : ndarray of float32, shape (ny, nx)
        An upper bound of the surface height over the cell, 0 for ground.
    building_index : ndarray of int32, shape (ny, nx)
        Building at the cell's centre, -1 for ground.
    height, terrain : ndarray of float32, shape (ny, nx)
        Surface height above the base at the cell's centre; elevation of the ground.
    ground_composition : ndarray of int16, shape (ny * k, nx * k)
        Index into `compositions`, k = `ground_subdivision`, cells of at most 1 m.
    boundary_start : ndarray of int32, shape (nb + 1,)
    boundary_edges : ndarray of int32
        Edges that come within 2 mm of each boundary cell, in compressed rows.
    boundary_reference : ndarray of float32, shape (nb, 2)
        A point of the cell away from all its edges.
    boundary_reference_region : ndarray of int32, shape (nb,)
        The region that holds it.
    edge_ab : ndarray of float32, shape (ne, 4)
        ax, ay, bx, by. Shared vertices are bit-identical; edges meet at vertices only.
    edge_regions : ndarray of int32, shape (ne, 2)
        Region on the left and on the right of a -> b.
    edge_facades : ndarray of int32, shape (ne, 2)
        Facade of the left region that looks right, of the right region that looks left; -1
        where that side never rises above the other.
    region_plane : ndarray of float32, shape (nr, 5)
        z_c, g_x, g_y, c_x, c_y: height = z_c + g_x (x - c_x) + g_y (y - c_y). Region 0 is ground.
    region_building, region_composition : ndarray of int32, shape (nr,)
    region_perimeter_over_area, region_top : ndarray of float32, shape (nr,)
        Of the whole roof polygon [1/m] (ground 0.4); highest point.
    facade_ab : ndarray of float32, shape (nf, 4)
        Start and end with the building on the left.
    facade_building, facade_composition : ndarray of int32, shape (nf,)
    facade_z : ndarray of float32, shape (nf, 2)
        Lowest exposed and highest point above the base.
    facade_perimeter_over_area, facade_exposed_area : ndarray of float32, shape (nf,)
        Of the rectangle length x exposed height [1/m]; m2 not covered by neighbours.
    building_ids : list of str
    compositions : list of tuple
        ((construction, fraction), ...), shared by facades, roofs and ground.
    wind_cell : float
        Size of the cells of the three rasters of urban form.
    wind_mean_height, wind_plan_density, wind_frontal_density : ndarray of float32
    counts : dict
        What was found, mended and fallen back on.
    crown_top, crown_base, crown_density : ndarray of float32, shape (ny * k, nx * k) or (0, 0)
        Tree crowns on the ground's cells: top and base above the ground [m], 0 without any; and
        the reciprocal of the length over which a crown has its transmissivity [1/m].
    crown_transmissivity : tuple of float
        With leaves, without.
    crown_leaf_on : tuple of str
        First and last day with leaves, ``MM-DD``.
    crown_compositions : tuple of int
        Compositions of leaves and of bare twigs.
    hill_elevation : ndarray of float32, shape (rows, columns) or (0, 0)
        Elevation of the land at the points of a coarse grid that reaches past the map, row 0 south
        [m above datum]; none where it is flat.
    hill_frame : tuple of float
        CRS coordinates of its first point, and spacing [m].
    """

    crs_wkt: str
    resolution: float
    nx: int
    ny: int
    origin: tuple[float, float]
    west: float
    south: float
    window: tuple[int, int, int, int]
    convergence_deg: float
    latitude: float
    longitude: float
    elevation: float
    cell_region: np.ndarray
    cell_top: np.ndarray
    building_index: np.ndarray
    height: np.ndarray
    terrain: np.ndarray
    ground_composition: np.ndarray
    ground_subdivision: int
    boundary_start: np.ndarray
    boundary_edges: np.ndarray
    boundary_reference: np.ndarray
    boundary_reference_region: np.ndarray
    edge_ab: np.ndarray
    edge_regions: np.ndarray
    edge_facades: np.ndarray
    region_plane: np.ndarray
    region_building: np.ndarray
    region_composition: np.ndarray
    region_perimeter_over_area: np.ndarray
    region_top: np.ndarray
    facade_ab: np.ndarray
    facade_building: np.ndarray
    facade_composition: np.ndarray
    facade_z: np.ndarray
    facade_perimeter_over_area: np.ndarray
    facade_exposed_area: np.ndarray
    building_ids: list[str]
    compositions: list[tuple[tuple[str, float], ...]]
    wind_cell: float
    wind_mean_height: np.ndarray
    wind_plan_density: np.ndarray
    wind_frontal_density: np.ndarray
    counts: dict[str, float] = field(default_factory=dict)
    crown_top: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    crown_base: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    crown_density: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    crown_transmissivity: tuple[float, float] = (0.03, 0.5)
    crown_leaf_on: tuple[str, str] = ("04-15", "10-31")
    crown_compositions: tuple[int, int] = (0, 0)
    hill_elevation: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    hill_frame: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def has_crowns(self) -> bool:
        """Whether any tree stands in it."""
        return bool(self.crown_top.size and self.crown_top.max() > 0.0)

    @property
    def top(self) -> float:
        """Height of the tallest surface [m]."""
        return float(self.cell_top.max(initial=0.0))

    def facade_azimuth_deg(self) -> np.ndarray:
        """Outward normals, degrees clockwise from true north, shape (nf,)."""
        dx = self.facade_ab[:, 2] - self.facade_ab[:, 0]
        dy = self.facade_ab[:, 3] - self.facade_ab[:, 1]
        # The building is on the left, so the normal is the direction turned right: (dy, -dx).
        grid = np.degrees(np.arctan2(dy, -dx))
        return np.mod(grid + self.convergence_deg, 360.0)

    def nbytes(self) -> int:
        """Bytes held by the arrays."""
        values = (getattr(self, item.name) for item in dataclasses.fields(self))
        return sum(value.nbytes for value in values if isinstance(value, np.ndarray))

    def save(self, path: str | Path) -> None:
        """Write one .npz file, aside first and then renamed.

        Parameters
        ----------
        path : str or Path
            The file, written under exactly this name.
        """
        target = Path(path)
        arrays: dict[str, np.ndarray] = {}
        plain: dict[str, Any] = {"format": FORMAT}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if isinstance(value, np.ndarray):
                arrays[item.name] = value
            else:
                plain[item.name] = value
        text = json.dumps(plain).encode()
        arrays["plain"] = np.frombuffer(text, dtype=np.uint8)
        handle, aside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
            os.replace(aside, target)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: str | Path) -> Maps:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            The file is absent, is not such a file, or has another format version.
        """
        remedy = "make the maps anew from the scenario"
        try:
            with np.load(path) as stored:
                plain = json.loads(stored["plain"].tobytes())
                arrays = {name: stored[name] for name in stored.files if name != "plain"}
        except FileNotFoundError:
            raise InputError("no such file", where=str(path), remedy=remedy) from None
        except Exception as error:  # zip, JSON and NumPy each have their own
            raise InputError(
                "not a maps file", where=str(path), got=type(error).__name__, remedy=remedy
            ) from error
        version = plain.pop("format", None)
        if version != FORMAT:
            raise InputError(
                "maps of another format", where=str(path), expected=FORMAT, got=version,
                remedy=remedy,
            )  # fmt: skip
        plain["origin"] = tuple(plain["origin"])
        plain["window"] = tuple(plain["window"])
        _retuple(plain)
        plain["compositions"] = [
            tuple((name, share) for name, share in composition)
            for composition in plain["compositions"]
        ]
        return cls(**plain, **arrays)


def _retuple(plain: dict[str, Any]) -> None:
    """Tuples that JSON made lists."""
    for name in ("crown_transmissivity", "crown_leaf_on", "crown_compositions", "hill_frame"):
        if name in plain:
            plain[name] = tuple(plain[name])


def plane_height(plane: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Height of planes at points.

    Parameters
    ----------
    plane : ndarray, shape (..., 5)
        z_c, g_x, g_y, c_x, c_y as in `Maps.region_plane`.
    x, y : ndarray, shape (...)
        Local coordinates [m].

    Returns
    -------
    ndarray
        Heights [m].
    """
    return plane[..., 0] + plane[..., 1] * (x - plane[..., 3]) + plane[..., 2] * (y - plane[..., 4])


def memory_estimate(nx: int, ny: int, resolution: float) -> int:
    """Bytes that maps of this size take with the grid of their rays, in a dense centre.

    Parameters
    ----------
    nx, ny : int
        Cells.
    resolution : float
        Cell size [m]; ground is kept at 1 m or finer.

    Returns
    -------
    int
        An upper estimate for a dense centre. Building them takes about twice as much for a while.
    """
    cells = nx * ny
    subdivision = max(1, int(np.ceil(resolution)))
    rasters = cells * (4 + 4 + 4 + 4 + 4 + 2 * subdivision**2)
    # A random edge of length L crosses 4 L / (pi r) + 1 cells; two entries a cell is typical.
    edge_length = BOUNDARY_METRES * cells * resolution**2
    boundary_cells = min(cells, 4 / np.pi * edge_length / resolution)
    boundary = boundary_cells * (4 + 2 * 4 + 8 + 4)
    edges = edge_length / 3.0 * (16 + 8 + 8)  # edges are some 3 m long
    # The rays' grid (heatmat.ray_grid): 32 bytes a cell of 8 m, 36 a row. Paris has 23,000 rows on
    # a square kilometre, this gives 37,000.
    rows = edge_length / 8.0 * (1.0 + 4 / np.pi)
    rays = 32 * (cells * resolution**2 / 64.0) + 36 * rows
    return int(rasters + boundary + edges + rays)


def check_memory(
    width: float, depth: float, resolution: float, limit_bytes: int, *, where: str = ""
) -> int:
    """Refuse a grid that would not fit, before anything is allocated.

    Parameters
    ----------
    width, depth : float
        Size of the grid with its margin [m].
    resolution : float
        Cell size [m].
    limit_bytes : int
        What may be used.
    where : str, optional
        Named in the error.

    Returns
    -------
    int
        The peak estimate [bytes].

    Raises
    ------
    MemoryLimitError
        With the finest resolution that fits as its remedy.
    """

    def peak(cell: float) -> int:
        return 2 * memory_estimate(int(np.ceil(width / cell)), int(np.ceil(depth / cell)), cell)

    needed = peak(resolution)
    if needed <= limit_bytes:
        return needed
    fits = next((r for r in np.arange(1, 401) * 0.25 if r > resolution and peak(r) <= limit_bytes),
                None)  # fmt: skip
    remedy = "use a smaller extent"
    if fits is not None:
        remedy = f"use resolution_m = {fits:g} or a smaller extent"
    raise MemoryLimitError(
        f"a grid of {width / resolution:.0f} x {depth / resolution:.0f} cells is too large",
        where=where,
        expected=f"at most {limit_bytes / 2**30:.2g} GiB",
        got=f"{needed / 2**30:.2g} GiB",
        remedy=remedy,
    )
