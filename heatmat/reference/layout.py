"""Column numbers of the arrays that the 3D paths read, and what the parts of a path share."""

from heatmat.runtime import ti, tm

F1 = ti.types.ndarray(dtype=ti.f32, ndim=1)
F2 = ti.types.ndarray(dtype=ti.f32, ndim=2)
F3 = ti.types.ndarray(dtype=ti.f32, ndim=3)
I1 = ti.types.ndarray(dtype=ti.i32, ndim=1)
I2 = ti.types.ndarray(dtype=ti.i32, ndim=2)
U1 = ti.types.ndarray(dtype=ti.u32, ndim=1)

# Scratch rows of a thread, a column an instant: what the path has gathered, its weight, what a unit
# of absorbed light counts; emission of the surface that a ray left; sums over the paths
K_VALUE, K_WEIGHT, K_LIGHT, K_ZERO, K_RATE, K_SUM, K_SQUARES = range(7)
SCRATCH_ROWS = 7

# Boundaries (as in scene.py): open air, film to the indoor air, deep temperature held, no flux,
# another solid
OUTDOOR, FILM, HELD, SEALED, CONTACT = range(5)

# Stages of a path: at a boundary; in a solid between two known planes; in a solid, anywhere; over
AT_BOUNDARY, BETWEEN, ANYWHERE, OVER, LOST = range(5)

# Columns of the faces: normal, plane, film; boundary, surface, solid behind, solid in front, ground
FACE_X, FACE_Y, FACE_Z, FACE_PLANE, FACE_FILM = range(5)
FACE_BOUNDARY, FACE_SURFACE, FACE_BEHIND, FACE_FRONT, FACE_GROUND = range(5)

# Columns of the solids [W m-1 K-1, J m-3 K-1, m2 per step, m] and of the surfaces
SOLID_K, SOLID_C, SOLID_A, SOLID_DELTA = range(4)
ABSORPTANCE, ALBEDO, EMISSIVITY = range(3)

# Settings of a run
(
    N_STEP,
    N_FILM_A,
    N_FILM_B,
    N_EXPONENT,
    N_WIND,
    N_EXCHANGE,
    N_BAND_SINE,
    N_ROULETTE,
    N_SHORTWAVE,
    N_REACH,
    N_BASE,
    N_SIGMA,
    N_FAR,
) = range(13)
SETTINGS = 13
settings_vector = ti.types.vector(SETTINGS, ti.f32)

# What is counted
COUNTS = 8
(
    C_RAYS,
    C_SHADOWS,
    C_SOLID_RAYS,
    C_STEPS,
    C_NEAREST,
    C_VISITS,
    C_LOST,
    C_EDGE,
) = range(COUNTS)

GROUND_WIND_HEIGHT = 2.0
"""Height at which the ground takes its wind [m], as everywhere in HeatMat."""

LIFT = 1e-3
"""Rays start this far off their surface [m]."""

Walker = ti.types.struct(
    # Where: the point on the face (or anywhere in a solid), how deep under the face, which solid
    p=tm.vec3,
    depth=ti.f32,
    face=ti.i32,
    solid=ti.i32,
    stage=ti.i32,
    e=tm.vec3,  # out of the solid, across the face
    off=tm.vec3,  # where rays start: away from every face near by
    # The face opposite (-1: none, -2: not known) and its plane
    other=ti.i32,
    e_other=tm.vec3,
    plane_other=ti.f32,
    # No edge is nearer to the anchor than this; below zero: not known
    anchor=tm.vec3,
    clear=ti.f32,
    lag=ti.f32,  # steps back from the instants
    usual=ti.f32,  # weight with the mean coefficients: roulette looks at this one
    state=ti.u32,  # of the generator
    pairs=ti.i32,  # pairs of draws so far
)


@ti.func
def face_normal(faces: ti.template(), face):
    """Unit normal of a face."""
    return tm.vec3(faces[face, FACE_X], faces[face, FACE_Y], faces[face, FACE_Z])


@ti.func
def land_on(walker: ti.template(), face, p, normal, behind):
    """Put a walker (by reference) on a face to the open air that it has met from there."""
    walker.face = face
    walker.p = p
    walker.e = normal
    walker.off = normal
    walker.solid = behind
    walker.clear = -1.0
    walker.other = -2
