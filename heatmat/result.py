"""What a query returns: named arrays in kelvin, and the table of TEMPS.csv."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from heatmat.units import to_celsius

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

VARIABLES = (
    "surface_temperature",
    "absorbed_shortwave",
    "net_longwave",
    "convection",
    "latent",
    "conduction",
    "heat_transfer_coefficient",
    "incident_shortwave",
    "incident_longwave",
)
"""Names in the order of the solver's output values: K, W m-2, W m-2 K-1."""

_COLUMNS = {
    "absorbed_shortwave": "absorbed_shortwave_w_m2",
    "net_longwave": "net_longwave_w_m2",
    "convection": "convection_w_m2",
    "latent": "latent_w_m2",
    "conduction": "conduction_w_m2",
    "heat_transfer_coefficient": "h_conv_w_m2k",
    "incident_shortwave": "incident_shortwave_w_m2",
    "incident_longwave": "incident_longwave_w_m2",
}


@dataclass
class Result:
    """Surface temperatures at points and times.

    Attributes
    ----------
    ds : xarray.Dataset
        Dimensions (point, time), kelvin and W m-2; fluxes positive into the surface, means over the
        solver step that ends at the stamp. `time` is UTC; attribute `utc_offset_h`.
    """

    ds: xr.Dataset

    @property
    def temperature(self) -> xr.DataArray:
        """Surface temperature [K]."""
        return self.ds["surface_temperature"]

    @property
    def standard_error(self) -> xr.DataArray:
        """One sigma of the sampling [K]; no model error."""
        return self.ds["standard_error"]

    def to_dataframe(self) -> pd.DataFrame:
        """Rows of TEMPS.csv: degrees Celsius, time with the weather's UTC offset."""
        import pandas as pd

        ds = self.ds
        count, times = ds.sizes["point"], ds.sizes["time"]
        zone = pd.Timedelta(hours=float(ds.attrs["utc_offset_h"]))
        stamps = pd.DatetimeIndex(ds["time"].to_numpy()).tz_localize("UTC")
        stamps = stamps.tz_convert(_fixed_zone(zone))

        def by_point(name: str) -> np.ndarray:
            return np.repeat(ds[name].to_numpy(), times)

        columns: dict[str, object] = {
            "id": by_point("id"),
            "time": np.tile(np.array([s.isoformat() for s in stamps], dtype=object), count),
        }
        for name in ("surface", "x", "y", "z", "building_id", "construction"):
            columns[name] = by_point(name)
        columns["surface_temperature_c"] = to_celsius(ds["surface_temperature"].to_numpy().ravel())
        columns["standard_error_k"] = ds["standard_error"].to_numpy().ravel()
        for name in ("absorbed_shortwave", "net_longwave", "convection", "latent", "conduction"):
            columns[_COLUMNS[name]] = ds[name].to_numpy().ravel()
        columns["air_temperature_c"] = np.tile(to_celsius(ds["air_temperature"].to_numpy()), count)
        for name in ("heat_transfer_coefficient", "incident_shortwave", "incident_longwave"):
            columns[_COLUMNS[name]] = ds[name].to_numpy().ravel()
        columns["rays"] = by_point("rays")
        columns["snap_distance_m"] = by_point("snap_distance")
        return pd.DataFrame(columns)


def _fixed_zone(offset: pd.Timedelta) -> datetime.timezone:
    return datetime.timezone(offset.to_pytimedelta())
