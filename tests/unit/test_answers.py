"""What a service answered: one row for each line of the protocol's table of answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from plugit_wsgi.answers import (
    is_file,
    parse_json,
    passed_headers,
    read_answer,
    read_retry_after,
    read_writes,
    service_failure,
)
from plugit_wsgi.config import Limits, Service
from plugit_wsgi.errors import ServiceFailed, WireError
from plugit_wsgi.http import FILE_HEADERS
from plugit_wsgi.interfaces import Headers
from plugit_wsgi.wire.result import ActionResult, Data, Html, Moved, Redirect, SessionWrites, Status

LIMITS = Limits(action_size=100, page_size=200)
ACTIONS = Service("x", "http://127.0.0.1:5000/base")
PAGES = Service("x", "http://127.0.0.1:5000/base", mode="pages")
JSON = ("Content-Type", "application/json")
PUBLIC = "http://host.example/s/x"


class Response:
    """An answer of a service, as a transport gives it."""

    def __init__(self, status: int = 200, headers: Headers = (), body: bytes = b"") -> None:
        self.status, self.headers, self.body = status, headers, body
        self.read_with: list[int] = []

    def read(self, limit: int) -> bytes:
        self.read_with.append(limit)
        if len(self.body) > limit:
            raise WireError("too much")
        return self.body

    def pieces(self) -> Iterator[bytes]:
        yield self.body

    def to_stream(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def read(
    status: int = 200,
    *headers: tuple[str, str],
    body: bytes = b"",
    method: str = "GET",
    service: Service = ACTIONS,
) -> ActionResult:
    return read_answer(
        Response(status, headers, body), method=method, service=service, limits=LIMITS, public_url=PUBLIC
    )


# Data ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "value", "raw"),
    [
        (b'{"a": 1}', {"a": 1}, b'{"a": 1}'),
        (b"", {}, b"{}"),
        (b" \r\n", {}, b"{}"),
        (b"null", None, b"null"),
        (b"[1]", [1], b"[1]"),
        (b'"text"', "text", b'"text"'),
        (b"4", 4, b"4"),
        ('{"a": "é"}'.encode(), {"a": "é"}, '{"a": "é"}'.encode()),
        (b'{"a": 1}\n', {"a": 1}, b'{"a": 1}\n'),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/html", "text/plain", ""])
def test_json_whatever_the_content_type_says(
    body: bytes, value: object, raw: bytes, content_type: str
) -> None:
    """A real service answers text/html; nothing at all counts as an object without keys."""
    found = read(200, ("Content-Type", content_type), body=body)
    assert found == Data(value=value, raw=raw)


@pytest.mark.parametrize(
    "body", [b"<html>", b"{", b"{'a': 1}", b"\xff", b"{} {}", b"[" * 100, b"undefined", b"1" * 101]
)
def test_not_json_where_json_is_due(body: bytes) -> None:
    """502, also for a bomb of brackets and for a body over the cap."""
    with pytest.raises(WireError) as caught:
        read(200, JSON, body=body)
    assert caught.value.status == 502


def test_deep_json_is_refused() -> None:
    """Not a crash."""
    with pytest.raises(WireError):
        parse_json(b"[" * 100_000 + b"]" * 100_000)
    with pytest.raises(WireError):
        parse_json(b"1" * 10_000)


@pytest.mark.parametrize("status", [200, 201, 202, 206])
def test_statuses_with_data(status: int) -> None:
    """That status."""
    found = read(status, JSON, ("ETag", '"a"'), body=b'{"a": 1}')
    assert found == Data(status=status, value={"a": 1}, raw=b'{"a": 1}', headers=(("ETag", '"a"'),))


@pytest.mark.parametrize("status", [204, 205, 304])
def test_statuses_without_a_body(status: int) -> None:
    """That status with its ETag; no body is waited for."""
    for service in (ACTIONS, PAGES):
        response = Response(status, (("ETag", '"a"'), ("EbuIo-PlugIt-SetSession-k", "v")))
        found = read_answer(response, method="GET", service=service, limits=LIMITS, public_url=PUBLIC)
        writes = SessionWrites(stored=(("k", "v"),))
        assert found == Status(status=status, headers=(("ETag", '"a"'),), writes=writes)
        assert response.read_with == []


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 418, 422, 429, 451, 499]
)
def test_refusals_of_the_service(status: int) -> None:
    """That status, with what may pass; a password is never asked for on the host's origin."""
    found = read(
        status,
        ("ETag", "e"),
        ("Retry-After", "7"),
        ("WWW-Authenticate", "Basic"),
        ("Access-Control-Allow-Origin", "*"),
        ("Set-Cookie", "a=b"),
        JSON,
        body=b'{"error": 1}',
    )
    assert found == Status(
        status=status,
        headers=(("ETag", "e"), ("Access-Control-Allow-Origin", "*"), ("Retry-After", "7")),
        body=b'{"error": 1}',
        content_type="application/json",
    )
    assert read(status, body=b"") == Status(status=status)


def test_500_is_that_actions_own() -> None:
    """Told as it is; not an error of the service as a whole, and its body is nobody's business."""
    for service in (ACTIONS, PAGES):
        found = read(500, ("ETag", "e"), body=b"Traceback", service=service)
        assert found == Status(status=500, headers=(("ETag", "e"),))


@pytest.mark.parametrize(
    ("status", "shown"),
    [(501, 502), (502, 502), (503, 503), (504, 504), (505, 502), (511, 502), (599, 502), (300, 502),
     (305, 502),
     (306, 502), (399, 502)],
)  # fmt: skip
def test_failures_of_the_service(status: int, shown: int) -> None:
    """501 to 599 are a 502, 503 or 504 page; so is a redirection that is none."""
    for service in (ACTIONS, PAGES):
        with pytest.raises(ServiceFailed) as caught:
            read(status, ("Retry-After", "9"), service=service)
        assert (caught.value.status, caught.value.retry_after) == (shown, 9.0)
        assert str(status) in str(caught.value)


# Redirects -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "target", "absolute"),
    [
        ((("EbuIo-PlugIt-Redirect", "show/1"),), "show/1", False),
        ((("ebuio-plugit-redirect", "/"),), "/", False),
        ((("EbuIo-PlugIt-Redirect", ""),), "", False),
        ((("EbuIo-PlugIt-Redirect", "caf\xc3\xa9"),), "café", False),
        ((("EbuIo-PlugIt-Redirect", "/x"), ("EbuIo-PlugIt-Redirect-NoPrefix", "True")), "/x", True),
        ((("EbuIo-PlugIt-Redirect", "/x"), ("EbuIo-PlugIt-Redirect-NoPrefix", "False")), "/x", False),
        ((("EbuIo-PlugIt-Redirect", "/x"), ("EbuIo-PlugIt-Redirect-NoPrefix", "")), "/x", False),
    ],
)
@pytest.mark.parametrize("service", [ACTIONS, PAGES])
def test_redirect_by_header(headers: Headers, target: str, absolute: bool, service: Service) -> None:
    """With a 200; the body counts for nothing. Session values that come with it are kept."""
    found = read(200, *headers, ("EbuIo-PlugIt-SetSession-a", "1"), body=b"whatever", service=service)
    writes = SessionWrites(stored=(("a", "1"),))
    assert found == Redirect(target=target, absolute=absolute, writes=writes)


@pytest.mark.parametrize("status", [401, 404, 500])
def test_redirect_by_header_needs_a_success(status: int) -> None:
    """A refusal stays one."""
    assert isinstance(read(status, ("EbuIo-PlugIt-Redirect", "x")), Status)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/base/action/stations/", "action/stations/"),
        ("http://127.0.0.1:5000/base/action/x?a=b", "action/x?a=b"),
        ("http://host.example/base/action/x", "action/x"),
        ("/action/x", None),
        ("http://127.0.0.1:5000/action/x", None),
        ("http://evil.example/base/action/x", None),
        ("//evil.example/base/action/x", None),
        ("/base/../action/x", None),
        ("action/x", None),
        ("", None),
    ],
)
def test_a_call_that_is_redirected(status: int, location: str, target: str | None) -> None:
    """A value, if it stays below the base; followed nowhere here."""
    if target is None:
        with pytest.raises(ServiceFailed) as caught:
            read(status, ("Location", location))
        assert caught.value.status == 502
    else:
        assert read(status, ("Location", location)) == Moved(status=status, target=target)


def test_a_redirect_without_a_location() -> None:
    """Goes nowhere."""
    with pytest.raises(ServiceFailed):
        read(302)


@pytest.mark.parametrize("location", ["/base/x", "http://evil.example/", "x", ""])
def test_a_redirect_in_pages_mode_is_for_the_visitor(location: str) -> None:
    """Whoever sends it on looks at where it goes."""
    writes = SessionWrites(stored=(("a", "1"),))
    headers = (("Location", location), ("EbuIo-PlugIt-SetSession-a", "1"), ("ETag", "e"))
    found = read(302, *headers, service=PAGES)
    expected = Redirect(status=302, target=location, absolute=True, writes=writes, headers=(("ETag", "e"),))
    assert found == expected


# Methods -------------------------------------------------------------------------------


@pytest.mark.parametrize("service", [ACTIONS, PAGES])
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_methods_without_a_page(method: str, service: Service) -> None:
    """Status and headers. Nobody's rights were looked at for a pre-flight: it gets CORS and nothing else."""
    cors = (("Access-Control-Allow-Methods", "GET"), ("Access-Control-Max-Age", "60"))
    headers = (*cors, ("Vary", "Origin"))
    kept = cors if method == "OPTIONS" else headers
    assert read(200, *headers, method=method, service=service) == Status(status=200, headers=kept)


@pytest.mark.parametrize("service", [ACTIONS, PAGES])
def test_a_preflight_tells_nothing_of_the_action(service: Service) -> None:
    """No redirect, no session values, no body: the rules of the action were not asked."""
    headers = (("EbuIo-PlugIt-Redirect", "secret"), ("EbuIo-PlugIt-SetSession-a", "1"), ("ETag", "e"))
    found = read(200, *headers, method="OPTIONS", service=service, body=b'{"secret": 1}')
    assert found == Status(status=200)


def test_head_reads_no_body() -> None:
    """There is none."""
    response = Response(200, (), b"{}")
    read_answer(response, method="HEAD", service=ACTIONS, limits=LIMITS, public_url=PUBLIC)
    assert response.read_with == []


def test_preflight_that_fails_or_moves() -> None:
    """A failure is one; a move is nobody's business but the service's own."""
    for service in (ACTIONS, PAGES):
        with pytest.raises(ServiceFailed):
            read(503, method="OPTIONS", service=service)
    moved = read(302, ("Location", "http://evil.example"), method="OPTIONS", service=PAGES)
    assert moved == Status(status=204)
    assert read(308, ("Location", "/base/action/x/"), method="OPTIONS") == Moved(
        status=308, target="action/x/"
    )


# Pages mode ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "framed"),
    [
        ((("Content-Type", "text/html"),), True),
        ((("Content-Type", "Text/HTML; charset=latin-1"),), True),
        ((("Content-Type", "application/xhtml+xml"),), True),
        ((), True),
        ((("Content-Type", "application/json"),), False),
        ((("Content-Type", "text/css"),), False),
        ((("Content-Type", "text/html"), ("EbuIo-PlugIt-NoTemplate", "")), False),
        ((("Content-Type", "text/html"), ("ebuio-plugit-notemplate", "no")), False),
    ],
)
@pytest.mark.parametrize("status", [200, 201, 404, 422])
def test_html_of_pages_mode(headers: Headers, framed: bool, status: int) -> None:
    """HTML goes into the layout unless the header is there, with any value, even none."""
    links = ("</a.css>; rel=stylesheet", "</b.js>; rel=script")
    sent = (*headers, ("Link", links[0]), ("link", links[1]))
    found = read(status, *sent, body=b"<p>", service=PAGES)
    kind = dict(headers).get("Content-Type", "")
    assert found == Html(status=status, body=b"<p>", content_type=kind, framed=framed, links=links)


def test_caps_of_bodies() -> None:
    """Each mode has its own."""
    for service, cap in ((ACTIONS, 100), (PAGES, 200)):
        response = Response(200, (), b"{}")
        read_answer(response, method="GET", service=service, limits=LIMITS, public_url=PUBLIC)
        assert response.read_with == [cap]


# Files, headers, sessions --------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "file"),
    [
        (200, (("EbuIo-PlugIt-ItAFile", "True"),), True),
        (200, (("ebuio-plugit-itafile", ""),), True),
        (206, (("EbuIo-PlugIt-ItAFile", "no"),), True),
        (404, (("EbuIo-PlugIt-ItAFile", "True"),), False),
        (302, (("EbuIo-PlugIt-ItAFile", "True"),), False),
        (200, (), False),
    ],
)
def test_is_file(status: int, headers: Headers, file: bool) -> None:
    """With any value."""
    assert is_file(Response(status, headers)) is file


SENT: Headers = (
    ("ETag", "e"),
    ("Set-Cookie", "a=b"),
    ("Vary", "A"),
    ("Vary", "B"),
    ("Content-Type", "text/x"),
    ("Content-Disposition", "attachment"),
    ("Content-Range", "bytes 0-1/2"),
    ("X-Accel-Redirect", "/etc"),
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Credentials", "true"),
    ("Last-Modified", "then"),
    ("Cache-Control", "max-age=5"),
    ("Content-Language", "de"),
    ("X-Request-ID", "1"),
)


def test_headers_come_back_by_allow_list() -> None:
    """Credentials only where the mount says so; what a file has beside, only for files."""
    kept = [name for name, _value in passed_headers(SENT, ACTIONS, LIMITS)]
    assert sorted(kept) == [
        "Access-Control-Allow-Origin",
        "Cache-Control",
        "Content-Language",
        "ETag",
        "Last-Modified",
        "Vary",
        "Vary",
    ]
    trusted = Service("x", "http://127.0.0.1", cors_credentials=True)
    assert ("Access-Control-Allow-Credentials", "true") in passed_headers(SENT, trusted, LIMITS)
    file = [name for name, _value in passed_headers(SENT, ACTIONS, LIMITS, FILE_HEADERS)]
    assert {"Content-Type", "Content-Disposition", "Content-Range"} <= set(file)
    assert not {"Set-Cookie", "X-Accel-Redirect", "X-Request-ID"} & set(file)


def test_headers_that_say_one_thing_are_said_once() -> None:
    """The first; several lengths are equal by then, and are said as one."""
    sent = (
        ("ETag", "a"),
        ("etag", "b"),
        ("Content-Length", "5, 5"),
        ("Cache-Control", "a"),
        ("cache-control", "b"),
    )
    assert passed_headers(sent, ACTIONS, LIMITS, FILE_HEADERS) == (
        ("ETag", "a"),
        ("Content-Length", "5"),
        ("Cache-Control", "a"),
        ("cache-control", "b"),
    )


@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_refusal_writes_no_session(status: int) -> None:
    """Only what was done is remembered."""
    assert not read(status, ("EbuIo-PlugIt-SetSession-a", "1"), body=b"{}").writes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0.0), ("7", 7.0), ("60", 60.0), ("61", 60.0), ("9" * 40, 60.0), ("", None), ("-1", None),
     ("1.5", None), ("soon", None), ("Wed, 21 Oct 2037 07:28:00 GMT", None), ("٣", None), ("²", None)],
)  # fmt: skip
def test_retry_after(text: str, seconds: float | None) -> None:
    """Kept, at most 60 s; a date is dropped."""
    headers = (("retry-after", text),)
    assert read_retry_after(headers, LIMITS) == seconds
    passed = passed_headers(headers, ACTIONS, LIMITS)
    assert passed == (() if seconds is None else (("Retry-After", f"{seconds:.0f}"),))
    assert read_retry_after((), LIMITS) is None


def test_service_failure_knows_when_to_come_back() -> None:
    """A 503 with its Retry-After."""
    error = service_failure(Response(503, (("Retry-After", "3"),)), LIMITS)
    assert (error.status, error.retry_after) == (503, 3.0)


@pytest.mark.parametrize(
    ("headers", "stored", "deleted"),
    [
        ((), (), ()),
        ((("EbuIo-PlugIt-SetSession-cart", "1"),), (("cart", "1"),), ()),
        ((("EBUIO-PLUGIT-SETSESSION-Cart", ""),), (("Cart", ""),), ()),
        ((("EbuIo-PlugIt-DelSession-cart", "x"),), (), ("cart",)),
        (
            (
                ("EbuIo-PlugIt-SetSession-a", "1"),
                ("EbuIo-PlugIt-DelSession-b", ""),
                ("EbuIo-PlugIt-SetSession-a", "2"),
            ),
            (("a", "1"), ("a", "2")),
            ("b",),
        ),
        ((("EbuIo-PlugIt-SetSession-", "1"),), (("", "1"),), ()),
        ((("X-EbuIo-PlugIt-SetSession-a", "1"), ("EbuIo-PlugIt-Session-a", "1")), (), ()),
        ((("EbuIo-PlugIt-SetSession-a", "caf\xc3\xa9"),), (("a", "caf\xc3\xa9"),), ()),
    ],
)
def test_session_writes(headers: Headers, stored: Any, deleted: Any) -> None:
    """Name and value as they came; what is too much is decided elsewhere."""
    assert read_writes(headers) == SessionWrites(stored=stored, deleted=deleted)
