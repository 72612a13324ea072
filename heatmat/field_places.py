"""Places that gather from the field: parts of pixels, positions on walls, points."""

from dataclasses import dataclass

import numpy as np

from heatmat.case import BASE_TEMPERATURE
from heatmat.chunks import Chunk
from heatmat.field import PASSES, Field
from heatmat.field_launch import Neighbours, march
from heatmat.field_links import (
    Bundle,
    empty_bundle,
    join_bundle,
    link_bundle,
    place_bundle,
    shade_bundle,
    sunlit_hours,
    twin_bundle,
)
from heatmat.field_near import march_near
from heatmat.field_part_sun import shade_parts, share_words
from heatmat.field_pixels import Parts
from heatmat.field_units import Units, place_units
from heatmat.kernels import field_gather, field_values, layout
from heatmat.kernels.field_march import GROUP_STATE, U_OWN
from heatmat.kernels.texels import L_ISOTROPIC, LINK_FLOATS
from heatmat.rayfield import to_device
from heatmat.runtime import ti
from heatmat.solver import Requests
from heatmat.transfers import read


@dataclass(frozen=True)
class Effort:
    """What is spent on a place.

    Attributes
    ----------
    samples : int
        Start positions.
    rays : int
        First rays of a set of a start, a power of two.
    sets : int
        Independent sets of rays from every position.
    near : float
        Within so many texels' sizes a ray does not read the field: what it meets is marched for
        itself, with `NEAR_RAYS` rays of its own that do.
    """

    samples: int = 4
    rays: int = 8
    sets: int = 2
    near: float = 0.0


@dataclass
class Crowd:
    """Which places share what falls on them.

    Attributes
    ----------
    parts : Parts
        Places in order.
    nx, ny : int
        Cells of their rectangle.
    reach : int
        Cells to each side.
    skip : ndarray of bool, shape (places,)
        Places that only lend their rays.
    """

    parts: Parts
    nx: int
    ny: int
    reach: int
    skip: np.ndarray


@dataclass
class TileRays:
    """Rays and shadows of a tile, from the first version of a city that was marched along them.

    Later versions must have the same geometry, sun and sky, and no near hits (`Effort.near`).

    Attributes
    ----------
    bundle : Bundle, optional
    parts : Parts, optional
        What the tile's pixels consist of.
    """

    bundle: Bundle | None = None
    parts: Parts | None = None


@dataclass
class PlaceValues:
    """Values of places, float32.

    Attributes
    ----------
    sets : ndarray, shape (places, sets, times)
        Temperatures of each set of rays [K], NaN where it was not marched for itself; the first
        holds all of them then.
    radiometric : ndarray, shape (places, times)
        [K].
    sky_view, sunlit_hours : ndarray, shape (places,)
    valid : ndarray of bool, shape (places,)
    kind, composition : ndarray, shape (places,)
        Of the first valid start.
    """

    sets: np.ndarray
    radiometric: np.ndarray
    sky_view: np.ndarray
    sunlit_hours: np.ndarray
    valid: np.ndarray
    kind: np.ndarray
    composition: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Temperatures [K], shape (places, times)."""
        mean = self.sets[:, 0].copy()
        several = np.flatnonzero(np.isfinite(self.sets[:, 1:, :1]).any(axis=(1, 2)))
        sets = self.sets[several]
        number = np.isfinite(sets).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean[several] = np.nansum(sets, axis=1) / number
        return mean

    @property
    def error(self) -> np.ndarray:
        """Standard errors of the rays by a place's own sets [K], shape (places, times)."""
        known = np.isfinite(self.sets)
        number = known.sum(axis=1)
        away = np.where(known, self.sets - self.mean[:, None], 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = (away**2).sum(axis=1) / (number - 1) / number
        return np.sqrt(np.where(number > 1, variance, np.nan)).astype(np.float32)


def gather_tile(
    field: Field,
    requests: Requests,
    effort: Effort,
    chunk: Chunk,
    *,
    crowd: Crowd | None = None,
    state: np.ndarray | None = None,
    split: np.ndarray | None = None,
    shared: TileRays | None = None,
) -> tuple[PlaceValues, np.ndarray | None]:
    """March a tile of places through the chunk that the field has just done.

    Parameters
    ----------
    requests : Requests
        The starts of every place, one after the other.
    crowd : Crowd, optional
        Neighbours that share what falls on them; default: none.
    state : ndarray, optional
        What the chunk before returned.
    split : ndarray of bool, shape (places,), optional
        Places whose sets of rays are marched apart; default: all.
    shared : TileRays, optional
        Taken in place of tracing where they hold any, else filled.

    Returns
    -------
    tuple
        The values at the chunk's output times, and the state for the next chunk (None after the
        last one).
    """
    count = len(requests) // effort.samples
    known = None if shared is None else shared.bundle
    bundle, codes, keys = _bundle(field, requests, effort, count, split, known, crowd is not None)
    near_store = ti.ndarray(dtype=ti.u32, shape=(1,))
    if known is None:
        near = link_bundle(
            bundle, codes, keys, field.rays, field.lookup, field.tables, effort.near * field.size
        )
        near_store = march_near(field, bundle, near, requests, effort, chunk)
    store, neighbours = _gather(field, bundle, crowd, near_store)
    if known is None:
        if crowd is None:
            shade_bundle(
                bundle, chunk.nodes, chunk.node_days, field.rays, together=False,
                shadows=field.shadow_map,
            )  # fmt: skip
        else:
            shade_parts(
                bundle, crowd.parts, chunk.nodes, chunk.node_days, field.rays, field.shadow_map
            )
    else:
        join_bundle(bundle, field.rays, together=False)
    if shared is not None:
        shared.bundle = bundle
    entries, shares = field.case.composition_arrays()
    split = np.ones(count, bool) if split is None else split
    units = place_units(bundle, split, entries, shares)
    begin, end = (ti.ndarray(dtype=ti.f32, shape=(units.count, GROUP_STATE)) for _ in range(2))
    if state is not None:
        begin.from_numpy(state)
    out = field.room.take("out", ti.f32, units.count, max(1, chunk.outputs))
    first = 0
    for stage in field.place_stages:
        march(
            field,
            bundle,
            units,
            neighbours,
            stage,
            stage.sizes(first, PASSES),
            (store, field.words, store),
            begin,
            end,
            out,
            texels=False,
            light=False,
        )
        begin, end = end, begin
        first += stage.rows
    values = _values(field, bundle, units, chunk, effort, neighbours, out)
    last = field.done == len(field.plan.chunks)
    return values, None if last else begin.to_numpy()


def _bundle(
    field: Field,
    requests: Requests,
    effort: Effort,
    count: int,
    split: np.ndarray | None,
    known: Bundle | None,
    by_part: bool,
) -> tuple:
    """Room for a tile, and its starts placed; `known`: the same of another version."""
    if known is None:
        words = field.sun_words
        if by_part:
            words = share_words(field.plan.words)
        bundle = empty_bundle(count, effort.samples, effort.rays, effort.sets, words)
        bundle.shares = by_part
    else:
        bundle = twin_bundle(known)
    if split is None:
        bundle.split.fill(1)
    else:
        bundle.split.from_numpy(split.astype(np.int32))
    codes, keys = place_bundle(bundle, requests, field.rays)
    if np.any(requests.composition >= 0):
        records = bundle.start_i.to_numpy()
        given = requests.composition >= 0
        records[given, layout.T_COMPOSITION] = requests.composition[given]
        bundle.start_i.from_numpy(records)
    return bundle, codes, keys


def _gather(
    field: Field, bundle: Bundle, crowd: Crowd | None, near_store: ti.Ndarray
) -> tuple[ti.Ndarray, Neighbours]:
    """Series that fall on every place, and who shares them."""
    n, sets = bundle.places, bundle.sets
    store = field.room.take("series", ti.u32, n * (sets + 1) * field.words)
    known = ti.ndarray(dtype=ti.f32, shape=(n, sets + 1, LINK_FLOATS))
    field_gather.gather_parts(
        bundle.start_i,
        bundle.links,
        bundle.count,
        bundle.known,
        field.store,
        field.other,
        near_store,
        field.texels.count,
        field.words,
        bundle.samples,
        store,
        known,
    )
    if crowd is None:
        near = to_device(np.arange(n, dtype=np.int32)[:, None])
        weight = to_device(np.ones((n, 1), np.float32))
        return store, Neighbours(near, weight, known)
    most = (2 * crowd.reach + 1) ** 2
    near = field.room.take("near", ti.i32, n, most)
    weight = field.room.take("weight", ti.f32, n, most)
    parts = crowd.parts
    first = np.searchsorted(parts.cell, np.arange(crowd.nx * crowd.ny + 1)).astype(np.int32)
    skip = to_device(crowd.skip.astype(np.int32))
    field_gather.find_near(
        to_device(first),
        to_device(parts.region),
        to_device(parts.cell.astype(np.int32)),
        skip,
        crowd.nx,
        crowd.ny,
        crowd.reach,
        near,
        weight,
    )
    field_gather.drop_starts(bundle.start_i, skip)
    return store, Neighbours(near, weight, known)


def _values(
    field: Field,
    bundle: Bundle,
    units: Units,
    chunk: Chunk,
    effort: Effort,
    neighbours: Neighbours,
    out: ti.Ndarray,
) -> PlaceValues:
    """Temperatures of units to those of places."""
    sets, n = effort.sets, bundle.places
    mean = np.full((n, sets, chunk.outputs), np.nan, np.float32)
    radiometric = np.full((n, chunk.outputs), np.nan, np.float32)
    if chunk.outputs and np.any(units.table[:, U_OWN]):
        field_values.average_units(
            units.units,
            units.share * units.members,
            field.case.constructions.emissivity.astype(np.float32),
            out,
            BASE_TEMPERATURE,
            mean,
            radiometric,
        )
    records = read(bundle.start_i).reshape(-1, effort.samples, layout.START_INTS)
    valid = records[:, :, layout.T_VALID] == 1
    first = np.argmax(valid, axis=1)
    row = np.arange(first.size)
    hours = sunlit_hours(bundle, chunk, field.case.forcing.step, bundle.sun_size(field.rays))
    hours = hours.reshape(-1, effort.samples)
    sky = ti.ndarray(dtype=ti.f32, shape=(n,))
    field_gather.share_known(neighbours.near, neighbours.weight, neighbours.known, L_ISOTROPIC, sky)
    return PlaceValues(
        sets=mean,
        radiometric=radiometric,
        sky_view=read(sky),
        sunlit_hours=(hours * valid).sum(axis=1) / np.maximum(valid.sum(axis=1), 1),
        valid=valid.any(axis=1),
        kind=records[row, first, layout.T_KIND],
        composition=records[row, first, layout.T_COMPOSITION],
    )
