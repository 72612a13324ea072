"""Places that gather from the field: pixels, storeys, points."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from heatmat.case import BASE_TEMPERATURE
from heatmat.chunks import Chunk
from heatmat.field import Field, march
from heatmat.field_links import (
    Bundle,
    empty_bundle,
    link_bundle,
    place_bundle,
    shade_bundle,
    sunlit_hours,
)
from heatmat.kernels import layout
from heatmat.kernels.field_march import OUT_MORE, Z_EMITTED, Z_GROUND, Z_ROOF
from heatmat.kernels.texels import L_ISOTROPIC
from heatmat.rayfield import to_device
from heatmat.runtime import ti
from heatmat.sampling_plan import pick, replicate
from heatmat.solver import Requests

TILE_STARTS = 1 << 16
"""Starts of a tile; bounds the memory (some 1.5 kB a start)."""

PASSES = 3
"""Most passes of the periodic day: two corrections leave a few hundredths of a kelvin at most."""


@dataclass(frozen=True)
class Effort:
    """What is spent on a place.

    Attributes
    ----------
    samples : int
        Start positions of a replicate.
    rays : int
        First rays of a set of a start.
    replicates : int
        Independent draws of the positions.
    sets : int
        Independent sets of rays from every position.
    """

    samples: int = 4
    rays: int = 8
    replicates: int = 1
    sets: int = 2

    @property
    def starts(self) -> int:
        """Start positions of a place."""
        return self.samples * self.replicates

    @property
    def rows(self) -> int:
        """Independent values that a place can have."""
        return self.replicates * self.sets


@dataclass
class PlaceValues:
    """Values of places, float32.

    Attributes
    ----------
    replicates : ndarray, shape (places, rows, times)
        Mean temperatures of each replicate or set [K], NaN where it was not marched for itself.
    radiometric, ground, roof : ndarray, shape (places, times)
        [K], NaN where there is none.
    sky_view, sunlit_hours : ndarray, shape (places,)
    kind, composition : ndarray, shape (places,)
        Of the first valid start.
    """

    replicates: np.ndarray
    radiometric: np.ndarray
    ground: np.ndarray
    roof: np.ndarray
    sky_view: np.ndarray
    sunlit_hours: np.ndarray
    kind: np.ndarray
    composition: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Temperatures [K], shape (places, times)."""
        number = np.isfinite(self.replicates).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (np.nansum(self.replicates, axis=1) / number).astype(np.float32)

    @property
    def error(self) -> np.ndarray:
        """Standard errors of one place by its own replicates [K], shape (places, times)."""
        known = np.isfinite(self.replicates)
        number = known.sum(axis=1)
        away = np.where(known, self.replicates - self.mean[:, None], 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = (away**2).sum(axis=1) / (number - 1) / number
        return np.sqrt(np.where(number > 1, variance, np.nan)).astype(np.float32)


def tile_places(effort: Effort) -> int:
    """Places of a tile."""
    return max(1, TILE_STARTS // effort.starts)


def gather_tile(
    field: Field,
    requests: Requests,
    effort: Effort,
    chunk: Chunk,
    state: np.ndarray | None = None,
    split: np.ndarray | None = None,
) -> tuple[PlaceValues, np.ndarray | None]:
    """March a tile of places through the chunk that the field has just done.

    Parameters
    ----------
    requests : Requests
        The starts of every place, one after the other.
    state : ndarray, optional
        What the chunk before returned.
    split : ndarray of bool, shape (places,), optional
        Places whose sets of rays are marched apart; default: all.

    Returns
    -------
    tuple
        The values at the chunk's output times, and the state for the next chunk (None after the
        last one).
    """
    count = len(requests) // effort.starts
    bundle, codes, keys = _bundle(field, requests, effort, count, split)
    link_bundle(bundle, codes, keys, field.rays, field.lookup, field.tables)
    shade_bundle(bundle, chunk.nodes, chunk.node_days, field.rays, together=False)
    shares = field.case.composition_arrays()[1]
    row_entries = int(((shares > 0.0) * np.arange(1, shares.shape[1] + 1)).max())
    rows = bundle.start_i.shape[0] * bundle.sets * row_entries
    begin = ti.ndarray(dtype=ti.f32, shape=(rows, layout.STATE_FLOATS))
    if state is not None:
        begin.from_numpy(state)
    times = max(1, chunk.outputs)
    out = ti.ndarray(dtype=ti.f32, shape=(bundle.places, effort.rows + OUT_MORE, times))
    weights = ti.ndarray(dtype=ti.f32, shape=(bundle.places, effort.rows + OUT_MORE))
    out.fill(0.0)
    weights.fill(0.0)
    first = 0
    for stage in field.place_stages:
        end = ti.ndarray(dtype=ti.f32, shape=(rows, layout.STATE_FLOATS)) if first == 0 else begin
        march(
            field,
            bundle,
            stage,
            stage.sizes(first, PASSES),
            (field.store, field.words, field.store),
            begin,
            end,
            (out, weights),
            entries=(field.tables.entries, field.tables.shares, row_entries),
            texels=False,
            light=False,
        )
        begin = end
        first += stage.rows
    values = _values(field, bundle, chunk, effort, out.to_numpy(), weights.to_numpy(), count)
    last = field.done == len(field.plan.chunks)
    return values, None if last else begin.to_numpy()


def _bundle(
    field: Field, requests: Requests, effort: Effort, count: int, split: np.ndarray | None
) -> tuple:
    """Room for a tile, and its starts placed."""
    bundle = empty_bundle(
        count, effort.samples, effort.replicates, effort.rays, effort.sets, field.plan.words
    )
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


def _values(
    field: Field,
    bundle: Bundle,
    chunk: Chunk,
    effort: Effort,
    out: np.ndarray,
    weights: np.ndarray,
    count: int,
) -> PlaceValues:
    """Sums to means."""
    base = np.float32(BASE_TEMPERATURE)
    r = effort.rows
    out = out[:count, :, : chunk.outputs]
    weight = weights[:count, :, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = out / np.where(weight > 0.0, weight, np.nan)
    records = bundle.start_i.to_numpy().reshape(-1, effort.starts, layout.START_INTS)[:count]
    valid = records[:, :, layout.T_VALID] == 1
    number = np.maximum(valid.sum(axis=1), 1)
    first = np.argmax(valid, axis=1)
    row = np.arange(count)
    sky = bundle.known.to_numpy()[:, :, L_ISOTROPIC].mean(axis=1).reshape(-1, effort.starts)[:count]
    hours = sunlit_hours(bundle, chunk, field.case.forcing.step)
    hours = hours.reshape(-1, effort.starts)[:count]
    return PlaceValues(
        replicates=mean[:, :r] + base,
        radiometric=mean[:, r + Z_EMITTED] ** np.float32(0.25),
        ground=mean[:, r + Z_GROUND] + base,
        roof=mean[:, r + Z_ROOF] + base,
        sky_view=(sky * valid).sum(axis=1) / number,
        sunlit_hours=(hours * valid).sum(axis=1) / number,
        kind=records[row, first, layout.T_KIND],
        composition=records[row, first, layout.T_COMPOSITION],
    )


def gather_places(
    field: Field, places: Requests, effort: Effort, progress: Callable[[float], None] | None = None
) -> PlaceValues:
    """Values of places over the whole window; the field is marched along where it is not yet."""
    size = tile_places(effort)
    chunk = field.plan.chunks[field.done - 1] if field.done else field.march_chunk()
    parts = []
    for first in range(0, len(places), size):
        index = np.arange(first, min(first + size, len(places)))
        starts = replicate(
            pick(places, index), effort.samples, replicates=effort.replicates
        )
        parts.append(gather_tile(field, starts, effort, chunk)[0])
        if progress is not None:
            progress((index[-1] + 1) / len(places))
    names = PlaceValues.__dataclass_fields__
    return PlaceValues(**{k: np.concatenate([getattr(p, k) for p in parts]) for k in names})
