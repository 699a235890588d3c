"""What log and metrics say of a service that fails in different ways, on real sockets."""

from __future__ import annotations

import logging
import re
import shlex
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from plugit_wsgi import Limits
from plugit_wsgi.events import Event, Fault, PageServed, Refused, ServiceCalled
from plugit_wsgi.observers import combine
from plugit_wsgi.observers.metrics import PrometheusObserver
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.toxic import ToxicService

from .conftest import MakeHost

SHORT = Limits(page=0.4, call=0.3, connect=0.2)


@pytest.fixture
def toxic() -> Iterator[ToxicService]:
    with ToxicService() as service:
        yield service


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    """The library's lines that are about a service, as keys and values."""
    lines = [record.getMessage() for record in caplog.records if record.name == "plugit_wsgi"]
    return [
        dict(word.split("=", 1) for word in shlex.split(line)) for line in lines if line.startswith("event=")
    ]


def series(registry: CollectorRegistry) -> dict[str, float]:
    text = generate_latest(registry).decode().replace(',variant=""', "")  # an empty label is none
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#")
    return {name: float(value) for name, value in pairs}


WAYS = [
    ("/close", "ServiceUnreachable", 502),
    ("/not-http", "FramingError", 502),
    ("/hang", "ServiceTimeout", 504),
    ("/503", "ServiceFailed", 503),
    ("/500", "ServiceRefused", 500),
    ("/on-meta/meta-not-json", "WireError", 502),
    ("/on-template/template-syntax", "TemplateError", 502),
]


def test_each_way_to_fail_is_a_line_and_a_counter(
    make_host: MakeHost, toxic: ToxicService, caplog: pytest.LogCaptureFixture
) -> None:
    """G8: one structured line and one counter for each fault, with the names of both."""
    registry = CollectorRegistry()
    visitor = make_host(
        url=toxic.url, of_service={"limits": SHORT}, observe=PrometheusObserver(registry)
    ).visitor("anna")
    statuses = {}
    for path, _kind, _status in WAYS:
        statuses[path] = visitor.get(f"/s/x{path}").status_code
        visitor.get("/s/x/")  # a good page between, so that no circuit opens
    lines = logged(caplog)
    said = [(line["action"], line["kind"], int(line["status"])) for line in lines if line["event"] == "fault"]
    assert said == WAYS
    assert statuses == {path: status for path, _kind, status in WAYS}
    assert all(line["service"] == "x" and line["cause"] and len(line["request_id"]) == 32 for line in lines)
    counted = series(registry)
    for _path, kind, _status in WAYS:
        assert counted[f'plugit_faults_total{{kind="{kind}",service="x"}}'] == 1
    assert counted['plugit_pages_total{service="x",status="200"}'] == len(WAYS)
    assert toxic.url.rpartition(":")[2] not in generate_latest(registry).decode()


def test_log_and_page_do_not_need_an_observer(
    make_host: MakeHost, toxic: ToxicService, caplog: pytest.LogCaptureFixture
) -> None:
    """The lines are always on, and a host's observer that fails hides none."""

    def broken(event: Event) -> None:
        raise RuntimeError("mine")

    for options in ({}, {"observe": broken}):
        caplog.clear()
        host = make_host(url=toxic.url, of_service={"limits": SHORT}, **options)
        assert host.visitor().get("/s/x/close").status_code == 502
        assert [line["kind"] for line in logged(caplog)] == ["ServiceUnreachable"]


def test_a_storm_is_a_line_a_second(
    make_host: MakeHost, toxic: ToxicService, caplog: pytest.LogCaptureFixture
) -> None:
    """16 visitors at once of a service that is down: hardly a line, and the counts add up."""
    events: list[Event] = []
    registry = CollectorRegistry()
    host = make_host(url=toxic.url, observe=combine(events.append, PrometheusObserver(registry)))
    toxic.be("refuse")
    barrier = threading.Barrier(16)

    def visit() -> None:
        visitor = host.visitor()
        barrier.wait()
        for number in range(10):
            assert visitor.get(f"/s/x/show/{number}").status_code in (502, 503)

    threads = [threading.Thread(target=visit) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = _span(caplog)
    host.middleware.close()
    lines = logged(caplog)
    written = Counter((line["event"], line["kind"]) for line in lines)
    assert max(written.values()) <= seconds + 2  # the first, one for each second, and the rest at the end
    told = Counter[str]()
    for line in lines:
        told[line["event"]] += 1 + int(line.get("left_out", 0))
    faults = [event for event in events if isinstance(event, Fault)]
    refusals = [event for event in events if isinstance(event, Refused)]
    assert told["fault"] == len(faults)
    assert told["refused"] == len(refusals)
    assert len(faults) + len(refusals) == 160
    assert {event.reason for event in refusals} <= {"busy", "open"}
    counted = series(registry)
    for family, expected in (("plugit_faults_total", len(faults)), ("plugit_refused_total", len(refusals))):
        assert sum(value for name, value in counted.items() if name.startswith(family)) == expected


def _span(caplog: pytest.LogCaptureFixture) -> float:
    times = [record.created for record in caplog.records]
    return max(times) - min(times)


def test_a_circuit_that_opens_and_closes_is_told(
    make_host: MakeHost, toxic: ToxicService, caplog: pytest.LogCaptureFixture
) -> None:
    """The opening is a warning, the recovery is not; the gauge follows."""
    caplog.set_level(logging.INFO, "plugit_wsgi")
    registry = CollectorRegistry()
    clock = FakeClock()
    visitor = make_host(url=toxic.url, observe=PrometheusObserver(registry), clock=clock).visitor()
    for _ in range(6):
        visitor.get("/s/x/not-http")
    [opened] = [line for line in logged(caplog) if line["event"] == "circuit"]
    assert opened["kind"] == "service-open"
    assert 4 <= float(opened["seconds"]) <= 6
    counted = series(registry)
    assert counted['plugit_circuit_open{service="x"}'] == 1
    assert counted['plugit_circuit_openings_total{scope="service",service="x"}'] == 1
    assert [line["kind"] for line in logged(caplog) if line["event"] == "refused"] == ["open"]
    assert counted['plugit_refused_total{reason="open",service="x"}'] == 1
    clock.advance(7)
    assert visitor.get("/s/x/").status_code == 200
    circuits = [record for record in caplog.records if "event=circuit" in record.getMessage()]
    assert [record.levelno for record in circuits] == [logging.WARNING, logging.INFO]
    assert circuits[1].getMessage() == "event=circuit service=x kind=service-closed"
    assert series(registry)['plugit_circuit_open{service="x"}'] == 0


def test_what_a_visitor_does_wrong_is_counted_and_not_logged(
    make_host: MakeHost, service: object, caplog: pytest.LogCaptureFixture
) -> None:
    """Refusals by a rule are figures; a visitor can not fill the log."""
    registry = CollectorRegistry()
    host = make_host(observe=PrometheusObserver(registry))
    host.visitor().get("/s/x/none")
    host.visitor().get("/s/x/a%5Cb")
    assert logged(caplog) == []
    counted = series(registry)
    assert counted['plugit_refused_total{reason="action",service="x"}'] == 1
    assert counted['plugit_refused_total{reason="path",service="x"}'] == 1


def test_secrets_of_a_visitor_are_in_no_line(
    make_host: MakeHost, toxic: ToxicService, caplog: pytest.LogCaptureFixture
) -> None:
    """Path, query, cookies, form: none of it shows up, only the request's id."""
    host = make_host(url=toxic.url, of_service={"limits": SHORT})
    visitor = host.visitor("anna")
    planted = "Pl4ntedS3cretOfAVisitor"
    visitor.carry("a", planted)
    for path in (f"/s/x/close/{planted}", f"/s/x/show/{planted}?{planted}={planted}"):
        toxic.be("refuse")
        visitor.get(path, headers={"Authorization": f"Bearer {planted}"})
        toxic.be("toxic")
    assert logged(caplog)
    assert planted not in caplog.text
    assert "anna@" not in caplog.text


def test_events_of_one_page_share_a_request(make_host: MakeHost, toxic: ToxicService) -> None:
    """Calls, fault and page can be put together by the request's id."""
    events: list[Event] = []
    make_host(url=toxic.url, observe=events.append).visitor().get("/s/x/close")
    assert {type(event) for event in events} >= {ServiceCalled, Fault, PageServed}
    assert len({event.request_id for event in events}) == 1
    assert all(re.fullmatch(r"[0-9a-f]{32}", event.request_id) for event in events)
