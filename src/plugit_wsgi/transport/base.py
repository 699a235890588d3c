"""What transports over kept connections share: one service, one deadline, one more try, one pool per process.

1. No cookie jar, no ``.netrc``, no proxy variables, no redirects, no retries but rule 5: there is no session.
2. One deadline over connecting, sending, head and body (streams: over the head).
3. A connection carries another request only after an answer that ended exactly where it said.
4. An unsafe method goes out on a fresh connection, once: nobody can tell a service that closed an idle
   connection from one that did the work and died.
5. GET, HEAD and OPTIONS go out once more, on a fresh connection, if not one byte of an answer came.
6. Nothing is opened before the first request of a process; a forked process starts afresh.
7. What libraries, ssl or socket raise does not leave a transport.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import Final, Protocol
from urllib.parse import urlsplit

from ..clock import Clock
from ..config import Limits
from ..errors import ServiceUnreachable
from ..interfaces import ServiceRequest
from .answer import Answer
from .exchange import REPEATABLE, Exchange
from .head import compose_head

IDLE: Final = 60.0
"""Seconds after which an idle connection is not used any more."""
_PORTS: Final = {"http": 80, "https": 443}


class Connections(Protocol):
    """The connections of one process to one service. Thread-safe."""

    def exchange(self, exchange: Exchange) -> Answer:
        """Runs it on a kept connection, or on a new one (rules 3, 4 and 7)."""

    def close(self) -> None:
        """Closes idle connections, and from now on those that come back."""


class KeptTransport(ABC):
    """HTTP/1.1 exchanges with one service over kept connections. Thread-safe.

    Args:
        base_url: http or https; requests go below its path.
        limits: of heads and streams.
        clock: for streams and resolved names; a request's deadline brings its own.
        user_agent: sent where the request has none.
        pool_size: idle connections kept; more may be in use.
    """

    def __init__(
        self,
        base_url: str,
        *,
        limits: Limits,
        clock: Clock,
        user_agent: str = "plugit-wsgi",
        pool_size: int = 16,
    ) -> None:
        parts = urlsplit(base_url)
        self._path = parts.path.rstrip("/") + "/"
        self._own = (
            ("Host", parts.netloc.rpartition("@")[2].encode("idna").decode()),
            ("User-Agent", user_agent),
            ("Accept-Encoding", "identity"),
            ("Connection", "keep-alive"),
        )
        self._limits = limits
        self._clock = clock
        self._pool_size = pool_size
        self._is_tls = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._processes: dict[int, Connections] = {}
        self._closed = False

    @abstractmethod
    def _connections(self) -> Connections:
        """Those of a process; nothing is opened yet."""

    def send(self, request: ServiceRequest) -> Answer:
        """Sends, and waits for the head of the answer (rules 4 and 5)."""
        exchange = self._exchange(request)
        try:
            return self._of_this_process().exchange(exchange)
        except ServiceUnreachable:
            if not exchange.unheard or request.method not in REPEATABLE:
                raise
        exchange.fresh = True
        return self._of_this_process().exchange(exchange)

    def close(self) -> None:
        """Closes idle connections; those in use, and any opened later, close when their answer ends."""
        self._closed = True
        connections = self._processes.pop(os.getpid(), None)
        if connections is not None:
            connections.close()

    def _exchange(self, request: ServiceRequest) -> Exchange:
        body = request.body
        length = len(body) if isinstance(body, bytes) else request.length
        head = compose_head(
            request.method,
            self._path + request.target,
            request.headers,
            own=self._own,
            length=None if body is None else length,
        )
        return Exchange(request, head, length=length, limits=self._limits, clock=self._clock)

    def _of_this_process(self) -> Connections:
        process = os.getpid()
        connections = self._processes.get(process)
        if connections is not None:
            return connections
        # Two threads may both get here: setdefault lets one win, the other's has opened nothing.
        connections = self._processes.setdefault(process, self._connections())
        if self._closed:
            connections.close()
        for parent in set(self._processes) - {process}:
            inherited = self._processes.pop(parent, None)
            if inherited is not None:
                inherited.close()  # our copies of its sockets; the parent keeps its own
        return connections
