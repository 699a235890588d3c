"""Services in a Bottle application: plugin and wrap, asked with Bottle's own request."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import bottle
import pytest
import webob
from beaker.middleware import SessionMiddleware
from tests.support.servers import serve_in_thread

from plugit_wsgi import PlugItMiddleware, Service, Stores, User
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.frameworks.bottle import PlugIt
from plugit_wsgi.host_sessions import HostSessions
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply

SECRET = "a secret of the tests, long enough."
PAGE = (
    "{% extends 'plugIt/base.html' %}{% block title %}Tea{% endblock %}"
    "{% block content %}<b>{{ who }}</b>{% endblock %}"
)


@pytest.fixture(scope="module")
def services() -> Iterator[list[Service]]:
    def who(call: Call) -> Reply:
        return Reply(body={"who": parse_qs(call.query).get("ebuio_u_username", ["-"])[0]})

    def recall(call: Call) -> Reply:
        return Reply(body={"color": call.headers.get("x-plugitsession-color", "")})

    service = FakeService()
    service.action("/", template=PAGE, meta={"user_info": ["username"]}, answer=who)
    kept = (("EbuIo-PlugIt-SetSession-color", "seven"),)
    service.action("/remember", template="kept", answer=Reply(body={}, headers=kept))
    service.action("/recall", meta={"json_only": True}, answer=recall)
    with serve_in_thread(service) as url:
        yield [Service("polls", url)]


@pytest.fixture
def app() -> bottle.Bottle:
    app = bottle.Bottle()
    app.route("/", callback=lambda: "home")
    app.route("/frame", callback=lambda: "FRAME <!--plugit:title--> <!--plugit:content-->")
    return app


def get(app: Any, path: str, **headers: str) -> webob.Response:
    return webob.Request.blank(path, headers=headers).get_response(app)


def of_cookie(request: Any) -> User | None:
    """Who the visitor is says a signed cookie, which Bottle's request reads."""
    assert request is bottle.request
    name = request.get_cookie("name", secret=SECRET)
    return User(name, name) if name else None


def cookie_of(name: str) -> str:
    answer = bottle.Response()
    answer.set_cookie("name", name, secret=SECRET)
    return next(value for key, value in answer.headerlist if key == "Set-Cookie").partition(";")[0]


def test_wrapped_it_asks_with_bottles_request(app: bottle.Bottle, services: list[Service]) -> None:
    """The application itself stays as it is."""
    whole = PlugIt(services, SECRET, identify=of_cookie).wrap(app)
    assert "<b>-</b>" in get(whole, "/s/polls/").text
    assert "<b>lisa</b>" in get(whole, "/s/polls/", Cookie=cookie_of("lisa")).text
    assert get(whole, "/").text == "home"
    assert get(app, "/s/polls/").status_code == 404
    whole.close()


def test_installed_it_is_in_the_application(app: bottle.Bottle, services: list[Service]) -> None:
    """A route that asks for it gets the middleware."""

    def show(plugit: Any) -> str:
        return type(plugit).__name__

    plugit = PlugIt(services, SECRET)
    app.install(plugit)
    app.route("/show", callback=show)
    assert "<b>-</b>" in get(app, "/s/polls/").text
    assert get(app, "/show").text == "PlugItMiddleware"
    assert get(app, "/").text == "home"
    assert isinstance(plugit.middleware, PlugItMiddleware)
    with pytest.raises(ConfigError, match="one PlugIt"):
        app.install(PlugIt(services, SECRET))
    app.close()


def test_the_request_before_is_not_this_one(app: bottle.Bottle, services: list[Service]) -> None:
    """bottle.request is the thread's: without a request of its own, a visit would be the last page's."""
    seen: list[str] = []

    def identify(request: Any) -> None:
        seen.append(f"{request.method} {request.path}?{request.query_string}")

    whole = PlugIt(services, SECRET, identify=identify).wrap(app)
    get(whole, "/?somebody=else")
    webob.Request.blank("/s/polls/?a=b", method="POST", POST={"c": "d"}).get_response(whole)
    assert seen == ["GET /s/polls/?a=b"]
    with pytest.raises((KeyError, RuntimeError, AttributeError)):
        bottle.request.environ["PATH_INFO"]
    whole.close()


def test_cookies_that_are_set_meanwhile_go_out(app: bottle.Bottle, services: list[Service]) -> None:
    """With the page, and with no other."""

    def identify(_request: Any) -> None:
        bottle.response.set_cookie("seen", "yes")

    whole = PlugIt(services, SECRET, identify=identify).wrap(app)
    assert "seen=yes" in get(whole, "/s/polls/").headers.getall("Set-Cookie")
    assert "Set-Cookie" not in get(whole, "/").headers
    whole.close()


@pytest.mark.parametrize(
    ("layout", "shown"),
    [
        ("{{page.title}} in a template: {{!page.content}}", "Tea in a template: <b>-</b>"),
        ("/frame", "FRAME Tea <b>-</b>"),
        (lambda page, request: f"{request.path} {page.content}", "/s/polls/ <b>-</b>"),
    ],
)
def test_layouts(app: bottle.Bottle, services: list[Service], layout: Any, shown: str) -> None:
    """A template, a page of the application, a function of page and Bottle's request."""
    whole = PlugIt(services, SECRET, layout=layout).wrap(app)
    assert shown in " ".join(get(whole, "/s/polls/").text.split())
    whole.close()


def test_a_session_of_beaker_goes_around(app: bottle.Bottle, services: list[Service]) -> None:
    """As the manual says: below the services it would be there for pages of the application only."""

    def log_in() -> str:
        bottle.request.environ["beaker.session"]["name"] = "max"
        return "welcome"

    def identify(request: Any) -> User | None:
        name = request.environ["beaker.session"].get("name")
        return User(name, name) if name else None

    app.route("/login", callback=log_in)
    whole = PlugIt(services, SECRET, identify=identify).wrap(app)
    options = {"session.type": "cookie", "session.validate_key": SECRET, "session.auto": True}
    site = SessionMiddleware(whole, {**options, "session.data_serializer": "json"})
    assert "<b>-</b>" in get(site, "/s/polls/").text
    cookie = get(site, "/login").headers["Set-Cookie"].partition(";")[0]
    assert "<b>max</b>" in get(site, "/s/polls/", Cookie=cookie).text
    whole.close()


def test_values_of_services_in_a_session_of_the_site(app: bottle.Bottle, services: list[Service]) -> None:
    """By a `HostSessions` whose functions get Bottle's request, and set cookies at Bottle's response."""

    def open_session(request: Any) -> MutableMapping[str, Any]:
        assert request is bottle.request
        return dict(json.loads(request.get_cookie("kept", "{}", secret=SECRET)))

    def save(_request: Any, session: MutableMapping[str, Any]) -> list[str]:
        bottle.response.set_cookie("kept", json.dumps(session), secret=SECRET, path="/")
        return []

    sessions = HostSessions(open_session, save=save)
    whole = PlugIt(services, SECRET, stores=Stores(sessions=sessions)).wrap(app)
    lines = get(whole, "/s/polls/remember").headers.getall("Set-Cookie")
    cookies = "; ".join(line.partition(";")[0] for line in lines)
    assert "kept=" in cookies
    assert get(whole, "/s/polls/recall", Cookie=cookies).json == {"color": "seven"}
    assert get(whole, "/s/polls/recall").json == {"color": ""}
    whole.close()


def test_a_wrong_argument_is_named(app: bottle.Bottle, services: list[Service]) -> None:
    """As by the middleware; and one PlugIt is for one application."""
    with pytest.raises(ConfigError, match="identify"):
        PlugIt(services, SECRET, identify="lisa").wrap(app)
    with pytest.raises(ConfigError, match="secret_key"):
        PlugIt(services).wrap(app)
    plugit = PlugIt(services, SECRET)
    plugit.wrap(app)
    with pytest.raises(ConfigError, match="of its own"):
        plugit.wrap(app)
    plugit.close()
