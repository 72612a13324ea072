"""No socket leaves this machine: connections and look-ups beyond loopback fail at once.

A test that reaches a server passes or fails with the weather of the network. `tests/conftest.py`
switches the guard on and puts this folder on ``PYTHONPATH``, and Python imports a module of this
name at start-up: so the processes that a test starts are guarded too. Libraries that open sockets
outside Python (GDAL, PROJ) are switched off through their environment variables.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import Any


class NetworkBlockedError(RuntimeError):
    """A test reached for the network.

    Not an OSError, so that code which forgives a failing network does not hide the attempt.
    """


def _is_loopback(host: Any) -> bool:
    if host is None or host in ("", b"", "localhost", b"localhost"):
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(name.split("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse(what: str) -> None:
    raise NetworkBlockedError(
        f"tests run without a network, but {what}; use a recorded answer or a loopback server"
    )


def _check_address(address: Any) -> None:
    # Unix sockets have a path for an address, internet sockets a tuple that begins with the host.
    if isinstance(address, tuple) and not _is_loopback(address[0]):
        _refuse(f"something opened a socket to {address[0]}:{address[1]}")


class GuardedSocket(socket.socket):
    """A socket that only reaches this machine."""

    def connect(self, address: Any) -> None:
        _check_address(address)
        super().connect(address)

    def connect_ex(self, address: Any) -> int:
        _check_address(address)
        return super().connect_ex(address)

    def sendto(self, data: Any, *args: Any) -> int:
        _check_address(args[-1])
        return super().sendto(data, *args)


_lookup = socket.getaddrinfo


def _guarded_lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
    if not _is_loopback(host):
        _refuse(f"something looked up {host!r}")
    return _lookup(host, *args, **kwargs)


def switch_on() -> None:
    """Replace the socket class and the look-up of names; once is enough."""
    socket.socket = GuardedSocket  # type: ignore[misc]
    socket.getaddrinfo = _guarded_lookup
    os.environ["PROJ_NETWORK"] = "OFF"
    os.environ["GDAL_HTTP_PROXY"] = "127.0.0.1:9"


if os.environ.get("HEATMAT_TESTS_OFFLINE") == "1":
    switch_on()
