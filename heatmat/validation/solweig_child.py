"""What the interpreter that has solweig runs: sunlit maps and sky view factors of a height map.

Not imported by HeatMat. ``python solweig_child.py IN.npz OUT.npz``; needs NumPy and solweig.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
import time

import numpy as np

PATCHES = 2
"""solweig's own choice of sky patches: 153 of them (Wallenberg et al. 2022)."""


def main(given: str, out: str) -> None:
    """Read heights, cell size and sun positions; write what solweig makes of them."""
    rust = importlib.import_module("solweig.rustalgos")
    rust.shadowing.disable_gpu()
    with np.load(given) as data:
        heights = data["heights"].astype(np.float32)
        cell = float(data["cell"])
        suns = np.stack([data["azimuth_deg"], data["altitude_deg"]], axis=1)
    top = float(heights.max())
    nothing = np.zeros_like(heights)
    started = time.process_time()
    sunlit = [
        np.asarray(
            rust.shadowing.calculate_shadows_wall_ht_25(
                float(azimuth), float(altitude), cell, top, heights
            ).bldg_sh
        )
        > 0.5
        for azimuth, altitude in suns
    ]
    light = time.process_time() - started
    sky = rust.skyview.calculate_svf(heights, nothing, nothing, cell, False, top, PATCHES)
    patches = importlib.import_module("solweig.physics.create_patches").create_patches(PATCHES)
    np.savez_compressed(
        out,
        sunlit=np.packbits(np.array(sunlit)),
        sky_view=np.asarray(sky.svf, np.float32),
        patch_altitude_deg=np.ravel(patches[0]),
        patch_azimuth_deg=np.ravel(patches[1]),
        band_edges_deg=np.ravel(patches[2]),
        version=importlib.metadata.version("solweig"),
        seconds=np.array([light, time.process_time() - started - light]),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
