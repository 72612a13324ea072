"""Starts that gather from the field: one bounce of rays, then the march that paths end in.

It stands in for `heatmat.solver.Solver` where the field is there: a ray costs a tenth of a path,
and nothing has to be followed further. What it leaves is the field's own error (`BIAS`).
"""

from collections.abc import Callable

import numpy as np

from heatmat.field import Field
from heatmat.field_links import Bundle, link_bundle
from heatmat.field_near import march_near
from heatmat.field_places import Effort
from heatmat.kernels import field_gather, layout, visibility
from heatmat.kernels.field_receive import receive_starts
from heatmat.kernels.march import SCRATCH_ROWS
from heatmat.kernels.texels import LINK_FLOATS
from heatmat.rayfield import to_device
from heatmat.requests import Requests, Starts
from heatmat.runtime import ti
from heatmat.start_batches import StartBatches

NEAR = 1.5
"""Within so many texels' sizes what a ray meets is marched for itself."""

BIAS = 0.07
"""What the field leaves beside the noise of the rays, root mean square over points and hours [K]:
at 498 points of Paris 9e, 98 of them within 1 m of a corner, against paths; 0.06 with texels of 4 m
and 0.07 with 8 m (`python -m heatmat.field_benchmark`)."""

MOST_STARTS = 4096
"""Starts of a batch."""


class FieldSolver(StartBatches):
    """The starts of a marched field's case.

    Parameters
    ----------
    field : Field
        Marched, its time one chunk.
    near : float
        Within so many texels' sizes what a ray meets is marched for itself.
    """

    # A ray costs less than the march of the start that it is sent from.
    more_rays = 4

    def __init__(self, field: Field, near: float = NEAR) -> None:
        super().__init__()
        self.near = near
        self.case, self.plan, self.tables = field.case, field.plan, field.tables
        self.field = field.rays
        self.source = field
        self._words, self._inside = (to_device(a) for a in words_of_steps(field))

    def batch_size(self, rays: int, values: int) -> int:
        """Starts in a batch, a power of two."""
        return max(8, min(MOST_STARTS, (1 << 18) // rays))

    def solve(
        self,
        requests: Requests,
        rays: int,
        *,
        full: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Starts:
        """As `Solver.solve`, with `rays` gathering rays a start in place of paths.

        Half of the replicates read the texels by one half of their rays, half by the other, so that
        the field's own noise is in the spread of the replicates.
        """
        order = by_halves(requests.codes[:, layout.R_REPLICATE])
        picked = Requests(
            requests.numbers[order], requests.codes[order], requests.keys[order],
            requests.composition[order],
        )  # fmt: skip
        found = super().solve(picked, rays, full=full, progress=progress)
        back = np.argsort(order)
        return Starts(**{name: getattr(found, name)[back] for name in Starts.__dataclass_fields__})

    def _batch(self, requests: Requests, rays: int, full: bool, count: int) -> Starts:
        field, n, chunk = self.source, len(requests), self.plan.chunks[0]
        start_f, start_i, keys, codes = self.place(requests)
        one = self._buffer("one", (n,), ti.i32)
        bundle = Bundle(
            start_f=start_f,
            start_i=start_i,
            links=self._buffer("links", (n, rays), ti.i32),
            count=self._buffer("count", (n, 1), ti.i32),
            known=self._buffer("known", (n, 1, LINK_FLOATS)),
            bits=self._buffer("start_bits", (n, field.sun_words), ti.u32),
            leader=one,
            split=one,
            samples=1,
        )
        near = link_bundle(
            bundle, codes, keys, field.rays, field.lookup, field.tables, self.near * field.size
        )
        near_store = march_near(field, bundle, near, requests, Effort(near=self.near), chunk)
        store = self._buffer("store", (n * 2 * field.words,), ti.u32)
        known = self._buffer("part_known", (n, 2, LINK_FLOATS))
        self.launch(
            field_gather.gather_parts,
            start_i,
            bundle.links,
            bundle.count,
            bundle.known,
            field.store,
            field.other,
            near_store,
            field.texels.count,
            field.words,
            1,
            store,
            known,
        )
        nodes = self._sun(chunk)[0]
        grid = (self.field.grid_f, self.field.grid_i)
        self.launch(
            visibility.start_visibility, start_f, start_i, nodes, bundle.bits,
            *self.field.geometry, *grid,
        )  # fmt: skip
        scratch = self._buffer("scratch", (n * (chunk.steps + 3) * SCRATCH_ROWS,))
        view = self._buffer("view", (n, 1))
        forcing = field.forcing
        self.launch(
            receive_starts,
            start_f,
            start_i,
            bundle.bits,
            store,
            known,
            field.words,
            self._words,
            self._inside,
            forcing.node_of_step,
            forcing.series,
            scratch,
            view,
            chunk.steps,
            self.tables.switches,
        )
        values = layout.OUTPUTS if full else 1
        temperatures = self._march_starts(chunk, forcing, start_f, start_i, scratch, values)
        hours = np.zeros(n, np.float32)
        if chunk.first_day_nodes is not None:
            hours = self._sunlit_hours(chunk, bundle.bits)
        return self._starts(count, start_f, start_i, temperatures, view, hours)


def by_halves(replicate: np.ndarray) -> np.ndarray:
    """Order of starts in which pairs of them take turns between two halves of the replicates.

    `field_gather.gather_parts` reads the one or the other half of the texels' rays by pairs.
    """
    half = (replicate >> 1) & 1
    first, second = (np.flatnonzero(half == k) for k in (0, 1))
    if first.size != second.size or first.size % 2:
        return np.arange(replicate.size)
    return np.stack([first.reshape(-1, 2), second.reshape(-1, 2)], axis=1).ravel()


def words_of_steps(field: Field) -> tuple[np.ndarray, np.ndarray]:
    """Which words of the texels' series tell of a step, see `kernels.field_receive`."""
    chunk = field.plan.chunks[0]
    words = np.zeros((chunk.steps + 2, 3), np.int32)
    inside = np.zeros(chunk.steps + 2, np.float32)
    first = 0
    # Later stages begin before earlier ones end, and know better.
    for stage in field.place_stages:
        last = first + stage.rows - 1
        step = np.arange(stage.begin + 1, chunk.steps + 2)
        turn = np.minimum(step - 1 - stage.begin, stage.rows * stage.stored - 1)
        here = turn // stage.stored
        row = first + here
        words[step] = np.stack([np.maximum(row - 1, first), row, np.minimum(row + 1, last)], axis=1)
        inside[step] = (turn - here * stage.stored + 0.5) / stage.stored - 0.5
        first += stage.rows
    return words, inside
