"""The best views of every building: how well each image shows each facade, and which to take.

A view is one facade in one image. Its score is the share of the facade that it shows, each part
weighted by the cosine between the wall's normal and the line of sight (a wall seen at a slant, or
from right below, shows little), times factors for distance, age and quality of the image.

Views of a building are taken one by one: the next is the one that adds most, where a part of a wall
that is seen already counts half for each view that shows it. So the first views go to different
facades, and further ones give a second opinion on the largest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from data_sources.facade_outlines import LEVELS, Facades
from data_sources.perspective import Window, photo_window
from data_sources.street_image import StreetImage
from data_sources.visibility import CAMERA_HEIGHT, Scene, Sight

RADIUS = 40.0
"""How far a camera looks for facades [m]: beyond, a brick is under a third of a pixel in a panorama
of 2048 columns."""

HALF_DISTANCE = 25.0
"""At this distance an image counts half [m]."""

AGE_HALVING = 10.0
"""Years after which an image counts half: facades are renewed every 30 to 40 years."""

UNKNOWN_AGE = 5.0
UNKNOWN_QUALITY = 0.5
"""What an image without a date or a quality is taken for [years; 0 to 1]."""

UNKNOWN_PITCH = 0.7
"""Factor for photographs whose pitch is not known, and for panoramas that are not level."""

MIN_COVERAGE = 0.1
"""Of the facade: views of less are not taken."""

MIN_TURN = np.radians(6.0)
"""Views narrower than this are not taken: 34 columns of a panorama of 2048."""

MAX_HALF_TURN = np.radians(55.0)
"""A crop is at most twice as wide: further out a perspective image is stretched threefold."""

MAX_TOP, MIN_BOTTOM = np.tan(np.radians(60.0)), np.tan(np.radians(-45.0))
"""Upper and lower edge of a crop at most, as tangents of the elevation straight ahead."""

MARGIN = 0.05
"""Of a crop's width and height, added on each side."""

REPEAT = 0.5
"""What a part of a wall still counts when one more view shows it."""

MIN_GAIN = 0.01
"""A further view must add this share of the building's wall."""


@dataclass(frozen=True)
class Camera:
    """An image whose place and direction are known, in the city's coordinates.

    Attributes
    ----------
    image : StreetImage
        What the service says.
    position : ndarray, shape (2,)
        [m]
    heading_deg : float
        Of the middle column, clockwise from the grid's north.
    photo : Window or None
        What a plain photograph shows; None: a panorama.
    weight : float
        Factor for age and quality, 0 to 1.
    """

    image: StreetImage
    position: np.ndarray
    heading_deg: float
    photo: Window | None
    weight: float


@dataclass(frozen=True)
class View:
    """One facade in one image.

    Attributes
    ----------
    camera, facade : int
        Numbers of the camera and of the facade.
    window : Window
        What the crop shows; azimuth against the grid's north.
    distance : float
        Mean over what is seen, in plan [m].
    angle_deg : float
        Mean angle between the line of sight and the wall's normal, in plan.
    coverage : float
        Share of the exposed wall that is seen in the crop.
    score : float
        0 to 1.
    cells : ndarray of int
        Numbers of the samples and levels that are seen, flat.
    worth : ndarray
        Wall area of each, times its weight [m2].
    """

    camera: int
    facade: int
    window: Window
    distance: float
    angle_deg: float
    coverage: float
    score: float
    cells: np.ndarray
    worth: np.ndarray


def image_weight(image: StreetImage, today: date) -> float:
    """What an image counts for its age and quality, 0 to 1."""
    age = UNKNOWN_AGE
    if image.date:
        age = max(0.0, (today - date.fromisoformat(image.date)).days / 365.25)
    quality = UNKNOWN_QUALITY if image.quality is None else image.quality
    doubt = 0.5 if image.heading_doubtful else 1.0
    # A photograph of unknown pitch may show more road than wall, a tilted panorama leans.
    level = image.pitch_deg is not None if not image.is_panorama else abs(image.pitch_deg or 0) < 5
    lean = 1.0 if level else UNKNOWN_PITCH
    return float(0.5 ** (age / AGE_HALVING) * (0.5 + 0.5 * quality) * doubt * lean)


def as_camera(
    image: StreetImage, position: np.ndarray, convergence_deg: float, today: date
) -> Camera | str:
    """The camera of an image, or why it has none: ``no_heading``, ``no_field_of_view``.

    Parameters
    ----------
    position : ndarray, shape (2,)
        In the city's coordinates [m].
    convergence_deg : float
        True azimuth minus grid azimuth.
    """
    if image.heading_deg is None:
        return "no_heading"
    heading = (image.heading_deg - convergence_deg) % 360.0
    photo = None
    if not image.is_panorama:
        fov = image.field_of_view_deg
        if fov is None or not 10.0 <= fov <= 150.0:
            return "no_field_of_view"
        # Photographs of unknown shape are taken for 4:3, the shape of most sensors in telephones.
        shape = image.width / image.height if image.width and image.height else 4 / 3
        photo = photo_window(heading, fov, shape, image.pitch_deg or 0.0)
    return Camera(
        image, np.asarray(position, dtype=float), heading, photo, image_weight(image, today)
    )


def find_views(scene: Scene, cameras: Sequence[Camera], radius: float = RADIUS) -> list[View]:
    """Every view worth taking, of every facade."""
    views = []
    facades = scene.facades
    owner = facades.sample_facade
    for number, camera in enumerate(cameras):
        sight = scene.look(camera.position, radius)
        if len(sight.sample) == 0:
            continue
        of = owner[sight.sample]
        cuts = np.flatnonzero(np.diff(of)) + 1
        starts, stops = [0, *cuts], [*cuts, len(of)]
        for a, b in zip(starts, stops, strict=True):
            part = Sight(sight.sample[a:b], sight.seen[a:b])
            view = view_of(facades, int(of[a]), part, camera, number)
            if view is not None:
                views.append(view)
    return views


def view_of(
    facades: Facades, facade: int, sight: Sight, camera: Camera, number: int
) -> View | None:
    """One facade in one image; None where it shows too little of it."""
    to = facades.sample[sight.sample] - camera.position
    seen = sight.seen
    if camera.photo is not None:
        seen = seen & _within(camera.photo, to, facades.height[sight.sample])
    rows = seen.any(axis=1)
    if not rows.any():
        return None
    window = facade_window(facades, facade, Sight(sight.sample[rows], seen[rows]), camera.position)
    seen = seen & _within(window, to, facades.height[sight.sample])
    rows = seen.any(axis=1)
    if not rows.any() or np.radians(window.horizontal_fov_deg) < MIN_TURN:
        return None
    samples, to, seen = sight.sample[rows], to[rows], seen[rows]
    distance = np.hypot(*to.T)
    across = -(to * facades.normal[samples]).sum(axis=1)
    slant = np.hypot(distance[:, None], facades.height[samples] - CAMERA_HEIGHT)
    area = facades.cell_area[samples] * seen
    whole = float(facades.area[facade])
    coverage = float(area.sum()) / whole
    if coverage < MIN_COVERAGE:
        return None
    factor = camera.weight / (1 + (distance / HALF_DISTANCE) ** 2)
    worth = area * (across[:, None] / slant) * factor[:, None]
    share = area.sum(axis=1) / area.sum()
    angle = np.degrees(np.arccos(np.clip(across / distance, -1, 1)))
    flat = samples[:, None] * LEVELS + np.arange(LEVELS)
    return View(
        camera=number,
        facade=facade,
        window=window,
        distance=float((distance * share).sum()),
        angle_deg=float((angle * share).sum()),
        coverage=coverage,
        score=float(worth.sum()) / whole,
        cells=flat[seen],
        worth=worth[seen],
    )


def facade_window(facades: Facades, facade: int, sight: Sight, camera: np.ndarray) -> Window:
    """The window on an upright plane that shows what is seen of a facade, with a margin.

    From the lower edge of the lowest band that is seen to the upper edge of the highest: a building
    in front is left out as far as a rectangle can.
    """
    normal = facades.normal[sight.sample]
    half = 0.5 * facades.width[sight.sample, None] * np.stack([-normal[:, 1], normal[:, 0]], axis=1)
    middle = facades.sample[sight.sample] - camera
    ends = np.concatenate([middle - half, middle + half])
    about = np.arctan2(*middle.mean(axis=0))
    turn = (np.arctan2(*ends.T) - about + np.pi) % (2 * np.pi) - np.pi
    azimuth = about + 0.5 * (turn.min() + turn.max())
    reach = min(0.5 * float(turn.max() - turn.min()), MAX_HALF_TURN)
    side = np.tan(reach)
    levels = np.flatnonzero(sight.seen.any(axis=0))
    band = (facades.top[facade] - facades.base[facade]) / LEVELS
    low = facades.base[facade] + band * levels[0] - CAMERA_HEIGHT
    high = facades.base[facade] + band * (levels[-1] + 1) - CAMERA_HEIGHT
    inside = np.abs(turn - (azimuth - about)) <= reach + 1e-9
    ahead = ends @ np.array([np.sin(azimuth), np.cos(azimuth)])
    # A camera at arm's length of a wall: both ends of what it sees are beyond the crop's sides.
    ahead = np.maximum(ahead[inside] if inside.any() else ahead, 0.5)
    bottom = max(float((low / ahead).min()), MIN_BOTTOM)
    top = min(float((high / ahead).max()), MAX_TOP)
    top = max(top, bottom + 0.05)
    across, up = MARGIN * 2 * side, MARGIN * (top - bottom)
    return Window(
        float(np.degrees(azimuth)) % 360.0, -side - across, side + across, bottom - up, top + up
    )


def _within(window: Window, to: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Whether points lie in a window, shape of `height`."""
    azimuth = np.arctan2(to[:, 0], to[:, 1])[:, None]
    elevation = np.arctan2(height - CAMERA_HEIGHT, np.hypot(*to.T)[:, None])
    x, y = window.position(azimuth, elevation)
    with np.errstate(invalid="ignore"):
        inside = (x >= window.left) & (x <= window.right)
        return np.asarray(inside & (y >= window.bottom) & (y <= window.top))


def choose_views(
    facades: Facades,
    building_of: Sequence[str],
    views: Sequence[View],
    per_building: int,
    without: Collection[int] = (),
) -> list[View]:
    """The best views of every building, each building's in the order they were taken.

    Parameters
    ----------
    building_of : sequence of str
        Building id of each facade.
    per_building : int
        Views of one building at most.
    without : collection of int
        Cameras that cannot be used.
    """
    groups: dict[str, list[View]] = {}
    for view in views:
        if view.camera not in without:
            groups.setdefault(building_of[view.facade], []).append(view)
    whole: dict[str, float] = {}
    for facade, name in enumerate(building_of):
        whole[name] = whole.get(name, 0.0) + float(facades.area[facade])
    left = np.ones(facades.height.size)
    chosen = []
    for name in sorted(groups):
        chosen += _greedy(groups[name], left, per_building, MIN_GAIN * whole[name])
    return chosen


def _greedy(views: list[View], left: np.ndarray, count: int, least: float) -> list[View]:
    """Views in the order of what each adds; `left` says what a part of a wall still counts."""
    chosen: list[View] = []
    waiting = sorted(views, key=lambda v: (-v.score, v.camera, v.facade))
    while waiting and len(chosen) < count:
        gains = [float((view.worth * left[view.cells]).sum()) for view in waiting]
        best = int(np.argmax(gains))
        if gains[best] < least:
            break
        view = waiting.pop(best)
        left[view.cells] *= REPEAT
        chosen.append(view)
    return chosen


def seen_share(facades: Facades, views: Sequence[View]) -> tuple[float, np.ndarray]:
    """Share of the exposed wall that the views show: of all facades, and of each, shape (nf,)."""
    seen = np.zeros(facades.height.size, dtype=bool)
    for view in views:
        seen[view.cells] = True
    area = facades.cell_area
    shown = (area * seen.reshape(area.shape)).sum(axis=1)
    owner = facades.sample_facade
    each = np.bincount(owner, shown, minlength=len(facades))
    total = float(each.sum() / facades.area.sum()) if len(facades) else 0.0
    return total, each / np.maximum(facades.area, 1e-9)
