"""Rays by the batch, for measuring and comparing them."""

from heatmat.kernels.crowns import NO_LEAF, through_crowns
from heatmat.kernels.heightfield import grid_numbers, shadow, slanted, trace, walk
from heatmat.kernels.starts import F1, F2, I1, I2, ivec4
from heatmat.runtime import ti, tm


@ti.kernel
def first_hits(
    rays: F2,
    regions: I1,
    distance: F1,
    what: I2,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    planes: F2,
    grid_f: grid_numbers,
    grid_i: ivec4,
):
    """Distance; status, facade and region of each ray (origin and direction) from its region."""
    for i in range(rays.shape[0]):
        hit = trace(
            tm.vec3(rays[i, 0], rays[i, 1], rays[i, 2]),
            tm.vec3(rays[i, 3], rays[i, 4], rays[i, 5]),
            regions[i],
            cells,
            blocks,
            block_edges,
            edge_sides,
            planes,
            grid_f,
            grid_i,
        )
        distance[i] = hit.t
        what[i, 0] = hit.status
        what[i, 1] = hit.facade
        what[i, 2] = hit.region


@ti.kernel
def any_hits(
    rays: F2,
    regions: I1,
    blocked: I1,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    planes: F2,
    grid_f: grid_numbers,
    grid_i: ivec4,
):
    """1 where something stands in a ray's way."""
    for i in range(rays.shape[0]):
        found = shadow(
            tm.vec3(rays[i, 0], rays[i, 1], rays[i, 2]),
            tm.vec3(rays[i, 3], rays[i, 4], rays[i, 5]),
            regions[i],
            -1,
            cells,
            blocks,
            block_edges,
            edge_sides,
            planes,
            grid_f,
            grid_i,
        )
        value = 1
        if found == -1:
            value = 0
        blocked[i] = value


@ti.kernel
def ray_work(
    rays: F2,
    regions: I1,
    work: I2,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    planes: F2,
    grid_f: grid_numbers,
    grid_i: ivec4,
):
    """Cells and edges that each ray looks at."""
    for i in range(rays.shape[0]):
        _, _, _, cells_seen, edges_seen = walk(
            tm.vec3(rays[i, 0], rays[i, 1], rays[i, 2]),
            slanted(tm.vec3(rays[i, 3], rays[i, 4], rays[i, 5])),
            regions[i],
            False,
            cells,
            blocks,
            block_edges,
            edge_sides,
            planes,
            grid_f,
            grid_i,
        )
        work[i, 0] = cells_seen
        work[i, 1] = edges_seen


@ti.kernel
def triad(a: F1, b: F1, c: F1, factor: ti.f32):
    """A = b + factor c: what memory gives (McCalpin 1995, STREAM)."""
    for i in range(a.shape[0]):
        a[i] = b[i] + factor * c[i]


@ti.kernel
def crown_depths(rays: F2, ends: F1, depth: F1, blocks: F1, first: ti.i32):
    """Optical depth of the crowns along rays (origin and direction) up to their ends [m]."""
    for i in range(rays.shape[0]):
        o = tm.vec3(rays[i, 0], rays[i, 1], rays[i, 2])
        d = slanted(tm.vec3(rays[i, 3], rays[i, 4], rays[i, 5]))
        depth[i] = through_crowns(o, d, ends[i], NO_LEAF, blocks, first).x
