"""Large files to a place of their own, going on from where a broken download ended."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from data_sources.cache import Provenance, sha256_of, write_atomically
from data_sources.errors import RefusedError
from data_sources.redaction import clean_url
from data_sources.request import AgainError, Answer, Request

if TYPE_CHECKING:
    from data_sources.http import Response, Session


def sidecar(path: Path) -> Path:
    """Where the provenance of a downloaded file lies."""
    return path.with_name(path.name + ".provenance.json")


def download(session: Session, request: Request, to: Path) -> Response:
    """See `Session.download`."""
    from data_sources.http import Response, strike_out

    about = Provenance.read(sidecar(to))
    there = about is not None and to.is_file() and to.stat().st_size == about.size
    if about is not None and there and about.sha256 == sha256_of(to):
        return Response(to, about, True)
    session._check_online(request)
    session._remember(request.secret)
    to.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(to)
    attempt = 0
    while True:
        try:
            answer = part.go_on(session, request)
            break
        except AgainError as failure:
            session.pause(failure, attempt)
            attempt += 1
    strike_out(part.path, request.secret)
    about = session._provenance(replace(request, byte_range=None), answer, part.path)
    about = replace(about, status=200)
    if request.validate is not None:
        request.validate(part.path.read_bytes())
    os.replace(part.path, to)
    write_atomically(sidecar(to), json.dumps(about.as_dict(), indent=1))
    part.tag.unlink(missing_ok=True)
    session.fetched.append(about)
    return Response(to, about, False)


class _Part:
    """What is there of a file so far, and of which version of it."""

    def __init__(self, to: Path) -> None:
        self.path = to.with_name(to.name + ".part")
        self.tag = to.with_name(to.name + ".part.json")

    def go_on(self, session: Session, request: Request) -> Answer:
        """One attempt at the rest; at the whole where the rest is not to be had."""
        have = self.path.stat().st_size if self.path.is_file() else 0
        version = self._version(request)
        if have and version:
            rest = replace(request, byte_range=(have, -1), if_range=version)
        else:
            have, rest = 0, request
        limit = session._wire.max_bytes if request.max_bytes is None else request.max_bytes
        rest = replace(rest, max_bytes=max(0, limit - have))
        opened: list[BinaryIO] = []

        def sink(answer: Answer) -> BinaryIO:
            said = answer.headers.get("content-range", "").replace(" ", "").lower()
            goes_on = answer.status == 206 and said.startswith(f"bytes{have}-")
            now = answer.headers.get("etag", "")
            if goes_on and version.startswith('"') and now and now != version:
                # A server that overlooks If-Range sends the rest of another file (RFC 9110 13.1.5).
                self.tag.unlink()
                raise AgainError(RefusedError("changed while it was fetched", host=request.host))
            self._note(session, request, answer)
            opened.append(open(self.path, "ab" if goes_on else "wb"))  # noqa: SIM115
            return opened[-1]

        try:
            return session.attempt(rest, sink)
        except RefusedError as error:
            if error.status == 416 and have:  # the part is as long as the file, or longer
                self.path.unlink()
                return session.attempt(request, sink)
            raise
        finally:
            for stream in opened:
                stream.close()

    def _version(self, request: Request) -> str:
        """A strong ETag or a date of the part; weak ones do not vouch for bytes (RFC 9110)."""
        try:
            table: dict[str, Any] = json.loads(self.tag.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return ""
        etag = str(table.get("etag", ""))
        if table.get("url") != clean_url(request.url) or etag.startswith("W/"):
            return ""
        return etag or str(table.get("last_modified", ""))

    def _note(self, session: Session, request: Request, answer: Answer) -> None:
        table = {
            "url": session.clean(clean_url(request.url)),
            "etag": answer.headers.get("etag", ""),
            "last_modified": answer.headers.get("last-modified", ""),
        }
        if "content-encoding" in answer.headers:
            table = {}  # offsets of the unpacked file are not those of what travels
        write_atomically(self.tag, json.dumps(table))
