"""Where the body of an answer ends: after a length, after the last chunk, or with the connection."""

from __future__ import annotations

import re
from typing import Final, Protocol

from ..errors import FramingError, ServiceUnreachable
from .head import Framing, is_header_line
from .reader import WireReader

# int() would take blanks, signs, "0x" and underscores.
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t -~\x80-\xff]*)?")
_CHUNK_LINE: Final = 256


class Body(Protocol):
    """The body of one answer. One per request."""

    done: bool
    """It ended where it should."""

    def skip(self) -> bool:
        """Passes over the rest if it has come already, without waiting; True if that was all."""

    def piece(self, size: int) -> bytes:
        """Between 1 and `size` bytes; none at its proper end.

        Raises:
            FramingError: broken chunks.
            ServiceUnreachable: the connection ended before the body.
        """


def open_body(reader: WireReader, framing: Framing, *, header_count: int, header_size: int) -> Body:
    """The body that `framing` promises."""
    if framing.chunked:
        return ChunkedBody(reader, header_count=header_count, header_size=header_size)
    if framing.length is not None:
        return LengthBody(reader, framing.length)
    return LastBody(reader)


class LengthBody:
    """So many bytes."""

    __slots__ = ("_left", "_reader", "done")

    def __init__(self, reader: WireReader, length: int) -> None:
        self._reader = reader
        self._left = length
        self.done = length == 0

    def skip(self) -> bool:
        """See `Body.skip`."""
        while self._left and self._reader.has_rest:
            self._left -= len(self._reader.take(self._left))
        self.done = self._left == 0
        return self.done

    def piece(self, size: int) -> bytes:
        """The next bytes."""
        if self.done:
            return b""
        data = self._reader.take(min(size, self._left))
        if not data:
            raise ServiceUnreachable(f"the connection ended {self._left} bytes before the body")
        self._left -= len(data)
        self.done = self._left == 0
        return data


class LastBody:
    """All until the connection ends."""

    __slots__ = ("_reader", "done")

    def __init__(self, reader: WireReader) -> None:
        self._reader = reader
        self.done = False

    def skip(self) -> bool:
        """See `Body.skip`; nobody knows where it ends."""
        return self.done

    def piece(self, size: int) -> bytes:
        """The next bytes."""
        if self.done:
            return b""
        data = self._reader.take(size)
        self.done = not data
        return data


class ChunkedBody:
    """Chunk after chunk (RFC 9112 section 7.1); extensions and trailers are checked and dropped."""

    __slots__ = ("_header_count", "_header_size", "_left", "_reader", "_started", "done")

    def __init__(self, reader: WireReader, *, header_count: int, header_size: int) -> None:
        self._reader = reader
        self._header_count = header_count
        self._header_size = header_size
        self._left = 0
        self._started = False
        self.done = False

    def skip(self) -> bool:
        """See `Body.skip`; its end is not looked for."""
        return self.done

    def piece(self, size: int) -> bytes:
        """The next bytes."""
        if self.done:
            return b""
        if self._left == 0 and not self._next_chunk():
            return b""
        data = self._reader.take(min(size, self._left))
        if not data:
            raise ServiceUnreachable("the connection ended in the middle of a chunk")
        self._left -= len(data)
        return data

    def _next_chunk(self) -> bool:
        if self._started:
            self._reader.line(0)
        self._started = True
        line = self._reader.line(_CHUNK_LINE)
        match = _CHUNK_SIZE.fullmatch(line)
        if match is None:
            raise FramingError("a broken chunk size", field="body", received=repr(line[:60]))
        self._left = int(match[1], 16)
        if self._left == 0:
            self._skip_trailers()
            self.done = True
        return not self.done

    def _skip_trailers(self) -> None:
        size = 0
        for _ in range(self._header_count + 1):
            line = self._reader.line(self._header_size - size)
            if not line:
                return
            size += len(line)
            if not is_header_line(line):
                break
        raise FramingError("broken trailers", field="body", received=repr(line[:60]))
