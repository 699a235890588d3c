from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from plugit_wsgi.clock import Deadline, SystemClock
from plugit_wsgi.config import Limits
from plugit_wsgi.errors import ServiceTimeout, ServiceUnreachable
from plugit_wsgi.testing.toxic import ToxicServer
from plugit_wsgi.testing.transport_contract import SHORT, SLACK, ask, lasting
from plugit_wsgi.transport.requests import RequestsTransport
from plugit_wsgi.transport.resolve import FRESH, Resolver


class TurnableClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Names:
    """Stands for the system's resolver: counts, answers, fails or hangs."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: Any = [_line("192.0.2.1")]
        self.free = threading.Event()
        self.free.set()

    def __call__(self, host: str, port: int, **_: Any) -> Any:
        self.asked += 1
        self.free.wait(5)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def _line(address: str, port: int = 80) -> Any:
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    yield names
    names.free.set()
    for thread in threading.enumerate():
        if thread.name == "resolve":
            thread.join(5)


def soon(seconds: float = 2.0) -> Deadline:
    return Deadline.after(seconds, SystemClock())


def settle() -> None:
    for thread in threading.enumerate():
        if thread.name == "resolve":
            thread.join(5)


def test_an_address_needs_no_look_up(names: Names) -> None:
    """Literal addresses are used as they are."""
    clock = SystemClock()
    assert Resolver("127.0.0.1", 81, clock).addresses(soon()) == ((socket.AF_INET, ("127.0.0.1", 81)),)
    assert Resolver("::1", 81, clock).addresses(soon()) == ((socket.AF_INET6, ("::1", 81)),)
    assert names.asked == 0


def test_a_name_is_looked_up_once_in_a_while(names: Names) -> None:
    """While its addresses are fresh nobody asks; then one look-up goes on while the last ones serve."""
    clock = TurnableClock()
    resolver = Resolver("service.example", 80, clock)
    first = resolver.addresses(soon())
    assert resolver.addresses(soon()) == first
    assert names.asked == 1
    names.answer = [_line("192.0.2.2")]
    clock.now += FRESH + 1
    assert resolver.addresses(soon()) == first
    settle()
    assert resolver.addresses(soon()) == ((socket.AF_INET, ("192.0.2.2", 80)),)
    assert names.asked == 2


@pytest.mark.parametrize("failure", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
def test_the_last_good_addresses_are_kept(names: Names, failure: Exception) -> None:
    """A name server that is down does not take down a service that is up."""
    clock = TurnableClock()
    resolver = Resolver("service.example", 80, clock)
    first = resolver.addresses(soon())
    names.answer = failure
    for _ in range(3):
        clock.now += FRESH + 1
        assert resolver.addresses(soon()) == first
        settle()


def test_an_unknown_name_is_unreachable(names: Names) -> None:
    """And is asked for again next time."""
    names.answer = socket.gaierror(-2, "unknown")
    resolver = Resolver("service.example", 80, SystemClock())
    with pytest.raises(ServiceUnreachable):
        resolver.addresses(soon())
    names.answer = [_line("192.0.2.1")]
    assert resolver.addresses(soon())


def test_a_look_up_that_hangs_ends_at_the_deadline(names: Names) -> None:
    """And costs one thread, however many wait for it."""
    names.free.clear()
    resolver = Resolver("service.example", 80, SystemClock())
    for _ in range(3):
        with lasting(0.09, 0.3), pytest.raises(ServiceTimeout):
            resolver.addresses(soon(0.1))
    assert names.asked == 1
    names.free.set()
    assert resolver.addresses(soon())
    assert names.asked == 1


def test_a_hanging_name_costs_the_connect_limit(names: Names) -> None:
    """Resolving is part of connecting."""
    names.free.clear()
    transport = RequestsTransport("http://service.example", limits=Limits(), clock=SystemClock())
    with lasting(SHORT - 0.01, SHORT + SLACK), pytest.raises(ServiceTimeout):
        transport.send(ask(connect=SHORT))
    transport.close()


def test_the_next_address_is_tried(names: Names) -> None:
    """A name with a dead address and a good one works."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dead = listener.getsockname()[1]
    with ToxicServer() as toxic:
        names.answer = [_line("127.0.0.1", dead), _line("127.0.0.1", toxic.port)]
        transport = RequestsTransport("http://service.example", limits=Limits(), clock=SystemClock())
        assert transport.send(ask()).read(10) == b"ok"
        assert dict(toxic.requests[0].headers)[b"host"] == b"service.example"
        transport.close()


def test_no_address_is_unreachable(names: Names) -> None:
    """A name may exist and have none."""
    names.answer = []
    transport = RequestsTransport("http://service.example", limits=Limits(), clock=SystemClock())
    with pytest.raises(ServiceUnreachable):
        transport.send(ask())
    transport.close()
