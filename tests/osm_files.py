"""Small OpenStreetMap files, the same content as XML and as PBF, written byte by byte.

The PBF layout is that of the OpenStreetMap wiki, "PBF Format": length-prefixed blobs of protocol
buffers. Written here so that the reader is not tested against its own library.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

Tags = dict[str, str]
LON, LAT = 24.94, 60.17
"""Where the metres of `Osm.square` start: central Helsinki."""

METRE_LON = 1.0 / (111_320.0 * 0.4974)  # degrees a metre at 60.17 N, to 0.2 %
METRE_LAT = 1.0 / 111_400.0


@dataclass
class Osm:
    """Nodes, ways and relations to be written."""

    nodes: dict[int, tuple[float, float, Tags]] = field(default_factory=dict)
    ways: dict[int, tuple[list[int], Tags]] = field(default_factory=dict)
    relations: dict[int, tuple[list[tuple[int, str]], Tags]] = field(default_factory=dict)

    def node(self, x: float, y: float, tags: Tags | None = None) -> int:
        """Id of the node at x, y metres from the start; the same node for the same place."""
        place = (round(LON + x * METRE_LON, 7), round(LAT + y * METRE_LAT, 7))
        for name, (lon, lat, _) in self.nodes.items():
            if (lon, lat) == place:
                return name
        self.nodes[len(self.nodes) + 1] = (*place, tags or {})
        return len(self.nodes)

    def way(self, points: list[tuple[float, float]], tags: Tags | None = None) -> int:
        """Id of a new way through the points [m]."""
        self.ways[100 + len(self.ways)] = ([self.node(*p) for p in points], tags or {})
        return 99 + len(self.ways)

    def square(self, x: float, y: float, side: float, tags: Tags | None = None) -> int:
        """Id of a new closed way: a square with its south-west corner at x, y [m]."""
        far_x, far_y = x + side, y + side
        return self.way([(x, y), (far_x, y), (far_x, far_y), (x, far_y), (x, y)], tags)

    def relation(self, members: list[tuple[int, str]], tags: Tags) -> int:
        """Id of a new multipolygon of ways with their roles."""
        self.relations[500 + len(self.relations)] = (members, {"type": "multipolygon"} | tags)
        return 499 + len(self.relations)

    def write_xml(self, path: Path) -> Path:
        """Write as .osm."""
        lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<osm version="0.6">']
        for name, (lon, lat, tags) in self.nodes.items():
            lines.append(f'<node id="{name}" lat="{lat}" lon="{lon}">{_xml(tags)}</node>')
        for name, (refs, tags) in self.ways.items():
            nodes = "".join(f'<nd ref="{ref}"/>' for ref in refs)
            lines.append(f'<way id="{name}">{nodes}{_xml(tags)}</way>')
        for name, (members, tags) in self.relations.items():
            ways = "".join(f'<member type="way" ref="{r}" role="{role}"/>' for r, role in members)
            lines.append(f'<relation id="{name}">{ways}{_xml(tags)}</relation>')
        path.write_text("\n".join([*lines, "</osm>"]), encoding="utf-8")
        return path

    def write_pbf(self, path: Path) -> Path:
        """Write as .osm.pbf, uncompressed blobs."""
        header = _text(4, "OsmSchema-V0.6")
        words = [""]
        groups = [
            b"".join(_bytes(1, self._node(name, words)) for name in self.nodes),
            b"".join(_bytes(3, self._way(name, words)) for name in self.ways),
            b"".join(_bytes(4, self._relation(name, words)) for name in self.relations),
        ]
        table = b"".join(_text(1, word) for word in words)
        block = _bytes(1, table) + b"".join(_bytes(2, group) for group in groups if group)
        path.write_bytes(_blob("OSMHeader", header) + _blob("OSMData", block))
        return path

    def _node(self, name: int, words: list[str]) -> bytes:
        lon, lat, tags = self.nodes[name]
        place = _key(8, 0) + _varint(_zigzag(round(lat * 1e7)))
        place += _key(9, 0) + _varint(_zigzag(round(lon * 1e7)))
        return _key(1, 0) + _varint(_zigzag(name)) + _tags(tags, words) + place

    def _way(self, name: int, words: list[str]) -> bytes:
        refs, tags = self.ways[name]
        return _key(1, 0) + _varint(name) + _tags(tags, words) + _packed(8, _deltas(refs))

    def _relation(self, name: int, words: list[str]) -> bytes:
        members, tags = self.relations[name]
        roles = [_word(role, words) for _, role in members]
        packed = _packed(8, roles) + _packed(9, _deltas([ref for ref, _ in members]))
        packed += _packed(10, [1] * len(members))  # 1: a way
        return _key(1, 0) + _varint(name) + _tags(tags, words) + packed


def _xml(tags: Tags) -> str:
    return "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items())


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _zigzag(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _deltas(values: list[int]) -> list[int]:
    return [_zigzag(b - a) for a, b in zip([0, *values], values, strict=False)]


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _bytes(number: int, value: bytes) -> bytes:
    return _key(number, 2) + _varint(len(value)) + value


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode())


def _packed(number: int, values: list[int]) -> bytes:
    return _bytes(number, b"".join(_varint(value) for value in values))


def _word(text: str, words: list[str]) -> int:
    if text not in words:
        words.append(text)
    return words.index(text)


def _tags(tags: Tags, words: list[str]) -> bytes:
    if not tags:
        return b""
    keys = [_word(key, words) for key in tags]
    return _packed(2, keys) + _packed(3, [_word(value, words) for value in tags.values()])


def _blob(kind: str, data: bytes) -> bytes:
    blob = _bytes(1, data)
    head = _text(1, kind) + _key(3, 0) + _varint(len(blob))
    return struct.pack(">I", len(head)) + head + blob
