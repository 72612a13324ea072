"""`search`: the best few roofs or facades under a budget; table, footprints, picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.commands.session import Session
from heatmat.commands.study_folder import study_into, write_json, write_table

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import xarray as xr

    from heatmat.rundir import RunDirectory
    from heatmat.scenario import Scenario
    from heatmat.search import Search
    from heatmat.simulation import Simulation

WORDS = {"roof": "roofs", "wall": "facades"}
OF = {"all": "all surfaces", "ground": "the ground", "roof": "roofs", "wall": "walls"}
CHOSEN = "#b6402c"
DECIMALS = {"predicted_k": 6, "measured_k": 6, "measured_standard_error_k": 7}


def search_into(
    session: Session, scenario: Scenario, out: Path, *, starts: int, **wanted: Any
) -> int:
    """Search, and write search.csv, summary.json, buildings.geojson and figures/search.png.

    Parameters
    ----------
    wanted
        As `heatmat.search.best_buildings` takes them.
    """

    def work(simulation: Simulation) -> Callable[[RunDirectory], dict[str, Any]]:
        from heatmat.search import best_buildings

        found = best_buildings(simulation, starts=starts, **wanted)

        def write(folder: RunDirectory) -> dict[str, Any]:
            table = found.table.round(DECIMALS)
            write_table(folder, "search.csv", table)
            summary = summary_of(found, wanted)
            write_json(folder, "summary.json", summary)
            frame = frame_of(simulation)
            buildings = footprints(simulation, frame, table)
            with folder.write("buildings.geojson") as partial:
                # RFC 7946: WGS 84, seven decimals are a centimetre.
                partial.write_text(buildings.to_crs(4326).to_json(drop_id=True), encoding="utf-8")
            draw_search(folder, simulation, frame, buildings, summary)
            session.note(sentence(summary))
            return {"chosen": found.chosen}

        return write

    # A budget without limit is no number that JSON knows.
    limit = wanted["budget"]
    options = {**wanted, "budget": limit if np.isfinite(limit) else None, "starts": starts}
    return study_into(session, scenario, out, "search", options, {}, work)


def summary_of(found: Search, wanted: dict[str, Any]) -> dict[str, Any]:
    """What was asked, what was chosen, and what it does [K]."""
    chosen = found.table[found.table["chosen"]]
    limit = wanted["budget"]
    return {
        **wanted,
        "budget": limit if np.isfinite(limit) else None,
        "chosen": found.chosen,
        "area_m2": round(float(chosen["area_m2"].sum()), 1),
        "cost": round(float(chosen["cost"].sum()), 2),
        "change_together_k": round(found.together_k, 6),
        "change_together_standard_error_k": round(found.together_standard_error_k, 7),
        "change_one_by_one_k": round(found.alone_k, 6),
        "change_predicted_k": round(found.predicted_k, 6),
        "buildings_considered": len(found.table),
        "buildings_measured": int(found.table["measured_k"].notna().sum()),
    }


def sentence(summary: dict[str, Any]) -> str:
    """The answer in a line."""
    return (
        f"{len(summary['chosen'])} {WORDS[summary['surface']]} of {summary['area_m2']:.0f} m2 with "
        f"{summary['property']} {summary['to']:g} change the mean of {OF[summary['objective']]} by "
        f"{summary['change_together_k']:.4f} K (standard error "
        f"{summary['change_together_standard_error_k']:.4f} K): {', '.join(summary['chosen'])}"
    )


def frame_of(simulation: Simulation) -> xr.Dataset:
    """The cells of the extent without anything in them: what pictures are laid out by."""
    import xarray as xr

    from heatmat.map_query import pixel_grid

    x, y = pixel_grid(simulation, simulation.maps.resolution)
    return xr.Dataset(coords={"y": y, "x": x}, attrs={"crs": simulation.maps.crs_wkt})


def footprints(simulation: Simulation, frame: xr.Dataset, table: pd.DataFrame) -> gpd.GeoDataFrame:
    """The buildings of the extent with what the search says of them, in the city's CRS."""
    from heatmat.output.tables import reported_buildings

    shown = reported_buildings(simulation.city, frame)[["building_id", "height", "geometry"]]
    return shown.merge(table, on="building_id", how="left")


def draw_search(
    folder: RunDirectory,
    simulation: Simulation,
    frame: xr.Dataset,
    buildings: gpd.GeoDataFrame,
    summary: dict[str, Any],
) -> Path:
    """Buildings by what 1000 m2 of each would do; the chosen ones outlined and numbered."""
    import shapely

    from heatmat.output import style
    from heatmat.output.picture import convergence, credits, footprint_lines
    from heatmat.output.raster import extent_of
    from heatmat.output.report import number

    extent = extent_of(frame)
    shown = buildings.assign(
        geometry=buildings.intersection(shapely.box(*extent)),
        each=1e6 * buildings["predicted_k"] / buildings["area_m2"],  # mK by 1000 m2
    )
    warms = bool(shown["each"].max() > 0.0)
    most = max(float(shown["each"].abs().max()), 1e-6)
    path = folder.file("figures/search.png")
    path.parent.mkdir(exist_ok=True)
    with style.styled():
        figure, panels = style.map_panels(extent, panel_width=6.6)
        axes = panels[0]
        shown.plot(
            "each", ax=axes, cmap="RdBu_r" if warms else "Blues_r", vmin=-most,
            vmax=most if warms else 0.0, zorder=1, aspect=None, missing_kwds={"color": "#e6e8eb"},
        )  # fmt: skip
        style.bare_map(axes, extent)
        axes.set(xlabel="", ylabel="")
        footprint_lines(axes, buildings, "#00000059", 0.45)
        for rank, name in enumerate(summary["chosen"], 1):
            rows = shown[shown["building_id"] == name]
            footprint_lines(axes, rows, CHOSEN, 1.8)
            for inside in rows.representative_point():
                axes.annotate(
                    str(rank), (inside.x, inside.y), ha="center", va="center", fontsize=8,
                    fontweight="bold", color="white", zorder=5,
                    bbox={"boxstyle": "circle,pad=0.2", "fc": CHOSEN, "lw": 0},
                )  # fmt: skip
        style.scale_and_north(figure, panels, extent, convergence(frame))
        style.side_colour_bar(figure, axes.collections[0], panels, "mK")
        style.heading(
            figure,
            f"{summary['property'].capitalize()} {summary['to']:g}: the best "
            f"{len(summary['chosen'])} {WORDS[summary['surface']]}",
            f"together {number(summary['change_together_k'], 3)} K for the mean of "
            f"{OF[summary['objective']]}; colours: by 1000 m² of each",
        )
        style.footer(figure, credits(simulation.city, frame))
        return style.save_png(figure, path)
