from __future__ import annotations

import pytest

from plugit_wsgi.clock import Deadline
from plugit_wsgi.errors import ServiceTimeout
from plugit_wsgi.transport.patience import UntilDeadline, WhileFlowing


class TurnableClock:
    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


def flowing(clock: TurnableClock) -> WhileFlowing:
    return WhileFlowing(clock, stall=5.0, minimum_rate=1000)


def wait(patience: WhileFlowing, clock: TurnableClock, seconds: float, count: int) -> None:
    """One wait on a socket as a reader does it."""
    limit = patience.limit()
    while seconds > limit:
        clock.now += limit
        seconds -= limit
        patience.silent(limit)
        limit = patience.limit()
    clock.now += seconds
    patience.received(count)


def test_bytes_do_not_move_a_deadline(clock: TurnableClock) -> None:
    """However much came, the moment stays."""
    patience = UntilDeadline(Deadline.after(2.0, clock))
    assert patience.limit() == 2.0
    clock.now = 1.5
    patience.received(100000)
    assert patience.limit() == 0.5
    clock.now = 2.0
    with pytest.raises(ServiceTimeout, match="deadline"):
        patience.limit()


def test_silence_until_the_deadline_ends_it(clock: TurnableClock) -> None:
    """Also if the clock that counts is not the socket's."""
    patience = UntilDeadline(Deadline.after(2.0, clock))
    with pytest.raises(ServiceTimeout, match="deadline"):
        patience.silent(2.0)


def test_a_stall_is_counted_from_the_last_byte(clock: TurnableClock) -> None:
    """A stream that was fast may not rest for longer than the limit."""
    patience = flowing(clock)
    wait(patience, clock, 1.0, 1_000_000)
    with pytest.raises(ServiceTimeout, match="no byte"):
        wait(patience, clock, 60.0, 0)
    assert clock.now == pytest.approx(6.0)


@pytest.mark.parametrize(("count", "goes_on"), [(999, False), (1001, True)])
def test_the_rate_is_measured_over_windows(clock: TurnableClock, count: int, goes_on: bool) -> None:
    """Bytes a second, on average over each window of the stall limit."""
    patience = flowing(clock)

    def minute() -> None:
        for _ in range(60):
            wait(patience, clock, 1.0, count)

    if goes_on:
        minute()
        return
    with pytest.raises(ServiceTimeout, match="slower"):
        minute()
    assert clock.now == 5.0


def test_a_fast_window_does_not_pay_for_a_slow_one(clock: TurnableClock) -> None:
    """A burst buys one window."""
    patience = flowing(clock)
    wait(patience, clock, 4.0, 1_000_000)

    def drip() -> None:
        for _ in range(100):
            wait(patience, clock, 1.0, 10)

    with pytest.raises(ServiceTimeout, match="slower"):
        drip()
    assert clock.now == 10.0


def test_only_waiting_counts(clock: TurnableClock) -> None:
    """Between waits the visitor reads; that is not the service's time."""
    patience = flowing(clock)
    for _ in range(100):
        wait(patience, clock, 0.001, 10)
        clock.now += 60.0


def test_short_rests_do_not_add_up_to_a_stall(clock: TurnableClock) -> None:
    """A byte ends a rest, wherever the windows of the rate end."""
    patience = flowing(clock)
    for _ in range(10):
        wait(patience, clock, 4.5, 100_000)
