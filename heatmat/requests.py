"""Start positions asked for, and what each of them gave."""

from dataclasses import dataclass

import numpy as np

from heatmat.kernels import layout


@dataclass
class Requests:
    """Start positions asked for, one row each.

    Attributes
    ----------
    numbers : ndarray of float32, shape (n, 4)
        Plan: x, y, half side (local metres); wall: s0, s1, z0, z1 along and up the facade.
    codes : ndarray of int32, shape (n, 5)
        Type, kind, facade, sample within the replicate, replicate.
    keys : ndarray of uint32, shape (n,)
        Random stream: equal keys and replicates share their scramble.
    composition : ndarray of int32, shape (n,)
        Replaces the surface's own composition where not -1.
    """

    numbers: np.ndarray
    codes: np.ndarray
    keys: np.ndarray
    composition: np.ndarray

    def __len__(self) -> int:
        return self.keys.size

    def part(self, selection: slice) -> "Requests":
        """Some of the rows."""
        return Requests(
            self.numbers[selection],
            self.codes[selection],
            self.keys[selection],
            self.composition[selection],
        )


@dataclass
class Starts:
    """What a batch of starts gave, one row a start.

    Attributes
    ----------
    values : ndarray of float32, shape (n, times, values)
        Temperature [K], then the fluxes in the order of `layout.OUTPUTS` if asked for.
    valid : ndarray of bool, shape (n,)
    kind, composition, facade, region : ndarray of int32, shape (n,)
    position : ndarray of float32, shape (n, 3)
        Local metres.
    sky_view : ndarray of float32, shape (n,)
        Share of the rays that saw the sky.
    sunlit_hours : ndarray of float32, shape (n,)
        Of the window's first day.
    """

    values: np.ndarray
    valid: np.ndarray
    kind: np.ndarray
    composition: np.ndarray
    facade: np.ndarray
    region: np.ndarray
    position: np.ndarray
    sky_view: np.ndarray
    sunlit_hours: np.ndarray


def padded(count: int) -> int:
    """Rows of a batch for so many: a power of two."""
    return max(8, 1 << (count - 1).bit_length()) if count else 8


def pad(requests: Requests, size: int) -> Requests:
    """Fill a batch with rows of no type, which stay invalid."""
    missing = size - len(requests)
    if missing == 0:
        return requests
    codes = np.zeros((missing, 5), np.int32)
    codes[:, layout.R_TYPE] = layout.REQUEST_NONE
    return Requests(
        np.concatenate([requests.numbers, np.zeros((missing, 4), np.float32)]),
        np.concatenate([requests.codes, codes]),
        np.concatenate([requests.keys, np.zeros(missing, np.uint32)]),
        np.concatenate([requests.composition, np.full(missing, -1, np.int32)]),
    )


def join(parts: list[Starts]) -> Starts:
    """Batches one after the other."""
    names = Starts.__dataclass_fields__
    return Starts(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})
