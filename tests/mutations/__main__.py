"""Breaks the code in chosen places, one at a time, and tells which test notices.

``python -m tests.mutations [--only WORD] [--jobs N] [--out FILE] [--with FILE]``, from the root of
a checkout. It works on copies of the last commit in a temporary folder; the working tree is not
touched. Before anything is broken, the tests that are named must pass. Ends with 1 if a fault goes
unnoticed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.places import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parent.parent.parent
BROKEN = re.compile(
    r"Taichi\w*(Syntax|Compilation|Name|Type)Error|SyntaxError|NameError|ImportError"
)
"""A test that fails because the mutated code does not run has noticed nothing."""
HEADING = """# Mutations

`python -m tests.mutations --out docs/validation-mutations.md` puts a fault into a copy of the code,
runs the cheapest tests that should notice, and goes on to the next. {caught} of {all} faults were
noticed; the tests pass without them. Seconds are processor time, compilation of kernels included.

"""
COLUMNS = ("| fault | file | caught by | CPU [s] | commit |", "|---|---|---|---|---|")
NOTHING = "**nothing**"


@dataclass(frozen=True)
class Verdict:
    """What became of a mutation: the test that caught it (empty: none did), CPU seconds, output."""

    mutation: Mutation
    caught_by: str
    seconds: float
    output: str


def run_tests(folder: Path, tests: Sequence[str]) -> tuple[int, str, float]:
    """Run tests of a copy: exit code of pytest, its output, CPU seconds."""
    command = [sys.executable, "-m", "pytest", *tests, "-q", "-x", "--tb=line", "-rfE"]
    command += ["-p", "no:cacheprovider", "--no-header", "--timeout=1200"]
    # The copy is all that may be imported.
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return child.returncode, output.read(), usage.ru_utime + usage.ru_stime


def last_commit() -> str:
    """Number of the commit that copies are made of."""
    asked = ["git", "rev-parse", "--short=12", "HEAD"]
    return subprocess.run(
        asked, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def copy_of(commit: str, folder: Path) -> None:
    """Put the files of a commit into a folder."""
    archive = folder.with_suffix(".tar")
    subprocess.run(["git", "archive", "-o", str(archive), commit], cwd=ROOT, check=True)
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    archive.unlink()


def try_one(mutation: Mutation, folder: Path) -> Verdict:
    """Break a copy, run the tests, mend it again."""
    path = folder / mutation.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutation.old) != 1:
        return Verdict(mutation, "", 0.0, f"{text.count(mutation.old)} places have the old text")
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    code, output, seconds = run_tests(folder, [mutation.tests])
    path.write_text(text, encoding="utf-8")
    failed = re.findall(r"^FAILED (\S+)", output, re.MULTILINE)
    caught = failed[0] if code == 1 and failed and not BROKEN.search(output) else ""
    return Verdict(mutation, caught, seconds, output)


def rows_of(text: str) -> dict[str, str]:
    """Rows of a table that was written before, by fault."""
    return {line.split(" | ")[0][2:]: line for line in text.splitlines() if line[:2] == "| "}


def row(v: Verdict, commit: str) -> str:
    """A line of the table."""
    name = f"`{v.caught_by.removeprefix('tests/')}`" if v.caught_by else NOTHING
    file = v.mutation.file.removeprefix("heatmat/")
    return f"| {v.mutation.name} | `{file}` | {name} | {v.seconds:.0f} | {commit} |"


def page(verdicts: Sequence[Verdict], known: Mapping[str, str], commit: str) -> str:
    """The table, in the order of the faults; `known` are rows of an earlier one."""
    rows = {**known, **{v.mutation.name: row(v, commit) for v in verdicts}}
    lines = [rows[m.name] for m in MUTATIONS if m.name in rows]
    caught = sum(NOTHING not in line for line in lines)
    heading = HEADING.format(caught=caught, all=len(lines))
    return heading + "\n".join([*COLUMNS, *lines]) + "\n"


def main() -> int:
    """Run all mutations, or those whose name has a word."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--only", action="append", metavar="WORDS", help="names that have them")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="copies side by side")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table here")
    parser.add_argument(
        "--with", dest="earlier", type=Path, metavar="FILE",
        help="take the rows of faults that are not tried now from this table",
    )  # fmt: skip
    options = parser.parse_args()
    chosen = [m for m in MUTATIONS if any(word in m.name for word in options.only or [""])]
    known = rows_of(options.earlier.read_text(encoding="utf-8")) if options.earlier else {}
    commit = last_commit()
    home = Path(tempfile.mkdtemp(prefix="heatmat-mutations-"))
    verdicts: list[Verdict] = []
    try:
        for verdict in run_all(chosen, commit, home, options.jobs):
            verdicts.append(verdict)
            if options.out:  # what is known so far, should it be cut short
                options.out.write_text(page(verdicts, known, commit), encoding="utf-8")
    finally:
        shutil.rmtree(home, ignore_errors=True)
    missed = [v for v in verdicts if not v.caught_by]
    for v in missed:
        say(f"\nNOT CAUGHT: {v.mutation.name} ({v.mutation.tests})\n{v.output[-2000:]}")
    say(f"{len(verdicts) - len(missed)} of {len(verdicts)} caught")
    return 1 if missed else 0


def run_all(chosen: Sequence[Mutation], commit: str, home: Path, jobs: int) -> Iterator[Verdict]:
    """Try mutations on `jobs` copies, in order."""
    copies = [home / str(i) for i in range(jobs)]
    for folder in copies:
        copy_of(commit, folder)
    code, output, _ = run_tests(copies[0], sorted({m.tests for m in chosen}))
    if code != 0:
        say(output[-3000:])
        raise SystemExit("the tests do not pass before anything is broken")
    free = list(copies)

    def one(mutation: Mutation) -> Verdict:
        folder = free.pop()
        begun = time.perf_counter()
        verdict = try_one(mutation, folder)
        free.append(folder)
        word = verdict.caught_by or "NOTHING"
        say(f"{mutation.name}: {word}, {time.perf_counter() - begun:.0f} s by the clock")
        return verdict

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, chosen)


def say(text: str) -> None:
    """A line of progress."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
