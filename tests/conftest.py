"""What every test gets: no network, a fixed seed, no skip that nobody agreed to."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OFFLINE = ROOT / "tests" / "offline"

# Before anything imports matplotlib or NumPy or starts a process: all read the environment once.
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("MPLCONFIGDIR", tempfile.mkdtemp(prefix="heatmat-tests-matplotlib-"))
# Small eigenvalue problems are slower on many threads than on one, most of all beside kernels.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["HEATMAT_TESTS_OFFLINE"] = "1"
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(OFFLINE), *filter(None, [os.environ.get("PYTHONPATH")])]
)
sys.path.insert(0, str(OFFLINE))

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

# Examples follow from the test itself, not from the clock: a failure is the same on every machine.
settings.register_profile("heatmat", derandomize=True, deadline=None, database=None)
settings.load_profile("heatmat")

SEED = 20230714
"""One seed for every random choice of the tests. A Monte Carlo test asserts in standard errors at
this seed, so it cannot fail by bad luck; to see whether it passes by good luck, change the seed."""

AGREED_SKIPS = ("shared data not present",)
"""The only reasons to skip. Any other fails the run: a test that is never run proves nothing."""


def pytest_configure(config: pytest.Config) -> None:
    import sitecustomize

    # Imported at start-up already, perhaps as another module of this name that the system has.
    if not hasattr(sitecustomize, "switch_on"):
        del sys.modules["sitecustomize"]
        import sitecustomize
    sitecustomize.switch_on()


def _fail_unknown_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip for a reason that is not on the list into a failure."""
    if report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if reason not in AGREED_SKIPS:
        report.outcome = "failed"
        report.longrepr = (
            f"skipped for a reason that is not on the list in tests/conftest.py: {reason!r}"
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_unknown_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_unknown_skip(report)
    return report


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data that lies beside a checkout: too large to be tracked."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("shared data not present")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator at the fixed seed, new for each test."""
    return np.random.default_rng(SEED)
