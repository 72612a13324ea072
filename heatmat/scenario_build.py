"""From a checked scenario to the heavy objects: city, weather, physics."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from heatmat.errors import InputError
from heatmat.units import to_kelvin

if TYPE_CHECKING:
    from heatmat.city import City
    from heatmat.crown_rasters import Trees
    from heatmat.physics import PhysicsOptions
    from heatmat.scenario import Scenario
    from heatmat.scenario_schema import CityTrees
    from heatmat.weather import Weather


def build_city(scenario: Scenario) -> City:
    """The city of [city]: a vector file, or the embedded district."""
    from heatmat.city import City
    from heatmat.land_cover import check_raster, with_land_cover
    from heatmat.library import find_construction

    table = scenario.tables.city
    assert table is not None
    if table.embedded:
        e = table.extent
        part = (e[0], e[1], e[2], e[3]) if e is not None else None
        city = City.embedded(part, table.margin_m)
        if table.trees is not None:
            city = dataclasses.replace(city, crowns=_trees(table.trees))
        return city
    for key, path in (
        ("terrain", table.terrain),
        ("trees.top", table.trees.top if table.trees is not None else None),
    ):
        if path is not None:
            check_raster(path, where=f"city.{key}")
    assert table.buildings is not None  # the checks have seen to it
    city = City.from_file(
        table.buildings,
        extent=tuple(table.extent) if table.extent is not None else None,
        crs=table.crs,
        margin=table.margin_m,
        attributes=table.attributes.model_dump(by_alias=True, exclude_none=True) or None,
        ground=table.ground,
        default_facade=table.default_facade,
        default_roof=table.default_roof,
        default_ground=table.default_ground,
    )
    if table.land_cover is not None:
        legend = {int(key): name for key, name in table.land_cover_legend.items()}
        city = with_land_cover(city, table.land_cover, legend)
    if table.trees is not None:
        city = dataclasses.replace(city, crowns=_trees(table.trees))
    if table.terrain is not None:
        city = dataclasses.replace(city, terrain=table.terrain)
    known = scenario.constructions()
    for name, named_by in city.constructions().items():
        find_construction(name, known, where=f"{table.buildings}: {named_by}")
    return city


def _trees(table: CityTrees) -> Trees:
    """[city.trees] as `City` keeps it."""
    from heatmat.crown_rasters import Trees

    return Trees(
        top=table.top,
        base_fraction=table.base_fraction,
        transmissivity=(table.transmissivity_summer, table.transmissivity_winter),
        leaf_on=(table.leaf_on[0], table.leaf_on[1]),
        leaf_temperature=table.leaf_temperature,
    )


def city_position(city: City) -> tuple[float, float]:
    """Latitude and longitude [degrees] of the middle of the city's extent."""
    import pyproj

    west, south, east, north = city.extent
    to_wgs84 = pyproj.Transformer.from_crs(city.crs, "EPSG:4326", always_xy=True)
    longitude, latitude = to_wgs84.transform((west + east) / 2.0, (south + north) / 2.0)
    return float(latitude), float(longitude)


def build_weather(scenario: Scenario, latitude: float | None, longitude: float | None) -> Weather:
    """The weather of [weather]: an EPW file, a measured table, or a clear-sky day."""
    from heatmat.weather import Weather

    table = scenario.tables.weather
    assert table is not None
    if table.epw is not None:
        return Weather.from_epw(table.epw)
    latitude = table.latitude if table.latitude is not None else latitude
    longitude = table.longitude if table.longitude is not None else longitude
    if latitude is None or longitude is None:
        if not scenario.has_city:
            raise InputError(
                "the place is not known",
                where="weather.latitude",
                remedy="add latitude and longitude to [weather], or a [city]",
            )
        latitude, longitude = city_position(scenario.build_city())
    if table.csv is not None:
        return Weather.from_csv(
            table.csv,
            latitude=latitude,
            longitude=longitude,
            elevation=table.elevation_m or 0.0,
            utc_offset=table.utc_offset_h,
        )
    day = table.clear_sky
    assert day is not None
    return Weather.clear_sky(
        day.date,
        tmax=to_kelvin(day.tmax_c),
        tmin=to_kelvin(day.tmin_c),
        latitude=latitude,
        longitude=longitude,
        elevation=table.elevation_m or 0.0,
        wind_speed=day.wind_m_s,
        wind_direction=day.wind_direction_deg,
        dew_point=None if day.dew_point_c is None else to_kelvin(day.dew_point_c),
        linke_turbidity=day.linke_turbidity,
        utc_offset=day.utc_offset_h if day.utc_offset_h is not None else table.utc_offset_h,
    )


def build_physics(scenario: Scenario) -> PhysicsOptions:
    """The options of [physics] in SI units, as the forcing and the solver read them."""
    from heatmat.physics import PhysicsOptions

    table = scenario.tables.physics
    indoor, deep = table.indoor_temperature_c, table.deep_ground_temperature_c
    return PhysicsOptions(
        convection=table.convection,
        linear_convection=(table.linear_convection[0], table.linear_convection[1]),
        wind_profile=table.wind_profile,
        wind_exponent=table.wind_exponent,
        indoor_temperature=indoor["csv"] if isinstance(indoor, dict) else to_kelvin(indoor),
        inside_film=table.inside_film_w_m2k.model_dump(),
        deep_ground_temperature=deep if isinstance(deep, str) else to_kelvin(deep),
        sky_diffuse=table.sky_diffuse,
        longwave_sky=table.longwave_sky,
        longwave_linearisation=table.longwave_linearisation,
        solar_interpolation=table.solar_interpolation,
        sun_time=table.sun_time,
        ground_reflection=table.ground_reflection,
    )
