"""Taichi as the kernels meet it: messages of faults, and how loops are shared out."""

import inspect

import pytest

from heatmat.errors import DeviceError
from heatmat.runtime import CPU_TASK, ensure_device, task_stride, threads_asked, ti


def faulty():  # type: ignore[no-untyped-def]
    """A kernel with a name that nothing stands for, in its last line."""
    for i in range(3):
        x = nothing + i  # type: ignore[name-defined]  # noqa: F821, F841


@pytest.mark.parametrize("module", ["heatmat.kernels.faulty", "somebody.else"])
def test_a_faulty_kernel_names_its_line(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours by the line alone, which is what makes them quick; those of others as Taichi has it."""
    ensure_device("cpu")
    monkeypatch.setattr(faulty, "__module__", module)
    lines, first = inspect.getsourcelines(faulty)
    with pytest.raises(ti.TaichiCompilationError) as caught:
        ti.kernel(faulty)()
    message = str(caught.value)
    assert f'"{__file__}", line {first + len(lines) - 1}, in faulty' in message
    assert "x = nothing + i" in message
    assert ("^^^" in message) == (module == "somebody.else")


def test_dear_iterations_are_tasks_of_their_own() -> None:
    """Without it Taichi makes one task of 512, and a launch of 200 blocks keeps one core."""
    ensure_device("cpu")
    assert task_stride() == CPU_TASK == 512


def test_threads_that_the_environment_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEATMAT_THREADS", raising=False)
    assert threads_asked() == 0
    for text, count in {"": 0, " 3 ": 3, "0": 0}.items():
        monkeypatch.setenv("HEATMAT_THREADS", text)
        assert threads_asked() == count
    monkeypatch.setenv("HEATMAT_THREADS", "two")
    with pytest.raises(DeviceError, match="HEATMAT_THREADS"):
        threads_asked()
