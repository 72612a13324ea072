"""Labels follow interventions."""

import dataclasses

import pytest

from heatmat.output.labels import dominant, relabelled
from heatmat.rasterise import maps_from_city
from tests.output_case import make_city


@dataclasses.dataclass(frozen=True)
class Town:
    """City's fields, so that the labels can be replaced."""

    buildings: object
    ground: object
    extent: tuple
    margin: float
    crs: object
    default_facade: str
    default_roof: str
    default_ground: str
    trees: object
    counts: dict
    attribution: str


@pytest.fixture(scope="module")
def town():
    city = Town(**vars(make_city()))
    return city, maps_from_city(city, 2.0)


def test_labels_unchanged_come_back_as_they_were(town):
    city, maps = town
    again = relabelled(city, maps, ground=True)
    assert again.buildings["roof_construction"].tolist() == (
        city.buildings["roof_construction"].tolist()
    )
    for old, new in zip(
        city.buildings["facade_composition"], again.buildings["facade_composition"], strict=True
    ):
        assert dict(new) == pytest.approx(dict(old))
    grass = again.ground[again.ground["construction"] == "grass"]
    park = city.ground.geometry.iloc[0]
    # cells of 1 m along a park of 60 m
    assert grass.geometry.union_all().intersection(park).area == pytest.approx(park.area, rel=0.05)


def test_labels_follow_the_maps(town):
    city, maps = town
    name = maps.building_ids[0]
    compositions = [*maps.compositions, (("green_roof", 1.0),), (("wood_wall", 1.0),)]
    roofs, facades = maps.region_composition.copy(), maps.facade_composition.copy()
    roofs[maps.region_building == 0] = len(compositions) - 2
    facades[maps.facade_building == 0] = len(compositions) - 1
    changed = dataclasses.replace(
        maps, compositions=compositions, region_composition=roofs, facade_composition=facades
    )
    again = relabelled(city, changed, ground=False).buildings.set_index("building_id")
    before = city.buildings.set_index("building_id")
    assert again.loc[name, "roof_construction"] == "green_roof"
    assert dominant(again.loc[name, "facade_composition"]) == "wood_wall"
    others = [other for other in maps.building_ids if other != name]
    assert (
        again.loc[others, "roof_construction"].tolist()
        == before.loc[others, "roof_construction"].tolist()
    )
