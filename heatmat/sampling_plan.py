"""From places to start requests: what is sampled, with which random stream."""

from __future__ import annotations

import numpy as np

from heatmat.kernels import layout
from heatmat.solver import Requests

REPLICATES = 8
"""Independent scrambles of every query; their spread is its standard error."""

KINDS = {"ground": 0, "roof": 1, "wall": 2, "any": layout.ANY_KIND}


def stream_keys(x: np.ndarray, y: np.ndarray, z: np.ndarray, kind: int, seed: int) -> np.ndarray:
    """Random stream of places, from global coordinates in whole millimetres and the surface.

    Parameters
    ----------
    x, y, z : ndarray, shape (n,)
        CRS coordinates and height [m].
    kind : int
        Code of the surface.
    seed : int
        The user's seed.

    Returns
    -------
    ndarray of uint32, shape (n,)
    """
    state = np.full(
        np.shape(x), np.uint64(seed & 0xFFFFFFFFFFFFFFFF) ^ np.uint64(0x9E3779B97F4A7C15)
    )
    with np.errstate(over="ignore"):
        for values in (x, y, z, np.full(np.shape(x), kind)):
            word = np.round(np.asarray(values, float) * 1000.0).astype(np.int64).view(np.uint64)
            state = _splitmix(state ^ word)
    return (state >> np.uint64(32)).astype(np.uint32)


def _splitmix(state: np.ndarray) -> np.ndarray:
    """One step of the splitmix64 generator (Steele et al. 2014, doi:10.1145/2714064.2660195)."""
    z = state + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def plan_squares(
    x: np.ndarray, y: np.ndarray, half: np.ndarray, kind: np.ndarray, keys: np.ndarray
) -> Requests:
    """One request a place: a square in plan seen from above (half side 0: a point)."""
    n = np.size(x)
    numbers = np.zeros((n, 4), np.float32)
    numbers[:, layout.Q_A], numbers[:, layout.Q_B], numbers[:, layout.Q_C] = x, y, half
    codes = np.zeros((n, 5), np.int32)
    codes[:, layout.R_TYPE] = layout.REQUEST_PLAN
    codes[:, layout.R_KIND] = kind
    codes[:, layout.R_FACADE] = -1
    return Requests(numbers, codes, keys.astype(np.uint32), np.full(n, -1, np.int32))


def wall_patches(
    facade: np.ndarray,
    s0: np.ndarray,
    s1: np.ndarray,
    z0: np.ndarray,
    z1: np.ndarray,
    keys: np.ndarray,
) -> Requests:
    """One request a patch: a rectangle along (s) and up (z) a facade [m]."""
    n = np.size(facade)
    codes = np.zeros((n, 5), np.int32)
    codes[:, layout.R_TYPE] = layout.REQUEST_WALL
    codes[:, layout.R_KIND] = KINDS["wall"]
    codes[:, layout.R_FACADE] = facade
    numbers = np.stack([s0, s1, z0, z1], axis=1).astype(np.float32)
    return Requests(numbers, codes, keys.astype(np.uint32), np.full(n, -1, np.int32))


def replicate(
    places: Requests, samples: int, first: int = 0, replicates: int = REPLICATES
) -> Requests:
    """Every place with its replicates and samples: rows (place, replicate, sample).

    Parameters
    ----------
    places : Requests
    samples : int
        Positions in each replicate.
    first : int
        Index of the first sample, to continue a sequence.
    replicates : int
        Independent scrambles.
    """
    times = replicates * samples
    rows = Requests(
        np.repeat(places.numbers, times, axis=0),
        np.repeat(places.codes, times, axis=0),
        np.repeat(places.keys, times),
        np.repeat(places.composition, times),
    )
    n = len(places)
    rows.codes[:, layout.R_REPLICATE] = np.tile(np.repeat(np.arange(replicates), samples), n)
    rows.codes[:, layout.R_SAMPLE] = np.tile(np.arange(first, first + samples), n * replicates)
    return rows


def pick(places: Requests, index: np.ndarray) -> Requests:
    """Some of the places, by index."""
    return Requests(
        places.numbers[index], places.codes[index], places.keys[index], places.composition[index]
    )
