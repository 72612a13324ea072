"""Why solweig and HeatMat differ on rasters with trees: its steps, changed one thing at a time.

solweig's rule is followed in NumPy, which gives what solweig gives; then it is asked more often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from heatmat.validation.gothenburg import CELL
from heatmat.validation.outcome import Check, largest
from heatmat.validation.raster_rays import Heights, asked, walked
from heatmat.validation.solweig_engine import Solweig
from heatmat.validation.solweig_rays import patch_directions, pixel_requests, shares

if TYPE_CHECKING:
    from heatmat.validation.solweig_trees import Place

TIMES = (1, 3, 9, 27)
"""How often the rule is asked for each pixel along a ray: solweig's one, then thirds."""
START = 0.01
"""HeatMat's rays start so far above their surface [m]."""
PIXELS = 200
"""Drawn evenly: the mean of differences is known to 0.004."""

TRANSMISSIVITY = 0.03
"""Of a crown, on both sides; solweig's does not depend on the way through it."""
LIGHT_PIXELS = 5_000
"""Of the ground, for the sun: shares are known to 0.4 %."""
MET = 0.95
"""Where less than this share comes through, the sun's ray met a crown or a wall."""

NOTES = (
    "Why roofs differ: their heights here go up and down by whole metres from pixel to pixel, as"
    " a scanned roof's do. From a roof's pixel the next one, a metre higher, begins a metre away;"
    " solweig first asks two metres away. It does so without any trees as well. Its rule, followed"
    " in NumPy, gives its numbers to the last digit; asked more often for each pixel it comes down"
    " to what HeatMat and an exact walk over the pixels, in NumPy too, both find. Between nine and"
    " 27 questions a pixel much of the rest falls away at once: patches at 18 degrees clear a metre"
    " after 3.08 m, and the pixel after the next begins at 3 m. HeatMat's rays start 1 cm above"
    " their roof, which is all but noise of what parts it from the exact walk.",
    "Asked 27 times a pixel the rule meets what HeatMat's rays meet. Sun or shade then still differ"
    " under thin parts of crowns: a touch costs the beam 97 % in the one, its way through leaves in"
    " the other.",
)


def mixed(rng: np.random.Generator, inside: np.ndarray, count: int) -> np.ndarray:
    """`count` of the pixels marked, or all if there are fewer; a mask."""
    some = np.zeros(inside.shape, bool)
    places = np.flatnonzero(inside)
    some.ravel()[rng.choice(places, min(count, places.size), replace=False)] = True
    return some


def sky_steps(
    place: Place, trees: Solweig, bare: Solweig, inside: np.ndarray
) -> tuple[pd.DataFrame, list[Check]]:
    """View factors of pixels drawn from those `inside`: solweig, its rule, HeatMat, an exact walk.

    Parameters
    ----------
    place : Place
    trees, bare : Solweig
        With view factors, on the rasters' own pixels.
    inside : ndarray of bool, shape (rows, columns)
    """
    some = mixed(np.random.default_rng(8), inside, PIXELS)
    row, column = np.nonzero(some)
    towards, share = patch_directions(trees)
    rows, columns = (np.repeat(index, len(towards)) for index in (row, column))
    requests = pixel_requests(place.x[some], place.y[some])
    roof = place.rasters.building[some] > 0.0
    kinds = {"all": np.ones(roof.shape, bool), "ground": ~roof, "roof": roof}
    hidden = 1.0 - TRANSMISSIVITY
    theirs = {
        "trees": (trees.sky_view - hidden * (1.0 - trees.sky_clear))[some],
        "no trees": bare.sky_view[some],
    }
    table: list[dict[str, object]] = []
    found: dict[tuple[str, str, str], float] = {}
    exact: dict[str, list[float]] = {"solweig": [], "walk": []}
    for planted, solver in (("trees", place.solver), ("no trees", place.bare)):
        heights = heights_of(place, planted == "trees")
        through = shares(solver, requests, towards)
        ours = through @ share
        # A crown that is touched is 3 % for solweig.
        alike = np.where(through > MET, through, np.minimum(through, TRANSMISSIVITY)) @ share
        every = solver.sky_view(requests, 512)[0]
        walk, lifted = (
            walked(heights, rows, columns, np.tile(towards, (row.size, 1)), above).reshape(
                row.size, -1
            )
            @ share
            for above in (0.0, START)
        )
        pairs = {
            "solweig, HeatMat in all directions": (theirs[planted], every),
            "solweig, HeatMat": (theirs[planted], ours),
        }
        for times in TIMES if planted == "trees" else (TIMES[0], TIMES[-1]):
            lit, clear = (
                np.array(maps).T
                for maps in zip(
                    *(asked(heights, row, column, d, times) for d in towards), strict=True
                )
            )
            rule = (lit - hidden * ~clear) @ share
            name = f"solweig's rule, {times} a pixel"
            if times == 1:
                pairs["solweig, its rule in NumPy"] = (theirs[planted], rule)
                exact["solweig"].append(largest(np.abs(theirs[planted] - rule)))
            pairs[f"{name}, HeatMat"] = (rule, ours)
            if planted == "trees":
                pairs[f"{name}, HeatMat with its crowns"] = (rule, alike)
        pairs["exact walk in NumPy, HeatMat"] = (walk, ours)
        pairs["exact walk from 1 cm above, HeatMat"] = (lifted, ours)
        exact["walk"].append(float(np.abs(walk - ours).mean()))
        for pair, (a, b) in pairs.items():
            for kind, where in kinds.items():
                difference = (a - b)[where]
                found[planted, pair, kind] = float(difference.mean())
                table.append(
                    {
                        "crowns": planted, "surface": kind, "pair": pair,
                        "pixels": difference.size, "mean difference": float(difference.mean()),
                        "mean abs": float(np.abs(difference).mean()),
                    }
                )  # fmt: skip
    raw = "solweig, HeatMat in all directions"
    taken = found["trees", raw, "all"] - found["no trees", raw, "all"]
    last = f"solweig's rule, {TIMES[-1]} a pixel, HeatMat"
    checks = [
        Check("sky that trees take, all pixels, mean difference", abs(taken), 0.02, ""),
        Check("solweig's rule in NumPy against solweig, largest", max(exact["solweig"]), 0.001, ""),
        Check(f"that rule asked {TIMES[-1]} times a pixel, all pixels, mean difference",
              abs(found["trees", last, "all"]), 0.02, ""),
        Check("the same of roofs", abs(found["trees", last, "roof"]), 0.02, ""),
        Check("an exact walk over the pixels, mean absolute difference", max(exact["walk"]),
              0.005, ""),
    ]  # fmt: skip
    return pd.DataFrame(table), checks


def light_steps(
    place: Place, towards: np.ndarray, ours: np.ndarray, theirs: np.ndarray, ground: np.ndarray
) -> tuple[pd.DataFrame, list[Check]]:
    """Sun or shade of pixels of the ground: solweig, its rule, HeatMat, an exact walk.

    Parameters
    ----------
    place : Place
    towards : ndarray, shape (3,)
        The sun.
    ours, theirs : ndarray, shape (rows, columns)
        HeatMat's share of the beam; whether solweig finds more than half of it.
    ground : ndarray of bool, shape (rows, columns)
    """
    some = mixed(np.random.default_rng(8), ground, LIGHT_PIXELS)
    row, column = np.nonzero(some)
    heights = heights_of(place)
    lit, met = ours[some] > 0.5, ours[some] < MET
    sides = {"solweig": (theirs[some], ~theirs[some])}
    for times in TIMES:
        sunlit, clear = asked(heights, row, column, towards, times)
        sides[f"solweig's rule in NumPy, {times} a pixel"] = (sunlit & clear, ~(sunlit & clear))
    walk = walked(heights, row, column, towards)
    sides["exact walk in NumPy"] = (walk > 0.5, walk < MET)
    table = pd.DataFrame(
        [
            {
                "against HeatMat": name,
                "sun or shade alike [%]": 100.0 * float((bright == lit).mean()),
                "whether the ray meets anything alike [%]": 100.0 * float((dark == met).mean()),
            }
            for name, (bright, dark) in sides.items()
        ]
    )
    often = table.iloc[len(TIMES)]
    checks = [
        Check(f"the worst sun position, solweig's rule asked {TIMES[-1]} times a pixel [%]",
              often["sun or shade alike [%]"], 97.0, "", True),
        Check("an exact walk over the pixels, the same sun [%]",
              table.iloc[-1]["sun or shade alike [%]"], 99.5, "", True),
    ]  # fmt: skip
    return table, checks


def heights_of(place: Place, trees: bool = True) -> Heights:
    """A place's rasters for `raster_rays`."""
    rasters = place.rasters
    none = np.zeros_like(rasters.crown)
    top, base = rasters.crowns if trees else (none, none)
    return Heights(rasters.building, top, base, CELL, TRANSMISSIVITY)
