"""A sample of all the surfaces of a district: positions drawn by area, the same every time.

Ground and roofs are sampled over the extent seen from above, walls by their exposed area. Each of
the replicates is a sample of the whole district for itself, so the spread of their means is the
standard error of a mean over the district, positions included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmat.kernels import layout
from heatmat.map_query import SMALLEST_WALL
from heatmat.sampling_plan import (
    KINDS,
    REPLICATES,
    plan_squares,
    stream_keys,
    wall_patches,
)
from heatmat.solver import Requests, Starts

if TYPE_CHECKING:
    import pandas as pd

    from heatmat.simulation import Simulation

STARTS = 4096
"""Positions of a sample unless asked otherwise."""

PATHS = 2
"""Paths from each position, as in maps."""

KIND_NAMES = ("ground", "roof", "wall")


@dataclass
class Sample:
    """Positions over the reported extent.

    Attributes
    ----------
    requests : Requests
    replicate : ndarray of int, shape (n,)
    area : ndarray, shape (n,)
        What a position stands for in its replicate [m2], in plan for ground and roofs.
    """

    requests: Requests
    replicate: np.ndarray
    area: np.ndarray

    def __len__(self) -> int:
        return self.replicate.size


def district_sample(simulation: Simulation, starts: int = STARTS, part: int = 0) -> Sample:
    """Draw a sample: a third of it or more from above, the rest on walls, by area.

    Parameters
    ----------
    simulation : Simulation
    starts : int
        Positions in all, near enough.
    part : int
        Samples of different numbers are independent.
    """
    each = max(16, starts // REPLICATES)
    walls = reported_facades(simulation)
    west, south, width, height = reported_window(simulation)
    wall_area = float(walls[1].sum())
    share = wall_area / (wall_area + width * height)
    of_walls = int(round(each * min(share, 2.0 / 3.0))) if walls[0].size else 0
    parts = [_from_above(simulation, (west, south, width, height), each - of_walls, part)]
    if of_walls:
        parts.append(_on_walls(simulation, *walls, of_walls, part))
    return Sample(
        Requests(*(
            np.concatenate([getattr(piece.requests, name) for piece in parts])
            for name in ("numbers", "codes", "keys", "composition")
        )),
        np.concatenate([piece.replicate for piece in parts]),
        np.concatenate([piece.area for piece in parts]),
    )  # fmt: skip


def reported_window(simulation: Simulation) -> tuple[float, float, float, float]:
    """West, south, width and height of the reported extent, local [m]."""
    maps = simulation.maps
    row0, row1, col0, col1 = maps.window
    west = maps.west + col0 * maps.resolution
    south = maps.south + (maps.ny - row1) * maps.resolution
    return west, south, (col1 - col0) * maps.resolution, (row1 - row0) * maps.resolution


def _from_above(
    simulation: Simulation, window: tuple[float, float, float, float], number: int, part: int
) -> Sample:
    """Points of the extent seen from above, one in each rectangle of a grid (jittered)."""
    west, south, width, height = window
    nx = max(1, round(width / np.sqrt(width * height / number)))
    ny = max(1, round(number / nx))
    rng = _generator(simulation, 0x504C414E, part)
    within = rng.random((2, REPLICATES, ny, nx))
    x = (west + (np.arange(nx) + within[0]) * width / nx).ravel()
    y = (south + (np.arange(ny)[:, None] + within[1]) * height / ny).ravel()
    keys = _one_stream(simulation, x.size, 11, part)
    places = plan_squares(x, y, np.zeros(x.size), np.full(x.size, KINDS["any"]), keys)
    of_row = np.repeat(np.arange(REPLICATES), nx * ny)
    places.codes[:, layout.R_REPLICATE] = of_row
    places.codes[:, layout.R_SAMPLE] = np.tile(np.arange(nx * ny), REPLICATES)
    return Sample(places, of_row, np.full(x.size, width * height / (nx * ny)))


def reported_facades(simulation: Simulation) -> tuple[np.ndarray, np.ndarray]:
    """Facades whose middle is in the extent, and their exposed areas [m2]."""
    maps = simulation.maps
    west, south, width, height = reported_window(simulation)
    ab = maps.facade_ab.astype(float)
    middle = 0.5 * (ab[:, :2] + ab[:, 2:])
    inside = (
        (middle[:, 0] >= west)
        & (middle[:, 0] <= west + width)
        & (middle[:, 1] >= south)
        & (middle[:, 1] <= south + height)
        & (maps.facade_exposed_area >= SMALLEST_WALL)
    )
    facade = np.flatnonzero(inside)
    return facade, maps.facade_exposed_area[facade].astype(float)


def _on_walls(
    simulation: Simulation, facade: np.ndarray, area: np.ndarray, number: int, part: int
) -> Sample:
    """Facades drawn in proportion to their areas, a position anywhere on each.

    Every replicate takes evenly spaced places of the running sum of areas, from a random one on
    (systematic sampling): each is a sample of all walls, and the replicates are independent.
    """
    maps = simulation.maps
    order = np.argsort(maps.facade_azimuth_deg()[facade], kind="stable")
    facade, area = facade[order], area[order]
    reach = np.cumsum(area)
    rng = _generator(simulation, 0x57414C4C, part)
    begin = rng.random((REPLICATES, 1))
    at = (np.arange(number) + begin) * reach[-1] / number
    chosen = np.minimum(np.searchsorted(reach, at, side="right"), facade.size - 1)
    rows = facade[chosen.ravel()]
    ab = maps.facade_ab[rows].astype(float)
    length = np.hypot(ab[:, 2] - ab[:, 0], ab[:, 3] - ab[:, 1])
    keys = _one_stream(simulation, rows.size, 12, part)
    low, high = maps.facade_z[rows, 0], maps.facade_z[rows, 1]
    places = wall_patches(rows, np.zeros(rows.size), length, low, high, keys)
    of_row = np.repeat(np.arange(REPLICATES), number)
    places.codes[:, layout.R_REPLICATE] = of_row
    places.codes[:, layout.R_SAMPLE] = np.tile(np.arange(number), REPLICATES)
    return Sample(places, of_row, np.full(rows.size, reach[-1] / number))


def _generator(simulation: Simulation, what: int, part: int) -> np.random.Generator:
    return np.random.default_rng([simulation.seed, what, *([part] if part else [])])


def _one_stream(simulation: Simulation, count: int, code: int, part: int) -> np.ndarray:
    """The same stream for all positions, which are its samples one after the other.

    Places on facades and directions of rays are then spread over the sample, not drawn for each
    position anew: that halves the variance of what walls exchange.
    """
    where = np.full(count, float(part))
    return stream_keys(where, where, where, code, simulation.seed)


@dataclass
class Groups:
    """Rows of a sample put together, and the means over them.

    Attributes
    ----------
    names : list of str
    member : ndarray of bool, shape (groups, n)
    area : ndarray, shape (n,)
        True area that each row stands for [m2], slopes included; 0 where it is invalid.
    replicate : ndarray of int, shape (n,)
    """

    names: list[str]
    member: np.ndarray
    area: np.ndarray
    replicate: np.ndarray

    def areas(self) -> np.ndarray:
        """Area of each group [m2], the mean of the replicates' estimates."""
        return (self.member * self.area).sum(axis=1) / REPLICATES

    def by_replicate(self, values: np.ndarray) -> np.ndarray:
        """Area means of some series in each replicate.

        Parameters
        ----------
        values : ndarray, shape (..., n, times)

        Returns
        -------
        ndarray, shape (..., groups, REPLICATES, times)
            NaN where a replicate has none of the group.
        """
        shape = (*values.shape[:-2], len(self.names), REPLICATES, values.shape[-1])
        means = np.full(shape, np.nan)
        for r in range(REPLICATES):
            rows = np.flatnonzero((self.replicate == r) & (self.area > 0.0))
            weight = self.member[:, rows] * self.area[rows]
            total = weight.sum(axis=1, keepdims=True)
            with np.errstate(invalid="ignore", divide="ignore"):
                weight = np.where(total > 0.0, weight / total, np.nan)
            means[..., r, :] = weight @ values[..., rows, :].astype(float)
        return means


def mean_and_error(by_replicate: np.ndarray, axis: int = -2) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the replicates and its standard error; NaN with fewer than two."""
    count = np.isfinite(by_replicate).sum(axis=axis)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0, np.nansum(by_replicate, axis=axis) / count, np.nan)
        spread = np.expand_dims(mean, axis) - by_replicate
        error = np.sqrt(np.nansum(spread**2, axis=axis) / (count - 1) / count)
    return mean, np.where(count > 1, error, np.nan)


def group_rows(
    simulation: Simulation,
    sample: Sample,
    starts: Starts,
    names: Mapping[str, np.ndarray] | None = None,
) -> Groups:
    """All surfaces, the kinds, and the constructions in use, as groups of a sample's rows.

    Parameters
    ----------
    names : mapping of str to ndarray of bool, shape (n,), optional
        More groups.
    """
    kind = np.where(starts.valid, starts.kind, -1)
    slope = steepness(simulation, starts.kind, starts.region)
    groups: dict[str, np.ndarray] = {"all": np.asarray(kind >= 0)}
    for code, name in enumerate(KIND_NAMES):
        groups[name] = np.asarray(kind == code)
    for name, rows in (names or {}).items():
        groups[name] = np.asarray(rows, bool) & groups["all"]
    kept = {name: rows for name, rows in groups.items() if rows.any()}
    area = np.where(kind >= 0, sample.area * slope, 0.0)
    stratum = kind * (1 + int(starts.composition.max(initial=0))) + starts.composition
    return Groups(
        list(kept), np.stack(list(kept.values())),
        _stratified(area, np.where(kind >= 0, stratum, -1), sample.replicate), sample.replicate,
    )  # fmt: skip


def _stratified(area: np.ndarray, stratum: np.ndarray, replicate: np.ndarray) -> np.ndarray:
    """Areas scaled so that every replicate has the mean area of each stratum.

    How much roof a replicate happens to hold is then no part of the error (post-stratification;
    Cochran, Sampling Techniques, 3rd ed., Wiley 1977, section 5A.9). A stratum that some replicate
    misses stays as it is.
    """
    _, code = np.unique(stratum, return_inverse=True)
    count = int(code.max(initial=0)) + 1
    held = np.bincount(code * REPLICATES + replicate, area, minlength=count * REPLICATES)
    held = held.reshape(count, REPLICATES)
    whole = np.asarray((held > 0.0).all(axis=1))
    scale = np.where(whole[:, None], held.mean(axis=1, keepdims=True), held)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(held > 0.0, scale / held, 1.0)
    return area * factor[code, replicate]


def steepness(simulation: Simulation, kind: np.ndarray, region: np.ndarray) -> np.ndarray:
    """True over plan area of roofs, 1 for the rest."""
    plane = simulation.maps.region_plane[np.maximum(region, 0)].astype(float)
    slope = np.sqrt(1.0 + plane[:, 1] ** 2 + plane[:, 2] ** 2)
    return np.where(kind == 1, slope, 1.0)


def constructions_of(starts: Starts, compositions: list) -> dict[str, np.ndarray]:
    """Rows of each construction that dominates a composition, by name."""
    dominant = np.array([max(entries, key=lambda e: e[1])[0] for entries in compositions], object)
    names = dominant[starts.composition]
    return {str(name): names == name for name in sorted(set(names[starts.valid]))}


def group_frame(
    groups: Groups, values: np.ndarray, times: np.ndarray, utc_offset: float, columns: str
) -> pd.DataFrame:
    """Mean and standard error of each group at each time as rows.

    Parameters
    ----------
    values : ndarray, shape (n, times)
    times : ndarray
        UTC.
    columns : str
        Name of the value's column; its error gets ``_se`` behind.
    """
    import pandas as pd

    from heatmat.output.clock import iso_stamp

    mean, error = mean_and_error(groups.by_replicate(values))
    stamps = [iso_stamp(t, utc_offset) for t in times]
    count = len(stamps)
    return pd.DataFrame(
        {
            "group": np.repeat(groups.names, count),
            "area_m2": np.repeat(np.round(groups.areas(), 1), count),
            "time": stamps * len(groups.names),
            columns: mean.ravel(),
            f"{columns}_se": error.ravel(),
        }
    )
