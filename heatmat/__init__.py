"""HeatMat: surface temperatures of a city from maps instead of meshes.

The names below are the public interface; each is imported when it is first used, so that
``import heatmat`` and ``heatmat --help`` stay fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heatmat.attribution import attribute
    from heatmat.city import City
    from heatmat.comparison import compare
    from heatmat.errors import HeatMatError, InputError
    from heatmat.map_comparison import compare_maps
    from heatmat.maps import Maps
    from heatmat.result import Result
    from heatmat.scenario import Scenario
    from heatmat.search import best_buildings
    from heatmat.sensitivities import sensitivity
    from heatmat.simulation import Simulation
    from heatmat.sweeps import sweep
    from heatmat.weather import Weather

__version__ = "0.1.0.dev0"

__all__ = [
    "City",
    "HeatMatError",
    "InputError",
    "Maps",
    "Result",
    "Scenario",
    "Simulation",
    "Weather",
    "__version__",
    "attribute",
    "best_buildings",
    "compare",
    "compare_maps",
    "sensitivity",
    "sweep",
]

_HOME = {
    "City": "heatmat.city",
    "HeatMatError": "heatmat.errors",
    "InputError": "heatmat.errors",
    "Maps": "heatmat.maps",
    "Result": "heatmat.result",
    "Scenario": "heatmat.scenario",
    "Simulation": "heatmat.simulation",
    "Weather": "heatmat.weather",
    # Not heatmat.compare: a submodule of that name would hide the function.
    "compare": "heatmat.comparison",
    "compare_maps": "heatmat.map_comparison",
    "attribute": "heatmat.attribution",
    "best_buildings": "heatmat.search",
    "sensitivity": "heatmat.sensitivities",
    "sweep": "heatmat.sweeps",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'heatmat' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
