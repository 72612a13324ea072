"""Memory of tiles: kept while it is large enough, and given back."""

from heatmat.room import Room
from heatmat.runtime import ensure_device, ti


def test_memory_is_kept_while_it_is_large_enough() -> None:
    ensure_device("cpu")
    room = Room()
    first = room.take("a", ti.f32, 100, 3)
    assert first.shape[0] >= 100
    assert first.shape[1:] == (3,)
    assert room.take("a", ti.f32, 90, 3) is first
    assert room.take("b", ti.f32, 90, 3) is not first
    larger = room.take("a", ti.f32, 200, 3)
    assert larger.shape[0] >= 200
    assert room.take("a", ti.f32, 200, 4).shape[1] == 4
    room.clear()
    assert room.take("a", ti.f32, 10, 4).shape[0] < 200
