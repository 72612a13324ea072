"""Kernels keep to what CPU, CUDA, Vulkan and Metal share."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Metal has no 64-bit floats; the others are CUDA's alone or fail on some back end (a real function
# with arrays ends the process on the CPU).
FORBIDDEN = {
    "f64", "i64", "u64", "f16", "float64", "int64", "uint64", "double", "simt", "cuda", "real_func",
    "SharedArray", "warp", "shfl", "block_dim", "pyfunc", "i16", "u16",
}  # fmt: skip


def offences(source: str) -> list[str]:
    """Names in a source that some back end lacks, with their lines."""
    found = []
    for node in ast.walk(ast.parse(source)):
        name = ""
        if isinstance(node, ast.Attribute):
            name = node.attr
        elif isinstance(node, ast.Name):
            name = node.id
        elif isinstance(node, ast.alias):
            name = node.name.rsplit(".", maxsplit=1)[-1]
        elif isinstance(node, ast.keyword) and node.arg:
            name = node.arg
        if name in FORBIDDEN:
            found.append(f"{name} in line {getattr(node, 'lineno', 0)}")
    return found


def decorated(source: str) -> bool:
    """Whether a source defines kernels or device functions."""
    return "@ti." in source and any(
        isinstance(mark, ast.Attribute) and mark.attr in ("kernel", "func", "real_func")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        for mark in node.decorator_list
    )


def sources() -> list[Path]:
    return [
        path
        for package in ("heatmat", "data_sources")
        for path in sorted((ROOT / package).rglob("*.py"))
        if decorated(path.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.stem)
def test_no_kernel_uses_what_a_back_end_lacks(path: Path) -> None:
    assert not offences(path.read_text(encoding="utf-8"))


def test_the_search_reaches_the_kernels() -> None:
    assert {"heightfield", "edges", "paths", "wall", "march"} <= {path.stem for path in sources()}


def test_the_search_finds_what_it_looks_for() -> None:
    assert offences("x = ti.cast(1, ti.f64)") == ["f64 in line 1"]
    assert offences("from taichi.lang import simt")
    assert offences("ti.loop_config(block_dim=64)")
    assert not offences("x = ti.cast(1, ti.f32)")


def test_the_process_computes_in_single_precision() -> None:
    from heatmat.runtime import ensure_device, ti

    ensure_device("cpu")
    config = ti.lang.impl.current_cfg()
    assert config.default_fp == ti.f32 and config.default_ip == ti.i32
