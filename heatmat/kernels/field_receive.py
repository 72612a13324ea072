"""What falls on starts that gather from the field, step by step."""

from heatmat.kernels.branchless import slope_within
from heatmat.kernels.field_incident import QUANTUM
from heatmat.kernels.gather import switches_vector
from heatmat.kernels.layout import (
    F_AIR_RADIATION,
    F_BAND,
    F_BEAM,
    F_BORDER_LONG,
    F_BORDER_SHORT,
    F_GLOBAL,
    F_ISOTROPIC,
    F_SKY,
    F_SURROUNDINGS,
    O_SUN_BITS,
    S_NX,
    S_NY,
    S_NZ,
    T_VALID,
)
from heatmat.kernels.linear import REFLECTED
from heatmat.kernels.march import K_LONG, K_SHORT, SCRATCH_ROWS, beam_cosine, sun_share
from heatmat.kernels.paths import U2
from heatmat.kernels.starts import F1, F2, F3, I1, I2, U1
from heatmat.kernels.texels import L_AIR, L_BAND, L_BORDER, L_ISOTROPIC, L_SKY, L_UNKNOWN
from heatmat.runtime import ti, tm


@ti.func
def word_value(store: ti.template(), at, before, here, after, inside, shift):
    """One half of a stored series at a step: a word is a mean, between its neighbours' means."""
    a = ti.cast((store[at + before] >> shift) & ti.u32(0xFFFF), ti.f32)
    b = ti.cast((store[at + here] >> shift) & ti.u32(0xFFFF), ti.f32)
    c = ti.cast((store[at + after] >> shift) & ti.u32(0xFFFF), ti.f32)
    return QUANTUM * (b + inside * slope_within(a, b, c))


@ti.kernel
def receive_starts(
    start_f: F2,
    start_i: I2,
    bits: U2,
    store: U1,
    known: F3,
    stored: ti.i32,
    words: I2,
    inside: F1,
    node_of_step: I1,
    series: F2,
    scratch: F1,
    view: F2,
    steps: ti.i32,
    switches: switches_vector,
):
    """Light and longwave of every step on every start.

    Parameters
    ----------
    store, known : ndarray
        Of `field_gather.gather_parts` with one set of rays.
    stored : int
        Words of a series.
    words : ndarray, shape (steps + 2, 3)
        Word before that of a step, its own, and the one after.
    inside : ndarray, shape (steps + 2,)
        Where in its word a step lies, -0.5 to 0.5.
    scratch, view : ndarray
        As `gather.gather` leaves them.
    """
    for start in range(start_f.shape[0]):
        view[start, 0] = known[start, 1, L_ISOTROPIC]
        if start_i[start, T_VALID] == 1:
            base = start * (series.shape[1] + 1) * SCRATCH_ROWS
            at = (2 * start + 1) * stored
            normal = tm.vec3(start_f[start, S_NX], start_f[start, S_NY], start_f[start, S_NZ])
            for n in range(1, steps + 2):
                short = word_value(
                    store, at, words[n, 0], words[n, 1], words[n, 2], inside[n], ti.u32(0)
                )
                long = word_value(
                    store, at, words[n, 0], words[n, 1], words[n, 2], inside[n], ti.u32(16)
                )
                short += known[start, 1, L_ISOTROPIC] * series[F_ISOTROPIC, n]
                short += known[start, 1, L_BAND] * series[F_BAND, n]
                short += known[start, 1, L_BORDER] * series[F_BORDER_SHORT, n]
                short += known[start, 1, L_UNKNOWN] * REFLECTED * series[F_GLOBAL, n]
                short += (
                    series[F_BEAM, n]
                    * beam_cosine(normal, series, n)
                    * sun_share(bits, start, node_of_step[n], switches[O_SUN_BITS])
                )
                long += known[start, 1, L_AIR] * series[F_AIR_RADIATION, n]
                long += known[start, 1, L_SKY] * series[F_SKY, n]
                long += known[start, 1, L_BORDER] * series[F_BORDER_LONG, n]
                long += known[start, 1, L_UNKNOWN] * series[F_SURROUNDINGS, n]
                scratch[base + n * SCRATCH_ROWS + K_SHORT] = short
                scratch[base + n * SCRATCH_ROWS + K_LONG] = long
