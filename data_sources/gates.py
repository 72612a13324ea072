"""Politeness: how many requests a host gets at a time, and how far apart."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

MIN_INTERVALS = {
    # https://operations.osmfoundation.org/policies/nominatim/: at most one request a second
    "nominatim.openstreetmap.org": 1.0,
    "overpass-api.de": 1.0,
}
"""Seconds between two requests to a host, where its rules ask for them."""

DEFAULT_INTERVAL = 0.05


class Gates:
    """Who may ask a host, and when."""

    def __init__(
        self,
        intervals: Mapping[str, float],
        per_host: int,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self.intervals = {**MIN_INTERVALS, **intervals}
        self.per_host = per_host
        self.clock = clock
        self.sleep = sleep
        self._lock = threading.Lock()
        self._hosts: dict[str, tuple[threading.Semaphore, threading.Lock]] = {}
        self._next: dict[str, float] = {}

    @contextmanager
    def turn(self, host: str) -> Iterator[None]:
        """Inside, one of the host's places is held and its distance in time has passed."""
        with self._lock:
            places, order = self._hosts.setdefault(
                host, (threading.Semaphore(self.per_host), threading.Lock())
            )
        with places:
            with order:
                wait = self._next.get(host, 0.0) - self.clock()
                if wait > 0.0:
                    self.sleep(wait)
                interval = self.intervals.get(host, DEFAULT_INTERVAL)
                self._next[host] = self.clock() + interval
            yield
