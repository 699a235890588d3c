"""A log line a second at the most, whatever the traffic."""

from __future__ import annotations

import logging
from threading import Lock

from ..clock import Clock

_LOG = logging.getLogger("plugit_wsgi.layout")


class Complaints:
    """Logs, and counts what it did not log. Thread-safe.

    Args:
        clock: for the second.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._next = float("-inf")
        self._silent = 0

    def say(self, message: str, *args: object, cause: BaseException | None = None) -> None:
        """Logs an error, unless one was logged within the last second."""
        with self._lock:
            now = self._clock.monotonic()
            if now < self._next:
                self._silent += 1
                return
            self._next, silent, self._silent = now + 1.0, self._silent, 0
        if silent:
            message, args = message + " (%d more since the last line)", (*args, silent)
        _LOG.error(message, *args, exc_info=cause)
