"""The west facade of a twin house at Holzkirchen, forty days measured, nothing fitted.

IEA EBC Annex 58, house O5, experiment 1 (Fraunhofer IBP). The wall law is driven by the measured
irradiance, longwave, air, wind and inside surface temperature, through `query --incident`'s own
code; the default convection was fixed before the first comparison.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heatmat.incident import query_incident
from heatmat.points import read_points
from heatmat.scenario import Scenario

# Layers and surface from the experiment's description; conductivities, densities and specific
# heats are the usual ones of such plaster, EPS and honeycomb brick.
SCENARIO = """
[time]
start = "2013-08-24T00:00:00+01:00"
end = "2013-09-30T00:00:00+01:00"
step_min = 10
output_step_min = 10
[constructions.west]
albedo = 0.77
emissivity = 0.9
roughness = "medium_rough"
layers = [
  { thickness_m = 0.01, conductivity_w_mk = 0.8, density_kg_m3 = 1200.0, specific_heat_j_kgk = 1000.0 },
  { thickness_m = 0.08, conductivity_w_mk = 0.04, density_kg_m3 = 20.0, specific_heat_j_kgk = 1450.0 },
  { thickness_m = 0.03, conductivity_w_mk = 1.0, density_kg_m3 = 1200.0, specific_heat_j_kgk = 1000.0 },
  { thickness_m = 0.30, conductivity_w_mk = 0.22, density_kg_m3 = 800.0, specific_heat_j_kgk = 1000.0 },
  { thickness_m = 0.01, conductivity_w_mk = 1.0, density_kg_m3 = 1200.0, specific_heat_j_kgk = 1000.0 },
]
"""  # noqa: E501
POINTS = "id,surface,construction,azimuth_deg\nwest,wall,west,270\n"


def forcing(measured: pd.DataFrame, film: np.ndarray | None) -> pd.DataFrame:
    start = np.datetime64("2013-01-01T00:00:00")
    time = start + measured["time_s"].round().astype("int64").to_numpy().astype("timedelta64[s]")
    table = pd.DataFrame(
        {
            "id": "west",
            "time": [f"{stamp}+01:00" for stamp in time],
            "incident_shortwave_w_m2": measured["Solar_radiation_global_vertical_west"].clip(0),
            "incident_longwave_w_m2": measured["Longwave_radiation_vertical_west"],
            "air_temperature_c": measured["Ambient_temperature"],
            "inside_surface_temperature_c": measured["O5_westfacade_S_IS_T"],
        }
    )
    if film is None:
        table["wind_speed_m_s"] = measured["Wind_speed"]
        table["wind_direction_deg"] = measured["Wind_direction"]
    else:
        table["h_conv_w_m2k"] = film
    return table


def errors(shared_data: Path, folder: Path, given_film: bool) -> tuple[np.ndarray, np.ndarray]:
    """Modelled minus measured, and air minus measured, after three days [K]."""
    measured = pd.read_csv(shared_data / "twinhouse" / "o5_exp1.csv.gz")
    film = (4.0 + 2.0 * measured["Wind_speed"]).to_numpy() if given_film else None
    (folder / "s.toml").write_text(SCENARIO)
    (folder / "p.csv").write_text(POINTS)
    table = forcing(measured, film)
    table.to_csv(folder / "f.csv", index=False)
    frame = query_incident(
        Scenario.load(folder / "s.toml"),
        read_points(folder / "p.csv", positions=False),
        folder / "f.csv",
    )
    truth = pd.Series(
        measured["O5_westfacade_S_ES_T"].to_numpy(), index=pd.to_datetime(table["time"], utc=True)
    )
    at = pd.to_datetime(frame["time"], utc=True)
    truth = truth.reindex(at).to_numpy()
    assert np.isfinite(truth).mean() > 0.99
    seen = np.isfinite(truth)
    model = frame["surface_temperature_c"].to_numpy()[seen] - truth[seen]
    return model, frame["air_temperature_c"].to_numpy()[seen] - truth[seen]


@pytest.mark.parametrize("given_film", [True, False], ids=["4 + 2 v", "tarp"])
def test_forty_days_of_a_measured_facade(
    shared_data: Path, tmp_path: Path, given_film: bool
) -> None:
    model, air = errors(shared_data, tmp_path, given_film)
    rmse, bias = np.sqrt((model**2).mean()), model.mean()
    skill = 1.0 - (model**2).mean() / (air**2).mean()
    # Seen: +0.25 K and 1.00 K by 4 + 2 v, +0.54 K and 0.98 K by the default. The wall's size, which
    # the default asks for, is not published with the data: 0.4 per metre stands in for it.
    assert rmse < 1.05
    assert abs(bias) < (0.30 if given_film else 0.60)
    assert skill > 0.85
