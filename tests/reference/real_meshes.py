"""Meshes of real places for the tests of meshes and rays, made once."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from heatmat.city import City
from heatmat.reference.mesh import Mesh
from heatmat.reference.plan import Building, Layer
from heatmat.reference.solids import build_mesh
from heatmat.reference_city import reference_buildings, slab_extent

WALL, ROOF, SOIL = Layer("brick", 0.3), Layer("concrete", 0.2), Layer("soil", 2.0)
APRON = 50.0


def place(city: City, number: int) -> tuple[list[Building], Mesh]:
    """The first buildings of a city and their mesh."""
    origin = tuple(np.round(city.buildings.total_bounds.reshape(2, 2).mean(axis=0)))
    buildings = reference_buildings(city, origin, WALL, ROOF)[:number]
    extent = slab_extent(buildings, APRON)
    return buildings, build_mesh(buildings, extent=extent, ground=SOIL)


@functools.cache
def paris(shared_data: Path) -> tuple[list[Building], Mesh]:
    """All of the extract: courts, party walls, parts, every orientation."""
    return place(City.from_file(shared_data / "osm_paris" / "paris_9e10e.osm"), 10_000)


@functools.cache
def district() -> tuple[list[Building], Mesh]:
    """A part of the embedded district."""
    return place(City.embedded(), 150)


def polygons(buildings: list[Building]) -> Any:
    """Their outlines as valid polygons."""
    import shapely

    outlines = [shapely.Polygon(b.rings[0], b.rings[1:]) for b in buildings]
    return np.array([p if p.is_valid else shapely.make_valid(p) for p in outlines])
