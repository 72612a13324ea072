"""The one place that imports and initialises Taichi.

Kernels import `ti` and `tm` from here, so that a compatible fork needs one changed line.
"""

import contextlib
import io
import os
import threading
from collections.abc import Callable
from typing import Any

# Taichi prints a banner and asks a server for a newer version unless told not to.
os.environ.setdefault("ENABLE_TAICHI_HEADER_PRINT", "0")
os.environ.setdefault("TI_SKIP_VERSION_CHECK", "ON")
os.environ.setdefault("TI_LOG_LEVEL", "error")

import taichi as ti
import taichi.math as tm

from heatmat.errors import DeviceError, nearest

__all__ = [
    "DEVICES",
    "available_devices",
    "device_name",
    "ensure_device",
    "is_initialised",
    "synchronise",
    "task_stride",
    "threads_asked",
    "ti",
    "tm",
]

DEVICES = ("auto", "cpu", "cuda", "vulkan", "metal")

CPU_TASK = 512
"""Iterations of an outermost loop that Taichi hands a thread of the processor at a time, whatever
``block_dim`` says (1.7.4: loops of up to 512 iterations ran on one thread with every setting)."""

_lock = threading.Lock()


def _quicken_compiling() -> None:
    """Say where a node of our kernels stands in a line, not in a picture of the source.

    Taichi prepares that message for each of some 40,000 nodes, in case it is an error: over half
    of what a kernel takes that is in its cache. Kernels of others keep theirs.
    """
    try:
        from taichi.lang.ast.ast_transformer_utils import ASTTransformerContext as Context

        whole: Callable[[Any, Any], str] = Context.get_pos_info
    except (ImportError, AttributeError):  # a fork that has moved it: slower, and right
        return

    def position(self: Any, node: Any) -> str:
        function = self.func.func
        if not function.__module__.startswith("heatmat."):
            return whole(self, node)
        line = self.src[node.lineno - 1].strip()
        number = node.lineno + self.lineno_offset
        return f'File "{self.file}", line {number}, in {function.__name__}:\n{line}\n'

    Context.get_pos_info = position


_quicken_compiling()


def is_initialised() -> bool:
    """Whether this process has a running Taichi, ours or the user's."""
    return getattr(ti.lang.impl.get_runtime(), "prog", None) is not None


def device_name() -> str:
    """Name of the device in use: ``cpu``, ``cuda``, ``vulkan`` or ``metal``."""
    arch = ti.lang.impl.current_cfg().arch
    return "cpu" if arch in (ti.x64, ti.arm64) else str(arch).rsplit(".", maxsplit=1)[-1]


def ensure_device(device: str = "auto", *, threads: int | None = None, debug: bool = False) -> str:
    """Initialise Taichi once for the process, or check that what runs fits.

    Parameters
    ----------
    device : str
        One of `DEVICES`; ``auto`` takes a CUDA or Metal device if there is one, else the CPU.
    threads : int, optional
        Most CPU threads; default: all, or the environment variable ``HEATMAT_THREADS``.
    debug : bool
        Bounds checks in kernels (slow); also by the environment variable ``HEATMAT_DEBUG=1``.

    Returns
    -------
    str
        The device in use.

    Raises
    ------
    DeviceError
        If the name is unknown, the device is not there, or another one already runs.
    """
    if device not in DEVICES:
        raise DeviceError(
            "unknown device", where="--device", got=device, remedy=nearest(device, DEVICES)
        )
    with _lock:
        if is_initialised():
            running = device_name()
            if device not in ("auto", running):
                raise DeviceError(
                    "this process already computes on another device",
                    expected=device,
                    got=running,
                    remedy="start a new process for the other device",
                )
            return running
        return _initialise(device, threads, debug)


def threads_asked() -> int:
    """The environment's most CPU threads; 0 where it does not say."""
    text = os.environ.get("HEATMAT_THREADS", "").strip() or "0"
    if not text.isdecimal():
        raise DeviceError(
            "not a number of threads", where="HEATMAT_THREADS", expected="1 or more", got=text
        )
    return int(text)


def _initialise(device: str, threads: int | None, debug: bool) -> str:
    options: dict[str, object] = {
        "default_fp": ti.f32,
        "default_ip": ti.i32,
        "debug": debug or os.environ.get("HEATMAT_DEBUG") == "1",
        "log_level": ti.ERROR,
        "random_seed": 0,
        # Taichi's own control-flow passes take two thirds of the compile time; LLVM repeats them.
        "cfg_optimization": False,
    }
    count = threads or threads_asked()
    if count > 0:
        options["cpu_max_num_threads"] = count
    arch = {
        "auto": [ti.cuda, ti.metal, ti.cpu],
        "cpu": [ti.cpu],
        "cuda": [ti.cuda],
        "vulkan": [ti.vulkan],
        "metal": [ti.metal],
    }[device]
    available = [a for a in arch if a == ti.cpu or _has(a)]
    if not available:
        raise DeviceError(
            "the device is not available",
            where="--device",
            got=device,
            remedy="use --device cpu, or install its driver",
        )
    # ti.init prints its device on standard output, which belongs to results.
    with contextlib.redirect_stdout(io.StringIO()):
        ti.init(arch=available[0], **options)
    return device_name()


def task_stride() -> int:
    """Iterations that a worker takes of a loop over few and dear ones; its first does the work.

    On the processor each worker is then a task of its own (`CPU_TASK`); on a GPU each is a thread.
    """
    return CPU_TASK if device_name() == "cpu" else 1


def available_devices() -> list[str]:
    """Names of the devices that `ensure_device` would find here; nothing is initialised."""
    arches = {"cpu": ti.cpu, "cuda": ti.cuda, "vulkan": ti.vulkan, "metal": ti.metal}
    return [name for name, arch in arches.items() if name == "cpu" or _has(arch)]


def _has(arch: object) -> bool:
    try:
        return bool(ti.lang.misc.is_arch_supported(arch))
    except Exception:  # a broken driver raises whatever it likes; it then counts as absent
        return False


def synchronise() -> None:
    """Wait until every launched kernel has finished."""
    ti.sync()
