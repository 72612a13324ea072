"""Shadows and sky of a wooded city against the solweig package, on the same rasters."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from heatmat.solver import Solver
from heatmat.validation import gothenburg, solweig_engine, solweig_tree_steps
from heatmat.validation.gothenburg import CELL, Rasters
from heatmat.validation.outcome import Check, Outcome, Setting, least
from heatmat.validation.solweig_engine import Solweig
from heatmat.validation.solweig_maps import moved
from heatmat.validation.solweig_rays import patch_directions, pixel_requests, shares
from heatmat.validation.solweig_tree_steps import MET, TRANSMISSIVITY, light_steps, sky_steps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AZIMUTHS_DEG = (60.0, 95.0, 140.0, 180.0, 225.0, 265.0, 295.0)
ALTITUDES_DEG = (15.0, 30.0, 48.0, 56.0, 45.0, 28.0, 15.0)
"""A day of late July there, azimuths on the grid."""
FINE = 3
"""solweig also gets each pixel cut into so many each way: a third of the step it comes late by."""
RIM = 50
"""Pixels along the border that are left out: half of their surroundings is not there."""
VIEW_WINDOW = (280, 400, 160)
"""Row, column and size of the square for view factors on cut pixels: blocks and rows of trees."""
QUICK_WINDOW = (330, 430, 60)
EVERY, RAYS = 3, 512
"""View factors at every third pixel, each of so many rays (0.005 of noise)."""

NOTES = (
    "Both programs get the rasters' heights above ground, buildings in whole metres, and crowns"
    " from a quarter of their top. For HeatMat each patch of equal height is a building with"
    " stepped outlines. A pixel counts as sunlit where more than half of the beam reaches its"
    " centre.",
    "solweig asks in steps of about a pixel whether a ray is below a roof or within a crown, and"
    " the first step is a pixel long: it comes late by up to a step, most of all along diagonals."
    " Pixels cut into three each way, of which the middle one has the old centre, cut that to a"
    " third. What is then left lies in the crowns: for solweig a ray that touches one loses 97 %,"
    " for HeatMat what its way through the leaves takes. Counted by whether the ray meets anything"
    " at all, both agree best.",
)


def missing(setting: Setting) -> str:
    """Why this study cannot run; empty if it can."""
    return solweig_engine.missing(setting)


@dataclass
class Place:
    """One raster as both programs see it.

    Attributes
    ----------
    rasters : Rasters
    solver, bare : Solver
        HeatMat with and without the crowns.
    x, y : ndarray, shape (rows, columns)
        The pixels' centres [m, the maps' own].
    """

    rasters: Rasters
    solver: Solver
    bare: Solver
    x: np.ndarray
    y: np.ndarray

    @classmethod
    def build(cls, rasters: Rasters, folder: Path, device: str) -> Place:
        """HeatMat's side of a place."""
        case = gothenburg.simulation(rasters, folder).case
        none = np.zeros((0, 0), np.float32)
        cut = dataclasses.replace(case.maps, crown_top=none, crown_base=none, crown_density=none)
        x, y = (v - o for v, o in zip(rasters.centres(), case.maps.origin, strict=True))
        bare = dataclasses.replace(case, maps=cut)
        return cls(rasters, Solver(case, device), Solver(bare, device), x, y)

    def shares(self, directions: np.ndarray, *, trees: bool = True) -> np.ndarray:
        """Share of a beam from each direction at the centres, (directions, rows, columns)."""
        solver = self.solver if trees else self.bare
        requests = pixel_requests(self.x.ravel(), self.y.ravel())
        return shares(solver, requests, directions).T.reshape(-1, *self.x.shape)

    def close(self) -> None:
        """Let go of the device arrays."""
        self.solver.close()
        self.bare.close()


def suns() -> np.ndarray:
    """Directions towards the sun, shape (positions, 3): east, north, up."""
    azimuth, altitude = np.radians(AZIMUTHS_DEG), np.radians(ALTITUDES_DEG)
    flat = np.cos(altitude)
    return np.column_stack([flat * np.sin(azimuth), flat * np.cos(azimuth), np.sin(altitude)])


def their_side(setting: Setting, rasters: Rasters, times: int, sky: bool) -> Solweig:
    """What solweig makes of pixels cut into `times` each way, at the old centres."""
    python = setting.solweig_python
    assert python is not None  # `missing` has looked
    return solweig_engine.run_cut(
        python, setting.folder, rasters.building, CELL, suns(), times,
        crowns=rasters.crowns, sky=sky,
    )  # fmt: skip


def ask_solweig(
    setting: Setting, pool: ThreadPoolExecutor, whole: Rasters, part: Rasters | None
) -> dict[str, Future[Solweig]]:
    """All that solweig is asked, one after the other, beside what HeatMat does."""
    python = setting.solweig_python
    assert python is not None  # `missing` has looked
    asked = {
        "whole": pool.submit(their_side, setting, whole, 1, True),
        "cut": pool.submit(their_side, setting, whole, FINE, setting.quick),
        "treeless": pool.submit(
            solweig_engine.run, python, setting.folder, whole.building, CELL, suns()[:1]
        ),
    }
    if part is not None:
        asked["part"] = pool.submit(their_side, setting, part, FINE, True)
    return asked


def theirs_through(found: Solweig) -> np.ndarray:
    """Share of the beam that solweig lets reach each pixel, (positions, rows, columns)."""
    through: np.ndarray = found.sunlit * np.where(found.clear, 1.0, TRANSMISSIVITY)
    return through


def theirs_sky(found: Solweig) -> np.ndarray:
    """Sky view factor behind trees as solweig has it."""
    return found.sky_view - (1.0 - TRANSMISSIVITY) * (1.0 - found.sky_clear)


def light_table(
    ground: np.ndarray,
    ours: np.ndarray,
    bare: np.ndarray,
    whole: Solweig,
    cut: Solweig,
) -> pd.DataFrame:
    """Agreement of the ground's pixels, a row for each sun position.

    Parameters
    ----------
    ground : ndarray of bool, shape (rows, columns)
        Pixels that count.
    ours, bare : ndarray, shape (positions, rows, columns)
        HeatMat's shares of the beam with and without crowns.
    whole, cut : Solweig
        On the rasters' own pixels, and on cut ones.
    """
    rows = []
    for i, (azimuth, altitude) in enumerate(zip(AZIMUTHS_DEG, ALTITUDES_DEG, strict=True)):
        theirs, fine = theirs_through(whole)[i], theirs_through(cut)[i]
        lit, fine_lit = ours[i] > 0.5, fine > 0.5
        same = lit == fine_lit
        near = same | (moved(fine_lit, lit) & ~same)

        # Where crowns decide between sun and shade, on either side.
        decided = ground & ((lit != (bare[i] > 0.5)) | (fine_lit != cut.sunlit[i]))

        def percent(values: np.ndarray) -> float:
            return 100.0 * float(values[ground].mean())

        rows.append(
            {
                "sun's azimuth, altitude [deg]": f"{azimuth:.0f}, {altitude:.0f}",
                "no trees [%]": percent((bare[i] > 0.5) == whole.sunlit[i]),
                "no trees, cut pixels [%]": percent((bare[i] > 0.5) == cut.sunlit[i]),
                "trees [%]": percent(lit == (theirs > 0.5)),
                "trees, cut pixels [%]": percent(same),
                "of those that trees decide [%]": 100.0 * float(same[decided].mean()),
                "but for one pixel [%]": percent(near),
                "met at all, cut pixels [%]": percent((ours[i] > MET) == fine_lit),
                "mean abs of the share": float(np.abs(ours[i] - fine)[ground].mean()),
                "lit, HeatMat [%]": percent(lit),
                "lit, solweig [%]": percent(fine_lit),
            }
        )
    return pd.DataFrame(rows)


def view_rows(name: str, place: Place, found: Solweig, rim: int) -> list[dict[str, object]]:
    """Statistics of view factors, at every third pixel that is not in the rim."""
    rasters = place.rasters
    rows, columns = place.x.shape
    some = np.zeros((rows, columns), bool)
    some[rim : rows - rim : EVERY, rim : columns - rim : EVERY] = True
    few = pixel_requests(place.x[some], place.y[some])
    ours = place.solver.sky_view(few, RAYS)[0]
    towards, share = patch_directions(found)
    through = shares(place.solver, few, towards)
    patches = through @ share
    touched = np.where(through > MET, through, np.minimum(through, TRANSMISSIVITY)) @ share
    theirs = theirs_sky(found)[some]
    building, crown = rasters.building[some], rasters.crown[some]
    kinds = {
        "all": np.ones(building.shape, bool),
        "ground": building == 0.0,
        "ground under crowns": (building == 0.0) & (crown > 0.0),
        "roof": building > 0.0,
        "roof, a crown's column on it": (building > 0.0) & (crown > 0.0),
        "roof, none on it": (building > 0.0) & (crown == 0.0),
    }
    pairs = {
        "solweig, HeatMat": (theirs, ours),
        "HeatMat: solweig's patches, all directions": (patches, ours),
        "HeatMat with patches: a crown touched is 3 %, exponential": (touched, patches),
        "solweig, HeatMat with its patches and its crowns": (theirs, touched),
    }
    table: list[dict[str, object]] = []
    for kind, where in kinds.items():
        for pair, (a, b) in pairs.items():
            difference = (a - b)[where]
            if difference.size:
                table.append(
                    {
                        "place": name,
                        "surface": kind,
                        "pair": pair,
                        "pixels": difference.size,
                        "mean view": float(b[where].mean()),
                        "mean difference": float(difference.mean()),
                        "mean abs": float(np.abs(difference).mean()),
                    }
                )
    return table


def figure(rasters: Rasters, ours: np.ndarray, cut: Solweig, shown: int) -> tuple[str, Figure]:
    """Sun and shade on a part, and the pixels on which both differ."""
    from matplotlib.figure import Figure

    row, column, size = VIEW_WINDOW
    rows = len(rasters.building)
    part = np.s_[row : row + size, column : column + size] if rows > row + size else np.s_[:, :]
    lit, theirs = (ours[shown] > 0.5)[part], (theirs_through(cut)[shown] > 0.5)[part]
    crown, building = (rasters.crown > 0.0)[part], (rasters.building > 0.0)[part]
    grey = np.where(lit, 0.95, 0.6) * np.where(building, 0.75, 1.0)
    picture = np.repeat(grey[..., None], 3, axis=2)
    picture[crown] *= (0.72, 0.95, 0.72)
    picture[lit & ~theirs] = (0.0, 0.45, 0.7)
    picture[~lit & theirs] = (0.84, 0.37, 0.0)
    drawn = Figure(figsize=(7.5, 7.5), layout="constrained")
    axes = drawn.subplots()
    axes.imshow(picture, interpolation="nearest")
    axes.set_title("orange: sunlit for solweig alone; blue: for HeatMat alone", fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])
    caption = (
        f"Gothenburg, {size * CELL:.0f} m, the sun {ALTITUDES_DEG[shown]:.0f} degrees high, solweig"
        " on cut pixels; roofs are darker, crowns green"
    )
    return caption, drawn


def study(setting: Setting) -> Outcome:
    """Compare shadows over the whole rasters, view factors over them and, finer, over a part."""
    assert setting.data is not None and setting.solweig_python is not None  # `missing` has looked
    whole = gothenburg.read(setting.data)
    if setting.quick:
        whole = whole.window(*QUICK_WINDOW)
    rim = 10 if setting.quick else RIM
    part = None if setting.quick else whole.window(*VIEW_WINDOW)
    with ThreadPoolExecutor(1) as pool:  # solweig is a process of its own
        asked = ask_solweig(setting, pool, whole, part)
        setting.progress("Gothenburg: HeatMat, while solweig runs")
        place = Place.build(whole, setting.folder / "whole", setting.device)
        ours, bare = place.shares(suns()), place.shares(suns(), trees=False)
        theirs, cut = asked["whole"].result(), asked["cut"].result()
        inner = np.zeros(whole.building.shape, bool)
        inner[rim:-rim, rim:-rim] = True
        ground = inner & (whole.building == 0.0)
        light = light_table(ground, ours, bare, theirs, cut)
        views = view_rows("all of it", place, theirs, rim)
        setting.progress("Gothenburg: solweig's rule in NumPy")
        worst = int(light["trees [%]"].argmin())
        brightest = theirs_through(theirs)[worst] > 0.5
        steps = [
            sky_steps(place, theirs, asked["treeless"].result(), inner),
            light_steps(place, suns()[worst], ours[worst], brightest, ground),
        ]
        place.close()
        if part is not None:
            setting.progress("Gothenburg: view factors on cut pixels")
            place = Place.build(part, setting.folder / "part", setting.device)
            views += view_rows("a built-up part, cut pixels", place, asked["part"].result(), 0)
            place.close()
    drawn = figure(whole, ours, cut, AZIMUTHS_DEG.index(225.0))
    shape = inner[rim:-rim, rim:-rim].shape
    page = outcome(light, pd.DataFrame(views), drawn, theirs.version, shape)
    captions = (
        f"Sky view factors at {solweig_tree_steps.PIXELS} pixels drawn evenly, solweig's 153"
        " directions, one thing changed at a time",
        "Sun or shade of the ground, the sun at azimuth"
        f" {AZIMUTHS_DEG[worst]:.0f}, altitude {ALTITUDES_DEG[worst]:.0f} degrees",
    )
    for caption, (table, checks) in zip(captions, steps, strict=True):
        page.tables.append((caption, table))
        page.checks.extend(checks)
    return page


def outcome(
    light: pd.DataFrame,
    views: pd.DataFrame,
    drawn: tuple[str, Figure],
    version: str,
    shape: tuple[int, int],
) -> Outcome:
    """The page's section."""
    ground = views[(views["pair"] == "solweig, HeatMat") & (views["surface"] == "ground")]
    finest = ground.iloc[-1]
    every = views[(views["pair"] == "solweig, HeatMat") & (views["surface"] == "all")]
    met = light["met at all, cut pixels [%]"]
    rows, columns = shape
    return Outcome(
        title="Trees: shadows and sky on rasters",
        against=f"solweig {version} (SOLWEIG of UMEP in Rust, GPL-3.0, in its own process)",
        proves="that crowns from a canopy raster shade the ground, and hide its sky, as in a"
        " program of urban climatology that others wrote.",
        does_not_prove="anything about leaves' own heat and water, walls, sloping ground, or how"
        " well either knows a real tree.",
        checks=[
            Check("shadows with trees, mean of the sun positions [%]", light["trees [%]"].mean(),
                  97.0, "", True),
            Check("the same, worst sun position [%]", least(light["trees [%]"]), 97.0, "", True,
                  "solweig comes late by up to a step, most along diagonals: rows below"),
            Check("the same with cut pixels, worst sun position [%]",
                  least(light["trees, cut pixels [%]"]), 97.0, "", True),
            Check("whether the sun's ray meets anything, cut pixels, worst [%]", least(met), 97.0,
                  "", True),
            Check("sky view factor with trees, mean difference on the ground",
                  float(ground["mean difference"].abs().max()), 0.02, ""),
            Check("the same on cut pixels, mean absolute difference", finest["mean abs"], 0.02, ""),
            Check("the same of all pixels, roofs too, mean difference",
                  float(every["mean difference"].abs().max()), 0.02, "",
                  note="roofs, without any trees as well: solweig's steps, see below"),
        ],
        tables=[
            (f"Sun or shade of the ground's pixels, central Gothenburg, {rows} x {columns} pixels"
             f" of {CELL:g} m: agreement", light),
            ("Sky view factors of the pixels' centres", views),
        ],
        figures=[drawn],
        notes=[*NOTES, *solweig_tree_steps.NOTES],
    )  # fmt: skip
