"""What was looked up a moment ago."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Any, Final

from cachetools import TLRUCache

from ..clock import Clock

MOST: Final = 4096
"""Look-ups that are kept; those that nobody asked for lately leave first."""


class Lookups:
    """Answers of a database, for a few seconds. Thread-safe.

    Args:
        age: seconds; 0 keeps nothing.
        clock: the time.
    """

    def __init__(self, age: float, clock: Clock) -> None:
        self._age = age
        self._lock = threading.Lock()
        self._kept: TLRUCache[Hashable, Any] = TLRUCache(
            maxsize=MOST, ttu=lambda _key, _value, now: now + age, timer=clock.monotonic
        )

    def __len__(self) -> int:
        with self._lock:
            return len(self._kept)

    def get(self, key: Hashable, missing: object) -> Any:
        """What is kept, which may be None; `missing` if nothing is."""
        with self._lock:
            return self._kept.get(key, missing)

    def set(self, key: Hashable, value: object) -> None:
        """Keeps an answer."""
        if self._age:
            with self._lock:
                self._kept[key] = value

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._kept.clear()
