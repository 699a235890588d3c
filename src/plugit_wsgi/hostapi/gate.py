"""How much of the host the API may take: so many calls a second of a service, so many of all at a time.

1. Pages leave threads to the API (`guard`); the API takes only so many of them, so that a directory that
   hangs never holds all threads of the host.
2. Where calls come back, others may wait a little; where all hang, nobody waits.
3. A service that has a call under way leaves a place to the others.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ..clock import Clock
from ..config import Limits
from ..errors import ConfigError, ServiceBusy, TooManyRequests
from ..guard import MOVING, RETRY_AFTER

WAIT: Final = 0.5
"""Seconds a call may wait for a place."""


class ApiPlaces:
    """The places for calls of the API, of all services of a process together. Thread-safe.

    Args:
        threads: of the process.
        limits: of the host.
        clock: the time.

    Attributes:
        count: places: a quarter of the threads unless `Limits.api_places` says else.
        services: how many services may call; whoever changes the mounts sets it.

    Raises:
        ConfigError: more places than threads.
    """

    def __init__(self, threads: int, limits: Limits, clock: Clock) -> None:
        if (limits.api_places or 0) > threads:
            raise ConfigError("Limits.api_places", limits.api_places, f"at most threads={threads}")
        self.count = limits.api_places or max(1, threads // 4)
        self.services = 1
        self._waiters = max(0, threads - self.count - 1)
        self._clock = clock
        self._changed = threading.Condition()
        self._taken: Counter[str] = Counter()
        self._since: list[float] = []
        self._waiting = 0

    @contextmanager
    def held(self, service: str) -> Iterator[None]:
        """A place for the length of a ``with`` block.

        Raises:
            ServiceBusy: none is free, after the wait that is allowed.
        """
        with self._changed:
            if not self._is_free(service) and not self._wait_for_one(service):
                raise ServiceBusy(f"all {self.count} places of the API are taken", retry_after=RETRY_AFTER)
            since = self._clock.monotonic()
            self._since.append(since)
            self._taken[service] += 1
        try:
            yield
        finally:
            with self._changed:
                self._since.remove(since)
                self._taken -= Counter([service])
                self._changed.notify_all()

    def _is_free(self, service: str) -> bool:
        kept_free = 1 if self._taken[service] and self.services > 1 else 0
        return len(self._since) + min(kept_free, self.count - 1) < self.count

    def _wait_for_one(self, service: str) -> bool:
        if self._waiting >= self._waiters or not self._is_moving():
            return False
        self._waiting += 1
        try:
            return self._changed.wait_for(lambda: self._is_free(service), timeout=WAIT)
        finally:
            self._waiting -= 1

    def _is_moving(self) -> bool:
        start = self._clock.monotonic() - MOVING
        return 2 * sum(since < start for since in self._since) <= len(self._since)


class Bucket:
    """Lets so many calls a second pass, and a burst (a token bucket). Thread-safe.

    Args:
        rate: calls a second.
        burst: calls at once, when there were none before.
        clock: the time.
    """

    def __init__(self, rate: float, burst: int, clock: Clock) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._left = float(burst)
        self._at = clock.monotonic()

    def take(self) -> None:
        """Lets one call pass.

        Raises:
            TooManyRequests: not now; it says when.
        """
        with self._lock:
            now = self._clock.monotonic()
            self._left = min(self._burst, self._left + (now - self._at) * self._rate)
            self._at = now
            if self._left < 1:
                raise TooManyRequests("rate", retry_after=(1 - self._left) / self._rate)
            self._left -= 1
