"""Peak memory of this process, of its life or since a mark."""

from __future__ import annotations

import sys
from contextlib import suppress


def peak_memory() -> int:
    """Largest resident size of this process since `reset_peak_memory`, or of its life [bytes].

    Linux tells since the mark (VmHWM), macOS and other systems of the whole life; 0 on Windows.
    """
    with suppress(OSError), open("/proc/self/status", encoding="ascii") as stream:
        for line in stream:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024


def reset_peak_memory() -> bool:
    """Set the mark of `peak_memory` to now; whether the system can (Linux alone)."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as stream:
            stream.write("5")
    except OSError:
        return False
    return True
