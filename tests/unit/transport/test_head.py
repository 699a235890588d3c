from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugit_wsgi.errors import WireError
from plugit_wsgi.interfaces import Headers
from plugit_wsgi.transport.head import Framing, Head, compose_head, framing, parse_head

OWN = (("Host", "h"), ("User-Agent", "u"))
NAMES = st.text("abcXYZ019-_!", min_size=1, max_size=12)
VALUES = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=30)


@pytest.mark.parametrize(
    ("headers", "length", "expected"),
    [
        ((), None, b"GET /p HTTP/1.1\r\nHost: h\r\nUser-Agent: u\r\n\r\n"),
        ((("X", ""),), 3, b"GET /p HTTP/1.1\r\nX: \r\nHost: h\r\nUser-Agent: u\r\nContent-Length: 3\r\n\r\n"),
        ((("USER-AGENT", "me"),), None, b"GET /p HTTP/1.1\r\nUSER-AGENT: me\r\nHost: h\r\n\r\n"),
    ],
)
def test_composes_a_head(headers: Headers, length: int | None, expected: bytes) -> None:
    """The caller's lines as they are, then ours."""
    assert compose_head("GET", "/p", headers, OWN, length) == expected


@given(st.lists(st.tuples(NAMES, VALUES), max_size=10))
def test_what_is_composed_is_parsed_again(headers: list[tuple[str, str]]) -> None:
    """Names and values survive the wire, but for blanks around a value."""
    sent = tuple((f"X-{name}", value) for name, value in headers)
    _, _, lines = compose_head("GET", "/p", sent, (), None).partition(b"\r\n")
    got = parse_head(b"HTTP/1.1 200 OK\r\n" + lines.removesuffix(b"\r\n\r\n"), 64) if sent else None
    assert got is None or got.headers == tuple((name, value.strip(" \t")) for name, value in sent)


@pytest.mark.parametrize("name", ["", " X", "X:", "Host: elsewhere", "X\r\nY", "\u212a", "caf\xe9"])
def test_one_wrong_name_among_good_ones_is_refused(name: str) -> None:
    """The Kelvin sign becomes a letter of ASCII in lower case, and is none."""
    with pytest.raises(ValueError, match=r"can say|codec"):
        compose_head("GET", "/p", (("X-A", "1"), (name, "2"), ("X-B", "3")), OWN, None)


def test_a_refusal_says_no_value() -> None:
    """Those beside the wrong one are a context, cookies and session values; the error is logged."""
    with pytest.raises(ValueError, match="X-Wrong") as caught:
        compose_head("GET", "/p", (("X-Plugit-Context", "secret"), ("X-Wrong", "a\nb")), OWN, None)
    assert "secret" not in str(caught.value)


@given(st.binary(max_size=200))
def test_nonsense_is_refused_or_read_but_never_breaks(noise: bytes) -> None:
    """Whatever comes, the error is ours."""
    for raw in (noise, b"HTTP/1.1 200 " + noise, b"HTTP/1.1 200 OK\r\nContent-Length: " + noise):
        try:
            framing("GET", parse_head(raw, 64))
        except WireError:
            continue


@given(st.text(st.characters(max_codepoint=255), max_size=20), st.text(st.characters(max_codepoint=255)))
def test_no_header_becomes_two(name: str, value: str) -> None:
    """A header that is sent is one line."""
    try:
        head = compose_head("GET", "/p", ((name, value),), (), None)
    except ValueError:
        return
    assert head.count(b"\r") == head.count(b"\n") == 3
    assert b"\0" not in head


@pytest.mark.parametrize(
    ("minor", "lines", "reusable"),
    [
        (1, (), True),
        (1, (("Connection", "close"),), False),
        (1, (("connection", "Keep-Alive, CLOSE"),), False),
        (1, (("Connection", "keep-alive"), ("Connection", "close")), False),
        (1, (("Connection", "x-closed"),), True),
        (0, (), False),
        (0, (("Connection", "Keep-Alive"),), True),
        (0, (("Connection", "keep-alive, close"),), False),
    ],
)
def test_a_connection_is_used_again_only_where_both_want_it(
    minor: int, lines: Headers, reusable: bool
) -> None:
    """RFC 9112 section 9.3."""
    head = Head(minor=minor, status=200, headers=(("Content-Length", "5"), *lines))
    assert framing("GET", head) == Framing(length=5, reusable=reusable)


def test_a_body_without_length_ends_its_connection() -> None:
    """Whatever Connection says."""
    head = Head(minor=1, status=200, headers=(("Connection", "keep-alive"),))
    assert framing("GET", head) == Framing()


@pytest.mark.parametrize(
    "lines",
    [
        b"X: " + b" " * 30000 + b"\a",
        b"X" * 30000,
        b"X: " + b"\t " * 15000 + b"\a",
        b"Connection: " + b"," * 30000,
        b"Content-Length: " + b"1," * 15000,
    ],
)
def test_the_longest_nonsense_is_refused_quickly(lines: bytes) -> None:
    """No pattern takes quadratic time."""
    before = time.process_time()
    with suppress(WireError):
        framing("GET", parse_head(b"HTTP/1.1 200 OK\r\n" + lines, 64))
    assert time.process_time() - before < 0.05
