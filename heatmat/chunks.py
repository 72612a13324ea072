"""The time of a run cut into chunks: steps, outputs and the sun positions that need shadow rays.

Slab states go from chunk to chunk, so results do not depend on the cut; what a thread holds at a
time does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatmat.errors import InputError
from heatmat.forcing import Forcing

CHUNK_STEPS = 1008
"""Steps of a chunk unless the first day is longer: a week at 10 minutes, 16 kB a thread."""


AHEAD = 2
"""Hours that later vertices march beyond a chunk. What they have there is a little off, since they
do not know what comes after; an hour before, a tenth of it is left."""


@dataclass(frozen=True)
class Hours:
    """The hours of a chunk, 1-based, with `AHEAD` more.

    Attributes
    ----------
    steps : int
        Solver steps of an hour.
    count : int
        Hours of the chunk, `AHEAD` not among them; the last may reach beyond its end.
    lit : ndarray of int32, shape (count + AHEAD + 2,)
        Group of sun positions of each hour, -1 where the sun is down; hours of different days may
        share a group.
    sun : ndarray of float32, shape (groups * steps, 3)
        Sun directions in the grid's axes, one for each phase of the hour; at least one group.
    """

    steps: int
    count: int
    lit: np.ndarray
    sun: np.ndarray

    @property
    def last(self) -> int:
        """The last hour that is marched."""
        return self.count + AHEAD

    @property
    def groups(self) -> int:
        """Number of groups of sun positions."""
        return self.sun.shape[0] // self.steps


@dataclass(frozen=True)
class Chunk:
    """Steps ``begin + 1`` to ``begin + steps`` of the plan.

    Attributes
    ----------
    begin, steps : int
        Plan stamp at which it starts, number of steps.
    first : bool
        Whether it holds the day that is repeated until periodic.
    output_steps : ndarray of int
        Chunk-local steps (1-based) whose ends are reported.
    node_of_step : ndarray of int32, shape (hours.last * hours.steps + 2,)
        Sun position of each step, and of those ahead; -1 where the sun is down.
    nodes : ndarray of float32, shape (n, 3)
        Sun directions in the grid's axes: x, y, up; at least one row.
    node_days : ndarray of int32, shape (n, 2)
        First and last node of each node's day.
    first_day_nodes : ndarray of int or None
        Nodes of the window's first day, in the first chunk that has them.
    hours : Hours
        The same time as later vertices march it.
    """

    begin: int
    steps: int
    first: bool
    output_steps: np.ndarray
    node_of_step: np.ndarray
    nodes: np.ndarray
    node_days: np.ndarray
    first_day_nodes: np.ndarray | None
    hours: Hours

    @property
    def outputs(self) -> int:
        """Number of reported times."""
        return self.output_steps.size


@dataclass(frozen=True)
class TimePlan:
    """What is marched and reported.

    Attributes
    ----------
    origin : int
        Forcing stamp at which the plan's time starts.
    total : int
        Steps from there.
    spin_up : int
        Steps before the window.
    day : int
        Steps of a day.
    stamps : ndarray of int
        Forcing stamps of the reported times.
    chunks : tuple of Chunk
    """

    origin: int
    total: int
    spin_up: int
    day: int
    stamps: np.ndarray
    chunks: tuple[Chunk, ...]

    @property
    def words(self) -> int:
        """32-bit words of sun visibility that a surface needs."""
        return max((chunk.nodes.shape[0] + 31) // 32 for chunk in self.chunks)

    @property
    def hour_words(self) -> int:
        """The same of later vertices."""
        return max((chunk.hours.groups + 31) // 32 for chunk in self.chunks)

    @property
    def hours(self) -> int:
        """Most hours that a later vertex marches at once."""
        return max(chunk.hours.last for chunk in self.chunks)

    @property
    def longest(self) -> int:
        """Steps of the longest chunk."""
        return max(chunk.steps for chunk in self.chunks)

    @property
    def outputs(self) -> int:
        """Reported times."""
        return self.stamps.size


def to_grid(east: np.ndarray, north: np.ndarray, convergence: float) -> tuple:
    """Turn a vector from true to grid axes (grid azimuth = true azimuth - convergence [rad])."""
    cos, sin = np.cos(convergence), np.sin(convergence)
    return east * cos - north * sin, east * sin + north * cos


def plan_time(
    forcing: Forcing,
    chunk_steps: int | None = None,
    stamps: np.ndarray | None = None,
    convergence_deg: float = 0.0,
) -> TimePlan:
    """Cut a forcing into chunks.

    Parameters
    ----------
    forcing : Forcing
    chunk_steps : int, optional
        Longest chunk; at least a day, and cut to whole hours.
    stamps : ndarray of int, optional
        Forcing stamps to report, all after the spin-up; default: every step of the window.
    convergence_deg : float
        True azimuth less grid azimuth, for the sun directions.

    Raises
    ------
    InputError
        If spin-up and window together are shorter than a day.

    Notes
    -----
    A design day that repeats needs no days between the periodic first day and the window: the
    spin-up is cut to nothing, or to one day if the window is shorter than a day. Days of the
    spin-up borrow the shadow rays (not the sun's direction) of the window's first day: three
    days are 0.4 degrees of declination apart in summer, 1.2 at an equinox.
    """
    day = round(86400.0 / forcing.step)
    spin_up = forcing.spin_up_steps
    if forcing.repeating:
        window = forcing.n_steps - spin_up
        spin_up = min(spin_up, 0 if window >= day else day)
    origin = forcing.spin_up_steps - spin_up
    total = forcing.n_steps - origin
    if total < day:
        raise InputError(
            "the first day is repeated until periodic, and there is no whole day",
            where="[time] spin_up_days",
            expected="a window or a spin-up of a day or more",
            got=f"{total * forcing.step / 3600.0:g} h in all",
            remedy="set spin_up_days = 1",
        )
    if stamps is None:
        stamps = np.arange(origin + spin_up + 1, forcing.n_steps + 1)
    stamps = np.asarray(stamps, int)
    per_hour = steps_per_hour(forcing.step)
    length = max(day, (chunk_steps or CHUNK_STEPS) // per_hour * per_hour)
    east, north, up = forcing.sun_direction.T
    x, y = to_grid(east, north, float(np.radians(convergence_deg)))
    sun = np.stack([x, y, up], axis=1).astype(np.float32)
    source = _shadow_steps(forcing, origin, total, spin_up, day)
    chunks = []
    counted = False
    begin = 0
    while begin < total:
        steps = min(length, total - begin)
        local = stamps - origin - begin
        local = local[(local >= 1) & (local <= steps)]
        hours = _hours(sun, origin, begin, steps, source, per_hour)
        ahead = hours.last * per_hour
        node_of_step, nodes, days, steps_of_nodes = _nodes(sun, origin, begin, ahead, source)
        first_day = None
        if not counted:
            inside = (steps_of_nodes > spin_up) & (steps_of_nodes <= spin_up + day)
            # A chunk has its days whole, and those of the spin-up borrow this very day.
            first_day = np.flatnonzero(inside)
            counted = bool(first_day.size)
        chunks.append(
            Chunk(
                begin, steps, begin == 0, local, node_of_step, nodes, days, first_day, hours
            )
        )  # fmt: skip
        begin += steps
    return TimePlan(origin, total, spin_up, day, stamps, tuple(chunks))


def _shadow_steps(forcing: Forcing, origin: int, total: int, spin_up: int, day: int) -> np.ndarray:
    """For each plan step (1-based), the step whose sun its shadow ray uses; 0 for the night."""
    up = np.zeros(total + 1, bool)
    up[1:] = forcing.sun_up[origin : origin + total]
    source = np.arange(total + 1)
    early = source[1 : spin_up + 1]
    borrowed = early + day * -(-(spin_up + 1 - early) // day)
    usable = borrowed <= total
    source[1 : spin_up + 1][usable] = borrowed[usable]
    return np.where(up & up[source], source, 0)


def steps_per_hour(step: float) -> int:
    """Solver steps that later vertices take at once; 1 where an hour is not a whole number."""
    number = round(3600.0 / step)
    return number if number > 0 and abs(number * step - 3600.0) < 1e-6 else 1


def _hours(
    sun: np.ndarray, origin: int, begin: int, steps: int, source: np.ndarray, per_hour: int
) -> Hours:
    """Hours of a chunk, and the sun positions that their shadow rays may take."""
    count = -(-steps // per_hour)
    last = count + AHEAD
    lit = np.full(last + 2, -1, np.int32)
    groups: dict[tuple[int, ...], int] = {}
    for hour in range(1, last + 1):
        first = begin + (hour - 1) * per_hour + 1
        used = source[first : first + per_hour]
        used = used[used > 0]
        if used.size:
            # As many phases as steps: an hour in which the sun rises repeats those it has.
            phases = used[np.arange(per_hour) * used.size // per_hour]
            lit[hour] = groups.setdefault(tuple(phases.tolist()), len(groups))
    if not groups:
        return Hours(
            per_hour, count, lit, np.tile(np.array([0.0, 0.0, -1.0], np.float32), (per_hour, 1))
        )
    phases = np.array(list(groups)).ravel()
    return Hours(per_hour, count, lit, sun[origin + phases - 1])


def _nodes(
    sun: np.ndarray, origin: int, begin: int, steps: int, source: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sun positions of a chunk and its lookahead step."""
    node_of_step = np.full(steps + 2, -1, np.int32)
    last = min(begin + steps + 1, source.size - 1)
    used = source[begin + 1 : last + 1]
    unique = _whole_days(used[used > 0], source)
    lookup = np.searchsorted(unique, used)
    node_of_step[1 : 1 + used.size] = np.where(used > 0, lookup, -1)
    if unique.size == 0:
        below = np.array([[0.0, 0.0, -1.0]], np.float32)
        return node_of_step, below, np.zeros((1, 2), np.int32), np.zeros(1, int)
    nodes = sun[origin + unique - 1]
    group = _days_of(unique)
    count = np.bincount(group)
    firsts = np.cumsum(count) - count
    days = np.stack([firsts[group], (firsts + count - 1)[group]], axis=1).astype(np.int32)
    return node_of_step, nodes, days, unique


def _days_of(steps: np.ndarray) -> np.ndarray:
    """Day of each of some sunlit steps in order: a new one where they are not neighbours."""
    return np.concatenate([[0], np.cumsum(np.diff(steps) > 1)])


def _whole_days(used: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Steps whose sun is needed, with all others of their days.

    A shadow ray stands for several steps of its day, counted from sunrise: where a chunk begins or
    ends must not change which.
    """
    every = np.unique(source[source > 0])
    if used.size == 0 or every.size == 0:
        return every[:0]
    day = _days_of(every)
    return every[np.isin(day, day[np.isin(every, used)])]
