"""One load at a time: many want the same, one asks, the others use what comes.

1. Who comes first leads: it loads. All others follow.
2. Few may wait for the leader, and those only until their own deadline: waiting for somebody else's load of a
   hanging page holds a thread as well as loading it. Whoever may not wait is told so at once.
3. Nothing is kept here: what was loaded is in a cache, or it is not.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from .clock import Deadline


class Chairs:
    """Places to wait for somebody else's load, of a whole process: each holds a thread. Thread-safe.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self._lock = threading.Lock()
        self.free = count

    def take(self) -> bool:
        """A place to wait, if there is one."""
        with self._lock:
            if self.free <= 0:
                return False
            self.free -= 1
            return True

    def leave(self) -> None:
        """Gives a place to wait back."""
        with self._lock:
            self.free += 1


class Flights:
    """The loads of one service that are under way. Thread-safe.

    Args:
        chairs: for followers who wait; of all services together.
    """

    def __init__(self, chairs: Chairs) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, threading.Event] = {}
        self.chairs = chairs

    @contextmanager
    def join(self, key: Hashable) -> Iterator[Flight]:
        """Joins the load of `key`; a leader's load ends with the block, however it ends."""
        with self._lock:
            landed = self._under_way.get(key)
            leads = landed is None
            if landed is None:
                landed = self._under_way[key] = threading.Event()
        try:
            yield Flight(self, landed, leads=leads)
        finally:
            if leads:
                with self._lock:
                    del self._under_way[key]
                landed.set()


class Flight:
    """One visitor's part in a load. One per request.

    Attributes:
        leads: it is this visitor who loads.
    """

    __slots__ = ("_flights", "_landed", "leads")

    def __init__(self, flights: Flights, landed: threading.Event, *, leads: bool) -> None:
        self._flights = flights
        self._landed = landed
        self.leads = leads

    def wait(self, deadline: Deadline) -> bool:
        """Waits for the leader, if one more may.

        Returns:
            Whether to look in the cache again: the leader has ended in time. Whoever leads looks again too,
            at once: another's load may have ended between the first look and the join.
        """
        if self.leads:
            return True
        chairs = self._flights.chairs
        if not chairs.take():
            return False
        try:
            return self._landed.wait(deadline.remaining())
        finally:
            chairs.leave()
