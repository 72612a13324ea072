"""Crowns of trees from what OpenStreetMap says of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from data_sources.trees import crowns, leaves, write_trees
from heatmat.city import City

CRS = "EPSG:32631"


def table(*items: tuple[Any, dict[str, str]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "tree_id": [f"node/{i}" for i in range(len(items))],
            "tags": [{"natural": "tree", **tags} for _, tags in items],
        },
        geometry=[shape for shape, _ in items],
        crs=CRS,
    )


@pytest.mark.parametrize(
    ("tags", "height", "crown", "source"),
    [
        ({"height": "14", "diameter_crown": "8 m"}, 14.0, 8.0, "tagged"),
        ({"height": "12", "circumference": "1.2"}, 12.0, 25.0 * 1.2 / math.pi, "trunk"),
        ({"circumference": "120"}, 25.0 * 1.2 / math.pi / 0.75, 25.0 * 1.2 / math.pi, "trunk"),
        ({"height": "15"}, 15.0, 11.25, "height"),
        ({"height": "15", "leaf_type": "needleleaved"}, 15.0, 6.0, "height"),
        ({"diameter_crown": "7"}, 7.0 / 0.75, 7.0, "crown"),
        ({"height": "300"}, 10.0, 7.5, "assumed"),
        ({"height": "tall"}, 10.0, 7.5, "assumed"),
        ({}, 10.0, 7.5, "assumed"),
    ],
)
def test_sizes_by_rule(tags: dict[str, str], height: float, crown: float, source: str) -> None:
    found, counts = crowns(table((shapely.Point(0, 0), tags)))
    row = found.iloc[0]
    assert (row.height_m, row.crown_diameter_m) == pytest.approx((height, crown), abs=0.006)
    assert row.crown_base_m == pytest.approx(0.25 * height, abs=0.006)
    assert row.size_source == source and counts[f"tree_size_{source}"] == 1
    assert counts.get("tree_tags_not_usable", 0) == (tags.get("height") in ("300", "tall"))


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"genus": "Pinus"}, ("needleleaved", "evergreen")),
        ({"species": "Larix decidua"}, ("needleleaved", "deciduous")),
        ({"taxon": "Olea europaea"}, ("broadleaved", "evergreen")),
        ({"genus": "Platanus"}, ("broadleaved", "deciduous")),
        (
            {"leaf_type": "broadleaved", "leaf_cycle": "semi_evergreen"},
            ("broadleaved", "evergreen"),
        ),
        ({"leaf_type": "leafless"}, ("broadleaved", "deciduous")),
    ],
)
def test_leaves(tags: dict[str, str], kind: tuple[str, str]) -> None:
    assert leaves(tags) == kind


def test_rows_become_trees_unless_drawn_too() -> None:
    row = shapely.LineString([(0, 0), (40, 0)])
    found, counts = crowns(
        table((row, {"natural": "tree_row", "height": "9"}), (shapely.Point(20, 2), {}))
    )
    along = sorted(found[found["size_source"] == "height"].geometry.x)
    assert along == pytest.approx([4.0, 12.0, 28.0, 36.0])
    assert counts["trees_from_rows"] == 4 and counts["tree_in_row_drawn_too"] == 1
    assert found["tree_id"].is_unique and counts["trees_placed"] == 5


def test_crowns_end_at_walls(tmp_path: Path) -> None:
    house = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 10, 10)], crs=CRS)
    points = [
        shapely.Point(12, 5),
        shapely.Point(5, 5),
        shapely.Point(40, 5),
        shapely.Point(10.1, 5),
    ]
    found, counts = crowns(table(*[(point, {}) for point in points]), house)
    assert found["crown_diameter_m"].tolist() == pytest.approx([4.0, 7.5, 1.0])
    assert counts["trees_inside_buildings"] == 1 and counts["crowns_cut_at_walls"] == 2
    again = gpd.read_file(write_trees(found, tmp_path / "trees.gpkg"))
    assert again["height_m"].tolist() == found["height_m"].tolist()
    assert [p.name for p in tmp_path.iterdir()] == ["trees.gpkg"]


def test_the_trees_of_paris(shared_data: Path) -> None:
    city = City.from_file(shared_data / "osm_paris" / "paris_9e10e.osm")
    assert city.trees is not None
    found, counts = crowns(city.trees, city.buildings)
    left_out = counts["trees_inside_buildings"]
    assert counts["trees_placed"] == len(found) > 200
    placed = counts["trees_single"] + counts.get("trees_from_rows", 0)
    assert placed == len(found) + left_out
    assert counts["tree_size_trunk"] == 12  # the trees that have a circumference
    assert found["crown_diameter_m"].between(1.0, 40.0).all()
