"""Make the virtual environment .venv, once; make it again when what it depends on changes.

Run from the root of the checkout by ``.ci/setup``, with the standard library alone.
``--check`` only says, by its exit status, whether the environment is ready.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
import subprocess
import sys
import tomllib
from pathlib import Path

ENVIRONMENT = Path(".venv")
CONSTRAINTS = Path(".ci/constraints.txt")
STAMP = ENVIRONMENT / "heatmat-ready"


def fingerprint() -> str:
    """What the environment depends on: dependencies, pins, Python and the folder's own path."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    parts = [
        json.dumps([project["project"], project["build-system"], project["tool"]["hatch"]]),
        CONSTRAINTS.read_text(encoding="utf-8"),
        platform.python_version(),
        str(Path.cwd()),  # an editable install holds absolute paths: a moved checkout starts anew
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def ready() -> bool:
    """Whether the environment was finished for what stands in the checkout now."""
    return STAMP.exists() and STAMP.read_text(encoding="utf-8") == fingerprint()


def obstacle() -> str:
    """One line that says what this interpreter lacks and what to do; empty if nothing."""
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return (
            f"{sys.executable} cannot make virtual environments (no module "
            f"{' and '.join(missing)}); on Debian or Ubuntu: sudo apt install "
            f"python{version}-venv, or name another Python: make PYTHON=/path/to/python3.11 ..."
        )
    if sys.platform == "linux" and platform.machine() not in ("x86_64", "AMD64"):
        return (
            f"Taichi has no wheels for Linux on {platform.machine()}; "
            "use an x86-64 machine, macOS or Windows"
        )
    return ""


def make() -> None:
    """Create the environment and install the package into it, editable, with its test tools."""
    print(
        f"heatmat: setting up .venv with Python {platform.python_version()} "
        "(once; a minute or two) ...",
        file=sys.stderr,
        flush=True,
    )
    if subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)]).returncode:
        sys.exit(
            "heatmat: could not make .venv (see above); on Debian or Ubuntu python3-venv may be "
            "missing: sudo apt install python3-venv"
        )
    pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    # Twice quiet: only errors are shown.
    install = [*pip, "install", "-qq", "--constraint", str(CONSTRAINTS), "--editable"]
    install += [".[dev,validation,vlm]"]  # what tests compare with is not skipped
    if subprocess.run(install).returncode:
        sys.exit(
            "heatmat: pip could not install the dependencies (its reason is above); check the "
            "network or the proxy, then run the same command again"
        )
    STAMP.write_text(fingerprint(), encoding="utf-8")


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(0 if ready() else 1)
    if not ready():
        if problem := obstacle():
            sys.exit(f"heatmat: {problem}")
        make()
