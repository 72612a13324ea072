"""What can go wrong between this machine and a service: one line each, never with a token in it."""

from __future__ import annotations

from typing import Any

from heatmat.errors import HeatMatError


class NetworkError(HeatMatError):
    """A service did not give what was asked for. Exit code 2, or a gap that is listed (3).

    Parameters
    ----------
    what : str
        As in `HeatMatError`.
    host : str
        Name of the service's host.
    status : int
        HTTP status, 0 where there was none.
    body : bytes
        Beginning of the answer, for services that explain their errors in it. Secrets removed.
    **details
        ``where``, ``expected``, ``got``, ``remedy``.
    """

    def __init__(
        self, what: str, *, host: str = "", status: int = 0, body: bytes = b"", **details: Any
    ) -> None:
        self.host = host
        self.status = status
        self.body = body
        super().__init__(what, where=details.pop("where", "") or host, **details)


class OfflineError(NetworkError):
    """The host cannot be reached at all: no network, no such name, nothing listens."""


class RefusedError(NetworkError):
    """The service answered with an error status that asking again would not change."""


class BusyError(NetworkError):
    """The service asks to come back later, for longer than we wait."""


class TooLargeError(NetworkError):
    """The answer is larger than the limit, as it travels or unpacked."""


class MalformedError(NetworkError):
    """The answer is not what the service is documented to send."""
