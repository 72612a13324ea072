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

CROWNS = ("crown_top", "crown_base")


def main(given: str, out: str) -> None:
    """Read heights, cell size and sun positions; write what solweig makes of them.

    With ``crown_top`` and ``crown_base`` there are trees; with ``sky`` 0 no view factors.
    """
    rust = importlib.import_module("solweig.rustalgos")
    rust.shadowing.disable_gpu()
    with np.load(given) as data:
        heights = data["heights"].astype(np.float32)
        cell = float(data["cell"])
        suns = np.stack([data["azimuth_deg"], data["altitude_deg"]], axis=1)
        crowns = [data[name].astype(np.float32) for name in CROWNS if name in data]
        wanted = bool(data["sky"])
    top = float(max(layer.max() for layer in [heights, *crowns]))
    nothing = np.zeros_like(heights)
    canopy = crowns or [nothing, nothing]
    bushes = [nothing] if crowns else []
    started = time.process_time()
    found = [
        rust.shadowing.calculate_shadows_wall_ht_25(
            float(azimuth), float(altitude), cell, top, heights, *crowns, *bushes
        )
        for azimuth, altitude in suns
    ]
    sunlit = [np.asarray(one.bldg_sh) > 0.5 for one in found]
    clear = [np.asarray(one.veg_sh) > 0.5 for one in found] if crowns else []
    light = time.process_time() - started
    sky, sky_clear = nothing[:0], nothing[:0]
    if wanted:
        views = rust.skyview.calculate_svf(heights, *canopy, cell, bool(crowns), top, PATCHES)
        sky = np.asarray(views.svf, np.float32)
        sky_clear = np.asarray(views.svf_veg, np.float32) if crowns else sky_clear
    patches = importlib.import_module("solweig.physics.create_patches").create_patches(PATCHES)
    np.savez_compressed(
        out,
        sunlit=np.packbits(np.array(sunlit)),
        clear=np.packbits(np.array(clear, bool)),
        sky_view=sky,
        sky_clear=sky_clear,
        patch_altitude_deg=np.ravel(patches[0]),
        patch_azimuth_deg=np.ravel(patches[1]),
        band_edges_deg=np.ravel(patches[2]),
        version=importlib.metadata.version("solweig"),
        seconds=np.array([light, time.process_time() - started - light]),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
