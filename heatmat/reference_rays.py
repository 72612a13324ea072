"""The 3D side's single rays beside Embree's: among random triangles, and in a city.

    HEATMAT_THREADS=1 python -m heatmat.reference_rays [BUILDINGS]

BUILDINGS is any file that `City.from_file` reads; default: the embedded district. Rays leave the
outer faces, cosine-weighted. Prints processor time, the least of four runs of each side.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from heatmat.ending import exit_code
from heatmat.reference.mesh import Mesh

APRON = 50.0
"""Ground around the buildings [m]."""


def city_mesh(path: str | None) -> Mesh:
    """The watertight mesh of a city's buildings, one construction for all."""
    from heatmat.city import City
    from heatmat.reference.plan import Layer
    from heatmat.reference.solids import build_mesh
    from heatmat.reference_city import reference_buildings, slab_extent

    city = City.from_file(path) if path else City.embedded()
    middle = np.round(city.buildings.total_bounds.reshape(2, 2).mean(axis=0))
    buildings = reference_buildings(
        city, (float(middle[0]), float(middle[1])), Layer("brick", 0.3), Layer("concrete", 0.2)
    )
    return build_mesh(buildings, extent=slab_extent(buildings, APRON), ground=Layer("soil", 2.0))


def outer_points(mesh: Mesh, count: int, random: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Points uniform over the faces towards the air, and their normals, shape (count, 3)."""
    from heatmat.reference.mesh import AIR

    faces = mesh.bounding(AIR)
    area = mesh.areas()[faces]
    rows = mesh.faces[random.choice(faces, count, p=area / area.sum())]
    corners = mesh.vertices.astype(float)[rows]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    points = np.einsum("ik,ikd->id", random.dirichlet(np.ones(3), count), corners)
    return points, normal / np.linalg.norm(normal, axis=1, keepdims=True)


def directions(count: int, random: np.random.Generator) -> np.ndarray:
    """Uniform over the upper half sphere: suns of many days, shape (count, 3)."""
    d = random.normal(size=(count, 3))
    d[:, 2] = np.abs(d[:, 2])
    return d / np.linalg.norm(d, axis=1, keepdims=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    from heatmat.reference.rates import random_rates, ray_rates
    from heatmat.runtime import ensure_device

    given = list(sys.argv[1:] if arguments is None else arguments)
    ensure_device("cpu")
    random = np.random.default_rng(11)
    mesh = city_mesh(given[0] if given else None)
    points, normals = outer_points(mesh, 20_000, random)
    for name, rates in (
        (
            f"city, {len(mesh.faces)} triangles",
            ray_rates(mesh, points, normals, directions(64, random)),
        ),
        ("20000 random triangles", random_rates(20_000)),
    ):
        for kind in ("closest", "any"):
            line = f"{name:28s} {kind:8s} {1e-6 / rates[kind]:5.2f} million rays/s"
            if f"embree_{kind}" in rates:
                line += f", {rates[f'embree_{kind}'] / rates[kind]:.2f} of Embree's"
            print(line)  # noqa: T201 (the result of the command)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
