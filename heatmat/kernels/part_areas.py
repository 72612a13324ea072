"""Areas of the parts of cells, from more points than their starts are drawn from."""

from heatmat.kernels.heightfield import grid_numbers, region_at
from heatmat.kernels.starts import F1, I1, I2, ivec4, vec4
from heatmat.runtime import ti

POINTS, GENERATOR = 256, 61
"""Of a lattice of one generator, symmetric about the cell's middle. No two points share their x or
y, so that an edge along the cell's side meets them one by one: 0.12 % of the area on the wrong side
of it (root mean square) and 0.38 % at all angles, where 16 x 16 points leave 1.7 % and 0.34 %."""


@ti.kernel
def count_points(
    cell: I1,
    region: I1,
    texel_f: vec4,
    texel_i: ivec4,
    cells: F1,
    blocks: F1,
    block_edges: I1,
    edge_sides: I2,
    grid_f: grid_numbers,
    grid_i: ivec4,
    count: I1,
):
    """How many of `POINTS` points of a cell lie in a part's region.

    Parameters
    ----------
    cell, region, count : ndarray of int32, shape (parts,)
        Parts of a cell come one after the other.
    texel_f, texel_i : vec4, ivec4
        West, south, size of the cells; cells of a row.
    """
    for part in range(cell.shape[0]):
        count[part] = 0
    for part in range(cell.shape[0]):
        first = True
        if part > 0:
            first = cell[part - 1] != cell[part]
        if first:
            last = part + 1
            going = True
            while going:
                going = False
                if last < cell.shape[0]:
                    if cell[last] == cell[part]:
                        going = True
                        last += 1
            iy = cell[part] // texel_i[0]
            ix = cell[part] - iy * texel_i[0]
            west = texel_f[0] + ti.cast(ix, ti.f32) * texel_f[2]
            south = texel_f[1] + ti.cast(iy, ti.f32) * texel_f[2]
            half = 0.5 * texel_f[2] / POINTS
            for k in range(POINTS):
                x = west + ti.cast(2 * k + 1, ti.f32) * half
                y = south + ti.cast((2 * k + 1) * GENERATOR % (2 * POINTS), ti.f32) * half
                found = region_at(x, y, cells, blocks, block_edges, edge_sides, grid_f, grid_i)
                for other in range(part, last):
                    if region[other] == found:
                        count[other] += 1
