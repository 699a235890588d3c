"""What every transport does on real sockets; subclass `TransportContract` and give it `make_transport`.

::

    class TestMyTransport(TransportContract):
        @pytest.fixture
        def make_transport(self):
            return lambda url, **named: MyTransport(url, **named)

`make_transport` takes a base URL and ``limits=``; transports are closed by the suite.
"""

from __future__ import annotations

import gzip
import io
import os
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import pytest

from ..clock import Deadline, SystemClock
from ..config import Limits
from ..errors import PlugItError, ServiceError, ServiceTimeout, ServiceUnreachable, WireError
from ..interfaces import Headers, ServiceRequest, Transport
from .toxic import HANG, Close, Drip, Pause, Received, Script, Sip, Step, ToxicServer, Until, ok
from .transport_cases import BROKEN, CHUNKED, CUT, OK, PROPER, SLOW, head, repeat

MakeTransport = Callable[..., Transport]
CLOCK = SystemClock()
PIECE = 64 * 1024
SHORT = 0.3
"""Seconds of a deadline that is meant to pass."""
SLACK = 0.25
"""Seconds that a busy machine may add."""


def ask(
    method: str = "GET",
    target: str = "action/x",
    *,
    headers: Headers = (),
    body: bytes | BinaryIO | None = None,
    length: int = 0,
    seconds: float = 5.0,
    connect: float = 2.0,
    stream: bool = False,
) -> ServiceRequest:
    """A request; `seconds` until its deadline, `connect` seconds to connect."""
    deadline = Deadline.after(seconds, CLOCK)
    return ServiceRequest(
        method=method,
        target=target,
        headers=headers,
        body=body,
        length=length,
        deadline=deadline,
        connect_timeout=connect,
        stream=stream,
    )


@contextmanager
def lasting(at_least: float, at_most: float) -> Iterator[None]:
    """Checks seconds of real time."""
    before = time.monotonic()
    yield
    taken = time.monotonic() - before
    assert at_least <= taken <= at_most, f"took {taken:.2f} s"


@contextmanager
def memory_below(size: int) -> Iterator[None]:
    """Checks that Python allocates less than `size` bytes more, at any moment."""
    started = not tracemalloc.is_tracing()
    if started:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] - before < size
    finally:
        if started:
            tracemalloc.stop()


def open_descriptors() -> int:
    """Of this process."""
    return len(os.listdir("/proc/self/fd"))


class TransportContract:
    """The suite."""

    @pytest.fixture
    def make_transport(self) -> MakeTransport:
        """A base URL (and ``limits=``) to a transport."""
        raise NotImplementedError

    @pytest.fixture
    def connect(self, make_transport: MakeTransport) -> Iterator[MakeTransport]:
        """`make_transport`, closing what it made."""
        made: list[Transport] = []

        def connect(url: str, **named: Any) -> Transport:
            named.setdefault("limits", Limits())
            made.append(make_transport(url, **named))
            return made[-1]

        yield connect
        for transport in made:
            transport.close()

    # What is sent

    def test_sends_head_and_body_as_given(self, connect: MakeTransport) -> None:
        """Target and headers go out byte for byte; latin-1 text is the bytes of the wire."""
        lines = (("X-B", "2"), ("x-a", "caf\xc3\xa9"), ("X-B", "1"), ("Content-Type", "text/plain"))
        with ToxicServer() as toxic:
            transport = connect(toxic.url)
            assert transport.send(ask("POST", headers=lines, body=b"hello")).read(10) == b"ok"
        sent = toxic.requests[0]
        first, *rest = sent.head.split(b"\r\n")
        assert first == b"POST /action/x HTTP/1.1"
        assert [line for line in rest if line.lower().startswith((b"x-", b"content-type"))] == [
            b"X-B: 2",
            b"x-a: caf\xc3\xa9",
            b"X-B: 1",
            b"Content-Type: text/plain",
        ]
        assert sent.body == b"hello"

    def test_adds_host_length_and_identity(self, connect: MakeTransport) -> None:
        """The transport adds what frames and addresses a request, and asks for identity."""
        with ToxicServer() as toxic:
            connect(toxic.url).send(ask("POST", body=b"hello")).read(10)
        added = dict(toxic.requests[0].headers)
        assert added[b"host"] == b"127.0.0.1:%d" % toxic.port
        assert added[b"content-length"] == b"5"
        assert added[b"accept-encoding"] == b"identity"
        assert added[b"user-agent"]
        assert b"transfer-encoding" not in added
        assert b"cookie" not in added

    def test_sends_no_header_twice(self, connect: MakeTransport) -> None:
        """A User-Agent or Accept-Encoding of the caller replaces the transport's."""
        own = (("user-agent", "me"), ("Accept-Encoding", "gzip"))
        with ToxicServer() as toxic:
            connect(toxic.url).send(ask(headers=own)).read(10)
        got = [line for line in toxic.requests[0].headers if line[0] in (b"user-agent", b"accept-encoding")]
        assert got == [(b"user-agent", b"me"), (b"accept-encoding", b"gzip")]

    @pytest.mark.parametrize(
        ("method", "expected"),
        [("POST", b"0"), ("PUT", b"0"), ("PATCH", b"0"), ("GET", None), ("HEAD", None), ("DELETE", None)],
    )
    def test_says_the_length_of_no_body(
        self, connect: MakeTransport, method: str, expected: bytes | None
    ) -> None:
        """A POST without a body says so; a GET says nothing (RFC 9110 section 8.6)."""
        answer = head(OK, b"Content-Length: 0")
        with ToxicServer([[answer]]) as toxic:
            connect(toxic.url).send(ask(method)).close()
        assert dict(toxic.requests[0].headers).get(b"content-length") == expected

    @pytest.mark.parametrize("base", ["", "/", "/base", "/base/"])
    @pytest.mark.parametrize(
        "target", ["", "ping?data=1", "a/../b", "./a//b/", "%2e%2E/%2f?x=%zz&y=+", "~a;b=c,d:e@f!$'()*"]
    )
    def test_target_is_sent_byte_for_byte(self, connect: MakeTransport, base: str, target: str) -> None:
        """No dot segment is collapsed and nothing is quoted again: rules looked at these very bytes."""
        with ToxicServer() as toxic:
            connect(toxic.url + base).send(ask(target=target)).read(10)
        assert toxic.requests[0].target.decode() == f"{base.rstrip('/')}/{target}"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"headers": (("X-A", "b\r\nX-C: d"),)},
            {"headers": (("X-A", "b\nX-C: d"),)},
            {"headers": (("X-A", "b\r"),)},
            {"headers": (("X-A", "b\0"),)},
            {"headers": (("X-A", "\u20ac"),)},
            {"headers": (("X-A\r\nX-C", "d"),)},
            {"headers": (("X A", "d"),)},
            {"headers": (("", "d"),)},
            {"headers": (("Content-Length", "3"),)},
            {"headers": (("transfer-encoding", "chunked"),)},
            {"headers": (("Host", "elsewhere"),)},
            {"target": "a b"},
            {"target": "a\r\nX-C: d"},
            {"target": "caf\xe9"},
            {"method": "GET /other HTTP/1.1\r\nX:"},
        ],
    )
    def test_refuses_what_would_leave_its_line(self, connect: MakeTransport, wrong: dict[str, Any]) -> None:
        """Nothing of a request can become another line; nothing is sent at all then."""
        with ToxicServer() as toxic, pytest.raises(ValueError, match=r"can say|transport|codec"):
            connect(toxic.url).send(ask(**wrong))
        assert toxic.connections == 0

    def test_streams_a_file_with_flat_memory(self, connect: MakeTransport) -> None:
        """A large upload is read in pieces of at most 64 KiB, and no further than its length."""
        size = 24 * 1024 * 1024
        body = _Zeros(size + 100)
        with ToxicServer() as toxic:
            transport = connect(toxic.url)
            with memory_below(4 * 1024 * 1024):
                answer = transport.send(ask("POST", body=cast(BinaryIO, body), length=size, seconds=20))
                assert answer.read(10) == b"ok"
        assert toxic.requests[0].length == size
        assert body.largest <= PIECE

    def test_file_shorter_than_its_length_is_an_error(self, connect: MakeTransport) -> None:
        """The request is broken off; the service never takes it for a whole one."""
        with ToxicServer() as toxic, pytest.raises(ValueError, match="shorter"):
            connect(toxic.url).send(ask("POST", body=io.BytesIO(b"abc"), length=5))
        assert toxic.requests == []

    def test_a_file_that_cannot_be_read_is_not_the_service_s_fault(self, connect: MakeTransport) -> None:
        """The error is ours, and the service never takes what came for a whole request."""
        body = _Zeros(100, broken=True)
        with ToxicServer() as toxic:
            with pytest.raises(PlugItError) as caught:
                connect(toxic.url).send(ask("POST", body=cast(BinaryIO, body), length=100))
            assert not isinstance(caught.value, ServiceError)
        assert toxic.requests == []

    def test_answer_before_the_whole_upload_is_read(self, connect: MakeTransport) -> None:
        """A service may refuse an upload early; its answer counts, the connection is over."""
        early = head(b"HTTP/1.1 413 Too Large", b"Content-Length: 2") + b"no"
        with ToxicServer(greeting=[early, Pause(0.2), Close()]) as toxic:
            transport = connect(toxic.url)
            size = 8 * 1024 * 1024
            try:
                answer = transport.send(ask("POST", body=cast(BinaryIO, _Zeros(size)), length=size))
            except ServiceUnreachable:
                return  # a reset may have overtaken the answer; never a wrong answer or a hang
            assert (answer.status, answer.read(10)) == (413, b"no")
            assert transport.send(ask()).read(10) == b"no"
            assert toxic.connections == 2

    # What is received

    @pytest.mark.parametrize("name", PROPER)
    def test_reads_proper_answers(self, connect: MakeTransport, name: str) -> None:
        """Every framing of HTTP/1, whole and byte by byte."""
        method, wire, status, body = PROPER[name]
        with ToxicServer([[wire, Close()], [Drip(wire, 0.0005), Close()]]) as toxic:
            transport = connect(toxic.url)
            for _ in range(2):
                answer = transport.send(ask(method))
                assert (answer.status, answer.read(100)) == (status, body)
                assert answer.read(100) == b"" or body
                answer.close()

    @pytest.mark.parametrize("name", [name for name in PROPER if name not in ("until it closes", "HTTP/1.0")])
    def test_connection_serves_again_after_proper_answers(self, connect: MakeTransport, name: str) -> None:
        """An answer that ended where it said gives its connection back."""
        method, wire, _, _ = PROPER[name]
        with ToxicServer([[wire], [ok(b"second")]]) as toxic:
            transport = connect(toxic.url)
            transport.send(ask(method)).read(100)
            assert transport.send(ask()).read(100) == b"second"
            assert toxic.connections == 1

    @pytest.mark.parametrize("name", BROKEN)
    def test_refuses_broken_answers(self, connect: MakeTransport, name: str) -> None:
        """What is unclear is refused at once, and the next visitor gets another connection."""
        with ToxicServer([[BROKEN[name], HANG], [ok(b"second")]]) as toxic:
            transport = connect(toxic.url)
            with lasting(0, 1.0), pytest.raises(WireError) as caught:
                transport.send(ask()).read(1000)
            assert caught.value.field
            assert len(repr(caught.value.received)) < 300
            assert transport.send(ask()).read(100) == b"second"
            assert toxic.connections == 2

    @pytest.mark.parametrize("name", CUT)
    def test_a_short_answer_is_never_whole(self, connect: MakeTransport, name: str) -> None:
        """An answer that ends early raises, read at once or in pieces."""
        with ToxicServer([CUT[name]]) as toxic:
            transport = connect(toxic.url)
            with pytest.raises(ServiceUnreachable):
                transport.send(ask()).read(1000)
            with pytest.raises(ServiceUnreachable):
                list(transport.send(ask(stream=True)).pieces())

    def test_headers_come_raw(self, connect: MakeTransport) -> None:
        """Lines stay apart and in order; values are the bytes of the wire as latin-1."""
        lines = [b"Set-Cookie: a=1, b", b"Vary: A", b"X-N: caf\xc3\xa9 \t", b"set-cookie: c=2", b"Vary:  B"]
        with ToxicServer([[ok(b"ok", *lines)]]) as toxic:
            answer = connect(toxic.url).send(ask())
            answer.close()
        assert list(answer.headers[1:]) == [
            ("Set-Cookie", "a=1, b"),
            ("Vary", "A"),
            ("X-N", "caf\xc3\xa9"),
            ("set-cookie", "c=2"),
            ("Vary", "B"),
        ]

    def test_encoded_bodies_stay_encoded(self, connect: MakeTransport) -> None:
        """A body in another coding than asked for is given as it is: a bomb stays small."""
        packed = gzip.compress(b"x" * 100000)
        with ToxicServer([[ok(packed, b"Content-Encoding: gzip")]]) as toxic:
            answer = connect(toxic.url).send(ask())
            assert ("Content-Encoding", "gzip") in answer.headers
            assert answer.read(10000) == packed

    def test_cookies_are_not_kept(self, connect: MakeTransport) -> None:
        """What one visitor's answer sets is never sent with the next visitor's request."""
        with ToxicServer([[ok(b"", b"Set-Cookie: session=1; Path=/")], [ok()]]) as toxic:
            transport = connect(toxic.url)
            for _ in range(3):
                transport.send(ask()).read(10)
        assert not any(b"cookie" in dict(request.headers) for request in toxic.requests)

    def test_redirects_are_not_followed(self, connect: MakeTransport) -> None:
        """A redirect is an answer like any other."""
        with ToxicServer() as other:
            location = b"Location: " + other.url.encode()
            with ToxicServer([[head(b"HTTP/1.1 307 Away", location, b"Content-Length: 0")]]) as toxic:
                assert connect(toxic.url).send(ask()).status == 307
        assert (len(toxic.requests), other.connections) == (1, 0)

    def test_the_environment_is_not_read(
        self, connect: MakeTransport, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        """No proxy variable and no .netrc changes where a request goes or what it carries."""
        with ToxicServer() as proxy, ToxicServer() as toxic:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            for name in ("no_proxy", "NO_PROXY"):
                monkeypatch.delenv(name, raising=False)
            (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
            monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
            connect(toxic.url).send(ask()).read(10)
        assert proxy.connections == 0
        assert b"authorization" not in dict(toxic.requests[0].headers)

    # Interim answers

    @pytest.mark.parametrize("status", [b"100 Continue", b"102 Processing", b"103 Early Hints", b"199 X"])
    def test_interim_answers_are_skipped(self, connect: MakeTransport, status: bytes) -> None:
        """Up to eight 1xx answers go by; none of their headers stays."""
        interim = head(b"HTTP/1.1 " + status, b"Link: </a.css>; rel=preload")
        with ToxicServer([[interim * 8 + ok()]]) as toxic:
            answer = connect(toxic.url).send(ask())
            assert (answer.status, answer.read(10)) == (200, b"ok")
            assert all(name != "Link" for name, _ in answer.headers)

    def test_early_hint_does_not_shift_answers(self, connect: MakeTransport) -> None:
        """After a 103 and a while, each visitor still gets the answer to the own request."""

        def respond(request: Received) -> Script:
            return [head(b"HTTP/1.1 103 Early Hints"), Pause(0.05), ok(b"for " + request.target)]

        with ToxicServer(respond) as toxic:
            transport = connect(toxic.url)
            for visitor in ("anna", "bob", "cleo"):
                assert transport.send(ask(target=visitor)).read(100) == f"for /{visitor}".encode()
            assert toxic.connections == 1

    # Caps

    @pytest.mark.parametrize(
        "wire",
        [
            head(OK, b"Content-Length: 101") + b"x" * 101,
            head(OK, b"Content-Length: 999999999999"),
            CHUNKED + b"65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n",
            CHUNKED + b"33\r\n" + b"x" * 51 + b"\r\n33\r\n" + b"x" * 51 + b"\r\n",
            head(OK, b"Connection: close") + b"x" * 101,
        ],
    )
    def test_a_body_over_the_limit_is_refused(self, connect: MakeTransport, wire: bytes) -> None:
        """As soon as it is over, or says it will be; nobody waits for the rest."""
        with ToxicServer([[wire, HANG], [ok(b"second")]]) as toxic:
            transport = connect(toxic.url)
            with lasting(0, 1.0), pytest.raises(WireError, match="100 bytes"):
                transport.send(ask()).read(100)
            assert transport.send(ask()).read(100) == b"second"
            assert toxic.connections == 2

    def test_a_body_of_the_limit_is_read(self, connect: MakeTransport) -> None:
        """The limit itself is allowed, in every framing."""
        body = b"x" * 100
        chunks = CHUNKED + b"64\r\n" + body + b"\r\n0\r\n\r\n"
        with ToxicServer([[ok(body)], [chunks], [head(OK) + body, Close()]]) as toxic:
            transport = connect(toxic.url)
            assert [transport.send(ask()).read(100) for _ in range(3)] == [body] * 3

    def test_headers_at_their_limits_are_read(self, connect: MakeTransport) -> None:
        """64 headers, and nearly 32 KiB of them."""
        lines = [b"X-%d: " % number + b"y" * 500 for number in range(63)]
        with ToxicServer([[ok(b"ok", *lines)]]) as toxic:
            answer = connect(toxic.url).send(ask())
            assert (len(answer.headers), answer.read(10)) == (64, b"ok")

    # Deadlines

    @pytest.mark.parametrize("name", SLOW)
    def test_the_deadline_holds_for_head_and_body(self, connect: MakeTransport, name: str) -> None:
        """However the service is slow, the thread is free at the deadline, and late bytes go nowhere."""
        with ToxicServer([SLOW[name], [ok(b"second")]]) as toxic:
            transport = connect(toxic.url)
            with lasting(SHORT - 0.01, SHORT + SLACK), pytest.raises(ServiceTimeout):
                transport.send(ask(seconds=SHORT)).read(1000)
            assert transport.send(ask()).read(100) == b"second"
            assert toxic.connections == 2

    @pytest.mark.parametrize("step", [HANG, Sip(16 * 1024, 0.02)], ids=["reads nothing", "sips"])
    def test_the_deadline_holds_while_sending(self, connect: MakeTransport, step: Step) -> None:
        """A service that does not take the request, or takes it slowly, holds nobody."""
        size = 64 * 1024 * 1024
        with ToxicServer(greeting=[step]) as toxic:
            transport = connect(toxic.url)
            with lasting(SHORT - 0.01, SHORT + SLACK), pytest.raises(ServiceTimeout):
                transport.send(ask("POST", body=cast(BinaryIO, _Zeros(size)), length=size, seconds=SHORT))

    def test_a_black_hole_ends_at_the_connect_limit(self, connect: MakeTransport) -> None:
        """An address that never answers costs the connect limit, not the deadline."""
        with _black_hole() as url, lasting(SHORT - 0.01, SHORT + SLACK), pytest.raises(ServiceTimeout):
            connect(url).send(ask(connect=SHORT))

    def test_the_deadline_holds_while_connecting(self, connect: MakeTransport) -> None:
        """The connect limit is inside the deadline."""
        with _black_hole() as url, lasting(SHORT - 0.01, SHORT + SLACK), pytest.raises(ServiceTimeout):
            connect(url).send(ask(connect=5.0, seconds=SHORT))

    def test_a_past_deadline_sends_nothing(self, connect: MakeTransport) -> None:
        """Nothing is asked for that nobody waits for."""
        with ToxicServer() as toxic:
            with pytest.raises(ServiceTimeout):
                connect(toxic.url).send(ask(seconds=0.0))
            assert toxic.requests == []

    # Streams

    @pytest.mark.parametrize("by_flag", [True, False])
    def test_a_stream_outlives_the_deadline(self, connect: MakeTransport, by_flag: bool) -> None:
        """After the head of a stream the deadline is over."""
        steps: list[Step] = [head(OK, b"Content-Length: 4000"), *repeat(4, b"x" * 1000, Pause(0.15))]
        with ToxicServer([steps]) as toxic:
            transport = connect(toxic.url, limits=Limits(stall=0.4))
            answer = transport.send(ask(seconds=SHORT, stream=by_flag))
            if not by_flag:
                answer.to_stream()
            assert sum(map(len, answer.pieces())) == 4000

    def test_the_head_of_a_stream_has_the_deadline(self, connect: MakeTransport) -> None:
        """A stream that does not begin is no stream."""
        with ToxicServer([[HANG]]) as toxic:
            transport = connect(toxic.url)
            with lasting(SHORT - 0.01, SHORT + SLACK), pytest.raises(ServiceTimeout):
                transport.send(ask(seconds=SHORT, stream=True))

    @pytest.mark.parametrize(
        "steps",
        [
            [b"x" * 5000, HANG],
            [Drip(b"x" * 200, 0.05)],
            repeat(20, b"x" * 20, Pause(0.1)),
        ],
        ids=["stalls", "drips", "is too slow"],
    )
    def test_a_stream_is_cut(self, connect: MakeTransport, steps: list[Step]) -> None:
        """Without a byte for the stall limit, or below the minimum rate over as long."""
        with ToxicServer([[head(OK, b"Content-Length: 9999"), *steps]]) as toxic:
            transport = connect(toxic.url, limits=Limits(stall=SHORT))
            answer = transport.send(ask(stream=True))
            with lasting(SHORT - 0.01, 2 * SHORT + SLACK), pytest.raises(ServiceTimeout):
                list(answer.pieces())

    def test_a_slow_reader_does_not_make_a_service_slow(self, connect: MakeTransport) -> None:
        """Only time spent waiting for the service counts."""
        with ToxicServer([[ok(b"x" * 300)]]) as toxic:
            transport = connect(toxic.url, limits=Limits(stall=0.1))
            answer = transport.send(ask(stream=True))
            time.sleep(0.25)
            assert b"".join(answer.pieces()) == b"x" * 300

    def test_pieces_are_small_and_memory_is_flat(self, connect: MakeTransport) -> None:
        """A large file passes in pieces of at most 64 KiB."""
        size = 24 * 1024 * 1024
        block = b"x" * (1024 * 1024)
        with ToxicServer([[head(OK, b"Content-Length: %d" % size), *[block] * 24]]) as toxic:
            answer = connect(toxic.url).send(ask(stream=True))
            with memory_below(3 * 1024 * 1024):
                sizes = [len(piece) for piece in answer.pieces()]
        assert sum(sizes) == size
        assert max(sizes) <= PIECE

    def test_closing_early_closes_the_connection(self, connect: MakeTransport) -> None:
        """The rest of a body never reaches another request; closing twice is fine."""
        with ToxicServer([[ok(b"x" * 200000)], [ok(b"second")]]) as toxic:
            transport = connect(toxic.url)
            answer = transport.send(ask(stream=True))
            pieces = answer.pieces()
            assert next(pieces)
            answer.close()
            answer.close()
            assert transport.send(ask()).read(100) == b"second"
            assert toxic.connections == 2
            with pytest.raises(ValueError, match="close"):
                next(pieces)

    def test_closing_after_the_end_keeps_the_connection(self, connect: MakeTransport) -> None:
        """A body read to its end gives its connection back, once."""
        with ToxicServer() as toxic:
            transport = connect(toxic.url)
            for _ in range(3):
                answer = transport.send(ask(stream=True))
                assert b"".join(answer.pieces()) == b"ok"
                answer.close()
                answer.close()
            assert toxic.connections == 1

    # Connections

    def test_unsafe_requests_get_a_fresh_connection(self, connect: MakeTransport) -> None:
        """Nobody can tell a closed idle connection from work done: no POST goes out on one."""
        with ToxicServer() as toxic:
            transport = connect(toxic.url)
            for method in ("GET", "POST", "GET", "PUT", "DELETE", "PATCH", "GET"):
                transport.send(ask(method)).read(10)
        used = [request.connection for request in toxic.requests]
        assert used == [0, 1, 1, 2, 3, 4, 4]

    def test_stray_bytes_are_noticed(self, connect: MakeTransport) -> None:
        """Bytes that come after an answer are not the next answer."""
        stray: list[Step] = [ok(), Pause(0.05), ok(b"stray")]
        with ToxicServer([stray, [ok(b"second")]]) as toxic:
            transport = connect(toxic.url)
            assert transport.send(ask()).read(10) == b"ok"
            time.sleep(0.15)
            assert transport.send(ask()).read(10) == b"second"
            assert toxic.connections == 2

    def test_body_after_head_is_not_the_next_answer(self, connect: MakeTransport) -> None:
        """A service that sends a body after HEAD or 204 spoils its connection only."""
        with ToxicServer([[ok(b"stray")], [ok(b"second")]]) as toxic:
            transport = connect(toxic.url)
            assert transport.send(ask("HEAD")).read(10) == b""
            time.sleep(0.05)
            assert transport.send(ask()).read(10) == b"second"
            assert toxic.connections == 2

    def test_an_idle_connection_closed_by_the_service(self, connect: MakeTransport) -> None:
        """Is not used; nobody notices."""
        with ToxicServer([[ok(), Close()]]) as toxic:
            transport = connect(toxic.url)
            for method in ("GET", "GET", "POST", "POST"):
                assert transport.send(ask(method)).read(10) == b"ok"
                time.sleep(0.05)
            assert len(toxic.requests) == 4

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    @pytest.mark.parametrize("reset", [False, True])
    def test_a_safe_request_goes_out_once_more(
        self, connect: MakeTransport, method: str, reset: bool
    ) -> None:
        """The service closes just as we write: once more, on a fresh connection."""
        answer = head(OK, b"Content-Length: 0", b"X-A: second")
        with ToxicServer([[ok()], [Close(reset=reset)], [answer]]) as toxic:
            transport = connect(toxic.url)
            transport.send(ask()).read(10)
            assert ("X-A", "second") in transport.send(ask(method)).headers
            assert [request.connection for request in toxic.requests] == [0, 0, 1]

    def test_the_second_try_is_on_a_fresh_connection(self, connect: MakeTransport) -> None:
        """A service that restarts closes all its idle connections."""

        def respond(request: Received) -> Script:
            return [ok()] if request.target == b"/warm" or request.connection >= 3 else [Close()]

        with ToxicServer(respond) as toxic:
            transport = connect(toxic.url)
            answers = [transport.send(ask(target="warm")) for _ in range(3)]
            assert [answer.read(10) for answer in answers] == [b"ok"] * 3
            assert transport.send(ask()).read(10) == b"ok"

    def test_a_safe_request_with_a_file_goes_out_once_more(self, connect: MakeTransport) -> None:
        """The file is read again from its start."""
        with ToxicServer([[ok()], [Close()], [ok()]]) as toxic:
            transport = connect(toxic.url)
            transport.send(ask()).read(10)
            transport.send(ask("OPTIONS", body=io.BytesIO(b"hello"), length=5)).read(10)
            assert [request.body for request in toxic.requests] == [b"", b"hello", b"hello"]

    def test_twice_is_enough(self, connect: MakeTransport) -> None:
        """A service that always closes is asked twice, not for ever."""
        with ToxicServer([[Close()]]) as toxic:
            with pytest.raises(ServiceUnreachable):
                connect(toxic.url).send(ask())
            assert len(toxic.requests) == 2

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_an_unsafe_request_is_never_sent_twice(self, connect: MakeTransport, method: str) -> None:
        """The service may have done the work before it closed."""
        with ToxicServer([[Close()]]) as toxic:
            with pytest.raises(ServiceUnreachable):
                connect(toxic.url).send(ask(method))
            assert len(toxic.requests) == 1

    @pytest.mark.parametrize(
        "script", [[b"H", Close()], [head(b"HTTP/1.1 100 Continue"), Close()]], ids=["a byte", "an interim"]
    )
    def test_a_begun_answer_is_not_asked_for_again(self, connect: MakeTransport, script: Script) -> None:
        """One byte of an answer shows that the service took the request."""
        with ToxicServer([script]) as toxic:
            with pytest.raises(ServiceUnreachable):
                connect(toxic.url).send(ask())
            assert len(toxic.requests) == 1

    def test_the_second_try_has_the_same_deadline(self, connect: MakeTransport) -> None:
        """Two tries do not make two deadlines."""
        with ToxicServer([[Pause(0.2), Close()], [HANG]]) as toxic:
            with lasting(SHORT - 0.01, SHORT + SLACK), pytest.raises(ServiceTimeout):
                connect(toxic.url).send(ask(seconds=SHORT))
            assert len(toxic.requests) == 2

    def test_a_refused_connection(self, connect: MakeTransport) -> None:
        """Is said at once, with its cause."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with lasting(0, SLACK), pytest.raises(ServiceUnreachable) as caught:
            connect(f"http://127.0.0.1:{port}").send(ask())
        assert caught.value.__cause__ is not None

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_what_did_not_go_out_is_told_from_what_may_have_arrived(
        self, connect: MakeTransport, method: str
    ) -> None:
        """Only the first may be asked for elsewhere."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with pytest.raises(ServiceUnreachable) as refused:
            connect(f"http://127.0.0.1:{port}").send(ask(method))
        with ToxicServer([[Close()]]) as toxic, pytest.raises(ServiceUnreachable) as lost:
            connect(toxic.url).send(ask(method))
        assert (refused.value.is_unsent, lost.value.is_unsent) == (True, False)

    def test_more_threads_than_kept_connections(self, connect: MakeTransport) -> None:
        """Many threads at once each get their own answer, over a connection each."""
        together = threading.Barrier(40)

        def respond(request: Received) -> Script:
            return [Pause(0.02), ok(b"for " + request.target)]

        with ToxicServer(respond) as toxic, ThreadPoolExecutor(40) as threads:
            transport = connect(toxic.url)

            def visit(number: int) -> bool:
                together.wait(5)
                for turn in range(5):
                    target = f"{number}/{turn}"
                    if transport.send(ask(target=target)).read(100) != f"for /{target}".encode():
                        return False
                return True

            assert all(threads.map(visit, range(40)))
            assert toxic.connections >= 40

    def test_nothing_is_opened_before_the_first_request(self, connect: MakeTransport) -> None:
        """A host may fork after it has made its transports."""
        before = (open_descriptors(), threading.active_count())
        with ToxicServer() as toxic:
            connect("http://127.0.0.1:1")
            connect(toxic.url)
            assert toxic.connections == 0
        assert (open_descriptors(), threading.active_count()) == before

    def test_a_forked_process_starts_afresh(self, connect: MakeTransport) -> None:
        """Two processes never write on one connection."""

        def respond(request: Received) -> Script:
            return [ok(b"on %d" % request.connection)]

        with ToxicServer(respond) as toxic:
            transport = connect(toxic.url)
            assert transport.send(ask()).read(10) == b"on 0"
            assert _in_fork(lambda: transport.send(ask()).read(10)) == b"on 1"
            assert transport.send(ask()).read(10) == b"on 0"

    def test_no_descriptor_is_lost(self, connect: MakeTransport) -> None:
        """After every fault and `close`, all sockets are closed, none by the garbage collector."""
        before = open_descriptors()
        broken: list[Script] = [[wire, Close()] for wire in BROKEN.values()]
        for steps in [*CUT.values(), *broken]:
            with ToxicServer([steps]) as toxic:
                transport = connect(toxic.url)
                for method in ("GET", "POST"):
                    with pytest.raises((ServiceUnreachable, WireError)):
                        transport.send(ask(method)).read(1000)
                transport.close()
        assert open_descriptors() == before

    def test_close_ends_idle_connections(self, connect: MakeTransport) -> None:
        """And those in use when their answer ends; a request after that is fine."""
        release = threading.Event()
        slow: list[Step] = [head(OK, b"Content-Length: 2"), Until(release), b"ok"]
        with ToxicServer([[ok()], slow, [ok()]]) as toxic:
            transport = connect(toxic.url)
            transport.send(ask()).read(10)
            answer = transport.send(ask())
            transport.close()
            release.set()
            assert answer.read(10) == b"ok"
            _soon(lambda: toxic.open_connections == 0)
            assert transport.send(ask()).read(10) == b"ok"
            transport.close()
            transport.close()
            _soon(lambda: toxic.open_connections == 0)


class _Zeros:
    """A seekable file of zero bytes that remembers the largest piece asked for."""

    def __init__(self, size: int, *, broken: bool = False) -> None:
        self._size = size
        self._at = 0
        self._broken = broken
        self.largest = 0

    def read(self, size: int = -1) -> bytes:
        if self._broken:
            raise OSError("made up")
        size = self._size - self._at if size < 0 else min(size, self._size - self._at)
        self.largest = max(self.largest, size)
        self._at += size
        return bytes(size)

    def seek(self, offset: int, _whence: int = 0) -> int:
        self._at = offset
        return offset

    def tell(self) -> int:
        return self._at


@contextmanager
def _black_hole() -> Iterator[str]:
    """An address where connecting waits for ever: a listener whose queue is full."""
    waiting = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        try:
            for _ in range(4):
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex(listener.getsockname())
                waiting.append(client)
            time.sleep(0.02)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for client in waiting:
                client.close()


def _in_fork(work: Callable[[], bytes]) -> bytes:
    """What `work` returns in a forked child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, work())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as result:
        got = result.read()
    os.waitpid(child, 0)
    return got


def _soon(is_true: Callable[[], bool]) -> None:
    """Waits at most 2 s for something in another thread."""
    end = time.monotonic() + 2
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.005)
