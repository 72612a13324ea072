"""A prepared case: maps, constructions and forcing as arrays, all that the solver needs.

A case is plain data. `heatmat prepare` writes one file of it, and the solver runs from that file
where only NumPy and Taichi are installed.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from heatmat.conduction import MODES, REFERENCE_FILM, FullModes, free_response
from heatmat.errors import InputError
from heatmat.forcing import Forcing
from heatmat.maps import Maps
from heatmat.output.atomic import aside
from heatmat.units import KELVIN

BASE_TEMPERATURE = KELVIN + 15.0
"""Kernels hold temperatures as departures from this [K]: float32 then resolves 2e-6 K."""

MAX_ENTRIES = 8
"""Most constructions in one composition (equal to the kernels' number)."""

FORMAT = 1


@dataclass
class ConstructionTable:
    """The constructions in use as arrays, one row each.

    Attributes
    ----------
    names : list of str
    kinds : list of str
        ``wall``, ``roof`` or ``ground``.
    albedo, emissivity, transmittance, moisture, roughness : ndarray, shape (n,)
        Roughness is the multiplier of forced convection.
    held : ndarray, shape (n,)
        0: a slab; 1: held at air temperature; 2: held at `held_temperature`.
    held_temperature : ndarray, shape (n,)
        [K].
    rate, gain : ndarray, shape (n, MODES)
        Modes of the slab [1/s, K m2 W-1].
    direct : ndarray, shape (n,)
        [K m2 W-1].
    full : list of FullModes
        All modes, for the part that the inner temperature plays.
    irrigation : ndarray, shape (n, 3), or None
        Moisture availability while watered, and from when to when [h of local standard time]; from
        equal to to: never.
    """

    names: list[str]
    kinds: list[str]
    albedo: np.ndarray
    emissivity: np.ndarray
    transmittance: np.ndarray
    moisture: np.ndarray
    roughness: np.ndarray
    held: np.ndarray
    held_temperature: np.ndarray
    rate: np.ndarray
    gain: np.ndarray
    direct: np.ndarray
    full: list[FullModes]
    irrigation: np.ndarray | None = None

    def index(self, name: str) -> int:
        """Row of a construction."""
        return self.names.index(name)


@dataclass
class PhysicsNumbers:
    """The options of the physics as numbers (see `heatmat.physics.PhysicsOptions`).

    Attributes
    ----------
    convection : ndarray, shape (10,)
        `heatmat.convection.ConvectionModel.as_array`.
    wind_model : float
        0: canopy; above: the exponent of a power law; -1: the weather file's wind.
    sky_model : int
        0 isotropic, 1 Martin and Berdahl, 2 split between sky and air.
    martin_berdahl : tuple of float
        Exponent and norm of the directional model.
    band_sine : float
        Sine of the horizon band's upper edge.
    linear_longwave, unshaded_ground : bool
    """

    convection: np.ndarray
    wind_model: float
    sky_model: int
    martin_berdahl: tuple[float, float]
    band_sine: float
    linear_longwave: bool = False
    unshaded_ground: bool = False


@dataclass
class Case:
    """Everything a solver run depends on.

    Attributes
    ----------
    maps : Maps
    forcing : Forcing
    constructions : ConstructionTable
    physics : PhysicsNumbers
    wind_coefficients : ndarray, shape (rows, columns, 6)
        Of the canopy profile, row 0 north.
    compositions : list of tuple
        ((construction, share), ...) as in `Maps.compositions`.
    default_facade, default_ground : int
        Compositions used for a wall without a label and for the plane beyond the map.
    label : str
        Where it came from, for reports.
    """

    maps: Maps
    forcing: Forcing
    constructions: ConstructionTable
    physics: PhysicsNumbers
    wind_coefficients: np.ndarray
    compositions: list[tuple[tuple[str, float], ...]]
    default_facade: int
    default_ground: int
    label: str = ""

    def composition_arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Construction rows and shares, both of shape (compositions, MAX_ENTRIES).

        Raises
        ------
        InputError
            If a composition has more than `MAX_ENTRIES` constructions.
        """
        count = len(self.compositions)
        rows = np.zeros((count, MAX_ENTRIES), np.int32)
        shares = np.zeros((count, MAX_ENTRIES), np.float32)
        for i, entries in enumerate(self.compositions):
            if len(entries) > MAX_ENTRIES:
                raise InputError(
                    "too many constructions in one composition",
                    expected=f"at most {MAX_ENTRIES}",
                    got=len(entries),
                    remedy="merge the smallest shares",
                )
            for j, (name, share) in enumerate(entries):
                rows[i, j] = self.constructions.index(name)
                shares[i, j] = share
            rows[i, len(entries) :] = rows[i, 0]
        return rows, shares / shares.sum(axis=1, keepdims=True)

    def free_series(self, construction: int, start: int) -> np.ndarray:
        """Surface temperature that the inner side alone causes [K departure], from stamp `start`.

        The first day after `start` is taken as periodic.
        """
        table, forcing = self.constructions, self.forcing
        inner = forcing.indoor_temperature
        if table.kinds[construction] == "ground":
            inner = forcing.deep_ground_temperature
        departure = np.asarray(inner, float)[start:] - BASE_TEMPERATURE
        if table.held[construction] != 0.0:
            return np.zeros(departure.shape)
        day = round(86400.0 / forcing.step)
        return free_response(table.full[construction], departure, forcing.step, day)

    def save(self, path: str | Path) -> None:
        """Write the case to one .npz file, aside first and then renamed."""
        path = Path(path)
        arrays: dict[str, np.ndarray] = {}
        plain: dict[str, object] = {"format": FORMAT}
        for prefix in ("maps", "forcing", "physics", "constructions"):
            _pack(getattr(self, prefix), prefix, arrays, plain)
        arrays["wind_coefficients"] = self.wind_coefficients
        for i, modes in enumerate(self.constructions.full):
            arrays[f"full.{i}"] = np.stack([modes.rate, modes.surface, modes.inner])
        for name in ("compositions", "default_facade", "default_ground", "label"):
            plain[name] = getattr(self, name)
        arrays["plain"] = np.frombuffer(json.dumps(plain).encode(), np.uint8)
        with aside(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> Case:
        """Read a prepared case.

        Raises
        ------
        InputError
            If the file is missing, damaged or of another format.
        """
        remedy = "write it anew with `heatmat prepare`"
        try:
            with np.load(path) as stored:
                plain = json.loads(stored["plain"].tobytes())
                arrays = {name: stored[name] for name in stored.files}
        except FileNotFoundError:
            raise InputError("no such file", where=str(path), remedy=remedy) from None
        except Exception as error:
            raise InputError("not a prepared case", where=str(path), remedy=remedy) from error
        if plain.get("format") != FORMAT:
            raise InputError(
                "a case of another format",
                where=str(path),
                expected=FORMAT,
                got=plain.get("format"),
                remedy=remedy,
            )
        try:
            return cls._put_together(arrays, plain)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                "not a whole case", where=str(path), got=repr(error), remedy=remedy
            ) from error

    @classmethod
    def _put_together(cls, arrays: dict[str, np.ndarray], plain: dict[str, Any]) -> Case:
        count = len(plain["constructions"]["names"])
        full = [FullModes(*arrays[f"full.{i}"]) for i in range(count)]
        physics = _unpack(PhysicsNumbers, "physics", arrays, plain)
        physics.martin_berdahl = tuple(physics.martin_berdahl)
        maps = _unpack(Maps, "maps", arrays, plain)
        maps.origin, maps.window = tuple(maps.origin), tuple(maps.window)
        maps.compositions = _compositions(maps.compositions)
        return cls(
            maps=maps,
            forcing=_unpack(Forcing, "forcing", arrays, plain),
            constructions=_unpack(ConstructionTable, "constructions", arrays, plain, full=full),
            physics=physics,
            wind_coefficients=arrays["wind_coefficients"],
            compositions=_compositions(plain["compositions"]),
            default_facade=plain["default_facade"],
            default_ground=plain["default_ground"],
            label=plain["label"],
        )


def _compositions(stored: list) -> list[tuple[tuple[str, float], ...]]:
    """Compositions as JSON holds them, back to tuples."""
    return [tuple((name, share) for name, share in entries) for entries in stored]


def _pack(
    thing: object, prefix: str, arrays: dict[str, np.ndarray], plain: dict[str, object]
) -> None:
    """Split a dataclass into arrays and the rest (full modes go apart)."""
    rest: dict[str, object] = {}
    for item in dataclasses.fields(thing):  # type: ignore[arg-type]
        value = getattr(thing, item.name)
        if item.name == "full":
            continue
        if isinstance(value, np.ndarray):
            arrays[f"{prefix}.{item.name}"] = value
        else:
            rest[item.name] = value
    plain[prefix] = rest


def _unpack(
    cls: Any, prefix: str, arrays: dict[str, np.ndarray], plain: dict[str, Any], **more: Any
) -> Any:
    """Put a dataclass together again."""
    values = dict(plain[prefix])
    for name, array in arrays.items():
        if name.startswith(prefix + "."):
            values[name[len(prefix) + 1 :]] = array
    return cls(**values, **more)


def held_code(temperature: str | float | None) -> tuple[float, float]:
    """Code and temperature [K] of a held surface."""
    if temperature is None:
        return 0.0, 0.0
    if temperature == "air":
        return 1.0, 0.0
    return 2.0, float(temperature)


__all__ = [
    "BASE_TEMPERATURE",
    "MAX_ENTRIES",
    "MODES",
    "REFERENCE_FILM",
    "Case",
    "ConstructionTable",
    "PhysicsNumbers",
    "held_code",
]
