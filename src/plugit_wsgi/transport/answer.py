"""What a caller gets from a transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..errors import FramingError, WireError
from ..interfaces import Headers
from .body import Body
from .head import Framing, Head
from .patience import Patience
from .reader import PIECE, WireReader


class Answer:
    """A `ServiceResponse` read from a `WireReader`. One per request, used by one thread.

    Args:
        head: already read.
        framing: of the body.
        body: to come.
        reader: below it.
        free: called once, with whether the connection may carry another request.
        streaming: makes the patience of streams.
    """

    __slots__ = ("_body", "_cut", "_framing", "_free", "_reader", "_streaming", "headers", "status")

    def __init__(
        self,
        head: Head,
        *,
        framing: Framing,
        body: Body,
        reader: WireReader,
        free: Callable[[bool], None],
        streaming: Callable[[], Patience],
    ) -> None:
        self.status: int = head.status
        self.headers: Headers = head.headers
        self._framing = framing
        self._body = body
        self._reader = reader
        self._free: Callable[[bool], None] | None = free
        self._streaming = streaming
        self._cut = False
        if body.done:
            self._end(framing.reusable)

    def read(self, limit: int) -> bytes:
        """The whole body, at most `limit` bytes."""
        length = self._framing.length
        if length is not None and length > limit:
            self._abandon(False)
            raise _too_large(limit, length)
        got: list[bytes] = []
        size = 0
        while piece := self._piece(min(PIECE, limit - size + 1)):
            got.append(piece)
            size += len(piece)
            if size > limit:
                self._abandon(False)
                raise _too_large(limit, size)
        self._check_rest(length)
        return got[0] if len(got) == 1 else b"".join(got)

    def pieces(self) -> Iterator[bytes]:
        """The body in pieces of at most 64 KiB."""
        while piece := self._piece(PIECE):
            yield piece

    def to_stream(self) -> None:
        """From here on the stall limit and minimum rate hold instead of the deadline."""
        self._reader.patience = self._streaming()

    def close(self) -> None:
        """Ends it; a body that has not fully come closes the connection."""
        if self._free is not None:
            self._abandon(self._body.skip() and self._framing.reusable)

    def _piece(self, size: int) -> bytes:
        if self._cut:
            raise ValueError("read after close")
        if self._body.done:
            return b""
        try:
            piece = self._body.piece(size)
        except BaseException:
            self._abandon(False)
            raise
        if self._body.done:
            self._end(self._framing.reusable)
        return piece

    def _abandon(self, reusable: bool) -> None:
        self._cut = True
        self._end(reusable)

    def _end(self, reusable: bool) -> None:
        free, self._free = self._free, None
        if free is not None:
            # Bytes after the end belong to nobody; on a used-again connection they would be the next answer.
            free(reusable and not self._reader.has_rest)

    def _check_rest(self, length: int | None) -> None:
        if length and self._reader.has_rest:
            raise FramingError("more body than Content-Length", field="Content-Length", received=length)


def _too_large(limit: int, size: int) -> WireError:
    return WireError(f"a body of more than {limit} bytes", field="body", received=size, is_costly=True)
