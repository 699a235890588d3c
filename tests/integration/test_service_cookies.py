"""A mount that takes its service's cookies: they come back to that service, and touch nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plugit_wsgi import Service
from plugit_wsgi.events import Dropped, Event
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from tests.integration.conftest import Host, MakeHost

SID = (("Set-Cookie", "sid=abc; Path=/; Domain=example.org"),)
JSON = {"json_only": True}
TAKES = {"cookies": True}


def told(call: Call) -> Reply:
    """The Cookie header that the service got."""
    return Reply(body={"cookie": call.headers.get("cookie", "")})


def said(cookie: str) -> str:
    """What the visitor sees then."""
    return json.dumps({"cookie": cookie})


@pytest.fixture
def host(make_host: MakeHost, service: FakeService) -> Host:
    """With a second service of a longer name at the same server, and a nested mount."""
    url = "http://127.0.0.1:9"
    service.action("/set", meta=JSON, answer=Reply(headers=SID))
    service.action("/told", meta=JSON, answer=told)
    return make_host(of_service=TAKES, also=(Service("x-y", url, cookies=True),))


def lines_of(answer: Any) -> list[str]:
    return [line for line in answer.headers.getlist("Set-Cookie") if line.startswith(("plugit-c-", "sid"))]


def test_a_cookie_goes_out_and_comes_back(host: Host) -> None:
    """Renamed, on the mount; to its service under its own name; never to be stored for others."""
    anna = host.visitor("anna")
    answer = anna.get("/s/x/set")
    (line,) = lines_of(answer)
    assert line.partition("=")[0] == "plugit-c-x.sid"
    assert line.partition("; ")[2] == "Path=/s/x/; HttpOnly; SameSite=Lax"
    assert answer.headers["Cache-Control"].startswith("private")
    assert anna.get("/s/x/told").text == said("sid=abc")
    assert host.visitor("anna").get("/s/x/told").text == said("")


def test_without_the_setting_nothing_passes(make_host: MakeHost, service: FakeService) -> None:
    """Dropped on the way out, and on the way in."""
    service.action("/set", meta=JSON, answer=Reply(headers=SID))
    service.action("/told", meta=JSON, answer=told)
    taking, plain = make_host(of_service=TAKES), make_host()
    first = taking.visitor("anna")
    first.get("/s/x/set")
    assert lines_of(plain.visitor().get("/s/x/set")) == []
    for host, cookie in ((taking, "sid=abc"), (plain, "")):
        visitor = host.visitor("anna")
        visitor.carry("plugit-c-x.sid", first.cookie("plugit-c-x.sid", "/s/x/"), "/s/x/")
        assert visitor.get("/s/x/told").text == said(cookie)


def test_without_the_setting_a_page_that_sets_some_is_kept_still(
    make_host: MakeHost, service: FakeService
) -> None:
    """They are dropped, so they change nothing."""
    service.action("/a", meta={**JSON, "cache_time": 60}, answer=Reply(headers=SID))
    host = make_host()
    for _ in range(2):
        assert lines_of(host.visitor().get("/s/x/a")) == []
    assert len(service.called("/action/a")) == 1


@pytest.mark.parametrize("path", ["told", "media/told"])
def test_where_cookies_do_not_go(host: Host, service: FakeService, path: str) -> None:
    """With a pre-flight, whose visitor nobody looked at, and with media, which are for all."""
    service.answer("/media/told", told)
    anna = host.visitor("anna")
    anna.get("/s/x/set")
    anna.open(f"/s/x/{path}", method="GET" if "media" in path else "OPTIONS")
    assert "cookie" not in service.calls[-1].headers


def test_cookies_of_the_host_do_not_reach_the_service(host: Host) -> None:
    """Nor ours, nor the other service's."""
    anna = host.visitor("anna")
    anna.get("/s/x/set")
    mine = anna.cookie("plugit-c-x.sid", "/s/x/")
    again = host.visitor("anna")
    for name in ("sessionid", "csrftoken", "plugit", "plugit-x", "plugit-c-x-y.sid", "sid", "plugit-c-x.sid"):
        again.carry(name, mine)
    assert again.get("/s/x/told").text == said("sid=abc")


def test_another_user_in_the_same_browser_has_none(host: Host) -> None:
    """And the browser is told to forget them."""
    anna = host.visitor("anna")
    anna.get("/s/x/set")
    other = host.visitor("max")
    other.carry("plugit-c-x.sid", anna.cookie("plugit-c-x.sid", "/s/x/"), "/s/x/")
    answer = other.get("/s/x/told")
    assert answer.text == said("")
    assert lines_of(answer) == ["plugit-c-x.sid=; Path=/s/x/; HttpOnly; SameSite=Lax; Max-Age=0"]
    assert other.cookie("plugit-c-x.sid", "/s/x/") is None


def test_nobodys_cookie_is_nothing_in_another_browser(host: Host) -> None:
    """Whoever can set cookies for the host, a neighbour on its domain, plants none of their own."""
    theirs, victim = host.visitor(), host.visitor()
    theirs.get("/s/x/set")
    victim.get("/s/x/set")
    victim.carry("plugit-c-x.sid", theirs.cookie("plugit-c-x.sid", "/s/x/"), "/s/x/")
    answer = victim.get("/s/x/told")
    assert answer.text == said("")
    assert len(lines_of(answer)) == 1
    assert theirs.get("/s/x/told").text == said("sid=abc")


@pytest.mark.parametrize(
    ("user", "line", "count", "age"),
    [
        ("", "sid=abc; Max-Age=60", 1, "; Max-Age=2592000"),
        ("", "sid=abc", 1, ""),
        ("", "sid=; Max-Age=0", 1, ""),
        ("anna", "sid=abc; Max-Age=60", 0, ""),
    ],
)
def test_the_browsers_id_stays_as_long_as_what_is_bound_to_it(
    host: Host, service: FakeService, user: str, line: str, count: int, age: str
) -> None:
    """With a dated cookie of nobody's it has a date, at each of them; else it is set once."""
    service.action("/set", meta=JSON, answer=Reply(headers=(("Set-Cookie", line),)))
    browser = host.visitor(user)
    for expected in (count, count if age else 0):
        lines = browser.get("/s/x/set").headers.getlist("Set-Cookie")
        ids = [each for each in lines if each.startswith("plugit=")]
        assert len(ids) == expected
        assert all(each.endswith(f"; Path=/; HttpOnly; SameSite=Lax{age}") for each in ids)


def test_an_answer_with_cookies_is_not_kept(host: Host, service: FakeService) -> None:
    """One visitor's cookie would go to all, or to nobody."""
    service.action(
        "/a", meta={**JSON, "cache_time": 60}, answer=Reply(headers=(*SID, ("Cache-Control", "public")))
    )
    for _ in range(2):
        answer = host.visitor().get("/s/x/a")
        assert len(lines_of(answer)) == 1
        assert answer.headers["Cache-Control"] == "private"
    assert len(service.called("/action/a")) == 2


def test_cookies_are_in_the_key_of_a_kept_page(host: Host, service: FakeService) -> None:
    """Visitors whose cookies differ never share a page; it goes out private."""
    service.action("/a", meta={**JSON, "cache_time": 60}, answer=told)
    anna, olga = host.visitor(), host.visitor()
    anna.get("/s/x/set")
    assert anna.get("/s/x/a").text == said("sid=abc")
    assert olga.get("/s/x/a").text == said("")
    assert anna.get("/s/x/a").headers["Cache-Control"].startswith("private")
    assert len(service.called("/action/a")) == 2


@pytest.mark.parametrize("kind", ["meta", "template", "media", "error", "preflight"])
def test_where_cookies_are_dropped(host: Host, service: FakeService, kind: str) -> None:
    """Meta and template are shared by all, media are public, and errors change nothing."""
    service.action("/a", template="{{ x }}", answer=Reply(status=404 if kind == "error" else 200))
    tag = service._answers["/meta/a"].body["template_tag"]  # type: ignore[union-attr]
    if kind == "meta":
        service.answer("/meta/a", Reply(body={"template_tag": tag}, headers=SID))
    if kind == "template":
        service.answer("/template/a", Reply(body="{{ x }}", headers=SID))
    if kind == "error":
        service.answer("/action/a", Reply(status=404, headers=SID))
    if kind == "preflight":
        service.answer("/action/a", Reply(headers=SID))
    service.answer("/media/a.css", Reply(body="x", headers=SID, content_type="text/css"))
    method = "OPTIONS" if kind == "preflight" else "GET"
    path = "/s/x/media/a.css" if kind == "media" else "/s/x/a"
    assert lines_of(host.visitor().open(path, method=method)) == []


def test_media_store_nothing(host: Host, service: FakeService) -> None:
    """They are public: a cookie of one visitor would be handed on by whatever keeps them in between."""
    writes = (("EbuIo-PlugIt-SetSession-k", "v"), ("Cache-Control", "public, max-age=60"))
    service.answer("/media/a.css", Reply(body="x", headers=writes, content_type="text/css"))
    answer = host.visitor().get("/s/x/media/a.css")
    assert answer.headers.getlist("Set-Cookie") == []
    assert answer.headers["Cache-Control"] == "public, max-age=60"


@pytest.mark.parametrize("mode", ["actions", "pages"])
def test_files_and_redirects_carry_them(make_host: MakeHost, service: FakeService, mode: str) -> None:
    """As pages do, in both modes."""
    host = make_host(of_service={**TAKES, "mode": mode})
    file = Reply(headers=(*SID, ("EbuIo-PlugIt-ItAFile", "1")), body=b"x", content_type="text/plain")
    away = Reply(headers=(*SID, ("EbuIo-PlugIt-Redirect", "a")))
    for path, reply in (("/file", file), ("/away", away), ("/page", Reply(headers=SID, body="{}"))):
        service.action(path, template="x", answer=reply)
        service.answer(path, reply)
        assert len(lines_of(host.visitor().get(f"/s/x{path}"))) == 1, path


def test_a_session_value_is_above_a_cookie_of_its_name(host: Host, service: FakeService) -> None:
    """What the service finds under a name is one thing."""
    both = Reply(headers=(*SID, ("EbuIo-PlugIt-SetSession-sid", "session")))
    service.action("/both", meta=JSON, answer=both)
    anna = host.visitor("anna")
    anna.get("/s/x/both")
    assert anna.get("/s/x/told").text == said("sid=session")


def test_what_is_left_out_is_counted(make_host: MakeHost, service: FakeService) -> None:
    """Over a quota, or called like ours; the rest passes."""
    events: list[Event] = []
    host = make_host(of_service=TAKES, observe=events.append)
    service.action("/a", meta=JSON, answer=Reply(headers=(("Set-Cookie", "__Host-a=1"), *SID)))
    assert len(lines_of(host.visitor().get("/s/x/a"))) == 1
    assert [(event.what, event.count) for event in events if isinstance(event, Dropped)] == [("cookies", 1)]
