"""A line in the log when a service may have another key than the host believes.

1. A service with a key answers 401 to what it cannot verify, and the visitor cannot help it.
2. One line a minute for each service: a service may have a 401 of its own.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

from .clock import Clock
from .http import get_header
from .interfaces import ServiceResponse
from .observers.redaction import quoted

SECONDS: Final = 60.0
_log: Final = logging.getLogger("plugit_wsgi")


class KeyDoubts:
    """Watches the answers of one service to what was signed for it. Thread-safe.

    Args:
        service: its name.
        clock: the time.
    """

    def __init__(self, service: str, clock: Clock) -> None:
        self._service = service
        self._clock = clock
        self._lock = threading.Lock()
        self._told_until = float("-inf")

    def look(self, response: ServiceResponse, request_id: str) -> None:
        """Tells of a 401 that asks for no login of HTTP."""
        if response.status != 401 or get_header(response.headers, "WWW-Authenticate") is not None:
            return
        with self._lock:
            now = self._clock.monotonic()
            if now < self._told_until:
                return
            self._told_until = now + SECONDS
        _log.warning(
            'event=key service=%s status=401%s cause="the service may have another key, or a clock is wrong:'
            ' compare with plugit-wsgi key %s"',
            self._service,
            f" request_id={quoted(request_id, 80)}" if request_id else "",
            self._service,
        )
