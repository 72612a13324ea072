"""Where a moment lies among the stamps and steps of a climate."""

from heatmat.runtime import ti

Moment = ti.types.struct(
    stamp=ti.i32, share=ti.f32, before=ti.i32, after=ti.i32, middle=ti.f32, step=ti.i32
)


@ti.func
def moment_of(s, day, total):
    """Rows to read at time `s`, in steps from stamp 0; the first day repeats before it.

    Returns
    -------
    Moment
        Stamp before and the share of the next one; steps whose middles lie before and after, and
        the share of the later; the step that holds the moment (ends with it at a stamp).
    """
    t = s
    length = ti.cast(day, ti.f32)
    if t <= 0.0:
        t += length * (ti.floor(-t / length) + 1.0)
    stamp = ti.min(ti.cast(t, ti.i32), total - 1)
    before = ti.cast(ti.floor(t - 0.5), ti.i32)
    middle = t - 0.5 - ti.cast(before, ti.f32)
    after = before + 1
    if before < 0:
        before = day - 1
    if after >= total:
        after = total - day
    step = ti.min(ti.max(ti.cast(ti.ceil(t), ti.i32) - 1, 0), total - 1)
    return Moment(
        stamp=stamp,
        share=t - ti.cast(stamp, ti.f32),
        before=before,
        after=after,
        middle=middle,
        step=step,
    )


@ti.func
def at_stamp(rows: ti.template(), row, m):
    """A row of the stamps, linear between them."""
    a = rows[row, m.stamp]
    return a + m.share * (rows[row, m.stamp + 1] - a)


@ti.func
def at_middle(rows: ti.template(), row, m):
    """A row of the steps, linear between their middles."""
    a = rows[row, m.before]
    return a + m.middle * (rows[row, m.after] - a)
