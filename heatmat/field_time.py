"""The time of the field: two-hour steps before the window, the solver's own steps in it.

What surfaces send to each other varies little within half an hour, so texels keep their series at
`STORED_MINUTES`; every surface is marched at the steps of its stage all the same.
"""

from dataclasses import dataclass

import numpy as np

from heatmat.chunks import Chunk, TimePlan, plan_time
from heatmat.conduction import exponential_coefficients
from heatmat.forcing import Forcing
from heatmat.kernels import layout
from heatmat.kernels.field_incident import sizes_vector
from heatmat.rayfield import to_device
from heatmat.reference_classes import ReferenceClasses
from heatmat.runtime import ti
from heatmat.tables import DeviceTables

SPIN_UP_MINUTES = 120
"""Step of the days before the window."""

LEAD_HOURS = 4
"""Hours before the window that have the window's steps already: what longer steps leave open has
decayed by its beginning."""

STORED_MINUTES = 30
"""Resolution of the texels' series in the window."""

_STAMPS = (
    layout.F_AIR,
    layout.F_WINDWARD,
    layout.F_LEEWARD,
    layout.F_WIND_X,
    layout.F_WIND_Y,
    layout.F_PRIESTLEY_TAYLOR,
    layout.F_CLOCK,
)
"""Rows that hold at the stamps; the others are means of the steps."""


@dataclass
class Stage:
    """A run of equal steps, on the device.

    Attributes
    ----------
    steps, sub, every : int
        Steps, slots of sun in one, steps of a stored word.
    rows : int
        Words that a texel keeps.
    periodic : bool
        The first day is repeated until periodic.
    day : int
        Steps of a day.
    nodes : int
        Sun positions.
    last : int
        Step whose state the next stage begins with.
    begin, stored : int
        The chunk's step before its first, and the chunk's steps in a stored word.
    series, sun, free : ti.Ndarray
        See `heatmat.kernels.field_march`.
    node_of, out_of_step : ti.Ndarray
    modes, properties : ti.Ndarray
    """

    steps: int
    sub: int
    every: int
    rows: int
    periodic: bool
    day: int
    nodes: int
    last: int
    begin: int
    stored: int
    series: ti.Ndarray
    sun: ti.Ndarray
    free: ti.Ndarray
    node_of: ti.Ndarray
    out_of_step: ti.Ndarray
    modes: ti.Ndarray
    properties: ti.Ndarray

    def sizes(
        self, first: int, passes: int, *, again: bool = False, relax: float = 0.0, half: int = 0
    ) -> object:
        """Sizes as the kernel takes them.

        Parameters
        ----------
        first : int
            First stored word.
        passes : int
            Most passes of the periodic day.
        again : bool
            Later than the first iterate.
        relax : float
            By how much of its change this iterate goes further.
        half : int
            1 or 2: the rays of every other start of a texel.
        """
        start = (2 if again else 1) if self.periodic else 0
        return sizes_vector(
            self.steps, self.sub, self.every, self.day, start, first, self.rows,
            int(not self.periodic), self.nodes, passes, round(1000.0 * relax),
            self.last, half,
        )  # fmt: skip


@dataclass
class Shadows:
    """Sun positions with shadow rays.

    Attributes
    ----------
    nodes : ndarray of float32, shape (n, 3)
    days : ndarray of int32, shape (n, 2)
        First and last of each one's day.
    positions : ndarray of int, shape (n,)
        Of the nodes, among those of the chunk.
    """

    nodes: np.ndarray
    days: np.ndarray
    positions: np.ndarray

    @property
    def words(self) -> int:
        """32-bit words that hold one bit each."""
        return (self.nodes.shape[0] + 31) // 32


def field_plan(forcing: Forcing, stamps: np.ndarray, convergence_deg: float = 0.0) -> TimePlan:
    """The whole time as one chunk: maps gather from all of it."""
    return plan_time(forcing, forcing.n_steps, stamps, convergence_deg)


def series_words(forcing: Forcing) -> int:
    """Words of a texel's series, about: two-hour steps before the window, half hours in it."""
    before = forcing.spin_up_steps * forcing.step / 3600.0
    window = (forcing.n_steps - forcing.spin_up_steps) * forcing.step / 3600.0
    return int(before / 2.0 + 2.0 * (window + LEAD_HOURS)) + 24


def stages_of(
    chunk: Chunk, plan: TimePlan, tables: DeviceTables, references: ReferenceClasses,
    marched: int = 0,
) -> tuple[list[Stage], list[Stage], Shadows]:  # fmt: skip
    """Stages of a chunk: before the window where it holds the beginning, and the window.

    Parameters
    ----------
    marched : int
        Steps after which the texels' window is cut in two.

    Returns
    -------
    tuple
        Stages of the texels, which march at the resolution of what they keep; stages of the places
        that gather from them; sun positions of the texels (places have all of the chunk's).
    """
    rows = tables.chunk(chunk, references).series.to_numpy().astype(float)
    step = tables.case.forcing.step
    cuts = [(0, chunk.steps, 1, False)]
    slot = _divisor(np.gcd(plan.day, chunk.steps), STORED_MINUTES, step)
    if chunk.first:
        # A design day needs no spin-up: its first day is made periodic, then marched.
        hour = slot * _divisor(plan.day // slot, SPIN_UP_MINUTES, step * slot)
        begin = plan.spin_up
        lead = hour * round(3600.0 * LEAD_HOURS / (hour * step))
        cuts = [(0, begin or plan.day, hour, True)]
        begin = begin_of_window = max(0, begin - lead)
        if begin < chunk.steps:
            cuts.append((begin, chunk.steps, 1, False))
    lit, middle = _slots(chunk, slot, rows[layout.F_BEAM])
    texels: list[Stage] = []
    places: list[Stage] = []
    known = (chunk, plan, tables, rows)
    for begin, end, sub, periodic in cuts:
        stored = max(sub, slot)
        coarse = (slot, np.searchsorted(lit, middle), middle, lit.size)
        cut = marched // slot * slot
        ends = [begin, cut, end] if not periodic and begin < cut < end else [begin, end]
        for span in zip(ends, ends[1:], strict=False):
            texels.append(_stage((*span, stored, periodic), known, stored, coarse))
        if periodic:
            coarse = (slot, middle, middle, chunk.nodes.shape[0])
            places.append(_stage((begin, end, stored, periodic), known, stored, coarse))
        else:
            fine = (1, chunk.node_of_step[1:], chunk.node_of_step[1:], chunk.nodes.shape[0])
            places.append(_stage((begin, end, sub, periodic), known, slot, fine))
    if chunk.first and plan.spin_up:
        # The window's steps begin before it, with the state of that hour.
        texels[0].last = places[0].last = begin_of_window // hour
    return texels, places, Shadows(chunk.nodes[lit], _days(chunk.node_days[lit]), lit)


def _divisor(number: int, minutes: float, step: float) -> int:
    """Largest divisor of a number of steps that spans at most so many minutes."""
    most = max(1, int(60.0 * minutes / step + 1e-6))
    return max(k for k in range(1, most + 1) if number % k == 0)


def _slots(chunk: Chunk, slot: int, beam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sun positions used when one stands for `slot` steps; and that of each slot, -1 in the dark.

    It is the middle one, or the one with the strongest beam where the middle is dark.
    """
    node = chunk.node_of_step[1 : chunk.steps + 1].reshape(-1, slot)
    strength = np.where(node >= 0, 1e-3 + beam[1 : chunk.steps + 1].reshape(-1, slot), -1.0)
    strength[:, slot // 2] += np.where(node[:, slot // 2] >= 0, 1e6, 0.0)
    middle = np.take_along_axis(node, strength.argmax(axis=1)[:, None], axis=1)[:, 0]
    lit = np.unique(middle[middle >= 0])
    return (lit if lit.size else np.zeros(1, int)), middle


def _days(days: np.ndarray) -> np.ndarray:
    """First and last position of each one's day, counted among the positions themselves."""
    _, first, index, count = np.unique(
        days[:, 0], return_index=True, return_inverse=True, return_counts=True
    )
    return np.stack([first[index], (first + count - 1)[index]], axis=1).astype(np.int32)


def _stage(
    cut: tuple[int, int, int, bool],
    known: tuple[Chunk, TimePlan, DeviceTables, np.ndarray],
    stored: int,
    sun_slots: tuple[int, np.ndarray, np.ndarray, int],
) -> Stage:
    """One stage.

    Parameters
    ----------
    cut : tuple
        Begin and end in the chunk's steps, its steps in one of this stage, periodic or not.
    stored : int
        The chunk's steps in a stored word.
    sun_slots : tuple
        The chunk's steps in a slot of sun, sun position of each slot, the same with -1 in the
        dark, number of positions.
    """
    begin, end, sub, periodic = cut
    chunk, plan, tables, rows = known
    slot, positions, dark, nodes = sun_slots
    step = tables.case.forcing.step * sub
    steps = (end - begin) // sub
    series = np.zeros((layout.FORCING_ROWS, steps + 2))
    means = rows[:, begin + 1 : end + 1].reshape(rows.shape[0], steps, sub).mean(axis=2)
    series[:, 1 : steps + 1] = means
    stamps = begin + sub * np.arange(steps + 1)
    for row in _STAMPS:
        series[row, : steps + 1] = rows[row, stamps]
    beam = rows[layout.F_BEAM] * rows[layout.F_SUN_X : layout.F_SUN_Z + 1]
    slots = beam[:, begin + 1 : end + 1].reshape(3, -1, slot).mean(axis=2).T
    part = slice(begin // slot, end // slot)
    node_of = np.where(dark[part] >= 0, positions[part], -1)
    free = np.zeros((tables.free.shape[0], steps + 2))
    free[:, : steps + 1] = tables.free[:, chunk.begin + stamps]
    inside = (chunk.output_steps > begin) & (chunk.output_steps <= end) & (not periodic)
    out = np.full(steps + 2, -1, np.int32)
    if sub == 1:
        out[chunk.output_steps[inside] - begin] = np.flatnonzero(inside)
    modes, properties = coefficients(tables, step)
    return Stage(
        steps=steps,
        sub=sub // slot,
        every=stored // sub,
        rows=-(-(end - begin) // stored),
        periodic=periodic,
        day=round(86400.0 / step),
        nodes=nodes,
        last=steps,
        begin=begin,
        stored=stored,
        series=to_device(series),
        sun=to_device(np.concatenate([np.zeros((1, 3)), slots])),
        free=to_device(free),
        node_of=to_device(np.concatenate([[-1], node_of]).astype(np.int32)),
        out_of_step=to_device(out),
        modes=modes,
        properties=properties,
    )


def coefficients(tables: DeviceTables, step: float) -> tuple[ti.Ndarray, ti.Ndarray]:
    """Modes and properties of the constructions for a step of this length [s]."""
    table = tables.case.constructions
    decay, constant, rise = exponential_coefficients(table.rate, table.gain, step)
    day = np.exp(-table.rate * 86400.0)
    modes = np.concatenate([decay, constant, rise, table.gain, day], axis=1)
    return to_device(modes.astype(np.float32)), to_device(tables._properties(rise))
