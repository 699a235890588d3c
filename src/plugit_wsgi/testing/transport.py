"""A transport without sockets: the service is a WSGI application in the same process.

What it sends and what it takes is judged by the rules of real heads, so a test with it fails where a wire
would. A clock that the application itself turns makes a slow service of it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote_to_bytes, urlsplit

from ..config import Limits
from ..errors import ServiceTimeout, ServiceUnreachable, WireError
from ..interfaces import Headers, ServiceRequest
from ..transport.head import compose_head, framing, parse_head

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

PIECE = 64 * 1024


class InProcessTransport:
    """Implements `Transport` by calling an application. Thread-safe if the application is.

    Args:
        app: the service, any WSGI application. What it raises is a connection that broke off.
        base_url: where it pretends to be.
        limits: of heads.

    Attributes:
        sent: the requests so far, in order.
        open: how many answers are not closed yet.
        closed: `close` was called.
    """

    def __init__(
        self, app: WSGIApplication, *, base_url: str = "http://service.example", limits: Limits | None = None
    ) -> None:
        self._app = app
        self._base = urlsplit(base_url)
        self._limits = limits or Limits()
        self.sent: list[ServiceRequest] = []
        self.open = 0
        self.closed = False

    def send(self, request: ServiceRequest) -> InProcessResponse:
        """See `Transport.send`.

        Raises:
            ServiceUnreachable: the application raised.
            ServiceTimeout: the deadline passed meanwhile.
            WireError: the head of the answer is none, or over a limit.
            ValueError: the request is one that no wire can carry.
        """
        environ = self._environ(request)
        self.sent.append(request)
        _check_time(request)
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            started[:] = [(status, headers)]
            return written.append

        written: list[bytes] = []
        body: Iterable[bytes] = ()
        try:
            body = self._app(environ, start_response)
            pieces = iter(body)
            # An application may start its response with its first piece.
            first = next(pieces, b"")
            _check_time(request)
            response = self._response(request, started[0], body, [*written, first], pieces)
        except (ServiceTimeout, WireError):
            _close(body)
            raise
        except Exception as error:
            _close(body)
            raise ServiceUnreachable("the connection ended before an answer") from error
        self.open += 1
        return response

    def close(self) -> None:
        """See `Transport.close`."""
        self.closed = True

    def _response(
        self,
        request: ServiceRequest,
        started: tuple[str, list[tuple[str, str]]],
        body: Iterable[bytes],
        first: list[bytes],
        rest: Iterator[bytes],
    ) -> InProcessResponse:
        lines = [f"HTTP/1.1 {started[0]}", *(f"{name}: {value}" for name, value in started[1])]
        raw = "\r\n".join(lines).encode("latin-1")
        if len(raw) > self._limits.header_size:
            raise WireError("too long a head", field="headers", received=len(raw))
        head = parse_head(raw, self._limits.header_count)
        length = framing(request.method, head).length
        return InProcessResponse(self, request, head.status, head.headers, length, body, _chain(first, rest))

    def _environ(self, request: ServiceRequest) -> WSGIEnvironment:
        path = self._base.path.rstrip("/") + "/" + request.target
        content = _content(request)
        length = None if content is None else len(content)
        compose_head(request.method, path, request.headers, (), length)
        raw_path, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(raw_path).decode("latin-1"),
            "QUERY_STRING": query,
            "REQUEST_URI": path,
            "SERVER_NAME": self._base.hostname or "",
            "SERVER_PORT": str(self._base.port or {"https": 443}.get(self._base.scheme, 80)),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": self._base.netloc,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": self._base.scheme,
            "wsgi.input": io.BytesIO(content or b""),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if content is not None:
            environ["CONTENT_LENGTH"] = str(length)
        for name, value in request.headers:
            key = name.upper().replace("-", "_")
            key = key if key == "CONTENT_TYPE" else "HTTP_" + key
            environ[key] = f"{environ[key]},{value}" if key in environ and key != "HTTP_HOST" else value
        return environ


class InProcessResponse:
    """Implements `ServiceResponse`. One per request, used by one thread."""

    def __init__(
        self,
        transport: InProcessTransport,
        request: ServiceRequest,
        status: int,
        headers: Headers,
        length: int | None,
        body: Iterable[bytes],
        pieces: Iterator[bytes],
    ) -> None:
        self.status = status
        self.headers = headers
        self._transport = transport
        self._request = request
        self._left = length
        self._body: Iterable[bytes] | None = body
        self._pieces = pieces
        self._streaming = False

    def read(self, limit: int) -> bytes:
        """See `ServiceResponse.read`."""
        found = b""
        if self._left is not None and self._left > limit:
            self.close()
            raise WireError("too much body", field="body", received=self._left)
        for piece in self.pieces():
            found += piece
            if len(found) > limit:
                self.close()
                raise WireError("too much body", field="body", received=len(found))
        return found

    def pieces(self) -> Iterator[bytes]:
        """See `ServiceResponse.pieces`."""
        try:
            while self._body is not None:
                piece = self._next()
                if piece is None:
                    break
                yield from (piece[at : at + PIECE] for at in range(0, len(piece), PIECE))
        except BaseException:
            self.close()
            raise
        self.close()

    def to_stream(self) -> None:
        """See `ServiceResponse.to_stream`; a stream is never too slow here."""
        self._streaming = True

    def close(self) -> None:
        """See `ServiceResponse.close`."""
        body, self._body = self._body, None
        if body is not None:
            self._transport.open -= 1
            _close(body)

    def _next(self) -> bytes | None:
        """The next piece of the body; None at its end."""
        try:
            piece = next(self._pieces, None)
        except Exception as error:
            raise ServiceUnreachable("the connection ended in mid-body") from error
        if not self._streaming:
            _check_time(self._request)
        if self._request.method == "HEAD" or self.status in (204, 304):
            return None
        if piece is None and self._left:
            raise ServiceUnreachable("the connection ended in mid-body")
        if piece is not None and self._left is not None:
            if len(piece) > self._left:
                raise WireError("more body than Content-Length", field="Content-Length", received=len(piece))
            self._left -= len(piece)
        return piece


def _content(request: ServiceRequest) -> bytes | None:
    body: bytes | BinaryIO | None = request.body
    if body is None or isinstance(body, bytes):
        return body
    content = body.read(request.length)
    if len(content) < request.length:
        raise ValueError("the body is shorter than its length")
    return content


def _chain(first: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    yield from first
    yield from rest


def _check_time(request: ServiceRequest) -> None:
    if request.deadline.remaining() <= 0:
        raise ServiceTimeout("the deadline passed")


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()
