"""What counts for the service, what for one call, and what for nobody."""

from __future__ import annotations

import pytest

from plugit_wsgi.circuits import MOST_ACTIONS, Circuits
from plugit_wsgi.errors import (
    ActionNotFound,
    CircuitOpen,
    FramingError,
    PlugItError,
    ServiceBusy,
    ServiceTimeout,
    ServiceUnreachable,
    WireError,
)
from plugit_wsgi.testing.clock import FakeClock


def refused(circuits: Circuits, call: str) -> bool:
    try:
        circuits.enter(call).broke(ServiceBusy("says nothing"))
    except CircuitOpen as error:
        return error.retry_after is not None and error.retry_after > 0
    return False


@pytest.mark.parametrize(
    ("error", "service", "call"),
    [
        (ServiceUnreachable("refused"), True, False),
        (ServiceTimeout("black hole", connecting=True), True, False),
        (FramingError("not HTTP"), True, False),
        (ServiceTimeout("hangs"), False, True),
        (WireError("not JSON"), False, False),
        (ServiceBusy("full"), False, False),
        (ActionNotFound("404"), False, False),
        (RuntimeError("ours"), False, False),
    ],
)
def test_what_an_error_counts_for(error: BaseException, service: bool, call: bool) -> None:
    """Five of a kind: is another action refused, is the same one refused?"""
    circuits = Circuits(FakeClock(), lambda what, state, seconds: None)
    for _ in range(5):
        circuits.enter("/a").broke(error)
    assert refused(circuits, "/b") is service
    assert refused(circuits, "/a") is (service or call)


@pytest.mark.parametrize(
    ("status", "opens"),
    [
        (200, False),
        (304, False),
        (404, False),
        (429, False),
        (500, False),
        (501, False),
        (502, True),
        (503, True),
        (504, True),
    ],
)
def test_what_a_status_counts_for(status: int, opens: bool) -> None:
    """Gateway errors count, a 429 or a 500 never."""
    circuits = Circuits(FakeClock(), lambda what, state, seconds: None)
    for _ in range(30):
        if refused(circuits, "/a"):
            break
        circuits.enter("/a").answered(status)
    assert refused(circuits, "/b") is opens


def test_changes_are_told_by_what_they_are_about() -> None:
    """The service, or the call."""
    clock, told = FakeClock(), list[tuple[str, str]]()
    circuits = Circuits(clock, lambda what, state, seconds: told.append((what, state)))
    for _ in range(5):
        circuits.enter("/a").broke(ServiceTimeout("hangs"))
    for _ in range(5):
        circuits.enter("meta").broke(ServiceUnreachable("gone"))
    clock.advance(7)
    circuits.enter("/a").answered(200)
    assert told == [("/a", "open"), ("service", "open"), ("service", "closed"), ("/a", "closed")]


def test_a_probe_that_hangs_has_found_no_service() -> None:
    """Or every visitor would be a probe of a service that hangs now instead of being gone."""
    clock = FakeClock()
    circuits = Circuits(clock, lambda what, state, seconds: None)
    for _ in range(5):
        circuits.enter("/a").broke(ServiceUnreachable("gone"))
    clock.advance(7)
    circuits.enter("/b").broke(ServiceTimeout("hangs"))
    assert refused(circuits, "/c")


def test_one_action_that_hangs_does_not_keep_a_service_closed() -> None:
    """It was the probe once: the next probe is another action, and finds that the service is back."""
    clock = FakeClock()
    circuits = Circuits(clock, lambda what, state, seconds: None)
    for _ in range(5):
        circuits.enter("/a").broke(ServiceUnreachable("gone"))
    clock.advance(7)
    circuits.enter("/hangs").broke(ServiceTimeout("hangs"))
    clock.advance(4)
    assert refused(circuits, "/hangs")
    clock.advance(3)
    circuits.enter("/a").answered(200)
    assert circuits.state == "closed"


def test_an_open_breaker_is_not_forgotten() -> None:
    """Or a visitor who asks for many paths would have the broken one asked again."""
    circuits = Circuits(FakeClock(), lambda what, state, seconds: None)
    for _ in range(5):
        circuits.enter("/hangs").broke(ServiceTimeout("hangs"))
    for number in range(3 * MOST_ACTIONS):
        circuits.enter(f"/{number}").answered(200)
    assert refused(circuits, "/hangs")


def test_a_call_refused_by_its_own_breaker_leaves_the_probe_of_the_service() -> None:
    """It did not go out, so another call may be the probe."""
    clock = FakeClock()
    circuits = Circuits(clock, lambda what, state, seconds: None)
    for _ in range(4):
        circuits.enter("/a").broke(ServiceTimeout("hangs"))
    for _ in range(5):
        circuits.enter("/b").broke(ServiceUnreachable("gone"))
    clock.advance(7)
    circuits.enter("/x").broke(ServiceBusy("full"))
    circuits.enter("/b").answered(200)
    assert circuits.state == "closed"


def test_breakers_of_actions_are_bounded() -> None:
    """Paths are the visitors' to choose."""
    circuits = Circuits(FakeClock(), lambda what, state, seconds: None)
    for number in range(3 * MOST_ACTIONS):
        circuits.enter(f"/{number}").answered(200)
    assert len(circuits._calls) == MOST_ACTIONS
    assert issubclass(CircuitOpen, PlugItError)
