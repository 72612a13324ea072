"""The table of faults fits the code; ``python -m tests.mutations`` puts the faults into it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutations.places import MUTATIONS, Mutation


def test_names_differ_and_there_are_enough() -> None:
    assert len({m.name for m in MUTATIONS}) == len(MUTATIONS) >= 18


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name)
def test_the_old_text_is_there_once_and_the_tests_exist(mutation: Mutation, root: Path) -> None:
    text = (root / mutation.file).read_text(encoding="utf-8")
    assert text.count(mutation.old) == 1
    assert mutation.old != mutation.new
    if mutation.file.endswith(".py"):
        ast.parse(text.replace(mutation.old, mutation.new))
    path, _, name = mutation.tests.partition("::")
    tests = ast.parse((root / path).read_text(encoding="utf-8"))
    found = [n.name for n in tests.body if isinstance(n, ast.FunctionDef)]
    assert (name in found) if name else found
