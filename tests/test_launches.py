"""Launches that tell a kernel only what has changed, and copies through the device's memory."""

import numpy as np
import pytest

from heatmat.launches import Launcher
from heatmat.runtime import ensure_device, ti
from heatmat.transfers import read, write

ensure_device("cpu")
F1 = ti.types.ndarray(dtype=ti.f32, ndim=1)
three = ti.types.vector(3, ti.f32)


@ti.kernel
def weigh(values: F1, out: F1, by: three, count: ti.i32, plus: ti.f32, mode: ti.template()):
    for i in range(count):
        out[i] = (by.x + by.y + by.z) * values[i] + plus
        if ti.static(mode == 1):
            out[i] += 100.0


def array(values: list[float]) -> ti.Ndarray:
    made = ti.ndarray(dtype=ti.f32, shape=(len(values),))
    write(made, np.array(values, np.float32))
    return made


def test_every_argument_may_change_from_launch_to_launch() -> None:
    launch = Launcher()
    a, b, small, large = array([1, 2, 3]), array([5, 6, 7]), array([0] * 3), array([0] * 4)
    one, two = three(1.0, 0.0, 0.0), three(1.0, 0.5, 0.5)
    for args in (
        (a, small, one, 3, 0.0, 0),
        (a, small, one, 3, 0.0, 0),
        (b, small, one, 3, 0.0, 0),
        (b, large, two, 2, 0.25, 0),
        (b, large, two, 2, 0.25, 1),
        (array([9, 8, 7]), small, two, 3, 1.0, 0),
        (a, small, one, 3, 0.0, 0),
    ):
        values, out, by, count, plus, mode = args
        write(out, np.zeros(out.shape, np.float32))
        launch(weigh, *args)
        expected = np.zeros(out.shape, np.float32)
        expected[:count] = sum(by.to_numpy()) * read(values)[:count] + plus + 100.0 * mode
        np.testing.assert_allclose(read(out), expected, rtol=1e-6)


def test_what_is_read_is_a_copy() -> None:
    a = array([1, 2, 3])
    before = read(a)
    write(a, np.array([4, 5, 6], np.float32))
    assert before.tolist() == [1, 2, 3]
    assert read(a).tolist() == a.to_numpy().tolist() == [4, 5, 6]


def test_values_of_another_type_or_shape_are_refused() -> None:
    with pytest.raises(TypeError):
        write(array([1, 2]), np.array([1, 2], np.int32))
    with pytest.raises(ValueError, match="broadcast"):
        write(array([1, 2]), np.array([1, 2, 3], np.float32))
