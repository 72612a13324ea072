"""Geometry: walls that are their footprints', rays that keep out, a north that is true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from heatmat.solver import Solver
from heatmat.validation.leaks import count_leaks
from heatmat.validation.outcome import Check, Outcome, Setting, largest
from heatmat.validation.plans import Plan, plans, put_down, spot, wall_rows, write_relation
from heatmat.validation.turned import roof_rows, rotation_rows, system_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from heatmat.city import City

RAYS = 10_000_000


def study(setting: Setting) -> Outcome:
    """Plans that are hard for maps, a block that is turned, tilted roofs, two projections."""
    quick = setting.quick
    setting.progress("walls and rays of plans that are hard for maps")
    given = plans()
    walls, leaks, city = plan_rows(setting, given, RAYS // 50 if quick else RAYS)
    setting.progress("roofs of 30 degrees")
    roofs = roof_rows(setting)
    checks = [
        Check("exposed area of a facade, largest difference [%]",
              largest(walls["largest difference of a facade [%]"]), 0.5, ""),
        Check("exposed area where there is no wall",
              largest(walls["of no facade [m2]"]), 0.01, "m2"),
        Check(f"rays of {leaks['rays']:,} that leak", leaks["leaks"], 0, ""),
        Check("rays that stop where nothing is", leaks["stopped"], 0, ""),
        Check("beam on roofs of 30 degrees, largest difference [%]",
              largest(roofs["largest difference [%]"]), 1.0, ""),
    ]  # fmt: skip
    tables = [
        ("Exposed wall by plan", walls),
        ("Rays against Embree on the same footprints", pd.DataFrame([leaks])),
        ("Beam absorbed by a roof of 30 degrees against the cosine of its incidence", roofs),
    ]
    if not quick:
        setting.progress("a block turned with sun and wind")
        turned = rotation_rows(setting, 192)
        setting.progress("one block in two projected systems")
        systems = system_rows(setting, 1 << 13)
        checks += [
            Check("block turned by 17, 30, 45 degrees, largest difference of an hour",
                  largest(turned["largest difference [K]"]), 0.1),
            Check("standard error of these differences, largest",
                  largest(turned["standard error [K]"]), 0.02 * np.sqrt(2.0)),
            Check("walls in two projected systems, largest difference of an hour",
                  largest(systems["largest difference [K]"]), 0.1),
        ]  # fmt: skip
        tables += [("The block turned with its sun and its wind", turned),
                   ("Walls of the block in UTM and in an equal-area system", systems)]  # fmt: skip
    return Outcome(
        title="Geometry",
        against="areas from the footprints themselves, Embree on the extruded footprints, and"
        " itself turned, tilted and projected otherwise",
        proves="that walls are where the vector file has them, at any angle, with party walls,"
        " lanes and courts; that nothing leaks; and that sun, wind, roofs and walls share one true"
        " north.",
        does_not_prove="that the vector file has the buildings where they are.",
        checks=checks,
        tables=tables,
        figures=[_figure(city, given)],
        notes=[
            "Each plan stands at its own angle. A wall's true area is length times height less what"
            " an adjoining footprint covers.",
            "Every ray is compared with Embree's hit on the same footprints, one box each. Where"
            " they differ, and from six origins 5 mm aside Embree finds hits on both sides of ours,"
            " the ray grazes an edge or a wall (footprints are snapped to 1 mm); else it leaks or"
            " stops too early.",
            "The turned block has a canopy's wind, so that its roughness is measured anew at every"
            " angle, and standard errors are those of the difference.",
        ],
    )  # fmt: skip


def plan_rows(
    setting: Setting, given: list[Plan], rays: int
) -> tuple[pd.DataFrame, dict[str, int], City]:
    """Wall areas and leaks of all plans, and the court as an OpenStreetMap relation."""
    from heatmat.city import City
    from heatmat.rasterise import maps_from_city
    from heatmat.validation.block import ORIGIN, write_buildings
    from heatmat.validation.radiation import make_case

    x, y = ORIGIN
    reach = spot(len(given) - 1)[1] + 60.0
    extent = (x - 60.0, y - 60.0, x + spot(3)[0] + 60.0, y + reach)
    path = write_buildings(setting.folder / "plans.geojson", *put_down(given))
    city = City.from_file(path, extent=extent, margin=20.0)
    case = make_case(city)
    rows = [wall_rows(case.maps, given)]
    court = next(plan for plan in given if plan.name == "a court by a hole")
    path = write_relation(setting.folder / "court.osm", court.shapes[0], court.heights[0])
    around = (x - 60.0, y - 60.0, x + 60.0, y + 60.0)
    relation = City.from_file(path, extent=around, crs=city.crs.to_string(), margin=20.0)
    same = Plan("a court by an OpenStreetMap relation", court.shapes, court.heights, 0.0)
    rows.append(wall_rows(maps_from_city(relation, 1.0), [same]))
    solver = Solver(case, setting.device)
    leaks = count_leaks(city, solver, rays, setting.seed)
    solver.close()
    return pd.concat(rows, ignore_index=True), leaks, city


def _figure(city: City, given: list[Plan]) -> tuple[str, Figure]:
    """The plans from above."""
    from matplotlib.figure import Figure

    from heatmat.validation.block import ORIGIN

    figure = Figure(figsize=(8, 5.5), layout="constrained")
    axes = figure.subplots()
    for shape, height in zip(city.buildings.geometry, city.buildings["height"], strict=True):
        shade = str(0.85 - 0.04 * float(height))
        for part in getattr(shape, "geoms", [shape]):
            ring = np.array(part.exterior.coords)[:, :2] - ORIGIN
            axes.fill(*ring.T, facecolor=shade, edgecolor="k", lw=0.6)
            for hole in part.interiors:
                inner = np.array(hole.coords)[:, :2] - ORIGIN
                axes.fill(*inner.T, facecolor="w", edgecolor="k", lw=0.6)
    for i, plan in enumerate(given):
        east, north = spot(i)
        axes.annotate(plan.name, (east, north - 28.0), ha="center", fontsize=8)
    axes.set_aspect("equal")
    axes.axis("off")
    return "The plans, darker where higher", figure
