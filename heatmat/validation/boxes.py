"""The same boxes for HeatMat: a city file, scenarios and points."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from heatmat.construction import Construction
from heatmat.validation.energyplus_model import LINING, SIDES, Box
from heatmat.validation.toml_text import table

GROUND = "ground_at_air"
"""What EnergyPlus takes the ground for: black, at air temperature, with an albedo of 0.2."""


def write_city(folder: Path, boxes: Sequence[Box], site: tuple[float, float]) -> None:
    """Write `boxes.geojson` and `points.csv` around a site.

    Parameters
    ----------
    folder : Path
    boxes : sequence of Box
        Their plans are in metres of true east and north about the site.
    site : tuple of float
        Longitude and latitude [deg].
    """
    from pyproj import Transformer

    about = f"+proj=tmerc +lat_0={site[1]} +lon_0={site[0]} +ellps=WGS84"
    to_degrees = Transformer.from_crs(about, "EPSG:4326", always_xy=True).transform
    features, points = [], []
    for box in boxes:
        ring = [to_degrees(x, y) for x, y in box.corners()]
        features.append(
            {
                "type": "Feature",
                "properties": {
                    "id": box.name,
                    "height": box.height,
                    "facade": box.wall.name,
                    "roof": box.roof.name,
                },
                "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
            }
        )
        points += [_point(box, side, to_degrees) for side in SIDES]
    (folder / "boxes.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features})
    )
    pd.DataFrame(points).to_csv(folder / "points.csv", index=False)


def _point(box: Box, side: str, to_degrees: Any) -> dict[str, Any]:
    """The middle of a face."""
    if side == "roof":
        lon, lat = to_degrees(*box.centre)
        return {"id": box.surface(side), "surface": "roof", "lon": lon, "lat": lat}
    corners, i = box.corners(), SIDES.index(side)
    (ax, ay), (bx, by) = corners[i], corners[(i + 1) % 4]
    lon, lat = to_degrees(0.5 * (ax + bx), 0.5 * (ay + by))
    return {
        "id": box.surface(side),
        "surface": "wall",
        "lon": lon,
        "lat": lat,
        "z": 0.5 * box.height,
        "azimuth_deg": box.azimuth_deg(side),
    }


def write_scenario(
    path: Path,
    boxes: Sequence[Box],
    *,
    time: Mapping[str, Any],
    physics: Mapping[str, Any],
    epw: Path | None = None,
    ground: str = GROUND,
) -> Path:
    """Write a scenario about the boxes of `write_city`, or about their constructions alone.

    Parameters
    ----------
    path : Path
        Beside `boxes.geojson`.
    boxes : sequence of Box
    time, physics : mapping
        Tables of the scenario file.
    epw : Path, optional
        None writes neither [city] nor [weather], for incident fluxes that are given.
    ground : str
        Construction of all ground.
    """
    lines = ["format = 1"]
    if epw is not None:
        city = {
            "buildings": "boxes.geojson", "resolution_m": 4.0, "margin_m": 60.0,
            "default_ground": ground,
        }  # fmt: skip
        lines += table("city", city) + table("weather", {"epw": str(epw)})
        lines += table("solver", {"target_error_k": 0.03, "max_rays": 4096})
    lines += table("time", time) + table("physics", physics)
    held = {"albedo": 0.2, "emissivity": 1.0, "temperature": "air"}
    lines += table(f"constructions.{GROUND}", held)
    for item in {c.name: c for box in boxes for c in (box.wall, box.roof)}.values():
        lines += _construction(item)
    path.write_text("\n".join(lines) + "\n")
    return path


def _construction(item: Construction) -> list[str]:
    layers = []
    for layer in (*item.layers, LINING):
        if layer.resistance > 0.0:
            layers.append(f"{{ resistance_m2k_w = {layer.resistance} }}")
        else:
            layers.append(
                f"{{ thickness_m = {layer.thickness}, conductivity_w_mk = "
                f"{layer.thermal_conductivity}, density_kg_m3 = {layer.density}, "
                f"specific_heat_j_kgk = {layer.specific_heat} }}"
            )
    entries = {
        "kind": item.kind,
        "albedo": item.albedo,
        "emissivity": item.emissivity,
        "roughness": item.roughness,
    }
    return [*table(f"constructions.{item.name}", entries), f"layers = [{', '.join(layers)}]"]
