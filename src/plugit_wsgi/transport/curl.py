"""The transport on libcurl, by pycurl (extra ``curl``).

libcurl opens connections, TLS included, and carries bytes (``CURLOPT_CONNECT_ONLY``). Its HTTP is not used:
it takes folded lines, blanks before a colon, Content-Length beside chunks, bytes after a body, and costs no
less than ours. So requests and answers are written and read as in the default transport, byte for byte.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..clock import Clock, Deadline
from ..errors import ConfigError, ServiceUnreachable
from .answer import Answer
from .base import IDLE, KeptTransport
from .exchange import Exchange
from .lines import Line
from .pool import Pool
from .resolve import Resolver
from .trust import Trust, of_the_system


class CurlTransport(KeptTransport):
    """A transport on libcurl. Thread-safe.

    Args:
        base_url: http or https; requests go below its path.
        trust: for https; None trusts what the system trusts, or certifi where the system names nothing.
        **named: as `KeptTransport`.

    Raises:
        ConfigError: sockets are monkey-patched; waiting for libcurl would stop all greenlets.
    """

    def __init__(self, base_url: str, *, trust: Trust | None = None, **named: Any) -> None:
        if patched := _patched_by():
            raise ConfigError("transport", "curl", f"'requests', since {patched} has patched sockets")
        super().__init__(base_url, **named)
        self._trust = (trust or of_the_system()) if self._is_tls else None

    def _connections(self) -> _Connections:
        resolver = Resolver(self._host, self._port, self._clock)
        return _Connections(
            lambda: Line(self._host, self._port, self._trust),
            lambda lines: _Connection(lines, resolver=resolver, clock=self._clock),
            size=self._pool_size,
        )


class _Connections:
    """Those of one process. Thread-safe.

    Args:
        make_line: of libcurl, not yet connected.
        make: a connection, not yet opened.
        size: idle connections kept, and as many lines that are not connected.
    """

    def __init__(
        self,
        make_line: Callable[[], Line],
        make: Callable[[_Connections], _Connection],
        *,
        size: int,
    ) -> None:
        self._make_line = make_line
        self._size = size
        self._lines: deque[Line] = deque()
        self._closed = False
        self.pool: Pool[_Connection] = Pool(lambda: make(self), size)

    def exchange(self, exchange: Exchange) -> Answer:
        """Runs it."""
        connection = self.pool.take(fresh=exchange.fresh)
        try:
            return exchange.run(connection)
        except BaseException:
            connection.close()
            raise

    def take_line(self) -> Line:
        """One that is not connected; one that was knows authorities and sessions of TLS."""
        try:
            return self._lines.pop()
        except IndexError:
            return self._make_line()

    def give_line(self, line: Line) -> None:
        """Disconnects it, and keeps it for the next connection."""
        line.disconnect()
        if self._closed or len(self._lines) >= self._size:
            line.close()
        else:
            self._lines.append(line)

    def close(self) -> None:
        """Closes idle connections, and from now on those that come back."""
        self._closed = True
        self.pool.close()
        while self._lines:
            with suppress(IndexError):
                self._lines.pop().close()


class _Connection:
    """A connection that opens by a deadline. One thread at a time."""

    __slots__ = ("_clock", "_connections", "_idle_since", "_line", "_resolver")

    def __init__(self, connections: _Connections, *, resolver: Resolver, clock: Clock) -> None:
        self._connections = connections
        self._resolver = resolver
        self._clock = clock
        self._line: Line | None = None
        self._idle_since = 0.0

    def open(self, deadline: Deadline, limit: float) -> Line:
        """The line, connected by the deadline and within `limit` seconds, TLS included."""
        if self._line is None:
            deadline = deadline.at_most(limit)
            addresses = self._resolver.addresses(deadline)
            if not addresses:  # libcurl would ask the system again, and not by the deadline
                raise ServiceUnreachable("the name has no addresses")
            line = self._connections.take_line()
            try:
                line.connect(addresses, deadline)
            except BaseException:
                line.close()
                raise
            self._line = line
        return self._line

    def free(self, reusable: bool) -> None:
        """Back to the pool, or closed."""
        if reusable:
            self._idle_since = self._clock.monotonic()
            self._connections.pool.give(self)
        else:
            self.close()

    def is_quiet(self) -> bool:
        """Open, with nothing to read, and not idle for so long that a router may have forgotten it."""
        is_young = self._clock.monotonic() - self._idle_since < IDLE
        return is_young and self._line is not None and self._line.is_silent()

    def close(self) -> None:
        """Ends it."""
        line, self._line = self._line, None
        if line is not None:
            self._connections.give_line(line)


def _patched_by() -> str:
    """Which library has made sockets cooperative, or nothing."""
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent is not None and gevent.is_module_patched("socket"):
        return "gevent"
    if eventlet is not None and eventlet.is_monkey_patched("socket"):
        return "eventlet"
    return ""
