"""Draws of every sampler, one a thread: what their densities are checked with."""

from heatmat.kernels.paths import chosen_primary, survival
from heatmat.kernels.receive import pick_construction
from heatmat.kernels.sampling import cosine_direction, sobol_2d, uniform
from heatmat.kernels.starts import F1, F2, F3, I1, I2, U1
from heatmat.runtime import ti, tm


@ti.kernel
def draw_points(keys: U1, out: F3, first: ti.i32):
    """Points of the two-dimensional sequence, `out` (keys, points, 2), from index `first` on."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            p = sobol_2d(ti.cast(first + j, ti.u32), keys[i])
            out[i, j, 0] = p.x
            out[i, j, 1] = p.y


@ti.kernel
def draw_uniforms(keys: U1, out: F2):
    """Plain numbers, `out` (keys, numbers)."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = uniform(ti.cast(j, ti.u32), keys[i])


@ti.kernel
def draw_directions(points: F2, nx: ti.f32, ny: ti.f32, nz: ti.f32, out: F2):
    """Directions about a normal, `out` (points, 3), from points of the unit square."""
    for j in range(out.shape[0]):
        d = cosine_direction(tm.vec3(nx, ny, nz), tm.vec2(points[j, 0], points[j, 1]))
        out[j, 0] = d.x
        out[j, 1] = d.y
        out[j, 2] = d.z


@ti.kernel
def draw_constructions(numbers: F1, composition: ti.i32, entries: I2, shares: F2, out: I1):
    """The construction that each number picks from a composition."""
    for i in range(out.shape[0]):
        out[i] = pick_construction(composition, numbers[i], entries, shares)


@ti.kernel
def draw_primaries(numbers: F1, primaries: F2, hits: ti.i32, ray: ti.i32, out: I1):
    """Which of the first rays of start 0 path `ray` follows, for each number."""
    for i in range(out.shape[0]):
        out[i] = chosen_primary(primaries, 0, ray, hits, numbers[i])


@ti.kernel
def survival_of(vertices: I1, shares: F1, patient: ti.i32, out: F1):
    """Probability that a path goes on from its vertex."""
    for i in range(out.shape[0]):
        out[i] = survival(vertices[i], shares[i], patient)
