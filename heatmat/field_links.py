"""Starts with their links and shadows: what is traced once and marched with any materials."""

from dataclasses import dataclass, replace

import numpy as np

from heatmat.chunks import Chunk
from heatmat.kernels import field_sun, layout, starts, texels
from heatmat.rayfield import RayField, to_device
from heatmat.runtime import ti
from heatmat.shadow_map import ShadowMap, no_shadow_map
from heatmat.solver import Requests
from heatmat.tables import DeviceTables

JOIN = 2
"""Starts of a pixel whose sun differs at no more positions than this march as one: 20 minutes of
sun for half of it, under 0.05 K in the mean."""


LEAP = 2
"""Sun positions between two rays to the sun while it is seen; in the shade each has its own."""


@dataclass
class Bundle:
    """Starts on the device.

    Attributes
    ----------
    start_f, start_i : ti.Ndarray
        Records of `kernels.layout`.
    links, count, known : ti.Ndarray
        See `kernels.texels.trace_links`.
    bits : ti.Ndarray
        Sun visibility.
    leader : ti.Ndarray
        See `kernels.field_sun.join_starts`.
    split : ti.Ndarray
        1 where the sets of rays are marched apart.
    samples : int
        Starts of a place.
    shares : bool
        `bits` holds a byte for every position, with or without crowns: see `field_part_sun`.
    """

    start_f: ti.Ndarray
    start_i: ti.Ndarray
    links: ti.Ndarray
    count: ti.Ndarray
    known: ti.Ndarray
    bits: ti.Ndarray
    leader: ti.Ndarray
    split: ti.Ndarray
    samples: int
    shares: bool = False

    @property
    def places(self) -> int:
        """Texels, pixels or patches."""
        return self.split.shape[0]

    @property
    def sets(self) -> int:
        """Independent sets of rays of each start."""
        return self.count.shape[1]

    def sun_size(self, field: RayField) -> int:
        """What `bits` holds of a position, see `layout.SUN_BIT`."""
        return layout.SUN_BYTE if self.shares else field.sun_size


def empty_bundle(places: int, samples: int, rays: int, sets: int, words: int) -> Bundle:
    """Room for places with so many starts, each with `sets` sets of `rays` rays."""
    n = places * samples
    return Bundle(
        start_f=ti.ndarray(dtype=ti.f32, shape=(n, layout.START_FLOATS)),
        start_i=ti.ndarray(dtype=ti.i32, shape=(n, layout.START_INTS)),
        links=ti.ndarray(dtype=ti.i32, shape=(n, rays * sets)),
        count=ti.ndarray(dtype=ti.i32, shape=(n, sets)),
        known=ti.ndarray(dtype=ti.f32, shape=(n, sets, texels.LINK_FLOATS)),
        bits=ti.ndarray(dtype=ti.u32, shape=(n, words)),
        leader=ti.ndarray(dtype=ti.i32, shape=(n,)),
        split=ti.ndarray(dtype=ti.i32, shape=(places,)),
        samples=samples,
    )


def twin_bundle(bundle: Bundle) -> Bundle:
    """The same rays and shadows; room for starts that are labelled and joined anew."""
    return replace(
        bundle,
        start_f=ti.ndarray(dtype=ti.f32, shape=(bundle.start_i.shape[0], layout.START_FLOATS)),
        start_i=ti.ndarray(dtype=ti.i32, shape=bundle.start_i.shape),
        leader=ti.ndarray(dtype=ti.i32, shape=bundle.leader.shape),
    )


def place_bundle(bundle: Bundle, requests: Requests, field: RayField) -> tuple:
    """Positions of a bundle's starts; the device arrays of codes and keys."""
    keys, codes = to_device(requests.keys), to_device(requests.codes)
    starts.place_starts(
        to_device(requests.numbers),
        codes,
        keys,
        bundle.start_f,
        bundle.start_i,
        field.cells,
        field.blocks,
        field.block_edges,
        field.edge_sides,
        field.planes,
        field.region_composition,
        field.region_pa,
        field.facades,
        field.facade_info,
        field.facade_composition,
        field.ground,
        field.wind,
        field.grid_f,
        field.grid_i,
        field.wind_f,
        field.ground_cell,
    )
    return codes, keys


def link_bundle(
    bundle: Bundle, codes: ti.Ndarray, keys: ti.Ndarray, field: RayField, lookup: tuple,
    tables: DeviceTables, near: float = 0.0,
) -> tuple[ti.Ndarray, ti.Ndarray]:  # fmt: skip
    """Trace the first rays; requests for what they meet within `near` metres."""
    shape = bundle.links.shape if near > 0.0 else (1, 1)
    near_f = ti.ndarray(dtype=ti.f32, shape=(*shape, 4))
    near_i = ti.ndarray(dtype=ti.i32, shape=shape)
    near_i.fill(texels.NOT_NEAR)
    texels.trace_links(
        codes,
        keys,
        bundle.start_f,
        bundle.start_i,
        bundle.links,
        bundle.count,
        bundle.known,
        near,
        near_f,
        near_i,
        *field.geometry,
        field.grid_f,
        field.grid_i,
        *lookup,
        tables.physics,
        tables.switches,
    )
    return near_f, near_i


def shade_bundle(
    bundle: Bundle, nodes: np.ndarray, days: np.ndarray, field: RayField, *, together: bool,
    shadows: ShadowMap | None = None, positions: np.ndarray | None = None,
) -> None:  # fmt: skip
    """Sun visibility at some positions, and which starts march as one (`together`: all).

    `shadows` spares rays; `positions` are those of the nodes in it, by default all in order.
    """
    field_sun.sun_bits(
        bundle.start_f,
        bundle.start_i,
        to_device(nodes),
        to_device(days),
        bundle.bits,
        LEAP,
        *(shadows or no_shadow_map()).arguments(positions),
        *field.geometry,
        field.grid_f,
        field.grid_i,
    )
    join_bundle(bundle, field, together=together)


def join_bundle(bundle: Bundle, field: RayField, *, together: bool) -> None:
    """Which starts march as one, where the sun is known."""
    field_sun.join_starts(
        bundle.start_i, bundle.bits, bundle.leader, bundle.samples, JOIN, int(together),
        bundle.sun_size(field),
    )  # fmt: skip


def sunlit_hours(bundle: Bundle, chunk: Chunk, step: float, size: int) -> np.ndarray:
    """Hours of sun of each start on the window's first day, shape (starts,)."""
    if chunk.first_day_nodes is None:
        return np.zeros(bundle.start_i.shape[0], np.float32)
    nodes = np.asarray(chunk.first_day_nodes)
    out = ti.ndarray(dtype=ti.f32, shape=(bundle.start_i.shape[0],))
    field_sun.sum_sun(bundle.bits, to_device(nodes.astype(np.int32)), nodes.size, size, out)
    return out.to_numpy() * np.float32(step / 3600.0)
