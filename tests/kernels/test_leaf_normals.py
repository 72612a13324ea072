"""The leaves that rays meet: both sides as often, as inclined as a ray meets them."""

import numpy as np

from heatmat.kernels.crowns import leaf_normal
from heatmat.kernels.starts import F2, U1
from heatmat.runtime import ensure_device, ti, tm

COUNT = 40_000


@ti.kernel
def normals_met(directions: F2, keys: U1, out: F2):
    for i in range(directions.shape[0]):
        d = tm.vec3(directions[i, 0], directions[i, 1], directions[i, 2])
        n = leaf_normal(d, keys[i])
        for k in ti.static(range(3)):
            out[i, k] = n[k]


def met(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Directions of rays, and normals of the leaves that they meet."""
    ensure_device("cpu")
    d = rng.normal(size=(COUNT, 3))
    d = (d / np.linalg.norm(d, axis=1)[:, None]).astype(np.float32)
    d[: COUNT // 2] = d[0]  # half of them along one direction
    normals = np.zeros((COUNT, 3), np.float32)
    normals_met(d, rng.integers(0, 2**32, COUNT, dtype=np.uint32), normals)
    return d, normals


def test_leaves_show_rays_either_side(rng: np.random.Generator) -> None:
    """They reflect and let through alike: the light of either side is sent on as often."""
    d, normals = met(rng)
    along = (d * normals).sum(axis=1)
    for part in (along[: COUNT // 2], along[COUNT // 2 :]):
        # A fair coin, within four standard errors.
        assert abs((part > 0.0).mean() - 0.5) < 4.0 * 0.5 / np.sqrt(part.size)


def test_leaves_are_met_with_the_cosine_of_incidence(rng: np.random.Generator) -> None:
    """Leaves turned every way alike: the cosine has the density 2 c, in each quarter of a turn."""
    d, normals = met(rng)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-5)
    cosine = np.abs((d * normals).sum(axis=1))
    # Mean 2/3 and variance 1/18 of that density.
    assert abs(cosine.mean() - 2.0 / 3.0) < 4.0 * np.sqrt(1.0 / 18.0 / COUNT)
    assert abs((cosine < 0.5).mean() - 0.25) < 4.0 * np.sqrt(0.25 * 0.75 / COUNT)
    # Around one direction no turn is preferred: the rest of the normals adds up to nothing.
    one, first = d[0], normals[: COUNT // 2]
    rest = first - (first @ one)[:, None] * one
    # Each component across has the variance 1/4, (1 - mean cosine squared) / 2.
    assert np.abs(rest.mean(axis=0)).max() < 4.0 * np.sqrt(0.25 / len(first))
