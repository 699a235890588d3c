"""A page of the host as the layout."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest
import webob
from markupsafe import Markup

from plugit_wsgi.errors import ConfigError
from plugit_wsgi.interfaces import Layout
from plugit_wsgi.layout import CapturedLayout
from plugit_wsgi.layout.capture import MAX_BYTES
from plugit_wsgi.layout.captured import INNER, LAYOUT_HEADERS, cut, inner_environ, splice
from plugit_wsgi.page import Page

Start = Callable[..., Callable[[bytes], object]]
App = Callable[[dict[str, Any], Start], Iterable[bytes]]

PAGE = Page(
    title="Tom & <Jerry>",
    head=Markup("<style>a{}</style>"),
    menu=Markup("<ul></ul>"),
    content=Markup("<p>Hi</p>"),
    service="polls",
)
HTML = ("Content-Type", "text/html; charset=utf-8")
MARKED = (
    b"<title><!--plugit:title--></title><!--plugit:head-->"
    b"<body><!--plugit:menu-->|<!--plugit:content--></body>"
)
FRAMED = "<title>Tom &amp; &lt;Jerry&gt;</title><style>a{}</style><body><ul></ul>|<p>Hi</p></body>"


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


def fallback(page: Page, request: webob.Request) -> str:
    return f"fallback {page.title}"


def answer(body: bytes = MARKED, *headers: tuple[str, str], status: str = "200 OK") -> App:
    def app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        start_response(status, list(headers or [HTML]))
        return [body]

    return app


def bind(app: App, path: str = "/layout", clock: FakeClock | None = None) -> Layout:
    return CapturedLayout(path, fallback=fallback).bind(app, clock=clock or FakeClock())


def visit(**environ: Any) -> webob.Request:
    return webob.Request.blank("/s/polls/show/1?x=y", environ=environ)


def frame(app: App) -> str:
    return bind(app)(PAGE, visit())


# The page ---------------------------------------------------------------------------------------------------


def test_the_parts_stand_where_the_marks_were() -> None:
    """The host is a valid WSGI application, asked by a valid request, under the validator's eyes."""
    assert frame(validator(answer())) == FRAMED


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("<!--plugit:content-->", "<p>Hi</p>"),
        ("a<!--plugit:content-->b", "a<p>Hi</p>b"),
        (
            "<!--plugit:title--><!--plugit:title--><!--plugit:content-->",
            "Tom &amp; &lt;Jerry&gt;" * 2 + "<p>Hi</p>",
        ),
        ("<!--plugit:other--><!-- plugit:menu --><!--plugit:content-->", None),
        ("{content}%s\\1<!--plugit:content-->", "{content}%s\\1<p>Hi</p>"),
    ],
)
def test_a_page_is_cut_at_its_marks_and_nowhere_else(document: str, expected: str | None) -> None:
    """Every mark is filled, everything else is left as it is."""
    wanted = document.replace("<!--plugit:content-->", "<p>Hi</p>") if expected is None else expected
    assert splice(cut(document), PAGE) == wanted


def test_what_is_put_in_is_not_searched_for_marks() -> None:
    """A service cannot have its content shown in the head."""
    page = Page(title="<!--plugit:content-->", content=Markup("<!--plugit:title-->"))
    document = splice(cut("<!--plugit:title-->|<!--plugit:content-->"), page)
    assert document == "&lt;!--plugit:content--&gt;|<!--plugit:title-->"


def test_a_page_without_a_title_is_called_by_its_service() -> None:
    """A tab has a name."""
    assert splice(cut("<!--plugit:title-->|<!--plugit:content-->"), Page(service="polls")) == "polls|"


@pytest.mark.parametrize(
    ("content_type", "charset"),
    [
        ("text/html; charset=utf-8", "utf-8"),
        ("text/html", "utf-8"),
        ("text/html; charset=ISO-8859-15", "iso-8859-15"),
        ('Text/HTML; Charset="windows-1252"', "windows-1252"),
        ("application/xhtml+xml; charset=utf-16", "utf-16"),
    ],
)
def test_the_page_is_read_in_its_charset(content_type: str, charset: str) -> None:
    """The host's declaration counts; without one it is UTF-8."""
    body = "5 € é <!--plugit:content-->".encode(charset)
    assert frame(answer(body, ("content-type", content_type))) == "5 € é <p>Hi</p>"


# The request to the host ------------------------------------------------------------------------------------


def seen_by_host(request: webob.Request, path: str = "/layout") -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        seen.update(environ)
        seen["body"] = environ["wsgi.input"].read(1000)
        return list(answer()(environ, start_response))

    assert bind(validator(app), path)(PAGE, request) == FRAMED
    return seen


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
def test_the_host_is_asked_by_a_plain_get(method: str) -> None:
    """Whatever the visitor did: it is done to the service, not once more to the host."""
    request = visit(REQUEST_METHOD=method)
    request.body = b"a=b"
    request.content_type = "application/x-www-form-urlencoded"
    seen = seen_by_host(request)
    assert (seen["REQUEST_METHOD"], seen["PATH_INFO"], seen["QUERY_STRING"]) == ("GET", "/layout", "")
    assert seen["body"] == b""
    assert "CONTENT_LENGTH" not in seen
    assert "CONTENT_TYPE" not in seen


@pytest.mark.parametrize(
    "name",
    [
        "HTTP_IF_NONE_MATCH",
        "HTTP_IF_MODIFIED_SINCE",
        "HTTP_IF_RANGE",
        "HTTP_IF_MATCH",
        "HTTP_RANGE",
        "HTTP_ACCEPT_ENCODING",
        "HTTP_TRANSFER_ENCODING",
        "HTTP_EXPECT",
        "HTTP_UPGRADE",
        "HTTP_CONNECTION",
        "HTTP_X_PLUGIT_CONTEXT",
        "HTTP_X_PLUGIT_USER_ID",
        "HTTP_X_PLUGITSESSION_A",
        "HTTP_X_HTTP_METHOD_OVERRIDE",
        "HTTP_X_REQUESTED_WITH",
        "HTTP_HX_REQUEST",
        "HTTP_TURBO_FRAME",
        "HTTP_SEC_FETCH_DEST",
        "REQUEST_URI",
        "RAW_URI",
        "wsgi.input_terminated",
        "wsgi.file_wrapper",
        "webob.adhoc_attrs",
        "bottle.request.query",
        "werkzeug.request",
        "plugit_wsgi.something",
    ],
)
def test_what_belongs_to_the_visitors_request_stays_there(name: str) -> None:
    """A conditional, partial, encoded or forged request is none for a layout."""
    assert name not in inner_environ({"REQUEST_METHOD": "GET", name: "x"}, "/layout")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_COOKIE", "session=1; csrftoken=2"),
        ("HTTP_ACCEPT_LANGUAGE", "fr"),
        ("HTTP_HOST", "radio.example"),
        ("HTTP_USER_AGENT", "x"),
        ("HTTP_AUTHORIZATION", "Basic x"),
        ("REMOTE_ADDR", "192.0.2.1"),
        ("REMOTE_USER", "luc"),
        ("SCRIPT_NAME", "/under/here"),
        ("beaker.session", {"a": 1}),
        ("wsgi.url_scheme", "https"),
    ],
)
def test_what_tells_the_visitor_goes_along(name: str, value: object) -> None:
    """The page shows who is logged in, in the visitor's language, with links that are right."""
    assert inner_environ({name: value}, "/layout")[name] == value


def test_the_path_is_sent_as_wsgi_has_it() -> None:
    """Text outside ASCII is UTF-8 bytes as latin-1 text, below the same SCRIPT_NAME."""
    seen = seen_by_host(visit(SCRIPT_NAME="/under"), "/mise-en-page-é")
    assert seen["PATH_INFO"].encode("latin-1").decode("utf-8") == "/mise-en-page-é"
    assert seen["SCRIPT_NAME"] == "/under"


def test_the_visitors_environ_keeps_everything() -> None:
    """Only the host's cookies are noted in it; nothing is changed or taken away."""
    request = visit(HTTP_RANGE="bytes=0-1", CONTENT_TYPE="text/plain")
    stream = request.environ["wsgi.input"] = io.BytesIO(b"the body")
    before = dict(request.environ)
    bind(answer())(PAGE, request)
    assert request.environ == before | {LAYOUT_HEADERS: []}
    assert stream.tell() == 0


# The host's answer ------------------------------------------------------------------------------------------


class Pieces:
    """An iterable with close(), which is counted."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = iter(pieces)
        self.closed = 0

    def __iter__(self) -> Pieces:
        return self

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        if isinstance(piece, Exception):
            raise piece
        return piece

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((MARKED,), FRAMED),
        ((MARKED[:20], b"", MARKED[20:]), FRAMED),
        ((MARKED, OSError("gone")), "fallback Tom & <Jerry>"),
        ((), "fallback Tom & <Jerry>"),
        ((b"x" * (MAX_BYTES + 1),), "fallback Tom & <Jerry>"),
    ],
)
def test_the_answer_is_closed_once(pieces: tuple[bytes, ...], expected: str) -> None:
    """Also when it breaks off, or is too long to be a page."""
    body = Pieces(*pieces)

    def app(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [HTML])
        return body

    assert frame(app) == expected
    assert body.closed == 1


def test_start_response_may_be_called_as_late_as_the_first_piece() -> None:
    """A generator does."""

    def app(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
        start_response("200 OK", [HTML])
        yield MARKED

    assert frame(validator(app)) == FRAMED


def test_what_is_written_comes_before_what_is_returned() -> None:
    """The old way to send a body, which WSGI still has."""

    def app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        write = start_response("200 OK", [HTML])
        write(MARKED[:30])
        return [MARKED[30:]]

    assert frame(validator(app)) == FRAMED


def test_an_error_page_takes_the_place_of_a_page_that_was_not_begun() -> None:
    """start_response may be called again with exc_info as long as no body was sent."""

    def app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        start_response("500 Oops", [HTML, ("Set-Cookie", "a=1")])
        try:
            raise ValueError("x")
        except ValueError as error:
            start_response("200 OK", [HTML], (ValueError, error, error.__traceback__))
        return [MARKED]

    assert frame(validator(app)) == FRAMED


def test_an_error_after_the_page_was_begun_is_raised_to_the_host() -> None:
    """As a server does that has sent the head."""
    caught: list[Exception] = []

    def app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        write = start_response("200 OK", [HTML])
        write(b"<p>")
        mine = ValueError("x")
        try:
            start_response("500 Oops", [HTML], (ValueError, mine, None))
        except ValueError as error:
            caught.append(error)
            raise
        return []

    assert frame(app) == "fallback Tom & <Jerry>"
    assert [str(error) for error in caught] == ["x"]


def raises(environ: dict[str, Any], start_response: Start) -> list[bytes]:
    raise LookupError("no such table")


def raises_at_close(environ: dict[str, Any], start_response: Start) -> Iterator[bytes]:
    start_response("200 OK", [HTML])
    try:
        yield MARKED
        yield b"x" * MAX_BYTES
    finally:
        raise LookupError("no such table")


def never_starts(environ: dict[str, Any], start_response: Start) -> list[bytes]:
    return []


def body_first(environ: dict[str, Any], start_response: Start) -> list[bytes]:
    return [MARKED]


def starts_twice(environ: dict[str, Any], start_response: Start) -> list[bytes]:
    start_response("200 OK", [HTML])
    start_response("200 OK", [HTML])
    return [MARKED]


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (answer(b"<p>no mark</p>"), "it has no <!--plugit:content--> mark"),
        (answer(b"<!--plugit:head-->"), "it has no <!--plugit:content--> mark"),
        (answer(status="302 Found"), "it answered '302 Found'"),
        (answer(status="404 Not Found"), "it answered '404 Not Found'"),
        (answer(status="500 Internal Server Error"), "it answered '500"),
        (answer(status="204 No Content"), "it answered '204"),
        (
            answer(MARKED, ("Content-Type", "application/json")),
            "its type is 'application/json', not text/html",
        ),
        (answer(MARKED, ("X-A", "b")), "its type is '', not text/html"),
        (answer(MARKED, HTML, ("Content-Encoding", "gzip")), "it is encoded as 'gzip'"),
        (answer(b"\xff" + MARKED), "it is not in the charset 'utf-8'"),
        (
            answer(MARKED, ("Content-Type", "text/html; charset=klingon")),
            "it is not in the charset 'klingon'",
        ),
        (answer(MARKED, ("Content-Type", "text/html; charset=hex")), "it is not in the charset 'hex'"),
        (raises, "it raised an exception"),
        (raises_at_close, "it raised an exception"),
        (starts_twice, "it raised an exception"),
        (never_starts, "it never called start_response"),
        (body_first, "it sent a body before start_response"),
        (answer(b"x" * (MAX_BYTES + 1)), "it is longer than"),
    ],
)
def test_a_page_that_cannot_be_used_is_replaced(
    app: App, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The visitor gets the service in the fallback; the log says which page, and why."""
    assert frame(app) == "fallback Tom & <Jerry>"
    [record] = caplog.records
    assert record.getMessage().startswith(f"layout page /layout of the host: {said}")


def test_what_the_host_raised_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """With its traceback: it is the host's own mistake to find."""
    frame(raises)
    assert "LookupError: no such table" in caplog.text


def test_the_fallback_is_the_bundled_layout() -> None:
    """Unless another is given."""
    document = CapturedLayout("/layout").bind(raises)(PAGE, visit())
    assert "bootstrap" in document
    assert "<p>Hi</p>" in document


def test_one_line_a_second_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A broken page under load does not fill the disk; what was left out is counted."""
    clock = FakeClock()
    layout = bind(raises, clock=clock)
    with caplog.at_level(logging.ERROR, "plugit_wsgi.layout"):
        for _ in range(5):
            layout(PAGE, visit())
            clock.now += 0.125
        assert len(caplog.records) == 1
        clock.now += 1
        layout(PAGE, visit())
    first, second = (record.getMessage() for record in caplog.records)
    assert "since" not in first
    assert second.endswith("(4 more since the last line)")


@pytest.mark.parametrize("status", ["200 OK", "302 Found"])
def test_cookies_of_the_host_are_passed_on(status: str) -> None:
    """All of them, each a line of its own: a session that was renewed stays valid, page or no page."""
    lines = [("Set-Cookie", "a=1; Path=/"), ("X-Other", "x"), ("set-cookie", "b=2; Expires=Mon, 01 Jan 2035")]
    request = visit()
    bind(answer(MARKED, HTML, *lines, status=status))(PAGE, request)
    assert request.environ[LAYOUT_HEADERS] == [lines[0], lines[2]]


def test_a_layout_inside_a_layout_is_the_fallback() -> None:
    """A host whose layout page is itself framed by this layout does not ask for ever."""
    asked: list[bool] = []
    layout: list[Layout] = []

    def app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        asked.append(environ[INNER])
        inner = layout[0](
            Page(title="inner", content=Markup("<!--plugit:content-->")), webob.Request(environ)
        )
        start_response("200 OK", [HTML])
        return [inner.encode(), MARKED]

    layout.append(bind(app))
    assert layout[0](PAGE, visit()) == "fallback inner" + FRAMED
    assert asked == [True]


@pytest.mark.parametrize("path", ["", "layout", "http://h/layout", "/layout?x=y", "/layout#x"])
def test_what_is_no_path_dies_at_construction(path: str) -> None:
    """With the field and the value."""
    with pytest.raises(ConfigError) as caught:
        CapturedLayout(path)
    assert (caught.value.field, caught.value.value) == ("CapturedLayout.path", path)
