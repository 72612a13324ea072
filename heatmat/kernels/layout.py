"""Column numbers of the arrays that kernels share, and the sizes compiled into them."""

MODES = 8
"""Exponential modes of a slab (equal to heatmat.conduction.MODES, held by a test)."""

MAX_VERTICES = 6
"""Surfaces on one path after its start; the roulette leaves 6 % of enclosed paths longer."""

MAX_ENTRIES = 8
"""Constructions of one facade composition."""

LOOKS = 8
"""Rays of a later vertex that are known at once where they reach the sky; one that hits goes on."""

ENVELOPE_SLOPES = (0.05, 0.15, 0.35, 0.7, 1.2, 2.2)
"""Slopes of the cones under which a cell knows the city to lie (`heatmat.ray_grid`)."""

# What a primary ray met, where it did not reach the sky
HIT_SURFACE, HIT_BORDER = -2.0, -3.0

# Vertex records (float)
V_X, V_Y, V_Z, V_NX, V_NY, V_NZ, V_WIND, V_PA, V_MATERIAL, V_ONWARD = range(10)
VERTEX_FLOATS = 10
# Vertex records (int)
W_COMPOSITION, W_KIND, W_REGION, W_ORIENTATION = range(4)
VERTEX_INTS = 4

# Start records (float): position, normal, wind factor, perimeter over area
S_X, S_Y, S_Z, S_NX, S_NY, S_NZ, S_WIND, S_PA = range(8)
START_FLOATS = 8
# Start records (int)
T_KIND, T_REGION, T_COMPOSITION, T_FACADE, T_VALID = range(5)
START_INTS = 5

# How much of the sun a start sees at a position: a bit, or eight where there are crowns (logarithms
# of both to base 2)
SUN_BIT, SUN_BYTE = 0, 3

# Start requests (float): plan centre and half side, or facade stretch s0, s1, z0, z1
Q_A, Q_B, Q_C, Q_D = range(4)
# Start requests (int)
R_TYPE, R_KIND, R_FACADE, R_SAMPLE, R_REPLICATE = range(5)
REQUEST_PLAN, REQUEST_WALL, REQUEST_NONE, REQUEST_LEAF = 0, 1, 2, 3
ANY_KIND = -1

# Forcing series, one row each; index n is stamp n, or the step that ends there
(
    F_BEAM,
    F_SUN_X,
    F_SUN_Y,
    F_SUN_Z,
    F_ISOTROPIC,
    F_BAND,
    F_SKY,
    F_AIR_RADIATION,
    F_AIR,
    F_WINDWARD,
    F_LEEWARD,
    F_WIND_X,
    F_WIND_Y,
    F_PRIESTLEY_TAYLOR,
    F_BORDER_SHORT,
    F_BORDER_LONG,
    F_GLOBAL,
    F_SURROUNDINGS,
    F_CLOCK,
) = range(19)
FORCING_ROWS = 19
STAMP_ROWS = (F_AIR, F_WINDWARD, F_LEEWARD, F_WIND_X, F_WIND_Y, F_PRIESTLEY_TAYLOR, F_CLOCK)
"""Rows that hold what is at the stamp; the others are means of the step that ends there."""

# Construction properties, one row a construction
(
    C_ALBEDO,
    C_ABSORPTANCE,
    C_EMISSIVITY,
    C_DIRECT,
    C_FILM,
    C_ROUGHNESS,
    C_MOISTURE,
    C_HELD,
    C_HELD_VALUE,
    C_RISE_GAIN,
    C_STEADY_GAIN,
    C_WATERED,
    C_WATER_FROM,
    C_WATER_TO,
) = range(14)
CONSTRUCTION_FLOATS = 14
SLAB, HELD_AT_AIR, HELD_AT_VALUE = 0.0, 1.0, 2.0

# Mode coefficients, one row a construction: decay, constant, rise, steady gain, decay over a day,
# time constant in steps
M_DECAY, M_CONSTANT, M_RISE, M_GAIN, M_DAY, M_LAG = 0, 8, 16, 24, 32, 40
MODE_FLOATS = 48

# What a marching surface hands from one chunk of time to the next
X_FLUX, X_KNOWN, X_THETA, X_EMISSION, X_GROUND_FLUX, X_LATENT = 8, 9, 10, 11, 12, 13
# ... and, of later vertices, whose first numbers are those of their reference (and how lit it was
# of late in place of its emission): modes, exchange flux, and what the path brings beyond the
# reference's
X_VERTEX = 14
STATE_FLOATS = 26

# Numbers of the physics (float): convection, sky, references
(
    P_UNSTABLE,
    P_UNSTABLE_BASE,
    P_STABLE,
    P_STABLE_BASE,
    P_TILT,
    P_CONSTANT,
    P_EXPONENT_WINDWARD,
    P_EXPONENT_LEEWARD,
    P_BASE,
    P_SIGMA,
    P_MARTIN_BERDAHL,
    P_MARTIN_NORM,
    P_BAND_SINE,
    P_STEP,
) = range(14)
PHYSICS_FLOATS = 14
# Switches of the physics (int)
O_CONVECTION, O_SKY, O_LINEAR, O_UNSHADED, O_DAY, O_WIND, O_SUN_BITS = range(7)
PHYSICS_INTS = 7
TARP, DOE_2, MOWITT, LINEAR = 0, 1, 2, 3
ISOTROPIC, MARTIN_BERDAHL, SKY_AIR_SPLIT = 0, 1, 2

# Values of an output row
(
    Y_TEMPERATURE,
    Y_SHORTWAVE,
    Y_LONGWAVE,
    Y_CONVECTION,
    Y_LATENT,
    Y_CONDUCTION,
    Y_FILM,
    Y_INCIDENT_SHORT,
    Y_INCIDENT_LONG,
) = range(9)
OUTPUTS = 9

ORIENTATIONS = 17
"""Classes of reference surfaces: facing up, and 16 azimuths of walls."""
