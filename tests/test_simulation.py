"""Questions to a simulation: what comes back, from which paths, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
import pytest

import heatmat as hm
from heatmat.points import TEMPS_COLUMNS
from tests.block_city import (
    COURTYARD,
    CRS,
    EAST_WALL,
    EXTENT,
    ROOF,
    STREET,
    block,
    block_scenario,
)
from tests.conftest import ROOT, SEED

FLUXES = [
    "absorbed_shortwave_w_m2",
    "net_longwave_w_m2",
    "convection_w_m2",
    "latent_w_m2",
    "conduction_w_m2",
]


def points(**columns: object) -> pd.DataFrame:
    """A street, a courtyard, a roof and a wall, with more columns or others in place."""
    places = [STREET, COURTYARD, ROOF, EAST_WALL[:2]]
    table = {
        "id": ["street", "courtyard", "roof", "wall"],
        "surface": ["ground", "ground", "roof", "wall"],
        "x": [x for x, _ in places],
        "y": [y for _, y in places],
        "z": [np.nan, np.nan, np.nan, EAST_WALL[2]],
    }
    return pd.DataFrame({**table, **columns})


def one(surface: str, x: float, y: float, **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"id": ["p"], "surface": [surface], "x": [x], "y": [y], **columns})


def kelvin(result: hm.Result) -> np.ndarray:
    return result.temperature.to_numpy()


def test_rows_of_a_query() -> None:
    frame = block().query(points()).to_dataframe()
    assert tuple(frame.columns) == TEMPS_COLUMNS
    assert len(frame) == 4 * 24
    assert list(frame["id"].unique()) == ["street", "courtyard", "roof", "wall"]
    assert frame["time"].iloc[0] == "2023-07-14T01:00:00+01:00"
    assert frame["time"].iloc[23] == "2023-07-15T00:00:00+01:00"
    wall = frame[frame["id"] == "wall"].iloc[0]
    assert wall["building_id"] == "ring" and wall["z"] == EAST_WALL[2]
    assert frame[frame["id"] == "roof"]["z"].unique() == pytest.approx([12.01], abs=0.02)
    assert frame[FLUXES].sum(axis=1).abs().max() < 0.5
    # 1 cm between a wall point and its wall, and nothing to snap elsewhere.
    assert frame["snap_distance_m"].max() < 0.02
    assert frame["rays"].min() >= 64


def test_same_seed_same_numbers_and_another_within_errors(tmp_path: Path) -> None:
    asked = points()
    first = block().query(asked, target_error=0.0, max_rays=512)
    again = block().query(asked, target_error=0.0, max_rays=512)
    assert np.array_equal(kelvin(first), kelvin(again))
    with hm.Simulation(block_scenario(tmp_path), device="cpu", seed=SEED + 1) as other:
        second = other.query(asked, target_error=0.0, max_rays=512)
    difference = kelvin(first) - kelvin(second)
    assert np.abs(difference).max() > 0.0
    error = np.hypot(first.standard_error.to_numpy(), second.standard_error.to_numpy())
    # Hours of a point share their paths: four independent numbers, each mean square of t with 14
    # degrees of freedom, under 3 squared.
    assert np.sqrt(np.mean((difference / error) ** 2, axis=1)).max() < 3.0


def test_neighbours_in_a_query_do_not_matter() -> None:
    together = block().query(points(), target_error=0.0, max_rays=64)
    alone = block().query(points().iloc[[3]], target_error=0.0, max_rays=64)
    assert np.array_equal(kelvin(together)[3], kelvin(alone)[0])


@pytest.fixture(scope="module")
def by_threads(tmp_path_factory: pytest.TempPathFactory) -> dict[int, np.ndarray]:
    """Temperatures from processes with one and with two threads."""
    program = (
        "import sys, numpy as np, heatmat as hm\n"
        "from pathlib import Path\n"
        "from tests.block_city import block_scenario\n"
        "from tests.test_simulation import points\n"
        "s = hm.Simulation(block_scenario(Path(sys.argv[1])), device='cpu', seed=1)\n"
        "r = s.query(points(), target_error=0.0, max_rays=256)\n"
        "np.save(sys.argv[2], r.temperature.to_numpy())\n"
    )
    found = {}
    for threads in (1, 2):
        folder = tmp_path_factory.mktemp(f"threads{threads}")
        out = folder / "t.npy"
        environment = {**os.environ, "HEATMAT_THREADS": str(threads)}
        subprocess.run(
            [sys.executable, "-c", program, str(folder), str(out)],
            check=True, cwd=ROOT, env=environment, timeout=150,
        )  # fmt: skip
        found[threads] = np.load(out)
    return found


def test_threads_do_not_matter(by_threads: dict[int, np.ndarray]) -> None:
    # No sum crosses threads, so the numbers are the same to the last bit.
    assert np.array_equal(by_threads[1], by_threads[2])


def test_surface_any_is_what_is_seen_from_above() -> None:
    asked = points(surface="any", z=np.nan).iloc[:3]
    found = block().query(asked).ds["surface"].to_numpy()
    assert list(found) == ["ground", "ground", "roof"]


def test_longitude_and_latitude() -> None:
    to_degrees = pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(points()["x"], points()["y"])
    asked = points(lon=lon, lat=lat).drop(columns=["x", "y"])
    by_degrees = block().query(asked)
    by_metres = block().query(points())
    # Streams are keyed by millimetres, so the transformation's own rounding may change the paths.
    assert np.allclose(by_degrees.ds["x"], by_metres.ds["x"], atol=1e-3)
    assert np.allclose(by_degrees.ds["y"], by_metres.ds["y"], atol=1e-3)


def test_an_area_asks_for_its_kind_only() -> None:
    # The square lies half over the courtyard's southern edge.
    x, y = COURTYARD[0], COURTYARD[1] - 6.0
    for surface in ("ground", "roof"):
        asked = one(surface, x, y, resolution_m=6.0)
        result = block().query(asked, target_error=0.5)
        assert result.ds["surface"].item() == surface
    by_kind = [
        kelvin(block().query(one(kind, x, y, resolution_m=6.0), target_error=0.2, max_rays=4096))
        for kind in ("ground", "roof", "any")
    ]
    low = np.minimum(by_kind[0], by_kind[1]) - 0.6  # three errors of 0.2 K
    high = np.maximum(by_kind[0], by_kind[1]) + 0.6
    assert ((low <= by_kind[2]) & (by_kind[2] <= high)).all()


def test_wall_patch_is_the_mean_of_its_parts() -> None:
    x, y, z = EAST_WALL
    patch = block().query(one("wall", x, y, z=z, resolution_m=8.0), target_error=0.0, max_rays=4096)
    heights = np.repeat(z + np.arange(-3.0, 4.0, 2.0), 4)
    sides = np.tile(y + np.arange(-3.0, 4.0, 2.0), 4)
    parts = pd.DataFrame(
        {"id": range(16), "surface": "wall", "x": x, "y": sides, "z": heights, "resolution_m": 2.0}
    )
    many = block().query(parts, target_error=0.0, max_rays=256)
    mean = kelvin(many).mean(axis=0)
    mean_error = np.sqrt((many.standard_error.to_numpy() ** 2).sum(axis=0)) / 16.0
    error = np.hypot(patch.standard_error.to_numpy()[0], mean_error)
    # Few paths a point leave under 0.02 K of bias in its nonlinear balance.
    assert (np.abs(kelvin(patch)[0] - mean) < 3.0 * error + 0.02).all()


def test_only_some_times() -> None:
    whole = block().query(points(), target_error=0.0, max_rays=64)
    some = block().query(
        points(), times=["2023-07-14T06:00", "2023-07-14T14:00"], target_error=0.0, max_rays=64
    )
    assert some.ds.sizes["time"] == 2
    assert np.array_equal(kelvin(some), kelvin(whole)[:, [5, 13]])


def test_more_rays_until_the_target_is_reached() -> None:
    asked = points().iloc[[3]]
    coarse = block().query(asked, target_error=1.0, max_rays=65536)
    fine = block().query(asked, target_error=0.15, max_rays=65536)
    assert fine.ds["rays"].item() > coarse.ds["rays"].item()
    # The upper 90 % bound of the root mean square over time is what stops it.
    # It is 1.42 errors where hours tell as much apart as is counted, and what is told of a place
    # that stopped is up to 1.11 of its replicates' (10.5 degrees of freedom; two are lost).
    assert np.sqrt(np.mean(fine.standard_error.to_numpy() ** 2)) < 0.15 / 1.41 * 1.12


def test_a_construction_that_the_city_has_not() -> None:
    asked = one("roof", *ROOF)
    plain = block().query(asked)
    metal = block().query(one("roof", *ROOF, construction=["metal_roof"]))
    assert metal.ds["construction"].item() == "metal_roof"
    # A thin sheet follows the sky: colder at night than bitumen on its slab.
    assert (kelvin(metal)[0, 3] < kelvin(plain)[0, 3] - 0.5).all()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (one("roof", *COURTYARD), "no roof within 1.5 m"),
        (one("ground", *ROOF), "no ground within 1.5 m"),
        (one("wall", *STREET, z=[2.0]), "no wall within 1.5 m"),
        (one("wall", *EAST_WALL[:2], z=[5.0], azimuth_deg=[270.0]), "facing 270"),
        (one("wall", *EAST_WALL[:2], z=[20.0]), "no wall within 1.5 m"),
        (one("ground", EXTENT[2] + 50.0, EXTENT[1] + 5.0), "outside the extent"),
        (one("roof", *ROOF, construction=["metal_rof"]), "metal_roof"),
        (one("lawn", *ROOF), "lawn"),
    ],
)
def test_points_that_cannot_be(rows: pd.DataFrame, expected: str) -> None:
    good = points()
    with pytest.raises(hm.InputError) as caught:
        block().query(pd.concat([good, rows], ignore_index=True))
    message = str(caught.value)
    assert expected in message
    assert "\n" not in message
    assert "row 4" in str(caught.value.where)  # of the DataFrame's own index


def test_a_square_without_its_surface_is_told_once(recwarn: pytest.WarningsRecorder) -> None:
    """The ground is a metre away, and the square does not reach it: an error, without NumPy."""
    inside = one("ground", EAST_WALL[0] - 1.0, EAST_WALL[1])
    with pytest.raises(hm.InputError, match="no exposed ground there; ask for a larger resolution"):
        block().query(inside, resolution=0.5)
    assert not [w for w in recwarn if w.category is RuntimeWarning]
    assert np.isfinite(kelvin(block().query(inside, resolution=4.0))).all()


def test_a_time_that_was_not_simulated() -> None:
    with pytest.raises(hm.InputError, match="not one of the simulated output times"):
        block().query(points(), times=["2023-07-16T14:00"])


def test_cool_roofs() -> None:
    cooler = block().with_interventions(
        [{"name": "cool", "where": {"surface": "roof"}, "set": {"albedo": 0.8}}]
    )
    found = hm.compare(block(), cooler, points(), max_rays=256).ds
    delta = found["temperature_difference"].to_numpy()
    assert delta[2, 11] < -5.0  # the roof at noon
    assert (delta[2, 9:16] < -2.0).all()
    # Everybody else lies below the roofs: they see none, and what roofs reflect goes to the sky.
    assert np.abs(delta[[0, 1]]).max() < 0.05
    assert (found["standard_error"].to_numpy()[2] < 0.1).all()


def test_a_change_of_nothing_is_exactly_nothing() -> None:
    as_it_is = block().constructions["bitumen_roof"].albedo
    same = block().with_interventions(
        [{"name": "none", "where": {"surface": "roof"}, "set": {"albedo": as_it_is}}]
    )
    found = hm.compare(block(), same, points(), max_rays=64).ds
    assert (found["temperature_difference"].to_numpy() == 0.0).all()
    assert (found["standard_error"].to_numpy() == 0.0).all()


def test_thirty_days_in_one_chunk_and_in_seven(tmp_path: Path) -> None:
    from heatmat.estimate import average
    from heatmat.placing import place_points
    from heatmat.sampling_plan import replicate
    from heatmat.solver import Solver

    month = {"start": "2023-07-14T00:00", "end": "2023-08-13T00:00", "spin_up_days": 0}
    weather = tmp_path / "month.csv"
    write_month(weather)
    scenario = block_scenario(tmp_path, weather={"csv": str(weather)}, time=month)
    with hm.Simulation(scenario, device="cpu", seed=SEED) as simulation:
        case = simulation.case
    found = []
    for steps in (30 * 144, 618):
        solver = Solver(case, "cpu", chunk_steps=steps)
        places = place_points(solver, hm_points(points(), simulation), SEED)
        starts = solver.solve(replicate(places.requests, 1, replicates=2), 8)
        assert len(solver.plan.chunks) == (1 if steps > 4000 else 7)
        found.append(average(starts, 4, 1, 8).mean[..., 0])
        solver.close()
    assert np.abs(found[0] - found[1]).max() < 1e-3


def hm_points(table: pd.DataFrame, simulation: hm.Simulation) -> pd.DataFrame:
    from heatmat.points import as_points

    return as_points(table, crs=simulation.maps.crs_wkt)


def write_month(path: Path) -> None:
    """Hourly weather of 31 days that differ."""
    hours = np.arange(31 * 24 + 1)
    day = 2.0 * np.pi * hours / 24.0
    light = np.maximum(0.0, -np.cos(day)) * (0.6 + 0.4 * np.cos(hours / 40.0))
    air = 18.0 - 6.0 * np.cos(day - 0.6) + 4.0 * np.sin(hours / 60.0)
    time = pd.Timestamp("2023-07-13T12:00:00+01:00") + pd.to_timedelta(hours, unit="h")
    pd.DataFrame(
        {
            "time": [t.isoformat() for t in time],
            "air_temperature_c": air,
            "dew_point_c": air - 8.0,
            "wind_speed_m_s": 2.0 + np.sin(hours / 7.0),
            "ghi_w_m2": 700.0 * light,
            "dni_w_m2": 600.0 * light,
            "dhi_w_m2": 150.0 * light,
            "longwave_down_w_m2": 320.0 + 3.0 * (air - 18.0),
        }
    ).to_csv(path, index=False)


def test_short_ground_columns_go_on_in_soil():
    from heatmat.materials import construction_from_dict, material_library
    from heatmat.prepare import column_layers

    table = {
        "kind": "ground",
        "albedo": 0.2,
        "emissivity": 0.9,
        "layers": [{"material": next(iter(material_library())), "thickness_m": 0.2}],
    }
    layers = column_layers(construction_from_dict("yard", table))
    assert len(layers) == 2
    assert sum(layer.thickness for layer in layers) == pytest.approx(2.0, abs=1e-12)
