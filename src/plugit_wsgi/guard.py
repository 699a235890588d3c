"""Places at services: who is slow holds its own places, never all of the host's threads.

1. A call takes a place of its service and one of the total; calls and streams together never take all
   threads, so that some always stay for the host and the API.
2. A service that has no call under way gets a place as long as there is one: those that have some leave a
   free place for each such service, up to half of all.
3. Few may wait, not for long, and only where places move: a waiting line of any length, or at a service that
   hangs, would be the very harm it should prevent.
4. A service whose places come back quickly may take what is kept free, and one more than all services have
   together, so that it finds a place beside slow ones that hold all others. Only while it has at most `FEW`,
   and the last place is not for one that has some while another has none.
5. A stream counts apart, so a slow download never holds the place of a page.
6. What is fetched ahead of a visitor's need takes a place only while half of them are free: it must not take
   the one that somebody asks for a moment later.
7. Each deployment of a service has places of its own, so that one that hangs takes none of another's. To
   other services they are one: what is kept free is for services, and not more for one with variants.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from .clock import Clock
from .config import Limits
from .errors import ConfigError, ServiceBusy

RETRY_AFTER = 1.0
MOVING = 0.25
"""Seconds for which a place is taken at a service that counts as moving."""
FEW = 2
"""Calls that a service may have under way when it asks for the one place more than all have together."""
_log = logging.getLogger("plugit_wsgi.guard")

Room = Callable[["Places"], bool]
Counted = Callable[["Places", int, int], None]


class Deployments:
    """What all deployments of a service take together. Used within the lock of those who share a total.

    Attributes:
        mounted: how many deployments.
        taken: their places.
    """

    __slots__ = ("mounted", "taken")

    def __init__(self) -> None:
        self.mounted = 1
        self.taken = 0


class Places:
    """The places of one deployment of a service for one purpose. Thread-safe.

    Args:
        count: places.
        waiters: how many may wait at a time.
        wait: seconds one may wait.
        clock: the time.
        changed: lock and signal; shared by those who share a total, so that looking and taking is one step.
        room: whether those who share a total leave room for one more.
        counted: is told how many were and are taken, within the lock.
        ahead: whether those who share a total leave room for what nobody waits for.
        deployments: of the service; None is this one alone.

    Attributes:
        is_gone: its service is not mounted any more; what is under way finishes.
    """

    def __init__(
        self,
        count: int,
        *,
        waiters: int,
        wait: float,
        clock: Clock,
        changed: threading.Condition | None = None,
        room: Room = lambda places: True,
        counted: Counted = lambda places, before, after: None,
        ahead: Callable[[], bool] = lambda: True,
        deployments: Deployments | None = None,
    ) -> None:
        self.count = count
        self.deployments = deployments or Deployments()
        self.is_gone = False
        self._waiters = waiters
        self._wait = wait
        self._clock = clock
        self._changed = changed or threading.Condition()
        self._room = room
        self._counted = counted
        self._ahead = ahead
        self._since: list[float] = []
        self._returns: deque[float] = deque(maxlen=count + 1)
        self._waiting = 0

    @property
    def taken(self) -> int:
        """How many are taken now."""
        return len(self._since)

    @property
    def is_moving(self) -> bool:
        """At least half of the places that are taken were taken just now."""
        start = self._clock.monotonic() - MOVING
        return 2 * sum(since < start for since in self._since) <= len(self._since)

    @property
    def is_quick(self) -> bool:
        """Places come back here, or none is taken.

        One that came back says little, as the meta of a service that hangs may be quick: more than are taken
        came back lately.
        """
        start = self._clock.monotonic() - MOVING
        returns = sum(moment > start for moment in self._returns)
        return not self._since or (returns > len(self._since) and self.is_moving)

    @property
    def has_spare(self) -> bool:
        """One more leaves half of the places, here and of all together: for what is fetched ahead."""
        return 2 * (self.taken + 1) <= self.count and self._ahead()

    def take(self) -> float:
        """Takes a place.

        Returns:
            When that was, for `give_back`.

        Raises:
            ServiceBusy: none is free, after the wait that is allowed.
        """
        with self._changed:
            if not self._is_free() and not self._wait_for_one():
                raise ServiceBusy(f"all {self.count} places are taken", retry_after=RETRY_AFTER)
            self._counted(self, self.taken, self.taken + 1)
            since = self._clock.monotonic()
            self._since.append(since)
            return since

    def give_back(self, since: float) -> None:
        """Gives back the place that was taken then."""
        with self._changed:
            self._counted(self, self.taken, self.taken - 1)
            self._since.remove(since)
            self._returns.append(self._clock.monotonic())
            self._changed.notify_all()

    def held(self) -> HeldPlace:
        """A place for the length of a ``with`` block, which raises as `take`."""
        return HeldPlace(self)

    def _is_free(self) -> bool:
        return self.taken < self.count and self._room(self)

    def _wait_for_one(self) -> bool:
        if self._waiting >= self._waiters or not self.is_moving:
            return False
        self._waiting += 1
        try:
            return self._changed.wait_for(self._is_free, timeout=self._wait)
        finally:
            self._waiting -= 1


class HeldPlace:
    """A place for the length of a ``with`` block. One per request."""

    __slots__ = ("_places", "_since")

    def __init__(self, places: Places) -> None:
        self._places = places
        self._since = 0.0

    def __enter__(self) -> None:
        self._since = self._places.take()

    def __exit__(self, *_: object) -> None:
        self._places.give_back(self._since)


class HostPlaces:
    """The places of all services of a process together. Thread-safe.

    Args:
        threads: of the process.
        limits: of the host.
        clock: the time.

    Raises:
        ConfigError: more places than threads.

    Attributes:
        calls: places for calls: three quarters of the threads unless `Limits.total_places` says else.
        streams: places for large files on their way: as many threads as calls leave.
        together: for both: an eighth of the threads, at least one, stays for the host and the API.
    """

    def __init__(self, threads: int, limits: Limits, clock: Clock) -> None:
        self._threads = threads
        self._clock = clock
        self._changed = threading.Condition()
        for name in ("total_places", "service_places"):
            if (getattr(limits, name) or 0) > threads:
                raise ConfigError(f"Limits.{name}", getattr(limits, name), f"at most threads={threads}")
        self.calls = limits.total_places or max(1, 3 * threads // 4)
        self.streams = max(1, threads - self.calls)
        self.together = max(1, threads - max(1, threads // 8))
        self._calls_taken = 0
        self._streams_taken = 0
        self._idle = 0
        self._services = 0
        _log.info(
            "assuming %d threads: places for %d calls and %d streams", threads, self.calls, self.streams
        )

    def for_calls(self, limits: Limits, beside: Places | None = None) -> Places:
        """The places for calls on one service: half of the threads unless `limits` says else.

        `beside` are those of another deployment of it, if it has one.
        """
        with self._changed:
            deployments = _joined(beside)
            self._idle += beside is None
        return Places(
            limits.service_places or max(1, self._threads // 2),
            waiters=max(1, self._threads // 8),
            wait=limits.busy_wait,
            clock=self._clock,
            changed=self._changed,
            room=self._has_room_for_call,
            counted=self._count_call,
            ahead=lambda: 2 * (self._calls_taken + 1) <= self.calls,
            deployments=deployments,
        )

    def for_streams(self, limits: Limits, beside: Places | None = None) -> Places:
        """The places for large files of one service: all but one, if there are others; as `for_calls`."""
        with self._changed:
            deployments = _joined(beside)
            self._services += beside is None
        return Places(
            limits.service_streams or self.streams,
            waiters=0,
            wait=0.0,
            clock=self._clock,
            changed=self._changed,
            room=self._has_room_for_stream,
            counted=self._count_stream,
            deployments=deployments,
        )

    def leave(self, calls: Places, streams: Places) -> None:
        """A deployment is not mounted any more: with the last one, nothing is kept free. Once for each."""
        with self._changed:
            calls.is_gone = streams.is_gone = True
            calls.deployments.mounted -= 1
            streams.deployments.mounted -= 1
            if not calls.deployments.mounted:
                self._idle -= calls.deployments.taken == 0
                self._services -= 1
            self._changed.notify_all()

    def _has_room_for_call(self, places: Places) -> bool:
        if self._calls_taken + self._streams_taken >= self.together:
            return False
        has_some = bool(places.deployments.taken)
        kept_free = min(self._idle, self.calls // 2) if has_some else 0
        if self._calls_taken + kept_free < self.calls:
            return True
        # To look quick is easy: the last one stays for a service without a call.
        last = self.calls - (1 if has_some and self._idle else 0)
        return self._calls_taken <= last and places.taken <= FEW and places.is_quick

    def _has_room_for_stream(self, places: Places) -> bool:
        if self._calls_taken + self._streams_taken >= self.together:
            return False
        # One stays free for the other services, or one visitor's slow downloads would close them all.
        kept_free = 1 if places.deployments.taken and self._services > 1 else 0
        return self._streams_taken + kept_free < self.streams

    def _count_call(self, places: Places, before: int, after: int) -> None:
        self._calls_taken += after - before
        deployments = places.deployments
        was_idle = not deployments.taken
        deployments.taken += after - before
        if deployments.mounted:
            self._idle += (not deployments.taken) - was_idle

    def _count_stream(self, places: Places, before: int, after: int) -> None:
        self._streams_taken += after - before
        places.deployments.taken += after - before


def _joined(beside: Places | None) -> Deployments:
    if beside is None:
        return Deployments()
    beside.deployments.mounted += 1
    return beside.deployments
