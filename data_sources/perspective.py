"""Perspective crops of equirectangular panoramas, and where directions lie in a photograph.

Directions are azimuths clockwise from north and elevations above the horizon. A panorama's middle
column looks along its heading, its middle row at the horizon; column c is centred on
``heading + ((c + 0.5) / width - 0.5) * 360`` degrees, row r on ``90 - (r + 0.5) / height * 180``.

A crop is the picture on a plane in front of the camera (a pinhole camera's). The plane stands
upright unless a pitch is given, so that the verticals of a facade stay parallel, as with a shift
lens: the window on it is not centred on the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Window:
    """A rectangle on the image plane at unit distance in front of the camera.

    Attributes
    ----------
    azimuth_deg : float
        Direction that the plane is perpendicular to.
    left, right, bottom, top : float
        Edges as tangents: x to the right, y up.
    pitch_deg : float
        Of that direction above the horizon.
    """

    azimuth_deg: float
    left: float
    right: float
    bottom: float
    top: float
    pitch_deg: float = 0.0

    @classmethod
    def centred(
        cls,
        azimuth_deg: float,
        pitch_deg: float,
        horizontal_fov_deg: float,
        vertical_fov_deg: float,
    ) -> Window:
        """The window of an ordinary camera."""
        x = float(np.tan(np.radians(horizontal_fov_deg) / 2))
        y = float(np.tan(np.radians(vertical_fov_deg) / 2))
        return cls(azimuth_deg, -x, x, -y, y, pitch_deg)

    @property
    def horizontal_fov_deg(self) -> float:
        """Angle between the left and right edge on the horizon line."""
        return float(np.degrees(np.arctan(self.right) - np.arctan(self.left)))

    @property
    def vertical_fov_deg(self) -> float:
        """Angle between the bottom and top edge in the middle column."""
        return float(np.degrees(np.arctan(self.top) - np.arctan(self.bottom)))

    def directions(self, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """Azimuth and elevation of every pixel's middle, each of shape (height, width) [rad]."""
        x = self.left + (np.arange(width) + 0.5) / width * (self.right - self.left)
        y = self.top - (np.arange(height) + 0.5) / height * (self.top - self.bottom)
        right, up = np.broadcast_arrays(x[None, :], y[:, None])
        return self._towards(right, up)

    def outline(self, count: int = 33) -> tuple[np.ndarray, np.ndarray]:
        """Azimuth and elevation of points along the edges, corners among them [rad]."""
        x = np.linspace(self.left, self.right, count)
        y = np.linspace(self.bottom, self.top, count)
        right = np.concatenate([x, x, np.full(count, self.left), np.full(count, self.right)])
        up = np.concatenate([np.full(count, self.bottom), np.full(count, self.top), y, y])
        return self._towards(right, up)

    def _towards(self, right: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Azimuth and elevation of points on the plane [rad]."""
        pitch = np.radians(self.pitch_deg)
        ahead = np.cos(pitch) - up * np.sin(pitch)
        rise = np.sin(pitch) + up * np.cos(pitch)
        azimuth = np.radians(self.azimuth_deg) + np.arctan2(right, ahead)
        return azimuth, np.arctan2(rise, np.hypot(right, ahead))

    def position(self, azimuth: np.ndarray, elevation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where directions [rad] lie on the plane; nan behind the camera."""
        turn = azimuth - np.radians(self.azimuth_deg)
        pitch = np.radians(self.pitch_deg)
        right = np.cos(elevation) * np.sin(turn)
        forward = np.cos(elevation) * np.cos(turn)
        ahead = forward * np.cos(pitch) + np.sin(elevation) * np.sin(pitch)
        up = np.sin(elevation) * np.cos(pitch) - forward * np.sin(pitch)
        with np.errstate(divide="ignore", invalid="ignore"):
            front = np.where(ahead > 1e-9, ahead, np.nan)
            return right / front, up / front


def crop_panorama(
    panorama: np.ndarray, heading_deg: float, window: Window, size: tuple[int, int]
) -> np.ndarray:
    """The picture that a camera would have taken through a window.

    Parameters
    ----------
    panorama : ndarray, shape (h, w, channels)
        Equirectangular, the whole turn.
    heading_deg : float
        Azimuth of its middle column.
    window : Window
        What to show.
    size : tuple of int
        Width and height of the crop [pixels].

    Returns
    -------
    ndarray, shape (height, width, channels)
        Of the panorama's type; bilinear between pixel middles, round the seam, and held at the
        poles.
    """
    azimuth, elevation = window.directions(*size)
    column, row = panorama_pixel(
        panorama.shape[1], panorama.shape[0], heading_deg, azimuth, elevation
    )
    return bilinear(panorama, column, row)


def panorama_pixel(
    width: int, height: int, heading_deg: float, azimuth: np.ndarray, elevation: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Column and row of directions [rad] in a panorama; pixel middles are whole numbers.

    Columns lie in [-0.5, width - 0.5).
    """
    turn = (azimuth - np.radians(heading_deg)) / (2 * np.pi) + 0.5
    column = (turn % 1.0) * width - 0.5
    return column, (0.5 - elevation / np.pi) * height - 0.5


def bilinear(image: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Values between pixels: columns wrap, rows are held at the first and last."""
    height, width = image.shape[:2]
    row = np.clip(row, 0, height - 1)
    left, above = np.floor(column).astype(np.intp), np.floor(row).astype(np.intp)
    across = (column - left)[..., None].astype(np.float32)
    down = (row - above)[..., None].astype(np.float32)
    right, below = (left + 1) % width, np.minimum(above + 1, height - 1) * width
    left, above = left % width, above * width
    flat = image.reshape(height * width, -1).astype(np.float32, copy=False)
    value = np.zeros((*column.shape, flat.shape[1]), dtype=np.float32)
    for place, share in (
        (above + left, (1 - down) * (1 - across)),
        (above + right, (1 - down) * across),
        (below + left, down * (1 - across)),
        (below + right, down * across),
    ):
        value += flat.take(place, axis=0) * share
    if np.issubdtype(image.dtype, np.integer):
        np.rint(value, out=value)
    return np.asarray(value.astype(image.dtype))


def panorama_box(
    width: int, height: int, heading_deg: float, window: Window
) -> tuple[int, int, int, int]:
    """The part of a panorama that a window shows: x0, y0, x1, y1 [pixels], half open.

    x0 lies in [0, width); x1 is above `width` where the part goes over the seam.
    """
    azimuth, elevation = window.outline()
    turn = azimuth - np.radians(window.azimuth_deg)  # in one piece, unlike the columns
    middle = panorama_pixel(width, height, heading_deg, np.radians(window.azimuth_deg), np.zeros(1))
    across = middle[0] + 0.5 + turn / (2 * np.pi) * width
    _, down = panorama_pixel(width, height, heading_deg, azimuth, elevation)
    x0, x1 = int(np.floor(across.min())), int(np.ceil(across.max()))
    y0, y1 = int(np.floor(down.min() + 0.5)), int(np.ceil(down.max() + 0.5))
    shift = x0 // width * width
    return x0 - shift, max(y0, 0), x1 - shift, min(y1, height)


def photo_window(
    heading_deg: float, horizontal_fov_deg: float, aspect: float, pitch_deg: float = 0.0
) -> Window:
    """The window of a whole photograph: upright camera, square pixels, no distortion.

    Parameters
    ----------
    aspect : float
        Width over height.
    pitch_deg : float
        Of the camera's axis above the horizon.
    """
    x = float(np.tan(np.radians(horizontal_fov_deg) / 2))
    return Window(heading_deg, -x, x, -x / aspect, x / aspect, pitch_deg)


def photo_box(
    width: int, height: int, photo: Window, part: Window
) -> tuple[int, int, int, int] | None:
    """The part of a photograph that lies within another window: x0, y0, x1, y1 [pixels].

    None where they do not overlap, or the part lies behind the camera.
    """
    azimuth, elevation = part.outline()
    x, y = photo.position(azimuth, elevation)
    if np.isnan(x).all():
        return None
    across = (x - photo.left) / (photo.right - photo.left) * width
    down = (photo.top - y) / (photo.top - photo.bottom) * height
    x0, x1 = np.clip([np.nanmin(across), np.nanmax(across)], 0, width)
    y0, y1 = np.clip([np.nanmin(down), np.nanmax(down)], 0, height)
    box = int(np.floor(x0)), int(np.floor(y0)), int(np.ceil(x1)), int(np.ceil(y1))
    return box if box[2] - box[0] > 1 and box[3] - box[1] > 1 else None
