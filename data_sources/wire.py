"""One request over the network: redirects, limits while streaming, and what may be asked again.

Nothing here caches or waits; `http.Session` does both.
"""

from __future__ import annotations

import email.utils
import socket
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, BinaryIO
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from data_sources.cache import now_utc
from data_sources.errors import (
    MalformedError,
    NetworkError,
    OfflineError,
    RefusedError,
    TooLargeError,
)
from data_sources.redaction import Secret, clean_text
from data_sources.request import AgainError, Answer, Request
from data_sources.unpack import CutShortError, unpacker
from data_sources.untrusted import is_private_host

BLOCK = 1 << 16
MAX_REDIRECTS = 5
ERROR_BODY = 4096  # bytes of an error's answer that are kept
ERROR_SECONDS = 60.0  # it is waited for at most
TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)
REDIRECTS = (301, 302, 303, 307, 308)


class Wire:
    """Sends requests and streams answers under limits.

    Parameters
    ----------
    timeout : tuple of float
        Seconds to connect, and between two blocks.
    max_seconds : float
        For one whole answer: a server that drips is cut off.
    max_bytes : int
        Default limit of an answer.
    user_agent : str
        Who asks.
    overrides : dict of str to str
        Address prefix to the one asked in its place: mirrors and tests.
    allow_private : bool
        Whether addresses of this machine or its own network may be asked (other than through
        `overrides`); off, since addresses come from services too.
    clock : callable
        Seconds, monotonic.
    secrets : set of str
        Struck out of every message.
    """

    def __init__(
        self,
        *,
        timeout: tuple[float, float],
        max_seconds: float,
        max_bytes: int,
        user_agent: str,
        overrides: Mapping[str, str],
        allow_private: bool,
        clock: Callable[[], float],
        secrets: set[str],
    ) -> None:
        self.timeout = timeout
        self.max_seconds = max_seconds
        self.max_bytes = max_bytes
        self.overrides = dict(overrides)
        self.allow_private = allow_private
        self.clock = clock
        self.secrets = secrets
        self._http = requests.Session()
        self._http.headers["User-Agent"] = user_agent
        self._http.auth = lambda prepared: prepared  # or requests would send what .netrc holds

    def fetch(self, request: Request, sink: Callable[[Answer], BinaryIO]) -> Answer:
        """Ask, and stream the answer into what `sink` opens for it.

        Parameters
        ----------
        request : Request
        sink : callable
            Called once the headers are known to be good, with an Answer of size 0.

        Raises
        ------
        AgainError
            When another attempt may succeed.
        NetworkError
            When not.
        """
        response = self._follow(request)
        try:
            self._check_status(request, response)
            answer = Answer(response.status_code, _headers(response), 0)
            self._check_type(request, answer)
            size = self._stream(request, response, sink(answer))
            return replace(answer, size=size)
        finally:
            response.close()

    def _follow(self, request: Request) -> requests.Response:
        """The response after redirects, which only lead to http(s) and carry no secret along."""
        url, method, home = request.url, request.method, _origin(request.url)
        params: Mapping[str, Any] | None = request.params
        for _ in range(MAX_REDIRECTS + 1):
            self._check_address(url, request)
            secret = request.secret if _origin(url) == home else None
            response = self._send(request, method, url, params, secret)
            if response.status_code not in REDIRECTS or "location" not in response.headers:
                return response
            response.close()
            target = self._target(url, response.headers["location"], request)
            if response.status_code == 303 or (method == "POST" and response.status_code < 303):
                method = "GET"
            url, params = target, None
        raise RefusedError("redirects without end", host=request.host)

    def _send(
        self,
        request: Request,
        method: str,
        url: str,
        params: Mapping[str, Any] | None,
        secret: Secret | None,
    ) -> requests.Response:
        headers = {"Accept-Encoding": "gzip", **request.headers}
        if request.accept:
            headers["Accept"] = ", ".join(
                f"{kind}*" if kind.endswith("/") else kind for kind in request.accept
            )
        if request.byte_range is not None:
            start, stop = request.byte_range
            headers["Range"] = f"bytes={start}-{'' if stop < 0 else stop - 1}"
            headers["Accept-Encoding"] = "identity"
            if request.if_range:
                headers["If-Range"] = request.if_range
        query = dict(params or {})
        if secret is not None and secret.header:
            headers[secret.header] = secret.prefix + secret.value
        elif secret is not None and secret.param:
            query[secret.param] = secret.value
        mapped = self._mapped(url)
        none: Any = {"http": None, "https": None, "all": None}
        try:
            return self._http.request(
                method,
                mapped,
                params=query or None,
                data=request.form if method == "POST" else None,
                headers=headers,
                timeout=(self.timeout[0], request.read_timeout or self.timeout[1]),
                stream=True,
                allow_redirects=False,
                proxies=none if mapped != url else None,
            )
        except (requests.RequestException, ValueError) as error:
            raise self._no_answer(request, error) from None

    def _mapped(self, url: str) -> str:
        for prefix, target in self.overrides.items():
            if url.startswith(prefix):
                return target + url[len(prefix) :]
        return url

    def _check_address(self, url: str, request: Request) -> None:
        try:
            parts = urlsplit(url)
            name = (parts.hostname or "").rstrip(".").lower()
        except ValueError:  # brackets that do not close
            name = ""
        if not name or parts.scheme not in ("http", "https"):
            raise RefusedError(
                "not a web address", where=request.host or "address", got=self._clean(url[:80])
            )
        if self.allow_private or self._mapped(url) != url:
            return
        if is_private_host(name):
            raise RefusedError(
                "an address within the own network, which services have no business to name",
                host=request.host,
                got=name,
            )

    def _target(self, url: str, location: str, request: Request) -> str:
        """Where a redirect leads, if it may be followed."""
        try:
            target = urljoin(url, location)
        except ValueError:
            raise RefusedError(
                "redirects to what is no web address",
                host=request.host,
                got=self._clean(location[:80]),
            ) from None
        if urlsplit(url).scheme == "https" and urlsplit(target).scheme == "http":
            raise RefusedError("redirects from https to http", host=request.host)
        if any(value and value in target for value in self.secrets):
            raise RefusedError("redirects with the token in the address", host=request.host)
        return target

    def _check_status(self, request: Request, response: requests.Response) -> None:
        status = response.status_code
        if status in (200, 204) or (status == 206 and request.byte_range is not None):
            return
        body = self._error_body(response)
        error = RefusedError(
            f"answered {status} {clean_text(response.reason or '', self.secrets)}".rstrip(),
            host=request.host,
            status=status,
            body=body,
            got=" ".join(body.decode("utf-8", "replace").split())[:160],
            remedy=request.remedy,
        )
        final = request.final is not None and request.final(status, body)
        if status in TRY_AGAIN and not final:
            raise AgainError(error, retry_after(_headers(response)))
        raise error

    def _error_body(self, response: requests.Response) -> bytes:
        content, end = b"", self.clock() + ERROR_SECONDS
        try:
            while len(content) < ERROR_BODY and self.clock() < end:
                block = response.raw.read1(ERROR_BODY - len(content), decode_content=False)
                if not block:
                    break
                content += block
        except (urllib3.exceptions.HTTPError, OSError):
            return b""
        if response.headers.get("content-encoding", "").lower() == "gzip":
            try:
                content = zlib.decompressobj(31).decompress(content, ERROR_BODY)
            except zlib.error:
                return b""
        return self._clean(content.decode("utf-8", "replace")).encode("utf-8")

    def _check_type(self, request: Request, answer: Answer) -> None:
        kind = answer.headers.get("content-type", "").split(";")[0].strip().lower()
        if request.accept and kind and not kind.startswith(request.accept):
            raise MalformedError(
                "answered with another kind of file",
                host=request.host,
                status=answer.status,
                expected=" or ".join(request.accept),
                got=kind[:60],
                remedy=request.remedy or "a login page or a proxy may stand between",
            )

    def _stream(self, request: Request, response: requests.Response, out: BinaryIO) -> int:
        """Write the unpacked body; no more than the limit, no longer than `max_seconds`."""
        limit = self.max_bytes if request.max_bytes is None else request.max_bytes
        length = response.headers.get("content-length", "")
        if _digits(length) and float(length) > limit:
            raise self._too_large(request, limit)
        unpack = unpacker(response.headers.get("content-encoding", ""), request.host)
        end = self.clock() + self.max_seconds
        travelled = written = 0
        try:
            # read1 gives what is there: read would wait for a whole block of a server that drips.
            while block := response.raw.read1(BLOCK, decode_content=False):
                travelled += len(block)
                for plain in unpack.feed(block):
                    written += len(plain)
                    if written > limit:
                        raise self._too_large(request, limit)
                    out.write(plain)
                if travelled > limit:
                    raise self._too_large(request, limit)
                if self.clock() > end:
                    raise NetworkError(
                        f"still sending after {self.max_seconds:g} s",
                        host=request.host,
                        remedy=request.remedy or "try again later, or ask for a smaller area",
                    )
            unpack.finish()
        except (urllib3.exceptions.HTTPError, OSError, CutShortError) as error:
            raise self._no_answer(request, error) from None
        except zlib.error:
            raise MalformedError("sent damaged gzip data", host=request.host) from None
        return written

    def _too_large(self, request: Request, limit: int) -> TooLargeError:
        return TooLargeError(
            "the answer is too large",
            host=request.host,
            expected=f"at most {limit / 2**20:.3g} MiB",
            remedy="ask for a smaller area",
        )

    def _no_answer(self, request: Request, error: Exception) -> AgainError | NetworkError:
        """What a failed connection means: nobody there, or a line that broke."""
        chain = _chain(error)
        if isinstance(error, ValueError):  # as all of what the libraries say to an address
            return RefusedError("not a web address", host=request.host)
        if any(isinstance(e, (CutShortError, urllib3.exceptions.IncompleteRead)) for e in chain):
            what = "the answer broke off"
        elif any(isinstance(e, urllib3.exceptions.ReadTimeoutError) for e in chain):
            what = f"no answer within {request.read_timeout or self.timeout[1]:g} s"
        else:
            return AgainError(
                OfflineError(
                    f"cannot be reached ({_why(chain)})",
                    host=request.host,
                    remedy=request.remedy or "check the network",
                )
            )
        return AgainError(NetworkError(what, host=request.host, remedy=request.remedy))

    def _clean(self, text: str) -> str:
        return clean_text(text, tuple(self.secrets))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds a server asks to wait (RFC 9110, 10.2.3): a number or a date; None: it does not say.

    A date is taken relative to the answer's own Date, so that a wrong clock here does no harm.
    """
    text = headers.get("retry-after", "").strip()
    if _digits(text):
        return float(text)
    until, now = _date(text), _date(headers.get("date", "")) or now_utc()
    return None if until is None else max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _headers(response: requests.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _digits(text: str) -> bool:
    """Whether a header is a number: `str.isdigit` alone takes superscripts, too."""
    return text.isascii() and text.isdigit()


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()


def _chain(error: BaseException) -> list[BaseException]:
    """The error, its causes and what libraries wrap inside it."""
    found: list[BaseException] = []
    stack: list[Any] = [error]
    while stack and len(found) < 20:
        item = stack.pop()
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            stack += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
    return found


def _why(chain: list[BaseException]) -> str:
    """In words, without the address that libraries put into their messages."""
    for kind, text in (
        (urllib3.exceptions.NameResolutionError, "its name is not known here"),
        (socket.gaierror, "its name is not known here"),
        (ConnectionRefusedError, "connection refused"),
        (urllib3.exceptions.ConnectTimeoutError, "no connection in time"),
        (urllib3.exceptions.SSLError, "the secure connection failed"),
        (urllib3.exceptions.ProxyError, "the proxy does not answer"),
        (ConnectionResetError, "connection reset"),
    ):
        if any(isinstance(error, kind) for error in chain):
            return text
    return "no connection"
