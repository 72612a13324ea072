"""Units: groups of starts with one construction each, in blocks that march side by side."""

from dataclasses import dataclass

import numpy as np

from heatmat.field_links import Bundle
from heatmat.kernels import layout
from heatmat.kernels.field_march import (
    U_CONSTRUCTION,
    U_COUNT,
    U_OWN,
    U_PLACE,
    U_START,
    U_WHICH,
    UNIT_INTS,
)
from heatmat.kernels.lanes import LANES
from heatmat.rayfield import to_device
from heatmat.runtime import ti
from heatmat.transfers import read


@dataclass
class Units:
    """Units of a bundle.

    Attributes
    ----------
    table : ndarray of int32, shape (count, UNIT_INTS)
        See `kernels.field_march`; rows that only fill a block have ``U_OWN`` 0.
    share : ndarray of float32, shape (count,)
        Of the unit's construction in its composition.
    members : ndarray of float32, shape (count,)
        Starts that the unit stands for.
    units, weight : ti.Ndarray
        `table` and `share` on the device.
    """

    table: np.ndarray
    share: np.ndarray
    members: np.ndarray
    units: ti.Ndarray
    weight: ti.Ndarray

    @property
    def count(self) -> int:
        """Units with those that fill blocks, a multiple of `LANES`."""
        return self.table.shape[0]

    @property
    def blocks(self) -> int:
        """Blocks of `LANES` units."""
        return self.count // LANES


def texel_units(bundle: Bundle, entries: np.ndarray, shares: np.ndarray) -> Units:
    """Units of texels: one for each construction of its mixture, none across a block's end."""
    records = bundle.start_i.to_numpy().reshape(-1, bundle.samples, layout.START_INTS)
    valid = records[:, :, layout.T_VALID] == 1
    place = np.flatnonzero(valid.any(axis=1))
    first = valid[place].argmax(axis=1)
    composition = records[place, first, layout.T_COMPOSITION]
    start = place * bundle.samples + first
    whole = np.zeros(place.size, np.int64)
    return _units(place, start, whole, np.ones(place.size), composition, entries, shares, True)


def place_units(
    bundle: Bundle, split: np.ndarray, entries: np.ndarray, shares: np.ndarray
) -> Units:
    """Units of places: one for each group of starts, set of rays and construction.

    Parameters
    ----------
    split : ndarray of bool, shape (places,)
        Places whose sets are marched apart.
    """
    leader = read(bundle.leader)
    start = np.flatnonzero(leader == np.arange(leader.size))
    members = np.bincount(leader[leader >= 0], minlength=leader.size)[start]
    composition = read(bundle.start_i)[start, layout.T_COMPOSITION]
    place = start // bundle.samples
    turns = np.where(split[place], bundle.sets, 1)
    row = np.repeat(np.arange(start.size), turns)
    turn = np.arange(row.size) - np.repeat(np.cumsum(turns) - turns, turns)
    which = np.where(split[place[row]], turn, bundle.sets)
    # Groups of one set of rays lie side by side: they share what falls on them.
    row, which = (a[np.lexsort((which, place[row]))] for a in (row, which))
    return _units(
        place[row], start[row], which, members[row], composition[row], entries, shares, False
    )


def _units(
    place: np.ndarray,
    start: np.ndarray,
    which: np.ndarray,
    members: np.ndarray,
    composition: np.ndarray,
    entries: np.ndarray,
    shares: np.ndarray,
    whole: bool,
) -> Units:
    """A unit for each construction of each group; `whole`: groups do not cross a block's end."""
    used = shares > 0.0
    number = used.sum(axis=1)
    order = np.argsort(~used, axis=1, kind="stable")
    count = number[composition]
    first = np.cumsum(count) - count
    if whole:
        first = _aligned(count)
    row = np.repeat(np.arange(count.size), count)
    k = np.arange(row.size) - np.repeat(np.cumsum(count) - count, count)
    at = first[row] + k
    total = int(at[-1]) + 1 if at.size else 1
    total = -(-total // LANES) * LANES
    table = np.zeros((total, UNIT_INTS), np.int32)
    column = order[composition[row], k]
    filler = np.full(total, -1)
    filler[at] = np.arange(at.size)
    # Lanes that fill a block repeat the one before.
    filler = np.maximum.accumulate(filler) if at.size else np.zeros(total, int)
    own = np.zeros(total, bool)
    own[at] = True
    if at.size:
        source = row[filler]
        table[:, U_PLACE], table[:, U_START] = place[source], start[source]
        table[:, U_WHICH] = which[source]
        table[:, U_CONSTRUCTION] = entries[composition[source], column[filler]]
        table[first, U_COUNT] = count
    table[:, U_OWN] = own
    share = np.zeros(total, np.float32)
    share[at] = shares[composition[row], column]
    weight = np.zeros(total, np.float32)
    weight[at] = members[row]
    return Units(table, share, weight, to_device(table), to_device(share))


def _aligned(count: np.ndarray) -> np.ndarray:
    """First unit of each group where none may cross a block's end."""
    first = np.cumsum(count) - count
    # Each group that would cross moves to the next block, and all after it with it.
    if count.size == 0 or count.max() == 1:
        return first
    out = np.empty_like(first)
    at = 0
    several = np.flatnonzero(count > 1)
    before = 0
    for i in several.tolist():
        out[before:i] = at + np.arange(i - before)
        at += i - before
        if at % LANES + count[i] > LANES:
            at = (at // LANES + 1) * LANES
        out[i] = at
        at += int(count[i])
        before = i + 1
    out[before:] = at + np.arange(count.size - before)
    return out
