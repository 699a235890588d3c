"""What is sent to a service: fields, headers, the signed context; and what is kept back."""

from __future__ import annotations

import io
import logging
import re
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.visiting import ANNA, ORGANIZATIONS, PAGES, POLLS, SECRETS, visit

from plugit_wsgi.asked import Asked
from plugit_wsgi.body import Body
from plugit_wsgi.client import ActionCall
from plugit_wsgi.clock import Deadline
from plugit_wsgi.errors import PlugItError
from plugit_wsgi.outgoing import CallBuilder, Once, is_in_form, our_fields
from plugit_wsgi.people import Membership, Organization, User
from plugit_wsgi.session import Session
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.visits import Visit
from plugit_wsgi.wire.context import SignedContext, digest, verify
from plugit_wsgi.wire.keys import service_keys
from plugit_wsgi.wire.meta import ActionMeta

KEYS = service_keys(SECRETS, "x")
CLOCK = FakeClock()
FORM = "application/x-www-form-urlencoded"
ORG = replace(ANNA, memberships=(Membership(Organization("1", "EBÜ", "zzebu")),))
PAGE = ActionMeta(template_tag="t")
SHARED = ActionMeta(template_tag="t", cache_time=60)


def build(
    found: Visit, meta: ActionMeta = PAGE, body: Body | None = None, *, conditional: bool = True
) -> ActionCall:
    """The call of a visit."""
    asked = Asked.of(found, meta, Deadline.after(5, CLOCK))
    ours = our_fields(found, meta, Once())
    return CallBuilder(KEYS, CLOCK).build(asked, body or Body(), ours, conditional=conditional)


def headers(call: ActionCall) -> dict[str, str]:
    return {name.lower(): value for name, value in call.headers}


def context(call: ActionCall, method: str = "GET", body: bytes = b"") -> SignedContext:
    """Of a call, as the service checks it."""
    path, _, query = call.target.partition("?")
    return verify(
        headers(call)["x-plugit-context"],
        KEYS,
        audience="x",
        method=method,
        path="/" + path,
        query=query.encode(),
        body_digest=digest(body),
        now=CLOCK.time(),
    )


# Fields --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wished", "user", "sent"),
    [
        ((), ANNA, {}),
        (("pk", "id", "username"), ANNA, {"pk": "7", "id": "7", "username": "anna"}),
        (("last_name",), ANNA, {"last_name": "Ä"}),
        (("ebuio_member", "ebuio_admin"), ANNA, {"ebuio_member": "True", "ebuio_admin": "False"}),
        (("pk", "ebuio_member"), None, {"ebuio_member": "False"}),
        (("phone",), ANNA, {}),
        (("password",), ANNA, {}),
    ],
)
def test_wished_fields(wished: tuple[str, ...], user: Any, sent: dict[str, str]) -> None:
    """Those that are wished and allowed; str() of the value; what there is not is absent."""
    found = our_fields(visit(user=user), ActionMeta(user_info=wished), Once())
    assert found == [(f"ebuio_u_{name}".encode(), value.encode()) for name, value in sent.items()]


def test_extra_fields_only_where_the_mount_allows_them() -> None:
    """By name."""
    service = replace(POLLS, user_fields=("phone",))
    found = our_fields(visit(user=ANNA, service=service), ActionMeta(user_info=("phone", "pk")), Once())
    assert found == [(b"ebuio_u_phone", b"123")]


def test_a_field_that_is_not_allowed_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """Not with every page, and not for ever new ones."""
    once = Once()
    for _ in range(3):
        our_fields(visit(user=ANNA), ActionMeta(user_info=("phone", "fax")), once)
    assert len(caplog.records) == 2
    with caplog.at_level(logging.WARNING):
        for number in range(2000):
            once.warn("%s", str(number))
    assert len(caplog.records) <= 1001


@pytest.mark.parametrize(
    ("method", "content_type", "in_form"),
    [("POST", FORM, True), ("POST", "multipart/form-data; boundary=x", True),
     ("POST", "application/json", False),
     ("PUT", FORM, False), ("GET", FORM, False)],
)  # fmt: skip
def test_where_our_fields_go(method: str, content_type: str, in_form: bool) -> None:
    """In the form on POST with a form, else in the query; the organization too."""
    environ = {
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": "1",
        "wsgi.input": io.BytesIO(b"a"),
        "QUERY_STRING": "a=1&ebuio_u_pk=9&a=2",
    }
    found = visit(environ, user=ORG, service=ORGANIZATIONS)
    assert is_in_form(found) is in_form
    ours = "" if in_form else "&ebuio_u_pk=7&ebuio_orgapk=1"
    assert build(found, replace(PAGE, user_info=("pk",))).target == f"action/a?a=1&a=2{ours}"


# Headers -------------------------------------------------------------------------------

BROWSER = {
    "HTTP_IF_NONE_MATCH": '"e"',
    "HTTP_ORIGIN": "http://host.example",
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT",
    "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "X-A",
    "HTTP_ACCEPT_LANGUAGE": "de",
    "HTTP_USER_AGENT": "Mozilla\r\nX-Evil: 1",
    "HTTP_COOKIE": "host=secret",
    "HTTP_AUTHORIZATION": "Basic secret",
    "HTTP_REFERER": "http://host.example/secret",
    "HTTP_ACCEPT_ENCODING": "gzip",
    "HTTP_RANGE": "bytes=0-1",
    "HTTP_X_PLUGIT_CONTEXT": "secret",
    "HTTP_X_PLUGIT_USER_PK": "secret",
    "HTTP_X_PLUGITSESSION_A": "secret",
    "HTTP_X_FORWARDED_FOR": "secret",
    "HTTP_CONNECTION": "X-Plugit-Context",
}


def test_headers_of_the_visitor() -> None:
    """By allow-list, under the names of version 1; nothing that would leave its line."""
    found = headers(build(visit(BROWSER)))
    assert found["x-plugit-if-none-match"] == '"e"'
    assert found["x-plugit-origin"] == "http://host.example"
    assert found["x-plugit-access-control-request-method"] == "PUT"
    assert found["x-plugit-access-control-request-headers"] == "X-A"
    assert found["x-plugit-remote-addr"] == "192.0.2.1"
    assert found["accept-language"] == "de"
    assert found["user-agent"] == "Mozilla  X-Evil: 1"
    assert not {"cookie", "authorization", "referer", "accept-encoding", "range", "connection"} & set(found)
    assert "secret" not in repr(found)


def test_conditions_of_a_second_try_are_left_out() -> None:
    """Only fresh data makes a page for this visitor."""
    found = headers(build(visit(BROWSER), conditional=False))
    assert "x-plugit-if-none-match" not in found
    assert "x-plugit-origin" in found


def test_ranges_go_to_actions_without_a_template() -> None:
    """They may answer a file."""
    assert headers(build(visit(BROWSER), ActionMeta()))["range"] == "bytes=0-1"
    assert "range" not in headers(build(visit(BROWSER), ActionMeta(json_only=True)))
    assert "range" not in headers(build(visit(BROWSER, service=PAGES), ActionMeta()))


def test_headers_of_the_host() -> None:
    """Where the page is, how it was reached, and a trace."""
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    found = headers(build(visit({"HTTP_TRACEPARENT": trace}, secure=True, script_name="/app")))
    assert found["traceparent"] == trace
    assert found["x-forwarded-prefix"] == "/app/s/x"
    assert (found["x-forwarded-proto"], found["x-forwarded-host"]) == ("https", "host.example")
    made = headers(build(visit({"HTTP_TRACEPARENT": "x\r\ny"})))["traceparent"]
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", made)


def test_session_values() -> None:
    """As a header and as a cookie, quoted; the bytes that were set."""
    found = replace(visit(), session=Session(values={"a": "1", "b": 'x; y="z"', "c": "caf\xc3\xa9"}))
    sent = headers(build(found))
    assert (sent["x-plugitsession-a"], sent["x-plugitsession-b"]) == ("1", 'x; y="z"')
    assert sent["x-plugitsession-c"] == "caf\xc3\xa9"
    assert sent["cookie"].startswith('a=1; b="x\\073 y=\\"z\\""; c=')
    assert "cookie" not in headers(build(visit()))


def test_headers_of_pages_mode() -> None:
    """Every allowed field, the organization, where the mount is; with hyphens."""
    service = replace(PAGES, organizations=True, user_fields=("pk", "first_name", "ebuio_member", "phone"))
    user = replace(ORG, subscription_labels=("a", "b"), first_name="Zoë")
    call = build(visit(user=user, service=service))
    found = headers(call)
    assert call.target == "a?ebuio_orgapk=1"
    assert found["x-plugit-user-pk"] == "7"
    assert found["x-plugit-user-first-name"] == "Zo\xc3\xab"
    assert found["x-plugit-user-ebuio-member"] == "True"
    assert found["x-plugit-user-phone"] == "123"
    assert found["x-plugit-orga-pk"] == "1"
    assert found["x-plugit-orga-name"] == "EB\xc3\x9c"
    assert found["x-plugit-orga-codops"] == "zzebu"
    assert found["x-plugit-base-url"] == "/s/x/"
    labels = headers(build(visit(user=user, service=replace(PAGES, user_fields=("subscription_labels",)))))
    assert labels["x-plugit-user-subscription-labels"] == "a,b"
    assert not [name for name in headers(build(visit(user=ANNA))) if name.startswith("x-plugit-user-")]


# Context -------------------------------------------------------------------------------


def test_context() -> None:
    """Over the very bytes that are sent; the allowed fields and no others."""
    user = replace(ORG, subscription_labels=("gold",), admin=True)
    found = visit({"QUERY_STRING": "a=1"}, user=user, service=ORGANIZATIONS)
    signed = context(build(found))
    assert (signed.subject, signed.audience, signed.address) == ("7", "x", "192.0.2.1")
    assert signed.fields["username"] == "anna"
    assert "phone" not in signed.fields
    assert signed.rights == ("member", "admin", "orga_member")
    assert signed.organization == {"id": "1", "name": "EBÜ", "codops": "zzebu"}
    assert (signed.subscriptions, signed.deadline_ms) == (("gold",), 5000)
    assert (signed.issued, signed.expires) == (CLOCK.time(), CLOCK.time() + 60)
    assert signed.rules_digest == PAGE.rules_digest
    assert signed.token_id != context(build(found)).token_id


def test_context_of_a_body() -> None:
    """Its digest, its length, its type."""
    body = Body(file=io.BytesIO(b"abc"), length=3, content_type="text/plain", digest=digest(b"abc"))
    call = build(visit({"REQUEST_METHOD": "POST"}), PAGE, body)
    assert context(call, "POST", b"abc").body_digest == digest(b"abc")
    assert (call.length, headers(call)["content-type"]) == (3, "text/plain")
    assert "content-type" not in headers(build(visit()))


def test_context_of_nobody() -> None:
    """No user, no fields."""
    signed = context(build(visit()))
    assert (signed.subject, dict(signed.fields), signed.rights, signed.organization) == (None, {}, (), None)


def test_a_shared_page_is_asked_for_without_what_tells_visitors_apart() -> None:
    """Neither user, nor address, nor language, nor trace, nor an id that somebody in front chose."""
    environ = {**BROWSER, "HTTP_TRACEPARENT": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    user = replace(ANNA, subscription_labels=("gold",))
    call = build(visit(environ, user=user), SHARED)
    signed, found = context(call), headers(call)
    assert (signed.subject, dict(signed.fields), signed.subscriptions, signed.address) == (None, {}, (), "")
    assert signed.rights == ()
    assert not [
        name for name in found if name in ("accept-language", "user-agent", "x-plugit-remote-addr", "range")
    ]
    assert "a" * 32 not in found["traceparent"]
    by_rights = context(
        build(visit(environ, user=user), replace(SHARED, only_member_user=True, cache_by_user=False))
    )
    assert (by_rights.subject, by_rights.rights) == (None, ("member",))
    by_user = context(build(visit(environ, user=user), replace(SHARED, cache_by_user=True)))
    assert (by_user.subject, by_user.address) == ("7", "")


def test_a_context_that_is_too_large_leaves_something_out(caplog: pytest.LogCaptureFixture) -> None:
    """Labels first, then fields; never who it is."""
    labels = replace(ANNA, subscription_labels=tuple(f"label {number:050}" for number in range(60)))
    signed = context(build(visit(user=labels)))
    assert (signed.subject, signed.subscriptions, signed.fields["username"]) == ("7", (), "anna")
    signed = context(build(visit(user=replace(labels, last_name="x" * 4000))))
    assert (signed.subject, signed.subscriptions, dict(signed.fields)) == ("7", (), {})
    assert "left something out" in caplog.text
    with pytest.raises(PlugItError, match="too large"):
        build(visit(user=User("7" * 4000)))


# Who shares ----------------------------------------------------------------------------


def key(meta: ActionMeta, user: Any = None, **more: Any) -> tuple[object, ...] | None:
    """The key of a visit; `more` is of the environ, or of the visit."""
    named = {name: more.pop(name) for name in ("service", "secure", "script_name", "action") if name in more}
    found = visit(more, user=user, **named)
    return Asked.of(found, meta, Deadline.after(5, CLOCK)).key


MAX = User("8", "max", member=True)


@pytest.mark.parametrize(
    ("meta", "shared"),
    [
        ({}, True),
        ({"cache_by_user": False}, True),
        ({"cache_by_user": True}, False),
        ({"user_info": ("pk",)}, False),
        ({"user_info": ("pk",), "cache_by_user": False}, False),
        ({"only_logged_user": True}, False),
        ({"only_logged_user": True, "cache_by_user": False}, True),
        ({"public": True}, True),
    ],
)
def test_two_users_share_a_page_or_not(meta: dict[str, Any], shared: bool) -> None:
    """Null means "as the rules suggest"; user_info always has the user in it."""
    found = replace(SHARED, **meta)
    assert (key(found, ANNA) == key(found, MAX)) is shared


def test_rights_keep_a_shared_page_apart() -> None:
    """Where a rule looks at them."""
    meta = replace(SHARED, only_logged_user=True, cache_by_user=False)
    assert key(meta, ANNA) == key(meta, MAX)
    assert key(meta, ANNA) != key(meta, replace(MAX, admin=True))


@pytest.mark.parametrize(
    ("meta", "more"),
    [
        (PAGE, {}),
        (SHARED, {"REQUEST_METHOD": "POST"}),
        (SHARED, {"REQUEST_METHOD": "HEAD"}),
        (SHARED, {"REQUEST_METHOD": "OPTIONS"}),
        (SHARED, {"service": PAGES}),
    ],
)
def test_what_is_never_kept(meta: ActionMeta, more: dict[str, Any]) -> None:
    """Without a time, by another method, in pages mode."""
    assert key(meta, **more) is None


@pytest.mark.parametrize(
    "more",
    [
        {"action": "/b"},
        {"QUERY_STRING": "a=1"},
        {"secure": True},
        {"script_name": "/app"},
        {"service": replace(POLLS, name="y")},
    ],
)
def test_whatever_the_service_is_told_is_in_the_key(more: dict[str, Any]) -> None:
    """Path, query, origin, mount, service."""
    assert key(SHARED, **more) != key(SHARED)
    assert hash(key(SHARED, **more))


def test_session_organization_and_tag_are_in_the_key() -> None:
    """They are told to the service, or change what it answers."""
    deadline = Deadline.after(5, CLOCK)
    with_session = replace(visit(), session=Session(values={"a": "1"}))
    keys = {
        Asked.of(visit(), SHARED, deadline).key,
        Asked.of(with_session, SHARED, deadline).key,
        Asked.of(visit(user=ORG, service=ORGANIZATIONS), SHARED, deadline).key,
        Asked.of(visit(), replace(SHARED, template_tag="u"), deadline).key,
        Asked.of(visit(), replace(SHARED, public=True), deadline).key,
    }
    assert len(keys) == 5


@pytest.mark.parametrize(
    ("meta", "framed"),
    [(PAGE, True), (ActionMeta(), False), (replace(PAGE, json_only=True), False),
     (replace(PAGE, xml_only=True), False),
     (replace(PAGE, no_template=True), False)],
)  # fmt: skip
def test_what_comes_in_the_layout(meta: ActionMeta, framed: bool) -> None:
    """A template without a word against it; all of pages mode."""
    deadline = Deadline.after(5, CLOCK)
    assert Asked.of(visit(), meta, deadline).is_framed is framed
    assert Asked.of(visit(service=PAGES), meta, deadline).is_framed
    assert Asked.of(visit(), meta, deadline).later(2.5).deadline.remaining() == 7.5
