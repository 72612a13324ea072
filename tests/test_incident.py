"""The wall law alone, against closed forms, and the tables it reads and writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from heatmat.conduction import SlabLayer, discretise, eigenmodes
from heatmat.errors import InputError
from heatmat.incident import query_incident
from heatmat.points import read_points
from heatmat.scenario import Scenario
from heatmat.units import STEFAN_BOLTZMANN, to_kelvin
from heatmat.wall_law import Boundary, Slabs, march, pad_modes

DAY = 86400.0
CONDUCTIVITY, CAPACITY, THICKNESS = 1.2, 2.0e6, 0.3
FILM, INSIDE = 15.0, 7.69


def slab(*, emissivity: float = 0.0, held: int = 0) -> Slabs:
    layer = SlabLayer(THICKNESS, CONDUCTIVITY, CAPACITY)
    rate, surface, inner = pad_modes([eigenmodes(discretise([layer], INSIDE))])
    one = np.ones(1)
    return Slabs(
        rate, surface, inner, one, emissivity * one, 0 * one, np.full(1, held), 280.0 * one
    )


def boundary(air: np.ndarray, step: float, *, longwave: float = 0.0) -> Boundary:
    series = air[None, :]
    return Boundary(
        step=step,
        shortwave=np.zeros_like(series),
        longwave=np.full_like(series, longwave),
        air=series,
        inner=np.full_like(series, 295.0),
        evaporation=np.zeros_like(series),
        film=lambda n, theta: np.full_like(theta, FILM),
    )


def test_steady_slab() -> None:
    history = march(slab(), boundary(np.full(50, 275.0), 600.0), 0)
    resistance = 1 / FILM + THICKNESS / CONDUCTIVITY + 1 / INSIDE
    exact = 275.0 + 20.0 / resistance / FILM
    # The capacity given to massless nodes and 64-bit rounding leave some 1e-9 K.
    np.testing.assert_allclose(history.temperature, exact, atol=1e-6)


def test_daily_wave_on_a_slab() -> None:
    """The answer of a slab to a sine of the air, by its transfer matrix (Carslaw, Jaeger 3.7)."""
    step = 600.0
    time = np.arange(0.0, 3 * DAY + 1.0, step)
    omega = 2 * np.pi / DAY
    air = 290.0 + 10.0 * np.sin(omega * time)
    history = march(slab(), boundary(air, step), round(DAY / step))
    k = np.sqrt(1j * omega * CAPACITY / CONDUCTIVITY)
    cosh, sinh = np.cosh(k * THICKNESS), np.sinh(k * THICKNESS)
    # Outer face: flux in = admittance x temperature, the inner air being steady.
    admittance = (
        CONDUCTIVITY * k * (sinh + INSIDE / (CONDUCTIVITY * k) * cosh)
        / (cosh + INSIDE / (CONDUCTIVITY * k) * sinh)
    )  # fmt: skip
    wave = np.imag(FILM / (FILM + admittance) * 10.0 * np.exp(1j * omega * time))
    resistance = 1 / FILM + THICKNESS / CONDUCTIVITY + 1 / INSIDE
    mean = 290.0 + 5.0 / resistance / FILM
    # 2.5 mK of 8 K are the grid's (halving the step changes 0.4 mK), and it is far below 20 mK.
    np.testing.assert_allclose(history.temperature[0], mean + wave, atol=4e-3)


def test_the_wave_converges_at_second_order() -> None:
    errors = []
    fine = march(
        slab(), boundary(290 + 10 * np.sin(2 * np.pi * np.arange(0, 2881) / 1440), 60.0), 1440
    )
    for step in (7200.0, 3600.0):
        n = round(2 * DAY / step)
        air = 290 + 10 * np.sin(2 * np.pi * np.arange(n + 1) * step / DAY)
        coarse = march(slab(), boundary(air, step), round(DAY / step))
        stride = round(step / 60.0)
        errors.append(np.abs(coarse.temperature[0] - fine.temperature[0, ::stride]).max())
    order = np.log2(errors[0] / errors[1])
    assert 1.7 < order < 2.3  # second order; two coarse steps fit it no closer


def test_radiation_alone_settles_where_it_is_in_balance() -> None:
    """With the inside as warm as its surroundings radiate, nothing flows."""
    series = boundary(np.full(200, 295.0), 3600.0, longwave=STEFAN_BOLTZMANN * 295.0**4)
    history = march(slab(emissivity=0.9), series, 24)
    np.testing.assert_allclose(history.temperature, 295.0, atol=1e-6)
    np.testing.assert_allclose(history.conduction, 0.0, atol=1e-5)


@pytest.mark.parametrize(("held", "expected"), [(1, 275.0), (2, 280.0)])
def test_held_surfaces(held: int, expected: float) -> None:
    history = march(slab(held=held), boundary(np.full(5, 275.0), 600.0), 0)
    assert np.all(history.temperature == expected)


TOML = """
[time]
start = "2023-07-15T00:00"
end = "2023-07-16T00:00"
step_min = 10
output_step_min = 60
[physics]
deep_ground_temperature_c = 11
"""
POINTS = (
    "id,surface,construction,azimuth_deg\n"
    "w,wall,insulated_brick_wall,90\nr,roof,metal_roof,\ng,ground,asphalt_street,\nl,ground,grass,\n"
)


def forcing(folder: Path, ids: str, *, days: int = 3, tail: str = ",12") -> Path:
    header = "id,time,incident_shortwave_w_m2,incident_longwave_w_m2,air_temperature_c"
    lines = [header + (",h_conv_w_m2k" if tail == ",12" else ",wind_speed_m_s,wind_direction_deg")]
    start = np.datetime64("2023-07-13T00:00")
    for name in ids:
        for hour in range(24 * days + 1):
            sun = max(0.0, 800.0 * np.sin(2 * np.pi * (hour - 6) / 24))
            air = 20.0 + 6.0 * np.sin(2 * np.pi * (hour - 9) / 24)
            lines.append(
                f"{name},{start + np.timedelta64(hour, 'h')},{sun:.3f},350,{air:.3f}{tail}"
            )
    path = folder / "forcing.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def ask(folder: Path, *, points: str = POINTS, toml: str = TOML, **more: object) -> pd.DataFrame:
    (folder / "s.toml").write_text(toml)
    (folder / "p.csv").write_text(points)
    scenario = Scenario.load(folder / "s.toml")
    asked = read_points(folder / "p.csv", positions=False)
    return query_incident(scenario, asked, forcing(folder, "wrgl", **more))  # type: ignore[arg-type]


def test_rows_are_in_input_order_and_balance(tmp_path: Path) -> None:
    frame = ask(tmp_path)
    assert frame["id"].tolist() == [name for name in "wrgl" for _ in range(24)]
    assert frame["time"].iloc[0] == "2023-07-15T01:00:00+00:00"
    assert frame["time"].iloc[23] == "2023-07-16T00:00:00+00:00"
    fluxes = ["absorbed_shortwave", "net_longwave", "convection", "latent", "conduction"]
    total = sum(frame[f"{name}_w_m2"] for name in fluxes)
    # The balance is solved to 1e-9 K at every stamp, and means of zeros are zero.
    assert np.abs(total).max() < 1e-5
    dry = frame["id"] != "l"
    assert (frame.loc[dry, "latent_w_m2"] == 0).all()
    assert frame.loc[~dry, "latent_w_m2"].min() < -50.0
    assert frame["surface_temperature_c"].between(5, 80).all()
    noon = frame[frame["time"].str.contains("T13")].set_index("id")["surface_temperature_c"]
    assert noon["r"] > noon["g"] > noon["l"]


def test_wind_in_place_of_a_coefficient(tmp_path: Path) -> None:
    windward = ask(tmp_path, tail=",3,90").set_index(["id", "time"])["h_conv_w_m2k"]
    leeward = ask(tmp_path, tail=",3,270").set_index(["id", "time"])["h_conv_w_m2k"]
    assert (windward["w"] > leeward["w"]).all()
    # A flat roof has no lee. Points march together, so one may get an iteration (1e-5 K) more.
    np.testing.assert_allclose(windward["r"], leeward["r"], rtol=1e-5)


def test_periodic_forcing_gives_a_periodic_answer(tmp_path: Path) -> None:
    """The repeated first day leaves no memory of the start: the next days are alike."""
    toml = TOML.replace("2023-07-15T00:00", "2023-07-14T00:00")
    frame = ask(tmp_path, toml=toml)
    for _, rows in frame.groupby("id"):
        temperature = rows["surface_temperature_c"].to_numpy()
        # PERIODIC_TO is 1 mK a day; deep modes of the ground hold a few of those.
        np.testing.assert_allclose(temperature[:24], temperature[24:], atol=5e-3)


BAD = [
    ({"points": "id,surface\nw,wall\n"}, r"p\.csv: line 2 \(w\): construction: a construction is"),
    (
        {"points": "id,surface,construction\nw,wall,brik_wall\n"},
        "unknown construction .*did you mean 'brick_wall'",
    ),
    ({"toml": TOML.replace("07-16", "07-17")}, "does not cover the window's end"),
    ({"toml": TOML.replace("2023-07-15", "2023-07-12")}, "does not cover the window's start"),
    ({"toml": TOML.replace("= 11", '= "weather"')}, "deep_ground_temperature_c: the temperature"),
    ({"points": "id,surface,construction\nz,wall,brick_wall\n"}, "id 'z': too few rows"),
]


@pytest.mark.parametrize(("change", "expected"), BAD)
def test_faults(tmp_path: Path, change: dict[str, str], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        ask(tmp_path, **change)  # type: ignore[arg-type]


def test_a_massless_sheet_follows_its_balance(tmp_path: Path) -> None:
    """A sheet with no mass, adiabatic behind, takes the temperature that closes its balance."""
    toml = TOML + (
        "[constructions.sheet]\nkind = 'roof'\nalbedo = 0.0\nemissivity = 1.0\n"
        "layers = [{ resistance_m2k_w = 40.0 }]\n"
    )
    frame = ask(tmp_path, toml=toml, points="id,surface,construction\nw,roof,sheet\n")
    night = frame[frame["time"].str.contains("T03")].iloc[0]
    kelvin = to_kelvin(night["surface_temperature_c"])
    balance = 350.0 - STEFAN_BOLTZMANN * kelvin**4
    balance += 12.0 * (night["air_temperature_c"] - night["surface_temperature_c"])
    # 0.5 W/m2 come through 40 m2K/W; and the means are over a step, the temperature at its end.
    assert abs(balance) < 2.0
