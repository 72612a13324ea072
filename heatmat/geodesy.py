"""Where the grid lies on the Earth: true north, latitude and longitude."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyproj


def place(crs: pyproj.CRS, x: float, y: float) -> tuple[float, float, float]:
    """Latitude, longitude and grid convergence of a point.

    The convergence is measured, not looked up: the true azimuth of a step of 100 m to grid north,
    so it holds for any projection, whatever sign its own factors have.

    Parameters
    ----------
    crs : pyproj.CRS
        Projected, metres.
    x, y : float
        Coordinates in it [m].

    Returns
    -------
    latitude, longitude : float
        WGS 84 [degrees north, degrees east].
    convergence : float
        True azimuth minus grid azimuth [degrees].
    """
    import pyproj

    to_geographic = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    lon, lat = to_geographic.transform(x, y)
    lon_north, lat_north = to_geographic.transform(x, y + 100.0)
    azimuth, _, _ = pyproj.Geod(ellps="WGS84").inv(lon, lat, lon_north, lat_north)
    return float(lat), float(lon), float(azimuth)
