"""Errors -> answers: a status, plain words, the name of a rule; never a message."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any

import pytest
import webob
from tests.unit.visiting import ANNA, IDS, ORGANIZATIONS, SECRETS, SESSIONS, visit

from plugit_wsgi.config import Limits
from plugit_wsgi.csrf import Tokens
from plugit_wsgi.errors import (
    AccessDenied,
    ActionNotFound,
    BodyTooLarge,
    CircuitOpen,
    CsrfRejected,
    LoginRequired,
    PlugItError,
    ServiceBusy,
    ServiceFailed,
    ServiceRefused,
    ServiceTimeout,
    ServiceUnreachable,
    TemplateError,
    WireError,
)
from plugit_wsgi.events import Event, Fault, Refused
from plugit_wsgi.framing import Framer
from plugit_wsgi.http import Answer, wants_html
from plugit_wsgi.layout import BootstrapLayout
from plugit_wsgi.people import Membership, Organization
from plugit_wsgi.refusals import Refusals, broken_page
from plugit_wsgi.tokens import VisitTokens


def framer(layout: Any) -> Framer:
    tokens = VisitTokens(Tokens(SECRETS.derived("csrf"), "x"))
    limits = Limits()
    return Framer(
        layout=layout,
        tokens=tokens,
        sessions=SESSIONS,
        visitor_ids=IDS,
        limits=limits,
        login_url=None,
        observe=lambda event: None,
    )


def refuse(
    error: PlugItError, accept: str = "", login_url: str | None = None, layout: Any = None, **more: Any
) -> tuple[Answer, list[Event]]:
    """The answer to an error, and what observers are told."""
    events: list[Event] = []
    bundled = BootstrapLayout()
    refusals = Refusals(
        framer=framer(layout or bundled), bundled=framer(bundled), login_url=login_url, observe=events.append
    )
    environ = {"HTTP_ACCEPT": accept, "QUERY_STRING": "q=1"}
    return refusals.answer(error, visit(environ, **more)), events


ERRORS: list[tuple[PlugItError, int]] = [
    (ActionNotFound("path"), 404),
    (AccessDenied("only_admin_user"), 403),
    (LoginRequired("only_logged_user"), 403),
    (CsrfRejected("csrf"), 403),
    (BodyTooLarge("SECRET words"), 413),
    (ServiceUnreachable("SECRET 10.1.2.3"), 502),
    (ServiceTimeout("SECRET"), 504),
    (ServiceFailed("SECRET", status=503, retry_after=7.0), 503),
    (ServiceBusy("SECRET", retry_after=0.2), 503),
    (ServiceRefused("SECRET", status=404), 404),
    (ServiceRefused("SECRET", status=500), 500),
    (WireError("SECRET", field="SECRET", received="SECRET"), 502),
    (TemplateError("SECRET", template_tag="SECRET"), 502),
]


@pytest.mark.parametrize(("error", "status"), ERRORS, ids=lambda item: getattr(type(item), "__name__", ""))
def test_every_error_is_a_page(error: PlugItError, status: int) -> None:
    """With its status, in the layout, never stored, and without its message."""
    answer, _events = refuse(error, "text/html")
    headers = dict(answer.headers)
    assert answer.status == status
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "private, no-store"
    assert isinstance(answer.body, bytes)
    if not isinstance(error, BodyTooLarge):
        assert b"SECRET" not in answer.body
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize(
    ("error", "header"),
    [
        (ServiceBusy("x", retry_after=0.2), "1"),
        (ServiceFailed("x", retry_after=7.4), "8"),
        (ServiceFailed("x"), None),
    ],
)
def test_retry_after(error: PlugItError, header: str | None) -> None:
    """In whole seconds, one at least, and not before the time."""
    assert dict(refuse(error)[0].headers).get("Retry-After") == header


@pytest.mark.parametrize(
    ("accept", "html"),
    [("", True), ("text/html", True), ("*/*", True), ("text/*;q=0.1", True), ("application/xhtml+xml", True),
     ("application/json", False), ("image/png", False), ("text/plain", False), ("TEXT/HTML", True)],
)  # fmt: skip
def test_who_wants_a_page(accept: str, html: bool) -> None:
    """Whoever names only other types gets other words."""
    assert wants_html({"HTTP_ACCEPT": accept}) is html


def test_words_for_programs() -> None:
    """JSON for who asks for it, else a line of text; the rule by its name."""
    answer = refuse(AccessDenied("only_admin_user"), "application/json")[0]
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body) == {"error": {"status": 403, "reason": "only_admin_user"}}
    assert refuse(AccessDenied("only_admin_user"), "image/png")[0].body == b"403 only_admin_user\n"
    answer = refuse(ServiceTimeout("SECRET"), "application/json")[0]
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body) == {"error": {"status": 504, "reason": None}}
    headers = (("ETag", "e"), ("Cache-Control", "public"), ("Last-Modified", "then"))
    answer = refuse(ServiceRefused("x", status=404, headers=headers), "image/png")[0]
    assert answer.body == b"404\n"
    assert answer.headers == (
        ("Content-Type", "text/plain; charset=utf-8"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "private, no-store"),
        ("ETag", "e"),
    )


@pytest.mark.parametrize(
    ("error", "accept", "login_url", "status"),
    [
        (LoginRequired("only_logged_user"), "text/html", "/login", 302),
        (LoginRequired("only_logged_user"), "text/html", None, 403),
        (LoginRequired("only_logged_user"), "application/json", "/login", 403),
        (AccessDenied("only_admin_user"), "text/html", "/login", 403),
    ],
)
def test_who_has_to_log_in_is_sent_to_the_login(
    error: PlugItError, accept: str, login_url: str | None, status: int
) -> None:
    """With the way back; only where a page was wanted and somebody could log in."""
    answer, events = refuse(error, accept, login_url)
    assert answer.status == status
    if status == 302:
        assert dict(answer.headers)["Location"] == "/login?next=/s/x/a%3Fq%3D1"
    assert [type(event) for event in events] == [Refused]


def broken(*_args: Any) -> str:
    raise RuntimeError("SECRET")


def test_a_layout_that_fails_does_not_hide_the_page(caplog: pytest.LogCaptureFixture) -> None:
    """The bundled one takes its place; the cause is in the log."""
    answer, _ = refuse(ServiceTimeout("x"), layout=broken)
    assert answer.status == 504
    assert isinstance(answer.body, bytes)
    assert b"SECRET" not in answer.body
    assert "layout failed" in caplog.text


def test_the_organization_can_be_switched_on_the_page() -> None:
    """A token for the switch, but never where another origin may read it."""
    user = replace(
        ANNA, memberships=(Membership(Organization("1", "EBU")), Membership(Organization("2", "RTS")))
    )
    named: dict[str, Any] = {"user": user, "service": ORGANIZATIONS}
    answer, _ = refuse(AccessDenied("only_orga_admin_user"), **named)
    cookies = [value for name, value in answer.headers if name == "Set-Cookie"]
    assert cookies[0].startswith("csrftoken=")
    cors = (("Access-Control-Allow-Origin", "*"),)
    answer, _ = refuse(ServiceRefused("x", status=404, headers=cors), **named)
    assert not [name for name, _value in answer.headers if name == "Set-Cookie"]


# Log and events ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ServiceUnreachable("cause"), "ServiceUnreachable"),
        (TemplateError("cause"), "TemplateError"),
        (ServiceRefused("cause", status=500), "ServiceRefused"),
    ],
)
def test_a_fault_is_one_event(error: PlugItError, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """With service, action, kind, status, request and cause; the line in the log is an observer's."""
    with caplog.at_level(logging.DEBUG):
        _, (event,) = refuse(error)
    assert isinstance(event, Fault)
    assert (event.service, event.action, event.kind, event.cause) == ("x", "/a", kind, "cause")
    assert event.status == error.status
    assert len(event.request_id) == 32
    assert caplog.records == []


def test_the_cause_of_a_fault_says_what_was_behind_it() -> None:
    """Which field was wrong, and what was caught; without what looks like a secret."""
    error = WireError("a body", field="only_me", received="SECRET")
    error.__cause__ = OSError("no connection to http://anna:hunter2@10.1.2.3/")
    _, (event,) = refuse(error)
    assert isinstance(event, Fault)
    assert event.cause == "a body (only_me): no connection to http://10.1.2.3/"
    error = WireError("a tag: not closed")
    error.__cause__ = ValueError("not closed")
    _, (event,) = refuse(error)
    assert isinstance(event, Fault)
    assert event.cause == "a tag: not closed"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AccessDenied("only_admin_user"), "only_admin_user"),
        (ServiceRefused("x", status=404), "404"),
        (ServiceBusy("all places are taken"), "busy"),
        (CircuitOpen("not asked for a while"), "open"),
    ],
)
def test_a_refusal_is_an_event_and_no_fault(
    error: PlugItError, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also what the guard refuses, of which the service knows nothing."""
    _, (event,) = refuse(error)
    assert isinstance(event, Refused)
    assert (event.status, event.reason) == (error.status, reason)
    assert caplog.records == []


def test_a_broken_host_is_a_page_of_ours() -> None:
    """With our own assets, below the host's SCRIPT_NAME."""
    answer = broken_page(BootstrapLayout(), webob.Request({}), script_name="/app", prefix="/app/s")
    assert answer.status == 500
    assert isinstance(answer.body, bytes)
    assert b"/app/s/_assets/" in answer.body
    assert dict(answer.headers)["Cache-Control"] == "private, no-store"
