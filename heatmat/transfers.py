"""Arrays to the device and back; where the device is the processor, through its own memory.

Taichi's copies are kernels, 0.1 to 0.3 ms each however small: a dozen of them would be a third of a
query of one point.
"""

import ctypes

import numpy as np

from heatmat.runtime import device_name, synchronise, ti

KINDS = {ti.f32: np.float32, ti.i32: np.int32, ti.u32: np.uint32}


def _memory(array: ti.Ndarray) -> np.ndarray | None:
    """The array's own memory as NumPy sees it; None where it is out of reach."""
    program = ti.lang.impl.get_runtime().prog
    address = getattr(program, "get_ndarray_data_ptr_as_int", None)
    if address is None or array.dtype not in KINDS or device_name() != "cpu":
        return None
    kind = np.dtype(KINDS[array.dtype])
    size = int(np.prod(array.shape)) * kind.itemsize
    held = (ctypes.c_char * size).from_address(address(array.arr))
    return np.frombuffer(memoryview(held), kind).reshape(array.shape)


def read(array: ti.Ndarray) -> np.ndarray:
    """A copy of a device array, once all kernels launched before have written it."""
    synchronise()
    memory = _memory(array)
    return array.to_numpy() if memory is None else memory.copy()


def write(array: ti.Ndarray, values: np.ndarray) -> None:
    """Fill a device array with values of its own shape and type."""
    synchronise()
    memory = _memory(array)
    if memory is None:
        array.from_numpy(values)
    else:
        np.copyto(memory, values, casting="no")
