"""Sessions in a browser: whose they are, when they end, and where a host may keep them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, unquote

import pytest
import webob

from plugit_wsgi import CapturedLayout, PlugItMiddleware, Service, Stores, User
from plugit_wsgi.host_sessions import HostSessions
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from tests.integration.conftest import PEOPLE, SECRET, Host, MakeHost

JSON = {"json_only": True}
SETS = Reply(headers=(("EbuIo-PlugIt-SetSession-k", "of-anna"),))
ENDED = "plugit-x=; Path=/s/x/; HttpOnly; SameSite=Lax; Max-Age=0"


def told(call: Call) -> Reply:
    """All that the service was told."""
    return Reply(body=dict(call.headers))


class Login:
    """Who is logged in, to be changed in mid-test."""

    def __init__(self) -> None:
        self.name = "anna"

    def identify(self, _request: object) -> User | None:
        return PEOPLE.get(self.name)


@pytest.fixture
def login() -> Login:
    return Login()


@pytest.fixture
def host(make_host: MakeHost, service: FakeService, login: Login) -> Host:
    service.action("/set", meta=JSON, answer=SETS)
    service.action("/told", meta=JSON, answer=told)
    service.action("/members", meta={**JSON, "only_member_user": True}, answer=told)
    return make_host(identify=login.identify, login_url="/login")


@pytest.mark.parametrize("path", ["told", "members", "nothing", "media/nothing", "ebuio_nothing"])
@pytest.mark.parametrize("now", ["", "olga"])
def test_a_session_ends_in_the_browser_when_the_user_changes(
    host: Host, login: Login, path: str, now: str
) -> None:
    """At the next answer, whatever it is: it is not there any more when the user comes back."""
    browser = host.visitor()
    browser.get("/s/x/set")
    assert browser.cookie("plugit-x", "/s/x/")
    login.name = now
    answer = browser.get(f"/s/x/{path}")
    assert ENDED in answer.headers.getlist("Set-Cookie")
    assert answer.headers["Cache-Control"].startswith("private")
    assert browser.cookie("plugit-x", "/s/x/") is None
    assert "Set-Cookie" not in browser.get(f"/s/x/{path}").headers
    login.name = "anna"
    assert "of-anna" not in browser.get("/s/x/told").text


def test_a_session_of_the_same_user_stays(host: Host) -> None:
    """And nothing is set again."""
    browser = host.visitor()
    browser.get("/s/x/set")
    answer = browser.get("/s/x/told")
    assert "of-anna" in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_new_session_takes_the_place_of_the_old_users(host: Host, login: Login) -> None:
    """One Set-Cookie of that name, the new one."""
    browser = host.visitor()
    browser.get("/s/x/set")
    login.name = "olga"
    lines = browser.get("/s/x/set").headers.getlist("Set-Cookie")
    assert len([line for line in lines if line.startswith("plugit-x=")]) == 1
    assert ENDED not in lines
    assert "of-anna" in browser.get("/s/x/told").text


def refreshing_host(environ: Any, start_response: Any) -> list[bytes]:
    """A host that sends its session's cookie, as the browser has it, with each of its pages."""
    session = _cookie_session(webob.Request(environ))
    lines = [("Set-Cookie", line) for line in _save_cookie_session(None, session)]
    start_response("200 OK", [("Content-Type", "text/html"), *lines])
    return [b"<p><!--plugit:content--></p>"]


def _cookie_session(request: webob.Request) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(unquote(request.cookies.get("host", "{}")))
    return found


def _save_cookie_session(_request: Any, session: Any) -> list[str]:
    return [f"host={quote(json.dumps(session))}; Path=/"]


def test_a_layout_that_sets_the_hosts_session_undoes_nothing(
    make_host: MakeHost, service: FakeService, login: Login
) -> None:
    """What a service stores is kept, and what ended with a login has ended."""
    service.action("/set", template="set", answer=SETS)
    service.action("/page", template="page", answer={})
    service.action("/told", meta=JSON, answer=told)
    sessions = HostSessions(_cookie_session, save=_save_cookie_session)
    browser = make_host(
        app=refreshing_host,
        layout=CapturedLayout("/layout"),
        identify=login.identify,
        stores=Stores(sessions=sessions),
    ).visitor()
    browser.get("/s/x/set")
    assert "of-anna" in browser.get("/s/x/told").text
    login.name = "olga"
    assert "page" in browser.get("/s/x/page").text
    login.name = "anna"
    assert "of-anna" not in browser.get("/s/x/told").text


def test_an_older_state_can_be_brought_back_for_a_while(
    make_host: MakeHost, service: FakeService, clock: FakeClock
) -> None:
    """As the documentation says; after `session_age` it is nothing."""
    service.action("/set", meta=JSON, answer=SETS)
    service.action("/clear", meta=JSON, answer=Reply(headers=(("EbuIo-PlugIt-DelSession-k", ""),)))
    service.action("/told", meta=JSON, answer=told)
    browser = make_host(clock=clock).visitor()
    browser.get("/s/x/set")
    old = browser.cookie("plugit-x", "/s/x/")
    browser.get("/s/x/clear")
    seen = []
    for seconds in (0, 30 * 86400 - 5, 10):
        clock.advance(seconds)
        browser.carry("plugit-x", old, "/s/x/")
        seen.append("of-anna" in browser.get("/s/x/told").text)
    assert seen == [True, True, False]


def test_no_service_reads_the_session_of_another(serve: Any) -> None:
    """`shop` and `shop-admin`, also if the browser carries one's cookie under the other's name."""
    shop, admin = FakeService(), FakeService()
    for service in (shop, admin):
        service.action("/set", meta=JSON, answer=SETS)
        service.action("/told", meta=JSON, answer=told)
    mounts = [Service("shop", serve(shop)), Service("shop-admin", serve(admin), mount="/s/shop/admin")]
    for stores in (Stores(), Stores(sessions=HostSessions(_environ_session))):
        _KEPT.clear()
        middleware = PlugItMiddleware(_no_host, services=mounts, secret_key=SECRET, stores=stores)
        browser = Host(middleware).visitor()
        browser.get("/s/shop/admin/set")
        assert "of-anna" in browser.get("/s/shop/admin/told").text
        assert "of-anna" not in browser.get("/s/shop/told").text
        cookie = browser.cookie("plugit-shop-admin", "/s/shop/admin/")
        if cookie:
            browser.carry("plugit-shop", cookie, "/s/shop/")
        assert "of-anna" not in browser.get("/s/shop/told").text
        middleware.close()


_KEPT: dict[str, Any] = {}


def _environ_session(_request: object) -> dict[str, Any]:
    return _KEPT


def _no_host(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b""]
