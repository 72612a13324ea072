"""Maps on disk: a cloud-optimised GeoTIFF and a CF-conforming Zarr store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.output.atomic import aside
from heatmat.output.clock import iso_stamp, utc_offset_h

if TYPE_CHECKING:
    import xarray as xr
    from affine import Affine

# CF standard names (table 90) where one fits; "standard_error" is CF's modifier for the standard
# error of a variable (CF-1.11, appendix C).
_CF: dict[str, dict[str, str]] = {
    "surface_temperature": {
        "standard_name": "surface_temperature",
        "long_name": "kinetic surface temperature seen from above, area mean of ground and roof",
        "units": "K",
        "cell_methods": "time: point area: mean",
        "ancillary_variables": "surface_temperature_standard_error",
    },
    "surface_temperature_standard_error": {
        "standard_name": "surface_temperature standard_error",
        "long_name": "one standard error of the sampling; contains no model error",
        "units": "K",
    },
    "surface_temperature_change": {
        "long_name": "change of the surface temperature seen from above, B minus A",
        "units": "K",
        "ancillary_variables": "surface_temperature_change_standard_error",
    },
    "surface_temperature_change_standard_error": {
        "long_name": "one standard error of the change, from paired replicates; no model error",
        "units": "K",
    },
    "ground_temperature_change": {"long_name": "change of the ground, B minus A", "units": "K"},
    "roof_temperature_change": {"long_name": "change of the roofs, B minus A", "units": "K"},
    "surface_temperature_a": {"long_name": "surface temperature of A", "units": "K"},
    "surface_temperature_b": {"long_name": "surface temperature of B", "units": "K"},
    "radiometric_temperature": {
        "long_name": "radiometric temperature seen from above: mean of emissivity T^4 over mean "
        "emissivity, to the quarter",
        "units": "K",
    },
    "ground_temperature": {
        "standard_name": "surface_temperature",
        "long_name": "kinetic surface temperature of the ground in the cell",
        "units": "K",
        "cell_methods": "time: point area: mean where ground",
    },
    "roof_temperature": {
        "standard_name": "surface_temperature",
        "long_name": "kinetic surface temperature of the roofs in the cell",
        "units": "K",
        "cell_methods": "time: point area: mean where roof",
    },
    "roof_fraction": {
        "long_name": "fraction of the cell's plan area covered by roofs",
        "units": "1",
    },
    "sky_view_factor": {
        "long_name": "sky view factor of the surface seen from above",
        "units": "1",
    },
    "sunlit_hours": {
        "long_name": "hours of direct sun on the first day of the window, unclouded",
        "units": "h",
    },
}


def crs_wkt(maps: xr.Dataset) -> str:
    """The dataset's coordinate reference system as WKT."""
    wkt = maps.attrs.get("crs_wkt") or maps.attrs.get("crs")
    if not wkt and "spatial_ref" in maps.coords:
        wkt = maps["spatial_ref"].attrs.get("crs_wkt")
    if not wkt:
        raise ValueError("the maps dataset carries no crs_wkt attribute")
    return str(wkt)


def transform_of(maps: xr.Dataset) -> Affine:
    """Affine transform from (column, row) corners to CRS coordinates, row 0 north.

    The coordinates are those of the cells' centres; a dataset of one row or column needs the
    attribute ``resolution_m``.
    """
    from affine import Affine

    x = np.asarray(maps["x"].values, dtype=np.float64)
    y = np.asarray(maps["y"].values, dtype=np.float64)
    fallback = float(maps.attrs.get("resolution_m", 1.0))
    dx = (x[-1] - x[0]) / (x.size - 1) if x.size > 1 else fallback
    dy = (y[-1] - y[0]) / (y.size - 1) if y.size > 1 else -fallback
    if dx <= 0.0 or dy >= 0.0:
        raise ValueError("the maps must have x increasing and y decreasing (row 0 north)")
    return Affine(dx, 0.0, x[0] - dx / 2.0, 0.0, dy, y[0] - dy / 2.0)


def extent_of(maps: xr.Dataset) -> tuple[float, float, float, float]:
    """Outer bounds xmin, ymin, xmax, ymax of the cells in the CRS [m]."""
    transform = transform_of(maps)
    right = transform.c + transform.a * maps.sizes["x"]
    bottom = transform.f + transform.e * maps.sizes["y"]
    return transform.c, bottom, right, transform.f


def write_temperature_tif(
    path: str | Path,
    maps: xr.Dataset,
    quantity: str = "kinetic surface temperature seen from above",
) -> Path:
    """Write the surface temperature as a cloud-optimised GeoTIFF.

    One float32 band a time in kelvin, not-a-number where there is no value; each band's
    description is its ISO 8601 time with the offset of local standard time.

    Parameters
    ----------
    path : path
        File to write; written aside and renamed.
    maps : xarray.Dataset
        ``surface_temperature`` (time, y, x) in K, coordinates of cell centres, row 0 north.
    quantity : str
        What the file's tags say it holds.

    Returns
    -------
    Path
        The file.
    """
    import rasterio

    values = maps["surface_temperature"].transpose("time", "y", "x")
    offset = utc_offset_h(maps)
    profile: dict[str, Any] = {
        "driver": "COG",
        "dtype": "float32",
        "count": values.sizes["time"],
        "height": values.sizes["y"],
        "width": values.sizes["x"],
        "crs": rasterio.crs.CRS.from_wkt(crs_wkt(maps)),
        "transform": transform_of(maps),
        "nodata": float("nan"),
        "compress": "deflate",
        "predictor": "yes",
        "num_threads": "all_cpus",
        "overview_resampling": "average",
        "bigtiff": "if_safer",
    }
    with aside(path) as partial, rasterio.open(partial, "w", **profile) as dataset:
        for band, time in enumerate(values["time"].values, start=1):
            dataset.write(values[band - 1].values.astype(np.float32), band)
            dataset.set_band_description(band, iso_stamp(time, offset))
            dataset.set_band_unit(band, "K")
        dataset.update_tags(quantity=quantity, units="K", software="HeatMat")
    return Path(path)


def to_cf(maps: xr.Dataset) -> xr.Dataset:
    """A copy of the maps with CF-1.11 attributes, a time in UTC and a grid mapping."""
    import pyproj

    out = maps.copy()
    crs = pyproj.CRS.from_wkt(crs_wkt(maps))
    transform = transform_of(maps)
    offset = utc_offset_h(maps)
    for name in out.data_vars:
        attributes = _CF.get(str(name), {})
        out[name].attrs = {**out[name].attrs, **attributes, "grid_mapping": "spatial_ref"}
        floating = out[name].dtype.kind == "f"
        out[name].encoding = {"_FillValue": np.float32("nan")} if floating else {}
    if "surface_temperature" in out and "surface_temperature_standard_error" not in out:
        out["surface_temperature"].attrs.pop("ancillary_variables", None)
    gdal = (transform.c, transform.a, transform.b, transform.f, transform.d, transform.e)
    out = out.assign_coords(spatial_ref=((), np.int32(0)))
    out["spatial_ref"].attrs = {
        **crs.to_cf(),
        "spatial_ref": crs.to_wkt(),
        "GeoTransform": " ".join(repr(float(number)) for number in gdal),
    }
    for axis, letter in (("x", "X"), ("y", "Y")):
        out[axis].attrs = {
            "standard_name": f"projection_{axis}_coordinate",
            "long_name": f"{axis} of the cell's centre",
            "units": "m",
            "axis": letter,
        }
    out["time"].attrs = {"standard_name": "time", "long_name": "time, UTC", "axis": "T"}
    out["time"].encoding = {
        "units": "seconds since 1970-01-01",
        "calendar": "proleptic_gregorian",
        "dtype": "int64",
    }
    out.attrs = {
        "Conventions": "CF-1.11",
        "title": "Surface temperatures of a city",
        "source": "HeatMat",
        "utc_offset_h": offset,
        **{k: v for k, v in maps.attrs.items() if k in ("attribution", "resolution_m")},
    }
    return out


def write_zarr(path: str | Path, maps: xr.Dataset) -> Path:
    """Write all maps as a consolidated Zarr store (format 2: every reader knows it) with CF names.

    Parameters
    ----------
    path : path
        Folder to write; written aside and renamed.
    maps : xarray.Dataset
        As in :func:`write_temperature_tif`, with whatever other maps there are.

    Returns
    -------
    Path
        The folder.
    """
    cf = to_cf(maps)
    for name in cf.data_vars:
        # One stamp a chunk: both a map and a resumed run read or write whole stamps.
        shape = cf[name].shape
        cf[name].encoding["chunks"] = (1, *shape[1:]) if "time" in cf[name].dims else shape
    with aside(path) as partial:
        cf.to_zarr(partial, mode="w", zarr_format=2, consolidated=True)
    return Path(path)
