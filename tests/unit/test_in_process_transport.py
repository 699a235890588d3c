"""InProcessTransport: what of the transport contract makes sense without sockets."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

from plugit_wsgi.clock import Deadline
from plugit_wsgi.config import Limits
from plugit_wsgi.errors import ServiceTimeout, ServiceUnreachable, WireError
from plugit_wsgi.interfaces import ServiceRequest
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.transport import InProcessTransport

CLOCK = FakeClock()
App = Callable[[Any, Any], Iterable[bytes]]


def request(
    method: str = "GET", target: str = "action/x", *, seconds: float = 5.0, **more: Any
) -> ServiceRequest:
    return ServiceRequest(method=method, target=target, deadline=Deadline.after(seconds, CLOCK), **more)


def answering(
    body: Iterable[bytes] = (b"ok",), status: str = "200 OK", headers: Iterable[tuple[str, str]] = ()
) -> App:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response(status, list(headers))
        return body

    return app


class Recorder:
    """A service that remembers its environ, and whether its answer was closed."""

    def __init__(self, pieces: Iterable[bytes] = (b"ok",)) -> None:
        self.environs: list[Any] = []
        self.bodies: list[bytes] = []
        self.closed = 0
        self._pieces = pieces

    def __call__(self, environ: Any, start_response: Any) -> Recorder:
        self.environs.append(environ)
        self.bodies.append(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        start_response("200 OK", [("Content-Type", "text/plain")])
        return self

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def close(self) -> None:
        self.closed += 1


def test_request_arrives_as_on_a_wire() -> None:
    """Path decoded once, target as sent, headers as CGI keys, repeats joined."""
    app = Recorder()
    transport = InProcessTransport(app, base_url="http://svc.example:5000/base/")
    headers = (("X-A", "1"), ("x-a", "2"), ("Content-Type", "text/plain"), ("X-N", "caf\xc3\xa9"))
    answer = transport.send(request("POST", "action/a%20b%3F?x=%41&y", headers=headers, body=b"hello"))
    assert answer.read(10) == b"ok"
    environ = app.environs[0]
    assert environ["PATH_INFO"] == "/base/action/a b?"
    assert environ["QUERY_STRING"] == "x=%41&y"
    assert environ["REQUEST_URI"] == "/base/action/a%20b%3F?x=%41&y"
    assert (environ["HTTP_X_A"], environ["HTTP_X_N"], environ["HTTP_HOST"]) == (
        "1,2",
        "caf\xc3\xa9",
        "svc.example:5000",
    )
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/plain", "5")
    assert "HTTP_CONTENT_TYPE" not in environ
    assert app.bodies == [b"hello"]
    assert [item.method for item in transport.sent] == ["POST"]


def test_it_calls_by_the_rules_of_wsgi() -> None:
    """wsgiref.validate has nothing to say."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["wsgi.input"].read(3)]

    transport = InProcessTransport(validator(app))
    answer = transport.send(request("POST", "x", body=io.BytesIO(b"abcdef"), length=3))
    assert answer.read(10) == b"abc"


@pytest.mark.parametrize(
    "wrong",
    [
        {"headers": (("X-A", "b\r\nX-C: d"),)},
        {"headers": (("X A", "d"),)},
        {"headers": (("X-A", "\u20ac"),)},
        {"headers": (("Host", "elsewhere"),)},
        {"headers": (("Content-Length", "1"),)},
        {"target": "a b"},
        {"target": "caf\xe9"},
        {"method": "GET /"},
        {"body": io.BytesIO(b"ab"), "length": 3},
    ],
)
def test_what_no_wire_can_carry_is_refused(wrong: dict[str, Any]) -> None:
    """By the same rules as on a socket; the application is not called."""
    transport = InProcessTransport(answering())
    with pytest.raises(ValueError, match=r"can say|transport|codec|shorter"):
        transport.send(request(**wrong))
    assert transport.sent == []


@pytest.mark.parametrize(
    ("app", "error"),
    [
        (answering(status="999 Oh"), WireError),
        (answering(status="101 Switching"), WireError),
        (answering(status="OK"), WireError),
        (answering(headers=[("X-A", "b\rc")]), WireError),
        (answering(headers=[("X-A", "b\nc")]), WireError),
        (answering(headers=[("X A", "b")]), WireError),
        (answering(headers=[("X-A", "b")] * 65), WireError),
        (answering(headers=[("X-A", "b" * 40000)]), WireError),
        (answering(headers=[("Content-Length", "-1")]), WireError),
        (answering(headers=[("Content-Length", "1"), ("Content-Length", "2")]), WireError),
        (answering(headers=[("X-A", "\u20ac")]), ServiceUnreachable),
        (lambda environ, start_response: [], ServiceUnreachable),
        (lambda environ, start_response: 1 // 0, ServiceUnreachable),
    ],
)
def test_a_broken_head_is_refused(app: Any, error: type[Exception]) -> None:
    """In the words of the library."""
    with pytest.raises(error):
        InProcessTransport(app).send(request())


def test_headers_come_raw() -> None:
    """Lines apart and in order."""
    lines = [("Set-Cookie", "a"), ("Vary", "A"), ("set-cookie", "b")]
    answer = InProcessTransport(answering(headers=lines)).send(request())
    assert (answer.status, answer.headers) == (200, tuple(lines))


@pytest.mark.parametrize(
    ("pieces", "length", "error"),
    [
        ((b"a", b"", b"b" * 9), None, None),
        ((b"a" * 10,), "10", None),
        ((b"a" * 11,), None, WireError),
        ((b"a" * 9,), "11", WireError),
        ((b"a" * 9,), "8", WireError),
        ((b"a" * 9,), "10", ServiceUnreachable),
        ((), "1", ServiceUnreachable),
    ],
)
def test_bodies(pieces: tuple[bytes, ...], length: str | None, error: type[Exception] | None) -> None:
    """At most what the caller says, and as much as the head says."""
    headers = [] if length is None else [("Content-Length", length)]
    transport = InProcessTransport(answering(pieces, headers=headers))
    answer = transport.send(request())
    if error is None:
        assert answer.read(10) == b"".join(pieces)
    else:
        with pytest.raises(error):
            answer.read(10)
    assert transport.open == 0
    assert list(answer.pieces()) == []


def test_a_body_that_breaks_off() -> None:
    """Never a short one."""

    def breaking() -> Iterator[bytes]:
        yield b"a"
        raise RuntimeError

    for _ in range(2):
        answer = InProcessTransport(answering(breaking())).send(request())
        with pytest.raises(ServiceUnreachable):
            answer.read(10)


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No"), ("GET", "304 Not")])
def test_answers_without_a_body(method: str, status: str) -> None:
    """Whatever the application returns, and whatever length it names."""
    headers = [("Content-Length", "9000")]
    answer = InProcessTransport(answering([b"x"], status, headers)).send(request(method))
    assert answer.read(0) == b""


def test_a_deadline_that_passes() -> None:
    """Before, in the application, in the body; a stream has none."""
    clock = FakeClock()

    def slow(environ: Any, start_response: Any) -> Iterator[bytes]:
        clock.advance(int(environ["QUERY_STRING"]))
        start_response("200 OK", [])
        yield b"a"
        clock.advance(10)
        yield b"b"

    transport = InProcessTransport(slow)

    def ask(query: str, seconds: float = 5.0) -> ServiceRequest:
        return ServiceRequest(method="GET", target=f"x?{query}", deadline=Deadline.after(seconds, clock))

    for query, seconds in (("0", 0.0), ("5", 5.0)):
        with pytest.raises(ServiceTimeout):
            transport.send(ask(query, seconds))
    answer = transport.send(ask("0"))
    with pytest.raises(ServiceTimeout):
        answer.read(10)
    stream = transport.send(ask("0"))
    stream.to_stream()
    assert list(stream.pieces()) == [b"a", b"b"]
    assert transport.open == 0


def test_pieces_are_small() -> None:
    """64 KiB at most."""
    answer = InProcessTransport(answering([b"x" * 150_000])).send(request())
    assert [len(piece) for piece in answer.pieces()] == [65536, 65536, 18928]


@pytest.mark.parametrize("way", ["read", "pieces", "close", "cap", "twice"])
def test_answers_are_closed_exactly_once(way: str) -> None:
    """However they end."""
    app = Recorder((b"abc", b"def"))
    transport = InProcessTransport(app)
    answer = transport.send(request())
    assert (transport.open, app.closed) == (1, 0)
    if way == "read":
        answer.read(10)
    elif way == "pieces":
        list(answer.pieces())
    elif way == "cap":
        with pytest.raises(WireError):
            answer.read(4)
    else:
        answer.close()
    answer.close()
    assert (transport.open, app.closed) == (0, 1)


def test_an_answer_refused_at_its_head_is_closed_too() -> None:
    """Also by a limit of the caller's."""
    app = Recorder()
    with pytest.raises(WireError):
        InProcessTransport(app, limits=Limits(header_count=0)).send(request())
    assert app.closed == 1


def test_write_and_a_late_start() -> None:
    """Both old ways of WSGI: write(), and start_response with the first piece."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", [])
        write(b"a")
        yield b"b"

    assert InProcessTransport(app).send(request()).read(10) == b"ab"


def test_close() -> None:
    """Is remembered."""
    transport = InProcessTransport(answering())
    transport.close()
    assert transport.closed
