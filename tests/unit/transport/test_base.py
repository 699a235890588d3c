"""What transports over kept connections share, beyond their contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from plugit_wsgi.clock import SystemClock
from plugit_wsgi.config import Limits
from plugit_wsgi.testing.toxic import ToxicServer
from plugit_wsgi.testing.transport_contract import ask
from plugit_wsgi.transport.base import IDLE
from plugit_wsgi.transport.curl import CurlTransport
from plugit_wsgi.transport.requests import RequestsTransport


@pytest.fixture(params=[RequestsTransport, CurlTransport])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


class TurnableClock(SystemClock):
    def __init__(self) -> None:
        self.turned = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.turned


@pytest.fixture
def toxic() -> Iterator[ToxicServer]:
    with ToxicServer() as toxic:
        yield toxic


def test_a_long_idle_connection_is_not_used(kind: Any, toxic: ToxicServer) -> None:
    """A router on the way may have forgotten it, and then nobody answers at all."""
    clock = TurnableClock()
    transport = kind(toxic.url, limits=Limits(), clock=clock)
    for turn in (0.0, IDLE / 2, IDLE / 2, IDLE + 1):
        clock.turned += turn
        transport.send(ask()).read(10)
    assert [request.connection for request in toxic.requests] == [0, 0, 0, 1]
    transport.close()


def test_no_more_connections_are_kept_than_the_pool_holds(kind: Any, toxic: ToxicServer) -> None:
    """More may be in use."""
    transport = kind(toxic.url, limits=Limits(), clock=SystemClock(), pool_size=2)
    answers = [transport.send(ask()) for _ in range(4)]
    assert [answer.read(10) for answer in answers] == [b"ok"] * 4
    transport.send(ask()).read(10)
    assert [request.connection for request in toxic.requests] == [0, 1, 2, 3, 3]
    transport.close()


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:{port}/base", "127.0.0.1:{port}"),
        ("http://localhost:{port}", "localhost:{port}"),
        ("http://user:secret@localhost:{port}", "localhost:{port}"),
    ],
)
def test_host_is_that_of_the_base_url(kind: Any, toxic: ToxicServer, url: str, host: str) -> None:
    """As it was configured, without credentials."""
    transport = kind(url.format(port=toxic.port), limits=Limits(), clock=SystemClock())
    transport.send(ask()).read(10)
    assert dict(toxic.requests[0].headers)[b"host"].decode() == host.format(port=toxic.port)
    transport.close()


def test_what_is_in_use_at_the_end_is_closed_when_it_comes_back(kind: Any, toxic: ToxicServer) -> None:
    """A service that is not mounted any more finishes what is under way, and keeps no connection."""
    transport = kind(toxic.url, limits=Limits(), clock=SystemClock())
    answer = transport.send(ask())
    transport.close()
    assert answer.read(10) == b"ok"
    assert transport.send(ask()).read(10) == b"ok"
    assert transport.send(ask()).read(10) == b"ok"
    assert [request.connection for request in toxic.requests] == [0, 1, 2]
