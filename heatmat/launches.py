"""Launches of kernels whose arguments are mostly those of the time before.

Taichi looks at every argument of every launch anew: 0.2 to 0.6 ms for kernels with twenty or thirty
of them, which is as long as some of a query's kernels run. A `Launcher` keeps what it told a kernel
and tells it only what has changed.
"""

from typing import Any

import numpy as np

from heatmat.runtime import ti
from heatmat.transfers import memory


class Launcher:
    """Launches kernels from module level; what it holds is let go of by `clear`.

    Where this version of Taichi lacks the parts that it needs, kernels are called as ever.
    """

    def __init__(self) -> None:
        self._kept: dict[Any, _Kept] = {}

    def __call__(self, kernel: Any, *args: Any) -> None:
        """Launch a kernel; the same as calling it.

        Parameters
        ----------
        kernel : ti.kernel
            Without a return value.
        *args
            Device arrays, vectors, numbers, compiled-in values.
        """
        kept = self._kept.get(kernel)
        if kept is not None and kept.launch(args):
            return
        kernel(*args)
        made = _Kept.of(kernel, args)
        if made is not None:
            self._kept[kernel] = made

    def clear(self) -> None:
        """Forget all arguments."""
        self._kept.clear()


class _Kept:
    """One kernel with the arguments that it was last launched with."""

    def __init__(self, program: Any, compiled: Any, context: Any, primal: Any, args: tuple) -> None:
        self.program, self.compiled, self.context = program, compiled, context
        annotations = [argument.annotation for argument in primal.arguments]
        # Compiled-in values take no place among those that are told.
        self.fixed = [isinstance(a, ti.template) for a in annotations]
        places = np.cumsum([not fixed for fixed in self.fixed]) - 1
        self.places = [(int(place),) for place in places]
        self.arrays = [isinstance(value, ti.Ndarray) for value in args]
        self.used_up = list(self.arrays)
        self.args: list[Any] = [None] * len(args)
        self.annotations = annotations

    @classmethod
    def of(cls, kernel: Any, args: tuple) -> "_Kept | None":
        """What is kept of a kernel that has just been called with these arguments."""
        primal: Any = getattr(kernel, "_primal", None)
        program = ti.lang.impl.get_runtime().prog
        try:
            key = primal.ensure_compiled(*args)
            compiled_kernel = primal.compiled_kernels[key]
            compiled = program.compile_kernel(
                program.config(), program.get_device_caps(), compiled_kernel
            )
            context = compiled_kernel.make_launch_context()
            kept = cls(program, compiled, context, primal, args)
            return kept if all(kept.tell(i, value) for i, value in enumerate(args)) else None
        except AttributeError:
            return None

    def launch(self, args: tuple) -> bool:
        """Launch with new arguments, if this kernel was compiled for their like."""
        if self.program is not ti.lang.impl.get_runtime().prog:
            return False
        for i, value in enumerate(args):
            # A launch uses up the addresses that Taichi looks up itself, and nothing else.
            if (value is not self.args[i] or self.used_up[i]) and not self.tell(i, value):
                return False
        self.program.launch_kernel(self.compiled, self.context)
        return True

    def tell(self, i: int, value: Any) -> bool:
        """Tell the kernel an argument; False where it would have to be compiled anew."""
        before, first = self.args[i], self.args[i] is None
        if self.fixed[i]:
            if not first and value != before:
                return False
        elif self.arrays[i] and isinstance(value, ti.Ndarray):
            own = memory(value)
            self.used_up[i] = own is None
            if own is None:
                self.context.set_arg_ndarray(self.places[i], value.arr)
            else:
                self.context.set_arg_external_array_with_shape(
                    self.places[i], own.ctypes.data, own.nbytes, own.shape, 0
                )
        elif isinstance(value, int):
            self.context.set_arg_int(self.places[i], value)
        elif isinstance(value, float):
            self.context.set_arg_float(self.places[i], value)
        elif isinstance(value, ti.Matrix):
            kind = self.annotations[i]
            kind.set_kernel_struct_args(value, self.context, self.places[i])
        else:
            return False
        self.args[i] = value
        return True
