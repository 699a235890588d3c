"""Small values: errors, events, pages, clocks. Each is frozen, and says what its name says."""

from __future__ import annotations

import dataclasses
import inspect
import time
from typing import Any

import pytest

from plugit_wsgi import errors, events
from plugit_wsgi.clock import Deadline, SystemClock
from plugit_wsgi.errors import (
    ConfigError,
    ContextForeign,
    PlugItError,
    ServiceBusy,
    ServiceFailed,
    ServiceRefused,
    TemplateError,
    WireError,
)
from plugit_wsgi.page import Fragment, Page
from plugit_wsgi.testing.clock import FakeClock

STATUSES = {
    "PlugItError": 500, "ConfigError": 500,
    "RequestRejected": 403, "BadRequest": 400, "ActionNotFound": 404, "LoginRequired": 403,
    "AccessDenied": 403,
    "SubscriptionRequired": 403,
    "CsrfRejected": 403, "MethodNotAllowed": 405, "BodyTooLarge": 413, "UpgradeRefused": 501,
    "TooManyRequests": 429, "PreviewRejected": 403,
    "ServiceError": 502, "ServiceUnreachable": 502, "ServiceTimeout": 504, "ServiceFailed": 502,
    "ServiceBusy": 503, "CircuitOpen": 503, "WireError": 502, "FramingError": 502, "ServiceRefused": 502,
    "ContextError": 401, "ContextMissing": 401, "ContextTampered": 401, "ContextExpired": 401,
    "ContextForeign": 401,
    "TemplateError": 502, "DatabaseError": 500,
    "MailRefused": 403, "MailServerError": 500, "ReplyRejected": 500, "MailboxError": 500,
    "MessageUnusable": 500,
}  # fmt: skip
TREE = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, PlugItError)
}


@pytest.mark.parametrize("name", TREE)
def test_every_error_is_in_the_tree_with_its_status(name: str) -> None:
    """The tree of the docstring is the tree of the code."""
    assert TREE[name].status == STATUSES[name]
    assert name in (errors.__doc__ or "")


def test_errors_carry_facts() -> None:
    """As attributes, for whoever catches them."""
    facts: list[tuple[Any, dict[str, Any]]] = [
        (ConfigError("f", 1, "2"), {"field": "f", "value": 1, "expected": "2"}),
        (ServiceFailed("m", status=504, retry_after=3.0, service="x"), {"status": 504, "retry_after": 3.0}),
        (ServiceRefused("m", status=404, headers=(("A", "b"),)), {"status": 404, "headers": (("A", "b"),)}),
        (ServiceBusy("m", retry_after=1.0, service="x", action="/a"), {"retry_after": 1.0, "action": "/a"}),
        (WireError("m", field="f", received=1, service="x"), {"field": "f", "received": 1, "service": "x"}),
        (ContextForeign("path"), {"claim": "path", "status": 401}),
        (TemplateError("m", template_tag="t", line=3), {"template_tag": "t", "line": 3}),
        (errors.AccessDenied("only_admin_user"), {"reason": "only_admin_user", "status": 403}),
        (errors.SubscriptionRequired("x", labels=("gold",)), {"reason": "x", "labels": ("gold",)}),
        (errors.ActionNotFound(), {"reason": "", "status": 404}),
    ]
    for error, attributes in facts:
        assert {name: getattr(error, name) for name in attributes} == attributes
        assert str(error)


@pytest.mark.parametrize(
    "event",
    [
        events.Event(service="x", action="/a"),
        events.Refused(service="x", action="/a", status=403, reason="csrf"),
        events.Fault(service="x", action="/a", kind="WireError", cause="c"),
        events.PageServed(service="x", action="/a", status=200, seconds=0.1),
        events.CircuitChanged(service="x", action="/a", state="open", reason="/a", seconds=5.0),
        events.StaleServed(service="x", action="/a", age=5.0, cause="ServiceTimeout"),
        events.FallbackServed(service="x", action="/a", kind="host", status=502),
        events.ServiceCalled(service="x", action="/a", call="meta", method="GET", status=200, seconds=0.1),
    ],
    ids=lambda event: type(event).__name__,
)
def test_events_are_frozen_facts(event: Any) -> None:
    """Every one names service, action and request."""
    assert (event.service, event.action, event.request_id) == ("x", "/a", "")
    assert isinstance(event, events.Event)
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.service = "y"


@pytest.mark.parametrize("value", [Fragment(), Page()])
def test_pages_are_empty_by_default_and_frozen(value: Any) -> None:
    """Markup where markup is due."""
    for name in ("head", "menu", "content"):
        assert getattr(value, name).__html__() == ""
    assert not hasattr(value.title, "__html__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.title = "x"


def test_deadline() -> None:
    """A moment that stays while time goes on; never less than nothing is left."""
    clock = FakeClock()
    deadline = Deadline.after(5.0, clock)
    assert deadline.remaining() == 5.0
    clock.advance(2)
    assert deadline.remaining() == 3.0
    assert deadline.at_most(2.0).remaining() == 2.0
    assert deadline.at_most(9.0).remaining() == 3.0
    assert deadline.at_most(3.0) == deadline
    clock.advance(10)
    assert deadline.remaining() == 0.0
    assert deadline.at_most(1.0).remaining() == 0.0


def test_system_clock() -> None:
    """Wall time for what is written down, monotonic time for timers."""
    clock = SystemClock()
    assert abs(clock.time() - time.time()) < 1
    first = clock.monotonic()
    assert clock.monotonic() >= first
    assert abs(first - time.monotonic()) < 1


def test_fake_clock() -> None:
    """Stands still until it is turned; both hands."""
    clock = FakeClock(10.0)
    before = (clock.time(), clock.monotonic())
    assert (clock.time(), clock.monotonic()) == before
    clock.advance(1.5)
    assert (clock.time() - before[0], clock.monotonic() - before[1]) == (1.5, 1.5)
