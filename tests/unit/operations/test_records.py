"""What is remembered of services: counts, and the last faults."""

from __future__ import annotations

from typing import Any

from plugit_wsgi.events import CircuitChanged, Fault, PageServed, Refused, ServiceCalled
from plugit_wsgi.operations.records import FAULTS, LONGEST, MOST, Record, Records, Seen
from plugit_wsgi.testing.clock import FakeClock

AT: Any = {"service": "polls", "action": "/a", "request_id": "r" * 32}


def test_pages_errors_and_refusals_are_counted() -> None:
    """Each service for itself; what a visitor does wrong, and single calls, are not."""
    records = Records(FakeClock())
    for status in (200, 404, 500, 503):
        records(PageServed(**AT, status=status, seconds=0.1))
    records(Refused(**AT, status=503, reason="busy"))
    records(Refused(**AT, status=503, reason="open"))
    records(Refused(**AT, status=403, reason="csrf"))
    records(ServiceCalled(**AT, call="meta", method="GET", status=500, seconds=0.1))
    records(CircuitChanged(**AT, state="open", reason="service", seconds=5))
    records(PageServed(service="notes", action="/", status=200, seconds=0.1))
    assert records.of("polls") == Record(pages=4, errors=2, refused=2)
    assert records.of("notes") == Record(pages=1)
    assert records.of("nobody") == Record()


def test_variants_are_counted_for_themselves() -> None:
    """What the next version does wrong is not told of the one that others see."""
    records = Records(FakeClock())
    records(PageServed(**AT, status=200, seconds=0.1))
    records(PageServed(**AT, variant="next", status=500, seconds=0.1))
    records(Fault(**AT, variant="next", kind="WireError", cause="c"))
    assert records.of("polls") == Record(pages=1)
    next_one = records.of("polls@next")
    assert (next_one.pages, next_one.errors, len(next_one.faults)) == (1, 1, 1)


def test_the_last_faults_are_kept_newest_first() -> None:
    """So many, with their time, without what looks like a secret, and none longer than it should be."""
    clock = FakeClock(1000.0)
    records = Records(clock)
    for number in range(FAULTS + 3):
        clock.advance(1)
        records(Fault(**{**AT, "action": f"/a{number}"}, kind="WireError", cause="c" * 1000))
    faults = records.of("polls").faults
    assert len(faults) == FAULTS
    assert faults[0] == Seen(
        at=1000.0 + FAULTS + 3,
        kind="WireError",
        action=f"/a{FAULTS + 2}",
        cause="c" * LONGEST,
        request_id="r" * 32,
    )
    records(Fault(**{**AT, "action": "/reset/0a1b2c3d4e5f60718293a4b5c6d7e8f9"}, kind="x", cause=""))
    assert "0a1b2c" not in records.of("polls").faults[0].action


def test_memory_is_bounded_by_services() -> None:
    """Services that are added and removed for years leave nothing behind."""
    records = Records(FakeClock())
    for number in range(MOST + 5):
        records(PageServed(service=f"s{number}", action="/", status=200, seconds=0.1))
        records(PageServed(service="s0", action="/", status=200, seconds=0.1))
    assert records.of("s1") == Record()
    assert records.of("s0").pages == MOST + 6
    assert len(records._counts) == MOST
