"""Sunlit maps and sky view factors against the solweig package, on one height map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from heatmat.solver import Solver
from heatmat.validation import solweig_box, solweig_engine
from heatmat.validation.outcome import Check, Outcome, Setting, largest, least
from heatmat.validation.radiation import make_case
from heatmat.validation.solweig_engine import Solweig
from heatmat.validation.solweig_heights import CELL, height_map, inside, pixel_city, window
from heatmat.validation.solweig_rays import EVERY, Views, views

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from heatmat.city import City

LOWEST = np.sin(np.radians(3.0))
"""Suns lower than 3 degrees are left out: solweig looks no lower either."""
MARGIN = 100.0
EMBEDDED, EMBEDDED_QUICK = (160.0, 245.0, 300.0), (260.0, 345.0, 60.0)
"""South-west corner from that of the embedded district, and side [m]."""
NOTES = (
    "Both programs get one height map with flat roofs and pixels of a metre. For HeatMat each patch"
    " of equal height is a building with stepped outlines. The pairs of HeatMat with itself show"
    " what such steps cost against the outlines of the vector file: most beside walls, where an"
    " oblique street loses sky to them.",
    "solweig goes from a pixel in steps of about a pixel and asks at each whether it is below a"
    " roof, so it meets a wall up to a step late. Its shadows are short by about a pixel, and it"
    " sees more sky, most of all next to walls: with HeatMat's rays sent to the middles of its own"
    " 153 patches of sky, all that is left has this sign. The patches themselves leave differences"
    " of both. Where each pixel is cut into nine of its height, and solweig's step with it, what"
    " differs on the ground at the old centres shrinks with the step.",
)
FINE, SOME = 3, 6
"""solweig also gets each pixel cut into so many each way, a third of the step it comes late by; at
every sixth sun position, since it takes 27 times as long."""
WHOLE = "solweig, HeatMat on the height map"
PATCHES = "HeatMat: solweig's patches, all directions"
FINER = "solweig on cut pixels, HeatMat on the height map"
PARIS = (452150.0, 5414100.0, 452650.0, 5414450.0)


def missing(setting: Setting) -> str:
    """Why this study cannot run; empty if it can."""
    return solweig_engine.missing(setting)


def study(setting: Setting) -> Outcome:
    """Compare on the embedded district, and on Paris where it is there."""
    python = setting.solweig_python
    assert python is not None  # `missing` has looked
    light, sky, figures = [], [], []
    version = ""
    for name, city in places(setting).items():
        setting.progress(f"height map of {name}")
        heights = height_map(city)
        solver = Solver(make_case(city), setting.device)
        nodes = solver.plan.chunks[0].nodes
        nodes = nodes[nodes[:, 2] > LOWEST][:: 6 if setting.quick else 1]
        setting.progress(f"{name}: solweig")
        theirs = solweig_engine.run(python, setting.folder, heights, CELL, nodes)
        version = theirs.version
        setting.progress(f"{name}: solweig on cut pixels")
        finer = solweig_engine.run_cut(
            python, setting.folder, heights, CELL, nodes[::SOME], FINE, sky=False
        )
        outlines = views(city, solver, nodes, theirs)
        pixels = pixel_city(city, heights)
        ours = views(pixels, Solver(make_case(pixels), setting.device), nodes, theirs)
        cut = inside(city)
        light += light_rows(name, heights[cut], ours, outlines, theirs, finer, cut)
        sky += sky_rows(name, heights[cut], ours, outlines, theirs.sky_view[cut])
        figures.append(figure(name, heights[cut], ours, theirs, cut, nodes))
    setting.progress("a lone box")
    box = solweig_box.shadows(python, setting.folder, setting.device)
    return outcome(pd.DataFrame(light), pd.DataFrame(sky), box, figures, version)


def places(setting: Setting) -> dict[str, City]:
    """Cities with flat roofs, cut out."""
    from heatmat.city import City

    whole = City.embedded()
    east, north, side = EMBEDDED_QUICK if setting.quick else EMBEDDED
    west, south = whole.extent[0] + east, whole.extent[1] + north
    margin = 0.5 * MARGIN if setting.quick else MARGIN
    found = {"Helsinki (embedded)": window(whole, (west, south, west + side, south + side), margin)}
    if setting.paris is not None:
        found["Paris"] = window(City.from_file(setting.paris, extent=PARIS, margin=MARGIN))
    return found


def light_rows(
    name: str,
    heights: np.ndarray,
    ours: Views,
    outlines: Views,
    theirs: Solweig,
    finer: Solweig,
    cut: tuple[slice, slice],
) -> list[dict[str, Any]]:
    """Agreement on sun and shade, of pixels at all sun positions."""
    pairs = {
        WHOLE: (theirs.sunlit[:, *cut], ours.lit),
        FINER: (finer.sunlit[:, *cut], ours.lit[::SOME]),
        "HeatMat on the height map, on outlines": (ours.lit, outlines.lit),
    }
    rows = []
    for kind, where in {"ground": heights == 0.0, "roof": heights > 0.0}.items():
        for pair, (a, b) in pairs.items():
            same = a == b
            near = same | (moved(b, a) & ~same)
            rows.append(
                {
                    "city": name,
                    "surface": kind,
                    "pair": pair,
                    "pixels": int(where.sum()),
                    "sun positions": len(a),
                    "lit, first [%]": 100.0 * float(a[:, where].mean()),
                    "lit, second [%]": 100.0 * float(b[:, where].mean()),
                    "agree [%]": 100.0 * float(same[:, where].mean()),
                    "agree but for one pixel [%]": 100.0 * float(near[:, where].mean()),
                }
            )
    return rows


def moved(maps: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Whether one of the eight pixels around has the wanted value; beyond the rim none has."""
    found = np.zeros(maps.shape, bool)
    rows, columns = maps.shape[-2:]
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            here = np.s_[..., max(i, 0) : rows + min(i, 0), max(j, 0) : columns + min(j, 0)]
            there = np.s_[..., max(-i, 0) : rows + min(-i, 0), max(-j, 0) : columns + min(-j, 0)]
            found[here] |= maps[there] == wanted[here]
    return found


def sky_rows(
    name: str, heights: np.ndarray, ours: Views, outlines: Views, theirs: np.ndarray
) -> list[dict[str, Any]]:
    """Statistics of view factors, and of what the differences are made of."""
    taken = np.isfinite(ours.sky)
    wall = moved(heights > 0.0, np.ones(heights.shape, bool))
    kinds = {
        "ground, a pixel or more from walls": (heights == 0.0) & ~wall,
        "ground, beside a wall": (heights == 0.0) & wall,
        "roof": heights > 0.0,
    }
    pairs = {
        "solweig, HeatMat": (theirs, ours.sky),
        PATCHES: (ours.patches, ours.sky),
        "solweig, HeatMat with its patches": (theirs, ours.patches),
        "HeatMat: on the height map, on outlines": (ours.sky, outlines.sky),
    }
    rows = []
    for kind, where in kinds.items():
        for pair, (a, b) in pairs.items():
            difference = (a - b)[where & taken]
            if not difference.size:
                continue
            rows.append(
                {
                    "city": name,
                    "surface": kind,
                    "pair": pair,
                    "pixels": difference.size,
                    "mean view": float(b[where & taken].mean()),
                    "mean difference": float(difference.mean()),
                    "mean abs": float(np.abs(difference).mean()),
                    "99th percentile": float(np.percentile(np.abs(difference), 99)),
                }
            )
    return rows


def figure(
    name: str,
    heights: np.ndarray,
    ours: Views,
    theirs: Solweig,
    cut: tuple[slice, slice],
    suns: np.ndarray,
) -> tuple[str, Figure]:
    """Sun and shade in mid-morning with the pixels that differ, and the view factors' differences.

    The position is the first with the sun above half its greatest height.
    """
    from matplotlib.figure import Figure

    shown = int(np.argmax(suns[:, 2] > 0.5 * suns[:, 2].max()))
    drawn = Figure(figsize=(11, 5.4), layout="constrained")
    left, right = drawn.subplots(1, 2)
    lit = ours.lit[shown]
    colour = np.where(lit, 0.95, 0.6)[..., None] * np.where(heights > 0.0, 0.75, 1.0)[..., None]
    picture = np.repeat(colour, 3, axis=2)
    solweig = theirs.sunlit[shown][cut]
    picture[lit & ~solweig] = (0.0, 0.45, 0.7)
    picture[~lit & solweig] = (0.84, 0.37, 0.0)
    left.imshow(picture, interpolation="nearest")
    left.set_title("orange: sunlit for solweig alone; blue: for HeatMat alone", fontsize=9)
    difference = (theirs.sky_view[cut] - ours.sky)[::EVERY, ::EVERY]
    image = right.imshow(difference, cmap="RdBu_r", vmin=-0.1, vmax=0.1, interpolation="nearest")
    right.set_title("sky view factor, solweig less HeatMat", fontsize=9)
    drawn.colorbar(image, ax=right, shrink=0.8)
    for axes in (left, right):
        axes.set_xticks([])
        axes.set_yticks([])
    altitude = float(np.degrees(np.arcsin(suns[shown, 2])))
    return (
        f"{name}: one height map, the sun {altitude:.0f} degrees high; roofs are darker",
        drawn,
    )


def outcome(
    light: pd.DataFrame,
    sky: pd.DataFrame,
    box: pd.DataFrame,
    figures: list[tuple[str, Figure]],
    version: str,
) -> Outcome:
    """The page's section."""
    exchanged = light[light["pair"] == WHOLE]
    finer = light[(light["pair"] == FINER) & (light["surface"] == "ground")]
    ground = exchanged[exchanged["surface"] == "ground"]
    places = exchanged.groupby("city")[["pixels", "agree [%]"]]
    every = places.apply(lambda rows: float(np.average(rows["agree [%]"], weights=rows["pixels"])))
    whole = sky[sky["pair"] == "solweig, HeatMat"]
    mean = np.average(whole["mean abs"], weights=whole["pixels"])
    lone = {
        name: 100.0 * float(box[f"{name} [m2]"].sum() / box["exact [m2]"].sum() - 1.0)
        for name in ("solweig", "HeatMat")
    }
    why = (
        f"solweig's shadows are short: {lone['solweig']:.1f} % of a lone box's, whose shadow is"
        f" known, where HeatMat is off by {lone['HeatMat']:.1f} %"
    )
    near = "agree but for one pixel [%]"
    return Outcome(
        title="Sun and sky on a height map",
        against=f"solweig {version} (SOLWEIG of UMEP in Rust, GPL-3.0, in its own process)",
        proves="that sun, shade and sky view of whole maps are those of a program of urban"
        " climatology that others wrote, where both are given the same height map.",
        does_not_prove="anything about walls, trees, terrain or temperatures; solweig's mean"
        " radiant temperature rests on another model and is not compared.",
        checks=[
            Check("pixels that agree on sun or shade [%]", least(every), 99.0, "", True),
            Check("of those on the ground [%]", least(ground["agree [%]"]), 99.0, "", True, why),
            Check("the same where solweig gets its pixels cut into nine [%]",
                  least(finer["agree [%]"]), 99.0, "", True),
            Check("on the ground, shadow edges a pixel apart let pass [%]", least(ground[near]),
                  99.9, "", True),
            Check("shadow of a lone box, HeatMat [% of it]", abs(lone["HeatMat"]), 1.0, ""),
            Check("sky view factor, mean absolute difference", mean, 0.02, ""),
            Check("of which solweig's patches of sky, largest mean",
                  largest(sky.loc[sky["pair"] == PATCHES, "mean difference"].abs()), 0.02, ""),
        ],
        tables=[
            ("Sun or shade of the pixels' centres at the sun positions of a day", light),
            (f"Shadow of a lone box, mean over {solweig_box.AZIMUTHS_DEG.size} azimuths", box),
            ("Sky view factors of the pixels' centres", sky),
        ],
        figures=figures,
        notes=[*NOTES, why[0].upper() + why[1:] + "."],
    )  # fmt: skip
