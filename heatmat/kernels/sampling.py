"""Owen-scrambled Sobol points and cosine-weighted directions, keyed by counters.

Nothing here has a state: a number follows from (key, dimension, index) alone, so results do not
depend on threads, tiles or order.

References
----------
Joe and Kuo 2008, doi:10.1137/070709359 (Sobol sequence); Laine and Karras 2011,
doi:10.1111/j.1467-8659.2011.01997.x and Burley 2020 (JCGT 9-4, hash-based Owen scrambling,
padding of two-dimensional points); Malley's method for the cosine-weighted hemisphere (Pharr,
Jakob and Humphreys, Physically Based Rendering, 4th ed., section A.5).
"""

from heatmat.runtime import ti, tm

TWO_PI = 6.283185307179586


@ti.func
def mix(h: ti.u32) -> ti.u32:
    """Avalanche of 32 bits (the `lowbias32` constants of Wellons 2018)."""
    x = h
    x ^= x >> ti.u32(16)
    x *= ti.u32(0x7FEB352D)
    x ^= x >> ti.u32(15)
    x *= ti.u32(0x846CA68B)
    x ^= x >> ti.u32(16)
    return x


@ti.func
def combine(a: ti.u32, b: ti.u32) -> ti.u32:
    """Hash of two words."""
    return mix(a ^ (mix(b) + ti.u32(0x9E3779B9) + (a << ti.u32(6)) + (a >> ti.u32(2))))


@ti.func
def reverse_bits(v: ti.u32) -> ti.u32:
    """The 32 bits in reverse order."""
    x = v
    x = ((x >> ti.u32(1)) & ti.u32(0x55555555)) | ((x & ti.u32(0x55555555)) << ti.u32(1))
    x = ((x >> ti.u32(2)) & ti.u32(0x33333333)) | ((x & ti.u32(0x33333333)) << ti.u32(2))
    x = ((x >> ti.u32(4)) & ti.u32(0x0F0F0F0F)) | ((x & ti.u32(0x0F0F0F0F)) << ti.u32(4))
    x = ((x >> ti.u32(8)) & ti.u32(0x00FF00FF)) | ((x & ti.u32(0x00FF00FF)) << ti.u32(8))
    return (x >> ti.u32(16)) | (x << ti.u32(16))


@ti.func
def owen(v: ti.u32, seed: ti.u32) -> ti.u32:
    """Nested uniform scramble of a bit-reversed fraction."""
    x = reverse_bits(v)
    x += seed
    x ^= x * ti.u32(0x6C50B47C)
    x ^= x * ti.u32(0xB82F1E52)
    x ^= x * ti.u32(0xC7AFE638)
    x ^= x * ti.u32(0x8D22F6E6)
    return reverse_bits(x)


@ti.func
def sobol_second(index: ti.u32) -> ti.u32:
    """Second Sobol dimension (primitive polynomial x + 1)."""
    i = index
    v = ti.u32(0x80000000)
    r = ti.u32(0)
    while i != ti.u32(0):
        if (i & ti.u32(1)) != ti.u32(0):
            r ^= v
        v ^= v >> ti.u32(1)
        i = i >> ti.u32(1)
    return r


@ti.func
def to_unit(bits: ti.u32) -> ti.f32:
    """The top 24 bits as a fraction in [0, 1)."""
    return ti.cast(bits >> ti.u32(8), ti.f32) * 5.9604644775390625e-8


@ti.func
def sobol_2d(index: ti.u32, key: ti.u32) -> tm.vec2:
    """Point `index` of the scrambled two-dimensional sequence named by `key`.

    The index is itself Owen-shuffled, so that sequences with different keys can be padded side by
    side; any aligned power of two of points is a net in each.
    """
    i = owen(index, combine(key, ti.u32(0)))
    u = owen(reverse_bits(i), combine(key, ti.u32(1)))
    v = owen(sobol_second(i), combine(key, ti.u32(2)))
    return tm.vec2(to_unit(u), to_unit(v))


@ti.func
def uniform(index: ti.u32, key: ti.u32) -> ti.f32:
    """A plain pseudo-random number in [0, 1)."""
    return to_unit(combine(key, index))


@ti.func
def cosine_direction(normal: tm.vec3, u: tm.vec2) -> tm.vec3:
    """Direction about `normal` with density cos(theta) / pi, from two uniforms.

    The disc is Shirley's concentric map, which keeps the strata of the square.
    """
    a = 2.0 * u.x - 1.0
    b = 2.0 * u.y - 1.0
    r = 0.0
    phi = 0.0
    if a * a > b * b:
        r = a
        phi = (TWO_PI / 8.0) * (b / a)
    elif b != 0.0:
        r = b
        phi = TWO_PI / 4.0 - (TWO_PI / 8.0) * (a / b)
    x = r * ti.cos(phi)
    y = r * ti.sin(phi)
    z = ti.sqrt(ti.max(0.0, 1.0 - x * x - y * y))
    # Frame of Duff et al. 2017 (JCGT 6-1), continuous but for one pole.
    s = 1.0
    if normal.z < 0.0:
        s = -1.0
    p = -1.0 / (s + normal.z)
    q = normal.x * normal.y * p
    t1 = tm.vec3(1.0 + s * normal.x * normal.x * p, s * q, -s * normal.x)
    t2 = tm.vec3(q, s + normal.y * normal.y * p, -normal.y)
    return tm.normalize(x * t1 + y * t2 + z * normal)
