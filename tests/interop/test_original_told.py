"""Protocol section 3: what a service of the original is told of visitor, session and host."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from plugit_wsgi import PlugItMiddleware, Service, User
from tests.interop.processes import Call, Process
from tests.interop.visitor import Visitor

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Browse = Callable[..., Visitor]

FIELDS_OF_ADMIN = {
    "pk": "-3",
    "id": "-3",
    "username": "Admin",
    "first_name": "Admin",
    "last_name": "Charles",
    "email": "admin@plugit-standalone.ebuio",
    "ebuio_member": "True",
    "ebuio_admin": "True",
    "ebuio_orga_member": "True",
    "ebuio_orga_admin": "True",
}


def action_call(service: Process) -> Call:
    """The one action that was called."""
    return service.only_call("/action/")


# -- The user and the organization


def test_wished_user_fields_come_in_the_query(browse: Browse) -> None:
    """All the original knows, as text."""
    args = dict(browse("adm").get("/user/?own=1").json()["args"])
    assert args.pop("own") == "1"
    assert args == {f"ebuio_u_{name}": value for name, value in FIELDS_OF_ADMIN.items()}


def test_wished_user_fields_come_in_a_posted_form(browse: Browse) -> None:
    """And not in the query then."""
    visitor = browse("adm")
    seen = visitor.post("/user/", [("csrfmiddlewaretoken", visitor.token())]).json()
    form = dict(seen["form"])
    del form["csrfmiddlewaretoken"]
    assert (seen["args"], form) == ([], {f"ebuio_u_{name}": value for name, value in FIELDS_OF_ADMIN.items()})


def test_wished_user_fields_come_in_the_query_of_another_body(browse: Browse) -> None:
    """There is no form to put them in."""
    visitor = browse("adm")
    headers = {"X-CSRFToken": visitor.token(), "Content-Type": "application/json"}
    seen = visitor.send("POST", "/user/", headers=headers, body=b"{}").json()
    assert dict(seen["args"])["ebuio_u_username"] == "Admin"
    assert seen["form"] == []


def test_an_anonymous_visitor_has_no_identity(visitor: Visitor) -> None:
    """None is left out; there is no name, number or address."""
    args = dict(visitor.get("/user/").json()["args"])
    assert not {name for name in ("pk", "id", "username", "email") if args.get(f"ebuio_u_{name}")}
    assert args["ebuio_u_ebuio_member"] == args["ebuio_u_ebuio_admin"] == "False"


def test_a_wished_field_that_is_not_given_is_left_out(browse: Browse) -> None:
    """The rest of the wish is fulfilled (with the original it was an error)."""
    assert browse("log").get("/user/gravatar").json() == {"args": [["ebuio_u_pk", "-1"]]}


def test_no_field_is_sent_that_was_not_wished(browse: Browse, original_service: Process) -> None:
    """An action without `user_info` learns nothing."""
    browse("adm").get("/echo/")
    assert action_call(original_service).query == ""


def test_the_organization_comes_with_get_and_post(browse_orga: Browse) -> None:
    """`ebuio_orgapk`, in query or form; a visitor can not forge it."""
    visitor = browse_orga("mem")
    assert visitor.get("/orga/?ebuio_orgapk=-4").element("sent") == "-1"
    token = visitor.token()
    fields = [("csrfmiddlewaretoken", token), ("ebuio_orgapk", "-4")]
    assert visitor.post("/orga/", fields).element("sent") == "-1"
    assert visitor.get("/ebuio_setOrga?name=RTS&pk=-2").status < 400
    assert visitor.get("/orga/").element("sent") == "-2"


def test_no_organization_outside_organization_mode(browse: Browse) -> None:
    """The parameter is absent."""
    assert browse("mem").get("/orga/").element("sent") == "none"


# -- Headers


def test_the_client_address_is_not_believed_from_a_visitor(
    visitor: Visitor, original_service: Process
) -> None:
    """`X-Forwarded-For` counts only behind hops that were configured."""
    visitor.get("/echo/", {"X-Forwarded-For": "192.0.2.7"})
    assert action_call(original_service).header("X-Plugit-Remote-Addr") == "127.0.0.1"


def test_the_client_address_behind_trusted_hops(
    serve: Callable[..., str], original_service: Process, nothing_else: WSGIApplication
) -> None:
    """Counted from the right: what a visitor wrote himself stands further left."""
    service = Service("app", original_service.url)
    url = serve(PlugItMiddleware(nothing_else, [service], "k" * 32, trusted_hops=1))
    Visitor(url, "/s/app").get("/echo/", {"X-Forwarded-For": "198.51.100.1, 192.0.2.7"})
    assert action_call(original_service).header("X-Plugit-Remote-Addr") == "192.0.2.7"


@pytest.mark.parametrize(
    ("sent", "received", "value"),
    [
        ("If-None-Match", "X-Plugit-If-None-Match", '"v0"'),
        ("Origin", "X-Plugit-Origin", "https://friend.example"),
    ],
)
def test_conditions_and_origin_are_told(
    visitor: Visitor, original_service: Process, sent: str, received: str, value: str
) -> None:
    """Under the name the original uses, and not under their own."""
    visitor.get("/etag-json/", {sent: value})
    call = action_call(original_service)
    assert call.header(received) == value
    assert call.header(sent) is None


def test_a_preflight_is_told(visitor: Visitor, original_service: Process) -> None:
    """Method and headers that a script wants to use (the original never sent the first)."""
    asked = {
        "Origin": "https://friend.example",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "x-token",
    }
    visitor.send("OPTIONS", "/cors/", headers=asked)
    call = action_call(original_service)
    assert call.method == "OPTIONS"
    for name, value in asked.items():
        assert call.header(f"X-Plugit-{name}") == value


def test_session_values_come_as_header_and_cookie(visitor: Visitor, original_service: Process) -> None:
    """The original's `get_session_from_request` and Flask's cookies both find them."""
    visitor.get("/session/set?colour=blue&step=2")
    seen = visitor.get("/session/get").json()
    assert seen["session"] == {"colour": "blue", "step": "2"}
    assert seen["cookies"] == {"colour": "blue", "step": "2"}


@pytest.mark.parametrize("value", ["größer", "a b", "a;b=c", 'a"b', "a,b", "=", "%3B"])
def test_session_values_are_quoted(visitor: Visitor, value: str) -> None:
    """No value becomes a second cookie or gets lost."""
    visitor.get(f"/session/set?v={quote(value)}")
    seen = visitor.get("/session/get").json()
    # Flask of that time reads headers as latin-1 and cookies as UTF-8.
    assert seen["session"]["v"].encode("latin-1").decode("utf-8") == value
    assert seen["cookies"] == {"v": value}


def test_session_values_come_back_byte_for_byte(visitor: Visitor) -> None:
    """Text is set as latin-1 and read as latin-1 by Flask under Python 2: so it comes back as it was set."""
    visitor.get("/session/set-text?v=gr%C3%B6%C3%9Fer")
    assert visitor.get("/session/get").json()["session"] == {"v": "größer"}


def test_session_keys_keep_their_case_in_cookies(visitor: Visitor) -> None:
    """Header names have none; cookie names do, and a service may look for them."""
    visitor.get("/session/set?userName=x&my_key=y")
    seen = visitor.get("/session/get").json()
    assert seen["session"] == {"username": "x", "my-key": "y"}
    assert seen["cookies"] == {"userName": "x", "my_key": "y"}


def test_an_empty_session_value_is_kept(visitor: Visitor) -> None:
    """`""` stores ""."""
    visitor.get("/session/set?v=a&w=b")
    visitor.get("/session/set?v=")
    assert visitor.get("/session/get").json()["session"] == {"v": "", "w": "b"}


def test_a_session_value_is_deleted(visitor: Visitor) -> None:
    """Our `EbuIo-PlugIt-DelSession-KEY`."""
    visitor.get("/session/set?v=a&w=b")
    visitor.get("/session/delete")
    assert visitor.get("/session/get").json()["session"] == {"w": "b"}


def test_session_values_are_one_visitors(browse: Browse) -> None:
    """Nobody else's."""
    first, second = browse(), browse()
    first.get("/session/set?v=first")
    assert second.get("/session/get").json()["session"] == {}


def test_our_own_headers_are_there(visitor: Visitor, original_service: Process) -> None:
    """On each call who speaks, for how long, in which protocol; what tells of the visitor on the action."""
    visitor.get("/plain/", {"Accept-Language": "de-CH"})
    for call in original_service.calls():
        assert (call.header("X-Plugit-Protocol") or "").startswith("1")
        assert 0 < int(call.header("X-Plugit-Deadline-Ms") or 0) <= 5000
        assert call.header("X-Request-ID")
        assert call.header("User-Agent")
    action = action_call(original_service)
    assert action.header("X-Plugit-Context")
    assert action.header("traceparent")
    assert action.header("X-Forwarded-Prefix") == "/s/app"
    assert action.header("X-Forwarded-Proto") == "http"
    assert action.header("X-Forwarded-Host") == visitor.origin.partition("//")[2]
    assert action.header("Accept-Language") == "de-CH"
    assert len({call.header("X-Request-ID") for call in original_service.calls()}) == 1


def test_headers_of_the_visitor_stay_here(visitor: Visitor, original_service: Process) -> None:
    """Cookies, credentials and whatever is not on the list; forged identity in any spelling."""
    private = {
        "Cookie": "host=secret",
        "Authorization": "Basic c2VjcmV0",
        "Referer": "http://host.example/secret",
        "Range": "bytes=0-1",
        "Proxy": "http://evil.example",
        "X-Forwarded-Prefix": "/evil",
        "X-Plugit-Context": "secret.forged",
        "X-Plugit-User-Pk": "forged",
        "X-Plugit-Remote-Addr": "192.0.2.1",
        "X_Plugit_User_Pk": "forged",
        "x-plugitsession-colour": "forged",
        "X-Anything": "secret",
    }
    visitor.get("/plain/", private)
    for call in original_service.calls():
        text = repr(call.headers)
        for planted in ("secret", "c2VjcmV0", "forged", "192.0.2.1", "evil.example", "/evil"):
            assert planted not in text
        assert call.header("Accept-Encoding") in (None, "identity")


# -- What the host decides


def hosted(
    serve: Callable[..., str], host: WSGIApplication, service: Service, user: User | None = None
) -> Visitor:
    """A browser at a host with this one service, where everybody is this user."""
    return Visitor(
        serve(PlugItMiddleware(host, [service], "k" * 32, identify=lambda request: user)), "/s/app"
    )


def test_a_mount_decides_which_fields_a_service_learns(
    serve: Callable[..., str], original_service: Process, nothing_else: WSGIApplication
) -> None:
    """Fewer than it wishes, or fields of the host's own."""
    zoe = User("7", "zoë", "Zoë", "Ångström", "zoe@example.org", extra={"gravatar": "https://g.example/7"})
    service = Service("app", original_service.url, user_fields=("pk", "gravatar"))
    visitor = hosted(serve, nothing_else, service, zoe)
    wished = visitor.get("/user/gravatar").json()["args"]
    assert wished == [["ebuio_u_gravatar", "https://g.example/7"], ["ebuio_u_pk", "7"]]
    assert visitor.get("/user/").json()["args"] == [["ebuio_u_pk", "7"]]


def test_subscription_labels_are_repeated(
    serve: Callable[..., str], original_service: Process, nothing_else: WSGIApplication
) -> None:
    """A list is a key for each of its items, as the original sent it."""
    user = User("7", "zoë", subscription_labels=("größe-l", "basic"))
    args = (
        hosted(serve, nothing_else, Service("app", original_service.url), user).get("/user/").json()["args"]
    )
    labels = [value for name, value in args if name == "ebuio_u_subscription_labels"]
    assert labels == ["basic", "größe-l"]


def test_header_values_are_utf8(
    serve: Callable[..., str], pages_service: Process, nothing_else: WSGIApplication
) -> None:
    """On the wire, for names outside ASCII and outside latin-1."""
    service = Service("app", pages_service.url, mode="pages")
    hosted(serve, nothing_else, service, User("7", "Łukasz", "Zoë", "Ελλάδα")).get("/echo")
    call = pages_service.only_call("/echo")
    names = ("Username", "First-Name", "Last-Name")
    assert [call.header(f"X-Plugit-User-{name}") for name in names] == ["Łukasz", "Zoë", "Ελλάδα"]
