"""docs/observability.md says what the code does: lines, events and metrics are read from it and compared."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from plugit_wsgi import events
from plugit_wsgi.observers.log import LOGGED, LONGEST, Line, format_line, line_of
from plugit_wsgi.observers.metrics import CALLS, REASONS, PrometheusObserver

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "observability.md").read_text(encoding="utf-8")
EVENTS = {
    name: found
    for name, found in vars(events).items()
    if isinstance(found, type) and issubclass(found, events.Event) and found is not events.Event
}
NAME = re.compile(r"`([^`]+)`")
PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')
LINES = [line for line in TEXT.splitlines() if line.startswith("event=")]
BY_KEY = {"fault": events.Fault, "refused": events.Refused, "circuit": events.CircuitChanged,
          "stale": events.StaleServed, "fallback": events.FallbackServed,
          "dropped": events.Dropped, "mail": events.MailHandled,
          "skipped": events.VariantSkipped}  # fmt: skip


def table(first: str) -> list[list[str]]:
    """The rows of the table whose head begins with this cell, without the head."""
    rows = TEXT[TEXT.index(f"| {first} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def names(cell: str) -> list[str]:
    return NAME.findall(cell)


def pairs_of(line: str) -> dict[str, str]:
    return {key: json.loads(value) if value[0] == '"' else value for key, value in PAIR.findall(line)}


def event_of(pairs: dict[str, str]) -> events.Event:
    """The event that a line tells of."""
    kind, action = pairs.get("kind", ""), pairs.get("action", "")
    more: dict[str, dict[str, Any]] = {
        "fault": {"kind": kind, "cause": pairs.get("cause", ""), "status": int(pairs.get("status", 0))},
        "refused": {"reason": kind, "status": int(pairs.get("status", 0))},
        "circuit": {
            "state": kind.rpartition("-")[2],
            "reason": action or "service",
            "seconds": float(pairs.get("seconds", 0)),
        },
        "stale": {"age": float(pairs.get("age", 0)), "cause": pairs.get("cause", "")},
        "fallback": {"kind": kind, "status": int(pairs.get("status", 0))},
        "dropped": {"what": kind, "count": int(pairs.get("count", 0))},
        "skipped": {"reason": kind, "cause": pairs.get("cause", "")},
        "mail": {
            "outcome": kind,
            "status": int(pairs.get("status", 0)),
            "recipients": int(pairs.get("recipients", 0)),
            "reason": pairs.get("reason", ""),
        },
    }
    found = BY_KEY[pairs["event"]](
        service=pairs["service"],
        action=action,
        request_id=pairs.get("request_id", ""),
        variant=pairs.get("variant", ""),
        **more[pairs["event"]],
    )
    assert isinstance(found, events.Event)
    return found


@pytest.mark.parametrize("said", LINES, ids=[line[:50] for line in LINES])
def test_lines_are_shown_as_they_are_written(said: str) -> None:
    """Letter by letter."""
    pairs = pairs_of(said)
    event = event_of(pairs)
    line = line_of(event)
    assert isinstance(line, Line)
    assert format_line(event, line, int(pairs.get("left_out", 0)), float(pairs.get("ago", 0))) == said


def test_every_kind_of_line_is_shown_and_told() -> None:
    """The table of lines has each first word once, and the kinds that are not classes of errors."""
    rows = {names(row[0])[0]: names(row[1]) for row in table("`event`")}
    assert rows == {
        "fault": [],
        "refused": sorted(LOGGED),
        "circuit": ["service-open", "service-closed", "call-open", "call-closed"],
        "stale": [],
        "fallback": ["service", "host"],
        "dropped": ["cookies", "session", "include"],
        "skipped": ["when"],
        "mail": ["refused", "delayed", "set_aside"],
    }
    assert {pairs_of(line)["event"] for line in LINES} == rows.keys()
    assert f"at most {LONGEST} characters" in TEXT


def test_the_table_of_events_is_events_py() -> None:
    """Each class, and each field beside those that all have."""
    common = {field.name for field in dataclasses.fields(events.Event)}
    told = {names(row[0])[0]: names(row[1]) for row in table("event")}
    assert told == {
        name: [field.name for field in dataclasses.fields(found) if field.name not in common]
        for name, found in EVENTS.items()
    }
    assert all(f"`{name}`" in TEXT for name in common)


def test_the_table_of_metrics_is_the_registry() -> None:
    """Each name as it is exposed, with its type and labels."""
    registry = CollectorRegistry()
    observe = PrometheusObserver(registry)
    labels = {
        metric._name: list(metric._labelnames)
        for metric in vars(observe).values()
        if hasattr(metric, "_labelnames")
    }
    told = {names(row[0])[0]: (row[1], names(row[2])) for row in table("metric")}
    assert told == {
        family.name + ("_total" if family.type == "counter" else ""): (family.type, labels[family.name])
        for family in registry.collect()
    }


def test_the_values_of_labels_are_told() -> None:
    """Calls, and reasons."""
    told = {row[0]: names(row[1]) for row in table("label")}
    assert told["`call`"] == sorted(CALLS)
    assert set(told["`reason`"]) == REASONS


WIRED = """
import plugit_wsgi, werkzeug
host_app = werkzeug.Response("h")
services = [plugit_wsgi.Service("polls", "http://127.0.0.1:9")]
secret_key = "a secret of the tests, long enough."
{code}
from werkzeug.test import Client
client = Client(application)
print(client.get("/s/polls/").status_code, client.get("/").text)
print(client.get("/metrics").text)
"""


def test_the_five_lines_work() -> None:
    """Copied from the page: the counters are at /metrics."""
    code = next(
        block for block in re.findall(r"```python\n(.*?)```", TEXT, re.S) if "DispatcherMiddleware(" in block
    )
    command = [sys.executable, "-W", "ignore", "-c", WIRED.format(code=code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("502 h\n")
    assert 'plugit_faults_total{kind="ServiceUnreachable",service="polls",variant=""} 1.0' in done.stdout
