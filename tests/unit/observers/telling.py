"""Events of a service, and the lines that were logged."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from plugit_wsgi.events import (
    CircuitChanged,
    Dropped,
    FallbackServed,
    Fault,
    MailHandled,
    Refused,
    StaleServed,
)


def fault(
    kind: str = "ServiceTimeout", cause: str = "the deadline passed", service: str = "polls", **more: Any
) -> Fault:
    """A fault of a service."""
    return Fault(service=service, kind=kind, cause=cause, **{"action": "/show/1", "status": 504, **more})


def refused(reason: str = "busy", status: int = 503, service: str = "polls") -> Refused:
    """A refusal."""
    return Refused(service=service, action="/show/1", status=status, reason=reason)


def circuit(state: Any = "open", reason: str = "service", seconds: float = 5.2) -> CircuitChanged:
    """A circuit that changes."""
    return CircuitChanged(service="polls", action=reason, state=state, reason=reason, seconds=seconds)


def stale(age: float = 12.34) -> StaleServed:
    """An older page."""
    return StaleServed(service="polls", action="/show/1", age=age, cause="ServiceTimeout")


def fallback(kind: Any = "service", status: int = 200) -> FallbackServed:
    """Another page."""
    return FallbackServed(service="polls", action="/show/1", kind=kind, status=status)


def dropped(what: str = "session", count: int = 1) -> Dropped:
    """Something of a service that was left out."""
    return Dropped(service="polls", action="/show/1", what=what, count=count)


def mailed(outcome: str = "refused") -> MailHandled:
    """What became of a mail."""
    return MailHandled(service="polls", action="mail/", outcome=outcome, recipients=2)


def lines(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    """What was logged so far, of this level or above."""
    return [record.getMessage() for record in caplog.records if record.levelno >= level]
