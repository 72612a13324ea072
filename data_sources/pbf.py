"""The header and the relations of an .osm.pbf file: what its features do not say.

Layout: https://wiki.openstreetmap.org/wiki/PBF_Format. Nodes and ways are passed over.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from heatmat.errors import InputError

MAX_HEADER, MAX_BLOB = 64 << 10, 32 << 20
"""Largest header and unpacked blob that the format allows [bytes]."""

Field = tuple[int, int | bytes]


def scan(path: Path) -> tuple[tuple[float, ...] | None, list[tuple[int, dict[str, str]]]]:
    """Bounds and relations.

    Returns
    -------
    tuple or None
        West, south, east, north that the header states [degrees].
    list of (int, dict)
        Id and tags of each relation.

    Raises
    ------
    InputError
        When the file is not in this format, or a blob is larger than the format allows.
    """
    bounds: tuple[float, ...] | None = None
    relations: list[tuple[int, dict[str, str]]] = []
    try:
        for kind, content in _blobs(path):
            if kind == b"OSMHeader":
                bounds = _bounds(content)
            elif kind == b"OSMData":
                relations += _relations(content)
    except (IndexError, struct.error, zlib.error, ValueError, TypeError) as error:
        raise InputError(
            "not readable as OpenStreetMap data",
            where=str(path),
            expected=".osm.pbf",
            got=str(error),
            remedy="check that the download is complete",
        ) from None
    return bounds, relations


def _blobs(path: Path) -> Iterator[tuple[bytes, bytes]]:
    with open(path, "rb") as stream:
        while size := stream.read(4):
            length = struct.unpack(">I", size)[0]
            if length > MAX_HEADER:
                raise ValueError("a header larger than the format allows")
            head = dict(_fields(stream.read(length)))
            if int(head[3]) > MAX_BLOB:
                raise ValueError("a blob larger than the format allows")
            packed = stream.read(int(head[3]))
            if len(packed) < int(head[3]):
                raise ValueError("the file ends within a blob")
            blob = dict(_fields(packed))
            kind = bytes(head[1])
            if 1 in blob:
                yield kind, bytes(blob[1])
            elif 3 in blob:
                machine = zlib.decompressobj()
                plain = machine.decompress(bytes(blob[3]), MAX_BLOB)
                if not machine.eof:
                    raise ValueError("a blob larger than the format allows")
                yield kind, plain


def _bounds(content: bytes) -> tuple[float, ...] | None:
    box = dict(_fields(content)).get(1)
    if not isinstance(box, bytes):
        return None
    found = {number: _signed(int(value)) * 1e-9 for number, value in _fields(box)}
    west, east, north, south = (found[number] for number in (1, 2, 3, 4))
    right = -180.0 <= west < east <= 180.0 and -90.0 <= south < north <= 90.0
    return (west, south, east, north) if right else None


def _relations(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    words: list[bytes] = []
    groups: list[bytes] = []
    for number, value in _fields(content):
        if number == 1 and isinstance(value, bytes):
            words = [bytes(word) for _, word in _fields(value)]
        elif number == 2 and isinstance(value, bytes):
            groups.append(value)
    for group in groups:
        for number, value in _fields(group):
            if number != 4 or not isinstance(value, bytes):
                continue
            parts = dict(_fields(value))
            keys, values = (_packed(parts.get(k, b"")) for k in (2, 3))
            tags = {
                words[k].decode("utf-8", "replace"): words[v].decode("utf-8", "replace")
                for k, v in zip(keys, values, strict=True)
            }
            yield int(parts[1]), tags


def _fields(content: bytes) -> Iterator[Field]:
    """Number and value of each field of a protocol buffer message."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(content, at)
            yield number, value
        elif kind == 2:
            length, at = _varint(content, at)
            if at + length > len(content):
                raise ValueError("a field longer than its message")
            yield number, content[at : at + length]
            at += length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError("not a protocol buffer")


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a number without end")


def _packed(content: int | bytes) -> list[int]:
    found, at = [], 0
    data = content if isinstance(content, bytes) else b""
    while at < len(data):
        value, at = _varint(data, at)
        found.append(value)
    return found


def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)
