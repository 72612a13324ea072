"""The house's own rules: size, constants in one place, what imports what, the tests' own guards."""

from __future__ import annotations

import importlib
import io
import socket
import subprocess
import sys
import textwrap
import tokenize
from pathlib import Path

import pytest

import heatmat

pytest_plugins = ["pytester"]

MAX_FILE = 1_100_000
"""Bytes of one tracked file: the embedded district stays under 1 MB, nothing else comes near."""

MAX_TREE = 6 * 2**20
"""Bytes of the tracked tree: it has to travel to machines that take little with them."""

ALONE = [
    "errors", "units", "maps", "case", "conduction", "solver", "kernels", "benchmark", "reference",
]  # fmt: skip
"""Modules (packages: every module in them) that import where no geospatial library is installed."""

ABSENT = ["geopandas", "shapely", "rasterio", "pyproj", "pandas", "pvlib", "pydantic", "osmnx"]

SLOW = ["taichi", "geopandas", "rasterio", "osmnx", "matplotlib", "pandas", "xarray", "scipy"]
"""Libraries that take tenths of seconds to import, each."""


def run_python(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
    )


def tracked_files(root: Path) -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True
    )
    paths = [root / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]  # deleted ones are still listed


def test_tracked_tree_stays_small(root):
    sizes = {path: path.stat().st_size for path in tracked_files(root)}
    assert len(sizes) > 10
    assert not {path for path, size in sizes.items() if size > MAX_FILE}
    assert sum(sizes.values()) < MAX_TREE


def constants_in(path: Path) -> set[str]:
    """Numbers in the code (not the comments or texts) of a file that belong to units.py alone."""
    found = set()
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type != tokenize.NUMBER:
            continue
        try:
            value = float(token.string.replace("_", ""))
        except ValueError:  # hexadecimal and imaginary numbers
            continue
        if value in (273.15, 273.16):
            found.add("zero of the Celsius scale")
        if abs(value / 5.67e-8 - 1.0) < 0.01:
            found.add("Stefan-Boltzmann constant")
    return found


def test_constants_stand_in_one_file(root):
    sources = [path for name in ("heatmat", "data_sources") for path in (root / name).rglob("*.py")]
    holders = {path.relative_to(root).as_posix() for path in sources if constants_in(path)}
    assert holders == {"heatmat/units.py"}


def test_modules_of_the_solver_import_without_geospatial_libraries(root):
    names = []
    for name in ALONE:
        path = root / "heatmat" / name
        names.append(f"heatmat.{name}")
        names += [f"heatmat.{name}.{module.stem}" for module in sorted(path.glob("[a-z]*.py"))]
    done = run_python(
        f"""
        import importlib, sys
        for name in {ABSENT!r}:
            sys.modules[name] = None  # import raises ModuleNotFoundError
        for name in {names!r}:
            importlib.import_module(name)
        """,
        root,
    )
    assert done.returncode == 0, done.stderr


def test_command_line_starts_without_heavy_libraries(root):
    done = run_python(
        f"""
        import sys
        import heatmat.cli
        print(sorted(set({SLOW!r}) & set(sys.modules)))
        """,
        root,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_import_of_the_package_imports_next_to_nothing(root):
    done = run_python(
        "import sys, heatmat; print([m for m in sys.modules if m.startswith('heatmat')])", root
    )
    assert done.stdout.strip() == "['heatmat']", done.stderr


@pytest.mark.parametrize("name", heatmat.__all__)
def test_public_names_are_there(name):
    assert getattr(heatmat, name) is not None


def test_compare_is_the_function_whatever_was_imported_before():
    importlib.import_module("heatmat.comparison")
    assert callable(heatmat.compare)


def test_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Simulatoin'"):
        _ = heatmat.Simulatoin


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80)])
def test_sockets_beyond_loopback_are_blocked(address):
    from sitecustomize import NetworkBlockedError

    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as one, pytest.raises(NetworkBlockedError, match="192|2001"):
        one.connect(address)
    with pytest.raises(NetworkBlockedError, match="looked up 'example.org'"):
        socket.create_connection(("example.org", 80))


def test_loopback_still_works():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(server.getsockname(), timeout=5) as client:
            assert client.getpeername() == server.getsockname()


def test_processes_started_by_tests_are_blocked_too(root):
    done = run_python("import socket; socket.create_connection(('192.0.2.1', 80), 5)", root)
    assert "NetworkBlockedError" in done.stderr


SKIPS = """
import pytest

def test_agreed():
    pytest.skip("shared data not present")

def test_not_agreed():
    pytest.skip("felt like it")

@pytest.mark.skipif(True, reason="some day")
def test_by_mark():
    pass

@pytest.mark.xfail(reason="known fault", strict=True)
def test_known_fault():
    assert False
"""


def test_skip_for_an_unlisted_reason_fails(pytester, root):
    pytester.makeconftest((root / "tests" / "conftest.py").read_text())
    pytester.makepyfile(SKIPS)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    # A mark skips while a test is set up, so pytest counts that one as an error.
    result.assert_outcomes(skipped=1, failed=1, errors=1, xfailed=1)
    result.stdout.fnmatch_lines(
        ["*not on the list*'some day'*", "*not on the list*'felt like it'*"]
    )


def test_module_skipped_for_an_unlisted_reason_fails(pytester, root):
    pytester.makeconftest((root / "tests" / "conftest.py").read_text())
    pytester.makepyfile("import pytest\npytest.importorskip('no_such_module')")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    assert result.ret != pytest.ExitCode.OK
