"""Counters for Prometheus: what they count, and that there are never more series than there may be."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest, make_wsgi_app
from tests.unit.observers.telling import circuit, dropped, fallback, fault, mailed, refused, stale

from plugit_wsgi import access, csrf, errors
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.events import Event, MailHandled, PageServed, Refused, ServiceCalled, VariantSkipped
from plugit_wsgi.observers.log import GUARD
from plugit_wsgi.observers.metrics import KINDS, OTHER, REASONS, PrometheusObserver


def page(action: str = "/", status: int = 200) -> PageServed:
    return PageServed(service="polls", action=action, status=status, seconds=0.2)


def called(action: str = "/", call: str = "action", status: int = 200, error: str = "") -> ServiceCalled:
    return ServiceCalled(
        service="polls", action=action, call=call, method="GET", status=status, seconds=0.3, error=error
    )


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def observe(registry: CollectorRegistry) -> PrometheusObserver:
    return PrometheusObserver(registry)


def series(registry: CollectorRegistry) -> dict[str, float]:
    """All series as Prometheus reads them, without the times of creation: an empty label is none to it."""
    text = generate_latest(registry).decode().replace(',variant=""', "")
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#")
    return {name: float(value) for name, value in pairs if "_created" not in name}


COUNTED: list[tuple[Event, list[str]]] = [
    (
        called(),
        [
            'plugit_service_calls_total{call="action",error="",service="polls",status_class="2xx"}',
            'plugit_service_call_seconds_count{call="action",service="polls"}',
            'plugit_service_call_seconds_bucket{call="action",le="0.5",service="polls"}',
        ],
    ),
    (
        called(call="meta", status=0, error="ServiceTimeout"),
        [
            'plugit_service_calls_total{call="meta",error="ServiceTimeout",service="polls",status_class="none"}',
            'plugit_service_call_seconds_count{call="meta",service="polls"}',
        ],
    ),
    (
        called(status=999),
        [
            'plugit_service_calls_total{call="action",error="",service="polls",status_class="other"}',
            'plugit_service_call_seconds_count{call="action",service="polls"}',
        ],
    ),
    (
        page(status=504),
        [
            'plugit_pages_total{service="polls",status="504"}',
            'plugit_page_seconds_count{service="polls"}',
            'plugit_page_seconds_bucket{le="0.25",service="polls"}',
        ],
    ),
    (refused("only_admin_user", 403), ['plugit_refused_total{reason="only_admin_user",service="polls"}']),
    (refused("busy"), ['plugit_refused_total{reason="busy",service="polls"}']),
    (refused("the body is 99 bytes", 413), ['plugit_refused_total{reason="413",service="polls"}']),
    (fault("WireError"), ['plugit_faults_total{kind="WireError",service="polls"}']),
    (fault("MyOwnError"), ['plugit_faults_total{kind="other",service="polls"}']),
    (
        circuit("open"),
        [
            'plugit_circuit_openings_total{scope="service",service="polls"}',
            'plugit_circuit_open{service="polls"}',
        ],
    ),
    (circuit("open", "/slow"), ['plugit_circuit_openings_total{scope="call",service="polls"}']),
    (stale(), ['plugit_stale_pages_total{service="polls"}']),
    (fallback("service"), ['plugit_fallback_pages_total{kind="service",service="polls"}']),
    (mailed("sent"), ['plugit_mail_total{outcome="sent",service="polls"}']),
    (mailed("eaten"), ['plugit_mail_total{outcome="other",service="polls"}']),
    (dropped("cookies"), ['plugit_dropped_total{service="polls",what="cookies"}']),
    (dropped("session"), ['plugit_dropped_total{service="polls",what="session"}']),
    (
        VariantSkipped(service="polls", variant="next", action="/", reason="ServiceUnreachable"),
        ['plugit_variant_skipped_total{reason="ServiceUnreachable",service="polls",variant="next"}'],
    ),
    (
        PageServed(service="polls", variant="next", action="/", status=200, seconds=0.2),
        [
            'plugit_pages_total{service="polls",status="200",variant="next"}',
            'plugit_page_seconds_count{service="polls",variant="next"}',
            'plugit_page_seconds_bucket{le="0.25",service="polls",variant="next"}',
        ],
    ),
    (fallback("host"), ['plugit_fallback_pages_total{kind="host",service="polls"}']),
]


@pytest.mark.parametrize(("event", "names"), COUNTED, ids=lambda value: type(value).__name__)
def test_each_event_is_counted_once(
    event: Event, names: list[str], observe: PrometheusObserver, registry: CollectorRegistry
) -> None:
    """In its own series, and in no other family."""
    observe(event)
    observe(event)
    found = series(registry)
    for name in names:
        assert found[name] == (1 if "circuit_open{" in name else 2), name
    families = {re.sub(r"(_total|_count|_bucket|_sum)?\{.*", "", name) for name in found}
    assert families == {re.sub(r"(_total|_count|_bucket|_sum)?\{.*", "", name) for name in names}


def test_seconds_are_summed(observe: PrometheusObserver, registry: CollectorRegistry) -> None:
    """Of calls and pages."""
    observe(page())
    observe(called())
    assert series(registry)['plugit_page_seconds_sum{service="polls"}'] == 0.2
    assert series(registry)['plugit_service_call_seconds_sum{call="action",service="polls"}'] == 0.3


def test_the_gauge_follows_the_circuit_of_the_service(
    observe: PrometheusObserver, registry: CollectorRegistry
) -> None:
    """1 while it is open, however often a probe fails; the circuit of one call does not move it."""
    name = 'plugit_circuit_open{service="polls"}'
    values = []
    for event in (
        circuit("open"),
        circuit("open"),
        circuit("closed", "/slow"),
        circuit("closed"),
        circuit("open", "/slow"),
    ):
        observe(event)
        values.append(series(registry)[name])
    assert values == [1, 1, 1, 0, 0]


def flood(observe: PrometheusObserver, numbers: range) -> None:
    """Everything that a visitor or a service can choose, each time another."""
    for number in numbers:
        path, word, status = f"/show/{number}", f"word{number}", 100 + number % 900
        observe(called(path, word, status, word))
        observe(called(path, "action", status))
        observe(page(path, status))
        observe(refused(word, 403))
        observe(Refused(service="polls", action=path, status=status, reason=str(status)))
        observe(fault(word, action=path))
        observe(circuit("open", path))
        observe(fallback(word, status))
        observe(stale())


def test_labels_are_bounded(observe: PrometheusObserver, registry: CollectorRegistry) -> None:
    """A thousand paths, words and statuses; a thousand others make not one series more."""
    flood(observe, range(1000))
    before = set(series(registry))
    flood(observe, range(900_000, 901_000))
    assert set(series(registry)) == before
    assert [name for name in before if "/show" in name or "word" in name] == []
    assert len(before) < 250


def test_a_thousand_paths_of_good_pages_are_one_path(
    observe: PrometheusObserver, registry: CollectorRegistry
) -> None:
    """The number of series does not depend on the number of actions."""
    observe(called())
    observe(page())
    before = set(series(registry))
    for number in range(1000):
        observe(called(f"/show/{number}"))
        observe(page(f"/show/{number}"))
    assert set(series(registry)) == before


def test_the_words_that_are_told_apart_are_those_of_the_library() -> None:
    """Rules of access, of the guard, and the classes of errors."""
    rules = {key for key, _is_met in access.RULES} | {access.NO_ORGANIZATION, csrf.REASON}
    assert rules | GUARD <= REASONS
    assert {"ServiceTimeout", "CircuitOpen", "TemplateError"} <= KINDS
    assert all(issubclass(getattr(errors, name), errors.PlugItError) for name in KINDS)
    assert OTHER not in KINDS | REASONS


def test_events_of_others_are_not_counted(observe: PrometheusObserver, registry: CollectorRegistry) -> None:
    """An event that this version does not know is none of its business."""
    observe(Event(service="polls", action="/"))
    assert series(registry) == {}


def test_a_second_observer_of_a_registry_is_refused(registry: CollectorRegistry) -> None:
    """It would count twice; the sentence says what to do."""
    PrometheusObserver(registry)
    with pytest.raises(ConfigError, match=r"registry: .*use that one again"):
        PrometheusObserver(registry)


def test_threads_count_together(observe: PrometheusObserver, registry: CollectorRegistry) -> None:
    """Nobody is lost."""
    barrier = threading.Barrier(16)

    def work() -> None:
        barrier.wait()
        for _ in range(200):
            observe(page())

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert series(registry)['plugit_pages_total{service="polls",status="200"}'] == 3200


def test_variants_are_told_apart(observe: PrometheusObserver, registry: CollectorRegistry) -> None:
    """Each has a series of its own, for everything that is counted; but mails, which are of the service."""
    for event, _names in COUNTED:
        if not event.variant and not isinstance(event, MailHandled):
            observe(event)
            observe(replace(event, variant="next"))
    found = generate_latest(registry).decode().splitlines()
    samples = [line for line in found if line[0] != "#" and "_created" not in line]
    main = {line for line in samples if 'variant=""' in line}
    assert main
    assert {line.replace('variant=""', 'variant="next"') for line in main} == set(samples) - main


def test_it_is_exposed_by_the_library_itself(
    observe: PrometheusObserver, registry: CollectorRegistry
) -> None:
    """`make_wsgi_app` of prometheus-client."""
    observe(page())
    told: list[Any] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/metrics", "QUERY_STRING": ""}
    body = b"".join(make_wsgi_app(registry)(environ, lambda status, headers: told.append(status)))
    assert told == ["200 OK"]
    assert b'plugit_pages_total{service="polls",status="200",variant=""} 1.0' in body


WORKER = """
import sys
from plugit_wsgi.events import CircuitChanged, PageServed
from plugit_wsgi.observers.metrics import PrometheusObserver
observe = PrometheusObserver()
observe(PageServed(service="polls", action="/", status=200, seconds=0.1))
observe(CircuitChanged(service="polls", action="service", state=sys.argv[1], reason="service", seconds=1))
"""
COLLECT = """
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
registry = CollectorRegistry()
MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""


def test_processes_add_up(tmp_path: Path) -> None:
    """In the library's multi-process mode; the gauge is the number of processes whose circuit is open."""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def run(*arguments: str) -> str:
        command = [sys.executable, "-W", "ignore", "-c", *arguments]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return done.stdout

    for state in ("open", "open", "closed"):
        run(WORKER, state)
    told = run(COLLECT).replace(',variant=""', "")
    assert 'plugit_pages_total{service="polls",status="200"} 3.0' in told
    assert 'plugit_circuit_open{service="polls"} 2.0' in told


def test_importing_observers_loads_no_metrics() -> None:
    """Whoever wants none needs no prometheus-client."""
    code = "import sys, plugit_wsgi, plugit_wsgi.observers; print('prometheus_client' in sys.modules)"
    command = [sys.executable, "-W", "ignore", "-c", code]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "False\n"
