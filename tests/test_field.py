"""The field and the maps that gather from it: against paths, against itself, its errors."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import numpy as np
import pytest

from heatmat import field_launch, field_map, field_places
from heatmat.case import BASE_TEMPERATURE, Case
from heatmat.errors import InputError
from heatmat.field import Field
from heatmat.field_errors import pooled_error
from heatmat.field_files import load_field, save_field
from heatmat.field_map import PixelGrid, Tile, gather_map
from heatmat.field_places import Effort, PlaceValues, gather_tile
from heatmat.physics import PhysicsOptions
from heatmat.runtime import ensure_device, ti
from tests.conftest import SEED
from tests.map_city import messy_city
from tests.physics_case import local, make_case_of, make_series, plan_requests, solve
from tests.validation.test_city_day import SPOTS, courtyard

HOURS = 6


def stamps_of(case: Case) -> np.ndarray:
    """Every hour of the window."""
    return np.arange(case.forcing.spin_up_steps + HOURS, case.forcing.n_steps + 1, HOURS)


@functools.cache
def court_field(seed: int = SEED) -> Field:
    """The courtyard's field, marched."""
    case = courtyard()
    field = Field(case, 4.0, stamps_of(case), device="cpu", seed=seed)
    field.march_chunk()
    return field


def window(case: Case, size: float, cells: int = 24) -> PixelGrid:
    """Pixels around the courtyard: its roofs, the court, the street."""
    west, north = _corner(case)
    return PixelGrid(west, north, size, cells, cells)


def _corner(case: Case) -> tuple[float, float]:
    corner = np.ravel(local(case, [6.0], [26.0]))
    return float(np.floor(corner[0])), float(np.floor(corner[1]))


def map_of(field: Field, size: float = 1.0, cells: int = 24, seed: int = SEED) -> Tile:
    grid = window(field.case, size, cells)
    return gather_map(lambda: field, grid, field.case.maps.origin, seed, field.words)


def test_furnace() -> None:
    """Sky, air, rooms and ground at one temperature: so is every pixel, within 3 mK."""
    t = BASE_TEMPERATURE + 25.0
    series = make_series(air=t, indoor=t, deep=t, wind=3.0)
    city = messy_city(np.random.default_rng(SEED), size=40.0, number=8)
    case = make_case_of(city, series, physics=PhysicsOptions(), changes={"emissivity": 0.9})
    field = Field(case, 12.0, stamps_of(case), device="cpu")
    field.march_chunk()
    maps = case.maps
    grid = PixelGrid(maps.west + 0.25 * maps.nx, maps.south + 0.75 * maps.ny, 2.0, 12, 12)
    found = gather_map(lambda: field, grid, maps.origin, 0, field.words)
    assert np.isfinite(found["surface_temperature"]).all()
    # Series are kept in steps of 0.03 W/m2: up to 2 mK, and 1 mK of the march.
    assert np.abs(found["surface_temperature"] - t).max() < 0.003


def test_field_against_paths() -> None:
    """Courtyard, grass, street and roofs: the means of a day."""
    field = court_field()
    case = field.case
    spots = local(case, *SPOTS.T)
    effort = Effort(samples=1, rays=128, sets=2)
    values, _ = gather_tile(field, plan_requests(spots, 8), effort, field.plan.chunks[0])
    mean, error = solve(case, plan_requests(spots, 8), 32, 8)
    gathered = values.mean.reshape(len(spots), 8, -1).mean(axis=1)
    difference = gathered - mean[:, HOURS - 1 :: HOURS, 0]
    spread = error[..., 0].mean(axis=1)
    assert spread.mean() < 0.1
    # Texels of 4 m leave 0.1 K near walls, four standard errors of the paths come on top; grass,
    # which may evaporate or not at night as the evening went, 0.2 K.
    allowed = np.array([0.1, 0.2, 0.1, 0.02, 0.02])
    assert (np.abs(difference.mean(axis=1)) < allowed + 4 * spread).all()
    # A gap in the shade shorter than two steps may be missed.
    assert np.abs(difference[3:]).max() < 0.2


def test_near_hits_are_marched_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A foot of the court from large texels: near hits bring it to the paths."""
    case = courtyard()
    field = Field(case, 8.0, stamps_of(case), device="cpu", seed=SEED)
    field.march_chunk()
    # The court and the foot of its wall.
    spots = local(case, *SPOTS[[0, 2]].T)
    requests = plan_requests(spots, 8)
    mean, error = solve(case, requests, 32, 8)

    def off(near: float) -> np.ndarray:
        effort = Effort(samples=1, rays=64, sets=2, near=near)
        values, _ = gather_tile(field, requests, effort, field.plan.chunks[0])
        gathered = values.mean.reshape(len(spots), 8, -1).mean(axis=1)
        return np.asarray(gathered - mean[:, HOURS - 1 :: HOURS, 0]).mean(axis=1)

    texels, near = off(0.0), off(2.0)
    assert np.abs(texels - near).max() > 1e-3  # something was near
    spread = error[..., 0].mean(axis=1)
    # As `test_field_against_paths`: what 4 m texels leave, here from texels of 8 m.
    assert (np.abs(near) < 0.1 + 4 * spread).all(), (texels, near, spread)
    # Points that send nothing are missed: by kelvins, so the check can fail.
    dark = ti.ndarray(dtype=ti.u32, shape=(4 * len(requests) * 128 * field.words,))
    dark.fill(0)
    true_near = field_places.march_near
    monkeypatch.setattr(
        field_places, "march_near", lambda *given: dark if true_near(*given) is not None else None
    )
    assert (off(2.0) < -1.0).all()


def test_tiles_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = map_of(court_field())
    monkeypatch.setattr(field_map, "TILE_BYTES", 1 << 19)
    parts = map_of(court_field())
    for name in ("surface_temperature", "sunlit_hours", "sky_view_factor"):
        np.testing.assert_array_equal(whole[name], parts[name])
    name = "surface_temperature_standard_error"
    np.testing.assert_allclose(whole[name], parts[name], rtol=1e-5)


def test_what_parts_of_a_pixel_have_in_common_is_in_its_error() -> None:
    """Two pixels of four equal parts, whose sets of rays are half a kelvin apart."""
    ensure_device("cpu")
    pixel = np.repeat([0, 1], 4)
    flat = np.ones(8, np.float32)
    together = np.full((8, 3), 0.25, np.float32)
    alternating = together * np.where(np.arange(8) % 2, 1.0, -1.0)[:, None].astype(np.float32)
    for half, expected in ((together, 0.25), (alternating, 0.0)):
        values = PlaceValues(
            sets=300.0 + np.stack([half, -half], axis=1),
            radiometric=np.full((8, 3), 300.0, np.float32),
            sky_view=flat, sunlit_hours=flat, valid=flat > 0.0,
            kind=np.zeros(8, int), composition=np.zeros(8, int),
        )  # fmt: skip
        tile = field_map._tile(values, flat, pixel, 2, flat > 0.0)
        error = pooled_error([tile], 3)[0]
        # Independent parts would give an eighth: half of a quarter.
        np.testing.assert_allclose(error, expected, atol=1e-5)


def test_workers_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of surfaces in the hands of many workers, or one after the other."""
    many = map_of(court_field())["surface_temperature"]
    monkeypatch.setattr(field_launch, "WORKERS_BYTES", 1)
    # Numbers that do not divide the blocks, too
    for workers in (1, 5, 7):
        monkeypatch.setattr(field_launch, "FEWEST_WORKERS", workers)
        np.testing.assert_array_equal(many, map_of(court_field())["surface_temperature"])


def new_field(case: Case, seed: int = SEED) -> Field:
    """A field that is not marched."""
    return Field(case, 4.0, stamps_of(case), device="cpu", seed=seed)


def test_saved_and_taken_up(tmp_path: Path) -> None:
    field = court_field()
    path = tmp_path / "field.npz"
    save_field(field, path)
    again = new_field(field.case)
    load_field(again, path)
    np.testing.assert_array_equal(
        map_of(field, cells=8)["surface_temperature"], map_of(again, cells=8)["surface_temperature"]
    )
    other = new_field(field.case, SEED + 1)
    with pytest.raises(InputError, match="another case"):
        load_field(other, path)
    path.write_bytes(b"no field")
    with pytest.raises(InputError, match="not a saved field"):
        load_field(other, path)


def cut_short(case: Case, steps: int) -> Case:
    """The case with a shorter time."""
    rows = {
        field.name: value[: steps + 1]
        for field in dataclasses.fields(case.forcing)
        if isinstance(value := getattr(case.forcing, field.name), np.ndarray)
        and value.shape[0] == case.forcing.n_steps + 1
    }
    return dataclasses.replace(case, forcing=dataclasses.replace(case.forcing, **rows))


def test_a_saved_field_goes_on(tmp_path: Path) -> None:
    """Half a day and then the rest of it: the same maps, but for what the seam leaves.

    There the last step does not know the next, and means of half an hour lack their neighbours:
    0.005 K (root mean square), and less later on, as what is stored in walls is given back.
    """
    whole = court_field()
    case = whole.case
    seam = (case.forcing.spin_up_steps + case.forcing.n_steps) // 2
    path = tmp_path / "field.npz"
    short = new_field(cut_short(case, seam))
    short.march_chunk()
    save_field(short, path)
    longer = new_field(case)
    load_field(longer, path)
    a, b = (map_of(field, cells=8)["surface_temperature"] for field in (whole, longer))
    assert a.shape == b.shape
    early = stamps_of(case) < seam - HOURS
    assert 2 < early.sum() < early.size
    # Taken from the file, not marched: equal to the last bit.
    np.testing.assert_array_equal(a[:, early], b[:, early])
    assert 0.0 < np.sqrt(np.mean((a - b)[:, ~early] ** 2)) < 0.01
    assert np.abs(a - b).max() < 0.1
    save_field(whole, path)
    with pytest.raises(InputError, match="longer time"):
        load_field(new_field(cut_short(case, seam)), path)


def test_standard_errors_are_honest() -> None:
    """Reported errors against the spread over 12 seeds of field and rays, root mean square.

    All pixels together; neighbours share rays, so that some 100 of the 576 are independent.
    """
    maps = [map_of(court_field(SEED + k), seed=SEED + k) for k in range(12)]
    temperature = np.stack([m["surface_temperature"] for m in maps])
    error = np.stack([m["surface_temperature_standard_error"] for m in maps])
    spread = np.sqrt((temperature.std(axis=0, ddof=1) ** 2).mean())
    reported = np.sqrt((error**2).mean())
    assert 0.005 < reported < 0.15
    assert abs(reported / spread - 1.0) < 0.25, (reported, spread)


def test_parts_share_out_every_pixel() -> None:
    """A pixel's mean is that of its ground and roof, by area."""
    found = map_of(court_field(), size=2.0, cells=12)
    ground, roof = found["ground_temperature"], found["roof_temperature"]
    surface = found["surface_temperature"]
    only = np.isnan(roof)
    np.testing.assert_allclose(surface[only], ground[only], atol=1e-3)
    both = np.isfinite(ground) & np.isfinite(roof)
    assert both.any()
    low, high = np.minimum(ground, roof)[both], np.maximum(ground, roof)[both]
    assert ((surface[both] > low - 1e-3) & (surface[both] < high + 1e-3)).all()
