"""City, weather and materials to a `Case`: the step after which only arrays are left."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

import numpy as np

from heatmat.case import Case, ConstructionTable, PhysicsNumbers, held_code
from heatmat.conduction import MODES, FullModes, SlabLayer, SlabModes, slab_modes
from heatmat.construction import Construction
from heatmat.convection import kernel_coefficients, roughness_multiplier
from heatmat.errors import InputError, nearest
from heatmat.foliage import foliage
from heatmat.forcing import DEEP_GROUND, Forcing
from heatmat.library import material_library
from heatmat.maps import Maps
from heatmat.physics import PhysicsOptions
from heatmat.sky import MARTIN_BERDAHL_EXPONENT, martin_berdahl_normalisation
from heatmat.wind import canopy_coefficients

BAND_SINE = float(np.sin(np.radians(6.5)))
"""Sine of the upper edge of the horizon band (model: 0 to 6.5 degrees, Perez et al. 1990)."""

SKY_MODELS = {"isotropic": 0, "martin_berdahl": 1, "sky_air_split": 2}


def slab_layers(construction: Construction) -> list[SlabLayer]:
    """Layers of a construction, attic included, as the conduction module takes them."""
    return [
        SlabLayer(resistance=layer.resistance)
        if layer.resistance > 0.0
        else SlabLayer(
            layer.thickness, layer.thermal_conductivity, layer.density * layer.specific_heat
        )
        for layer in construction.full_layers
    ]


def column_layers(construction: Construction) -> list[SlabLayer]:
    """Layers down to the inner boundary: soil below a ground construction that ends above 2 m."""
    layers = slab_layers(construction)
    missing = DEEP_GROUND - sum(layer.thickness for layer in layers)
    if construction.kind == "ground" and missing > 0.01:
        soil = material_library()["soil"]
        layers.append(
            SlabLayer(missing, soil.thermal_conductivity, soil.density * soil.specific_heat)
        )
    return layers


def inner_conductance(construction: Construction, inside_film: Mapping[str, float]) -> float:
    """Film to the indoor air [W m-2 K-1]; ground columns are held at their lower end."""
    if construction.kind == "ground":
        return float("inf")
    return float(inside_film["roof" if construction.kind == "roof" else "wall"])


@functools.lru_cache(maxsize=512)
def _modes_of(layers: tuple[SlabLayer, ...], inner: float) -> SlabModes:
    """Modes of a slab, kept: scenarios that differ in their surfaces alone share them."""
    return slab_modes(list(layers), inner)


def construction_table(
    constructions: Iterable[Construction], inside_film: Mapping[str, float]
) -> ConstructionTable:
    """Constructions as arrays, each slab reduced to its modes.

    Parameters
    ----------
    constructions : iterable of Construction
    inside_film : mapping
        Inside film coefficients [W m-2 K-1] of ``wall`` and ``roof``.
    """
    items = list(constructions)
    rate = np.ones((len(items), MODES))
    gain = np.zeros((len(items), MODES))
    direct = np.zeros(len(items))
    held = np.array([held_code(item.temperature) for item in items]).reshape(-1, 2)
    full: list[FullModes] = []
    for i, item in enumerate(items):
        if held[i, 0] != 0.0:
            full.append(FullModes(np.ones(1), np.zeros(1), np.zeros(1)))
            continue
        modes = _modes_of(tuple(column_layers(item)), inner_conductance(item, inside_film))
        rate[i], gain[i], direct[i] = modes.rate, modes.gain, modes.direct
        full.append(modes.full)
    return ConstructionTable(
        names=[item.name for item in items],
        kinds=[item.kind for item in items],
        albedo=np.array([item.albedo for item in items]),
        emissivity=np.array([item.emissivity for item in items]),
        transmittance=np.array([item.solar_transmittance for item in items]),
        moisture=np.array([item.moisture_availability for item in items]),
        roughness=np.array([roughness_multiplier(item.roughness) for item in items]),
        held=held[:, 0],
        held_temperature=held[:, 1],
        rate=rate,
        gain=gain,
        direct=direct,
        full=full,
        irrigation=_irrigation(items),
    )


def _irrigation(items: list[Construction]) -> np.ndarray | None:
    """Rows of `ConstructionTable.irrigation`; None where nothing is watered."""
    if not any(item.irrigation for item in items):
        return None
    return np.array([item.irrigation or (0.0, 0.0, 0.0) for item in items])


def physics_numbers(physics: PhysicsOptions) -> PhysicsNumbers:
    """Options by name to the numbers that kernels read."""
    wind = {"canopy": 0.0, "power_law": physics.wind_exponent, "weather_file": -1.0}
    return PhysicsNumbers(
        convection=kernel_coefficients(physics.convection, *physics.linear_convection).as_array(),
        wind_model=float(wind[physics.wind_profile]),
        sky_model=SKY_MODELS[physics.longwave_sky],
        martin_berdahl=(MARTIN_BERDAHL_EXPONENT, float(martin_berdahl_normalisation())),
        band_sine=BAND_SINE,
        linear_longwave=physics.longwave_linearisation == "air",
        unshaded_ground=physics.ground_reflection == "unshaded",
    )


def make_case(
    maps: Maps,
    forcing: Forcing,
    constructions: Mapping[str, Construction],
    physics: PhysicsOptions,
    *,
    default_facade: str,
    default_ground: str,
    label: str = "",
    more: Iterable[str] = (),
) -> Case:
    """Put a case together.

    Parameters
    ----------
    constructions : mapping
        By name; only those in use are kept.
    default_facade, default_ground : str
        For walls without a label and the plane beyond the map.
    more : iterable of str
        Constructions to keep though the maps do not use them (a query may name one).

    Raises
    ------
    InputError
        If the maps name a construction that is not known.
    """
    constructions = {**foliage(), **constructions}
    compositions = list(maps.compositions)
    wanted = {name for entries in compositions for name, _ in entries}
    wanted |= {default_facade, default_ground, *more}
    for name in sorted(wanted):
        if name not in constructions:
            raise InputError(
                f"no construction is named {name!r}", remedy=nearest(name, constructions)
            )
    defaults = []
    for name in (default_facade, default_ground):
        entry = ((name, 1.0),)
        if entry not in compositions:
            compositions.append(entry)
        defaults.append(compositions.index(entry))
    for name in more:
        if ((name, 1.0),) not in compositions:
            compositions.append(((name, 1.0),))
    # An alias resolves to a construction of another name; the table is keyed by what maps say.
    used = [_named(constructions[name], name) for name in sorted(wanted)]
    return Case(
        maps=maps,
        forcing=forcing,
        constructions=construction_table(used, physics.inside_film),
        physics=physics_numbers(physics),
        wind_coefficients=canopy_coefficients(
            maps.wind_mean_height, maps.wind_plan_density, maps.wind_frontal_density
        ).astype(np.float32),
        compositions=compositions,
        default_facade=defaults[0],
        default_ground=defaults[1],
        label=label,
    )


def _named(construction: Construction, name: str) -> Construction:
    import dataclasses

    if construction.name == name:
        return construction
    return dataclasses.replace(construction, name=name)
