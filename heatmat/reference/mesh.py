"""Triangles with labels: what lies on either side of each, and whose surface it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

AIR, INDOOR, VOID, SOLID = 0, 1, 2, 3
"""Media: outside air, indoor air, beyond the ground slab (nothing passes), and from SOLID on one
solid per construction: SOLID + row in `Mesh.constructions`. Solids of one construction that touch
are one solid, without a face between them."""

EXTERIOR_WALL, ROOF, GROUND, INNER_WALL, INNER_ROOF = range(5)
FLOOR, SLAB_BOTTOM, SLAB_SIDE, CONTACT = range(5, 9)
"""Kinds of faces: outer faces of walls, roofs and open ground; faces to the indoor air of walls,
roofs and of the ground below; the slab's bottom and sides; between two solids."""

KINDS = (
    "exterior wall", "roof", "ground", "inner wall", "inner roof", "floor", "slab bottom",
    "slab side", "contact",
)  # fmt: skip


@dataclass(frozen=True)
class Mesh:
    """Faces between media.

    Attributes
    ----------
    vertices : ndarray of float32, shape (nv, 3)
        Local metres, z = 0 on the ground.
    faces : ndarray of int32, shape (nf, 3)
        Counter-clockwise seen from `front`.
    kind : ndarray of int32, shape (nf,)
        EXTERIOR_WALL, ROOF, ...
    building : ndarray of int32, shape (nf,)
        Row of the footprint, -1 for open ground and the slab.
    construction : ndarray of int32, shape (nf,)
        Row in `constructions` whose albedo and emissivity the surface has. (At the rim of a roof
        the solid behind an exterior wall is the roof's.)
    front, behind : ndarray of int32, shape (nf,)
        Media; behind is always a solid.
    constructions : tuple of str
    counts : dict
        What was merged, filled or given up on the way.
    """

    vertices: np.ndarray
    faces: np.ndarray
    kind: np.ndarray
    building: np.ndarray
    construction: np.ndarray
    front: np.ndarray
    behind: np.ndarray
    constructions: tuple[str, ...]
    counts: dict[str, float]

    def bounding(self, medium: int) -> np.ndarray:
        """Rows of the faces that have a medium on either side."""
        return np.flatnonzero((self.front == medium) | (self.behind == medium))

    def open_edges(self, medium: int) -> int:
        """Edges at which the boundary of a medium does not close; 0 for a watertight solid.

        The medium's faces, turned so that their normals leave it, must run along every edge as
        often one way as the other.

        Parameters
        ----------
        medium : int
            A medium that fills a bounded volume: a solid or INDOOR.

        Returns
        -------
        int
        """
        faces = self._turned(medium)
        ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
        way = np.where(ends[:, 0] < ends[:, 1], 1, -1)
        _, edge = np.unique(np.sort(ends, axis=1), axis=0, return_inverse=True)
        return int(np.count_nonzero(np.bincount(edge.reshape(-1), weights=way)))

    def volume(self, medium: int) -> float:
        """Volume that the boundary of a medium encloses [m3]; positive if its normals leave it."""
        corners = self.vertices.astype(np.float64)[self._turned(medium)]
        if len(corners) == 0:
            return 0.0
        corners -= corners.reshape(-1, 3).mean(axis=0)  # smaller numbers, less cancellation
        return float((np.cross(corners[:, 0], corners[:, 1]) * corners[:, 2]).sum() / 6.0)

    def areas(self) -> np.ndarray:
        """Area of each face [m2]."""
        corners = self.vertices.astype(np.float64)[self.faces]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        return 0.5 * np.linalg.norm(normal, axis=1)

    def refined(self, times: int = 1) -> Mesh:
        """The same surfaces in smaller triangles: each is cut into four, `times` times.

        Edges are cut at their middles, which neighbours share, so what was watertight stays so.
        """
        mesh = self
        for _ in range(times):
            mesh = mesh._quartered()
        return mesh

    def _quartered(self) -> Mesh:
        ends = np.sort(self.faces[:, [[0, 1], [1, 2], [2, 0]]], axis=2).reshape(-1, 2)
        edges, edge = np.unique(ends, axis=0, return_inverse=True)
        middle = self.vertices.astype(np.float64)[edges].mean(axis=1).astype(np.float32)
        ab, bc, ca = (edge.reshape(-1, 3) + len(self.vertices)).T
        a, b, c = self.faces.T
        faces = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], axis=1)
        return replace(
            self,
            vertices=np.concatenate([self.vertices, middle]),
            faces=faces.reshape(-1, 3).astype(np.int32),
            kind=np.repeat(self.kind, 4),
            building=np.repeat(self.building, 4),
            construction=np.repeat(self.construction, 4),
            front=np.repeat(self.front, 4),
            behind=np.repeat(self.behind, 4),
        )

    def _turned(self, medium: int) -> np.ndarray:
        """Faces of a medium with their normals leaving it."""
        behind, front = self.faces[self.behind == medium], self.faces[self.front == medium]
        return np.concatenate([behind, front[:, ::-1]])
