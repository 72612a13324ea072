"""Texels of the field: what stands for those that a neighbour covers, and where their time ends."""

import numpy as np
import pytest

from heatmat.errors import InputError
from tests.conftest import SEED
from tests.test_field import court_field


def test_covered_texels_stand_for_the_one_above_or_below() -> None:
    """Of walls, as a search up and then down each column finds it."""
    field = court_field()
    exists = np.random.default_rng(SEED).random(field.texels.count) < 0.4
    before = field.texels.alias
    try:
        field._name_neighbours(exists)
        found = field.texels.alias
    finally:
        field.texels.alias = before
    for first, columns, rows in field.texels.strips:
        for at in range(first, first + columns * rows):
            bottom = at - (at - first) % rows
            column = range(bottom, bottom + rows)
            upward = [k for k in column if k >= at and exists[k]]
            downward = [k for k in column if k < at and exists[k]]
            assert found[at] == (upward[0] if upward else downward[-1] if downward else -1)


def test_a_field_ends_with_its_window() -> None:
    field = court_field()
    with pytest.raises(InputError, match="end of its time.*longer window"):
        field.march_chunk()
