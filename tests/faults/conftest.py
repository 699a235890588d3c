"""A host with a toxic service and a good one, on real sockets; after each test everything is given back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from plugit_wsgi import PlugItMiddleware, Service
from plugit_wsgi.events import Event
from plugit_wsgi.testing import faults
from plugit_wsgi.testing.toxic import ToxicService
from tests.faults.world import QUICK, TurnedClock, World, nothing_left
from tests.integration.conftest import SECRET, Host, host_app, identify

MakeWorld = Callable[..., World]


@pytest.fixture(autouse=True)
def quick_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """What drips and what is late does so within tenths of seconds."""
    monkeypatch.setattr(faults, "BEAT", 0.05)
    monkeypatch.setattr(faults, "LATE", 0.5)


#: Modules with rows that a transport decides: run with each.
BY_TRANSPORT = ("test_answers", "test_connections", "test_streams")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Once for each transport, where that matters."""
    module = metafunc.module.__name__.rpartition(".")[2]
    if "transport" in metafunc.fixturenames and module in BY_TRANSPORT:
        metafunc.parametrize("transport", ["requests", "curl"], indirect=True)


@pytest.fixture
def transport(request: pytest.FixtureRequest) -> str:
    """What carries the calls to the broken service."""
    name: str = getattr(request, "param", "requests")
    return name


@pytest.fixture
def make_world(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, transport: str
) -> Iterator[MakeWorld]:
    """`make_world(...)`; arguments are the middleware's, or with `of_service` the broken service's."""
    caplog.set_level("INFO", "plugit_wsgi")
    with nothing_left(), ExitStack() as open_ones:

        def make(*, of_service: Any = None, url: str = "", named: str = "127.0.0.1", **options: Any) -> World:
            toxic = open_ones.enter_context(ToxicService())
            good = open_ones.enter_context(ToxicService())
            good.heal()
            clock, events = TurnedClock(), list[Event]()
            given = {"limits": QUICK, "identify": identify, "observe": events.append, "clock": clock}
            services = [
                Service(
                    "x",
                    url or f"http://{named}:{toxic.server.port}",
                    **{"transport": transport, **(of_service or {})},
                ),
                Service("good", good.url),
            ]
            middleware = PlugItMiddleware(host_app, services, SECRET, **{**given, **options})
            open_ones.callback(middleware.close)
            return World(
                Host(middleware),
                toxic,
                good,
                clock=clock,
                events=events,
                caplog=caplog,
                monkeypatch=monkeypatch,
            )

        yield make


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """The plain one."""
    return make_world()
