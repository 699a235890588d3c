"""The library's own log lines: one for each thing that goes wrong, at most one a second of a kind."""

from __future__ import annotations

import logging
import shlex
import threading
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.observers.telling import circuit, fallback, fault, lines, refused, stale

from plugit_wsgi.events import Event, PageServed, ServiceCalled
from plugit_wsgi.observers.log import LONGEST, LogLines, format_line, line_of
from plugit_wsgi.testing.clock import FakeClock

PAGE = PageServed(service="polls", action="/", status=200, seconds=0.1)


@pytest.fixture(autouse=True)
def _at_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "plugit_wsgi")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def log(clock: FakeClock) -> LogLines:
    return LogLines(clock)


LINES: list[tuple[Event, str, int]] = [
    (
        fault(request_id="af02"),
        "event=fault service=polls kind=ServiceTimeout action=/show/1 status=504 request_id=af02"
        ' cause="the deadline passed"',
        logging.WARNING,
    ),
    (
        refused("busy"),
        "event=refused service=polls kind=busy action=/show/1 status=503",
        logging.WARNING,
    ),
    (
        refused("organization"),
        "event=refused service=polls kind=organization action=/show/1 status=503",
        logging.WARNING,
    ),
    (
        refused("open"),
        "event=refused service=polls kind=open action=/show/1 status=503",
        logging.WARNING,
    ),
    (circuit(), "event=circuit service=polls kind=service-open seconds=5.2", logging.WARNING),
    (
        circuit("open", "/show/1", 10),
        "event=circuit service=polls kind=call-open action=/show/1 seconds=10.0",
        logging.WARNING,
    ),
    (circuit("closed", seconds=0), "event=circuit service=polls kind=service-closed", logging.INFO),
    (
        circuit("closed", "meta", 0),
        "event=circuit service=polls kind=call-closed action=meta",
        logging.INFO,
    ),
    (
        stale(),
        "event=stale service=polls action=/show/1 age=12.3 cause=ServiceTimeout",
        logging.WARNING,
    ),
    (fallback(), "event=fallback service=polls kind=service action=/show/1 status=200", logging.WARNING),
    (
        fallback("host", 502),
        "event=fallback service=polls kind=host action=/show/1 status=502",
        logging.WARNING,
    ),
]


@pytest.mark.parametrize(("event", "line", "level"), LINES, ids=lambda value: str(value)[:40])
def test_each_thing_is_one_line(
    event: Event, line: str, level: int, log: LogLines, caplog: pytest.LogCaptureFixture
) -> None:
    """Warnings, and a recovery as information; on the logger of the library."""
    log(event)
    [record] = caplog.records
    assert (record.name, record.levelno, record.getMessage()) == ("plugit_wsgi", level, line)


@pytest.mark.parametrize(
    "event",
    [
        PAGE,
        ServiceCalled(service="polls", action="/", call="action", method="GET", status=500, seconds=0.1),
        refused("only_admin_user", 403),
        refused("csrf", 403),
        refused("404", 404),
        Event(service="polls", action="/"),
    ],
    ids=lambda event: type(event).__name__ + getattr(event, "reason", ""),
)
def test_what_goes_well_and_what_visitors_do_is_no_line(
    event: Event, log: LogLines, caplog: pytest.LogCaptureFixture
) -> None:
    """A visitor can not fill the log."""
    log(event)
    log.flush()
    assert lines(caplog) == []


def test_a_variant_is_named_and_has_a_second_of_its_own(
    log: LogLines, caplog: pytest.LogCaptureFixture
) -> None:
    """The main deployment's lines are as they were."""
    for event in (fault(), replace(fault(), variant="next"), fault(), replace(fault(), variant="next")):
        log(event)
    main, of_variant = lines(caplog)
    assert of_variant == main.replace("service=polls ", "service=polls variant=next ")


def test_one_line_a_second_with_a_count(
    log: LogLines, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The next line says how many were left out."""
    for _ in range(42):
        log(fault())
    assert len(lines(caplog)) == 1
    clock.advance(1)
    log(fault(cause="another"))
    assert len(lines(caplog)) == 2
    assert lines(caplog)[1].endswith(" left_out=41 cause=another")


def test_services_and_kinds_do_not_hide_each_other(log: LogLines, caplog: pytest.LogCaptureFixture) -> None:
    """A second of each service and kind."""
    for _ in range(3):
        log(fault(service="a"))
        log(fault(service="b"))
        log(fault("WireError", service="b"))
        log(refused("busy"))
        log(refused("open"))
        log(circuit("open", "service"))
        log(circuit("open", "/slow"))
        log(stale())
    assert len(lines(caplog)) == 8


@pytest.mark.parametrize("how", ["another event", "flush"])
def test_the_last_ones_are_told(
    how: str, log: LogLines, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """By whatever comes next after the second, also a page that goes well, or at the end."""
    for number in range(5):
        log(fault(action=f"/show/{number}"))
    log(PAGE)
    assert len(lines(caplog)) == 1
    if how == "flush":
        log.flush()
    else:
        clock.advance(3)
        log(PAGE)
    assert len(lines(caplog)) == 2
    assert (" ago=3.0 " in lines(caplog)[1]) is (how != "flush")
    assert "action=/show/4 " in lines(caplog)[1]
    assert " left_out=3 " in lines(caplog)[1]


def test_threads_write_one_line_of_a_kind_and_the_counts_add_up(
    log: LogLines, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """16 threads, 2 services, 2 kinds, 3 seconds: one line each, and every event is in a line or a count."""
    barrier = threading.Barrier(17)
    seconds, each = 3, 100

    def work() -> None:
        for _ in range(seconds):
            barrier.wait()
            for _ in range(each):
                for service in ("a", "b"):
                    log(fault("ServiceTimeout", service=service))
                    log(fault("WireError", service=service))
            barrier.wait()

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for _ in range(seconds):
        barrier.wait()
        barrier.wait()
        clock.advance(1)
    for thread in threads:
        thread.join()
    # Of the last second nothing is waited for: the rest is told once more, as at the end of a process.
    assert Counter(_key(line) for line in lines(caplog)) == dict.fromkeys(KEYS, seconds)
    log.flush()
    told: Counter[tuple[str, str]] = Counter()
    for line in lines(caplog):
        told[_key(line)] += 1 + int(_pairs(line).get("left_out", 0))
    assert told == dict.fromkeys(KEYS, 16 * seconds * each)


KEYS = [(service, kind) for service in "ab" for kind in ("ServiceTimeout", "WireError")]


def _pairs(line: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(line))


def _key(line: str) -> tuple[str, str]:
    pairs = _pairs(line)
    return pairs["service"], pairs["kind"]


NASTY = [
    "a\nevent=fault service=evil",
    "\r\n\x00\x1b[31m",
    "x" * 5000,
    '"quoted" ' * 200,
    "ü" * 5000,
    "\u2028\u202e" * 900,
    "a=b " * 900,
]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_a_line_is_one_line_of_bounded_length(text: str) -> None:
    """Whatever a service, a visitor or an exception says, the keys are ours."""
    event = fault(kind=text, cause=text, action="/" + text, service="s" * 400, request_id=text)
    line = line_of(event)
    assert line is not None
    said = format_line(event, line, left_out=10**9, ago=1e9)
    assert len(said) <= LONGEST
    assert said.isascii()
    assert said.isprintable()
    keys = [word.split("=", 1)[0] for word in shlex.split(said)]
    assert keys == ["event", "service", "kind", "action", "status", "ago", "left_out", "request_id", "cause"]


def test_no_secrets_in_a_line() -> None:
    """Neither from the path, nor from an exception; the id of the request stays."""
    event = fault(
        action="/reset/Zk3xQ9vR2mT7pL5wN8bY/anna%40example.org",
        cause="GET http://anna:hunter2@h/x?email=anna failed: Cookie: sid=1",
        request_id="9f86d081884c7d659a2feaa0c55ad015",
    )
    line = line_of(event)
    assert line is not None
    assert format_line(event, line) == (
        "event=fault service=polls kind=ServiceTimeout action=/reset/***/*** status=504"
        ' request_id=9f86d081884c7d659a2feaa0c55ad015 cause="GET http://h/x?*** failed: Cookie: ***"'
    )


def test_nothing_is_formatted_for_a_logger_that_is_off(
    log: LogLines, caplog: pytest.LogCaptureFixture
) -> None:
    """It costs next to nothing where it is not wanted."""
    caplog.set_level(logging.ERROR, "plugit_wsgi")
    not_to_be_read: Any = object()
    log(fault(cause=not_to_be_read))
    log(circuit("closed"))
    assert caplog.records == []
