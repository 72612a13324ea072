"""The field: every surface of the city on coarse texels, marched together.

Texels exchange light and longwave along rays traced once. A stage of time is marched whole, texel
by texel, with what the others sent in the iterate before (waveform relaxation): each iterate takes
in one more bounce, and what is left shrinks six to ten times. Maps gather from the result.
"""

import numpy as np

from heatmat.case import Case
from heatmat.chunks import Chunk
from heatmat.errors import InputError
from heatmat.field_launch import Neighbours, march
from heatmat.field_links import (
    Bundle,
    empty_bundle,
    join_bundle,
    link_bundle,
    place_bundle,
    shade_bundle,
    twin_bundle,
)
from heatmat.field_texels import SAMPLES, Texels, lay_texels, mixtures
from heatmat.field_time import Shadows, Stage, field_plan, stages_of
from heatmat.field_twins import same_rays
from heatmat.field_units import Units, texel_units
from heatmat.kernels import field_incident, field_march, layout
from heatmat.kernels.field_incident import QUANTUM
from heatmat.rayfield import RayField, to_device
from heatmat.reference_classes import ReferenceClasses
from heatmat.room import Room
from heatmat.runtime import ensure_device, ti
from heatmat.shadow_map import map_shadows, no_shadow_map
from heatmat.tables import DeviceTables

RAYS = 8
"""Rays of a texel's start; a texel has `SAMPLES` of them."""

LIGHT_SWEEPS = 1
"""Iterates of light alone before the first march."""

SWEEPS = (0.0, 0.89, 0.33, 0.0)
"""Iterates of a stage: by how much of its change each goes further than it leads. In the window
the last one is done twice, with half of the texels' rays each.

An iterate that goes further by r turns what shrinks by s into (1 + r) s - r: nothing is left of
what shrinks to r / (1 + r). Those here are 0.47, 0.25 and 0, so that of all that shrinks to half or
less (longwave in a closed court does) three iterates leave a hundredth (Chebyshev: Golub
and Varga 1961, Numerische Mathematik 3, 147)."""

EARLY = (1, 2, 0, 0)
"""Which rays of a texel an iterate takes: halves, then all. What the early ones leave is taken over
by later ones, and averaged over the rays that read it."""

FIRST_PASSES = 2
"""Most passes of the periodic day in the first iterate; each later one corrects it once more."""

LINE_WORDS = 16
"""Words of a line of the cache: series begin with one, and kernels read them by so many."""

PASSES = 3
"""Passes of the periodic day of what gathers from the field: two corrections leave a few hundredths
of a kelvin at most."""


class Field:
    """Texels of a case, and what leaves them over a chunk of time.

    Parameters
    ----------
    case : Case
    size : float
        Of the texels [m].
    stamps : ndarray of int
        Forcing stamps of the output times.
    device : str
    seed : int
    rayfield : RayField, optional
        The city on the device, where it is there already.
    twin : Field, optional
        Of another version of the city: where its rays are the same they are not traced again.
    apart : bool
        Whether the two halves of the rays are independent, so that they tell the errors of means
        over many places too; costs two iterates more.
    """

    def __init__(
        self,
        case: Case,
        size: float,
        stamps: np.ndarray,
        *,
        device: str = "auto",
        seed: int = 0,
        rayfield: RayField | None = None,
        twin: "Field | None" = None,
        apart: bool = False,
    ) -> None:
        ensure_device(device)
        self.apart = apart
        self.case = case
        self.size = size
        self.seed = seed
        self.rays = rayfield or RayField(case)
        self.plan = field_plan(case.forcing, stamps, case.maps.convergence_deg)
        self.tables = DeviceTables(case, self.plan)
        self.references = ReferenceClasses(case, self.plan, self.tables)
        self.twin = twin if twin is not None and same_rays(self, twin) else None
        known = None if self.twin is None else self.twin.texels
        self.texels: Texels = known or lay_texels(case, self.rays, size, seed)
        self.bundle: Bundle = self._trace()
        self.done = 0  # chunks marched
        self.point_solver: object = None  # see `query_method.solver_for`
        self.stages: list[Stage] = []
        self.place_stages: list[Stage] = []
        self.store = ti.ndarray(dtype=ti.u32, shape=(1,))
        self.other = self.store
        self.words = 0
        self.shadow_map = no_shadow_map()
        self.room = Room()  # of tiles that gather from it
        self.units: Units = texel_units(self.bundle, self.entries, self.shares)
        self.state = self._state_array(1)

    # -- geometry -------------------------------------------------------------------------------

    @property
    def sun_words(self) -> int:
        """32-bit words of what a start sees of the sun."""
        return self.plan.words << self.rays.sun_size

    def _trace(self) -> Bundle:
        """Place the starts of all texels and trace their links."""
        texels, twin = self.texels, self.twin
        if twin is None:
            bundle = empty_bundle(texels.count, SAMPLES, RAYS, 1, self.sun_words)
            bundle.split.fill(0)
        else:
            bundle = twin_bundle(twin.bundle)
        codes, keys = place_bundle(bundle, texels.requests, self.rays)
        records = bundle.start_i.to_numpy()
        valid = records[:, layout.T_VALID].reshape(-1, SAMPLES) == 1
        composition = records[:, layout.T_COMPOSITION].reshape(-1, SAMPLES)
        entries, shares = self.case.composition_arrays()
        row, entries, shares = mixtures(np.where(valid, composition, -1), entries, shares)
        records[:, layout.T_COMPOSITION] = np.repeat(row, SAMPLES)
        bundle.start_i.from_numpy(records)
        self.entries, self.shares = entries.astype(np.int32), shares.astype(np.float32)
        if twin is None:
            self._name_neighbours(valid.any(axis=1))
            self.lookup = texels.lookup(self.rays)
            link_bundle(bundle, codes, keys, self.rays, self.lookup, self.tables)
        else:
            self.lookup = twin.lookup
        return bundle

    def _name_neighbours(self, exists: np.ndarray) -> None:
        """A wall's texel that a neighbour covers stands for the one above it, or the one below."""
        alias = np.where(exists, np.arange(exists.size), -1).astype(np.int32)
        first, columns, rows = self.texels.strips.T.astype(np.int64)
        begin = self.texels.ground_roof
        walls = slice(begin, begin + int((columns * rows).sum()))
        column = np.repeat(np.arange(columns.sum()), np.repeat(rows, columns))
        there = np.flatnonzero(exists[walls])
        if there.size:
            missing = np.flatnonzero(~exists[walls])
            above = np.searchsorted(there, missing)
            above, below = (there[np.clip(k, 0, there.size - 1)] for k in (above, above - 1))
            up, down = (column[k] == column[missing] for k in (above, below))
            found = np.where(up, above, np.where(down, below, -1 - begin))
            alias[walls][missing] = begin + found
        self.texels.alias = alias

    # -- time -----------------------------------------------------------------------------------

    def _state_array(self, rows: int) -> ti.Ndarray:
        return ti.ndarray(dtype=ti.f32, shape=(rows, field_march.GROUP_STATE))

    def _series(self) -> ti.Ndarray:
        """Room for what leaves the texels."""
        return ti.ndarray(dtype=ti.u32, shape=(self.texels.count * self.words,))

    def march_chunk(self) -> Chunk:
        """March the texels through the next chunk; `store` then holds what leaves them.

        Raises
        ------
        InputError
            If there is none: a field takes up what was saved, and does not go on after its end.
        """
        if self.done == len(self.plan.chunks):
            raise InputError(
                "the field is marched to the end of its time",
                expected="at most once for each chunk",
                remedy="make one of a longer window",
            )
        chunk = self.plan.chunks[self.done]
        shadows = self._prepare(chunk)
        if self.twin is not None and self.twin.done == self.done + 1:
            join_bundle(self.bundle, self.rays, together=True)
        else:
            self._shade(shadows)
        begin = self._state_array(self.units.count) if chunk.first else self.state
        self._march(self.stages, 0, begin)
        self.done += 1
        if self.done == len(self.plan.chunks):
            # Positions are not needed any more.
            self.bundle.start_f = ti.ndarray(dtype=ti.f32, shape=(1, layout.START_FLOATS))
            self.twin = None  # its series may go
        return chunk

    def march_on(self, steps: int, stored: int, state: ti.Ndarray) -> int:
        """March the texels to the end of the time, from their state after so many steps of it.

        Parameters
        ----------
        stored : int
            Steps of a word of the series until then.

        Returns
        -------
        int
            Words of a texel's series until then, which `store` and `other` are left without.
        """
        self._shade(self._prepare(self.plan.chunks[0], steps))
        *known, rest = self.stages
        if rest.begin != steps or rest.stored != stored:
            raise InputError(
                "a saved field ends within a step of what is kept of it",
                expected=f"a time of whole {stored} steps before and after", got=f"{steps} steps",
                remedy="march the field anew",
            )  # fmt: skip
        first = sum(stage.rows for stage in known)
        self._march([rest], first, state)
        self.done = 1
        return first

    def take_up(self, store: ti.Ndarray, other: ti.Ndarray, state: ti.Ndarray) -> None:
        """Take series and states that were marched before."""
        self._prepare(self.plan.chunks[0])
        self.store, self.other, self.state = store, other, state
        self.words, self.done = store.shape[0] // self.texels.count, 1

    def _shade(self, shadows: Shadows) -> None:
        """The sun on the texels."""
        shade_bundle(
            self.bundle, shadows.nodes, shadows.days, self.rays, together=True,
            shadows=self.shadow_map, positions=shadows.positions,
        )  # fmt: skip

    def _march(self, stages: list[Stage], first: int, before: ti.Ndarray) -> None:
        """All iterates of some stages, whose words begin at `first`; begins with a state."""
        self.words = -(-sum(stage.rows for stage in self.stages) // LINE_WORDS) * LINE_WORDS
        self.store, fresh = self._series(), self._series()
        self._guess()
        fresh.copy_from(self.store)
        after = self._state_array(self.units.count)
        spans = []
        for stage in stages:
            # The window's last iterate is that of the halves.
            for sweep, relax in enumerate(SWEEPS if stage.periodic else SWEEPS[:-1]):
                # Later iterates of the periodic day begin where the one before ended.
                self._sweep(
                    stage,
                    first,
                    fresh,
                    before,
                    after,
                    light=sweep < LIGHT_SWEEPS,
                    again=sweep > LIGHT_SWEEPS,
                    relax=relax,
                    half=EARLY[sweep],
                )
                self.store, fresh = fresh, self.store
            spans.append((stage, first, before))
            before, after = after, before
            first += stage.rows
            if stage.periodic:
                fresh.copy_from(self.store)
        self.state = self._halve(spans, fresh)

    def _halve(self, spans: list[tuple], fresh: ti.Ndarray) -> ti.Ndarray:
        """Once more by each half of the texels' rays: the window, or `apart` all of it, twice.

        The mean of both is what maps gather; their difference is the field's noise. `fresh` has
        all but the window from `store`. Halves that only take the last step by themselves have in
        common what reaches the texels by way of others, which means over many pixels show.
        """
        other = self._series()
        other.copy_from(self.store)
        if not self.apart:
            window = [span for span in spans if not span[0].periodic]
            ends = [self._march_half(window, fresh, 1), self._march_half(window, other, 2)]
            self.store, self.other = fresh, other
        else:
            joint, ends = self.store, []
            for half, last in ((1, other), (2, joint)):
                self.store = joint
                self._march_half(spans, fresh, half)
                self.store = fresh
                ends.append(self._march_half(spans, last, half))
            self.store, self.other = other, joint
        return to_device(0.5 * (ends[0].to_numpy() + ends[1].to_numpy()))

    def _march_half(self, spans: list[tuple], target: ti.Ndarray, half: int) -> ti.Ndarray:
        """One iterate of some stages by half of the rays, from `store` to `target`.

        Returns the state in which it ends.
        """
        end = self.state
        for span, (stage, first, before) in enumerate(spans):
            begin = end if self.apart and span > 0 else before
            end = self._state_array(before.shape[0])
            self._sweep(
                stage, first, target, begin, end, light=False, again=True, relax=0.0, half=half
            )
        return end

    def _prepare(self, chunk: Chunk, marched: int = 0) -> Shadows:
        """Stages of a chunk, of which so many steps are marched already."""
        known = (chunk, self.plan, self.tables, self.references)
        self.stages, self.place_stages, shadows = stages_of(*known, marched)
        self.forcing = self.tables.chunk(chunk, self.references)
        if self.twin is not None and self.twin.done == self.done + 1:
            self.shadow_map = self.twin.shadow_map
        else:
            self.shadow_map = map_shadows(self.case, self.rays, chunk.nodes)
        return shadows

    def _guess(self) -> None:
        """Before the first iterate: no light comes back, longwave of typical surroundings does."""
        words = []
        for stage in self.stages:
            long = stage.series.to_numpy()[layout.F_SURROUNDINGS, 1 : stage.steps + 1]
            long = long.reshape(stage.rows, stage.every).mean(axis=1)
            words.append((long / QUANTUM).astype(np.uint32) << np.uint32(16))
        row = np.concatenate(words)
        row = np.append(row, np.zeros(self.words - row.size, np.uint32))
        field_incident.repeat_series(to_device(row), self.store)

    def _sweep(
        self,
        stage: Stage,
        first: int,
        fresh: ti.Ndarray,
        begin: ti.Ndarray,
        end: ti.Ndarray,
        *,
        light: bool,
        again: bool,
        relax: float,
        half: int = 0,
    ) -> None:
        """One iterate of one stage, from `store` to `fresh`."""
        march(
            self,
            self.bundle,
            self.units,
            Neighbours.none(),
            stage,
            stage.sizes(first, FIRST_PASSES, again=again, relax=relax, half=half),
            (self.store, self.words, fresh),
            begin,
            end,
            ti.ndarray(dtype=ti.f32, shape=(1, 1)),
            texels=True,
            light=light,
        )
