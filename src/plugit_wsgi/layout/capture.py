"""One request to a WSGI application from inside: the server's side of PEP 3333, with the answer in memory."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MAX_BYTES: Final = 4 * 1024 * 1024
"""A layout is smaller than that: what goes on is a stream, or a mistake."""

_HTML = ("text/html", "application/xhtml+xml")
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class CaptureFailed(Exception):
    """The host's answer cannot be a layout; str() says why, for the log."""


class HostAnswer:
    """What a WSGI application answered. One per request, used by one thread."""

    def __init__(self) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: _ExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        """As a server has it: once, or again with `exc_info` as long as nothing went out."""
        if exc_info is not None:
            try:
                if self.body and exc_info[1] is not None:  # a server would have sent the head by now
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.status:
            raise AssertionError("start_response was called twice")
        self.status, self.headers = status, list(headers)
        return self.write

    def write(self, piece: bytes) -> None:
        """Takes a piece of the body."""
        if piece and not self.status:
            raise CaptureFailed("it sent a body before start_response")
        self.body += piece
        if len(self.body) > MAX_BYTES:
            raise CaptureFailed(f"it is longer than {MAX_BYTES} bytes")

    def cookies(self) -> list[tuple[str, str]]:
        """The Set-Cookie lines."""
        return [(name, value) for name, value in self.headers if name.lower() == "set-cookie"]

    def html(self) -> str:
        """The body as text.

        Raises:
            CaptureFailed: the answer is no page of HTML.
        """
        if self.status[:3] != "200":
            raise CaptureFailed(f"it answered {self.status[:80]!r}")
        fields = {name.lower(): value for name, value in self.headers}
        if fields.get("content-encoding", "identity").lower() != "identity":
            raise CaptureFailed(f"it is encoded as {fields['content-encoding'][:80]!r}")
        content_type = Message()
        content_type["Content-Type"] = fields.get("content-type", "")
        if content_type.get_content_type() not in _HTML:
            raise CaptureFailed(f"its type is {fields.get('content-type', '')[:80]!r}, not text/html")
        return self._decoded(content_type.get_content_charset("utf-8"))

    def _decoded(self, charset: str) -> str:
        try:
            return self.body.decode(charset)
        except (LookupError, UnicodeDecodeError) as error:
            raise CaptureFailed(f"it is not in the charset {charset[:80]!r}") from error


def ask(app: WSGIApplication, environ: dict[str, Any]) -> HostAnswer:
    """Sends a request, and takes the whole answer; the iterable is closed once, whatever happens.

    Raises:
        CaptureFailed: the application raised, with that as the cause, or did not keep to WSGI.
    """
    answer = HostAnswer()
    try:
        _collect(app, environ, answer)
    except CaptureFailed:
        raise
    except Exception as error:
        raise CaptureFailed("it raised an exception") from error
    if not answer.status:
        raise CaptureFailed("it never called start_response")
    return answer


def _collect(app: WSGIApplication, environ: dict[str, Any], answer: HostAnswer) -> None:
    iterable = app(environ, answer.start_response)
    try:
        for piece in iterable:
            answer.write(piece)
    finally:
        close = getattr(iterable, "close", None)
        if close is not None:
            close()
