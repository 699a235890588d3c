"""The host between the server and its pages: WSGI (PEP 3333), with fragments where the host put marks.

1. What is not looked at passes as it comes: the same head, bytes and iterable, through the server's own
   ``write``.
2. A page that is looked at is held until it is whole; no head went out, so it can be another one.
3. ``close()`` of the host's iterable is called once, by us if we read it to its end, else by the server.
4. A host may call ``start_response`` late, again with an exception, or use ``write``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .filler import Filler
from .head import MAX_BYTES, Lines, encoding_of, personal, unconditional

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class FragmentPages:
    """A host whose pages have fragments. Thread-safe, if the host is.

    Args:
        host_app: the host.
        filler: fills marks.
    """

    def __init__(self, host_app: WSGIApplication, filler: Filler) -> None:
        self._host_app = host_app
        self._filler = filler

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI (PEP 3333)."""
        before = environ.copy()  # hosts change theirs
        held = HeldAnswer(start_response, is_head=environ.get("REQUEST_METHOD") == "HEAD")
        iterable = self._host_app(unconditional(environ), held.start_response)
        if held.is_passed:
            return iterable
        late = _Late(iterable, held, lambda: self._finish(held, before))
        return late if not held.status else late.at_once()

    def _finish(self, held: HeldAnswer, environ: Mapping[str, Any]) -> list[bytes]:
        """A page that is whole goes out, with its fragments if it has marks."""
        page = b"".join(held.pieces)
        filled = self._filler.fill(page, environ, held.encoding)
        if filled is None:
            held.let_go()
            return held.pieces
        headers = personal(held.headers)
        headers.append(("Content-Length", str(len(filled.page))))
        headers.extend(("Set-Cookie", line) for line in filled.cookies)
        held.let_go(headers)
        return [filled.page]


class HeldAnswer:
    """What the host answered so far, if it may be a page; else the way to the server. One per request.

    Attributes:
        status, headers: of a page that is held; "" and empty before there is one.
        encoding: of the page.
        pieces: of its body.
        is_passed: all goes to the server.
    """

    def __init__(self, start_response: StartResponse, *, is_head: bool) -> None:
        self.status = ""
        self.headers: Lines = []
        self.encoding = ""
        self.pieces: list[bytes] = []
        self.is_passed = False
        self._size = 0
        self._is_head = is_head
        self._start_response = start_response
        self._write: Callable[[bytes], object] | None = None

    def start_response(
        self, status: str, headers: Lines, exc_info: OptExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        """As a server has it."""
        if self.is_passed:
            return self._pass(status, headers, exc_info)
        if exc_info is not None:
            try:
                if self._size and exc_info[1] is not None:  # a server would have sent the head by now
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                error, exc_info = exc_info, None
        elif self.status:
            raise AssertionError("start_response was called twice")
        else:
            error = None
        encoding = encoding_of(status, headers)
        if encoding is None:
            return self._pass(status, headers, error)
        if self._is_head:
            # What a GET would have is not known: it may have marks.
            return self._pass(status, personal(headers), error)
        self.status, self.headers, self.encoding = status, list(headers), encoding
        return self.write

    def write(self, piece: bytes) -> None:
        """Takes a piece of the body; a page that grows too large is let go."""
        if self._write is not None:
            self._write(piece)
            return
        self.add(piece)
        if self._size > MAX_BYTES:
            write = self.let_go()
            for held in self.pieces:
                write(held)
            self.pieces.clear()

    def add(self, piece: bytes) -> bool:
        """Keeps a piece; false if that makes it too large."""
        if piece:
            self.pieces.append(piece)
            self._size += len(piece)
        return self._size <= MAX_BYTES

    def let_go(self, headers: Lines | None = None) -> Callable[[bytes], object]:
        """Sends the head that is held, or with other headers; all that follows passes."""
        return self._pass(self.status, self.headers if headers is None else headers, None)

    def _pass(self, status: str, headers: Lines, exc_info: OptExcInfo | None) -> Callable[[bytes], object]:
        self.is_passed = True
        if exc_info is None:
            self._write = self._start_response(status, headers)
        else:
            self._write = self._start_response(status, headers, exc_info)
        return self._write


class _Late:
    """The body of an answer whose head is held, or not known yet. Iterated and closed by one thread."""

    def __init__(
        self, iterable: Iterable[bytes], held: HeldAnswer, finish: Callable[[], list[bytes]]
    ) -> None:
        self._iterable: Iterable[bytes] | None = iterable
        self._held = held
        self._finish = finish
        self._iterator: Iterator[bytes] | None = None
        self._start: list[bytes] = []

    def at_once(self) -> Iterable[bytes]:
        """Reads a page whose head is held; what is left to be iterated."""
        try:
            self._start = self._read()
        except BaseException:
            self.close()
            raise
        if self._iterator is not None:
            return self
        self.close()
        return self._start

    def __iter__(self) -> Iterator[bytes]:
        start, self._start = self._start, []
        yield from start or self._read()
        if self._iterator is not None:
            yield from self._iterator

    def close(self) -> None:
        """Closes the host's iterable, once."""
        iterable, self._iterable = self._iterable, None
        close = getattr(iterable, "close", None)
        if close is not None:
            close()

    def _read(self) -> list[bytes]:
        """Reads until the head is known, and a page to its end; what is to go out now, and then the rest."""
        if self._iterable is None:  # closed
            return []
        iterator = self._iterator = self._iterator or iter(self._iterable)
        held = self._held
        for piece in iterator:
            if held.is_passed or (piece and not held.status):
                return [piece]
            if held.status and not held.add(piece):
                held.let_go()
                return held.pieces
        self._iterator = None
        return self._finish() if held.status and not held.is_passed else []
