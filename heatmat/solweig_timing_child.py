"""What the interpreter that has solweig runs: how long it takes over a height map and a day.

Not imported by HeatMat; ``python solweig_timing_child.py IN.npz OUT.json`` needs NumPy and solweig.
"""

from __future__ import annotations

import datetime
import importlib
import importlib.metadata
import json
import sys
import tempfile
import time


def main(given: str, out: str) -> None:
    """Prepare the surface, run the hours, write the seconds of both."""
    import numpy as np

    solweig = importlib.import_module("solweig")
    solweig.disable_gpu()
    with np.load(given) as data:
        heights, cell = data["heights"].astype(np.float32), float(data["cell"])
        stamps = [datetime.datetime.fromisoformat(str(stamp)) for stamp in data["time"]]
        air, ghi, wind = data["air_c"], data["ghi"], data["wind"]
        location = solweig.Location(
            latitude=float(data["latitude"]),
            longitude=float(data["longitude"]),
            utc_offset=float(data["utc_offset"]),
        )
    weather = [
        solweig.Weather(
            datetime=stamps[i], ta=float(air[i]), rh=50.0, global_rad=float(ghi[i]),
            ws=float(max(wind[i], 0.1)),
        )
        for i in range(len(stamps))
    ]  # fmt: skip
    begun = time.process_time(), time.perf_counter()
    surface = solweig.SurfaceData.prepare(dsm=heights, pixel_size=cell)
    ready = time.process_time(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        solweig.calculate(surface, weather, location, output_dir=folder)
    done = time.process_time(), time.perf_counter()
    figures = {
        "version": importlib.metadata.version("solweig"),
        "set_up_cpu_s": ready[0] - begun[0],
        "set_up_wall_s": ready[1] - begun[1],
        "loop_cpu_s": done[0] - ready[0],
        "loop_wall_s": done[1] - ready[1],
    }
    with open(out, "w", encoding="utf-8") as stream:
        json.dump(figures, stream)


if __name__ == "__main__":
    main(*sys.argv[1:])
