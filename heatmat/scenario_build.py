"""From a checked scenario to the heavy objects: city, weather, physics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heatmat.errors import InputError

if TYPE_CHECKING:
    from heatmat.city import City
    from heatmat.physics import PhysicsOptions
    from heatmat.scenario import Scenario
    from heatmat.weather import Weather


def build_city(scenario: Scenario) -> City:
    """The city of [city]: a vector file, or the embedded district."""
    from heatmat.city import City

    table = scenario.tables.city
    assert table is not None
    if table.embedded:
        return City.embedded()
    ground = None
    if table.land_cover is not None:
        from heatmat.land_cover import ground_from_land_cover

        ground = ground_from_land_cover(
            table.land_cover, {int(k): v for k, v in table.land_cover_legend.items()}
        )
    return City.from_file(
        table.buildings,
        extent=tuple(table.extent) if table.extent is not None else None,
        crs=table.crs,
        margin=table.margin_m,
        attributes=table.attributes.model_dump(by_alias=True, exclude_none=True) or None,
        ground=ground,
        default_facade=table.default_facade,
        default_roof=table.default_roof,
        default_ground=table.default_ground,
    )


def city_position(city: City) -> tuple[float, float]:
    """Latitude and longitude [degrees] of the middle of the city's extent."""
    import pyproj

    west, south, east, north = city.extent
    to_wgs84 = pyproj.Transformer.from_crs(city.crs, "EPSG:4326", always_xy=True)
    longitude, latitude = to_wgs84.transform((west + east) / 2.0, (south + north) / 2.0)
    return float(latitude), float(longitude)


def build_weather(
    scenario: Scenario, latitude: float | None, longitude: float | None
) -> Weather:
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
                "the place is not known", where="weather.latitude",
                remedy="add latitude and longitude to [weather], or a [city]",
            )
        latitude, longitude = city_position(scenario.build_city())
    if table.csv is not None:
        given = {"utc_offset_h": table.utc_offset_h, "elevation": table.elevation_m}
        extra: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
        return Weather.from_csv(table.csv, latitude=latitude, longitude=longitude, **extra)
    assert table.clear_sky is not None
    day = table.clear_sky.model_dump(exclude_none=True)
    if table.elevation_m is not None:
        day["elevation"] = table.elevation_m
    return Weather.clear_sky(latitude=latitude, longitude=longitude, **day)


def build_physics(scenario: Scenario) -> PhysicsOptions:
    """The options of [physics] as the forcing and the solver read them."""
    from heatmat.physics import PhysicsOptions

    return PhysicsOptions(**scenario.tables.physics.model_dump())
