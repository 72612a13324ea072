"""Times as users write them."""

from __future__ import annotations

import pytest

from heatmat.errors import InputError
from heatmat.times import Stamp, parse_stamp

STAMPS = [
    ("07-14T00:00", Stamp(None, 7, 14)),
    ("07-14", Stamp(None, 7, 14)),
    ("07-14T24:00", Stamp(None, 7, 15)),
    ("12-31T24:00", Stamp(None, 1, 1)),
    ("2023-12-31 24:00", Stamp(2024, 1, 1)),
    ("2023-07-14T13:20:30", Stamp(2023, 7, 14, 13, 20, 30)),
    ("2023-07-14T13:20+05:30", Stamp(2023, 7, 14, 13, 20, 0, 5.5)),
    ("2023-07-14T13:20Z", Stamp(2023, 7, 14, 13, 20, 0, 0.0)),
    ("02-29", Stamp(None, 2, 29)),
]


@pytest.mark.parametrize(("text", "stamp"), STAMPS)
def test_stamps(text: str, stamp: Stamp) -> None:
    assert parse_stamp(text) == stamp
    assert parse_stamp(stamp.isoformat()) == stamp


@pytest.mark.parametrize("text", ["", "14.7.2023", "2023-02-29", "07-14T25:00", "07-14T12", "x"])
def test_what_is_no_stamp(text: str) -> None:
    with pytest.raises(InputError, match="not a time"):
        parse_stamp(text, where="f.csv")
