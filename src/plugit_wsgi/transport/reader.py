"""The bytes of one answer, from a socket, with patience."""

from __future__ import annotations

import re
from typing import Final, Protocol

from ..errors import FramingError, ServiceUnreachable
from .patience import Patience

PIECE: Final = 64 * 1024
_START: Final = b"HTTP/1."
_LOOSE: Final = re.compile(rb"\r(?=[^\n])|(?<!\r)\n|\0")


class Wire(Protocol):
    """What an exchange needs of a connected socket. One thread at a time."""

    def settimeout(self, value: float, /) -> None:
        """Seconds that each call from here on may take."""

    def sendall(self, data: bytes, /) -> None:
        """Sends all of it; TimeoutError or another OSError."""

    def recv(self, size: int, /) -> bytes:
        """Between 1 and `size` bytes; none at the end; TimeoutError or another OSError."""


class WireReader:
    """Reads heads, lines and bodies from a socket. One per request.

    Args:
        sock: connected.
        patience: how long to wait; may be replaced on the way.

    Attributes:
        heard: a byte of the answer has come.
    """

    __slots__ = ("_at", "_buffer", "_sock", "heard", "patience")

    def __init__(self, sock: Wire, patience: Patience) -> None:
        self._sock = sock
        self.patience = patience
        self._buffer = b""
        self._at = 0
        self.heard = False

    @property
    def has_rest(self) -> bool:
        """Bytes have come that nobody took."""
        return self._at < len(self._buffer)

    def head(self, limit: int) -> bytes:
        """All before the first empty line.

        Args:
            limit: bytes it may have.

        Raises:
            FramingError: over the limit, or surely no head; said as soon as it can be known.
            ServiceUnreachable: the connection ended.
        """
        seen = 0
        if not self.has_rest:
            self._more_of_head()
        while True:
            end = self._buffer.find(b"\r\n\r\n", self._at + max(0, seen - 3))
            if self._at + limit < (end if end >= 0 else len(self._buffer)):
                raise FramingError(f"more than {limit} bytes of headers", field="headers", received=limit)
            if end >= 0:
                break
            self._check_start(seen)
            seen = len(self._buffer) - self._at
            self._more_of_head()
        head = self._buffer[self._at : end]
        self._at = end + 4
        return head

    def line(self, limit: int) -> bytes:
        """One line, without its CR LF.

        Args:
            limit: bytes it may have.

        Raises:
            FramingError: longer, or ended by a bare LF.
            ServiceUnreachable: the connection ended.
        """
        while (end := self._buffer.find(b"\n", self._at)) < 0:
            if len(self._buffer) - self._at > limit + 1:
                raise FramingError("a line that is too long", field="body", received=limit)
            if not self._more():
                raise ServiceUnreachable("the connection ended in the middle of the body")
        line = self._buffer[self._at : end + 1]
        if not line.endswith(b"\r\n") or len(line) > limit + 2:
            raise FramingError("a broken line between chunks", field="body", received=repr(line[:60]))
        self._at = end + 1
        return line[:-2]

    def take(self, size: int) -> bytes:
        """Between 1 and `size` bytes; none at the end of the connection."""
        if not self.has_rest:
            data = self._receive()
            if len(data) <= size:
                return data
            self._buffer, self._at = data, 0
        piece = self._buffer[self._at : self._at + size]
        self._at += len(piece)
        return piece

    def _check_start(self, seen: int) -> None:
        got = self._buffer[self._at : self._at + len(_START)]
        loose = _LOOSE.search(self._buffer, self._at + max(0, seen - 1))
        if got != _START[: len(got)] or loose:
            received = repr(self._buffer[self._at : self._at + 60])
            raise FramingError("not an HTTP/1 answer", field="headers", received=received)

    def _more_of_head(self) -> None:
        if not self._more():
            raise ServiceUnreachable("the connection ended before an answer")

    def _more(self) -> bool:
        data = self._receive()
        self._buffer = self._buffer[self._at :] + data
        self._at = 0
        return bool(data)

    def _receive(self) -> bytes:
        while True:
            seconds = self.patience.limit()
            try:
                self._sock.settimeout(seconds)
                data = self._sock.recv(PIECE)
            except TimeoutError:
                self.patience.silent(seconds)
                continue
            except OSError as error:
                raise ServiceUnreachable("the connection broke while reading") from error
            if data:
                self.heard = True
                self.patience.received(len(data))
            return data
