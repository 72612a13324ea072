"""From units to places, and from parts to pixels: weighted means of temperatures.

Arrays may be of the host: what a map keeps is written where it stays.
"""

from heatmat.kernels.field_march import U_CONSTRUCTION, U_OWN, U_PLACE, U_WHICH
from heatmat.kernels.starts import F1, F2, F3, I1, I2
from heatmat.runtime import ti


@ti.func
def run_end(begin, units: ti.template(), whole):
    """End of the units from `begin` on with its place and, unless `whole`, its set of rays."""
    end = begin + 1
    going = True
    while going:
        going = False
        if end < units.shape[0]:
            if units[end, U_OWN] == 1 and units[end, U_PLACE] == units[begin, U_PLACE]:
                if whole or units[end, U_WHICH] == units[begin, U_WHICH]:
                    going = True
                    end += 1
    return end


@ti.kernel
def average_units(
    units: I2,
    weight: F1,
    emissivity: F1,
    theta: F2,
    base: ti.f32,
    sets: F3,
    radiometric: F2,
):
    """Mean temperatures of places by set of rays, and what a radiometer would see of them [K].

    Parameters
    ----------
    units : ndarray, shape (units, UNIT_INTS)
        See `heatmat.kernels.field_march`; those of a place lie together, and in it those of a set.
    weight : ndarray, shape (units,)
    emissivity : ndarray, shape (constructions,)
    theta : ndarray, shape (units, times or more)
        Departures from `base` [K].
    sets, radiometric : ndarray, shapes (places, sets, times) and (places, times)
        Written where a place has units. All sets together are written as the first.
    """
    for u in range(units.shape[0]):
        if units[u, U_OWN] == 1:
            place = units[u, U_PLACE]
            new_place = True
            new_set = True
            if u > 0:
                new_place = units[u - 1, U_PLACE] != place
                new_set = new_place or units[u - 1, U_WHICH] != units[u, U_WHICH]
            if new_set:
                end = run_end(u, units, False)
                share = 0.0
                for k in range(u, end):
                    share += weight[k]
                for t in range(sets.shape[2]):
                    total = 0.0
                    for k in range(u, end):
                        total += weight[k] * theta[k, t]
                    sets[place, units[u, U_WHICH] % sets.shape[1], t] = total / share + base
            if new_place:
                end = run_end(u, units, True)
                share = 0.0
                for k in range(u, end):
                    share += weight[k] * emissivity[units[k, U_CONSTRUCTION]]
                for t in range(radiometric.shape[1]):
                    total = 0.0
                    for k in range(u, end):
                        square = (theta[k, t] + base) * (theta[k, t] + base)
                        emits = weight[k] * emissivity[units[k, U_CONSTRUCTION]]
                        total += emits * square * square
                    radiometric[place, t] = ti.sqrt(ti.sqrt(total / share))


@ti.kernel
def average_parts(
    values: F2,
    weight: F1,
    part: I1,
    first: I1,
    power: ti.i32,
    base: ti.f32,
    out: F2,
):
    """Weighted means of parts by pixel, where any part has weight.

    Parameters
    ----------
    values : ndarray, shape (parts, times)
    weight : ndarray, shape (parts,)
    part : ndarray, shape (parts,)
        Parts of one pixel after those of another.
    first : ndarray, shape (pixels + 1,)
        Where those of each pixel begin in `part`.
    power : int
        1, or 4: the fourth root of the mean fourth power.
    base : float
        Departures from it keep single precision where it matters.
    """
    for pixel in range(out.shape[0]):
        share = 0.0
        for k in range(first[pixel], first[pixel + 1]):
            share += weight[part[k]]
        if share > 0.0:
            for t in range(out.shape[1]):
                total = 0.0
                for k in range(first[pixel], first[pixel + 1]):
                    i = part[k]
                    # Parts without weight may have no value.
                    if weight[i] > 0.0:
                        if power == 4:
                            square = values[i, t] * values[i, t]
                            total += weight[i] * square * square
                        else:
                            total += weight[i] * (values[i, t] - base)
                mean = total / share
                if power == 4:
                    mean = ti.sqrt(ti.sqrt(mean))
                else:
                    mean += base
                out[pixel, t] = mean
