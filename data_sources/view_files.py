"""Chosen views on disk: crops, the tables of views and facades.

views/views.csv                  a row a crop: what it shows, from where, whose it is
views/facades.csv                a row a facade: where it is, how much of it the views show
views/coverage.png               a map of that
views/<building>/<image>_<n>.jpg the crops; n counts the building's views, best first
views/<building>/contact.jpg     all of them in one picture, with a plan
views/_images/<image>.jpg, .json the images they are cut from, and their origin
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from data_sources.facade_outlines import Facades
from data_sources.image_files import BrokenImageError, decode
from data_sources.perspective import crop_panorama, panorama_box, photo_box
from data_sources.untrusted import inside, safe_name
from data_sources.views import Camera, View

MAX_SIDE = 768
"""Of a crop [pixels]: models look at 224 to 768."""

MIN_SIDE = 32
"""Crops with a shorter side are of no use [pixels]."""

SHAPE = 0.05
"""How far an image's shape may be from the one it should have, relative."""

COLUMNS = (
    *("building_id", "facade_id", "azimuth_deg", "rank", "file", "image_id", "source"),
    *("panorama", "distance_m", "angle_deg", "coverage", "score", "image_file", "x0_px", "y0_px"),
    *("x1_px", "y1_px", "view_azimuth_deg", "horizontal_fov_deg", "vertical_fov_deg", "longitude"),
    *("latitude", "date", "quality", "licence", "author", "page"),
)
BOX_COLUMNS = ("x0_px", "y0_px", "x1_px", "y1_px")
FACADE_COLUMNS = (
    *("building_id", "facade_id", "azimuth_deg", "length_m", "base_m", "top_m", "area_m2"),
    *("coverage", "views", "x0", "y0", "x1", "y1"),
)


Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in an image [pixels], half open."""


@dataclass(frozen=True)
class Crop:
    """A view on disk.

    Attributes
    ----------
    view : View
    rank : int
        From 1, among the building's.
    path : Path
    box : tuple of int
        x0, y0, x1, y1 in the image [pixels]; of a panorama x1 may lie beyond the right edge: the
        part goes on at the left.
    new : bool
        Cut now; else it lay there from an earlier run.
    """

    view: View
    rank: int
    path: Path
    box: Box
    new: bool = True


def folder_names(identifiers: Iterable[str]) -> dict[str, str]:
    """A folder name for every building id; ids that would share one get a number."""
    names: dict[str, str] = {}
    taken = {"views.csv", "facades.csv", "coverage.png"}
    for identifier in sorted(set(identifiers)):
        stem = safe_name(identifier, "building")
        name, number = stem, 2
        while name.lower() in taken:
            name, number = f"{stem}_{number}", number + 1
        taken.add(name.lower())
        names[identifier] = name
    return names


def check_shape(camera: Camera, aspect: float) -> str:
    """Why an image is not what its description says, else empty.

    A panorama that is not twice as wide as high is not the whole sphere; a photograph of another
    shape than described was cut or turned, and its field of view is not known.
    """
    expected = 2.0
    if camera.photo is not None:
        photo = camera.photo
        expected = (photo.right - photo.left) / (photo.top - photo.bottom)
        if not camera.image.width or not camera.image.height:
            return ""
    return "" if abs(aspect / expected - 1) <= SHAPE else "another_shape"


def cut(picture: np.ndarray, camera: Camera, view: View) -> tuple[np.ndarray, Box] | str:
    """The crop of a view and its box in the image, or why there is none."""
    height, width = picture.shape[:2]
    if camera.photo is not None:
        found = photo_box(width, height, camera.photo, view.window)
        if found is None:
            return "outside_the_photo"
        x0, y0, x1, y1 = found
        if min(x1 - x0, y1 - y0) < MIN_SIDE:
            return "crop_too_small"
        return _shrunk(picture[y0:y1, x0:x1]), found
    window = view.window
    density = width / (2 * math.pi)
    across, down = (window.right - window.left) * density, (window.top - window.bottom) * density
    scale = min(1.0, MAX_SIDE / max(across, down))
    size = (round(across * scale), round(down * scale))
    if min(size) < MIN_SIDE:
        return "crop_too_small"
    box = panorama_box(width, height, camera.heading_deg, window)
    factor = int(1 / scale)  # bilinear steps over pixels where the panorama is much finer
    source = _reduced(picture, factor) if factor > 1 else picture
    return crop_panorama(source, camera.heading_deg, window, size), box


def _reduced(picture: np.ndarray, factor: int) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).reduce(factor))


def _shrunk(picture: np.ndarray) -> np.ndarray:
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def write_crops(
    folder: Path,
    facades: Facades,
    building_of: Sequence[str],
    cameras: Sequence[Camera],
    views: Sequence[View],
    images: Mapping[str, Path],
    names: Mapping[str, str],
    convergence_deg: float,
    skipped: dict[str, int],
) -> list[Crop]:
    """Cut and write every view, image by image; views that cannot be cut are counted.

    What ``views.csv`` lists in the same words, and is there, is not cut again.
    """
    table = folder / "views.csv"
    old = _old_rows(table)
    ranks: dict[str, int] = {}
    planned: list[Crop] = []
    kept: dict[Path, Box] = {}
    stale = set()
    for view in views:  # best first within each building
        building = building_of[view.facade]
        ranks[building] = rank = ranks.get(building, 0) + 1
        name = f"{cameras[view.camera].image.key}_{rank}.jpg"
        path = inside(inside(folder, names[building]), name)
        planned.append(Crop(view, rank, path, (0, 0, 0, 0)))
        row = _view_row(folder, facades, building_of, cameras, planned[-1], convergence_deg)
        before = _same(old.get(str(row["file"])), row)
        if before is not None and path.is_file():
            kept[path] = before
        else:
            stale.add(str(row["file"]))
    if stale & old.keys():  # an interrupted run leaves no row that says something else of a crop
        _write(table, COLUMNS, [row for name, row in old.items() if name not in stale])
    crops = [replace(c, box=kept[c.path], new=False) for c in planned if c.path in kept]
    new = [crop for crop in planned if crop.path not in kept]
    for number in sorted({crop.view.camera for crop in new}):
        group = [crop for crop in new if crop.view.camera == number]
        crops += _cut_all(cameras[number], images, group, skipped)
    crops.sort(key=lambda c: (names[building_of[c.view.facade]], c.rank))
    return crops


def _cut_all(
    camera: Camera, images: Mapping[str, Path], group: Sequence[Crop], skipped: dict[str, int]
) -> list[Crop]:
    """Cut and write the crops of one image."""
    try:
        picture = decode(images[camera.image.key])
    except BrokenImageError as error:
        skipped[str(error)] = skipped.get(str(error), 0) + len(group)
        return []
    done = []
    for crop in group:
        made = cut(picture, camera, crop.view)
        if isinstance(made, str):
            skipped[made] = skipped.get(made, 0) + 1
            continue
        pixels, box = made
        _save(pixels, crop.path, camera)
        done.append(replace(crop, box=box))
    return done


def _old_rows(table: Path) -> dict[str, dict[str, str]]:
    """Rows of an earlier table by their file; none where it cannot be read."""
    try:
        with open(table, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return {row["file"]: {key: row[key] or "" for key in COLUMNS} for row in rows}
    except (OSError, ValueError, KeyError, csv.Error):
        return {}


def _same(old: dict[str, str] | None, row: Mapping[str, Any]) -> Box | None:
    """The box of an old row that says what the new one says of everything but the box."""
    if old is None or any(old.get(k) != str(v) for k, v in row.items() if k not in BOX_COLUMNS):
        return None
    try:
        x0, y0, x1, y1 = (int(old[key]) for key in BOX_COLUMNS)
    except (KeyError, ValueError):
        return None
    return x0, y0, x1, y1


def _save(pixels: np.ndarray, path: Path, camera: Camera) -> None:
    """A JPEG whose EXIF names author and licence, and says that it is a part."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels))
    exif = Image.Exif()
    about = camera.image
    exif[0x013B] = about.author  # Artist
    exif[0x8298] = (
        f"{about.licence}; {about.author}; {about.source} {about.id}; cropped"  # Copyright
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "JPEG", quality=90, exif=exif)


def write_tables(
    folder: Path,
    facades: Facades,
    building_of: Sequence[str],
    cameras: Sequence[Camera],
    crops: Sequence[Crop],
    shares: np.ndarray,
    convergence_deg: float,
) -> Path:
    """``views.csv`` and ``facades.csv``; azimuths against true north. Old crops go."""
    table = folder / "views.csv"
    rows = [
        _view_row(folder, facades, building_of, cameras, crop, convergence_deg) for crop in crops
    ]
    _remove_old(folder, table, {str(row["file"]) for row in rows})
    _write(table, COLUMNS, rows)
    count = np.bincount([c.view.facade for c in crops], minlength=len(facades))
    lines = [
        {
            "building_id": building_of[f],
            "facade_id": facades.name[f],
            "azimuth_deg": round((facades.azimuth_deg[f] + convergence_deg) % 360.0, 2),
            "length_m": round(float(facades.length[f]), 2),
            "base_m": round(float(facades.base[f]), 2),
            "top_m": round(float(facades.top[f]), 2),
            "area_m2": round(float(facades.area[f]), 2),
            "coverage": round(float(shares[f]), 4),
            "views": int(count[f]),
            "x0": round(float(facades.start[f, 0]), 3),
            "y0": round(float(facades.start[f, 1]), 3),
            "x1": round(float(facades.end[f, 0]), 3),
            "y1": round(float(facades.end[f, 1]), 3),
        }
        for f in range(len(facades))
    ]
    _write(folder / "facades.csv", FACADE_COLUMNS, lines)
    return table


def _view_row(
    folder: Path,
    facades: Facades,
    building_of: Sequence[str],
    cameras: Sequence[Camera],
    crop: Crop,
    convergence_deg: float,
) -> dict[str, Any]:
    view, camera = crop.view, cameras[crop.view.camera]
    image = camera.image
    return {
        "building_id": building_of[view.facade],
        "facade_id": facades.name[view.facade],
        "azimuth_deg": round((facades.azimuth_deg[view.facade] + convergence_deg) % 360.0, 2),
        "rank": crop.rank,
        "file": crop.path.relative_to(folder).as_posix(),
        "image_id": image.id,
        "source": image.source,
        "panorama": str(image.is_panorama).lower(),
        "distance_m": round(view.distance, 2),
        "angle_deg": round(view.angle_deg, 2),
        "coverage": round(view.coverage, 4),
        "score": round(view.score, 5),
        "image_file": f"_images/{image.key}.jpg",
        "x0_px": crop.box[0],
        "y0_px": crop.box[1],
        "x1_px": crop.box[2],
        "y1_px": crop.box[3],
        "view_azimuth_deg": round((view.window.azimuth_deg + convergence_deg) % 360.0, 2),
        "horizontal_fov_deg": round(view.window.horizontal_fov_deg, 2),
        "vertical_fov_deg": round(view.window.vertical_fov_deg, 2),
        "longitude": round(image.longitude, 7),
        "latitude": round(image.latitude, 7),
        "date": image.date,
        "quality": "" if image.quality is None else round(image.quality, 4),
        "licence": image.licence,
        "author": image.author,
        "page": image.page,
    }


def _remove_old(folder: Path, table: Path, files: set[str]) -> None:
    """Delete the crops that an earlier table lists and this one does not."""
    root = folder.resolve()
    for name in _old_rows(table):
        path = folder / name
        ours = name.endswith(".jpg") and path.resolve().is_relative_to(root)
        if name not in files and ours and path.is_file() and not path.is_symlink():
            path.unlink()
            (path.parent / "contact.jpg").unlink(missing_ok=True)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with open(part, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)
