"""Wind speed at a place over the weather file's 10 m wind, from the urban form around it."""

from heatmat.runtime import ti

# Last number of `wind_f`: an exponent above zero means a power law.
CANOPY = 0.0
WEATHER_FILE = -1.0

OPEN_ROUGHNESS = 0.03
LOWEST = 0.6


@ti.func
def wind_factor(x, y, z, wind: ti.template(), wind_f):
    """V(z) / V(10 m, open country) at a place; the twin of `heatmat.wind.canopy_factor`.

    Parameters
    ----------
    wind : ndarray, shape (rows, columns, 6)
        Canopy coefficients (`heatmat.wind.canopy_coefficients`), row 0 south.
    wind_f : vec4
        West, south, cell size, model (see above).
    """
    factor = 1.0
    if wind_f[3] > 0.0:
        factor = ti.pow(ti.max(z, 1e-4) / 10.0, wind_f[3])
    elif wind_f[3] == CANOPY:
        ix = ti.cast(ti.floor((x - wind_f[0]) / wind_f[2]), ti.i32)
        iy = ti.cast(ti.floor((y - wind_f[1]) / wind_f[2]), ti.i32)
        ix = ti.min(ti.max(ix, 0), wind.shape[1] - 1)
        iy = ti.min(ti.max(iy, 0), wind.shape[0] - 1)
        height = wind[iy, ix, 0]
        h = ti.max(z, LOWEST)
        if h >= height:
            factor = wind[iy, ix, 3] * ti.log(ti.max((h - wind[iy, ix, 1]) / wind[iy, ix, 2], 2.0))
        else:
            factor = wind[iy, ix, 4] * ti.exp(-wind[iy, ix, 5] * (1.0 - h / height))
        factor = ti.min(factor, ti.log(h / OPEN_ROUGHNESS) / ti.log(10.0 / OPEN_ROUGHNESS))
    return ti.max(factor, 1e-4)
