"""Several observers as one."""

from __future__ import annotations

import logging

import pytest
from tests.unit.observers.telling import fault, refused

from plugit_wsgi.events import Event
from plugit_wsgi.observers import combine
from plugit_wsgi.testing.clock import FakeClock


def broken(event: Event) -> None:
    raise RuntimeError("hunter2")


def test_all_are_told_in_order() -> None:
    """Each gets the very same event."""
    told: list[tuple[str, Event]] = []
    observe = combine(lambda event: told.append(("a", event)), lambda event: told.append(("b", event)))
    event = fault()
    observe(event)
    assert [name for name, _ in told] == ["a", "b"]
    assert all(found is event for _, found in told)


def test_one_that_raises_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """Nor the page; it is in the log, with its traceback."""
    told: list[Event] = []
    combine(broken, told.append, broken, told.append)(fault())
    assert told == [fault(), fault()]
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert all(record.exc_info for record in caplog.records)


def test_a_broken_observer_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """One line a second for each class of event, with a count."""
    clock = FakeClock()
    observe = combine(broken, clock=clock)
    for _ in range(10):
        observe(fault())
        observe(refused())
    assert len(caplog.records) == 2
    clock.advance(1)
    observe(fault())
    assert caplog.records[-1].getMessage() == "an observer failed on Fault (and 9 times more)"


def test_combinations_nest() -> None:
    """One out of several is an observer again; none is one too."""
    told: list[Event] = []
    combine(combine(told.append, broken), combine(), told.append)(fault())
    assert len(told) == 2


def test_the_end_of_the_process_is_not_held_up() -> None:
    """What is no Exception passes."""

    def leave(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        combine(leave)(fault())
