"""F5 to F8, F11, F21, F37: large files that drip, break off or never end, and visitors who read slowly."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest

from plugit_wsgi.testing.faults import Asked, answer
from plugit_wsgi.testing.toxic import Close, Drip, Hang, Pause, Script
from tests.faults.conftest import MakeWorld
from tests.faults.world import BUSY, GRACE, QUICK, World, soon

MIB = 1024 * 1024
LINES = ("Content-Type: application/octet-stream", "EbuIo-PlugIt-ItAFile: yes")
BEGUN = answer(b"", *LINES, length=3 * MIB) + b"x" * 200_000
CHUNKED = b"HTTP/1.1 200 OK\r\nEbuIo-PlugIt-ItAFile: yes\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECE = b"x" * 1000
BROKEN: dict[str, Script] = {
    "f05-drips-from-the-start": [answer(b"", *LINES, length=3 * MIB), Drip(b"x" * 1000, 0.02)],
    "f06-drips": [BEGUN, Drip(b"x" * 1000, 0.02)],
    "f06-stalls": [BEGUN, Hang()],
    "f07-closes": [BEGUN, Close()],
    "f08-resets": [BEGUN, Pause(0.05), Close(reset=True)],
    "f11-bad-chunk": [CHUNKED + b"3e8\r\n" + PIECE + b"\r\n0_2\r\nxx\r\n0\r\n\r\n"],
    "f11-chunk-without-end": [CHUNKED + b"3e8\r\n" + PIECE + b"y3\r\n"],
    "f07-last-chunk-missing": [CHUNKED + b"3e8\r\n" + PIECE + b"\r\n", Close()],
}
SLOW = ("f05", "f06")


@pytest.fixture
def address(world: World, serve: Callable[[Any], str]) -> str:
    """The host on a socket of its own."""
    return urlsplit(serve(world.host.middleware)).netloc


CALLS = [*((name, "action") for name in BROKEN), ("f06-stalls", "media"), ("f07-closes", "media")]


@pytest.mark.parametrize(("name", "call"), CALLS)
def test_f05_to_f11_a_file_that_breaks_is_never_whole(
    world: World, address: str, name: str, call: str
) -> None:
    """The visitor's connection breaks off as well, in time; the place is free, and one line tells of it."""
    world.teach(name, lambda _: BROKEN[name])
    world.expect_well()
    world.forget()
    connection = http.client.HTTPConnection(address, timeout=5)
    connection.request("GET", "/s/x/" + ("media/" if call == "media" else "") + name)
    response = connection.getresponse()
    started = time.monotonic()
    assert response.status == 200
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        response.read()
    response.close()
    connection.close()
    taken = time.monotonic() - started
    assert taken < (2 * QUICK.stall + GRACE if name.startswith(SLOW) else GRACE) + BUSY
    soon(lambda: world.streams.taken == 0 and world.places.taken == 0)
    soon(lambda: world.toxic.server.open_connections == 0)
    soon(lambda: len(world.lines) == 1)
    world.expect_told(1)
    world.expect_well()


def test_f21_sends_a_file_without_end(world: World, address: str) -> None:
    """It flows as long as the visitor reads, and holds no place of a page; who leaves ends it."""

    def endless(_: Asked) -> Iterator[Any]:
        yield answer(b"", *LINES, length=10**15)
        while True:
            yield b"x" * 65536

    world.teach("endless", endless)
    world.expect_well()
    connection = http.client.HTTPConnection(address, timeout=5)
    connection.request("GET", "/s/x/endless")
    response = connection.getresponse()
    ends = time.monotonic() + QUICK.page + QUICK.stall
    while time.monotonic() < ends:
        assert response.read(MIB)
        assert (world.streams.taken, world.places.taken) == (1, 0)
    connection.close()
    response.close()
    soon(lambda: world.streams.taken == 0)
    soon(lambda: world.toxic.server.open_connections == 0)
    world.expect_well()


@pytest.fixture
def hang_ups() -> Iterator[ExitStack]:
    """Sockets that are left open."""
    with ExitStack() as stack:
        yield stack


def knock(address: str, target: str) -> socket.socket:
    """A visitor who sends a request, and reads nothing yet."""
    host, _, port = address.partition(":")
    visitor = socket.socket()
    visitor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    visitor.settimeout(5)
    visitor.connect((host, int(port)))
    visitor.sendall(f"GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
    return visitor


def test_f37_ten_slow_readers_hold_no_place_of_a_page(
    world: World, address: str, hang_ups: ExitStack
) -> None:
    """They hold the places of streams at most; pages come as if they were not there."""
    world.expect_well()
    readers = [hang_ups.enter_context(knock(address, "/s/x/huge-file")) for _ in range(10)]
    heads = sorted(reader.recv(12).split()[1] for reader in readers)
    count = world.streams.count - 1  # one is kept for the other services
    assert heads == [b"200"] * count + [b"503"] * (10 - count)
    for _ in range(3):
        assert world.places.taken == 0
        world.expect_well()
    assert world.streams.taken == count
    hang_ups.close()
    soon(lambda: world.streams.taken == 0)
    soon(lambda: world.toxic.server.open_connections <= 1)


def test_f37_a_reader_that_reads_slowly_gets_all_of_it(make_world: MakeWorld, serve: Any) -> None:
    """Only the service's slowness ends a stream: time that the visitor takes is not the service's."""
    world = make_world()
    size = 6 * MIB
    world.teach("large", lambda _: [answer(b"", *LINES, length=size), b"x" * size])
    address = urlsplit(serve(world.host.middleware)).netloc
    with knock(address, "/s/x/large") as reader:
        time.sleep(2 * QUICK.stall)
        got = 0
        while got < size and (data := reader.recv(MIB)):
            got += len(data)
    assert got >= size


@pytest.mark.parametrize("name", ["hang", "drip-body"])
def test_f37_a_visitor_that_left_holds_a_place_until_the_deadline_at_most(
    world: World, address: str, name: str
) -> None:
    """No server tells an application that the visitor has gone while it waits."""
    world.expect_well()
    knock(address, f"/s/x/{name}").close()
    soon(lambda: world.places.taken == 1)
    started = time.monotonic()
    soon(lambda: world.places.taken == 0)
    assert time.monotonic() - started < QUICK.page + GRACE + BUSY
    world.expect_well()
