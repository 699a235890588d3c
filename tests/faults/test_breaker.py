"""F40 and G5, G6: who does not answer is not asked for a while, and is asked again."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from plugit_wsgi.events import CircuitChanged
from plugit_wsgi.testing.faults import FAULTS, answer
from plugit_wsgi.testing.toxic import Close, Pause, Until
from tests.faults.conftest import MakeWorld
from tests.faults.world import QUICK, Seen, World, limits

#: Seconds a breaker stays open at first and at most, give or take a fifth.
FIRST, LONGEST, SPREAD = 5.0, 60.0, 0.2
IN_A_ROW = 5
OPENS = sorted(
    name for name, fault in FAULTS.items() if fault.counts and fault.on == "action" and name != "flap"
)


def state(world: World) -> str:
    """Of the breaker of the service."""
    found: str = world.client.exchanges.circuits.state
    return found


def changes(world: World) -> list[tuple[str, str]]:
    """What observers were told."""
    return [(event.reason, event.state) for event in world.events if isinstance(event, CircuitChanged)]


def visits(world: World, name: str, times: int) -> list[Seen]:
    """That many."""
    return [world.visit(name) for _ in range(times)]


def open_it(world: World) -> None:
    """The service refuses connections until its breaker is open."""
    world.expect_well()
    world.toxic.be("refuse")
    visits(world, "fine", IN_A_ROW)
    assert state(world) == "open"


@pytest.mark.parametrize("name", OPENS)
def test_faults_of_the_service_open_it(world: World, name: str) -> None:
    """Five in a row, and the sixth visitor does not reach the service, whatever the action."""
    world.expect_well()
    assert {seen.status for seen in visits(world, name, IN_A_ROW)} == {int(name) if name.isdigit() else 502}
    assert state(world) == "open"
    world.toxic.reset()
    refused = world.visit("fine")
    assert (refused.status, world.toxic.calls) == (503, {})
    assert changes(world) == [("service", "open")]
    assert world.visit("fine", mount="good").status == 200
    world.expect_free()


def test_five_refused_connections_open_it(world: World) -> None:
    """Four do not."""
    world.expect_well()
    world.toxic.be("refuse")
    assert [seen.status for seen in visits(world, "fine", IN_A_ROW - 1)] == [502] * (IN_A_ROW - 1)
    assert state(world) == "closed"
    assert [seen.status for seen in visits(world, "fine", 2)] == [502, 503]
    world.toxic.be("well")
    assert world.visit("fine").status == 503


def test_five_connections_that_do_not_open_in_time_open_it(make_world: MakeWorld) -> None:
    """A black hole is the service's, unlike an action that takes too long."""
    world = make_world(limits=limits(connect=0.1))
    world.expect_well()
    world.toxic.be("black-hole")
    assert [seen.status for seen in visits(world, "fine", IN_A_ROW + 1)] == [504] * IN_A_ROW + [503]
    assert state(world) == "open"


def test_a_good_answer_in_between_starts_anew(world: World) -> None:
    """In a row means in a row."""
    for _ in range(3):
        visits(world, "close", IN_A_ROW - 1)
        assert world.visit("fine").status == 200
    assert state(world) == "closed"


def test_half_of_many_calls_opens_it(world: World) -> None:
    """At least 20 in 10 s, and half of them broken or more, though never five in a row."""
    world.teach("half", lambda asked: [asked.page] if asked.turn % 3 == 0 else [asked.page[:-5], Close()])
    world.expect_well()
    seen = visits(world, "half", 40)
    assert state(world) == "open"
    assert sum(world.toxic.calls.values()) >= 20
    assert seen[-1].status == 503


def test_a_refusal_takes_less_than_5_ms(world: World) -> None:
    """At the 99th percentile of 200, in the best of three rounds; and it takes no place."""
    open_it(world)
    slowest = []
    for _ in range(3):
        seen = visits(world, "fine", 200)
        assert {one.status for one in seen} == {503}
        slowest.append(sorted(one.seconds for one in seen)[197])
    assert min(slowest) < 0.005
    world.expect_nothing_shown(seen[0])
    world.expect_free()


def test_a_refusal_says_when_to_come_again(world: World) -> None:
    """Retry-After, never longer than it is open, and less as time goes on."""
    open_it(world)
    said = []
    for _ in range(4):
        said.append(int(world.visit("fine").headers["Retry-After"]))
        world.clock.ahead += 1
    assert said == sorted(said, reverse=True)
    assert said[0] - said[-1] in (2, 3)
    assert all(1 <= seconds <= FIRST * (1 + SPREAD) + 0.5 for seconds in said)


def test_f40_one_probe_a_period_and_open_for_twice_as_long(world: World) -> None:
    """5, 10, 20, 40 and then always 60 s, give or take a fifth; nothing else reaches the service."""
    open_it(world)
    world.toxic.be("toxic")
    world.teach("fine", lambda _: [Close(reset=True)])
    for expected in (FIRST, 10.0, 20.0, 40.0, LONGEST, LONGEST):
        world.toxic.reset()
        world.clock.ahead += expected * (1 - SPREAD) - 1
        visits(world, "fine", 3)
        assert world.toxic.calls == {}
        world.clock.ahead += expected * 2 * SPREAD + 1.1
        assert [seen.status for seen in visits(world, "fine", 3)] == [502, 503, 503]
        assert world.toxic.calls == {"action/fine": 2}  # a GET goes out once more
    assert set(changes(world)) == {("service", "open")}


def test_only_one_probe_at_a_time(world: World) -> None:
    """While it waits for its answer, others are refused at once."""
    open_it(world)
    world.toxic.be("toxic")
    let_go = threading.Event()
    world.teach("slow", lambda asked: [Until(let_go), asked.page])
    world.clock.ahead += FIRST * (1 + SPREAD) + 0.1
    world.toxic.reset()
    with ThreadPoolExecutor(1) as other:
        first = other.submit(lambda: world.host.visitor("anna").get("/s/x/on-meta/slow"))
        ends = time.monotonic() + 1
        while not world.toxic.calls and time.monotonic() < ends:
            time.sleep(0.002)
        beside = visits(world, "fine", 3)
        let_go.set()
        first.result()
    assert [seen.status for seen in beside] == [503] * 3
    assert max(seen.seconds for seen in beside) < QUICK.page


def test_it_closes_when_the_service_is_back(world: World) -> None:
    """The first visitor after the open time gets a good answer, and then everybody does (G6)."""
    open_it(world)
    world.toxic.be("well")
    assert world.visit("fine").status == 503
    world.clock.ahead += FIRST * (1 + SPREAD) + 0.1
    world.expect_well()
    assert changes(world) == [("service", "open"), ("service", "closed")]
    world.toxic.be("refuse")
    visits(world, "fine", IN_A_ROW)
    world.toxic.be("well")
    world.clock.ahead += FIRST * (1 + SPREAD) + 0.1  # not twice as long: it was well in between
    world.expect_well()


def test_time_outs_open_that_action_only(make_world: MakeWorld) -> None:
    """Five in a row: then that action is refused at once, and all others are asked."""
    world = make_world(limits=limits(page=0.2))
    world.expect_well()
    statuses = [seen.status for seen in visits(world, "hang", IN_A_ROW)]
    refused = world.visit("hang")
    assert (statuses, refused.status) == ([504] * IN_A_ROW, 503)
    assert refused.seconds < 0.1
    assert world.toxic.calls["action/hang"] == IN_A_ROW
    assert int(refused.headers["Retry-After"]) <= FIRST * (1 + SPREAD) + 1
    assert changes(world) == [("/hang", "open")]
    assert state(world) == "closed"
    world.expect_well()
    world.toxic.heal()
    world.clock.ahead += FIRST * (1 + SPREAD) + 0.1
    assert world.visit("hang").status == 200
    assert changes(world)[-1] == ("/hang", "closed")


@pytest.mark.parametrize("name", ["500", "429", "redirect-loop", "strange-encoding", "template-syntax"])
def test_what_is_one_action_s_opens_nothing(world: World, name: str) -> None:
    """However often: an action that fails, refuses or talks nonsense is that action's."""
    world.expect_well()
    visits(world, name, 30)
    assert changes(world) == []
    world.expect_well()


@pytest.mark.parametrize("status", ["400 Bad", "401 No", "403 No", "404 No", "410 Gone", "422 No"])
def test_what_a_visitor_can_cause_opens_nothing(world: World, status: str) -> None:
    """A visitor cannot close a service by asking for what is not there."""
    world.teach("no", lambda _: [answer(b"no", status=status)])
    world.expect_well()
    visits(world, "no", 30)
    assert changes(world) == []
    world.expect_well()


def test_a_visitor_who_fills_the_places_opens_nothing(world: World) -> None:
    """To be busy is no fault of the service."""
    world.teach("slow", lambda asked: [Pause(0.1), asked.page])
    world.expect_well()
    with ThreadPoolExecutor(12) as crowd:
        pages = [crowd.submit(lambda: world.host.visitor("anna").get("/s/x/slow")) for _ in range(12)]
        statuses = {page.result().status_code for page in pages}
    assert statuses == {200, 503}
    assert changes(world) == []
