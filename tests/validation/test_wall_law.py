"""The compiled march of the wall law against closed forms: waves, steps, steady states, order."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
import shapely
from scipy.optimize import brentq
from scipy.special import erfcx

from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.construction import INSIDE_FILM, Construction, Layer
from heatmat.forcing import Forcing
from heatmat.kernels import layout
from heatmat.library import library
from heatmat.prepare import inner_conductance, physics_numbers, slab_layers
from heatmat.units import STEFAN_BOLTZMANN
from tests.physics_case import (
    DAY,
    STILL,
    boxes,
    make_case_of,
    make_series,
    march_given,
    surface_impedance,
)

OMEGA = 2.0 * np.pi / DAY
FILM = 20.0
LIBRARY = {name: item for name, item in library().items() if name == item.name}
BLACK_TO_LIGHT_ONLY = {
    "emissivity": 0.0, "albedo": 0.0, "solar_transmittance": 0.0, "moisture_availability": 0.0
}  # fmt: skip
SOIL = Construction(
    "soil", "ground", (Layer(2.0, 1.0, 2000.0, 1000.0),), 0.0, 0.0, moisture_availability=0.0
)


@functools.cache
def bare() -> Case:
    """A case of the library's slabs, dry, black to light and without longwave, on one hut."""
    return make_case_of(
        boxes([shapely.box(0, 0, 10, 10)], [8.0], margin=2.0),
        make_series(),
        physics=dataclasses.replace(STILL, convection="tarp"),
        changes=BLACK_TO_LIGHT_ONLY,
        more=[*LIBRARY, "soil"],
        constructions={**LIBRARY, "soil": SOIL},
    )


def driven(series: Forcing, **columns: float) -> Case:
    """The same slabs under other weather, with columns of the table set."""
    table = bare().constructions
    ones = {name: np.full(len(table.names), value) for name, value in columns.items()}
    return dataclasses.replace(
        bare(), forcing=series, constructions=dataclasses.replace(table, **ones)
    )


def daylight(time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over the steps of max(0, -cos(omega t)), and its Fourier coefficients."""
    angle = OMEGA * time
    turns = np.floor(angle / (2 * np.pi))
    rest = angle - 2 * np.pi * turns
    inside = np.clip(1.0 - np.sin(np.clip(rest, 0.5 * np.pi, 1.5 * np.pi)), 0.0, 2.0)
    integral = 2.0 * turns + inside
    k = np.arange(0, 401)
    coefficient = np.zeros(k.size)
    coefficient[:2] = 1.0 / np.pi, -0.5
    even = k[2::2]
    coefficient[2::2] = 2.0 / np.pi * (-1.0) ** (even // 2 + 1) / (even**2 - 1)
    return np.diff(integral) / np.diff(angle), coefficient


def wave_errors(step: float) -> tuple[np.ndarray, np.ndarray]:
    """Errors under 20 K of sol-air swing by daylight, then by a sine of the air: (n, steps)."""
    names = list(LIBRARY)
    steps = round(2 * DAY / step)
    time = step * np.arange(steps + 1)
    means, coefficient = daylight(time)
    harmonics = np.arange(coefficient.size)
    z = np.array(
        [
            surface_impedance(
                slab_layers(item), inner_conductance(item, INSIDE_FILM), harmonics * OMEGA
            )
            for item in LIBRARY.values()
        ]
    )
    answer = z / (z + 1.0 / FILM)
    waves = np.exp(1j * OMEGA * harmonics[:, None] * time[1:])
    lit = np.real((20.0 * coefficient * answer) @ waves)
    airy = np.real(10.0 * answer[:, 1:2] * waves[1:2])
    dark, film = np.zeros(steps), np.full(steps, FILM)
    first = march_given(
        driven(make_series(step=step)), names, short=20.0 * FILM * means, long=dark, film=film
    )
    wave = make_series(step=step, air=lambda t: BASE_TEMPERATURE + 10.0 * np.cos(OMEGA * t))
    second = march_given(driven(wave), names, short=dark, long=dark, film=film)
    assert np.ptp(airy, axis=1).max() > 12.0
    return first[:, :, 0] - lit, second[:, :, 0] - airy


def test_daily_waves_on_every_construction_at_the_default_step() -> None:
    for errors in wave_errors(600.0):
        rmse = np.sqrt((errors**2).mean(axis=1))
        # The figure asked for is 0.02 K; the largest seen are 8 mK in the ground (modes left out)
        # and in thin sheets (sunrise and sunset inside a step, 0.07 K for that step).
        assert rmse.max() < 0.012, dict(zip(LIBRARY, rmse.round(4), strict=True))
        assert np.abs(errors).max() < 0.1


def test_the_march_is_of_second_order() -> None:
    """In the sheet that answers fastest, the others are exact to what the modes leave out."""
    thin = list(LIBRARY).index("white_membrane_roof")
    rmse = [np.sqrt((wave_errors(step)[0][thin] ** 2).mean()) for step in (3600.0, 1800.0, 900.0)]
    # Sunrise is a kink inside a step: 1.8 is seen, not quite 2.
    assert np.log2(rmse[0] / rmse[1]) > 1.6
    assert np.log2(rmse[1] / rmse[2]) > 1.6


@pytest.mark.parametrize("film", [8.0, 25.0])
def test_step_on_a_half_space(film: float) -> None:
    """Light is switched on after a dark day: Carslaw and Jaeger (1959), section 2.7, eq. 5."""
    steps = 288
    light = np.where(np.arange(steps) >= 144, 10.0 * film, 0.0)
    got = march_given(
        driven(make_series()), ["soil"], short=light, long=0 * light, film=np.full(steps, film)
    )[0, :, 0]
    root = film * np.sqrt(600.0 * np.arange(1, 145) / (1.0 * 2.0e6))
    exact = 10.0 * (1.0 - erfcx(root))
    assert np.abs(got[:144]).max() < 1e-3  # nothing before
    assert np.abs(got[144:] - exact)[9:].max() < 0.02  # the figure: from the tenth step on


def test_thin_sheets_do_not_ring() -> None:
    """A sheet without mass follows a step of light within two steps and stays there."""
    light = np.where(np.arange(288) >= 144, 300.0, 0.0)
    for name in ("metal_wall", "white_membrane_roof", "metal_roof"):
        got = march_given(
            driven(make_series()), [name], short=light, long=0 * light, film=np.full(288, FILM)
        )[0, 144:, 0]
        change = np.diff(got[1:])
        assert (change > -1e-3).all(), name
        assert got.max() < 300.0 / FILM


def test_steady_layers() -> None:
    """Resistances in series, from outdoor air to indoor air."""
    names = [name for name, item in LIBRARY.items() if item.kind != "ground"]
    series = make_series(indoor=BASE_TEMPERATURE + 20.0, deep=BASE_TEMPERATURE + 20.0)
    flat = np.zeros(288)
    got = march_given(driven(series), names, short=flat, long=flat, film=np.full(288, FILM))
    for name, row in zip(names, got, strict=True):
        inside = 1.0 / INSIDE_FILM[LIBRARY[name].kind] + LIBRARY[name].thermal_resistance
        exact = 20.0 * (1.0 / FILM) / (1.0 / FILM + inside)
        # float32: the flux that is balanced is a difference of hundreds of W/m2
        assert np.abs(row[:, layout.Y_TEMPERATURE] - exact).max() < 1e-3, name
        # The wall's side of the balance: what conduction brings to the surface.
        assert np.abs(row[:, layout.Y_CONDUCTION] - (20.0 - exact) / inside).max() < 0.02, name


def test_steady_conduction_with_radiation_and_natural_convection() -> None:
    """eps (L - sigma T^4) + h (Ta - T) + (Ti - T) / R = 0 with h of the surface's own warmth."""
    from heatmat.convection import h_conv

    names = ["solid_brick_wall", "metal_roof", "concrete_wall"]
    light, sky, air = 350.0, 290.0, BASE_TEMPERATURE + 5.0
    case = driven(make_series(air=air, wind=0.0), emissivity=0.9)
    flat = np.ones(288)
    got = march_given(case, names, short=light * flat, long=sky * flat)
    for name, row in zip(names, got, strict=True):
        item = LIBRARY[name]
        inside = 1.0 / INSIDE_FILM[item.kind] + item.thermal_resistance

        def balance(t: float, inside: float = inside) -> float:
            h = float(h_conv("tarp", t - air, 0.0, cos_tilt=1.0))
            net = light + 0.9 * (sky - STEFAN_BOLTZMANN * t**4)
            return net + h * (air - t) + (BASE_TEMPERATURE - t) / inside

        exact = brentq(balance, 250.0, 350.0) - BASE_TEMPERATURE
        # Wind of 1e-4 of the 10 m one is the least that the kernel knows; the rest is float32.
        assert np.abs(row[:, 0] - exact).max() < 2e-3, name


def clear_day(days: int, **more: float) -> tuple[Case, np.ndarray, np.ndarray]:
    """A hot day again and again: its case, its light and its sky."""
    series = make_series(
        days=days,
        air=lambda t: BASE_TEMPERATURE + 10.0 - 6.0 * np.cos(OMEGA * (t - 7200.0)),
        wind=2.0,
        indoor=BASE_TEMPERATURE + 7.0,
        deep=BASE_TEMPERATURE - 3.0,
    )
    means, _ = daylight(600.0 * np.arange(144 * days + 1))
    return driven(series, emissivity=0.93, **more), 800.0 * means, np.full(144 * days, 330.0)


def test_first_day_is_periodic_without_living_through_it() -> None:
    """Sixty days of the same weather move no construction by more than 10 mK."""
    case, light, sky = clear_day(60)
    names = [*LIBRARY, "soil"]
    got = march_given(case, names, short=light, long=sky)[:, :, 0]
    moved = np.abs(got[:, :144] - got[:, -144:]).max(axis=1)
    assert moved.max() < 0.010, dict(zip(names, moved.round(4), strict=True))


def test_fluxes_balance_and_chunks_do_not_matter() -> None:
    case, light, sky = clear_day(30, moisture=0.7)
    names = ["asphalt_street", "white_membrane_roof", "grass", "glass_curtain_wall"]
    whole = march_given(case, names, short=light, long=sky, chunk_steps=30 * 144)
    cut = march_given(case, names, short=light, long=sky, chunk_steps=617)
    fluxes = whole[:, :, layout.Y_SHORTWAVE : layout.Y_CONDUCTION + 1]
    assert whole[:, :, layout.Y_LATENT].min() < -20.0  # wet enough to matter
    assert np.abs(fluxes.sum(axis=2)).max() < 0.05  # 0.5 W/m2 is asked for
    assert np.abs(whole[:, :, 0] - cut[:, :, 0]).max() < 1e-3
    assert np.abs(whole - cut).max() < 0.05


@pytest.mark.parametrize("model", ["tarp", "doe-2", "mowitt"])
def test_the_compiled_march_and_its_readable_twin(model: str) -> None:
    """Every mode in float64 and Newton to the end, against eight modes, float32 and two passes."""
    from heatmat.convection import h_conv, roughness_multiplier
    from heatmat.humid_air import priestley_taylor_factor
    from heatmat.wall_law import Boundary, Slabs, march, pad_modes

    time = 600.0 * np.arange(289)
    series = make_series(
        air=BASE_TEMPERATURE + 10.0 - 6.0 * np.cos(OMEGA * (time - 7200.0)), wind=3.0,
        indoor=BASE_TEMPERATURE + 7.0, deep=BASE_TEMPERATURE - 3.0,
    )  # fmt: skip
    case = driven(series, emissivity=0.93)
    case = dataclasses.replace(
        case, physics=physics_numbers(dataclasses.replace(STILL, convection=model))
    )
    names = list(LIBRARY)
    items = [LIBRARY[name] for name in names]
    light = 800.0 * np.maximum(0.0, -np.cos(OMEGA * time)) ** 2
    sky = 330.0 + 15.0 * np.sin(OMEGA * time)
    means = [0.5 * (v[1:] + v[:-1]) for v in (light, sky)]
    got = march_given(case, names, short=means[0], long=means[1])[:, :, 0]

    modes = [case.constructions.full[case.constructions.index(name)] for name in names]
    rate, surface, inner = pad_modes(modes)
    one = np.ones(len(names))
    whole = np.ones((len(names), 1))
    inside = [
        series.deep_ground_temperature if item.kind == "ground" else series.indoor_temperature
        for item in items
    ]
    air = whole * series.air_temperature
    rough = np.array([roughness_multiplier(item.roughness) for item in items])
    exact = march(
        Slabs(rate, surface, inner, one, 0.93 * one, 0 * one, np.zeros(len(names), int), 280 * one),
        Boundary(
            step=600.0,
            shortwave=whole * light,
            longwave=whole * sky,
            air=air,
            inner=np.array(inside),
            evaporation=whole * priestley_taylor_factor(series.air_temperature, series.pressure),
            film=lambda n, theta: h_conv(
                model, theta - air[:, n], 3.0, cos_tilt=1.0, roughness=rough
            ),
        ),
        144,
    )
    difference = got - (exact.temperature[:, 1:] - BASE_TEMPERATURE)
    rms = np.sqrt((difference**2).mean(axis=1))
    # Modes left out: 5 to 18 mK per 10 K of sol-air amplitude, of which these days have some 20.
    # 8 mK are seen, in the ground.
    assert rms.max() < 0.015, dict(zip(names, rms.round(4), strict=True))
