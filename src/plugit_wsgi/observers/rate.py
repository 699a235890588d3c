"""One a second of each kind, and a count of the rest."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from ..clock import Clock

Item = TypeVar("Item")
OTHERS: Final = "others"
"""The key that all share for whom there is no room."""
_NEVER: Final = float("inf")


@dataclass(slots=True)
class _Kept(Generic[Item]):
    free_at: float
    newest: Item | None = None
    count: int = 0


class Rate(Generic[Item]):
    """Lets one item of a key through in a second, and counts what it held back. Thread-safe.

    Args:
        clock: the time.
        seconds: between two of a key.
        most: keys that are told apart; when there are more at a time, the rest share one.
    """

    def __init__(self, clock: Clock, *, seconds: float = 1.0, most: int = 1000) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._lock = threading.Lock()
        self._kept: dict[Hashable, _Kept[Item]] = {}
        self._due_at = _NEVER

    def admit(self, key: Hashable, item: Item) -> int | None:
        """Whether this one may pass.

        Returns:
            How many of its key were held back since the last one; None if it is held back itself.
        """
        with self._lock:
            now = self._clock.monotonic()
            kept = self._find(key, now)
            if now < kept.free_at:
                kept.newest = item
                kept.count += 1
                self._due_at = min(self._due_at, kept.free_at)
                return None
            count, kept.count, kept.newest = kept.count, 0, None
            kept.free_at = now + self._seconds
            return count

    def due(self) -> list[tuple[Item, int]]:
        """Items that may pass now: the newest held back of each key, and how many there were beside it."""
        # Asked for every event there is: without the lock unless there may be something.
        if self._clock.monotonic() < self._due_at:
            return []
        with self._lock:
            return list(self._released(self._clock.monotonic()))

    def rest(self) -> list[tuple[Item, int]]:
        """As `due`, without waiting for the second to be over; for the end."""
        with self._lock:
            return list(self._released(_NEVER))

    def _released(self, until: float) -> Iterator[tuple[Item, int]]:
        now = self._clock.monotonic()
        for kept in self._kept.values():
            if kept.newest is not None and kept.free_at <= until:
                newest, count = kept.newest, kept.count - 1
                kept.newest, kept.count, kept.free_at = None, 0, now + self._seconds
                yield newest, count
        self._due_at = min((kept.free_at for kept in self._kept.values() if kept.count), default=_NEVER)

    def _find(self, key: Hashable, now: float) -> _Kept[Item]:
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        if len(self._kept) >= self._most:
            self._kept = {
                known: kept for known, kept in self._kept.items() if kept.count or kept.free_at > now
            }
        if len(self._kept) >= self._most:
            key = OTHERS
        return self._kept.setdefault(key, _Kept(now))
