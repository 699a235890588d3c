"""One request out, the head of its answer in, over an open socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, Protocol

from ..clock import Clock, Deadline
from ..config import Limits
from ..errors import FramingError, PlugItError, ServiceError, ServiceTimeout, ServiceUnreachable
from ..interfaces import ServiceRequest
from .answer import Answer
from .body import open_body
from .head import Head, framing, parse_head
from .patience import UntilDeadline, WhileFlowing
from .reader import PIECE, Wire, WireReader

REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Connection(Protocol):
    """What an exchange needs of a connection. One thread at a time."""

    def open(self, deadline: Deadline, limit: float) -> Wire:
        """The socket, connected by the deadline and within `limit` seconds, TLS included."""

    def free(self, reusable: bool) -> None:
        """The exchange is over; another may follow if `reusable`, else it is closed."""


class Exchange:
    """One request and its tries. One per request.

    Args:
        request: what to send.
        head: its bytes.
        length: of its body.
        limits: of the answer.
        clock: for streams.

    Attributes:
        fresh: it must not go out on a connection that has carried another one.
        unheard: it was sent, and the connection ended without one byte of an answer.
    """

    __slots__ = ("_clock", "_head", "_length", "_limits", "fresh", "request", "unheard")

    def __init__(
        self, request: ServiceRequest, head: bytes, *, length: int, limits: Limits, clock: Clock
    ) -> None:
        self.request = request
        self.fresh = request.method not in REPEATABLE
        self.unheard = False
        self._head = head
        self._length = length
        self._limits = limits
        self._clock = clock

    def run(self, connection: Connection) -> Answer:
        """Sends, and reads the head; the connection is the answer's from here on.

        Raises:
            ServiceUnreachable, ServiceTimeout, FramingError: the connection is to be closed.
        """
        self.unheard = False
        sock = self._open(connection)
        reader = WireReader(sock, UntilDeadline(self.request.deadline))
        broken = self._send(sock)
        try:
            head = self._read_head(reader)
        except ServiceUnreachable as error:
            self.unheard = not reader.heard
            raise error from (broken or error.__cause__)
        return self._answer(head, reader, connection, sent=broken is None)

    def _open(self, connection: Connection) -> Wire:
        try:
            return connection.open(self.request.deadline, self.request.connect_timeout)
        except ServiceError as error:
            error.is_unsent = True  # what went out before on another connection is repeatable
            raise

    def _send(self, sock: Wire) -> OSError | None:
        """Sends head and body; an error if the service stopped listening: it may have answered before."""
        patience = UntilDeadline(self.request.deadline, "the service to take the request")
        body = self.request.body
        for data in self._outgoing(body) if body else (self._head,):
            try:
                sock.settimeout(patience.limit())
                sock.sendall(data)  # the timeout is for all of it, over TLS too
            except TimeoutError as error:
                raise ServiceTimeout("the deadline passed while sending") from error
            except OSError as error:
                return error
        return None

    def _outgoing(self, body: bytes | BinaryIO) -> Iterator[bytes]:
        if not isinstance(body, bytes):
            yield self._head
            yield from _pieces(body, self._length)
        elif len(body) <= PIECE:
            yield self._head + body
        else:
            yield self._head
            yield body

    def _read_head(self, reader: WireReader) -> Head:
        limits = self._limits
        for _ in range(limits.interim_answers + 1):
            head = parse_head(reader.head(limits.header_size), limits.header_count)
            if head.status >= 200:
                return head
        raise FramingError(
            f"more than {limits.interim_answers} interim answers", field="status", received=head.status
        )

    def _answer(self, head: Head, reader: WireReader, connection: Connection, sent: bool) -> Answer:
        limits = self._limits
        frame = framing(self.request.method, head)
        body = open_body(reader, frame, header_count=limits.header_count, header_size=limits.header_size)

        def free(reusable: bool) -> None:
            connection.free(reusable and sent)

        def streaming() -> WhileFlowing:
            return WhileFlowing(self._clock, stall=limits.stall, minimum_rate=limits.minimum_rate)

        answer = Answer(head, framing=frame, body=body, reader=reader, free=free, streaming=streaming)
        if self.request.stream:
            answer.to_stream()
        return answer


def _pieces(body: BinaryIO, length: int) -> Iterator[bytes]:
    try:
        body.seek(0)
        while length:
            data = body.read(min(PIECE, length))
            if not data:
                raise ValueError(f"the body is {length} bytes shorter than its length")
            length -= len(data)
            yield data
    except OSError as error:  # ours, not the service's: it must not look like a broken connection
        raise PlugItError("the body to send cannot be read") from error
