"""One file as a command's result, with its run.json beside it: the same rules as a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heatmat.errors import OutputError
from heatmat.run_record import (
    make_record,
    read_record,
    refuse_other_inputs,
    versions,
    write_record,
)
from heatmat.rundir import expect_writable, is_stream

if TYPE_CHECKING:
    from heatmat.commands.session import Session


@dataclass
class SingleFile:
    """A result file and the record of how it was made.

    Attributes
    ----------
    path : Path
    inputs : dict
        As from `heatmat.run_record.run_inputs`.
    complete : bool
        It is there already, made from the same inputs.
    exit_code : int
        Of the run that made it, where complete.
    """

    path: Path
    inputs: dict[str, Any]
    complete: bool = False
    exit_code: int = 0

    @property
    def record_path(self) -> Path:
        """``TEMPS.csv.run.json`` beside ``TEMPS.csv``."""
        return self.path.with_name(f"{self.path.name}.run.json")

    @classmethod
    def open(cls, path: Path, inputs: dict[str, Any], *, overwrite: bool) -> SingleFile:
        """Look at what is there; streams are always new.

        Raises
        ------
        OutputError
            There is a file that was made from something else, or by something else; or no file
            can be made.
        """
        self = cls(path, inputs)
        if is_stream(path):
            return self
        expect_writable(path)
        if not path.exists() or overwrite:
            return self
        old = read_record(self.record_path)
        if old is None:
            raise OutputError(
                "exists, and no record beside it says what it was made from",
                where=str(path),
                remedy="choose another name, or give --overwrite",
            )
        refuse_other_inputs(path, old, inputs, overwrite=False)
        self.complete = old.get("status") in ("complete", "degraded")
        self.exit_code = 3 if old.get("status") == "degraded" else 0
        return self

    def finish(self, session: Session, *, degraded: bool = False) -> None:
        """Write the record; the file itself is in place already."""
        if is_stream(self.path):
            return
        fields = {
            "status": "degraded" if degraded else "complete",
            "versions": versions(),
            "device": session.device.value,
            "seed": session.seed,
            "seconds": {**session.seconds, "total": round(session.total_seconds, 3)},
            "warnings": session.warnings,
        }
        write_record(self.record_path, make_record(self.inputs, fields, [self.path.name]))
