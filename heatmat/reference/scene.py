"""A mesh with its constructions as the arrays that paths read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heatmat.construction import Construction
from heatmat.errors import InputError
from heatmat.reference.mesh import (
    AIR,
    FLOOR,
    GROUND,
    INDOOR,
    INNER_ROOF,
    INNER_WALL,
    SLAB_BOTTOM,
    SLAB_SIDE,
    SOLID,
    VOID,
    Mesh,
)

INSIDE_FILM = {INNER_WALL: 7.69, INNER_ROOF: 5.88, FLOOR: 5.88}
"""Film to the indoor air [W m-2 K-1] (ISO 6946:2017, table 7: horizontal and downward flow)."""

OUTDOOR, FILM, HELD, SEALED, CONTACT = range(5)
"""Boundaries, as in `heatmat.reference.layout`."""


@dataclass(frozen=True)
class Accuracy:
    """How finely the walk resolves a solid.

    Attributes
    ----------
    share_of_thickness : float
        delta is at most this share of a solid's thickness,
    minutes : float
        and at most what heat diffuses through in this time, sqrt(diffusivity x time): faster
        changes of a surface temperature are smoothed.
    """

    share_of_thickness: float = 0.125
    minutes: float = 6.0


@dataclass(frozen=True)
class SceneArrays:
    """Rows of faces, solids and surfaces (columns: see `heatmat.reference.layout`).

    Attributes
    ----------
    face_f : ndarray of float32, shape (nf, 5)
    face_i : ndarray of int32, shape (nf, 5)
    solids : ndarray of float32, shape (ns, 4)
    surfaces : ndarray of float32, shape (ns, 3)
    edges : ndarray of float32, shape (ne, 2, 3)
        Ends of the edges at which a boundary bends or changes.
    """

    face_f: np.ndarray
    face_i: np.ndarray
    solids: np.ndarray
    surfaces: np.ndarray
    edges: np.ndarray


def scene_arrays(
    mesh: Mesh,
    constructions: Sequence[Construction],
    step: float,
    accuracy: Accuracy,
    inside_film: dict[int, float] | None = None,
) -> SceneArrays:
    """Arrays of a mesh.

    Parameters
    ----------
    mesh : Mesh
    constructions : sequence of Construction
        In the order of ``mesh.constructions``, one layer each.
    step : float
        Time is counted in steps of this length [s].
    accuracy : Accuracy
    inside_film : dict, optional
        Film to the indoor air by kind of face; default `INSIDE_FILM`.

    Raises
    ------
    InputError
        On a construction that is not one opaque dry layer.
    """
    solids, surfaces = [], []
    for c in constructions:
        layers = c.full_layers
        if len(layers) != 1 or layers[0].resistance or c.solar_transmittance:
            raise InputError(
                "the 3D reference conducts through one opaque layer",
                where=f"constructions.{c.name}",
                expected="one layer, solar_transmittance 0",
                got=c.describe(),
            )
        if c.moisture_availability:
            raise InputError(
                "the 3D reference has no evaporation",
                where=f"constructions.{c.name}",
                expected="moisture_availability 0",
                got=c.moisture_availability,
            )
        k, capacity = layers[0].thermal_conductivity, layers[0].volumetric_heat_capacity
        delta = min(
            accuracy.share_of_thickness * layers[0].thickness,
            float(np.sqrt(k / capacity * 60.0 * accuracy.minutes)),
        )
        solids.append((k, capacity, k / capacity * step, delta))
        surfaces.append((c.absorptance, c.albedo, c.emissivity))
    films = INSIDE_FILM if inside_film is None else inside_film
    corners = mesh.vertices[mesh.faces].astype(float)
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    film = np.array([films.get(int(kind), 0.0) for kind in mesh.kind])
    face_f = np.column_stack([normal, np.einsum("ij,ij->i", normal, corners[:, 0]), film])
    boundary = np.full(len(mesh.faces), CONTACT)
    boundary[mesh.front == AIR] = OUTDOOR
    boundary[mesh.front == INDOOR] = FILM
    boundary[mesh.front == VOID] = SEALED
    boundary[(mesh.front == VOID) & (mesh.kind == SLAB_BOTTOM)] = HELD
    boundary[mesh.kind == SLAB_SIDE] = SEALED
    face_i = np.column_stack(
        [
            boundary,
            mesh.construction,
            mesh.behind - SOLID,
            np.where(mesh.front >= SOLID, mesh.front - SOLID, -1),
            mesh.kind == GROUND,
        ]
    )
    return SceneArrays(
        face_f=face_f.astype(np.float32),
        face_i=face_i.astype(np.int32),
        solids=np.array(solids, np.float32),
        surfaces=np.array(surfaces, np.float32),
        edges=sharp_edges(mesh, normal, face_i),
    )


def sharp_edges(mesh: Mesh, normal: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Edges between faces that are not in one plane with one boundary on it, shape (ne, 2, 3).

    Within a ball that no such edge enters, a solid is bounded by whole planes.
    """
    faces = mesh.faces
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    owner = np.tile(np.arange(len(faces)), 3)
    ends, inverse = np.unique(np.sort(pairs, axis=1), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    order = np.argsort(inverse, kind="stable")
    count = np.bincount(inverse, minlength=len(ends))
    start = np.cumsum(count) - count
    first = owner[order[start]]
    second = owner[order[np.minimum(start + 1, order.size - 1)]]
    flat = np.einsum("ij,ij->i", normal[first], normal[second]) > 1.0 - 1e-6
    same = (labels[first] == labels[second]).all(axis=1)
    return mesh.vertices[ends[~((count == 2) & flat & same)]].astype(np.float32)


def exit_time_quantiles(count: int, tail: float) -> np.ndarray:
    """First exit times of a Brownian path from the middle of a unit ball of unit diffusivity.

    Parameters
    ----------
    count : int
        Quantiles, evenly spaced from 0 to `tail`.
    tail : float

    Returns
    -------
    ndarray of float32, shape (count,)

    Notes
    -----
    The share still inside at time t is 2 sum over n >= 1 of (-1)^(n + 1) exp(-n^2 pi^2 t) (Carslaw
    and Jaeger 1959, section 9.3, the mean of a sphere's centre); its mean is 1/6.
    """
    t = np.geomspace(1e-3, 1.0, 20000)
    n = np.arange(1, 60)
    inside = 2.0 * ((-1.0) ** (n + 1) * np.exp(-((n * np.pi) ** 2) * t[:, None])).sum(axis=1)
    left = np.maximum.accumulate(np.clip(1.0 - inside, 0.0, 1.0))
    rising = np.concatenate([[True], np.diff(left) > 1e-12])
    return np.interp(np.linspace(0.0, tail, count), left[rising], t[rising]).astype(np.float32)
