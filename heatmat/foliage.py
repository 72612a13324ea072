"""What crowns are made of: leaves with a balance of their own, leaves at air temperature, twigs.

A leaf is a thin sheet that gathers light and longwave on the side whose radiation a ray brings.
Both sides are alike, so each has a balance of its own and nothing behind it. They stand among the
constructions under these names; a scenario's [constructions.leaf] takes their place.

Sources: absorptivity of leaves for sunlight 0.5, emissivity 0.97 (Campbell and Norman 1998, An
introduction to environmental biophysics, chapter 11, doi:10.1007/978-1-4612-1626-1); what a leaf
does not absorb goes to both sides alike. Choices of ours: evaporation with 0.65 of the coefficient
1.26 (it is above that of conifers over broad-leaved forests: Komatsu 2005, Forest categorization
according to dry-canopy evaporation rates in the growing season, Hydrological Processes); a leaf of
0.2 mm weighs 140 g/m2 and stores as half water does; twigs of 3 mm with a bark of albedo 0.25.
"""

from __future__ import annotations

from typing import Any

from heatmat.construction import Construction, Layer

BEHIND = Layer(resistance=50.0, source="choice: as good as nothing behind a leaf")
TISSUE: dict[str, Any] = {"thermal_conductivity": 0.3, "density": 700.0, "specific_heat": 3500.0}

LEAF, LEAF_AT_AIR, TWIG = "leaf", "leaf_at_air", "bare_twig"


def foliage() -> dict[str, Construction]:
    """The constructions of crowns by name.

    They are of the kind ``wall`` since walls, too, may face any way; none is in the library.
    """
    leaf = Construction(
        name=LEAF,
        kind="wall",
        layers=(Layer(thickness=2e-4, **TISSUE), BEHIND),
        albedo=0.5,
        emissivity=0.97,
        moisture_availability=0.65,
        roughness="smooth",
        source="heatmat/foliage.py",
        description="a leaf",
    )
    at_air = Construction(
        name=LEAF_AT_AIR,
        kind="wall",
        layers=(),
        temperature="air",
        albedo=0.5,
        emissivity=0.97,
        roughness="smooth",
        source="heatmat/foliage.py",
        description="a leaf at the temperature of the air",
    )
    twig = Construction(
        name=TWIG,
        kind="wall",
        layers=(Layer(thickness=3e-3, **TISSUE), BEHIND),
        albedo=0.25,
        emissivity=0.95,
        roughness="smooth",
        source="heatmat/foliage.py",
        description="a twig",
    )
    return {item.name: item for item in (leaf, at_air, twig)}
