"""The host between server and pages, as WSGI (PEP 3333) has it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest

from plugit_wsgi.fragments.filler import Filled, Filler
from plugit_wsgi.fragments.head import MAX_BYTES
from plugit_wsgi.fragments.pages import FragmentPages

HTML = [("Content-Type", "text/html")]
TEXT = [("Content-Type", "text/plain")]
MARK = b"[mark]"
App = Callable[[dict[str, Any], Any], Any]


class Marked:
    """Stands for what fills marks; each `MARK` is one."""

    def __init__(self) -> None:
        self.environs: list[Mapping[str, Any]] = []

    def fill(self, page: bytes, environ: Mapping[str, Any], _encoding: str) -> Filled | None:
        self.environs.append(environ)
        return Filled(page=page.replace(MARK, b"filled"), cookies=("a=1",)) if MARK in page else None


class Body:
    """An iterable of a host that counts its closing."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.pieces)

    def close(self) -> None:
        self.closed += 1


class Server:
    """As a server calls an application, with its write() and second start_response."""

    def __init__(self, app: App, *, method: str = "GET", valid: bool = True) -> None:
        self.marked = Marked()
        self.environ: dict[str, Any] = {"REQUEST_METHOD": method, "QUERY_STRING": ""}
        setup_testing_defaults(self.environ)
        self.heads: list[tuple[str, list[tuple[str, str]]]] = []
        self.body = b""
        pages = FragmentPages(cast(Any, app), cast(Filler, self.marked))
        self.app = validator(cast(Any, pages)) if valid else pages
        self.iterable: Any = None

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        if exc_info and self.body:
            raise exc_info[1]
        assert exc_info or not self.heads, "twice"
        self.heads.append((status, list(headers)))
        return self.write

    def write(self, piece: bytes) -> None:
        assert self.heads, "a body before its head"
        self.body += piece

    def run(self) -> Server:
        self.iterable = self.app(self.environ, cast(Any, self.start_response))
        try:
            for piece in self.iterable:
                self.write(piece)
        finally:
            if hasattr(self.iterable, "close"):
                self.iterable.close()
        return self

    @property
    def headers(self) -> list[tuple[str, str]]:
        return self.heads[-1][1]


FILLED = [
    ("Content-Type", "text/html"),
    ("Cache-Control", "private, no-cache"),
    ("Content-Length", "8"),
    ("Set-Cookie", "a=1"),
]


def early(headers: Any, body: Any) -> App:
    """An application that calls start_response before it returns."""

    def app(_environ: Any, start_response: Any) -> Any:
        start_response("200 OK", headers)
        return body

    return app


def late(headers: Any, *pieces: bytes) -> App:
    """One that calls it at the first iteration."""

    def app(_environ: Any, start_response: Any) -> Any:
        start_response("200 OK", headers)
        yield from pieces

    return app


def test_a_page_is_filled_and_closed_once() -> None:
    """Whatever pieces it came in."""
    body = Body(b"<[ma", b"", b"rk]>")
    server = Server(early(HTML, body)).run()
    assert (server.body, server.headers) == (b"<filled>", FILLED)
    assert body.closed == 1


def test_a_late_head() -> None:
    """A generator: its head is not known when it is returned."""
    server = Server(late(HTML, b"<[mark]", b">")).run()
    assert (server.body, server.headers) == (b"<filled>", FILLED)


def test_a_late_head_behind_empty_pieces() -> None:
    """As the validator wants it, a head comes before the first piece; an empty one sends nothing."""

    def app(_environ: Any, start_response: Any) -> Any:
        yield b""
        start_response("200 OK", HTML)
        yield b"<[mark]>"

    server = Server(app, valid=False).run()
    assert (server.body, server.headers) == (b"<filled>", FILLED)


def test_what_is_written_is_part_of_the_page() -> None:
    """In its order."""

    def app(_environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", HTML)
        write(b"<[m")
        return [b"ark]>"]

    server = Server(app).run()
    assert (server.body, server.headers) == (b"<filled>", FILLED)


def test_a_page_without_a_mark_is_as_it_was() -> None:
    """The same head, with its validators, and the same pieces."""
    headers = [*HTML, ("ETag", '"1"'), ("Content-Length", "4")]
    body = Body(b"ab", b"cd")
    server = Server(early(headers, body)).run()
    assert (server.body, server.headers, body.closed) == (b"abcd", headers, 1)


def test_another_answer_is_the_same_object() -> None:
    """A server may know what to do with it, such as with a file."""
    body = FileWrapper(cast(Any, None))
    server = Server(early(TEXT, body), valid=False)
    assert server.app(server.environ, cast(Any, server.start_response)) is body
    assert server.headers == TEXT
    assert server.marked.environs == []


def test_the_environ_is_the_servers_own() -> None:
    """No copy, unless it has a condition."""
    seen = []

    def app(environ: Any, start_response: Any) -> Any:
        seen.append(environ)
        environ["PATH_INFO"] = "/changed"
        start_response("200 OK", HTML)
        return [MARK]

    server = Server(app, valid=False)
    server.run()
    assert seen[0] is server.environ
    assert server.marked.environs[0]["PATH_INFO"] == "/"
    server = Server(app, valid=False)
    server.environ["HTTP_IF_NONE_MATCH"] = '"1"'
    server.run()
    assert server.environ["HTTP_IF_NONE_MATCH"] == '"1"'
    assert "HTTP_IF_NONE_MATCH" not in seen[1]


def test_another_answer_streams() -> None:
    """Late or not, a piece goes out when it comes."""
    steps = []

    def app(_environ: Any, start_response: Any) -> Any:
        start_response("200 OK", TEXT)
        for number in range(3):
            steps.append(number)
            yield b"x"

    server = Server(app)
    server.iterable = server.app(server.environ, cast(Any, server.start_response))
    iterator = iter(server.iterable)
    assert (next(iterator), steps) == (b"x", [0])
    assert (next(iterator), steps) == (b"x", [0, 1])
    server.iterable.close()


def test_writing_another_answer_goes_to_the_server() -> None:
    """At once."""
    server = Server(lambda environ, start_response: (start_response("200 OK", TEXT)(b"a"), [b"b"])[1]).run()
    assert (server.body, server.headers) == (b"ab", TEXT)


@pytest.mark.parametrize("maker", [early, late])
def test_a_page_that_grows_too_large_goes_out_as_it_comes(maker: Any) -> None:
    """What is held, and then the rest; closed once."""
    pieces = [b"x" * (MAX_BYTES - 1), b"[mark]", b"y" * 10]
    body = Body(*pieces)
    server = Server(maker(HTML, *((body,) if maker is early else pieces))).run()
    assert (server.body, server.headers) == (b"".join(pieces), HTML)
    assert server.marked.environs == []
    assert maker is late or body.closed == 1


def test_writing_a_page_that_grows_too_large() -> None:
    """The same by write()."""

    def app(_environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", HTML)
        for piece in (b"[mark]", b"x" * MAX_BYTES, b"y"):
            write(piece)
        return [b"z"]

    server = Server(app).run()
    assert server.body == b"[mark]" + b"x" * MAX_BYTES + b"yz"


def test_an_error_before_the_body_takes_the_head_back() -> None:
    """start_response with exc_info, as long as nothing went out."""

    def app(_environ: Any, start_response: Any) -> Any:
        start_response("200 OK", HTML)
        try:
            raise ValueError("broken")
        except ValueError:
            start_response("500 Oops", TEXT, sys.exc_info())
        return [b"sorry [mark]"]

    server = Server(app).run()
    assert server.heads == [("500 Oops", TEXT)]
    assert server.body == b"sorry [mark]"


def test_an_error_in_mid_body_is_raised() -> None:
    """As a server does, which has sent the head by then; the iterable is closed."""
    closed = []

    def app(_environ: Any, start_response: Any) -> Any:
        start_response("200 OK", HTML)
        try:
            yield b"half"
            try:
                raise ValueError("broken")
            except ValueError:
                start_response("500 Oops", TEXT, sys.exc_info())
            yield b"never"
        finally:
            closed.append(1)

    server = Server(app, valid=False)
    with pytest.raises(ValueError, match="broken"):
        server.run()
    assert (closed, server.heads) == ([1], [])


def test_a_body_that_raises_is_closed() -> None:
    """Once, and the error is the server's."""

    class Broken(Body):
        def __iter__(self) -> Iterator[bytes]:
            yield b"half"
            raise OSError("gone")

    body = Broken()
    with pytest.raises(OSError, match="gone"):
        Server(early(HTML, body)).run()
    assert body.closed == 1


def test_a_head_twice_is_a_mistake() -> None:
    """Without exc_info."""

    def app(_environ: Any, start_response: Any) -> Any:
        start_response("200 OK", HTML)
        start_response("200 OK", HTML)
        return []

    with pytest.raises(AssertionError):
        Server(app, valid=False).run()


def test_a_visitor_who_leaves_before_the_body(recwarn: Any) -> None:
    """close() reaches the host though nothing was iterated."""
    closed = []

    class Late:
        def __iter__(self) -> Iterator[bytes]:
            raise AssertionError("iterated")

        def close(self) -> None:
            closed.append(1)

    server = Server(lambda environ, start_response: Late(), valid=False)
    server.iterable = server.app(server.environ, cast(Any, server.start_response))
    server.iterable.close()
    server.iterable.close()
    assert closed == [1]
