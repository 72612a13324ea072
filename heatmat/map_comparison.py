"""Maps and walls of B minus those of A, with paired errors, and tables of the change."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from heatmat.comparison import check_comparable
from heatmat.comparison_labels import Labels
from heatmat.paired_maps import SET_ROWS, PairTile, Sides, group_sums, pair_map, pair_patches
from heatmat.units import to_celsius

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from heatmat.simulation import Simulation

STOREY = 3.0
"""Height of a storey of the walls [m]."""

KINDS = np.array(["ground", "roof", "wall"], dtype=object)
PERIODS = ("all", "day", "night")


@dataclass
class WallChange:
    """Storeys of both sides.

    Attributes
    ----------
    table : DataFrame
        As in `Walls`, with construction, construction_after and changed.
    temperature, change, error : ndarray, shape (storeys, times)
        Of A, B minus A, and the standard error of that [K].
    """

    table: pd.DataFrame
    temperature: np.ndarray
    change: np.ndarray
    error: np.ndarray


@dataclass
class MapDifference:
    """What B has that A has not, everywhere.

    Attributes
    ----------
    ds : xarray.Dataset
        (time, y, x) in kelvin: surface_temperature_change, its standard error
        (surface_temperature_change_standard_error, of the pairs), ground_temperature_change,
        roof_temperature_change, surface_temperature_a and _b; (y, x): roof_fraction.
    walls : WallChange
    day : ndarray of bool, shape (times,)
        Whether the sun was up in the step that ends at each stamp.
    touched_m2, touched_with_margin_m2 : dict
        Of both sides, by intervention and kind of surface [m2]: within the extent; margin included.
    before, after : Simulation
    """

    ds: xr.Dataset
    walls: WallChange
    day: np.ndarray
    touched_m2: dict[str, dict[str, dict[str, float]]]
    touched_with_margin_m2: dict[str, dict[str, dict[str, float]]]
    before: Simulation = field(repr=False)
    after: Simulation = field(repr=False)
    _groups: Groups = field(repr=False)
    _explanation: pd.DataFrame | None = field(default=None, repr=False)

    def table(self, *by: str, hourly: bool = False) -> pd.DataFrame:
        """Means and peaks of the change.

        Parameters
        ----------
        *by : str
            Any of ``construction``, ``construction_after``, ``building_id`` and ``changed``;
            always by kind of surface.
        hourly : bool
            A row for every output time, not for the whole window, its days and its nights.

        Returns
        -------
        DataFrame
            surface, those of `by`, period (or time, UTC), area_m2, temperature_a_c and change_k
            (means by area), standard_error_k (of that mean, from paired replicates), lowest_k and
            highest_k (least and largest change of any part of a pixel, or storey, at any of the
            times).
        """
        return self._groups.table(["surface", *by], self.day, hourly)

    def explain(self) -> pd.DataFrame:
        """Changes of the energy terms at places drawn from it: see `heatmat.explanation`."""
        from heatmat.explanation import explain

        if self._explanation is None:
            self._explanation = explain(self.before, self.after, self)
        return self._explanation

    def sentences(self) -> list[str]:
        """The explanation in words: what drives the change of each group, and what answers it."""
        from heatmat.explanation import sentences

        return sentences(self.explain())

    def save(self, folder: str | Path, *, title: str = "What-if", figures: bool = True) -> Path:
        """Write maps, tables, pictures and report.html into a folder; the folder.

        The same files as `heatmat compare`, but for run.json.
        """
        from heatmat.output.comparison_files import write_comparison
        from heatmat.output.comparison_report import settings_that_differ

        resolved = [side.scenario.resolved() for side in (self.before, self.after)]
        write_comparison(
            Path(folder),
            self,
            title=title,
            explanation=self.explain(),
            settings=settings_that_differ(*resolved),
            run_info={},
            city=self.before.city,
            figures=figures,
        )
        return Path(folder)


@dataclass
class Groups:
    """Sums over parts of pixels and storeys that share kind, compositions and building.

    Attributes
    ----------
    labels : DataFrame
        surface, construction, construction_after, changed, building_id of each group.
    time : ndarray
        UTC.
    area : ndarray, shape (groups,)
        [m2]; of ground and roofs in plan.
    before, low, high : ndarray, shape (groups, times)
    sets : ndarray, shape (groups, SET_ROWS, times)
        See `paired_maps.group_sums`.
    """

    labels: pd.DataFrame
    time: np.ndarray
    area: np.ndarray
    before: np.ndarray
    sets: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def table(self, keys: list[str], day: np.ndarray, hourly: bool) -> pd.DataFrame:
        """See `MapDifference.table`."""
        import pandas as pd

        number = self.time.size
        periods: dict[Any, np.ndarray] = {"all": np.ones(number, bool), "day": day, "night": ~day}
        if hourly:
            periods = {stamp: np.arange(number) == i for i, stamp in enumerate(self.time)}
        rows = []
        for values, index in self.labels.groupby(keys, sort=True, dropna=False).indices.items():
            named = dict(zip(keys, values if isinstance(values, tuple) else (values,), strict=True))
            for period, chosen in periods.items():
                if chosen.any():
                    figures = self._figures(np.asarray(index), chosen)
                    rows.append({**named, "time" if hourly else "period": period, **figures})
        return pd.DataFrame(rows)

    def _figures(self, index: np.ndarray, chosen: np.ndarray) -> dict[str, float]:
        area = float(self.area[index].sum())
        sets = self.sets[index].sum(axis=0)[:, chosen].mean(axis=1) / area
        sets = sets[np.isfinite(sets)]
        return {
            "area_m2": area,
            "temperature_a_c": to_celsius(
                float(self.before[index].sum(axis=0)[chosen].mean()) / area
            ),
            "change_k": float(sets.mean()),
            "standard_error_k": float(sets.std(ddof=1) / np.sqrt(sets.size)),
            "lowest_k": float(self.low[index][:, chosen].min()),
            "highest_k": float(self.high[index][:, chosen].max()),
        }


def compare_maps(
    before: Simulation,
    after: Simulation,
    *,
    resolution: float | None = None,
    store: Any = None,
    walls: bool = True,
) -> MapDifference:
    """The maps and walls of `after` minus those of `before`, both gathered from their fields.

    Both sides place the same starts and trace the same rays, so most of the sampling error leaves
    the difference; what is left is told by replicates of the difference itself. Sides that are the
    same give exactly zero.

    Parameters
    ----------
    before, after : Simulation
        `after` usually is ``before.with_interventions([...])``.
    resolution : float, optional
        Pixel side [m]; default: the scenario's.
    store : optional
        Keeps finished tiles, as in `Simulation`.
    walls : bool
        Whether to compare facades too.

    Raises
    ------
    InputError
        If the two differ in extent, grid, time, seed or texels, naming the key.
    """
    from heatmat.field_map import PixelGrid
    from heatmat.field_time import series_words
    from heatmat.map_query import pixel_grid

    check_comparable(before, after)
    maps = before.maps
    size = resolution or before.scenario.resolution_m
    x, y = pixel_grid(before, size)
    west, north = x[0] - 0.5 * size - maps.origin[0], y[0] + 0.5 * size - maps.origin[1]
    grid = PixelGrid(west, north, size, x.size, y.size)
    made: list[Sides] = []

    def sides() -> Sides:
        if not made:
            field = before.field(apart=True)
            twin = after.field(field, apart=True)
            made.append(Sides(field, twin, before.maps, after.maps))
        return made[0]

    words = max(series_words(s.forcing) for s in (before, after))
    tile, tiles = pair_map(
        sides, grid, maps.origin, before.seed, words,
        load=lambda key: store.load_tile(key) if store is not None else None,
        save=lambda key, tile: store.save_tile(key, tile) if store is not None else None,
        progress=lambda done: before.progress("maps", done, 1.0),
    )  # fmt: skip
    ds = _dataset(before, tile, x, y, size)
    change, wall_groups = _walls(before, after, sides, store) if walls else _no_walls(before)
    groups = _groups(before, after, [*tiles, *wall_groups])
    stamps = before.stamps
    day = np.asarray(before.forcing.sun_up, bool)[stamps - 1]
    touched = {"a": before.touched_m2, "b": after.touched_m2}
    whole = {"a": before.touched_with_margin_m2, "b": after.touched_with_margin_m2}
    return MapDifference(ds, change, day, touched, whole, before, after, groups)


def _dataset(
    before: Simulation, whole: PairTile, x: np.ndarray, y: np.ndarray, size: float
) -> xr.Dataset:
    import xarray as xr

    from heatmat.map_query import roof_fraction

    times = before.times
    shape = (times.size, y.size, x.size)
    ds = xr.Dataset(
        coords={"time": times.astype("datetime64[ns]"), "y": y, "x": x},
        attrs={
            "crs": before.maps.crs_wkt,
            "utc_offset_h": before.forcing.utc_offset,
            "resolution_m": size,
        },
    )
    names = {
        f"{kind}_temperature_change": f"{kind}_change" for kind in ("surface", "ground", "roof")
    }
    names["surface_temperature_change_standard_error"] = "change_error"
    names["surface_temperature_a"] = "surface_temperature"
    for name, key in names.items():
        ds[name] = (("time", "y", "x"), whole[key].T.reshape(shape))
    ds["surface_temperature_b"] = ds["surface_temperature_a"] + ds["surface_temperature_change"]
    ds["roof_fraction"] = (("y", "x"), roof_fraction(before, x, y, size))
    return ds


def _walls(
    before: Simulation, after: Simulation, sides: Any, store: Any
) -> tuple[WallChange, list[PairTile]]:
    """Storeys of both sides, and their groups."""
    from heatmat.field_walls import TILE
    from heatmat.map_query import _storeys
    from heatmat.sampling_plan import pick

    table, places = _storeys(before, STOREY)
    if not len(places):
        return _no_walls(before)
    labels = Labels(before, after)
    changed = labels.of_facades(table["facade"].to_numpy(int))
    parts = []
    for first in range(0, len(places), TILE):
        key = f"pair-walls-{first}"
        tile = store.load_tile(key) if store is not None else None
        if tile is None:
            index = np.arange(first, min(first + TILE, len(places)))
            tile = pair_patches(sides(), pick(places, index), changed[index])
            if store is not None:
                store.save_tile(key, tile)
        parts.append(tile)
        before.progress("walls", min(1.0, (first + TILE) / len(places)), 1.0)
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    known = np.isfinite(found["wall_change"]).all(axis=1)
    table = table[known].reset_index(drop=True)
    values = {name.removeprefix("wall_"): array[known] for name, array in found.items()}
    facade = table["facade"].to_numpy(int)
    keys = np.stack(
        [
            np.full(facade.size, 2),
            before.maps.facade_composition[facade],
            after.maps.facade_composition[facade],
            before.maps.facade_building[facade],
        ],
        axis=1,
    )
    # A replicate whose positions are all covered takes the mean of the others.
    each = np.where(np.isfinite(values["sets"]), values["sets"], values["change"][:, None])
    # Replicates read the halves of the field in turn: those of one half are one set.
    each = np.stack([each[:, half::2].mean(axis=1) for half in (0, 1)], axis=1)
    groups = group_sums(keys, table["area"].to_numpy(float), values["temperature"], each)
    table["construction"] = labels.names_a[keys[:, 1]]
    table["construction_after"] = labels.names_b[keys[:, 2]]
    table["changed"] = changed[known]
    return WallChange(table, values["temperature"], values["change"], values["error"]), [groups]


def _no_walls(before: Simulation) -> tuple[WallChange, list[PairTile]]:
    import pandas as pd

    none = np.zeros((0, before.times.size), np.float32)
    return WallChange(pd.DataFrame(), none, none, none), []


def _groups(before: Simulation, after: Simulation, tiles: list[PairTile]) -> Groups:
    """Groups of all tiles with their labels."""
    import pandas as pd

    whole = {name: np.concatenate([tile[name] for tile in tiles]) for name in tiles[0]}
    keys = whole["group_key"].astype(int)
    labels = Labels(before, after)
    ids = np.array([*before.maps.building_ids, ""], dtype=object)
    frame = pd.DataFrame(
        {
            "surface": KINDS[keys[:, 0]],
            "construction": labels.names_a[keys[:, 1]],
            "construction_after": labels.names_b[keys[:, 2]],
            "changed": labels.changed(keys[:, 1], keys[:, 2]),
            "building_id": ids[keys[:, 3]],
        }
    )
    assert whole["group_sets"].shape[1] == SET_ROWS
    return Groups(
        labels=frame,
        time=before.times,
        area=whole["group_area"],
        before=whole["group_before"],
        sets=whole["group_sets"],
        low=whole["group_low"],
        high=whole["group_high"],
    )
