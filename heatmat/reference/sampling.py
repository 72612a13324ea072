"""Random numbers of the 3D paths: scrambled Sobol points for the first draws, hashes after them.

Nothing has a state beyond the path's own: a number follows from (key, path, draw) alone.

References
----------
Joe and Kuo 2008, doi:10.1137/070709359 (Sobol sequence); Burley 2020, JCGT 9-4 (hash-based Owen
scrambling, two-dimensional points padded side by side); O'Neill 2014, HMC-CS-2014-0905 (the PCG
generator, output function RXS-M-XS); Shirley and Chiu 1997, doi:10.1080/10867651.1997.10487479
(concentric map).
"""

from heatmat.runtime import ti, tm

TWO_PI = 6.283185307179586

SOBOL_PAIRS = 8
"""Pairs of draws at the start of a path that are Sobol points."""


@ti.func
def hash_word(h: ti.u32) -> ti.u32:
    """Avalanche of 32 bits (the finaliser of MurmurHash3, Appleby 2011)."""
    x = h
    x ^= x >> ti.u32(16)
    x *= ti.u32(0x85EBCA6B)
    x ^= x >> ti.u32(13)
    x *= ti.u32(0xC2B2AE35)
    x ^= x >> ti.u32(16)
    return x


@ti.func
def hash_pair(a: ti.u32, b: ti.u32) -> ti.u32:
    """Hash of two words."""
    return hash_word(hash_word(a + ti.u32(0x9E3779B9)) ^ (b * ti.u32(0x85EBCA77)))


@ti.func
def flip_bits(v: ti.u32) -> ti.u32:
    """The 32 bits in reverse order."""
    x = (v >> ti.u32(16)) | (v << ti.u32(16))
    x = ((x >> ti.u32(8)) & ti.u32(0x00FF00FF)) | ((x & ti.u32(0x00FF00FF)) << ti.u32(8))
    x = ((x >> ti.u32(4)) & ti.u32(0x0F0F0F0F)) | ((x & ti.u32(0x0F0F0F0F)) << ti.u32(4))
    x = ((x >> ti.u32(2)) & ti.u32(0x33333333)) | ((x & ti.u32(0x33333333)) << ti.u32(2))
    return ((x >> ti.u32(1)) & ti.u32(0x55555555)) | ((x & ti.u32(0x55555555)) << ti.u32(1))


@ti.func
def scramble(v: ti.u32, seed: ti.u32) -> ti.u32:
    """Nested uniform scramble (Burley 2020, the improved Laine-Karras hash)."""
    x = flip_bits(v)
    x ^= x * ti.u32(0x3D20ADEA)
    x += seed
    x *= (seed >> ti.u32(16)) | ti.u32(1)
    x ^= x * ti.u32(0x05526C56)
    x ^= x * ti.u32(0x53A22864)
    return flip_bits(x)


@ti.func
def unit(bits: ti.u32) -> ti.f32:
    """The top 24 bits as a fraction in [0, 1)."""
    return ti.cast(bits >> ti.u32(8), ti.f32) * 5.9604644775390625e-8


@ti.func
def sobol_pair(index: ti.u32, key: ti.u32) -> tm.vec2:
    """Point `index` of the scrambled two-dimensional sequence named by `key`."""
    i = scramble(index, hash_pair(key, ti.u32(1)))
    second = ti.u32(0)
    column = ti.u32(0x80000000)
    rest = i
    while rest != ti.u32(0):
        if (rest & ti.u32(1)) != ti.u32(0):
            second ^= column
        column ^= column >> ti.u32(1)
        rest = rest >> ti.u32(1)
    u = scramble(flip_bits(i), hash_pair(key, ti.u32(2)))
    v = scramble(second, hash_pair(key, ti.u32(3)))
    return tm.vec2(unit(u), unit(v))


@ti.func
def next_word(state: ti.template()) -> ti.u32:
    """Advance the generator of a path (by reference) and return 32 bits."""
    state = state * ti.u32(747796405) + ti.u32(2891336453)
    word = ((state >> ((state >> ti.u32(28)) + ti.u32(4))) ^ state) * ti.u32(277803737)
    return (word >> ti.u32(22)) ^ word


@ti.func
def draw(state: ti.template()) -> ti.f32:
    """A uniform number in [0, 1)."""
    return unit(next_word(state))


@ti.func
def draw_pair(state: ti.template(), pairs: ti.template(), index, key, sobol) -> tm.vec2:
    """Two uniform numbers: Sobol points while `pairs` (by reference) is under `sobol`."""
    u = tm.vec2(0.0, 0.0)
    if pairs < sobol:
        u = sobol_pair(index, hash_pair(key, ti.cast(16 + pairs, ti.u32)))
        pairs += 1
    else:
        u.x = draw(state)
        u.y = draw(state)
    return u


@ti.func
def sphere_direction(u: tm.vec2) -> tm.vec3:
    """Uniform direction from two uniforms."""
    z = 1.0 - 2.0 * u.x
    r = ti.sqrt(ti.max(0.0, 1.0 - z * z))
    return tm.vec3(r * ti.cos(TWO_PI * u.y), r * ti.sin(TWO_PI * u.y), z)


@ti.func
def tangent(n: tm.vec3) -> tm.vec3:
    """A unit vector across `n`."""
    a = tm.vec3(1.0, 0.0, 0.0)
    if ti.abs(n.x) > 0.6:
        a = tm.vec3(0.0, 1.0, 0.0)
    return tm.normalize(tm.cross(n, a))


@ti.func
def lambert_direction(n: tm.vec3, u: tm.vec2) -> tm.vec3:
    """Direction about `n` with density cos / pi."""
    a = 2.0 * u.x - 1.0
    b = 2.0 * u.y - 1.0
    r = 0.0
    phi = 0.0
    if ti.abs(a) > ti.abs(b):
        r = a
        phi = 0.25 * TWO_PI * 0.5 * (b / a)
    elif b != 0.0:
        r = b
        phi = 0.25 * TWO_PI - 0.25 * TWO_PI * 0.5 * (a / b)
    x = r * ti.cos(phi)
    y = r * ti.sin(phi)
    z = ti.sqrt(ti.max(0.0, 1.0 - x * x - y * y))
    t = tangent(n)
    return tm.normalize(x * t + y * tm.cross(n, t) + z * n)
