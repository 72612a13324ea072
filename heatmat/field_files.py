"""Fields in files: saved, taken up again, and continued where the time has become longer."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np

from heatmat.errors import InputError
from heatmat.field import Field
from heatmat.field_twins import fingerprint
from heatmat.rayfield import to_device

REMEDY = "march the field anew"


def save_field(field: Field, path: str | Path) -> None:
    """Write what leaves the texels, and their state, to one .npz file: aside first, then renamed.

    Parameters
    ----------
    field : Field
        Marched.
    path : str or Path
    """
    path = Path(path)
    steps = field.plan.total
    aside = path.with_name(f".{path.name}.partial")
    with aside.open("wb") as file:
        np.savez(
            file,
            store=field.store.to_numpy(),
            other=field.other.to_numpy(),
            state=field.state.to_numpy(),
            steps=steps,
            stored=field.stages[-1].stored,
            print=np.frombuffer(fingerprint(field, steps).encode(), np.uint8),
        )
    os.replace(aside, path)


def load_field(field: Field, path: str | Path) -> None:
    """Take up what `save_field` wrote, in place of marching.

    A field whose time is longer, and the same until the saved one ends, is marched on from there.

    Parameters
    ----------
    field : Field
        Not marched yet; of the same case, size and seed.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another field.
    """
    arrays = _read(path)
    steps, total = int(arrays["steps"]), field.plan.total
    if steps > total or arrays["print"].tobytes().decode() != fingerprint(field, steps):
        raise InputError(
            "the field of another case, or of a longer time", where=str(path), remedy=REMEDY
        )
    texels = field.texels.count
    known = [arrays[name].reshape(texels, -1) for name in ("store", "other")]
    if steps == total:
        store, other = (to_device(series.ravel()) for series in known)
        field.take_up(store, other, to_device(arrays["state"]))
        return
    words = field.march_on(steps, int(arrays["stored"]), to_device(arrays["state"]))
    for series, before in zip((field.store, field.other), known, strict=True):
        whole = series.to_numpy().reshape(texels, -1)
        whole[:, :words] = before[:, :words]
        series.from_numpy(whole.ravel())


def _read(path: str | Path) -> dict[str, np.ndarray]:
    """Arrays of a saved field."""
    try:
        with np.load(path) as stored:
            return {name: stored[name] for name in ("store", "other", "state", "steps", "stored",
                                                    "print")}  # fmt: skip
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            "not a saved field", where=str(path), got=type(error).__name__, remedy=REMEDY
        ) from error
