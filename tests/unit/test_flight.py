"""One load at a time, few who wait, and loads that failed a moment ago."""

from __future__ import annotations

import threading
import time

import pytest

from plugit_wsgi.clock import Deadline, SystemClock
from plugit_wsgi.errors import WireError
from plugit_wsgi.flight import Chairs, Flights
from plugit_wsgi.setbacks import MOST, Setbacks
from plugit_wsgi.testing.clock import FakeClock


def soon(seconds: float = 5.0) -> Deadline:
    return Deadline.after(seconds, SystemClock())


def test_the_first_leads_and_the_others_follow() -> None:
    """By key; and the next after a landing leads again."""
    flights = Flights(Chairs(1))
    with flights.join("a") as first, flights.join("a") as second, flights.join("b") as other:
        assert (first.leads, second.leads, other.leads) == (True, False, True)
    with flights.join("a") as again:
        assert again.leads


def test_a_leader_that_fails_lets_the_next_lead() -> None:
    """However its block ends."""
    flights = Flights(Chairs(1))
    with pytest.raises(RuntimeError), flights.join("a"):
        raise RuntimeError
    with flights.join("a") as again:
        assert again.leads
        assert again.wait(soon())  # at once: somebody else's load may have ended in between


def test_waiting_ends_when_the_leader_lands() -> None:
    """Not at the deadline."""
    flights, inside, land = Flights(Chairs(1)), threading.Event(), threading.Event()

    def lead() -> None:
        with flights.join("a"):
            inside.set()
            land.wait(5)

    leader = threading.Thread(target=lead)
    leader.start()
    inside.wait(5)
    with flights.join("a") as follower:
        threading.Timer(0.05, land.set).start()
        started = time.monotonic()
        assert follower.wait(soon())
        assert time.monotonic() - started < 2
    leader.join()


def test_waiting_ends_at_the_followers_own_deadline() -> None:
    """Whatever the leader does."""
    flights = Flights(Chairs(1))
    with flights.join("a"), flights.join("a") as follower:
        started = time.monotonic()
        assert not follower.wait(soon(0.05))
        assert time.monotonic() - started < 1


def test_few_may_wait() -> None:
    """The others are told at once; a chair that is left is free again."""
    flights = Flights(Chairs(1))
    with flights.join("a"), flights.join("a") as first, flights.join("a") as second:
        sitting = threading.Thread(target=first.wait, args=(soon(0.3),))
        sitting.start()
        end = time.monotonic() + 2
        while flights.chairs.free and time.monotonic() < end:
            time.sleep(0.001)
        started = time.monotonic()
        assert not second.wait(soon())
        assert time.monotonic() - started < 0.1
        sitting.join()
        assert not second.wait(soon(0.01))
        assert flights.chairs.free == 1


def test_32_threads_make_one_load() -> None:
    """Held by a barrier; those without a chair would load themselves, so all have one here."""
    flights, barrier, loads = Flights(Chairs(31)), threading.Barrier(32), list[int]()

    def visit() -> None:
        barrier.wait()
        with flights.join("a") as flight:
            if flight.leads:
                time.sleep(0.05)
                loads.append(1)
            else:
                assert flight.wait(soon())

    threads = [threading.Thread(target=visit) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == [1]


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 4.0), (0.5, 5.0), (1.0, 6.0)])
def test_a_setback_lasts_five_seconds_give_or_take_a_fifth(chance: float, seconds: float) -> None:
    """And is gone when the load succeeds after all."""
    clock, error = FakeClock(), ValueError("x")
    setbacks = Setbacks(clock, chance=lambda: chance)
    assert setbacks.recent("a") is None
    setbacks.note("a", error)
    clock.advance(seconds - 0.01)
    assert repr(setbacks.recent("a")) == repr(error)
    assert setbacks.recent("b") is None
    clock.advance(0.02)
    assert setbacks.recent("a") is None
    setbacks.note("a", error)
    setbacks.forget("a")
    assert setbacks.recent("a") is None


def test_a_setback_keeps_the_facts_of_its_error_and_no_more() -> None:
    """Traceback and causes hold the request that met it; a thousand of them are remembered."""
    setbacks = Setbacks(FakeClock())
    with pytest.raises(WireError) as caught:
        raise WireError("wrong", field="meta", received=1, service="x") from ValueError()
    setbacks.note("a", caught.value)
    found = setbacks.recent("a")
    assert isinstance(found, WireError)
    assert (str(found), found.field, found.received, found.service) == ("wrong", "meta", 1, "x")
    assert (found.__traceback__, found.__cause__, found.__context__) == (None, None, None)


def test_setbacks_are_bounded() -> None:
    """Keys are the visitors' to choose; the oldest leave."""
    setbacks = Setbacks(FakeClock())
    for number in range(MOST + 10):
        setbacks.note(number, ValueError())
    assert setbacks.recent(0) is None
    assert setbacks.recent(MOST + 9) is not None
    assert len(setbacks._until) == MOST
