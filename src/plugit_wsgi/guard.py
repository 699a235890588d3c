"""Places at a service: who is slow holds its own places, never all of the host's threads.

1. A call takes a place of its service and one of the total; calls and streams together never take all
   threads, so that some always stay for the host and the API.
2. Few may wait, and not for long: a waiting line of any length would be the very harm it should prevent.
3. A stream counts apart, so a slow download never holds the place of a page.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .config import Limits
from .errors import ServiceBusy

RETRY_AFTER = 1.0
_log = logging.getLogger("plugit_wsgi.guard")


class Places:
    """A counted number of places, some of them shared with others through `parent`. Thread-safe.

    Args:
        count: places.
        waiters: how many may wait at a time.
        wait: seconds one may wait.
        parent: places that are taken beside these.
    """

    def __init__(self, count: int, *, waiters: int, wait: float, parent: Places | None = None) -> None:
        self.count = count
        self._waiters = waiters
        self._wait = wait
        self._parent = parent
        # One lock for a family of places: taking two counts is one step, and none is held while waiting.
        self._changed: threading.Condition = parent._changed if parent else threading.Condition()
        self._taken = 0
        self._waiting = 0

    @property
    def taken(self) -> int:
        """How many are taken now."""
        return self._taken

    def take(self) -> None:
        """Takes a place.

        Raises:
            ServiceBusy: none is free, after the wait that is allowed.
        """
        with self._changed:
            if not self._is_free() and not self._wait_for_one():
                raise ServiceBusy(f"all {self.count} places are taken", retry_after=RETRY_AFTER)
            self._count(+1)

    def give_back(self) -> None:
        """Gives a place back."""
        with self._changed:
            self._count(-1)
            self._changed.notify_all()

    @contextmanager
    def held(self) -> Iterator[None]:
        """A place for the length of a ``with`` block.

        Raises:
            ServiceBusy: as `take`.
        """
        self.take()
        try:
            yield
        finally:
            self.give_back()

    def _is_free(self) -> bool:
        return self._taken < self.count and (self._parent is None or self._parent._is_free())

    def _wait_for_one(self) -> bool:
        if self._waiting >= self._waiters:
            return False
        self._waiting += 1
        try:
            return self._changed.wait_for(self._is_free, timeout=self._wait)
        finally:
            self._waiting -= 1

    def _count(self, step: int) -> None:
        self._taken += step
        if self._parent is not None:
            self._parent._count(step)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPlaces:
    """The places of all services together, of one process. Immutable.

    Attributes:
        calls: for calls, three quarters of the threads unless `Limits.total_places` says else.
        streams: for large files on their way, as many threads as calls leave.
    """

    calls: Places
    streams: Places


def host_places(threads: int, limits: Limits) -> HostPlaces:
    """The places of a process that has so many threads.

    Calls and streams together leave an eighth of the threads, at least one: for the host's own pages, and for
    the API that services call back while a page waits.
    """
    all_together = Places(max(1, threads - max(1, threads // 8)), waiters=0, wait=0.0)
    calls = limits.total_places or max(1, 3 * threads // 4)
    streams = max(1, threads - calls)
    _log.info("assuming %d threads: places for %d calls and %d streams", threads, calls, streams)
    return HostPlaces(
        calls=Places(calls, waiters=0, wait=0.0, parent=all_together),
        streams=Places(streams, waiters=0, wait=0.0, parent=all_together),
    )


def service_places(threads: int, limits: Limits, host: HostPlaces) -> Places:
    """The places for calls on one service: half of the threads unless `limits` says else."""
    count = limits.service_places or max(1, threads // 2)
    waiters = max(1, threads // 8)
    return Places(count, waiters=waiters, wait=limits.busy_wait, parent=host.calls)


def stream_places(limits: Limits, host: HostPlaces) -> Places:
    """The places for large files of one service: all there are unless `limits` says else."""
    count = limits.service_streams or host.streams.count
    return Places(count, waiters=0, wait=0.0, parent=host.streams)
