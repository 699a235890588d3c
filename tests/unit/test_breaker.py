"""The breaker: when it opens, for how long, and who may probe."""

from __future__ import annotations

import threading

import pytest

from plugit_wsgi.breaker import TRANSITIONS, Breaker, Permit, Settings
from plugit_wsgi.testing.clock import FakeClock


def breaker(clock: FakeClock, seen: list[tuple[str, float]] | None = None, chance: float = 0.5) -> Breaker:
    told = [] if seen is None else seen
    return Breaker(clock, changed=lambda state, seconds: told.append((state, seconds)), chance=lambda: chance)


def permit(found: Breaker) -> Permit:
    entered = found.enter()
    assert isinstance(entered, Permit)
    return entered


def fail(found: Breaker, times: int) -> None:
    for _ in range(times):
        permit(found).failed()


def test_the_table_is_whole() -> None:
    """Every state is left in some way, and no transition leads nowhere."""
    assert {state for state, _ in TRANSITIONS} == {"closed", "open", "probing"} == set(TRANSITIONS.values())


def test_five_failures_in_a_row_open_it() -> None:
    """Four do not; a success between them starts the row anew."""
    clock, seen = FakeClock(), list[tuple[str, float]]()
    found = breaker(clock, seen)
    fail(found, 4)
    permit(found).succeeded()
    fail(found, 4)
    assert (found.state, seen) == ("closed", [])
    fail(found, 1)
    assert (found.state, seen) == ("open", [("open", 5.0)])
    assert found.enter() == 5.0


@pytest.mark.parametrize(
    ("pattern", "calls", "opens"),
    [("gb", 20, True), ("gb", 19, False), ("ggb", 60, False), ("gbb", 20, True)],
)
def test_half_of_twenty_in_ten_seconds_open_it(pattern: str, calls: int, opens: bool) -> None:
    """A share counts only once there are enough calls."""
    found = breaker(FakeClock())
    for number in range(calls):
        entered = permit(found)
        (entered.succeeded if pattern[number % len(pattern)] == "g" else entered.failed)()
    assert (found.state == "open") is opens


def test_old_calls_do_not_count() -> None:
    """Ten bad ones eleven seconds ago, and ten good ones now."""
    clock = FakeClock()
    found = breaker(clock)
    for number in range(12):
        entered = permit(found)
        (entered.failed if number % 3 else entered.succeeded)()
    clock.advance(10.1)
    for number in range(19):
        entered = permit(found)
        (entered.failed if number % 2 else entered.succeeded)()
    assert found.state == "closed"


def test_one_probe_for_each_open_time() -> None:
    """Whoever comes beside the probe is refused, and told to wait."""
    clock = FakeClock()
    found = breaker(clock)
    fail(found, 5)
    clock.advance(4.9)
    assert found.enter() == pytest.approx(0.1)
    clock.advance(0.2)
    probe = permit(found)
    assert probe.is_probe
    assert [found.enter() for _ in range(3)] == [5.0] * 3
    probe.succeeded()
    assert found.state == "closed"
    assert not permit(found).is_probe


def test_open_times_double_up_to_a_minute_and_start_anew() -> None:
    """5, 10, 20, 40, 60, 60; after a good probe 5 again."""
    clock, seen = FakeClock(), list[tuple[str, float]]()
    found = breaker(clock, seen)
    fail(found, 5)
    for _ in range(5):
        clock.advance(60)
        permit(found).failed()
    clock.advance(60)
    permit(found).succeeded()
    fail(found, 5)
    assert seen == [("open", each) for each in (5.0, 10.0, 20.0, 40.0, 60.0, 60.0)] + [
        ("closed", 0.0),
        ("open", 5.0),
    ]


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 4.0), (0.5, 5.0), (1.0, 6.0)])
def test_times_vary_by_a_fifth(chance: float, seconds: float) -> None:
    """So that many processes do not probe at once."""
    seen: list[tuple[str, float]] = []
    fail(breaker(FakeClock(), seen, chance), 5)
    assert seen == [("open", pytest.approx(seconds))]


def test_a_probe_that_says_nothing_lets_the_next_one_probe() -> None:
    """It was refused elsewhere, or its visitor left: nothing was learnt."""
    clock = FakeClock()
    found = breaker(clock)
    fail(found, 5)
    clock.advance(6)
    permit(found).given_up()
    assert permit(found).is_probe


def test_a_probe_that_hangs_opens_it_for_the_first_time_only() -> None:
    """It may be one call's fault: the service is not given up for longer and longer."""
    clock, seen = FakeClock(), list[tuple[str, float]]()
    found = breaker(clock, seen)
    fail(found, 5)
    for _ in range(3):
        clock.advance(6)
        permit(found).hung()
        assert found.state == "open"
    assert [seconds for state, seconds in seen if state == "open"] == [5.0] * 4


def test_a_call_that_hangs_counts_for_nothing_while_closed() -> None:
    """It is counted elsewhere."""
    found = breaker(FakeClock())
    for _ in range(20):
        permit(found).hung()
    assert found.state == "closed"


def test_it_can_be_tripped() -> None:
    """By one call; what is open already stays as it is."""
    clock, seen = FakeClock(), list[tuple[str, float]]()
    found = breaker(clock, seen)
    late = permit(found)
    permit(found).trip()
    late.trip()
    assert seen == [("open", 5.0)]
    clock.advance(6)
    permit(found).succeeded()
    assert found.state == "closed"


def test_calls_from_before_it_opened_change_nothing() -> None:
    """Neither a late failure prolongs it, nor does a late success close it, also not while a probe is out."""
    clock, seen = FakeClock(), list[tuple[str, float]]()
    found = breaker(clock, seen)
    late = [permit(found) for _ in range(4)]
    fail(found, 5)
    late[0].failed()
    late[1].succeeded()
    clock.advance(6)
    probe = permit(found)
    late[2].succeeded()
    late[3].failed()
    assert found.state == "probing"
    probe.failed()
    assert seen == [("open", 5.0), ("open", 10.0)]


def test_32_threads_get_one_probe() -> None:
    """Held by a barrier: all ask at the same moment."""
    clock = FakeClock()
    found = breaker(clock)
    fail(found, 5)
    clock.advance(6)
    barrier, entered = threading.Barrier(32), list[Permit | float]()

    def ask() -> None:
        barrier.wait()
        entered.append(found.enter())

    threads = [threading.Thread(target=ask) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(entered) == 32
    assert sum(isinstance(each, Permit) for each in entered) == 1


def test_settings_can_be_others() -> None:
    """Every number is a field."""
    clock = FakeClock()
    found = Breaker(clock, settings=Settings(in_a_row=1, first=1.0, spread=0.0))
    permit(found).failed()
    assert found.enter() == 1.0
