"""What is asked of a service, and what comes back over the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from data_sources.errors import NetworkError
from data_sources.redaction import Secret


@dataclass(frozen=True)
class Request:
    """What is asked of a service.

    Attributes
    ----------
    url : str
        http or https, without secrets.
    params : dict
        Query parameters.
    form : dict or None
        Form fields; makes it a POST.
    headers : dict
        More headers, none secret.
    secret : Secret or None
        Sent to the host of `url` alone, never to where it redirects.
    accept : tuple of str
        Media types (or their beginnings, ``"image/"``) that are right; empty: any.
    max_bytes : int or None
        Limit of this answer, as it travels and unpacked; None: the session's.
    byte_range : tuple of int, or None
        start, stop (half open); stop -1: to the end.
    if_range : str
        ETag or date for which the range is wanted; else the server sends the whole.
    read_timeout : float or None
        Seconds between two blocks, for a service that thinks long; None: the session's.
    expires : float or None
        Age in seconds at which a kept answer is fetched again; None: never.
    licence, attribution : str
        Written into the provenance.
    remedy : str
        What the user can do where the host cannot be reached.
    cache_as : str
        Identity of the answer where the address itself changes (signed addresses); the query is
        then left out of the provenance too.
    validate : callable or None
        Called with the bytes before they are kept; raises where they are not usable.
    final : callable or None
        Given the status and body of an error answer, whether asking again is of no use although
        the status alone would allow it.
    """

    url: str
    params: Mapping[str, Any] = field(default_factory=dict)
    form: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: Secret | None = None
    accept: tuple[str, ...] = ()
    max_bytes: int | None = None
    byte_range: tuple[int, int] | None = None
    if_range: str = ""
    read_timeout: float | None = None
    expires: float | None = None
    licence: str = ""
    attribution: str = ""
    remedy: str = ""
    cache_as: str = ""
    validate: Callable[[bytes], object] | None = None
    final: Callable[[int, bytes], bool] | None = None

    @property
    def host(self) -> str:
        """Name of the host that is asked; empty where the address is none."""
        try:
            return urlsplit(self.url).hostname or ""
        except ValueError:
            return ""

    @property
    def method(self) -> str:
        """GET, or POST with a form."""
        return "GET" if self.form is None else "POST"


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the headers in lower case, the bytes written."""

    status: int
    headers: dict[str, str]
    size: int


class AgainError(Exception):
    """An attempt failed in a way that another may not.

    Parameters
    ----------
    error : NetworkError
        To raise when there is no other attempt.
    wait : float or None
        Seconds that the server asks to wait; None: it does not say.
    """

    def __init__(self, error: NetworkError, wait: float | None = None) -> None:
        self.error = error
        self.wait = wait
        super().__init__(str(error))
