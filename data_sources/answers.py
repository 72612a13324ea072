"""What is checked of an answer, and under which name it is kept."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from data_sources.cache import request_key
from data_sources.errors import MalformedError
from data_sources.request import Answer, Request


def sink_to(out: BinaryIO) -> Callable[[Answer], BinaryIO]:
    """What a transfer asks for where to write to."""
    return lambda _: out


def cache_key(request: Request) -> str:
    """The cache key: everything that changes the answer, and nothing secret."""
    extra = json.dumps([request.byte_range, sorted(request.accept)])
    if request.cache_as:
        return request_key(request.method, request.cache_as, {}, extra)
    fields = {**request.params, **(request.form or {})}
    return request_key(request.method, request.url, fields, extra)


def temporary_file(folder: Path) -> Path:
    """An empty file beside the answers, to be moved to its place when it is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".part-")
    os.close(handle)
    return Path(name)


def check_range(request: Request, answer: Answer) -> None:
    """The bytes are those asked for."""
    if request.byte_range is None:
        return
    start, stop = request.byte_range
    said = answer.headers.get("content-range", "").replace(" ", "").lower()
    right = answer.status == 206 and said.startswith((f"bytes{start}-", f"bytes={start}-"))
    if not right or answer.size > stop - start:
        raise MalformedError(
            "sent other bytes than those asked for",
            host=request.host,
            status=answer.status,
            expected=f"bytes {start}-{stop - 1}",
            got=said[:60] or "the whole file",
            remedy="the server may not know range requests: download the whole file",
        )


def whole_size(answer: Answer) -> int:
    """Size of the file of which a part was sent [bytes]; 0 where the server does not say."""
    total = answer.headers.get("content-range", "").rpartition("/")[2].strip()
    return int(total) if total.isascii() and total.isdigit() and len(total) < 19 else 0


def parse_json(content: bytes, where: str) -> Any:
    """The bytes as JSON; MalformedError where they are none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        host = Request(where).host
        raise MalformedError(
            "the answer is not JSON",
            host=host,
            got=repr(content[:60].decode("utf-8", "replace")),
            remedy="try again later" if content else "the answer is empty: try again later",
        ) from None
