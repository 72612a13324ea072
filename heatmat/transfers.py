"""Arrays to the device and back; where the device is the processor, through its own memory.

Taichi's copies are kernels, 0.1 to 0.3 ms each however small: a dozen of them would be a third of a
query of one point.
"""

import ctypes
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from heatmat.runtime import device_name, synchronise, ti

KINDS = {ti.f32: np.float32, ti.i32: np.int32, ti.u32: np.uint32}


_VIEWS: WeakKeyDictionary[ti.Ndarray, tuple[Any, np.ndarray]] = WeakKeyDictionary()


def memory(array: ti.Ndarray) -> np.ndarray | None:
    """The array's own memory as NumPy sees it, not to be kept longer than the array.

    None where it is out of reach.
    """
    program = ti.lang.impl.get_runtime().prog
    kept = _VIEWS.get(array)
    if kept is not None and kept[0] is program:
        return kept[1]
    address = getattr(program, "get_ndarray_data_ptr_as_int", None)
    plain = isinstance(array, ti.ScalarNdarray) and array.dtype in KINDS
    if address is None or not plain or device_name() != "cpu":
        return None
    kind = np.dtype(KINDS[array.dtype])
    size = int(np.prod(array.shape)) * kind.itemsize
    held = (ctypes.c_char * size).from_address(address(array.arr))
    view = np.frombuffer(memoryview(held), kind).reshape(array.shape)
    _VIEWS[array] = program, view
    return view


def read(array: ti.Ndarray) -> np.ndarray:
    """A copy of a device array, once all kernels launched before have written it."""
    synchronise()
    own = memory(array)
    return array.to_numpy() if own is None else own.copy()


def write(array: ti.Ndarray, values: np.ndarray) -> None:
    """Fill a device array with values of its own shape and type."""
    synchronise()
    own = memory(array)
    if own is None:
        array.from_numpy(values)
    else:
        np.copyto(own, values, casting="no")
