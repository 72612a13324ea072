"""Sensitivities by tangents: against central differences along the same paths."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pytest

import heatmat as hm
from heatmat.construction import Construction
from heatmat.directions import UNITS, Direction, _neighbours, fit_modes
from heatmat.district_sample import PATHS, district_sample, mean_and_error
from heatmat.errors import InputError
from heatmat.prepare import construction_table
from heatmat.sensitivities import mark_selection, sensitivity, sensitivity_map
from heatmat.simulation_parts import assemble_case
from heatmat.solver import Solver
from heatmat.tangents import TangentSolver
from tests.block_city import COURTYARD, EAST_WALL, ROOF, block, block_scenario
from tests.conftest import SEED

STARTS = 128
WITHIN = 0.02
"""Share of the sensitivities within which tangents agree with central differences, root mean square
over places and hours: where a limited slope switches, single hours of a difference do not."""

SLABS = (
    ("solid_brick_wall", "conductivity", (0, 2)),
    ("solid_brick_wall", "thickness", (2,)),
    ("asphalt_street", "conductivity", (0,)),
    ("asphalt_street", "thickness", (0,)),
    ("bitumen_roof", "thickness", (1,)),
    ("bitumen_roof", "conductivity", (1,)),
)
"""What changes of a first layer, and the kinds of surface that know of it: roofs above all walls do
not, and the ground hardly knows how thick walls are."""

PLACES = {
    "id": ["courtyard", "roof", "wall"],
    "surface": ["ground", "roof", "wall"],
    "x": [COURTYARD[0], ROOF[0], EAST_WALL[0]],
    "y": [COURTYARD[1], ROOF[1], EAST_WALL[1]],
    "z": [np.nan, np.nan, EAST_WALL[2]],
}


class BesideTangents(TangentSolver):
    """Temperatures as the kernels of derivatives march them, which know every convection law.

    The solver's own kernels are compiled for each law.
    """

    def _march_paths(self, *_: object) -> None:
        pass

    def _gather(self, chunk, forcing, records, view, rays, values):
        (direction,) = self._directions
        self._march_tangents(chunk, forcing, records, direction)
        found = self._gather_tangents(chunk, forcing, records, rays, direction, 1.0)
        self._found[0].append(np.stack([found, np.full_like(found, np.nan)]))
        out = self._buffer("tangent_out", (found.shape[0], chunk.outputs, 2))
        return out.to_numpy()[:, :, :1]


def tangents(
    simulation: hm.Simulation, directions: list[Direction], kind: type = TangentSolver
) -> tuple:
    """Starts and derivatives of a sample, and what its temperatures are for other numbers."""
    case = assemble_case(simulation.scenario, simulation.city, simulation.maps, simulation.forcing,
                 simulation.constructions)  # fmt: skip
    solver = kind(case, "cpu", simulation.stamps, simulation.constructions,
                           simulation.scenario.physics().inside_film)  # fmt: skip
    sample = district_sample(simulation, STARTS)
    starts, derivative = solver.solve_tangents(sample.requests, PATHS, directions)
    return sample, starts, derivative


def temperatures(simulation: hm.Simulation, constructions: dict, sample) -> np.ndarray:
    case = assemble_case(simulation.scenario, simulation.city, simulation.maps, simulation.forcing,
                 constructions)  # fmt: skip
    solver = Solver(case, "cpu", stamps=simulation.stamps)
    return solver.solve(sample.requests, PATHS).values[..., 0].astype(float)


def with_layer(item: Construction, key: str, factor: float) -> Construction:
    layers = list(item.layers)
    layers[0] = dataclasses.replace(layers[0], **{key: getattr(layers[0], key) * factor})
    return dataclasses.replace(item, layers=tuple(layers))


def agree(tangent: np.ndarray, difference: np.ndarray, starts, kinds=(0, 1, 2)) -> None:
    for kind in kinds:
        rows = starts.valid & (starts.kind == kind)
        apart, size = tangent[rows] - difference[rows], difference[rows]
        assert np.sqrt((apart**2).mean()) < WITHIN * np.sqrt((size**2).mean()), kind


@pytest.fixture(scope="module")
def found() -> tuple:
    """Derivatives by everything, of the block with tarp."""
    names = ("asphalt_street", "bitumen_roof", "solid_brick_wall")
    directions = [Direction(name, names) for name in ("albedo", "emissivity")]
    directions += [Direction(name, (item,)) for item, name, _ in SLABS]
    return tangents(block(), directions)


def test_temperatures_beside_tangents_are_those_of_a_query(found: tuple) -> None:
    sample, starts, _ = found
    own = block().solver.solve(sample.requests, PATHS)
    assert np.array_equal(own.values, starts.values)


def test_kernels_of_derivatives_march_the_same_temperatures(found: tuple) -> None:
    """Up to the order of sums in single precision, and cube roots that lanes take by series."""
    _, starts, _ = found
    beside = tangents(block(), [Direction("albedo", ("bitumen_roof",))], BesideTangents)[1]
    apart = beside.values[starts.valid] - starts.values[starts.valid]
    assert np.abs(apart).max() < 0.002
    assert np.array_equal(beside.valid, starts.valid)


@pytest.mark.parametrize(("row", "key"), [(0, "albedo"), (1, "emissivity")])
def test_albedo_and_emissivity_against_differences(found: tuple, row: int, key: str) -> None:
    sample, starts, derivative = found
    base, step = block(), 0.02
    sides = [
        temperatures(
            base,
            {
                name: dataclasses.replace(item, **{key: min(1.0, getattr(item, key) + change)})
                if name in ("asphalt_street", "bitumen_roof", "solid_brick_wall") else item
                for name, item in base.constructions.items()
            },
            sample,
        )
        for change in (step, -step)
    ]  # fmt: skip
    agree(derivative[row, 0], (sides[0] - sides[1]) / (2.0 * step), starts)


@pytest.mark.parametrize("slab", SLABS, ids=lambda slab: f"{slab[0]}-{slab[1]}")
def test_slabs_against_differences(found: tuple, slab: tuple) -> None:
    sample, starts, derivative = found
    name, property, kinds = slab
    base, step = block(), 0.04
    item = base.constructions[name]
    key = {"conductivity": "thermal_conductivity"}.get(property, property)
    value = getattr(item.layers[0], key)
    sides = [
        temperatures(
            base,
            {**base.constructions, name: with_layer(item, key, 1.0 + part)},
            sample,
        )
        for part in (step, -step)
    ]  # fmt: skip
    width = 2.0 * step * value
    difference = (sides[0] - sides[1]) / width
    tangent = derivative[2 + SLABS.index(slab), 0]
    agree(tangent, difference, starts, kinds)
    # The mean of all positions, at every hour
    mean, apart = difference[starts.valid].mean(axis=0), tangent - difference
    assert np.abs(apart[starts.valid].mean(axis=0)).max() < WITHIN * np.abs(mean).max()


def test_convection_against_differences() -> None:
    folder = Path(tempfile.mkdtemp(prefix="heatmat-tests-tangents-"))

    def made(constant: float) -> hm.Simulation:
        physics = {"convection": "linear", "linear_convection": [constant, 4.0]}
        return hm.Simulation(block_scenario(folder, physics=physics), device="cpu", seed=SEED)

    names = ("asphalt_street", "bitumen_roof", "solid_brick_wall")
    direction = [Direction("convection", names)]
    low, (_, starts, derivative), high = (
        tangents(made(constant), direction, BesideTangents) for constant in (3.8, 4.0, 4.2)
    )
    sides = [side[1].values[..., 0].astype(float) for side in (high, low)]
    agree(derivative[0, 0], (sides[0] - sides[1]) / 0.4, starts)


def test_own_effect_leaves_out_what_others_send(found: tuple) -> None:
    _, starts, derivative = found
    wall = starts.valid & (starts.kind == 2)
    # Walls that all turn brighter light each other: less cooling than by the own surface alone.
    both = derivative[0, :, wall].mean(axis=(0, 2))
    assert both[1] < both[0] < 0.0


def test_points_agree_with_what_if_and_are_known_to_half_a_percent() -> None:
    """The standard error of a sensitivity is under 0.5 % with a few thousand rays."""
    base, step = block(), 0.02
    where = {"surface": "wall"}
    found = sensitivity(base, "albedo", where=where, points=PLACES, max_rays=2048)
    mean, error = found.means()
    assert found.groups == PLACES["id"]
    wall = 2
    level = np.sqrt((mean[0, 0, wall] ** 2).mean())
    assert np.sqrt((error[0, 0, wall] ** 2).mean()) < 0.005 * level
    before = base.constructions["solid_brick_wall"].albedo
    sides = [
        base.with_interventions([{"name": "x", "where": where, "set": {"albedo": before + sign}}])
        for sign in (step, -step)
    ]
    change = hm.compare(sides[1], sides[0], PLACES, max_rays=2048).ds
    difference = change["temperature_difference"].to_numpy() / (2.0 * step)
    for place in (0, wall):
        size = np.abs(difference[place]).max()
        assert np.abs(mean[0, 0, place] - difference[place]).max() < WITHIN * size


def test_sampling_goes_on_until_effects_are_known() -> None:
    """Over the district and at points: errors come under the tolerance, means stay the same."""
    base, tolerance = block(), 0.02
    first = sensitivity(base, "albedo", starts=STARTS)
    assert first.short_of(tolerance)
    found = sensitivity(base, "albedo", starts=STARTS, tolerance=tolerance)
    assert not found.short_of(tolerance)
    assert first.positions < found.positions < 64 * first.positions
    before, after = first.means(), found.means()
    apart = (before[0] - after[0])[0, 0].mean(axis=-1)
    # Means over the day: errors of hours go together, and eight replicates tell them to a quarter.
    assert np.all(np.abs(apart) < 5.0 * (before[1] + after[1])[0, 0].mean(axis=-1))
    roofs = (40.0 * 30.0 - 16.0 * 12.0) + 12.0 * 12.0
    assert found.areas[found.groups.index("roof")] == pytest.approx(roofs, rel=0.03)
    points = {name: values[:1] + values[2:] for name, values in PLACES.items()}
    at_points = sensitivity(
        base, "albedo", where={"surface": "wall"}, points=points, max_rays=256, tolerance=0.01
    )
    assert not at_points.short_of(0.01)


def test_sampling_ends_all_the_same_and_tells_what_is_not_known() -> None:
    found = sensitivity(block(), "albedo", starts=STARTS, tolerance=0.001, growth=2.0)
    assert found.positions <= 2 * STARTS
    assert {row[0] for row in found.short_of(0.001)} == {"albedo"}
    with pytest.raises(InputError, match="tolerance"):
        sensitivity(block(), "albedo", starts=STARTS, tolerance=0.0)


def test_a_selection_marks_and_changes_nothing() -> None:
    base = block()
    marked, chosen = mark_selection(base, {"surface": "wall", "azimuth_deg": [45, 135]})
    assert chosen == ["solid_brick_wall+selected"]
    requests = district_sample(base, STARTS).requests
    a, b = (side.solver.solve(requests, PATHS).values for side in (base, marked))
    assert np.array_equal(a, b)


def test_tables_and_maps() -> None:
    frame = sensitivity(block(), ["albedo", "convection"], starts=STARTS).to_dataframe()
    roof = frame[(frame["property"] == "albedo") & (frame["group"] == "roof")]
    assert roof["effect_own_k"].min() < -3.0  # 0.1 of albedo at noon
    maps = sensitivity_map(block(), where={"surface": "roof"}, resolution=20.0)
    assert maps["effect_all"].shape == (24, 4, 5)
    assert float(maps["effect_all"].min()) < -1.0
    assert abs(float(maps["effect_own"].max())) < 1e-4  # brighter roofs warm no roof


def test_unknown_properties_and_layers_are_refused() -> None:
    with pytest.raises(InputError, match="albedo"):
        sensitivity(block(), "albeedo")
    with pytest.raises(InputError, match="layer"):
        sensitivity(block(), "thickness", layer=9, starts=STARTS)


NAMES = (
    "asphalt_street", "bitumen_roof", "rendered_masonry_wall", "insulated_brick_wall",
    "glass_curtain_wall",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("property", [p for p in UNITS if p in ("conductivity", "thickness")])
def test_fitted_modes_answer_as_the_whole_slab(name: str, property: str) -> None:
    """At the mean, a day and half a day: within 0.5 % of the change at that period.

    Glass, two modes of which say it all, has the rates of the others to differ by.
    """
    item = block().constructions[name]
    film = {"wall": 7.69, "roof": 5.88}
    table = construction_table([item], film)
    sides, width = _neighbours(item, Direction(property, (name,)), film)
    rate, gain = table.rate[0], table.gain[0]
    d_rate, d_gain, d_direct = fit_modes(rate, gain, *(side.full[0] for side in sides), width)
    s = 2j * np.pi / 86400.0 * np.array([0.0, 1.0, 2.0])[:, None]
    high, low = ((f.surface**2 / (f.rate + s)).sum(axis=1) for f in (t.full[0] for t in sides))
    fitted = (d_gain * rate / (rate + s) + gain * s * d_rate / (rate + s) ** 2).sum(axis=1)
    exact = (high - low) / width
    assert np.all(np.abs(fitted + d_direct - exact) < 0.005 * np.abs(exact))


def test_no_spread_without_two_replicates() -> None:
    _, error = mean_and_error(np.array([[1.0], [np.nan]]))
    assert np.isnan(error[0])
