"""Surfaces without a city: the class references, and the wall law under given fluxes."""

from heatmat.kernels.layout import (
    F_AIR,
    F_AIR_RADIATION,
    F_BEAM,
    F_GLOBAL,
    F_ISOTROPIC,
    F_SKY,
)
from heatmat.kernels.march import K_LONG, K_SHORT, SCRATCH_ROWS, beam_cosine, march_nonlinear
from heatmat.kernels.receive import physics_vector, switches_vector
from heatmat.kernels.starts import F1, F2, F3, I1
from heatmat.runtime import ti, tm


@ti.kernel
def reference_surfaces(
    count: ti.i32,
    scratch: F1,
    state: F2,
    series: F2,
    free: F2,
    modes: F2,
    properties: F2,
    out: F3,
    all_steps: I1,
    class_construction: I1,
    class_normal: F2,
    class_environment: F2,
    steps: ti.i32,
    last: ti.i32,
    first_chunk: ti.i32,
    physics: physics_vector,
    switches: switches_vector,
):
    """Nonlinear march of one idealised surface a class; later vertices are linear about it.

    Parameters
    ----------
    class_environment : ndarray, shape (classes, 5)
        Sky view factor, share of the beam, share of the global light that the rest reflects, wind
        factor, perimeter over area [1/m].
    steps, last : int
        Steps of the chunk, and the last one to march.
    out : ndarray, shape (classes, last + 1, values)
        Scratch for temperatures; zero on entry.
    """
    for c in range(count):
        stride = SCRATCH_ROWS
        base = c * (series.shape[1] + 1) * SCRATCH_ROWS
        normal = tm.vec3(class_normal[c, 0], class_normal[c, 1], class_normal[c, 2])
        view = class_environment[c, 0]
        construction = class_construction[c]
        for n in range(1, last + 1):
            at = base + n * stride
            scratch[at + K_SHORT] = (
                class_environment[c, 1] * series[F_BEAM, n] * beam_cosine(normal, series, n)
                + view * series[F_ISOTROPIC, n]
                + class_environment[c, 2] * series[F_GLOBAL, n]
            )
            scratch[at + K_LONG] = (
                view * series[F_SKY, n] + (1.0 - view) * series[F_AIR_RADIATION, n]
            )
        march_nonlinear(
            c,
            c,
            1.0,
            construction,
            series[F_AIR, 0],
            normal,
            class_environment[c, 3],
            class_environment[c, 4],
            base,
            stride,
            steps,
            last,
            first_chunk,
            scratch,
            state,
            series,
            free,
            modes,
            properties,
            out,
            all_steps,
            0,
            0,
            physics,
            switches,
        )


@ti.kernel
def march_given(
    scratch: F1,
    state: F2,
    series: F2,
    free: F2,
    modes: F2,
    properties: F2,
    normals: F2,
    places: F2,
    constructions: I1,
    out: F3,
    out_of_step: I1,
    steps: ti.i32,
    first_chunk: ti.i32,
    given_film: ti.i32,
    physics: physics_vector,
    switches: switches_vector,
):
    """The wall law alone: incident series are already in the scratch rows of each surface.

    Parameters
    ----------
    places : ndarray, shape (surfaces, 2)
        Wind factor and perimeter over area.
    """
    for i in range(constructions.shape[0]):
        march_nonlinear(
            i,
            i,
            1.0,
            constructions[i],
            series[F_AIR, 0],
            tm.vec3(normals[i, 0], normals[i, 1], normals[i, 2]),
            places[i, 0],
            places[i, 1],
            i * (series.shape[1] + 1) * SCRATCH_ROWS,
            SCRATCH_ROWS,
            steps,
            steps,
            first_chunk,
            scratch,
            state,
            series,
            free,
            modes,
            properties,
            out,
            out_of_step,
            1,
            given_film,
            physics,
            switches,
        )
