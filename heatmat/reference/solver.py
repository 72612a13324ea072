"""The 3D solver: a mesh, its constructions and a climate in, temperatures at probes out."""

from dataclasses import dataclass

import numpy as np

from heatmat.construction import Construction
from heatmat.errors import InputError
from heatmat.reference import layout, paths, walk
from heatmat.reference.bvh import Bvh
from heatmat.reference.climate import BAND_SINE, Climate
from heatmat.reference.mesh import AIR, GROUND, Mesh
from heatmat.reference.scene import Accuracy, exit_time_quantiles, scene_arrays
from heatmat.runtime import ensure_device, synchronise, ti
from heatmat.units import STEFAN_BOLTZMANN

SNAP_DISTANCE = 0.1
"""A probe may be this far from a face [m]."""

TASK_PATHS = 256
"""Most paths that one thread follows at a stretch; its sums are single precision."""


@dataclass(frozen=True)
class Options:
    """How paths are followed.

    Attributes
    ----------
    roulette : float
        A path whose weight is under this goes on with that probability, at weight 1. 1: every visit
        may end it, as where the path chooses convection as one of its modes.
    shortwave : float
        Chance that a visit sends a ray for diffuse light, which then counts for more.
    sun_stride : int
        Of several instants each visit looks at the sun for one in so many.
    sobol_pairs : int
        Pairs of numbers at the start of a path that are Sobol points; 0: plain random numbers.
    reach : float
        Nearest points are looked for within this distance [m].
    longest : int
        Events after which a path counts as lost.
    """

    roulette: float = 0.5
    shortwave: float = 0.25
    sun_stride: int = 2
    sobol_pairs: int = 8
    reach: float = 0.5
    longest: int = 200_000


@dataclass(frozen=True)
class Answer:
    """What a set of paths came to.

    Attributes
    ----------
    mean : ndarray, shape (probes, instants)
        Surface temperature [K].
    replicates : ndarray, shape (probes, replicates, instants)
        The same of each independent scramble [K].
    path_variance : ndarray, shape (probes, instants)
        Variance of single paths [K2].
    paths : int
        Of each probe.
    counts : dict of str to int
        Rays, shadow rays, rays in solids, steps of conduction, nearest points, visits, lost paths,
        rays past the rim of the ground.
    """

    mean: np.ndarray
    replicates: np.ndarray
    path_variance: np.ndarray
    paths: int
    counts: dict[str, int]

    @property
    def error(self) -> np.ndarray:
        """Standard error from the spread of the scrambles [K], shape (probes, instants)."""
        n = self.replicates.shape[1]
        return self.replicates.std(axis=1, ddof=1) / np.sqrt(n)


COUNT_NAMES = (
    "rays", "shadow_rays", "solid_rays", "steps", "nearest_points", "visits", "lost", "past_rim",
)  # fmt: skip


class ReferenceSolver:
    """Backward thermal paths in one mesh under one climate.

    Parameters
    ----------
    mesh : Mesh
    constructions : sequence of Construction
        In the order of ``mesh.constructions``.
    climate : Climate
    accuracy : Accuracy, optional
    options : Options, optional
    device : str
        See `heatmat.runtime.ensure_device`.
    inside_film : dict, optional
        See `heatmat.reference.scene.scene_arrays`.
    """

    def __init__(
        self,
        mesh: Mesh,
        constructions: list[Construction],
        climate: Climate,
        *,
        accuracy: Accuracy | None = None,
        options: Options | None = None,
        device: str = "auto",
        inside_film: dict[int, float] | None = None,
    ) -> None:
        self.device = ensure_device(device)
        self.mesh, self.climate, self.options = mesh, climate, options or Options()
        arrays = scene_arrays(
            mesh, constructions, climate.step, accuracy or Accuracy(), inside_film
        )
        self.arrays = arrays
        air = Bvh.build(mesh.vertices, mesh.faces, subset=mesh.bounding(AIR))
        every = Bvh.build(mesh.vertices, mesh.faces)
        ends = arrays.edges if len(arrays.edges) else np.full((1, 2, 3), 1e6, np.float32)
        line = np.arange(2 * len(ends)).reshape(-1, 2)
        edges = Bvh.build(ends.reshape(-1, 3), line[:, [0, 1, 1]])
        self.trees = (*air.to_device(), *every.to_device(), *edges.to_device())
        self.scene = tuple(
            _to_device(a) for a in (arrays.face_f, arrays.face_i, arrays.solids, arrays.surfaces)
        )
        self.rows = (_to_device(climate.stamps), _to_device(climate.steps))
        self.quantiles = _to_device(exit_time_quantiles(walk.TABLE, walk.TAIL))
        self._no_rise = _to_device(np.zeros((1, 1), np.float32))
        self._rise = None

    def set_reference(self, rise: np.ndarray | None) -> None:
        """Take the longwave about air temperature plus `rise` [K], shape (faces, steps).

        The first iterate of Picard's method is linear about the air; with `rise` from its answers
        the next one keeps T^4 up to the square of what is left.
        """
        self._rise = None if rise is None else _to_device(np.asarray(rise, np.float32))

    def settings(self) -> object:
        """Numbers of the run as the kernel reads them."""
        climate, options = self.climate, self.options
        low, high = self.mesh.vertices.min(axis=0), self.mesh.vertices.max(axis=0)
        values = np.zeros(layout.SETTINGS)
        values[layout.N_STEP] = climate.step
        values[layout.N_FILM_A], values[layout.N_FILM_B] = climate.film_a, climate.film_b
        values[layout.N_EXPONENT] = climate.exponent
        values[layout.N_WIND] = climate.stamps[3, : climate.day].mean()
        values[layout.N_EXCHANGE] = climate.mean_exchange
        values[layout.N_BAND_SINE] = BAND_SINE
        values[layout.N_ROULETTE], values[layout.N_SHORTWAVE] = options.roulette, options.shortwave
        values[layout.N_REACH] = options.reach
        values[layout.N_BASE], values[layout.N_SIGMA] = climate.base, STEFAN_BOLTZMANN
        values[layout.N_FAR] = 2.0 * float(np.linalg.norm(high - low))
        return layout.settings_vector(*values.tolist())

    def faces_at(self, points: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Faces to the open air that hold points, and the points on them.

        Parameters
        ----------
        points, normals : ndarray, shape (n, 3)
            Outward normals choose between faces that meet.

        Raises
        ------
        InputError
            If a point is more than `SNAP_DISTANCE` from a face that looks its way.
        """
        rows = np.flatnonzero(self.mesh.front == AIR)
        corners = self.mesh.vertices[self.mesh.faces[rows]].astype(float)
        plane = self.arrays.face_f[rows].astype(float)
        found, places = [], []
        for i, (point, normal) in enumerate(zip(points, normals, strict=True)):
            gap = plane[:, :3] @ point - plane[:, 3]
            fits = (np.abs(gap) < SNAP_DISTANCE) & (plane[:, :3] @ normal > 0.9)
            inside = _inside(corners, plane[:, :3], point) & fits
            if not inside.any():
                raise InputError("no face holds the probe", where=f"probe {i}", got=str(point))
            row = int(np.flatnonzero(inside)[0])
            found.append(rows[row])
            places.append(point - gap[row] * plane[row, :3])
        return np.array(found), np.array(places)

    def solve(
        self,
        faces: np.ndarray,
        points: np.ndarray,
        stamps: np.ndarray,
        paths_each: int,
        *,
        replicates: int = 16,
        first_replicate: int = 0,
        seed: int = 0,
        keys: np.ndarray | None = None,
    ) -> Answer:
        """Temperatures at probes and stamps; each path is replayed for all of the stamps.

        Parameters
        ----------
        faces, points : ndarray
            From `faces_at`.
        stamps : ndarray
            In steps from the climate's stamp 0.
        paths_each : int
            Paths of one scramble.
        replicates, first_replicate : int
            Independent scrambles.
        seed : int
        keys : ndarray of uint32, optional
            Random stream of each probe; default: its number and the seed.
        """
        n, count = len(faces), len(stamps)
        blocks = -(-paths_each // TASK_PATHS)
        each = -(-paths_each // blocks)
        tasks = n * replicates * blocks
        if keys is None:
            keys = np.arange(n, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed)
        scratch = ti.ndarray(dtype=ti.f32, shape=(tasks, layout.SCRATCH_ROWS, count))
        counted = ti.ndarray(dtype=ti.i32, shape=(tasks, layout.COUNTS))
        paths.follow(
            count,
            self.options.sun_stride if count > 1 else 1,
            0 if self._rise is None else 1,
            _to_device(np.asarray(faces, np.int32)),
            _to_device(np.asarray(points, np.float32)),
            _to_device(keys),
            _to_device(np.asarray(stamps, np.float32)),
            replicates,
            first_replicate,
            blocks,
            each,
            self.options.sobol_pairs,
            self.options.longest,
            *self.scene,
            *self.rows,
            self.climate.day,
            self.climate.steps.shape[1],
            self.quantiles,
            self.settings(),
            self._no_rise if self._rise is None else self._rise,
            *self.trees,
            scratch,
            counted,
        )
        synchronise()
        shape = (n, replicates, blocks)
        sums = scratch.to_numpy()[:, [layout.K_SUM, layout.K_SQUARES]].astype(float)
        added = sums.reshape(*shape, 2, count).sum(axis=2)
        tally = counted.to_numpy().astype(np.int64)
        lost = tally[:, layout.C_LOST].reshape(shape).sum(axis=2)
        good = np.maximum(blocks * each - lost, 1)[:, :, None]
        by_replicate = added[:, :, 0] / good
        whole = good.sum(axis=1)
        mean = added[:, :, 0].sum(axis=1) / whole
        square = added[:, :, 1].sum(axis=1) / whole
        return Answer(
            mean=mean + self.climate.base,
            replicates=by_replicate + self.climate.base,
            path_variance=square - mean**2,
            paths=replicates * blocks * each,
            counts=dict(zip(COUNT_NAMES, tally.sum(axis=0).tolist(), strict=True)),
        )

    def is_ground(self, faces: np.ndarray) -> np.ndarray:
        """Whether faces are open ground."""
        return self.mesh.kind[faces] == GROUND


def _inside(corners: np.ndarray, normal: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Whether a point lies over each triangle, along its normal, within 0.1 mm."""
    inside = np.ones(len(corners), bool)
    for k in range(3):
        a, b = corners[:, k], corners[:, (k + 1) % 3]
        side = np.einsum("ij,ij->i", np.cross(b - a, point - a), normal)
        inside &= side >= -1e-4 * np.linalg.norm(b - a, axis=1)
    return inside


def _to_device(array: np.ndarray) -> ti.Ndarray:
    kinds = {"f": ti.f32, "i": ti.i32, "u": ti.u32}
    device = ti.ndarray(dtype=kinds[array.dtype.kind], shape=array.shape)
    device.from_numpy(np.ascontiguousarray(array))
    return device
