"""Functions of the wall law without a branch, for loops that become vector instructions."""

from heatmat.runtime import ti


@ti.func
def cube_root(x):
    """`kernels.wall.signed_cube_root`, with the third of the exponent taken in floating point."""
    a = ti.abs(x) + 1e-12
    third = ti.cast(ti.cast(ti.bit_cast(a, ti.i32), ti.f32) * (1.0 / 3.0), ti.i32)
    y = ti.bit_cast(1419900416 - third, ti.f32)
    r = 1.0 - a * y * y * y
    y *= 1.0 + r * (1 / 3 + r * (2 / 9 + r * (14 / 81 + r * (35 / 243 + r * (91 / 729)))))
    root = a * y * y
    return ti.select(x < 0.0, -root, root)


@ti.func
def slope_within(before, here, after):
    """`kernels.wall.limited_slope` without a branch."""
    a = here - before
    b = after - here
    most = 2.0 * ti.min(ti.abs(a), ti.abs(b))
    s = ti.max(-most, ti.min(most, 0.5 * (a + b)))
    return ti.select(a * b > 0.0, s, 0.0)
