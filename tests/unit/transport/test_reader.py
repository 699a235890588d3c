from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from plugit_wsgi.clock import Deadline, SystemClock
from plugit_wsgi.errors import ServiceTimeout, ServiceUnreachable, WireError
from plugit_wsgi.transport.patience import UntilDeadline
from plugit_wsgi.transport.reader import WireReader


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def reader_of(sock: socket.socket) -> WireReader:
    return WireReader(sock, UntilDeadline(Deadline.after(0.1, SystemClock())))


def feed(ends: tuple[socket.socket, socket.socket], reader: WireReader, first: bytes, second: bytes) -> bytes:
    """What comes of a head that arrives in two pieces."""
    ends[1].sendall(first)
    with pytest.raises(ServiceTimeout):
        reader.head(1000)
    ends[1].sendall(second)
    reader.patience = UntilDeadline(Deadline.after(0.1, SystemClock()))
    return reader.head(1000)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"HTTP/1.1 200 OK\r", b"x"),
        (b"HTTP/1.1 200 OK", b"\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"\0"),
        (b"HT", b"ML"),
        (b"HTTP/1.1 200 OK", b"x" * 1000),
    ],
)
def test_a_hopeless_head_is_refused_before_it_ends(
    ends: tuple[socket.socket, socket.socket], first: bytes, second: bytes
) -> None:
    """Nobody waits for the end of what can be no head, wherever it was cut."""
    with pytest.raises(WireError):
        feed(ends, reader_of(ends[0]), first, second)


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_head_is_found_wherever_it_is_cut(ends: tuple[socket.socket, socket.socket], cut: int) -> None:
    """Its end may be spread over two pieces."""
    wire = b"HTTP/1.1 200 OK\r\nX: abcdef\r\n\r\n"
    ends[1].sendall(wire[:cut])
    sender = threading.Timer(0.01, ends[1].sendall, [wire[cut:] + b"rest"])
    sender.start()
    reader = reader_of(ends[0])
    assert reader.head(1000) == wire[:-4]
    sender.join()
    assert reader.take(100) == b"rest"


def test_an_end_is_said_apart_from_silence(ends: tuple[socket.socket, socket.socket]) -> None:
    """Nothing heard, and the connection ended."""
    ends[1].close()
    reader = reader_of(ends[0])
    with pytest.raises(ServiceUnreachable):
        reader.head(1000)
    assert not reader.heard
    assert not reader.has_rest


def test_takes_no_more_than_asked(ends: tuple[socket.socket, socket.socket]) -> None:
    """The rest stays."""
    ends[1].sendall(b"hello")
    reader = reader_of(ends[0])
    assert [reader.take(2), reader.take(2), reader.take(2)] == [b"he", b"ll", b"o"]
    assert reader.heard
