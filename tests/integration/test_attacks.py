"""What an adversary tried once and got through with: each stays shut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
import webob
from werkzeug.test import EnvironBuilder

from plugit_wsgi import Limits, Service, Stores, User
from plugit_wsgi.events import Dropped, Event
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from tests.integration.conftest import Host, MakeHost
from tests.integration.test_rules import read_context

SETS = Reply(headers=(("EbuIo-PlugIt-SetSession-k", "planted"),))
CLEARS = Reply(headers=(("EbuIo-PlugIt-DelSession-k", ""),))
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
FILE = Reply(headers=(("EbuIo-PlugIt-ItAFile", "1"),), body=b"TOP SECRET", content_type="text/plain")
SECRETS = (
    FILE,
    Reply(headers=(("EbuIo-PlugIt-Redirect", "TOP/SECRET"), ("EbuIo-PlugIt-SetSession-k", "TOP SECRET"))),
    Reply(body={"json": "TOP SECRET"}, headers=(("ETag", "TOP SECRET"),)),
    Reply(status=302, headers=(("Location", "/action/TOP-SECRET"),)),
)


def told(call: Call) -> Reply:
    """All that the service was told."""
    return Reply(body={"body": call.body.decode(), **call.headers})


@pytest.mark.parametrize("reply", SECRETS)
@pytest.mark.parametrize("mode", ["actions", "pages"])
def test_a_preflight_is_no_way_around_the_rules(
    make_host: MakeHost, service: FakeService, reply: Reply, mode: str
) -> None:
    """OPTIONS is asked without a login by design, so nothing but CORS headers comes back."""
    host = make_host(of_service={"mode": mode})
    service.action("/a", meta={"only_admin_user": True, "json_only": True}, answer=reply)
    service.answer("/a", reply)
    answer = host.visitor().open("/s/x/a", method="OPTIONS")
    assert "SECRET" not in answer.text + str(answer.headers)


def test_a_preflight_that_is_redirected_follows_to_nothing_secret(host: Host, service: FakeService) -> None:
    """Also not after a slash redirect into an action with rules."""
    service.action("/a", meta={}, answer=Reply(status=308, headers=(("Location", "/action/b/"),)))
    service.action("/b/", meta={"only_admin_user": True}, answer=FILE)
    answer = host.visitor().open("/s/x/a", method="OPTIONS")
    assert "SECRET" not in answer.text
    assert host.visitor().get("/s/x/a").status_code == 403


def test_a_get_with_a_body_poisons_no_cache(host: Host, service: FakeService) -> None:
    """The body of a GET is in no key, so it does not reach the service."""
    service.action("/a", meta={"json_only": True, "cache_time": 60}, answer=told)
    host.visitor().get("/s/x/a", data=b"q=evil", content_type="application/x-www-form-urlencoded")
    assert "evil" not in host.visitor().get("/s/x/a").text
    assert [call.body for call in service.called("/action")] == [b""]


@pytest.mark.parametrize("header", [("traceparent", TRACE), ("X-Request-ID", "evil-id-1234")])
def test_ids_of_the_visitor_reach_no_page_that_is_kept(
    make_host: MakeHost, service: FakeService, header: tuple[str, str]
) -> None:
    """They are in no key either."""
    host = make_host(trusted_hops=1)
    service.action("/a", meta={"json_only": True, "cache_time": 60}, answer=told)
    text = host.visitor().get("/s/x/a", headers=dict([header])).text
    assert header[1] not in text
    service.action("/b", meta={"json_only": True}, answer=told)
    assert header[1] in host.visitor().get("/s/x/b", headers=dict([header])).text


@pytest.mark.parametrize("said", ["private", "no-store", "private, max-age=60", "max-age=60, Private"])
def test_what_the_service_calls_private_is_not_kept(host: Host, service: FakeService, said: str) -> None:
    """Its own word about one answer is above its meta."""
    reply = Reply(body={"n": 1}, headers=(("Cache-Control", said),))
    service.action("/a", meta={"json_only": True, "cache_time": 60}, answer=reply)
    host.visitor().get("/s/x/a")
    host.visitor().get("/s/x/a")
    assert len(service.called("/action")) == 2


@pytest.mark.parametrize("what", ["organization", "session", "user", "rights", "nobody"])
def test_what_depends_on_the_visitor_goes_out_private(
    make_host: MakeHost, service: FakeService, what: str
) -> None:
    """Also JSON that may be kept: a cache in front would give it to others."""
    host = make_host(of_service={"organizations": what == "organization"})
    meta: dict[str, Any] = {"json_only": True, "cache_time": 60, "cache_by_user": what == "user"}
    if what == "rights":
        meta["only_member_user"] = True
    service.action(
        "/a", meta=meta, answer=Reply(body={}, headers=(("Cache-Control", "public, max-age=300"),))
    )
    service.action("/set", meta={"json_only": True}, answer=SETS)
    visitor = host.visitor({"organization": "org", "rights": "max"}.get(what, "anna"))
    if what == "session":
        visitor.get("/s/x/set")
    said = visitor.get("/s/x/a").headers["Cache-Control"]
    assert said == ("public, max-age=300" if what == "nobody" else "private, max-age=300")


@pytest.mark.parametrize(("framing", "status"), [("cut", 502), ("stall", 504), ("large", 502)])
def test_a_body_that_breaks_is_the_services_fault(
    make_host: MakeHost, framing: str, status: int, broken_service: Any
) -> None:
    """502 or 504 in the layout, never the 500 of the host; and the place is free again."""
    host = make_host(url=broken_service(framing), limits=Limits(page=0.5, call=0.5, action_size=1000))
    answer = host.visitor().get("/s/x/a")
    assert answer.status_code == status
    assert host.middleware._clients[0].exchanges.places.taken == 0


def test_many_labels_or_a_long_path_are_no_error(make_host: MakeHost, service: FakeService) -> None:
    """What does not fit into a signed context is left out; a path that could not fit is no action."""
    rich = User("7", "rich", subscription_labels=tuple(f"label-number-{n}" for n in range(400)))
    host = make_host(identify=lambda request: rich)
    service.action("/a", meta={"json_only": True}, answer={})
    assert host.visitor().get("/s/x/a").status_code == 200
    context = read_context(service.called("/action")[0])
    assert (context.subject, context.subscriptions) == ("7", ())
    assert host.visitor().get("/s/x/" + "a" * 5000).status_code == 404


class FullStore:
    """A session store that fails when something is to be stored."""

    capacity = 1000

    def load(self, request: webob.Request, service: str, *, secure: bool) -> bytes | None:
        return None

    def store(
        self, request: webob.Request, service: str, content: bytes, *, path: str, secure: bool
    ) -> Sequence[str]:
        raise RuntimeError("disk full")


def test_a_stream_whose_answer_fails_is_closed(
    make_host: MakeHost, service: FakeService, unjudged: str
) -> None:
    """A store, or a server, that raises costs no place for ever."""
    big = b"x" * 3_000_000
    sets = ("EbuIo-PlugIt-SetSession-k", "v")
    service.action("/f", answer=Reply(headers=(("EbuIo-PlugIt-ItAFile", "1"), sets), body=big))
    service.action("/g", answer=Reply(headers=(("EbuIo-PlugIt-ItAFile", "1"),), body=big))
    host = make_host(url=unjudged, stores=Stores(sessions=FullStore()))
    streams = host.middleware._clients[0].exchanges.streams
    for _ in range(3):
        assert host.visitor().get("/s/x/f").status_code == 500
    assert streams.taken == 0

    def fails(*_: Any) -> Any:
        raise RuntimeError("the server has had enough")

    with pytest.raises(RuntimeError):
        host.middleware(EnvironBuilder("/s/x/g").get_environ(), fails)
    assert streams.taken == 0


def test_an_answer_that_other_origins_may_read_has_no_token(
    make_host: MakeHost, service: FakeService
) -> None:
    """In a page, an error page with the organization switch, a page of pages mode, or bare."""
    cors = (
        ("Access-Control-Allow-Origin", "https://a.example"),
        ("Access-Control-Allow-Credentials", "true"),
    )
    form = "<form>{% csrf_token %}</form>"
    trusting = {"cors_credentials": True, "organizations": True}
    host = make_host(of_service=trusting)
    service.action("/page", template=form, answer=Reply(headers=cors))
    service.action("/bare", meta={"no_template": True}, template=form, answer=Reply(headers=cors))
    service.action("/error", template=form, answer=Reply(status=404, headers=cors))
    pages = make_host(of_service={**trusting, "mode": "pages"})
    service.answer("/html", Reply(body="<p>{~__PLUGIT_CSRF_TOKEN__~}</p>", headers=cors))
    for made, path in ((host, "page"), (host, "bare"), (host, "error"), (pages, "html")):
        answer = made.visitor("org").get(f"/s/x/{path}")
        assert answer.headers["Access-Control-Allow-Origin"] == "https://a.example"
        assert set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]*)"', answer.text)) <= {""}
        assert "<p></p>" in answer.text or path != "html"
        assert "Set-Cookie" not in answer.headers
        if path != "bare":
            # A layout names the visitor: readable only as somebody without cookies would see it.
            assert "Access-Control-Allow-Credentials" not in answer.headers


def test_streams_of_all_services_leave_threads_for_the_host(
    make_host: MakeHost, service: FakeService, unjudged: str
) -> None:
    """However many services have slow readers."""
    service.action("/f", answer=Reply(headers=(("EbuIo-PlugIt-ItAFile", "1"),), body=b"x" * 3_000_000))
    also = tuple(Service(name, unjudged) for name in ("y", "z"))
    host = make_host(url=unjudged, also=also, threads=8)
    seen: list[str] = []
    bodies = []
    for name in "xyzxyz":
        environ = EnvironBuilder(f"/s/{name}/f").get_environ()
        bodies.append(host.middleware(environ, lambda status, headers: seen.append(status[:3])))
    assert sorted(seen) == ["200"] * 2 + ["503"] * 4
    for body in bodies:
        if hasattr(body, "close"):
            body.close()


def test_a_planted_session_cookie_is_nothing(host: Host, service: FakeService) -> None:
    """A neighbour under the same domain can plant cookies; they count only beside their visitor's own id."""
    service.action("/set", meta={"json_only": True}, answer=SETS)
    service.action("/clear", meta={"json_only": True}, answer=CLEARS)
    service.action("/a", meta={"json_only": True}, answer=told)
    attacker, victim = host.visitor(), host.visitor()
    attacker.get("/s/x/set")
    planted, visitor = attacker.cookie("plugit-x", "/s/x/"), attacker.cookie("plugit")
    victim.get("/s/x/set")
    victim.get("/s/x/clear")
    assert "planted" in attacker.get("/s/x/a").text
    victim.carry("plugit-x", planted, "/s/x/")
    assert "planted" not in victim.get("/s/x/a").text
    victim.carry("plugit-x", planted, "/s/x/")
    victim.carry("plugit", visitor)
    assert "planted" in victim.get("/s/x/a").text


def test_an_error_has_one_cache_control(host: Host, service: FakeService) -> None:
    """Ours, for visitors who want no page too."""
    reply = Reply(status=404, headers=(("Cache-Control", "public, max-age=60"), ("ETag", '"e"')))
    service.action("/a", meta={"json_only": True}, answer=reply)
    for accept in ("application/json", "text/html"):
        answer = host.visitor().get("/s/x/a", headers={"Accept": accept})
        (said,) = answer.headers.getlist("Cache-Control")
        assert said.startswith("private")
        assert answer.headers["ETag"] == '"e"'


@pytest.mark.parametrize("call", ["template", "media"])
def test_slash_redirects_work_on_every_call(host: Host, service: FakeService, call: str) -> None:
    """A framework that adds a slash adds it everywhere."""
    service.action("/a", template="hello", answer={})
    moved = Reply(status=308, headers=(("Location", f"/{call}/a/"),))
    service.answer(f"/{call}/a", moved)
    service.answer(f"/{call}/a/", Reply(body="hello there", content_type="text/plain"))
    path = "/s/x/media/a" if call == "media" else "/s/x/a"
    assert "hello there" in host.visitor().get(path).text


@pytest.mark.parametrize("call", ["template", "media"])
@pytest.mark.parametrize(
    "location", ["/meta/a", "https://evil.example/template/a", "/template/other", "/media/../meta/a", ""]
)
def test_a_call_never_leaves_its_own_kind(host: Host, service: FakeService, call: str, location: str) -> None:
    """A template is never another action's, media are never meta; and nothing leaves the service."""
    service.action("/a", template="hello", answer={})
    service.action("/other", template="other", answer={})
    service.answer(f"/{call}/a", Reply(status=302, headers=(("Location", location),)))
    path = "/s/x/media/a" if call == "media" else "/s/x/a"
    assert host.visitor().get(path).status_code == 502


def test_an_include_goes_through_a_slash_redirect_with_its_rules(host: Host, service: FakeService) -> None:
    """The rules of the new path are asked, for this visitor."""
    template = "{% load plugit_tags %}{% plugitInclude '/menu' %}."
    service.action("/a", template=template, answer={})
    service.answer("/meta/menu", Reply(status=308, headers=(("Location", "/meta/menu/"),)))
    service.action("/menu/", meta={"only_member_user": True}, template="for members", answer={})
    assert "for members" in host.visitor("max").get("/s/x/a").text
    assert "for members" not in host.visitor("anna").get("/s/x/a").text


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("b", "/s/x/dir/b"),
        ("?q=1", "/s/x/dir/a?q=1"),
        ("../c?x=1", "/s/x/c?x=1"),
        ("./", "/s/x/dir/"),
        ("../../../../etc", "/s/x/etc"),
        ("/top", "/s/x/top"),
        ("/s/x/there", "/s/x/there"),
        ("http://localhost/else", "/s/x/else"),
    ],
)
def test_redirects_of_pages_mode_stay_below_the_mount(
    make_host: MakeHost, service: FakeService, location: str, target: str
) -> None:
    """Relative ones are seen from the page they came from."""
    host = make_host(of_service={"mode": "pages"})
    service.answer("/dir/a", Reply(status=302, headers=(("Location", location),)))
    answer = host.visitor().get("/s/x/dir/a")
    assert (answer.status_code, answer.headers["Location"]) == (302, target)


@pytest.mark.parametrize("path", ["mail", "mail/", "MAIL", "m%61il", "mail.json", "mail%2F"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_visitor_answers_no_mail(make_host: MakeHost, service: FakeService, path: str, method: str) -> None:
    """In pages mode the call of that name is among the pages. It is the host's alone; a page is not."""
    host = make_host(of_service={"mode": "pages"})
    for name in ("/mail", "/mail/", "/MAIL", "/mail.json", "/mailbox", "/page"):
        service.answer(name, Reply(body="{~__PLUGIT_CSRF_TOKEN__~}", content_type="text/html"))
    visitor = host.visitor("root")
    token = visitor.token("/s/x/page")
    form = {"data": {"response_id": "42", "message": "x"}, "headers": {"X-CSRFToken": token}}
    assert visitor.open(f"/s/x/{path}", method=method, **form).status_code == 405
    assert {call.method for call in service.calls} == {"GET"}
    assert visitor.open("/s/x/mailbox", method=method, **form).status_code == 200
    assert visitor.get("/s/x/mail").status_code == 200


def test_a_wrong_header_token_is_refused_before_the_body_is_read(host: Host, service: FakeService) -> None:
    """Nobody spools gigabytes for a request that is refused anyway."""

    class Untouched:
        def read(self, *_: Any) -> bytes:
            raise AssertionError("the body was read")

    service.action("/a", meta={"json_only": True}, answer={})
    environ = EnvironBuilder("/s/x/a", method="POST", headers={"X-CSRFToken": "wrong"}).get_environ()
    environ.update(
        {"wsgi.input": Untouched(), "CONTENT_LENGTH": "1000000", "CONTENT_TYPE": "application/json"}
    )
    seen: list[str] = []
    body = host.middleware(environ, lambda status, headers: seen.append(status))
    assert seen[0].startswith("403")
    assert b"".join(body)


@pytest.mark.parametrize(
    ("meta", "answer", "kind"),
    [
        ({"json_only": True}, {}, "text/plain; charset=utf-8"),
        ({"xml_only": True}, {"xml": "<a/>"}, "application/xml"),
        ({}, {}, "text/html; charset=utf-8"),
        ({}, FILE, "text/plain"),
    ],
)
def test_head_says_the_type_that_get_has(
    host: Host, service: FakeService, meta: dict[str, Any], answer: Any, kind: str
) -> None:
    """And nothing in the body."""
    service.action("/a", meta=meta, template="x" if not meta else None, answer=answer)
    for method in ("GET", "HEAD"):
        found = host.visitor().open("/s/x/a", method=method)
        assert found.headers["Content-Type"] == kind
    assert found.data == b""


@pytest.mark.parametrize("encoding", ["gzip", "br", "x-strange", "identity, gzip"])
def test_an_encoded_answer_is_refused(host: Host, service: FakeService, encoding: str) -> None:
    """We ask for none: a small body may unpack to gigabytes."""
    reply = Reply(body=b"\x1f\x8b", headers=(("Content-Encoding", encoding),))
    service.action("/a", meta={"json_only": True}, answer=reply)
    service.answer("/media/m", reply)
    assert host.visitor().get("/s/x/a").status_code == 502
    assert host.visitor().get("/s/x/media/m").status_code == 502


def test_writes_of_a_refusal_are_not_stored(host: Host, service: FakeService) -> None:
    """As in the original; and the same for GET and HEAD."""
    reply = Reply(status=404, headers=(("EbuIo-PlugIt-SetSession-k", "v"),))
    service.action("/a", meta={"json_only": True}, answer=reply)
    for method in ("GET", "HEAD"):
        assert "Set-Cookie" not in host.visitor().open("/s/x/a", method=method).headers


def test_what_is_dropped_is_counted(make_host: MakeHost, service: FakeService) -> None:
    """Cookies of a service, and session values over the limits; the page is shown all the same."""
    events: list[Event] = []
    host = make_host(observe=events.append)
    sent = (("Set-Cookie", "a=b"), ("Set-Cookie", "c=d"), ("EbuIo-PlugIt-SetSession-k", "x" * 2000))
    service.action("/a", template="shown", answer=Reply(headers=sent))
    answer = host.visitor().get("/s/x/a")
    assert "shown" in answer.text
    assert "a=b" not in str(answer.headers)
    dropped = [(event.what, event.count) for event in events if isinstance(event, Dropped)]
    assert dropped == [("cookies", 2), ("session", 1)]
