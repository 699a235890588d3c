"""The cache of one process: bounded by bytes, every entry with a lifetime of its own."""

from __future__ import annotations

import threading
from typing import Any

from cachetools import TLRUCache

from ..clock import Clock

OVERHEAD = 512
"""Bytes an entry costs beside its content, about."""

_Entry = tuple[Any, float, int]


class MemoryCache:
    """Implements `Cache` with least recently used entries leaving first. Thread-safe.

    Args:
        size: bytes in all.
        clock: the time.
    """

    def __init__(self, size: int, clock: Clock) -> None:
        self._lock = threading.Lock()
        self._entries: TLRUCache[tuple[Any, ...], _Entry] = TLRUCache(
            maxsize=size,
            ttu=lambda _key, entry, now: now + entry[1],
            timer=clock.monotonic,
            getsizeof=lambda entry: entry[2] + OVERHEAD,
        )

    def get(self, key: tuple[Any, ...]) -> Any | None:
        """See `Cache.get`."""
        with self._lock:
            entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def set(self, key: tuple[Any, ...], value: Any, seconds: float, size: int) -> None:
        """See `Cache.set`; what is larger than the whole cache is not kept."""
        with self._lock:
            size += _size_of(key)
            if seconds > 0 and size + OVERHEAD <= self._entries.maxsize:
                self._entries[key] = (value, seconds, size)
            else:
                self._entries.pop(key, None)

    def delete(self, key: tuple[Any, ...]) -> None:
        """See `Cache.delete`."""
        with self._lock:
            self._entries.pop(key, None)


def _size_of(key: tuple[Any, ...]) -> int:
    """The text in a key: queries are the visitors' to invent, and as long as they like."""
    return sum(
        len(part) if isinstance(part, str) else _size_of(part) if isinstance(part, tuple) else 8
        for part in key
    )
