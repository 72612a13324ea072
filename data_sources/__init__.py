"""Where a city's data comes from: maps, terrain, weather and street views of open services.

Each module here turns one service's answer into files that `heatmat` reads, with their licence and
attribution beside them. The arrow goes one way: `heatmat` itself never imports this package (only
its commands do, when they are asked to fetch something), so a simulation runs without a network and
without these modules.
"""
