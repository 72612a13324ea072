"""The one way to the network: limits, retries, politeness, a cache with provenance, resume.

    session = Session(city / "cache")
    answer = session.get(
        "https://nominatim.openstreetmap.org/search",
        {"q": "Place Bellecour, Lyon", "format": "jsonv2"},
        accept=("application/json",),
        licence="ODbL 1.0",
        attribution="(c) OpenStreetMap contributors",
        remedy="give --bbox, or --osm FILE to work offline",
    )
    answer.json(), answer.path, answer.provenance.sha256

What holds for every request: it has a time-out and a limit of size, as it travels and unpacked; a
busy server is asked again after the time it names (Retry-After), a broken line after a pause that
doubles; two requests to one host keep that host's distance in time; an answer is kept on disk with
its address, date, licence and checksum, and is not asked for twice; redirects lead to http(s) only;
a token travels to its own host alone and stands in no file, log or message.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from data_sources.answers import (
    cache_key,
    check_range,
    parse_json,
    sink_to,
    temporary_file,
    whole_size,
)
from data_sources.cache import Cache, Provenance, now_utc, sha256_of
from data_sources.errors import BusyError, NetworkError, OfflineError
from data_sources.gates import Gates
from data_sources.redaction import LogFilter, Secret, clean_mapping, clean_text, clean_url
from data_sources.request import AgainError, Answer, Request
from data_sources.wire import Wire

if TYPE_CHECKING:
    from data_sources.range_file import RangeFile

FIRST_PAUSE = 1.0  # s, doubled with every attempt
__all__ = ["NetworkError", "Request", "Response", "Secret", "Session"]


@dataclass(frozen=True)
class Response:
    """An answer on disk.

    Attributes
    ----------
    path : Path
        The bytes, in the cache or where `download` put them.
    provenance : Provenance
        Where they came from.
    from_cache : bool
        True when nothing was fetched.
    key : str
        Name of the cache entry, for `Session.forget`.
    """

    path: Path
    provenance: Provenance
    from_cache: bool
    key: str = ""

    @property
    def content(self) -> bytes:
        """The bytes."""
        return self.path.read_bytes()

    @property
    def text(self) -> str:
        """The bytes as UTF-8; what is not valid is replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The answer as JSON.

        Raises
        ------
        MalformedError
            When it is not.
        """
        return parse_json(self.content, self.provenance.address)


class Session:
    """Asks services, politely, and keeps what they answer.

    Parameters
    ----------
    cache_dir : Path
        Folder of the answers.
    offline : bool
        Answer from the cache alone; whatever is not there is an `OfflineError`.
    timeout : tuple of float
        Seconds to connect, and between two blocks of an answer.
    max_seconds : float
        Limit of one whole answer [s].
    max_bytes : int
        Limit of an answer [bytes] where the request names none.
    retries : int
        Attempts after the first.
    max_wait : float
        Longest pause that a server may ask for [s]; beyond it `BusyError`.
    min_interval : dict of str to float, optional
        Seconds between two requests to a host, over `gates.MIN_INTERVALS`.
    per_host : int
        Requests to one host at a time.
    user_agent : str, optional
        Who asks; services want to know.
    overrides : dict of str to str, optional
        Address prefix to the one asked in its place, such as
        ``{"https://overpass-api.de": "http://127.0.0.1:8080"}``: mirrors and tests. Provenance and
        cache keep the public address.
    allow_private : bool
        Whether hosts of the own network may be asked.
    clock, sleep : callable, optional
        Monotonic seconds, and a pause; tests give their own.
    log : callable, optional
        Called with a line where something is waited for; secrets struck out.
    """

    def __init__(
        self,
        cache_dir: str | Path,
        *,
        offline: bool = False,
        timeout: tuple[float, float] = (10.0, 60.0),
        max_seconds: float = 900.0,
        max_bytes: int = 512 << 20,
        retries: int = 4,
        max_wait: float = 120.0,
        min_interval: Mapping[str, float] | None = None,
        per_host: int = 2,
        user_agent: str | None = None,
        overrides: Mapping[str, str] | None = None,
        allow_private: bool = False,
        clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        from heatmat import __version__

        clock, sleep = clock or time.monotonic, sleep or time.sleep
        self.cache = Cache(Path(cache_dir))
        self.offline = offline
        self.retries = retries
        self.max_wait = max_wait
        self.fetched: list[Provenance] = []  # what this session fetched, in order
        self._secrets: set[str] = set()
        self._wire = Wire(
            timeout=timeout,
            max_seconds=max_seconds,
            max_bytes=max_bytes,
            user_agent=user_agent
            or f"HeatMat/{__version__} (urban heat research; python-requests)",
            overrides=overrides or {},
            allow_private=allow_private,
            clock=clock,
            secrets=self._secrets,
        )
        self._gates = Gates(min_interval or {}, per_host, clock, sleep)
        self._sleep = sleep
        self._say = log or (lambda _: None)
        for name in ("urllib3.connectionpool", "urllib3.util.retry"):
            logging.getLogger(name).addFilter(LogFilter(self._secrets))

    # --- asking ---

    def get(self, url: str, params: Mapping[str, Any] | None = None, **options: Any) -> Response:
        """Ask for an address, or take the kept answer.

        Parameters
        ----------
        url : str
        params : dict, optional
            Query parameters, none of them secret.
        **options
            The other fields of `Request`: ``headers``, ``secret``, ``accept``, ``max_bytes``,
            ``expires``, ``licence``, ``attribution``, ``remedy``, ``cache_as``, ``validate``,
            ``form`` (makes it a POST).

        Raises
        ------
        NetworkError
            When there is no right answer: `OfflineError`, `RefusedError` (``.status``,
            ``.body``), `BusyError`, `TooLargeError`, `MalformedError`.
        """
        return self.fetch(Request(url, params or {}, **options))

    def get_json(self, url: str, params: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """The JSON that an address answers; an answer that is none is not kept."""
        check = options.pop("validate", None)
        options.setdefault("accept", ("application/json", "application/geo+json", "text/json"))
        options.setdefault("max_bytes", 64 << 20)

        def validate(content: bytes) -> None:
            parse_json(content, url)
            if check is not None:
                check(content)

        return self.get(url, params, validate=validate, **options).json()

    def get_range(self, url: str, start: int, stop: int, **options: Any) -> Response:
        """Bytes `start` to `stop` (half open) of a file, fewer at its end.

        Raises
        ------
        MalformedError
            When the server sends other bytes than those asked for.
        """
        return self.fetch(Request(url, byte_range=(start, stop), **options))

    def get_many(
        self,
        requests: Sequence[Request],
        *,
        parallel: int = 4,
        done: Callable[[int, Response | NetworkError], None] | None = None,
    ) -> list[Response | NetworkError]:
        """Several requests at a time, no more than `per_host` to one host; in their order.

        A request that fails leaves its error in the list. `done` is called with the number and the
        outcome of each as it ends, one at a time.
        """
        lock = threading.Lock()

        def one(i: int) -> Response | NetworkError:
            outcome: Response | NetworkError
            try:
                outcome = self.fetch(requests[i])
            except NetworkError as error:
                outcome = error
            if done is not None:
                with lock:
                    done(i, outcome)
            return outcome

        pool = ThreadPoolExecutor(max_workers=max(1, parallel))
        try:
            return list(pool.map(one, range(len(requests))))
        finally:
            pool.shutdown(cancel_futures=True)

    def open_range(self, url: str, **options: Any) -> RangeFile:
        """A remote file to read from as if it were open here: see `RangeFile`."""
        from data_sources.range_file import RangeFile

        return RangeFile(self, url, **options)

    def fetch(self, request: Request) -> Response:
        """What `get` does, for a `Request`."""
        self._remember(request.secret)
        key = cache_key(request)
        about = self.cache.find(request.host, key, request.expires)
        if about is not None:
            return Response(self.cache.path(request.host, key), about, True, key)
        self._check_online(request)
        part = temporary_file(self.cache.folder)
        try:
            answer = self._attempts(request, part)
            strike_out(part, request.secret)
            about = self._provenance(request, answer, part)
            if request.validate is not None:
                request.validate(part.read_bytes())
            path = self.cache.keep(request.host, key, part, about)
        finally:
            part.unlink(missing_ok=True)
        self.fetched.append(about)
        return Response(path, about, False, key)

    def forget(self, response: Response) -> None:
        """Drop a kept answer that turned out not to be usable."""
        self.cache.drop(Request(response.provenance.address).host, response.key)

    def download(
        self, url: str, to: Path, params: Mapping[str, Any] | None = None, **options: Any
    ) -> Response:
        """A large file to `to`; what an interrupted download left is gone on with.

        The part lies beside as ``NAME.part``, with its ETag; the server is asked for the rest only
        if the file is still the same (If-Range). ``NAME.provenance.json`` is the sidecar. A file
        that is there and sound is not fetched again.
        """
        from data_sources.download import download

        return download(self, Request(url, params or {}, **options), Path(to))

    # --- within ---

    def attempt(self, request: Request, sink: Callable[[Answer], BinaryIO]) -> Answer:
        """One attempt, when the host's turn has come. Raises AgainError or NetworkError."""
        with self._gates.turn(request.host):
            return self._wire.fetch(request, sink)

    def pause(self, failure: AgainError, attempt: int) -> None:
        """Wait before the next attempt, or raise where there is to be none."""
        error = failure.error
        # A host that is not there at all is tried once more, not for half a minute.
        last = 1 if isinstance(error, OfflineError) else self.retries
        if attempt >= min(last, self.retries):
            raise error
        wait = FIRST_PAUSE * 2.0**attempt if failure.wait is None else failure.wait
        if wait > self.max_wait:
            raise BusyError(
                f"asks to come back in {wait:.0f} s",
                host=error.host,
                status=error.status,
                body=error.body,
                expected=f"at most {self.max_wait:g} s",
                remedy="run the same command again then: what is there is kept",
            ) from None
        self._say(self.clean(f"{error.host}: {error.what}; asking again in {wait:g} s"))
        self._sleep(wait)

    def _attempts(self, request: Request, part: Path) -> Answer:
        attempt = 0
        while True:
            try:
                with open(part, "wb") as out:
                    answer = self.attempt(request, sink_to(out))
                check_range(request, answer)
                return answer
            except AgainError as failure:
                self.pause(failure, attempt)
                attempt += 1

    def _check_online(self, request: Request) -> None:
        if self.offline:
            raise OfflineError(
                "is not asked, since this runs offline, and its answer is not in the cache",
                host=request.host,
                remedy=request.remedy or "run once with a network",
            )

    def _remember(self, secret: Secret | None) -> None:
        if secret is not None and secret.value:
            self._secrets.add(secret.value)

    def _provenance(self, request: Request, answer: Answer, path: Path) -> Provenance:
        known = tuple(self._secrets)
        address = clean_url(request.url, known)
        if request.cache_as:
            address = address.split("?")[0]
        span = request.byte_range
        fields = {**request.params, **(request.form or {})}
        return Provenance(
            address=address,
            method=request.method,
            params=clean_mapping({k: str(v)[:4000] for k, v in fields.items()}, known),
            date=now_utc().isoformat(timespec="seconds"),
            status=answer.status,
            content_type=self.clean(answer.headers.get("content-type", ""))[:100],
            etag=self.clean(answer.headers.get("etag", ""))[:200],
            last_modified=self.clean(answer.headers.get("last-modified", ""))[:100],
            size=path.stat().st_size,
            sha256=sha256_of(path),
            licence=request.licence,
            attribution=request.attribution,
            byte_range="" if span is None else f"{span[0]}-{span[1]}",
            whole_size=0 if span is None else whole_size(answer),
        )

    def clean(self, text: str) -> str:
        """The text without any secret this session was given."""
        return clean_text(text, tuple(self._secrets))


def strike_out(path: Path, secret: Secret | None) -> None:
    """Take the token that was sent out of the answer: services echo it, in links to more pages."""
    if secret is None or not secret.value:
        return
    content = path.read_bytes()
    plain = content.decode("latin-1")
    clean = clean_text(plain, (secret.value,))
    if clean != plain:
        path.write_bytes(clean.encode("latin-1"))
