"""Which projected coordinate system a city is computed in: metres, and true to scale."""

from __future__ import annotations

from typing import Any

from heatmat.errors import InputError
from heatmat.features import Features

MAX_SCALE_ERROR = 0.02
"""Largest |scale - 1| at the city for a system to count as metric; UTM stays within 0.001."""


def utm_code(longitude: float, latitude: float) -> str:
    """EPSG code of the WGS 84 UTM zone of a place (degrees).

    Zones are 6 degrees wide from 180 W; EPSG 32601 to 32660 north, 32701 to 32760 south.
    """
    zone = min(60, max(1, int((longitude + 180.0) // 6.0) + 1))
    return f"EPSG:{(32600 if latitude >= 0 else 32700) + zone}"


def choose_crs(
    own: str | None, bounds: tuple[float, ...], requested: str | None, where: str
) -> tuple[Any, Any]:
    """The data's and the city's coordinate systems.

    Parameters
    ----------
    own : str or None
        The file's coordinate system, None where unknown.
    bounds : tuple
        xmin, ymin, xmax, ymax of the buildings in the file's coordinates.
    requested : str or None
        What the user asked for (any text that PROJ reads).
    where : str
        File name for messages.

    Returns
    -------
    (pyproj.CRS, pyproj.CRS)
        Of the data, and of the city (projected, metres).

    Raises
    ------
    InputError
        When the request is geographic, Web Mercator, not in metres or far off scale here, naming
        the UTM code; when the data has no coordinate system.
    """
    from pyproj import CRS

    target = None if requested is None else _parse(requested)
    if own is None and target is None:
        raise InputError(
            "the file does not say its coordinate system",
            where=where,
            remedy="name it as city.crs, for instance crs = 'EPSG:32632'",
        )
    source = CRS.from_user_input(own) if own is not None else target
    longitude, latitude = _centre(source, bounds, where)
    utm = utm_code(longitude, latitude)
    if target is not None:
        fault = _fault(target, longitude, latitude)
        if fault:
            raise InputError(
                f"the coordinate system {requested} {fault}",
                where="city.crs",
                expected="a projected system in metres",
                remedy=f"use crs = '{utm}' (the UTM zone here)",
            )
        return source, target
    if not _fault(source, longitude, latitude):
        return source, source
    return source, CRS.from_user_input(utm)


def _parse(requested: str) -> Any:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        crs = CRS.from_user_input(requested)
    except CRSError as error:
        raise InputError(
            "unknown coordinate system",
            where="city.crs",
            expected="an EPSG code such as 'EPSG:32632'",
            got=requested,
        ) from error
    return crs.sub_crs_list[0] if crs.is_compound else crs


def _centre(source: Any, bounds: tuple[float, ...], where: str) -> tuple[float, float]:
    """Longitude and latitude of the middle of the data, in degrees."""
    import math

    from pyproj import Transformer

    x, y = 0.5 * (bounds[0] + bounds[2]), 0.5 * (bounds[1] + bounds[3])
    transformer = Transformer.from_crs(source, "EPSG:4326", always_xy=True)
    longitude, latitude = transformer.transform(x, y)
    inside = all(map(math.isfinite, (longitude, latitude))) and abs(latitude) <= 90.0
    if not inside or abs(longitude) > 180.0:
        swapped = source.is_geographic and abs(x) <= 90.0 < abs(y) <= 180.0
        raise InputError(
            "the coordinates do not fit the coordinate system",
            where=where,
            got=f"x {x:g}, y {y:g} in {source.name}",
            remedy="latitude and longitude are swapped: longitude comes first"
            if swapped
            else "name the file's true system as city.crs",
        )
    return float(longitude), float(latitude)


def _fault(crs: Any, longitude: float, latitude: float) -> str:
    """Why `crs` does not serve as a metric grid at this place; empty if it does."""
    if crs.is_geographic:
        return "is geographic (degrees)"
    if not crs.is_projected:
        return "is not projected"
    if any(abs(axis.unit_conversion_factor - 1.0) > 1e-9 for axis in crs.axis_info[:2]):
        return f"is in {crs.axis_info[0].unit_name}, not in metres"
    method = crs.coordinate_operation.method_name if crs.coordinate_operation else ""
    if "Mercator" in method and "Transverse" not in method and "Oblique" not in method:
        return "is a Mercator map (Web Mercator or alike), not true to scale"
    return _scale_fault(crs, longitude, latitude)


def _scale_fault(crs: Any, longitude: float, latitude: float) -> str:
    from pyproj import Proj
    from pyproj.exceptions import ProjError

    try:
        factors = Proj(crs).get_factors(longitude, latitude)
    except ProjError:
        return "does not cover this place"
    scales = (factors.meridional_scale, factors.parallel_scale)
    if any(not abs(scale - 1.0) <= MAX_SCALE_ERROR for scale in scales):
        return f"has a scale of {scales[0]:.3f} by {scales[1]:.3f} here"
    return ""


def project(features: Features, source: Any, target: Any) -> None:
    """Project every feature in place, and drop heights above the ellipsoid.

    Parameters
    ----------
    features : Features
        Changed: geometries and `crs`.
    source, target : pyproj.CRS or str
        From and to.
    """
    import numpy as np
    import shapely
    from pyproj import CRS, Transformer

    source, target = CRS.from_user_input(source), CRS.from_user_input(target)
    shapes = shapely.force_2d(np.array(features.geometry, dtype=object))
    if source != target:
        transformer = Transformer.from_crs(source, target, always_xy=True)
        shapes = shapely.transform(
            shapes, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))
        )
    features.geometry = list(shapes)
    features.crs = target.to_wkt()


def check_extent(extent: Any, where: str = "city.extent") -> tuple[float, float, float, float]:
    """Four finite numbers xmin, ymin, xmax, ymax with a positive width and height.

    Raises
    ------
    InputError
        Otherwise.
    """
    import math

    form = "[xmin, ymin, xmax, ymax]"
    try:
        values = [float(value) for value in extent]
    except (TypeError, ValueError) as error:
        raise InputError("not four numbers", where=where, expected=form, got=extent) from error
    if len(values) != 4 or not all(map(math.isfinite, values)):
        raise InputError("not four finite numbers", where=where, expected=form, got=extent)
    xmin, ymin, xmax, ymax = values
    if xmax <= xmin or ymax <= ymin:
        raise InputError(
            "empty or inverted", where=where, expected=f"{form}, max above min", got=values
        )
    return xmin, ymin, xmax, ymax
