"""Names to addresses, within a deadline.

``getaddrinfo`` cannot be interrupted, so it runs on a thread of its own and the caller stops waiting.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any, Final

from ..clock import Clock, Deadline
from ..errors import ServiceTimeout, ServiceUnreachable

Address = tuple[socket.AddressFamily, tuple[Any, ...]]
Addresses = tuple[Address, ...]

FRESH: Final = 30.0
"""Seconds after which a name is looked up again, while its last good addresses serve."""


class Resolver:
    """Addresses of one host; the last good ones are kept. Thread-safe, one per process.

    At most about one look-up runs at a time: a name server that hangs costs one thread, not one a request.

    Args:
        host: a name, or an address, which needs no look-up.
        port: of the service.
        clock: for the age of what is known.
    """

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        self._host = host
        self._port = port
        self._clock = clock
        self._literal = _literal(host, port)
        self._known: tuple[float, Addresses] | None = None
        self._running: Future[Addresses] | None = None

    def addresses(self, deadline: Deadline) -> Addresses:
        """Where to connect, best first.

        Raises:
            ServiceUnreachable: there is no such name, and never was.
            ServiceTimeout: not known by the deadline.
        """
        if self._literal:
            return self._literal
        known = self._known
        if known is None:
            return self._wait(self._start(), deadline)
        if self._clock.monotonic() - known[0] > FRESH:
            self._start()
        return known[1]

    def _start(self) -> Future[Addresses]:
        running = self._running
        if running is None or running.done():
            running = self._running = Future()
            look_up = threading.Thread(
                target=self._look_up, args=(running,), name="plugit-resolve", daemon=True
            )
            look_up.start()
        return running

    def _look_up(self, result: Future[Addresses]) -> None:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            result.set_exception(error)
            return
        addresses = tuple([(family, where) for family, _, _, _, where in found])
        self._known = (self._clock.monotonic(), addresses)
        result.set_result(addresses)

    def _wait(self, running: Future[Addresses], deadline: Deadline) -> Addresses:
        try:
            return running.result(deadline.remaining())
        except NotYet as error:
            raise ServiceTimeout(f"the name {self._host} was not resolved in time") from error
        except (OSError, UnicodeError) as error:
            raise ServiceUnreachable(f"the name {self._host} cannot be resolved") from error


def _literal(host: str, port: int) -> Addresses:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ()
    if address.version == 4:
        return ((socket.AF_INET, (host, port)),)
    return ((socket.AF_INET6, (host, port)),)
