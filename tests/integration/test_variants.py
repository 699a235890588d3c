"""Variants: who gets which deployment, what they share and what not, and what happens when one is away."""

from __future__ import annotations

import io
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plugit_wsgi import PlugItMiddleware, Service, User, Variant
from plugit_wsgi.assembly import Assembly
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.errors import ServiceUnreachable
from plugit_wsgi.events import CircuitChanged, Event, PageServed, ServiceCalled, VariantSkipped
from plugit_wsgi.people import Visitor as Person
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from plugit_wsgi.variants.choice import lot_of
from plugit_wsgi.wire.keys import api_keys, load_secrets, service_keys
from tests.integration.conftest import SECRET, Host, MakeHost, host_app, identify
from tests.integration.test_rules import read_context

Serve = Callable[[Any], str]
PAGE = "{{ deployment }} {{ ebuio_baseUrl }} [{% csrf_token %}]"
SHARED = {"cache_time": 60}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def made(name: str) -> FakeService:
    """A deployment whose every answer says which one it is."""
    found = FakeService()
    for path in ("/a", "/cached"):
        meta = SHARED if path == "/cached" else {}
        found.action(
            path, meta=meta, template=f"{name}-template {PAGE}", answer={"deployment": f"{name}-data"}
        )
    found.action("/json", meta={"json_only": True}, answer={"deployment": name})
    tag = (
        ("ETag", '"1"'),
        ("Last-Modified", "Tue, 01 Jan 2030 00:00:00 GMT"),
        ("Cache-Control", "max-age=99"),
    )
    found.answer("/media/app.js", Reply(body=f"/* {name} */", content_type="text/javascript", headers=tag))
    return found


@pytest.fixture
def service() -> FakeService:
    """The main deployment."""
    return made("main")


@pytest.fixture
def other() -> FakeService:
    """The variant's."""
    return made("next")


Mount = Callable[..., Host]


@pytest.fixture
def mount(make_host: MakeHost, other: FakeService, serve: Serve) -> Mount:
    """`mount(percent=..., ...)` is a host whose service x has the variant "next"."""

    def make(*, url: str = "", of_service: Any = None, **more: Any) -> Host:
        options = {name: more.pop(name) for name in list(more) if name in NAMES}
        variant = Variant("next", url or serve(other), **options)
        return make_host(of_service={"variants": [variant], **(of_service or {})}, **more)

    return make


NAMES = ("users", "groups", "organizations", "percent", "when", "own_sessions")


def deployment(answer: Any) -> str:
    """Which deployment made a page; nothing of the other one is in it."""
    assert answer.status_code == 200, answer.text
    found = {
        name for name in ("main", "next") for kind in ("template", "data") if f"{name}-{kind}" in answer.text
    }
    assert len(found) == 1, found
    return found.pop()


def data(answer: Any) -> Any:
    """The JSON of an action."""
    return json.loads(answer.text)


def change(host: Host, **settings: Any) -> None:
    """Other settings of the variant, while the host runs."""
    (service,) = host.middleware.mounts
    variants = [replace(service.variants[0], **settings)]
    host.middleware.mounts.replace(replace(service, variants=variants))


# Who -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "who"),
    [
        ({"users": ["7"]}, {"anna"}),
        ({"when": lambda visitor: visitor.rights.admin}, {"root"}),
        ({"organizations": ["2"]}, {"org"}),
        ({"percent": 100}, {"", "anna", "olga", "root", "org"}),
        ({}, set()),
    ],
    ids=["users", "when", "organizations", "everybody", "nobody"],
)
def test_who_gets_it(mount: Mount, settings: dict[str, Any], who: set[str]) -> None:
    """Page, data and media of one visitor come from one deployment."""
    host = mount(**settings)
    for name in ("", "anna", "olga", "root", "org"):
        expected = "next" if name in who else "main"
        visitor = host.visitor(name)
        assert deployment(visitor.get("/s/x/a")) == expected
        assert deployment(visitor.get("/s/x/cached")) == expected
        assert data(visitor.get("/s/x/json")) == {"deployment": expected}
        assert visitor.get("/s/x/media/app.js").text == f"/* {expected} */"


@pytest.mark.parametrize("directory", [False, True])
def test_groups_are_what_the_host_says(mount: Mount, directory: bool) -> None:
    """The directory's, if there is one; else the user's own."""
    people = {"anna": User("7", groups=("staff",)), "olga": User("6")}
    known = StaticDirectory((User("7"), User("6", groups=("staff",))), organizations=())
    host = mount(
        groups=["staff"],
        identify=lambda request: people.get(request.headers.get("X-Test-User", "")),
        directory=known if directory else None,
    )
    found = {name: deployment(host.visitor(name).get("/s/x/a")) for name in ("", "anna", "olga")}
    chosen = "olga" if directory else "anna"
    assert {name for name, what in found.items() if what == "next"} == {chosen}


def test_the_organization_that_is_current_counts(mount: Mount) -> None:
    """In organization mode; whoever chooses another one is where all are who act for it."""
    host = mount(organizations=["2"], of_service={"organizations": True})
    visitor = host.visitor("org")
    assert deployment(visitor.get("/s/x/a")) == "main"
    token = visitor.token("/s/x/a")
    chosen = {"organization": "2", "csrfmiddlewaretoken": token}
    origin = {"Origin": "http://localhost"}
    assert visitor.post("/s/x/ebuio_setOrga", data=chosen, headers=origin).status_code == 303
    assert deployment(visitor.get("/s/x/a")) == "next"


def test_nothing_that_a_visitor_sends_unsigned_chooses(mount: Mount) -> None:
    """No header, parameter, form or cookie of any likely name."""
    host = mount(users=["7"], percent=0)
    words = (
        "variant",
        "Variant",
        "X-Plugit-Variant",
        "X-Variant",
        "preview",
        "ebuio_variant",
        "ebuio_preview",
    )
    visitor = host.visitor()
    for word in words:
        visitor.set_cookie(word, "next")
        visitor.set_cookie(f"plugit-preview.{word}", "x@next")
    for name in ("plugit", "plugit-x", "plugit-x~next", "plugit-preview.x", "__Host-plugit"):
        visitor.set_cookie(name, "next")
    headers = {word.replace("_", "-"): "next" for word in words}
    answer = visitor.get("/s/x/a", query_string=dict.fromkeys(words, "next"), headers=headers)
    assert deployment(answer) == "main"


def test_a_when_that_raises_is_the_main_deployment_and_told(mount: Mount) -> None:
    """The page is there; the event has the class of the error."""

    def broken(_visitor: Person) -> bool:
        raise KeyError("no such thing")

    events: list[Event] = []
    host = mount(when=broken, observe=events.append)
    assert deployment(host.visitor("anna").get("/s/x/a")) == "main"
    (skipped,) = [event for event in events if isinstance(event, VariantSkipped)]
    assert (skipped.service, skipped.variant, skipped.reason) == ("x", "next", "when")
    assert "KeyError" in skipped.cause


# Lots ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["/s/x/a", "/s/x/cached", "/s/x/json", "/s/x/media/app.js", "/s/x/none"])
def test_an_anonymous_visitor_stays(mount: Mount, service: FakeService, first: str) -> None:
    """The first answer, whatever it is, brings the id that the lot was drawn for; it decides from then on."""
    host = mount(percent=50)
    sides = set()
    for _ in range(16):
        visitor = host.visitor()
        answer = visitor.get(first)
        assert len([1 for name, value in answer.headers if value.startswith("plugit=")]) == 1
        found = {deployment(visitor.get(path)) for path in ("/s/x/a", "/s/x/cached", "/s/x/a", "/s/x/cached")}
        media = visitor.get("/s/x/media/app.js").text
        assert len(found) == 1
        assert media == f"/* {next(iter(found))} */"
        if first not in ("/s/x/none", "/s/x/json", "/s/x/media/app.js"):
            assert deployment(answer) in found
        sides |= found
    assert sides == {"main", "next"}


@pytest.mark.parametrize("settings", [{"percent": 0}, {"percent": 100}, {"users": ["7"]}])
def test_no_id_where_none_decides(mount: Mount, settings: dict[str, Any]) -> None:
    """A visitor of whom nothing has to be known gets no cookie."""
    answer = mount(**settings).visitor().get("/s/x/json")
    assert "Set-Cookie" not in answer.headers


def test_a_user_is_where_the_id_of_the_user_says(mount: Mount) -> None:
    """In any browser; without a cookie that would be needed for it."""
    people = {str(number): User(str(number)) for number in range(40)}
    host = mount(percent=20, identify=lambda request: people.get(request.headers.get("X-Test-User", "")))
    for user_id in people:
        expected = "next" if lot_of("x", user_id, "") < 2000 else "main"
        for _browser in range(2):
            answer = host.visitor(user_id).get("/s/x/json")
            assert data(answer) == {"deployment": expected}
            assert "Set-Cookie" not in answer.headers


def test_a_forged_id_draws_no_lot(mount: Mount) -> None:
    """It is nobody's: a new one is drawn, and replaces it."""
    host = mount(percent=50)
    good = host.visitor()
    good.get("/s/x/json")
    token = str(good.cookie("plugit"))
    forger = host.visitor()
    forger.set_cookie("plugit", token[:-2] + ("AA" if token[-2:] != "AA" else "BB"))
    answer = forger.get("/s/x/json")
    assert any(value.startswith("plugit=") for _name, value in answer.headers)


# Apart -----------------------------------------------------------------------------------------


def test_copies_of_one_deployment_are_none_of_the_other(mount: Mount) -> None:
    """Equal tags and dates are the rule, since builds have both: a browser asks, and gets what is current."""
    host = mount()
    visitor = host.visitor("anna")
    path = "/s/x/media/app.js"
    of_main = visitor.get(path)
    assert of_main.headers["Cache-Control"] == "private, no-cache"
    change(host, percent=100)
    conditions = {
        "If-None-Match": of_main.headers["ETag"],
        "If-Modified-Since": of_main.headers["Last-Modified"],
    }
    of_next = visitor.get(path, headers=conditions)
    assert (of_next.status_code, of_next.text) == (200, "/* next */")
    assert of_next.headers["ETag"] == '"next~1"'
    assert "Last-Modified" not in of_next.headers
    change(host, percent=0)
    back = visitor.get(path, headers={"If-None-Match": of_next.headers["ETag"]})
    assert (back.status_code, back.text) == (200, "/* main */")


def test_a_copy_of_the_same_deployment_is_good(mount: Mount, other: FakeService) -> None:
    """The variant is asked with its own tag, and its 304 goes to the visitor with ours."""
    asked: list[Call] = []

    def answer(call: Call) -> Reply:
        asked.append(call)
        known = call.headers.get("if-none-match") == '"1"'
        return Reply(status=304 if known else 200, body=b"" if known else b"new", headers=(("ETag", '"1"'),))

    other.answer("/media/app.js", answer)
    visitor = mount(percent=100).visitor()
    tag = visitor.get("/s/x/media/app.js").headers["ETag"]
    again = visitor.get("/s/x/media/app.js", headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.headers["ETag"]) == (304, tag)
    ranged = {"Range": "bytes=0-1", "If-Range": '"1"'}
    assert visitor.get("/s/x/media/app.js", headers=ranged).status_code == 200
    assert "range" not in asked[-1].headers


def test_each_deployment_has_a_key_and_an_audience_of_its_own(
    mount: Mount, service: FakeService, other: FakeService
) -> None:
    """``x@next``; the claim ``var`` says so as well."""
    host = mount(users=["7"])
    host.visitor("anna").get("/s/x/json")
    host.visitor().get("/s/x/json")
    of_next = read_context(other.called("/action")[0], "x@next")
    of_main = read_context(service.called("/action")[0], "x")
    assert (of_next.audience, of_next.variant) == ("x@next", "next")
    assert (of_main.audience, of_main.variant) == ("x", "")


def test_the_api_takes_the_key_of_each_as_of_the_service(mount: Mount) -> None:
    """And of no other: not of a variant that is not mounted."""
    host = mount(directory=StaticDirectory((User("7", "anna"),), organizations=()))
    for audience, status in (("x", 200), ("x@next", 200), ("x@gone", 403), ("y@next", 403)):
        key = api_keys(service_keys(load_secrets(SECRET), audience))[0]
        answer = host.visitor().get("/s/_api/x/user/7", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == status
    host.middleware.mounts.replace(replace(next(iter(host.middleware.mounts)), variants=()))
    key = api_keys(service_keys(load_secrets(SECRET), "x@next"))[0]
    answer = host.visitor().get("/s/_api/x/user/7", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 403


def remembers(found: FakeService, name: str) -> None:
    """An action that stores a value, one that sets a cookie, and one that tells what came."""
    stored = (("EbuIo-PlugIt-SetSession-by", name), ("Set-Cookie", f"own={name}"))
    found.action("/store", meta={"json_only": True}, answer=Reply(body={}, headers=stored))
    found.action(
        "/told",
        meta={"json_only": True},
        answer=lambda call: Reply(body={"c": call.headers.get("cookie", "")}),
    )


@pytest.mark.parametrize("own", [False, True])
def test_sessions_are_shared_unless_the_variant_says_otherwise(
    mount: Mount, service: FakeService, other: FakeService, own: bool
) -> None:
    """Values and cookies of the service; each deployment sees them, or its own alone."""
    remembers(service, "main")
    remembers(other, "next")
    host = mount(own_sessions=own, of_service={"cookies": True})
    visitor = host.visitor("anna")
    visitor.get("/s/x/store")
    change(host, users=["7"])
    told = data(visitor.get("/s/x/told"))["c"]
    assert told == ("" if own else "by=main; own=main")
    visitor.get("/s/x/store")
    assert data(visitor.get("/s/x/told"))["c"] == "by=next; own=next"
    change(host, users=[])
    assert data(visitor.get("/s/x/told"))["c"] == ("by=main; own=main" if own else "by=next; own=next")


def test_a_form_of_one_deployment_is_good_at_the_other(mount: Mount, other: FakeService) -> None:
    """A page that was open while a percentage rose loses nothing."""
    host = mount()
    visitor = host.visitor("anna")
    token = visitor.token("/s/x/a")
    change(host, percent=100)
    form = {"csrfmiddlewaretoken": token, "text": "hello"}
    answer = visitor.post("/s/x/a", data=form, headers={"Origin": "http://localhost"})
    assert deployment(answer) == "next"
    assert b"text=hello" in other.called("/action")[0].body


def test_events_name_the_variant(mount: Mount) -> None:
    """Each one; those of the main deployment name none."""
    events: list[Event] = []
    host = mount(users=["7"], observe=events.append)
    host.visitor("anna").get("/s/x/a")
    assert {event.variant for event in events if isinstance(event, (PageServed, ServiceCalled))} == {"next"}
    events.clear()
    host.visitor().get("/s/x/a")
    assert {event.variant for event in events} == {""}


# Away ------------------------------------------------------------------------------------------


@pytest.fixture
def away() -> str:
    """Where nothing listens."""
    return f"http://127.0.0.1:{free_port()}"


def skips(events: list[Event]) -> list[str]:
    return [event.reason for event in events if isinstance(event, VariantSkipped)]


@pytest.mark.parametrize("path", ["/s/x/a", "/s/x/cached", "/s/x/media/app.js"])
def test_a_lot_of_a_variant_that_is_away_is_the_main_deployment(mount: Mount, away: str, path: str) -> None:
    """At once, with an event each time; also when the circuit is open."""
    events: list[Event] = []
    host = mount(percent=100, url=away, observe=events.append)
    for _ in range(12):
        answer = host.visitor().get(path)
        assert answer.status_code == 200
        assert "main" in answer.text
    reasons = skips(events)
    assert reasons == ["ServiceUnreachable"] * 5 + ["CircuitOpen"] * 7
    assert [event.variant for event in events if isinstance(event, CircuitChanged)] == ["next"]
    assert {event.variant for event in events if isinstance(event, PageServed)} == {""}


@pytest.mark.parametrize("settings", [{"users": ["7"]}, {"when": lambda _visitor: True}])
def test_whoever_was_named_sees_the_error(
    mount: Mount, service: FakeService, away: str, settings: dict[str, Any]
) -> None:
    """An honest page, and nothing of the main deployment."""
    events: list[Event] = []
    host = mount(url=away, observe=events.append, **settings)
    answer = host.visitor("anna").get("/s/x/a", headers={"Accept": "text/html"})
    assert answer.status_code == 502
    assert "does not work just now" in answer.text
    assert not service.called("/action")
    assert skips(events) == []


@pytest.mark.parametrize("size", [10, 300_000])
@pytest.mark.parametrize("kind", ["form", "file"])
def test_a_post_that_did_not_go_out_is_made_at_the_main_deployment(
    mount: Mount, service: FakeService, other: FakeService, serve: Serve, kind: str, size: int
) -> None:
    """Once, with its whole body: the meta was kept, so that only the action found nobody."""
    url = f"http://127.0.0.1:{free_port()}"
    host = mount(percent=100, url=url)
    posted: list[bytes] = []
    service.action("/a", template=PAGE, answer=lambda call: (posted.append(call.body), Reply(body={}))[1])
    visitor = host.visitor("anna")
    token = visitor.token("/s/x/a")
    text = "x" * size
    data: Any = {"csrfmiddlewaretoken": token}
    data["text"] = text if kind == "form" else (io.BytesIO(text.encode()), "a.txt")
    answer = visitor.post("/s/x/a", data=data, headers={"Origin": "http://localhost"})
    assert answer.status_code == 200
    (body,) = [body for body in posted if body]
    assert text.encode() in body


def test_a_post_whose_action_alone_is_refused_goes_with_its_body(
    mount: Mount, service: FakeService, other: FakeService
) -> None:
    """The body was read for the variant, which had no place; it is read again for the main deployment."""
    host = mount(percent=100)
    other.answer("/meta/a", replace(other._answers["/meta/a"], headers=()))  # type: ignore[type-var]
    visitor = host.visitor("anna")
    visitor.get("/s/x/a")
    token = visitor.token("/s/x/a")
    variant = built(host)["next"]
    taken = [variant.client.exchanges.places.take() for _ in range(variant.client.exchanges.places.count)]
    before = len(other.calls)
    form = {"csrfmiddlewaretoken": token, "text": "hello"}
    answer = visitor.post("/s/x/a", data=form, headers={"Origin": "http://localhost"})
    for since in taken:
        variant.client.exchanges.places.give_back(since)
    assert deployment(answer) == "main"
    assert len(other.calls) == before
    assert b"text=hello" in service.called("/action")[-1].body


def built(host: Host) -> dict[str, Any]:
    """Name -> deployment of the service x."""
    (found,) = host.middleware.mounts._built
    return {deployed.name: deployed for deployed in found.deployments}


@pytest.fixture
def hangs_up() -> Iterator[tuple[str, list[bytes]]]:
    """A service that answers meta, takes an action, and ends the connection without a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []
    meta = b'{"template_tag": "", "json_only": true}'

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                request = connection.recv(65536)
                if request.startswith(b"GET /meta"):
                    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(meta)
                    connection.sendall(head + meta)
                else:
                    got.append(request)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", got
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
def test_what_may_have_arrived_is_never_made_again(
    mount: Mount, service: FakeService, hangs_up: tuple[str, list[bytes]], method: str
) -> None:
    """The variant took the request and said nothing: an error, and nothing at the main deployment."""
    url, got = hangs_up
    events: list[Event] = []
    host = mount(url=url, observe=events.append)
    visitor = host.visitor("anna")
    token = visitor.token("/s/x/a")
    change(host, percent=100)
    service.calls.clear()
    headers = {"Origin": "http://localhost", "X-CSRFToken": token}
    answer = visitor.open("/s/x/json", method=method, headers=headers, data=b"" if method == "GET" else b"{}")
    assert answer.status_code == 502
    assert got
    assert service.calls == []
    assert skips(events) == []


def test_a_variant_without_a_place_is_passed_over(mount: Mount) -> None:
    """Its places are its own: the main deployment has all of its."""
    events: list[Event] = []
    host = mount(percent=100, observe=events.append)
    of_next, of_main = (built(host)[name].client.exchanges.places for name in ("next", ""))
    taken = [of_next.take() for _ in range(of_next.count)]
    assert of_main.taken == 0
    assert deployment(host.visitor().get("/s/x/a")) == "main"
    assert skips(events) == ["ServiceBusy"]
    for since in taken:
        of_next.give_back(since)
    assert deployment(host.visitor().get("/s/x/a")) == "next"


def test_an_older_page_of_a_variant_that_is_away_is_not_shown(
    mount: Mount, other: FakeService, make_host: MakeHost, clock: Any
) -> None:
    """A lot is no claim: the main deployment has a fresh one. Whoever was named gets what there is."""
    host = mount(percent=100, clock=clock)
    other.action("/cached", meta=SHARED, template="next-template", answer={"deployment": "next-data"})
    assert deployment(host.visitor().get("/s/x/cached")) == "next"
    clock.advance(61)
    places = built(host)["next"].client.exchanges.places
    taken = [places.take() for _ in range(places.count)]
    assert deployment(host.visitor().get("/s/x/cached")) == "main"
    assert deployment(host.visitor().get("/s/x/cached")) == "main"
    change(host, percent=0, when=lambda _visitor: True)
    assert deployment(host.visitor().get("/s/x/cached")) == "next"
    for since in taken:
        places.give_back(since)


# Parts of pages --------------------------------------------------------------------------------


def page_with_mark(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [b"<html><head></head><body><!--plugit:/s/x/a-->none<!--/plugit--></body></html>"]


@pytest.fixture
def marked(mount: Mount) -> Callable[..., Host]:
    """A host whose every page has the fragment of /s/x/a."""
    return lambda **more: mount(app=page_with_mark, fragments=["/s/x/a"], **more)


def test_a_fragment_is_of_the_visitors_deployment(marked: Callable[..., Host]) -> None:
    """The same as the page's; an anonymous visitor stays there."""
    host = marked(percent=50)
    sides = set()
    for _ in range(12):
        visitor = host.visitor()
        found = {deployment(visitor.get(path)) for path in ("/", "/s/x/a", "/")}
        assert len(found) == 1
        sides |= found
    assert sides == {"main", "next"}


def test_a_fragment_of_a_variant_that_is_away(marked: Callable[..., Host], away: str) -> None:
    """That of the main deployment for a lot; what the mark has for it for whoever was named."""
    events: list[Event] = []
    host = marked(percent=100, url=away, observe=events.append)
    assert deployment(host.visitor().get("/")) == "main"
    assert skips(events) == ["ServiceUnreachable"]
    change(host, percent=0, users=["7"])
    assert ">none<" in host.visitor("anna").get("/").text
    assert deployment(host.visitor().get("/")) == "main"


def test_a_partial_page_is_of_the_visitors_deployment(mount: Mount) -> None:
    """The content alone, from where the page is."""
    host = mount(users=["7"], of_service={"partial": True})
    for name, expected in (("anna", "next"), ("olga", "main")):
        answer = host.visitor(name).get("/s/x/a", headers={"X-Plugit-Partial": "1", "HX-Request": "true"})
        assert deployment(answer) == expected
        assert "<html" not in answer.text


# While the host runs ---------------------------------------------------------------------------


def test_lists_and_percentages_change_what_is_chosen_and_nothing_else(
    mount: Mount, other: FakeService, caplog: pytest.LogCaptureFixture
) -> None:
    """Clients, circuits, places and pages stay; the log and the records say what was and is."""
    host = mount(operations=lambda _user: True)
    assert deployment(host.visitor().get("/s/x/cached")) == "main"
    before = built(host)
    calls = len(other.calls)
    with caplog.at_level("INFO", "plugit_wsgi"):
        change(host, percent=20, users=["7", "8"])
    after = built(host)
    assert before.keys() == after.keys() == {"", "next"}
    assert all(before[name] is after[name] for name in before)
    assert len(other.calls) == calls
    lines = [record.getMessage() for record in caplog.records]
    assert "event=variant service=x variant=next users=7,8 was=none source=code" in lines
    assert "event=variant service=x variant=next percent=20 was=0 source=code" in lines
    found = host.middleware.mounts._assembly._host.records.changes()
    assert [(noted.change.field, noted.change.old, noted.change.new) for noted in found] == [
        ("percent", "0", "20"),
        ("users", "", "7,8"),
    ]


def test_what_changes_of_a_deployment_makes_it_new(mount: Mount, serve: Serve, other: FakeService) -> None:
    """That one, and no other; a variant that goes gives its connections and places back."""
    host = mount(percent=100)
    host.visitor().get("/s/x/cached")
    before = built(host)
    change(host, url=serve(made("next")))
    after = built(host)
    assert after[""] is before[""]
    assert after["next"] is not before["next"]
    assert deployment(host.visitor().get("/s/x/cached")) == "next"
    (service,) = host.middleware.mounts
    host.middleware.mounts.replace(replace(service, variants=()))
    assert built(host) == {"": before[""]}
    assert deployment(host.visitor().get("/s/x/cached")) == "main"
    shared = before[""].client.exchanges.places._room.__self__
    assert (shared._idle, shared._services, shared._calls_taken) == (1, 1, 0)


def test_a_change_that_fails_changes_nothing(mount: Mount, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was built for it is given back, and what goes on is not."""
    host = mount(percent=100)
    before = built(host)
    (service,) = host.middleware.mounts

    def fail(*_: Any) -> None:
        raise RuntimeError("no table")

    monkeypatch.setattr(Assembly, "table", fail)
    more = Variant("more", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(RuntimeError):
        host.middleware.mounts.replace(replace(service, variants=(*service.variants, more)))
    assert built(host) == before
    assert deployment(host.visitor().get("/s/x/a")) == "next"
    places = before[""].client.exchanges.places
    assert places.deployments.mounted == 2


def test_a_service_in_a_sandbox_has_no_variants() -> None:
    """Its frame sends no cookies, so its parts could come from different deployments."""
    variant = Variant("next", "http://127.0.0.1:5001")
    with pytest.raises(ValueError, match="sandbox=True"):
        Service("x", "http://127.0.0.1:5000", sandbox=True, variants=(variant,))


def test_a_request_under_way_outlives_its_variant(mount: Mount, other: FakeService) -> None:
    """It ends where it began, template and all; whoever comes after is elsewhere."""
    asked, go_on = threading.Event(), threading.Event()

    def slow(_call: Call) -> Reply:
        asked.set()
        assert go_on.wait(5)
        return Reply(body={"deployment": "next-data"})

    other.action("/slow", template="next-template {{ deployment }}", answer=slow)
    host = mount(percent=100)
    places = built(host)["next"].client.exchanges.places
    with ThreadPoolExecutor(1) as threads:
        page = threads.submit(host.visitor().get, "/s/x/slow")
        assert asked.wait(5)
        (service,) = host.middleware.mounts
        host.middleware.mounts.replace(replace(service, variants=()))
        assert deployment(host.visitor().get("/s/x/a")) == "main"
        go_on.set()
        assert deployment(page.result(5)) == "next"
    assert places.taken == 0


def test_the_file_changes_lists_and_percentages(
    tmp_path: Path, serve: Serve, service: FakeService, other: FakeService, caplog: pytest.LogCaptureFixture
) -> None:
    """The next request after it was looked at counts; one that is wrong changes nothing, and is told."""
    clock, path = FakeClock(), tmp_path / "plugit.toml"
    top = f'secret_key = "{SECRET}"\n[[services]]\nname = "x"\nurl = "{serve(service)}"\n'
    top += f'[[services.variants]]\nname = "next"\nurl = "{serve(other)}"\n'

    def write(text: str) -> None:
        path.write_text(top + text)
        os.utime(path, (clock.time(), clock.time()))
        clock.advance(10)

    write("percent = 0\n")
    host = Host(PlugItMiddleware.from_file(host_app, path, identify=identify, clock=clock))
    assert deployment(host.visitor("anna").get("/s/x/a")) == "main"
    before = built(host)
    write('percent = 0\nusers = ["7"]\n')
    assert deployment(host.visitor("anna").get("/s/x/a")) == "next"
    assert deployment(host.visitor("olga").get("/s/x/a")) == "main"
    with caplog.at_level("INFO", "plugit_wsgi"):
        write("percent = 100\n")
        assert deployment(host.visitor("olga").get("/s/x/a")) == "next"
        write("percent = 101\n")
        assert deployment(host.visitor("olga").get("/s/x/a")) == "next"
    after = built(host)
    assert all(before[name] is after[name] for name in before)
    told = "\n".join(record.getMessage() for record in caplog.records)
    assert f"event=variant service=x variant=next percent=100 was=0 source={path}" in told
    assert "Variant('next').percent: got 101" in told
    host.middleware.close()


def test_a_post_that_arrived_is_not_made_again_for_want_of_a_template(
    mount: Mount, service: FakeService, other: FakeService
) -> None:
    """No byte of the template's call went out, but the action was called: that is what counts."""
    events: list[Event] = []
    host = mount(percent=100, observe=events.append)
    visitor = host.visitor("anna")
    token = visitor.token("/s/x/cached")
    built(host)["next"].client.exchanges.circuits._breaker_of("template").trip()
    service.calls.clear()
    headers = {"Origin": "http://localhost", "X-CSRFToken": token}
    answer = visitor.post("/s/x/a", headers=headers, data={"a": "b"})
    assert answer.status_code == 503
    assert len(other.called("/action/a")) == 1
    assert service.calls == []
    assert skips(events) == []


def test_the_main_deployment_comes_before_a_page_that_stands_in(
    mount: Mount, service: FakeService, other: FakeService
) -> None:
    """A fallback of the variant is for whoever has to have the variant."""
    other.action("/a", meta={"fallback": "away.html"}, template="next-template", answer={})
    other.answer("/media/away.html", Reply(body="next-data is away", content_type="text/html"))
    host = mount(percent=100)
    assert deployment(host.visitor().get("/s/x/a")) == "next"
    places = built(host)["next"].client.exchanges.places
    taken = [places.take() for _ in range(places.count)]
    html = {"Accept": "text/html"}
    assert deployment(host.visitor().get("/s/x/a", headers=html)) == "main"
    for since in taken:
        places.give_back(since)


def test_a_page_that_goes_on_has_one_deadline(mount: Mount, service: FakeService, clock: FakeClock) -> None:
    """What the variant took of the time is taken of what the main deployment has."""
    told: list[int] = []

    def answer(call: Call) -> Reply:
        told.append(int(call.headers["x-plugit-deadline-ms"]))
        return Reply(body={})

    service.action("/json", meta={"json_only": True}, answer=answer)
    host = mount(percent=100, clock=clock)
    exchanges = built(host)["next"].client.exchanges

    def refuse(_request: Any) -> Any:
        clock.advance(0.5)
        error = ServiceUnreachable("no connection")
        error.is_unsent = True
        raise error

    exchanges._transport.send = refuse
    assert host.visitor().get("/s/x/json").status_code == 200
    assert 4000 < told[0] <= 4500


@pytest.mark.parametrize("own", [False, True])
def test_the_chosen_organization_is_the_hosts_own(mount: Mount, other: FakeService, own: bool) -> None:
    """Chosen at one deployment, it holds at the other, whatever that one stores for itself."""
    other.action("/whose", meta={"json_only": True, "user_info": ["pk"]}, answer={})
    host = mount(percent=100, own_sessions=own, of_service={"organizations": True})
    visitor = host.visitor("org")
    form = {"organization": "2", "csrfmiddlewaretoken": visitor.token("/s/x/a")}
    assert (
        visitor.post("/s/x/ebuio_setOrga", data=form, headers={"Origin": "http://localhost"}).status_code
        == 303
    )
    visitor.get("/s/x/whose")
    assert "ebuio_orgapk=2" in other.called("/action/whose")[0].query


@pytest.mark.parametrize("own", [False, True])
def test_a_fragment_stores_where_its_deployment_does(
    marked: Callable[..., Host], service: FakeService, other: FakeService, own: bool
) -> None:
    """What a piece writes is found by the pages of its deployment, and of the other one if they share."""
    stored = (("EbuIo-PlugIt-SetSession-by", "next"),)
    other.action("/a", template="next-template", answer=Reply(body={}, headers=stored))
    for each in (service, other):
        remembers(each, "")
    host = marked(percent=100, own_sessions=own)
    visitor = host.visitor("anna")
    assert deployment(visitor.get("/")) == "next"
    assert data(visitor.get("/s/x/told"))["c"] == "by=next"
    change(host, percent=0)
    assert data(visitor.get("/s/x/told"))["c"] == ("" if own else "by=next")
