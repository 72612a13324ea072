"""Slabs as exponential modes: grid, eigenvalues, reduction, each against a closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from heatmat.conduction import (
    MODES,
    SlabLayer,
    discretise,
    eigenmodes,
    exponential_coefficients,
    free_response,
    slab_modes,
)
from heatmat.construction import INSIDE_FILM, Construction, Layer
from heatmat.kernels import layout
from heatmat.library import library
from heatmat.prepare import column_layers, inner_conductance, slab_layers
from tests.physics_case import surface_impedance

DAY = 86400.0
LIBRARY = {name: item for name, item in library().items() if name == item.name}
BRICK = SlabLayer(0.3, 0.8, 1.5e6)


def impedance_of_modes(
    rate: np.ndarray, gain: np.ndarray, direct: float, omega: np.ndarray, film: float
) -> np.ndarray:
    """Response of the modal system with its reference film taken out again."""
    z = direct + (gain / (1.0 + 1j * omega[:, None] / rate)).sum(axis=1)
    return z / (1.0 - film * z)


def test_kernels_hold_as_many_modes_as_a_slab() -> None:
    assert layout.MODES == MODES


@pytest.mark.parametrize("inner", [0.0, 7.69, np.inf])
def test_decay_rates_of_a_robin_slab(inner: float) -> None:
    """Roots of Carslaw and Jaeger (1959), section 3.11, eq. 3, by bisection."""
    film = 16.0
    modes = eigenmodes(discretise([BRICK], inner), film)
    k, length = BRICK.thermal_conductivity, BRICK.thickness
    h = min(inner, 1e9)

    def zero(beta: float) -> float:
        return (k * beta * (film + h) * np.cos(beta * length)) - (
            k**2 * beta**2 - film * h
        ) * np.sin(beta * length)

    grid = np.linspace(1e-3, 8 * np.pi / length, 4000)
    signs = np.sign([zero(b) for b in grid])
    roots = [brentq(zero, grid[i], grid[i + 1]) for i in np.flatnonzero(signs[1:] != signs[:-1])]
    exact = np.array(roots[:4]) ** 2 * k / BRICK.heat_capacity
    # Cells of up to a 24th of the slab: (beta cell)^2 / 12 is 0.02 in the fourth mode, 0.001 in the
    # first.
    assert (np.abs(modes.rate[:4] / exact - 1.0) < [1e-3, 5e-3, 1e-2, 2e-2]).all()


@pytest.mark.parametrize("name", LIBRARY)
def test_every_construction_answers_like_its_layers(name: str) -> None:
    """Surface temperature per flux from a day to half an hour, grid and reduction included."""
    layers = slab_layers(LIBRARY[name])
    inner = inner_conductance(LIBRARY[name], INSIDE_FILM)
    modes = slab_modes(layers, inner)
    omega = 2.0 * np.pi / np.array([1e9, DAY, DAY / 2, DAY / 4, DAY / 24, DAY / 48])
    exact = surface_impedance(layers, inner, omega)
    got = impedance_of_modes(modes.rate, modes.gain, modes.direct, omega, modes.film)
    # Outdoors a film of some 15 W/m2K acts beside the slab: 10 K of sol-air amplitude moves the
    # surface by 10 |z / (z + 1/15)|. The eight modes kept differ from it by 5 mK for a day's wave
    # and by 9 mK for one of an hour, of which there is far less.
    answers = [10.0 * z / (z + 1.0 / 15.0) for z in (got, exact)]
    assert np.abs(answers[0] - answers[1]).max() < 0.010


def test_layers_stand_in_their_order() -> None:
    """Insulation outside on a heavy wall: the sun warms its skin, inside out the whole."""
    board, heavy = Layer(0.1, 0.035, 30.0, 1400.0), Layer(0.2, 2.0, 2400.0, 900.0)
    wall = Construction("outside", "wall", (board, heavy), albedo=0.3, emissivity=0.9)
    omega = np.array([2.0 * np.pi / DAY])
    by_hand = [SlabLayer(0.1, 0.035, 4.2e4), SlabLayer(0.2, 2.0, 2.16e6)]
    exact, turned = (surface_impedance(layers, 7.69, omega) for layers in (by_hand, by_hand[::-1]))
    modes = slab_modes(slab_layers(wall), 7.69)
    got = impedance_of_modes(modes.rate, modes.gain, modes.direct, omega, modes.film)
    assert abs(exact[0]) > 5.0 * abs(turned[0])
    assert abs(got[0] / exact[0] - 1.0) < 0.01  # eight modes and the grid


def test_the_reduction_keeps_its_own_bound() -> None:
    """Balanced truncation of symmetric systems: twice the sum of what was dropped."""
    layers = slab_layers(LIBRARY["asphalt_street"])
    modes = slab_modes(layers, np.inf)
    omega = np.geomspace(1e-7, 1e-1, 60)
    full = modes.full
    whole = (full.surface**2 / (full.rate + 1j * omega[:, None])).sum(axis=1)
    reduced = modes.direct + (modes.gain / (1 + 1j * omega[:, None] / modes.rate)).sum(axis=1)
    # What is faster than 20 s is not kept apart: 1e-4 K m2/W of the direct part.
    assert np.abs(whole - reduced).max() < modes.truncation_error + 1.0e-3
    slow = omega < 2 * np.pi / 3600.0
    assert np.abs(whole - reduced)[slow].max() < 5e-4


@pytest.mark.parametrize("name", LIBRARY)
def test_what_is_too_fast_to_be_kept_is_late_by_as_much(name: str) -> None:
    """At a day and its parts the slab is within the bound of what was balanced.

    With modes within 20 s that follow at once, 14 constructions are up to 9e-6 K m2 W-1 beyond it.
    """
    item = LIBRARY[name]
    modes = slab_modes(column_layers(item), inner_conductance(item, INSIDE_FILM))
    s = 2j * np.pi / DAY * np.array([1.0, 2.0, 4.0])[:, None]
    whole = (modes.full.surface**2 / (modes.full.rate + s)).sum(axis=1)
    kept = modes.direct + (modes.gain * modes.rate / (modes.rate + s)).sum(axis=1)
    # Half a millionth is what is left of glass, at six hours: 0.1 mK of some hundred W m-2.
    assert np.abs(kept - whole).max() < modes.truncation_error + 5e-7


def test_massless_layers_and_thin_sheets_are_plain_resistances() -> None:
    layers = [SlabLayer(0.0005, 50.0, 3.6e6), SlabLayer(resistance=0.18), BRICK]
    modes = slab_modes(layers, 7.69)
    steady = modes.gain.sum() + modes.direct
    resistance = 0.0005 / 50.0 + 0.18 + 0.3 / 0.8 + 1 / 7.69
    assert 1.0 / steady - modes.film == pytest.approx(1.0 / resistance, rel=1e-6)


def test_grid_is_fine_enough() -> None:
    """Halving every cell moves no answer by 5 mK (10 K of sol-air swing, a day to an hour)."""
    omega = 2.0 * np.pi / np.array([DAY, DAY / 4, DAY / 24])
    for name in ("wood_wall", "metal_wall", "bitumen_roof", "tile_roof", "asphalt_street"):
        item, answers = LIBRARY[name], []
        for refine in (1.0, 2.0):
            full = eigenmodes(
                discretise(slab_layers(item), inner_conductance(item, INSIDE_FILM), refine)
            )
            z = (full.surface**2 / (full.rate + 1j * omega[:, None])).sum(axis=1)
            answers.append(10.0 * 15.0 * z / (1.0 - (16.0 - 15.0) * z))
        assert np.abs(answers[0] - answers[1]).max() < 0.005, name


def test_steps_are_exact_for_inputs_that_are_linear_over_them() -> None:
    rate, gain = np.array([1e-5, 1e-3, 0.1]), np.array([0.1, 0.02, 0.001])
    one = exponential_coefficients(rate, gain, 600.0)
    half = exponential_coefficients(rate, gain, 300.0)
    start, u0, u1 = np.array([0.3, -0.1, 0.02]), 50.0, 80.0
    whole = one[0] * start + one[1] * u0 + one[2] * (u1 - u0)
    x = start
    for a, b in ((u0, 65.0), (65.0, u1)):
        x = half[0] * x + half[1] * a + half[2] * (b - a)
    np.testing.assert_allclose(whole, x, rtol=1e-12)


def test_free_response_is_steady_and_periodic() -> None:
    full = eigenmodes(discretise([BRICK], 7.69), 16.0)
    steady = 16.0 + 1.0 / (0.3 / 0.8 + 1 / 7.69)
    share = (steady - 16.0) / steady
    flat = free_response(full, np.full(300, 5.0), 600.0, 144)
    np.testing.assert_allclose(flat, 5.0 * share, rtol=1e-6)
    wave = 3.0 * np.sin(2 * np.pi * np.arange(289) / 144)
    answer = free_response(full, wave, 600.0, 144)
    # The first day is already the one that repeats.
    np.testing.assert_allclose(answer[144:], answer[:145], atol=1e-9)
    assert 0.01 < np.ptp(answer) < 1.0


def test_an_adiabatic_slab_holds_its_heat() -> None:
    """Only the film drains it: the slowest rate is film over capacity, for a thin slab."""
    thin = SlabLayer(0.01, 50.0, 3.6e6)
    modes = eigenmodes(discretise([thin], 0.0), 16.0)
    assert modes.rate[0] == pytest.approx(16.0 / 36_000.0, rel=2e-3)  # Biot number 0.003
