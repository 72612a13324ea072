"""3D paths against closed forms; every difference is asserted in standard errors at fixed seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heatmat.errors import InputError
from heatmat.reference.mesh import (
    AIR,
    CONTACT,
    INDOOR,
    INNER_ROOF,
    ROOF,
    SLAB_BOTTOM,
    SLAB_SIDE,
    SOLID,
    VOID,
    Mesh,
)
from heatmat.reference.scene import Accuracy
from heatmat.reference.solver import Answer, Options, ReferenceSolver
from heatmat.units import STEFAN_BOLTZMANN
from tests.conftest import SEED
from tests.reference.closed_forms import (
    BASE,
    STEPS,
    box_mesh,
    climate,
    slab_mesh,
    solid,
    wave_of_slab,
)

DAY = 2.0 * np.pi / 86400.0
FILM = 12.0
EXCHANGE = 4.0 * STEFAN_BOLTZMANN * BASE**3
INSIDE = {INNER_ROOF: 7.69}


def ask(
    solver: ReferenceSolver, point: tuple, stamps: list[float], paths: int, up: float = 1.0
) -> Answer:
    """Temperatures of a point that looks up, or down."""
    faces, places = solver.faces_at(np.array([point], float), np.array([[0.0, 0.0, up]]))
    answer = solver.solve(faces, places, np.array(stamps), paths, seed=SEED)
    # A walk may lose its way at an edge of the mesh; nothing else may.
    assert answer.counts["lost"] <= 1e-4 * answer.paths
    return answer


def off_by(answer: Answer, exact: np.ndarray) -> np.ndarray:
    """Difference to departures from `BASE`, in standard errors."""
    return np.abs(answer.mean[0] - BASE - exact) / answer.error[0]


def test_slab_under_a_daily_wave_of_air_and_sky() -> None:
    c = solid(0.3)
    wave = 10.0 * np.cos(2.0 * np.pi * np.arange(STEPS + 1) / STEPS)
    solver = ReferenceSolver(
        slab_mesh(0.3, INNER_ROOF, INDOOR), [c], climate(air=wave), inside_film=INSIDE
    )
    gain, _ = wave_of_slab(DAY, c, FILM + 0.9 * EXCHANGE, 7.69)
    stamps = [0.0, 30.0, 72.0]
    answer = ask(solver, (0.3, 0.2, 0.3), stamps, 2048)
    exact = np.array([(10.0 * gain * np.exp(1j * DAY * 600.0 * s)).real for s in stamps])
    assert answer.error.max() < 0.04
    assert (off_by(answer, exact) < 3.0).all()


def test_light_on_a_slab_that_is_held_below() -> None:
    c = solid(0.2)
    middles = np.arange(STEPS) + 0.5
    light = 200.0 + 100.0 * np.cos(2.0 * np.pi * middles / STEPS)
    solver = ReferenceSolver(slab_mesh(0.2, SLAB_BOTTOM, VOID), [c], climate(light=light, deep=4.0))
    loss = FILM + 0.9 * EXCHANGE
    _, gain = wave_of_slab(DAY, c, loss, np.inf)
    steady = 0.7 / 0.2
    mean = (0.7 * 200.0 + steady * 4.0) / (loss + steady)
    stamps = [10.0, 60.0, 100.0]
    exact = np.array([mean + (70.0 * gain * np.exp(1j * DAY * 600.0 * s)).real for s in stamps])
    answer = ask(solver, (0.0, 0.0, 0.2), stamps, 2048)
    assert answer.error.max() < 0.08
    assert (off_by(answer, exact) < 3.0).all()


def test_conducto_radiative_slab_between_sky_and_room() -> None:
    """Steady: radiation to a cold sky above, a film to warm air below, nothing else."""
    c = solid(0.1, emissivity=0.8)
    cold = climate(sky=-20.0, indoor=15.0, film=0.0)
    solver = ReferenceSolver(slab_mesh(0.1, INNER_ROOF, INDOOR), [c], cold, inside_film=INSIDE)
    out, into = 0.8 * EXCHANGE, 1.0 / (0.1 / 0.7 + 1.0 / 7.69)
    exact = (out * -20.0 + into * 15.0) / (out + into)
    answer = ask(solver, (1.0, 1.0, 0.1), [72.0], 2048)
    assert answer.error.max() < 0.15
    assert (off_by(answer, np.array([exact])) < 3.0).all()


def together(*parts: Mesh) -> Mesh:
    """Bodies that do not touch, of one solid, as one mesh."""
    firsts = np.cumsum([0] + [len(m.vertices) for m in parts[:-1]])
    joined = {
        name: np.concatenate([getattr(m, name) for m in parts])
        for name in ("kind", "building", "construction", "front", "behind")
    }
    return Mesh(
        vertices=np.concatenate([m.vertices for m in parts]),
        faces=np.concatenate([m.faces + n for m, n in zip(parts, firsts, strict=True)]),
        constructions=("solid",),
        counts={},
        **joined,
    )


def ceiling(side: float, low: float, high: float, kind: int, front: int) -> Mesh:
    """A slab that is open to the air below."""
    half = 0.5 * side
    kinds, fronts = [SLAB_SIDE] * 4 + [ROOF, kind], [VOID] * 4 + [AIR, front]
    return box_mesh((-half, -half, low), (half, half, high), kinds=kinds, fronts=fronts)


def test_radiation_between_grey_plates_counts_what_they_reflect() -> None:
    """Parallel plates exchange 1 / (1/e1 + 1/e2 - 1) of what black ones would."""
    c = solid(0.1, emissivity=0.5)
    mesh = together(
        slab_mesh(0.1, SLAB_BOTTOM, VOID), ceiling(40.0, 0.15, 0.25, INNER_ROOF, INDOOR)
    )
    weather = climate(deep=15.0, indoor=-15.0, film=0.0)
    solver = ReferenceSolver(mesh, [c], weather, inside_film=INSIDE)
    below, between, above = 0.1 / 0.7, 3.0 / EXCHANGE, 0.1 / 0.7 + 1.0 / 7.69
    exact = 15.0 - 30.0 * below / (below + between + above)
    answer = ask(solver, (1.0, 1.0, 0.1), [0.0], 1024)
    # Were plates black to what they receive, this would be 0.8 K colder.
    assert answer.error.max() < 0.15
    assert (off_by(answer, np.array([exact])) < 3.0).all()


def test_light_from_the_ground_on_a_plate_that_sees_no_sky() -> None:
    """Black in the longwave, so only light is reflected: the ground's, once."""
    c = solid(0.2, albedo=0.5, emissivity=1.0)
    mesh = together(slab_mesh(0.2, SLAB_BOTTOM, VOID), ceiling(0.2, 1.2, 1.4, SLAB_BOTTOM, VOID))
    solver = ReferenceSolver(mesh, [c], climate(light=400.0))
    loss = FILM + EXCHANGE + 0.7 / 0.2
    ground = 0.5 * 400.0 / loss
    exact = (0.5 * 0.5 * 400.0 + EXCHANGE * ground) / loss
    answer = ask(solver, (0.02, 0.03, 1.2), [0.0], 2048, up=-1.0)
    # The ground's edges and the plate's shadow take 1 % of it, 0.07 K; what is reflected is 4.7 K.
    assert answer.error.max() < 0.2
    assert abs(answer.mean[0, 0] - BASE - exact) < 0.07 + 3.0 * answer.error[0, 0]


def furnace(hot: float) -> Mesh:
    """A cube of 0.4 m in a room of 2 m whose walls are held at the furnace's temperature behind."""
    room = box_mesh((-1, -1, -1), (1, 1, 1), inside_out=True)
    shell = box_mesh(
        (-1.2, -1.2, -1.2), (1.2, 1.2, 1.2), kinds=[SLAB_BOTTOM] * 6, fronts=[VOID] * 6
    )
    cube = box_mesh((-0.2, -0.2, -0.2), (0.2, 0.2, 0.2))
    return together(room, shell, cube)


def test_cube_in_a_furnace_has_its_temperature() -> None:
    """Without roulette the weights of what a path gathers sum to one, whatever way it takes."""
    everything = climate(air=15.0, deep=15.0, sky=-300.0)
    options = Options(roulette=1e-5)
    solver = ReferenceSolver(furnace(15.0), [solid(0.2)], everything, options=options)
    answer = ask(solver, (0.05, 0.02, 0.2), [0.0], 32)
    # What is cut off weighs under 1e-5, of 15 K; the rest is single precision.
    assert np.abs(answer.replicates - BASE - 15.0).max() < 1e-3


def test_near_an_edge_a_cube_still_has_it() -> None:
    everything = climate(air=15.0, deep=15.0, sky=-300.0)
    options = Options(roulette=1e-5)
    solver = ReferenceSolver(furnace(15.0), [solid(0.2)], everything, options=options)
    answer = ask(solver, (0.199, 0.198, 0.2), [0.0], 32)
    assert np.abs(answer.replicates - BASE - 15.0).max() < 1e-3


def stacked_slabs(lower: float, upper: float) -> Mesh:
    """Two slabs of different solids, one on the other."""
    below = slab_mesh(lower, INNER_ROOF, INDOOR)
    top = below.vertices.copy()
    top[:, 2] = np.where(top[:, 2] > 0.5 * lower, lower + upper, lower)
    # The lower slab's upper side is the contact; the upper slab has no lower side of its own.
    rows = np.array([r for r in range(12) if r // 2 != 4])
    kind = np.concatenate([below.kind, below.kind[rows]])
    front = np.concatenate([below.front, below.front[rows]])
    kind[10:12], front[10:12] = CONTACT, SOLID + 1
    behind = np.concatenate([below.behind, below.behind[rows] + 1])
    construction = np.concatenate([np.zeros(12, np.int32), np.ones(10, np.int32)])
    return Mesh(
        vertices=np.concatenate([below.vertices, top]),
        faces=np.concatenate([below.faces, below.faces[rows] + 8]),
        kind=kind,
        building=np.zeros(22, np.int32),
        construction=construction,
        front=front,
        behind=behind,
        constructions=("lower", "upper"),
        counts={},
    )


def test_heat_crosses_from_one_solid_into_another() -> None:
    lower, upper = solid(0.1, conductivity=1.5), solid(0.08, conductivity=0.3)
    weather = climate(air=0.0, indoor=20.0)
    solver = ReferenceSolver(stacked_slabs(0.1, 0.08), [lower, upper], weather, inside_film=INSIDE)
    out = FILM + 0.9 * EXCHANGE
    into = 1.0 / (0.08 / 0.3 + 0.1 / 1.5 + 1.0 / 7.69)
    answer = ask(solver, (0.5, 0.0, 0.18), [0.0], 4096)
    assert answer.error.max() < 0.05
    assert (off_by(answer, np.array([into * 20.0 / (out + into)])) < 3.0).all()


def test_error_of_the_step_length_falls_with_its_square() -> None:
    """A wave of four hours, which coarse steps smooth: a quarter of the length, 1/16 of it."""
    c = solid(0.3)
    wave = 10.0 * np.cos(6.0 * 2.0 * np.pi * np.arange(STEPS + 1) / STEPS)
    gain, _ = wave_of_slab(6.0 * DAY, c, FILM + 0.9 * EXCHANGE, 7.69)
    stamps = [0.0, 3.0, 6.0]
    exact = np.array([(10.0 * gain * np.exp(6j * DAY * 600.0 * s)).real for s in stamps])
    bias, error = [], []
    for share, paths in ((0.2, 2048), (0.05, 2048)):
        solver = ReferenceSolver(
            slab_mesh(0.3, INNER_ROOF, INDOOR), [c], climate(air=wave), inside_film=INSIDE,
            accuracy=Accuracy(share_of_thickness=share, minutes=60.0),
        )  # fmt: skip
        answer = ask(solver, (0.3, 0.2, 0.3), stamps, paths)
        bias.append(np.linalg.norm(answer.mean[0] - BASE - exact))
        error.append(np.linalg.norm(answer.error[0]))
    # The coarse error must stand out, or there is nothing to converge.
    assert bias[0] > 10.0 * error[0]
    assert bias[1] < bias[0] / 16.0 + 3.0 * np.hypot(error[1], error[0] / 16.0)


def test_paths_replayed_for_a_day_give_what_single_instants_give() -> None:
    c = solid(0.3)
    air = 10.0 * np.cos(2.0 * np.pi * np.arange(STEPS + 1) / STEPS)
    weather = climate(air=air)
    # Coefficients that change over the day, so that the replay has to weight its modes.
    stamps = weather.stamps.copy()
    stamps[2] *= 1.0 + 0.2 * np.sin(2.0 * np.pi * np.arange(STEPS + 1) / STEPS)
    stamps[3] = 2.0 + 1.5 * np.sin(4.0 * np.pi * np.arange(STEPS + 1) / STEPS)
    weather = replace(weather, stamps=stamps, film_a=4.0, film_b=4.0)
    solver = ReferenceSolver(slab_mesh(0.3, INNER_ROOF, INDOOR), [c], weather, inside_film=INSIDE)
    instants = [12.0, 48.0, 120.0]
    day = ask(solver, (0.3, 0.2, 0.3), instants, 1024)
    for i, instant in enumerate(instants):
        alone = ask(solver, (-2.0, 1.0, 0.3), [instant], 1024)
        allowed = 3.0 * np.hypot(alone.error[0, 0], day.error[0, i])
        assert abs(alone.mean[0, 0] - day.mean[0, i]) < allowed


def test_second_picard_iterate_has_the_fourth_power() -> None:
    """A slab 30 K colder than the air by radiation alone to a cold sky."""
    c = solid(0.1, emissivity=0.9)
    sky = -80.0
    weather = climate(air=0.0, sky=sky, indoor=10.0, film=1.0)
    into = 1.0 / (0.1 / 0.7 + 1.0 / 7.69)
    # W m-2 from the sky: linear about the air, which is at BASE
    incoming = STEFAN_BOLTZMANN * BASE**4 + EXCHANGE * sky
    theta = 0.0
    for _ in range(50):
        t = BASE + theta
        residual = 0.9 * (incoming - STEFAN_BOLTZMANN * t**4) - theta + into * (10.0 - theta)
        theta += residual / (0.9 * 4.0 * STEFAN_BOLTZMANN * t**3 + 1.0 + into)
    solver = ReferenceSolver(slab_mesh(0.1, INNER_ROOF, INDOOR), [c], weather, inside_film=INSIDE)
    first = ask(solver, (0.0, 0.0, 0.1), [0.0], 2048)
    rise = np.full((len(solver.mesh.faces), STEPS), first.mean[0, 0] - BASE)
    solver.set_reference(rise)
    second = ask(solver, (0.0, 0.0, 0.1), [0.0], 2048)
    assert abs(first.mean[0, 0] - BASE - theta) > 10.0 * first.error[0, 0]
    # What is left of the first iterate's error, squared, is 0.1 K.
    left = 6.0 * STEFAN_BOLTZMANN * BASE**2 * (first.mean[0, 0] - BASE - theta) ** 2 * 0.9
    allowed = 3.0 * second.error[0, 0] + left / (0.9 * EXCHANGE + 1.0 + into)
    assert abs(second.mean[0, 0] - BASE - theta) < allowed


def test_constructions_of_several_layers_are_refused() -> None:
    c = solid(0.1)
    layered = replace(c, layers=c.layers * 2)
    with pytest.raises(InputError, match="one opaque layer"):
        ReferenceSolver(slab_mesh(0.1, ROOF, AIR), [layered], climate())


def test_probes_off_the_mesh_are_named() -> None:
    solver = ReferenceSolver(slab_mesh(0.1, SLAB_SIDE, VOID), [solid(0.1)], climate())
    with pytest.raises(InputError, match="probe 0"):
        solver.faces_at(np.array([[0.0, 0.0, 0.4]]), np.array([[0.0, 0.0, 1.0]]))
