"""F1 to F3, F34, F35, F43, F45: connections refused, lost or never made, and clocks that are wrong."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from plugit_wsgi.sdk import Request, ServiceApp, action
from plugit_wsgi.testing.ledger import run_ledger
from plugit_wsgi.testing.toxic import Close, Pause, ToxicService
from plugit_wsgi.transport.resolve import FRESH
from plugit_wsgi.wire.keys import format_service_key, load_secrets, service_keys
from tests.faults.conftest import MakeWorld
from tests.faults.world import BUSY, GRACE, MARK, QUICK, World, limits
from tests.integration.conftest import SECRET

NAME = "toxic.localhost"


def test_f01_refuses_the_connection(world: World) -> None:
    """502 within 10 ms, the best of three where the machine does nothing else; then all is well again."""
    world.expect_well()
    world.toxic.be("refuse")
    world.forget()
    seen = [world.visit("fine") for _ in range(3)]
    assert [one.status for one in seen] == [502] * 3
    assert min(one.seconds for one in seen) < 0.01
    world.expect_nothing_shown(seen[0])
    world.expect_free()
    assert (len(world.faults), len(world.lines)) == (3, 1)  # a line a second at most
    assert world.visit("fine", mount="good").status == 200
    world.toxic.be("well")
    world.expect_well()


def test_f01_refuses_before_anything_is_known(world: World) -> None:
    """502 without a meta: nobody knows the rules, so nothing is shown."""
    world.toxic.be("refuse")
    seen = world.visit("fine")
    assert (seen.status, MARK in seen.text) == (502, False)
    world.expect_told(1)


class Names:
    """Stands for the system's resolver where it is asked for `NAME`."""

    def __init__(self) -> None:
        self.error: OSError | None = None
        self.known = threading.Event()
        self.known.set()
        self._real = socket.getaddrinfo

    def __call__(self, host: str, *more: Any, **named: Any) -> Any:
        if host != NAME:
            return self._real(host, *more, **named)
        self.known.wait(5)
        if self.error is not None:
            raise self.error
        return self._real("127.0.0.1", *more, **named)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    """What `NAME` resolves to."""
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    yield names
    names.known.set()


@pytest.fixture
def named(names: Names, make_world: MakeWorld) -> World:
    """A world whose broken service is called by its name."""
    world = make_world(named=NAME)
    world.toxic.heal()
    return world


def test_f02_has_a_name_that_does_not_resolve(named: World, names: Names) -> None:
    """502, and well as soon as it does."""
    names.error = socket.gaierror("no such name")
    seen = named.visit("fine")
    assert (seen.status, seen.seconds < GRACE + BUSY) == (502, True)
    named.expect_nothing_shown(seen)
    named.expect_free()
    named.expect_told(1)
    names.error = None
    named.expect_well()


def test_f02_has_a_name_that_resolves_slowly(named: World, names: Names) -> None:
    """504 at the connect limit; those who come meanwhile cost no more threads than one."""
    names.known.clear()
    before = threading.active_count()
    for _ in range(3):
        seen = named.visit("fine")
        assert seen.status == 504
        assert QUICK.connect <= seen.seconds < QUICK.connect + GRACE + BUSY
    assert threading.active_count() == before + 1
    named.expect_free()
    names.known.set()
    named.expect_well()


def test_f02_keeps_the_last_good_address(named: World, names: Names) -> None:
    """Once it was known, a name server that fails or hangs is nothing that a visitor feels."""
    named.expect_well()
    names.error = socket.gaierror("temporary failure")
    lose_connections(named)
    named.expect_well()
    names.error = None
    names.known.clear()
    lose_connections(named)
    seen = named.visit("fine")
    assert (seen.status, seen.seconds < QUICK.connect) == (200, True)
    names.known.set()


def lose_connections(world: World) -> None:
    """The name is needed for new ones, and what is known of it is old."""
    world.toxic.be("refuse")
    world.toxic.be("well")
    world.clock.ahead += FRESH + 1


def test_f03_is_a_black_hole(make_world: MakeWorld) -> None:
    """504 at the connect limit, not at the page's."""
    world = make_world(limits=limits(page=2.0, connect=0.25))
    world.expect_well()
    world.toxic.be("black-hole")
    world.forget()
    seen = world.visit("fine")
    assert seen.status == 504
    assert 0.25 <= seen.seconds < 0.25 + GRACE + BUSY
    world.expect_nothing_shown(seen)
    world.expect_free()
    world.expect_told(1)
    assert world.visit("fine", mount="good").status == 200
    world.toxic.be("well")
    world.expect_well()


def test_f34_restarts_in_mid_request(world: World) -> None:
    """A GET is sent once more on a fresh connection, since not a byte had come; the visitor sees nothing."""
    world.visit("restart")
    world.toxic.reset()
    assert f"{MARK}restart" in world.visit("restart").text
    assert world.toxic.calls["action/restart"] == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_f34_restarts_in_mid_post(world: World, method: str) -> None:
    """Nobody knows whether it was done: it is never sent twice, and the visitor is told that it failed."""
    world.expect_well()
    world.toxic.reset()
    seen = world.visit("restart", method=method)
    assert (seen.status, world.toxic.calls["action/restart"]) == (502, 1)
    world.expect_nothing_shown(seen)
    world.expect_free()


def test_f34_closes_after_a_byte(world: World) -> None:
    """A byte came, so a GET is not sent again either."""
    world.teach("byte", lambda asked: [asked.page[:1], Close()])
    world.suffer("byte", status=502, within=0.05)
    assert world.toxic.calls["action/byte"] == 1


def test_f34_f35_no_post_is_doubled_and_none_is_lost() -> None:
    """A service that is killed at random moments has each POST at most once, and each 2xx exactly once."""
    report = run_ledger(seconds=1.5, seed=34)
    report.check()
    assert report.kills >= 2


def test_f35_closes_idle_connections(world: World) -> None:
    """As we write, or before: no POST is lost, no page either."""
    world.visit("fine")
    for _ in range(20):
        for method in ("GET", "POST"):
            seen = world.visit("idle-close", method=method)
            assert f"{MARK}idle-close" in seen.text
    assert world.toxic.calls["action/idle-close"] == 40


@pytest.mark.parametrize("delay", [0.0, 0.0005, 0.002])
def test_f35_closes_while_posts_go_out(world: World, delay: float) -> None:
    """The service closes a little later than it answers, so that it happens while the next call goes out."""
    world.teach("soon", lambda asked: [asked.page, Pause(delay), Close()])
    world.visit("fine")
    statuses = [world.visit("soon", method=method).status for method in ("GET", "POST") * 25]
    assert statuses == [200] * 50
    assert world.toxic.calls["action/soon"] >= 50


@pytest.fixture
def make_wrong(
    make_world: MakeWorld, serve: Callable[[Any], str], tmp_path: Path
) -> Callable[[float], World]:
    """`make_wrong(ahead)`: the service believes only what its host has signed, by a clock that is wrong."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "note.html").write_text("{{ user }} wrote", "utf-8")

    @action("/fine", template="note.html", methods=["GET", "POST"])
    def note(request: Request) -> dict[str, str]:
        assert request.plugit.user is not None
        return {"user": f"user {request.plugit.user.id}"}

    def make(ahead: float) -> World:
        key = format_service_key(service_keys(load_secrets(SECRET), "x"))
        module = SimpleNamespace(note=note)
        app = ServiceApp(module, key=key, folder=tmp_path, clock=lambda: time.time() + ahead)
        return make_world(url=serve(app))

    return make


@pytest.mark.parametrize("ahead", [-29, 0, 29])
def test_f43_has_a_clock_that_is_wrong(make_wrong: Callable[[float], World], ahead: float) -> None:
    """Contexts are taken for what they are, up to 30 s off, of pages and of posts."""
    world = make_wrong(ahead)
    for method in ("GET", "POST"):
        assert "user 7 wrote" in world.visit("fine", method=method).text


@pytest.mark.parametrize("ahead", [-40, 100])
def test_f43_has_a_clock_that_is_very_wrong(make_wrong: Callable[[float], World], ahead: float) -> None:
    """A context of another time is none."""
    assert make_wrong(ahead).visit("fine").status == 401


@pytest.mark.parametrize("wrong", [-30, 30, 86_400])
def test_f43_the_host_s_clock_is_set(world: World, wrong: float) -> None:
    """Timers are monotonic: what is kept stays kept, and what waits waits no longer."""
    world.visit("hot")
    world.clock.wrong = wrong
    assert f"{MARK}hot" in world.visit("hot").text
    assert (world.toxic.calls["action/hot"], world.toxic.calls["meta/hot"]) == (1, 1)


def test_f43_the_host_s_clock_is_set_while_a_page_waits(world: World) -> None:
    """It waits as long as ever."""
    world.clock.wrong = -3600
    world.suffer("hang", status=504, at_least=QUICK.page, within=QUICK.page + GRACE)


def test_f45_is_down_when_the_host_starts(make_world: MakeWorld) -> None:
    """The host starts within a second and serves its pages; the service is there as soon as it is."""
    with ToxicService() as away:
        away.heal()
        away.be("refuse")
        started = time.monotonic()
        world = make_world(url=away.url)
        assert world.host.visitor().get("/").text == "the host at /"
        assert time.monotonic() - started < 1.0
        assert world.visit("fine").status == 502
        away.be("well")
        assert f"{MARK}fine" in world.visit("fine").text
