"""Loads that failed a moment ago, so that not every visitor tries again at once."""

from __future__ import annotations

import random
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from .clock import Clock

SECONDS = 5.0
SPREAD = 0.2
MOST = 1000


class Setbacks:
    """Remembers failed loads for 5 s, give or take a fifth. Thread-safe.

    Args:
        clock: the time.
        chance: a number from 0 to 1.
    """

    def __init__(self, clock: Clock, chance: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._chance = chance
        self._lock = threading.Lock()
        self._until: OrderedDict[Hashable, tuple[float, Exception]] = OrderedDict()

    def note(self, key: Hashable, error: Exception) -> None:
        """The load of `key` failed just now."""
        seconds = SECONDS * (1 + SPREAD * (2 * self._chance() - 1))
        with self._lock:
            self._until[key] = (self._clock.monotonic() + seconds, _bare(error))
            self._until.move_to_end(key)
            if len(self._until) > MOST:
                self._until.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        """It was loaded after all."""
        if self._until:
            with self._lock:
                self._until.pop(key, None)

    def recent(self, key: Hashable) -> Exception | None:
        """The error of a load that failed less than those seconds ago."""
        if not self._until:
            return None
        with self._lock:
            until, error = self._until.get(key, (0.0, None))
        return error if error is not None and self._clock.monotonic() < until else None


def _bare(error: Exception) -> Exception:
    """The same without traceback and causes, which hold the request that met it, and what was read for it."""
    kind = type(error)
    bare = kind.__new__(kind, *error.args)
    bare.__dict__.update(error.__dict__)
    return bare
