"""Texels that stand for what rays met: between their middles on average."""

import numpy as np
import pytest

from heatmat.field_texels import row_bottoms
from heatmat.kernels.starts import F1, I1
from heatmat.kernels.texels import drawn_row
from heatmat.rayfield import to_device
from heatmat.runtime import ensure_device, ti

SIZE = 4.0


@ti.kernel
def draw_rows(z: F1, u: F1, rows: ti.i32, height: ti.f32, size: ti.f32, out: I1):  # type: ignore[no-untyped-def]
    for i in range(z.shape[0]):
        out[i] = drawn_row(z[i], height, rows, u[i], size)


@pytest.mark.parametrize(("height", "rows"), [(1.5, 1), (9.0, 3), (14.5, 4), (3.0, 2)])
def test_rows_of_a_wall_are_drawn_by_the_distance_to_their_middles(
    height: float, rows: int
) -> None:
    """The mean of the drawn rows' middles is the height of the hit, as far as middles reach."""
    ensure_device("cpu")
    z, u = np.meshgrid(np.linspace(0.0, height, 40), (np.arange(400) + 0.5) / 400, indexing="ij")
    out = to_device(np.zeros(z.size, np.int32))
    draw_rows(to_device(z.ravel()), to_device(u.ravel()), rows, height, SIZE, out)
    row = out.to_numpy().reshape(z.shape)
    ends = np.append(row_bottoms(SIZE, 20.0)[:rows], height)
    middle = 0.5 * (ends[1:] + ends[:-1])
    drawn = middle[row].mean(axis=1)
    # 400 numbers tell a share to 1/400 of the distance between two middles, at most 6 m here.
    np.testing.assert_allclose(drawn, np.clip(z[:, 0], middle[0], middle[-1]), atol=6.0 / 400)
