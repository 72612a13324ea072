"""A server on this machine that stands in for the services, and imports nothing of their client.

    with Loopback() as net:
        net.on("overpass-api.de", "/api/interpreter", Answer(body=...), ...)
        session = Session(tmp_path, overrides=net.overrides, clock=net.clock, sleep=net.sleep)

A service's public address https://HOST/PATH is answered at http://127.0.0.1:PORT/HOST/PATH; hand
`overrides` to the session for that. Several answers to one route are given in turn, the last one
again and again. `clock` and `sleep` make waiting free: sleeping moves the clock, and `slept` tells
by how much.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # names in lower case
    body: bytes = b""

    @property
    def form(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(self.body.decode()).items()}


@dataclass
class Answer:
    """What the server sends.

    Attributes
    ----------
    cut : int or None
        Sends this many bytes of the body it announced, and hangs up.
    hang : bool
        Sends nothing until the server stops (a client's time-out ends it).
    chunked : bool
        No Content-Length: chunks of 64 KiB.
    repeat : int
        The body that many times over: large answers without large memory.
    """

    body: bytes | str | dict | list = b""
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    hang: bool = False
    chunked: bool = False
    repeat: int = 1

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


Handler = Callable[[Seen], Answer]


def ranged(content: bytes, etag: str = '"v1"', kind: str = "image/tiff") -> Handler:
    """A file that can be had in ranges (RFC 9110, 14: 206, Content-Range, 416, If-Range)."""

    def answer(seen: Seen) -> Answer:
        headers = {"ETag": etag, "Accept-Ranges": "bytes"}
        wanted = seen.headers.get("range", "")
        if not wanted or seen.headers.get("if-range", etag) != etag:
            return Answer(content, kind=kind, headers=headers)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start = int(first) if first else len(content) - int(last)
        stop = min(int(last) + 1 if last and first else len(content), len(content))
        if start >= len(content):
            return Answer(b"", 416, kind, {**headers, "Content-Range": f"bytes */{len(content)}"})
        said = {**headers, "Content-Range": f"bytes {start}-{stop - 1}/{len(content)}"}
        return Answer(content[start:stop], 206, kind, said)

    return answer


def gzip_bomb(plain_bytes: int) -> bytes:
    """Gzip data that unpacks to that many zeros."""
    return gzip.compress(bytes(plain_bytes), 9)


class Loopback:
    """The server; use it as a context."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.slept: list[float] = []
        self.now = 1000.0
        self._routes: dict[tuple[str, str], list[Answer | Handler]] = {}
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    def __enter__(self) -> Loopback:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()

    # --- time that costs nothing ---

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    # --- what is served ---

    def on(self, host: str, path: str, *answers: Answer | Handler) -> None:
        """Answer requests to https://host + path (the longest path that fits wins)."""
        self._routes[host, path] = list(answers)

    def address(self, host: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{host}"

    @property
    def overrides(self) -> dict[str, str]:
        hosts = {host for host, _ in self._routes}
        return {f"https://{host}": self.address(host) for host in hosts}

    def asked(self, host: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.host == host]

    def _answer(self, seen: Seen) -> Answer:
        with self._lock:
            self.seen.append(seen)
            fitting = [p for h, p in self._routes if h == seen.host and seen.path.startswith(p)]
            if not fitting:
                return Answer("no such path here", 404, "text/plain")
            waiting = self._routes[seen.host, max(fitting, key=len)]
            answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return answer if isinstance(answer, Answer) else answer(seen)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        net = self

        class Serve(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                self._serve(b"")

            def do_POST(self) -> None:
                self._serve(self.rfile.read(int(self.headers.get("content-length", 0))))

            def _serve(self, body: bytes) -> None:
                parts = urlsplit(self.path)
                _, host, *rest = parts.path.split("/")
                query = {k: v[0] for k, v in parse_qs(parts.query, True).items()}
                headers = {k.lower(): v for k, v in self.headers.items()}
                path = "/" + "/".join(rest)
                answer = net._answer(Seen(self.command, host, path, query, headers, body))
                try:
                    self._send(answer)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def _send(self, answer: Answer) -> None:
                if answer.hang:
                    net._stop.wait(30.0)
                    self.close_connection = True
                    return
                content = answer.content
                self.send_response_only(answer.status)
                if "Date" not in answer.headers:
                    self.send_header("Date", self.date_time_string())
                self.send_header("Content-Type", answer.kind)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.chunked:
                    self.send_header("Transfer-Encoding", "chunked")
                else:
                    self.send_header("Content-Length", str(len(content) * answer.repeat))
                self.end_headers()
                if answer.cut is not None:
                    self.wfile.write(content[: answer.cut])
                    self.close_connection = True
                    return
                for _ in range(answer.repeat):
                    if answer.chunked:
                        self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
                    else:
                        self.wfile.write(content)
                if answer.chunked:
                    self.wfile.write(b"0\r\n\r\n")

        return Serve
