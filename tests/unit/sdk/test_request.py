"""The request of an action: what the host vouches for, sessions, uploads."""

from __future__ import annotations

import io

import pytest
from tests.unit.sdk.support import KEY, NOW, answering, call, service, sign
from werkzeug.test import EnvironBuilder

from plugit_wsgi import sdk
from plugit_wsgi.sdk import Request, get_session_from_request


def seen_by(environ_headers, **claims):
    """``request.plugit`` of an action that was called so."""
    found = []

    @sdk.action("/")
    def act(request):
        found.append(request.plugit)
        return {}

    token = sign(**claims)
    client = service(act, key=KEY, clock=lambda: NOW)
    assert client.get("/action/", headers={"X-Plugit-Context": token, **environ_headers}).status_code == 200
    return found[0]


def test_everything_the_host_signed_is_there():
    plugit = seen_by(
        {"X-Request-ID": "req-1", "X-Plugit-Deadline-Ms": "99999"},
        subject="7",
        fields={"username": "zoë", "email": "z@example.org"},
        rights=("member", "orga_admin"),
        organization={"id": "-1", "name": "Société", "codops": "zzebu"},
        subscriptions=("gold",),
        address="192.0.2.1",
        deadline_ms=4000,
    )
    assert plugit.verified
    assert (plugit.user.id, dict(plugit.user.fields)) == ("7", {"username": "zoë", "email": "z@example.org"})
    assert plugit.rights == {"member", "orga_admin"}
    organization = plugit.organization
    assert (organization.id, organization.name, organization.codops) == ("-1", "Société", "zzebu")
    assert plugit.subscriptions == ("gold",)
    assert plugit.address == "192.0.2.1"
    assert plugit.request_id == "req-1"
    assert 3 < plugit.deadline <= 4


def test_what_is_not_there_is_empty():
    plugit = seen_by({})
    assert plugit.verified
    assert (plugit.user, plugit.organization, plugit.deadline, plugit.request_id) == (None, None, None, "")
    assert (plugit.rights, plugit.subscriptions) == (frozenset(), ())


def test_fields_of_the_user_cannot_be_changed():
    """They are what was signed."""
    plugit = seen_by({}, subject="7", fields={"username": "a"})
    with pytest.raises(TypeError):
        plugit.user.fields["username"] = "b"


def test_without_a_key_nothing_is_believed_but_what_gives_no_rights():
    """A context that nobody checked is as if it were not there."""
    found = []

    @sdk.action("/")
    def act(request):
        found.append(request.plugit)
        return {}

    headers = {"X-Plugit-Context": sign(subject="7"), "X-Request-ID": "req-1", "X-Plugit-Deadline-Ms": "2000"}
    call(act, headers=headers)
    plugit = found[0]
    assert (plugit.verified, plugit.user, plugit.request_id) == (False, None, "req-1")
    assert 1 < plugit.deadline <= 2


@pytest.mark.parametrize("value", ["", "abc", "-5", "1e9", "9" * 30, "٣"])
def test_deadline_that_is_none(value):
    environ = EnvironBuilder(headers={"X-Plugit-Deadline-Ms": value.encode().decode("latin-1")}).get_environ()
    assert sdk.request.describe(Request(environ)).deadline is None


def test_deadline_never_goes_below_zero():
    environ = EnvironBuilder(headers={"X-Plugit-Deadline-Ms": "0"}).get_environ()
    assert sdk.request.describe(Request(environ)).deadline == 0


@pytest.mark.parametrize("value", ["a b", "x" * 200, "é"])
def test_request_id_is_plain_text_or_nothing(value):
    """It goes into logs."""
    environ = EnvironBuilder(headers={"X-Request-ID": value}).get_environ()
    assert sdk.request.describe(Request(environ)).request_id == ""


SESSIONS = [
    ({}, {}),
    ({"X-Plugitsession-KEY": "v"}, {"key": "v"}),
    ({"X-Plugitsession-Two-Words": "a b"}, {"two-words": "a b"}),
    ({"x-plugitsession-city": "Zürich☃".encode().decode("latin-1")}, {"city": "Zürich☃"}),
    ({"X-Plugitsession-raw": "\xff"}, {"raw": "\xff"}),
    ({"X-Plugitsession-empty": ""}, {"empty": ""}),
    ({"X-Plugit-Context": "x", "Cookie": "key=v"}, {}),
]


@pytest.mark.parametrize(("headers", "session"), SESSIONS)
def test_session_is_read_from_its_headers(headers, session):
    """Keys in lower case, as the original; values are UTF-8."""
    assert get_session_from_request(Request(EnvironBuilder(headers=headers).get_environ())) == session


def test_request_is_werkzeug_s():
    """What a module of the original uses of Flask's request is there."""
    seen = {}

    @sdk.action("/<name>", methods=["POST"])
    def act(request, name):
        seen.update(
            args=request.args.getlist("a"),
            form=request.form["f"],
            values=request.values["a"],
            file=(request.files["u"].filename, request.files["u"].content_type, request.files["u"].read()),
            method=request.method,
            view_args=request.view_args,
            endpoint=request.endpoint,
            header=request.headers["X-Plugit-Remote-Addr"],
        )
        return {}

    upload = (io.BytesIO(b"\0\xff"), "é.bin", "image/x-thing")
    service(act).post(
        "/action/n?a=1&a=2", data={"f": "é", "u": upload}, headers={"X-Plugit-Remote-Addr": "192.0.2.1"}
    )
    assert seen == {
        "args": ["1", "2"],
        "form": "é",
        "values": "1",
        "file": ("é.bin", "image/x-thing", b"\0\xff"),
        "method": "POST",
        "view_args": {"name": "n"},
        "endpoint": "act",
        "header": "192.0.2.1",
    }


def test_json_body():
    @sdk.action("/", methods=["PUT"])
    def act(request):
        return {"got": request.json}

    assert call(act, method="PUT", json={"é": [1]}).json == {"got": {"é": [1]}}


def test_uploads_are_closed_with_the_request():
    kept = []

    @sdk.action("/", methods=["POST"])
    def act(request):
        kept.append(request.files["u"].stream)
        return {}

    assert call(act, method="POST", data={"u": (io.BytesIO(b"x" * 1000), "u")}).status_code == 200
    assert kept[0].closed


def test_uploads_are_closed_when_an_action_fails():
    kept = []

    @sdk.action("/", methods=["POST"])
    def act(request):
        kept.append(request.files["u"].stream)
        raise RuntimeError

    assert call(act, method="POST", data={"u": (io.BytesIO(b"x" * 1000), "u")}).status_code == 500
    assert kept[0].closed


def test_upload_can_be_the_answer():
    """It is still open while it is sent."""

    @sdk.action("/", methods=["POST"])
    def act(request):
        return sdk.PlugItSendFile(request.files["u"].stream, "text/plain")

    assert call(act, method="POST", data={"u": (io.BytesIO(b"x" * 1000), "u")}).data == b"x" * 1000


def test_answer_without_uploads_needs_no_closing():
    """`answering` holds nothing open."""
    assert call(answering({})).json == {}


@pytest.mark.parametrize(
    ("nonce", "marker"),
    [("", "{~__PLUGIT_CSRF_TOKEN__~}"), ("n0-_", "{~__PLUGIT_CSRF_TOKEN__n0-___~}")],
)
def test_the_marker_is_that_of_the_signed_context(nonce, marker):
    """A header that somebody else sent does not count."""
    assert seen_by({"X-Plugit-Csrf-Marker": "forged"}, nonce=nonce).csrf_marker == marker
