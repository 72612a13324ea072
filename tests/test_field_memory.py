"""What a field will hold: told beforehand, and refused with what would fit."""

from __future__ import annotations

import numpy as np
import pytest

from heatmat.errors import MemoryLimitError
from heatmat.field_memory import BASE_BYTES, check_field_memory, field_memory
from heatmat.field_texels import count_wall_texels
from tests.validation.test_city_day import courtyard


def test_estimate_grows_with_texels_and_window() -> None:
    case = courtyard()
    sizes = [field_memory(case, size) - BASE_BYTES for size in (8.0, 4.0, 2.0)]
    # Four times as many texels of ground and roof; short facades keep one.
    assert 2.0 < sizes[1] / sizes[0] <= 4.1
    assert 2.0 < sizes[2] / sizes[1] <= 4.1
    maps = case.maps
    length = np.hypot(*(maps.facade_ab[:, 2:] - maps.facade_ab[:, :2]).T)
    assert count_wall_texels(maps, 4.0) >= (length / 4.0 - 0.5).sum()


def test_refused_with_the_size_that_fits() -> None:
    case = courtyard()
    limit = field_memory(case, 4.0)
    assert check_field_memory(case, 4.0, limit) == limit
    with pytest.raises(MemoryLimitError, match=r"field_resolution_m = (\d+(\.5)?)") as error:
        check_field_memory(case, 2.0, limit, where="here")
    size = float(str(error.value).split("field_resolution_m = ")[1].split(",")[0])
    assert field_memory(case, size) <= limit
    with pytest.raises(MemoryLimitError, match="smaller extent"):
        check_field_memory(case, 2.0, BASE_BYTES)
