"""Sockets that end by a deadline, however the other side drips."""

from __future__ import annotations

import socket
import threading
from typing import Any

from ..clock import Clock, Deadline
from ..transport.resolve import Addresses


class Patience:
    """The deadline of the call that a thread makes. Thread-safe.

    Args:
        clock: the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._current = threading.local()

    def start(self, seconds: float) -> None:
        """From here on the thread has so many seconds."""
        self._current.deadline = Deadline.after(seconds, self._clock)

    @property
    def deadline(self) -> Deadline:
        """Of this thread."""
        found: Deadline = self._current.deadline
        return found

    def remaining(self) -> float:
        """Seconds.

        Raises:
            TimeoutError: none.
        """
        seconds = self.deadline.remaining()
        if seconds <= 0:
            raise TimeoutError("timed out")
        return seconds


class BoundedSocket:
    """A connected socket of which each call ends by the deadline of its thread. Used by one thread at a time.

    A time-out of a socket is for one read: a byte every now and then would hold the reader for ever.

    Args:
        sock: connected; may be TLS.
        patience: whose deadline holds.
    """

    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        self._sock = sock
        self._patience = patience
        self._no_wait = False

    def settimeout(self, seconds: float | None) -> None:
        """Only 0 has a meaning: do not wait at all."""
        self._no_wait = seconds == 0

    def recv(self, size: int) -> bytes:
        """As of a socket."""
        self._prepare()
        return self._sock.recv(size)

    def recv_into(self, buffer: Any) -> int:
        """As of a socket."""
        self._prepare()
        return self._sock.recv_into(buffer)

    def sendall(self, data: bytes) -> None:
        """As of a socket, whose time-out is here for all of the data."""
        self._prepare()
        self._sock.sendall(data)

    def _prepare(self) -> None:
        self._sock.settimeout(0 if self._no_wait else self._patience.remaining())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def connect(addresses: Addresses, patience: Patience) -> socket.socket:
    """A TCP connection to the first address that answers.

    Raises:
        OSError: none did.
    """
    failed: OSError = OSError("there is no address")
    for family, where in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(patience.remaining())
            sock.connect(where)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return sock
        except OSError as error:
            sock.close()
            failed = error
    raise failed
