"""Open connections to one service, kept for the next request."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, Protocol, TypeVar


class Kept(Protocol):
    """What a pool needs of a connection."""

    def is_quiet(self) -> bool:
        """Open, and nothing to read: neither an end nor bytes that nobody asked for."""

    def close(self) -> None:
        """Ends it."""


C = TypeVar("C", bound=Kept)


class Pool(Generic[C]):
    """Idle connections, the last used first. Thread-safe.

    The ends of a deque need no lock, so there is none that a fork could copy while it is held.

    Args:
        make: a new connection, not yet opened.
        size: idle ones kept.
    """

    def __init__(self, make: Callable[[], C], size: int) -> None:
        self._make = make
        self._size = size
        self._idle: deque[C] = deque()
        self._closed = False

    def take(self, *, fresh: bool) -> C:
        """A connection that is quiet, or a new one.

        Args:
            fresh: a new one in any case; it takes the place of the oldest idle one, or unsafe requests
                would heap up connections.
        """
        if fresh:
            self._drop_oldest()
            return self._make()
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            if connection.is_quiet():
                return connection
            connection.close()
        return self._make()

    def give(self, connection: C) -> None:
        """Keeps a connection, in the place of the oldest if there are too many."""
        self._idle.append(connection)
        if self._closed:
            self.close()
        elif len(self._idle) > self._size:
            self._drop_oldest()

    def close(self) -> None:
        """Closes all idle connections, and from now on those that are given."""
        self._closed = True
        while self._idle:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        with suppress(IndexError):
            self._idle.popleft().close()
