"""A Pyramid site with services in it, in one process, with a service that is a fake."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import webob
from jinja2 import Environment, FileSystemLoader
from markupsafe import escape
from pyramid.config import Configurator
from pyramid.csrf import get_csrf_token
from pyramid.events import BeforeRender, ContextFound
from pyramid.exceptions import ConfigurationConflictError
from pyramid.request import Request
from pyramid.response import Response
from pyramid.session import SignedCookieSessionFactory
from tests.support.servers import serve_in_thread

from plugit_wsgi import Stores, User
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.host_sessions import HostSessions
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply

SECRET = "a secret of the tests, long enough."
PAGE = """{% extends 'plugIt/base-withBlocks.html' %}{% block title %}Tea{% endblock %}
{% block content %}<b>{{ who }}</b><form>{% csrf_token %}</form>{% endblock %}"""


def who(call: Call) -> Reply:
    name = parse_qs(call.query).get("ebuio_u_username", ["-"])[0]
    return Reply(body={"who": name, "method": call.method})


KEPT = (("EbuIo-PlugIt-SetSession-color", "seven"),)


def recall(call: Call) -> Reply:
    return Reply(body={"color": call.headers.get("x-plugitsession-color", "")})


@pytest.fixture(scope="module")
def service_url() -> Iterator[str]:
    service = FakeService()
    service.action("/", template=PAGE, meta={"user_info": ["username"]}, answer=who)
    service.action("/members", template=PAGE, meta={"only_logged_user": True}, answer=who)
    service.action("/data", meta={"json_only": True}, answer=who)
    service.action("/remember", template="kept", answer=Reply(body={}, headers=KEPT))
    service.action("/recall", meta={"json_only": True}, answer=recall)
    with serve_in_thread(service) as url:
        yield url


class Policy:
    """Somebody is who their session says."""

    def identity(self, request: Any) -> Any:
        return request.session.get("name")

    def authenticated_userid(self, request: Any) -> Any:
        return self.identity(request)

    def permits(self, request: Any, context: Any, permission: str) -> bool:
        return self.identity(request) is not None


def to_user(identity: str, request: Any) -> User:
    return User(identity, request.registry.settings.get("site.greeting", "") + identity)


class Renderer:
    """A renderer of one line, for names that end in .line."""

    def __init__(self, info: Any) -> None:
        self.name = info.name

    def __call__(self, value: Any, system: Any) -> str:
        page, request = value["page"], system["request"]
        request.session["seen"] = request.session.get("seen", 0) + 1
        token = escape(get_csrf_token(request))
        asked = f"{self.name} {request.path_qs} {request.method} {token}"
        return f"<title>{escape(page.title)}</title>{asked} {page.content}"


Setup = Callable[..., "Visitor"]


class Visitor:
    """A browser of one site, in the same process; keeps cookies."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._cookies: dict[str, str] = {}

    def get(self, path: str, method: str = "GET", **headers: str) -> webob.Response:
        request = webob.Request.blank(path, method=method)
        request.headers.update({**headers, "Cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items())})
        answer = request.get_response(self._app)
        for line in answer.headers.getall("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer


def log_in(request: Any) -> Response:
    request.session["name"] = request.params["name"]
    return Response("welcome")


def form(request: Any) -> Response:
    return Response("posted" if request.method == "POST" else get_csrf_token(request))


def kept(request: Any) -> Response:
    return Response(" ".join(request.session))


def show(request: Any) -> Response:
    return Response(f"{type(request.plugit).__name__} {request.session.get('seen')}")


@pytest.fixture
def make(service_url: str) -> Iterator[Setup]:
    """`make(settings, set_up, **arguments)`: somebody at a site with those."""
    made = []

    def make(
        settings: dict[str, str] | None = None,
        set_up: Callable[[Configurator], object] = lambda _config: None,
        **arguments: Any,
    ) -> Visitor:
        own = {
            "plugit.secret_key": SECRET,
            "plugit.service.polls": service_url,
            "plugit.user": arguments.pop("user", to_user),
        }
        own = {name: value for name, value in own.items() if value is not None}
        with Configurator(settings={**own, **(settings or {})}) as config:
            config.include("plugit_wsgi.frameworks.pyramid")
            config.set_session_factory(SignedCookieSessionFactory("s", reissue_time=None))
            config.set_security_policy(arguments.pop("policy", Policy()))
            config.add_renderer(".line", Renderer)
            for name, view in (("login", log_in), ("form", form), ("show", show), ("kept", kept)):
                config.add_route(name, f"/{name}")
                config.add_view(view, route_name=name)
            set_up(config)
            app = config.make_plugit_app(**arguments)
        made.append(app)
        return Visitor(app)

    yield make
    for app in made:
        app.close()


def test_the_identity_of_the_security_policy_is_the_visitor(make: Setup) -> None:
    """Through the function that the settings name; nobody is asked about nobody."""
    visitor = make({"site.greeting": "dear "})
    assert "<b>-</b>" in visitor.get("/s/polls/").text
    visitor.get("/login?name=lisa")
    assert "<b>dear lisa</b>" in visitor.get("/s/polls/").text
    assert visitor.get("/show").text.startswith("PlugItMiddleware")


def test_a_user_may_be_the_identity_itself_and_nothing_else(
    make: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    """What it is else is a page that says sorry, and a line in the log; never "anonymous"."""

    class OfUsers(Policy):
        def identity(self, request: Any) -> Any:
            return User("1", request.params["name"]) if "name" in request.params else "text"

    visitor = make(policy=OfUsers(), user=None)
    assert "<b>max</b>" in visitor.get("/s/polls/?name=max").text
    assert visitor.get("/s/polls/").status_code == 500
    assert "the identity is a str, not a plugit_wsgi.User" in caplog.text


def test_an_identify_of_python_takes_the_place_of_the_policy(make: Setup) -> None:
    """It gets the Pyramid request, inside the tweens; a user beside it is not asked."""
    seen = []

    def identify(request: Any) -> User:
        seen.append(request.registry.settings["site.greeting"])
        return User("5", "otto")

    visitor = make({"site.greeting": "dear"}, identify=identify)
    assert "<b>otto</b>" in visitor.get("/s/polls/").text
    assert seen == ["dear"]
    with pytest.raises(ConfigError, match="identify"):
        make(identify="otto")


@pytest.mark.parametrize("value", ["", "  ", "short"])
def test_a_secret_that_is_none_is_refused(make: Setup, value: str) -> None:
    with pytest.raises(ConfigError, match="secret_key"):
        make({"plugit.secret_key": value})


def test_the_layout_is_a_renderer_that_sees_the_visited_request(make: Setup) -> None:
    """By GET, and with a session whose changes go out with the page."""
    visitor = make({"plugit.layout": "of.line"})
    answer = visitor.get("/s/polls/?a=b")
    assert "<title>Tea</title>of.line /s/polls/?a=b GET" in answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    visitor.get("/s/polls/")
    assert visitor.get("/show").text == "PlugItMiddleware 2"
    assert visitor.get("/s/polls/missing").status_code == 404
    assert "of.line" in visitor.get("/s/polls/missing").text


def test_a_path_as_the_layout_is_a_page_of_the_site(make: Setup) -> None:
    def add(config: Configurator) -> None:
        config.add_route("frame", "/frame")
        config.add_view(lambda _: Response("site: <!--plugit:content-->"), route_name="frame")

    answer = make({"plugit.layout": "/frame"}, add).get("/s/polls/")
    assert answer.text.startswith("site: ")
    assert "<b>" in answer.text


def test_the_tokens_are_those_of_pyramid_where_the_site_requires_them(make: Setup) -> None:
    """One of a service's page opens a form of the site, and the other way round."""
    visitor = make(
        {"plugit.layout": "of.line"}, lambda config: config.set_default_csrf_options(require_csrf=True)
    )
    text = visitor.get("/s/polls/").text
    (token,) = re.findall('name="csrfmiddlewaretoken" value="([^"]*)"', text)
    assert token in text.partition("<b>")[0]
    assert visitor.get("/form").text == token
    assert visitor.get("/form", "POST", **{"X-CSRF-Token": token}).text == "posted"
    assert visitor.get("/s/polls/data", "POST", **{"X-CSRFToken": token}).status_code == 200
    assert visitor.get("/s/polls/data", "POST", **{"X-CSRFToken": token[:-4] + "beef"}).status_code == 403


@pytest.mark.parametrize("said", [{}, {"plugit.csrf": "false"}])
def test_else_they_are_the_librarys(make: Setup, said: dict[str, str]) -> None:
    """Where the site does not require its own, or the settings say so."""
    visitor = make(said, lambda config: config.set_default_csrf_options(require_csrf=bool(said)))
    (token,) = re.findall('name="csrfmiddlewaretoken" value="([^"]*)"', visitor.get("/s/polls/").text)
    assert visitor.get("/form").text != token
    assert visitor.get("/s/polls/data", "POST", **{"X-CSRFToken": token}).status_code == 200


def test_everything_runs_inside_the_tweens(make: Setup) -> None:
    """What they open is open for the identity and the layout, and closed after each; callbacks run."""
    log: list[str] = []

    def tween(handler: Any, _registry: Any) -> Any:
        def around(request: Any) -> Any:
            if "closed" in request.params:
                return Response("closed", status=503)
            request.is_open = True
            request.add_finished_callback(lambda _request: log.append("finished"))
            try:
                return handler(request)
            finally:
                request.is_open = False

        return around

    def check(identity: str, request: Any) -> User:
        log.append(f"user {request.is_open}")
        return User(identity)

    def set_up(config: Configurator) -> None:
        globals()["tween"] = tween
        config.add_tween(f"{__name__}.tween")
        config.add_request_method(lambda _request: "extension", "extension", reify=True)

    def layout(page: Any, request: Any) -> str:
        log.append(f"layout {request.is_open} {request.extension} {request.has_permission('x')}")
        return str(page.content)

    visitor = make({}, set_up, user=check, layout=layout)
    visitor.get("/login?name=lisa")
    log.clear()
    assert visitor.get("/s/polls/").status_code == 200
    assert log == ["user True", "finished", "layout True extension True", "finished"]
    assert visitor.get("/s/polls/?closed=1").text == "closed"


def test_a_policy_that_raises_is_a_fault_also_where_the_site_has_a_page_for_that(
    make: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception view must not make an anonymous visitor of it."""

    def fail(_identity: str, _request: Any) -> User:
        raise RuntimeError("the database is away")

    def set_up(config: Configurator) -> None:
        config.add_exception_view(lambda _: Response("sorry"), context=Exception)

    visitor = make({}, set_up, user=fail)
    visitor.get("/login?name=lisa")
    assert visitor.get("/s/polls/").status_code == 500
    assert "the database is away" in caplog.text


def test_services_come_from_directives_and_settings(make: Setup, service_url: str) -> None:
    """Each where it says; options and limits are read from text."""

    def add(config: Configurator) -> None:
        config.add_plugit_service("tea", service_url, mount="/tea")

    said = {
        "plugit.service.coffee": service_url,
        "plugit.service.coffee.mount": "/deep/coffee",
        "plugit.service.coffee.organizations": "true",
        "plugit.service.coffee.user_fields": "id username",
        "plugit.limits.page": "2.5",
        "plugit.threads": "4",
        "plugit.prefix": "/services",
        "plugit.login_url": "/login",
    }
    visitor = make(said, add)
    for path in ("/tea/", "/deep/coffee/", "/services/polls/"):
        assert visitor.get(path).status_code == (302 if "coffee" in path else 200), path
    assert visitor.get("/services/polls/members").location.endswith("/login?next=/services/polls/members")


def test_two_services_of_one_name_are_a_conflict_of_pyramids(make: Setup, service_url: str) -> None:
    def add(config: Configurator) -> None:
        for _ in range(2):
            config.include(lambda inner: inner.add_plugit_service("tea", service_url))
        config.add_plugit_service("tea", service_url)
        config.add_plugit_service("tea", service_url)

    with pytest.raises(ConfigurationConflictError):
        make({}, add)


def test_a_file_says_the_rest(service_url: str, tmp_path: Any) -> None:
    """What the settings say as well wins; services are in one of the two places."""
    file = tmp_path / "plugit.toml"
    lines = [
        f'secret_key = "{SECRET}"',
        'prefix = "/x"',
        "[[services]]",
        'name = "polls"',
        f'url = "{service_url}"',
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    settings = {"plugit.file": str(file), "plugit.prefix": "/y"}
    config = Configurator(settings=settings)
    config.include("plugit_wsgi.frameworks.pyramid")
    app = config.make_plugit_app()
    assert Request.blank("/y/polls/").get_response(app).status_code == 200
    app.close()
    config = Configurator(settings={**settings, "plugit.service.tea": service_url})
    config.include("plugit_wsgi.frameworks.pyramid")
    with pytest.raises(ConfigError, match=r"plugit\.file"):
        config.make_plugit_app()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"plugit.thread": "8"}, "did you mean 'threads'"),
        ({"plugit.threads": "many"}, "threads"),
        ({"plugit.service.polls.mode": "page"}, "mode"),
        ({"plugit.service.polls.orga": "true"}, "did you mean 'organizations'"),
        ({"plugit.limits.pages": "2"}, "did you mean 'page'"),
        ({"plugit.service.polls.organizations": "perhaps"}, "organizations"),
        ({"plugit.secret_key": ""}, "secret_key"),
    ],
)
def test_a_wrong_setting_is_named(make: Setup, said: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(said)


SITE = """<title>{% block title %}{% endblock %} - {{ site_name }}</title>{% block body %}{% endblock %}"""
MACROS = """{% macro link(name) %}<a href="/s/{{ name }}/">{{ name }}</a>{% endmacro %}"""
SERVICE = """{% extends "site.jinja2" %}{% import "macros.jinja2" as macros %}
{% block title %}{{ page.title }}{% endblock %}
{% block body %}{% for service in request.plugit.mounts %}{{ macros.link(service.name) }}{% endfor %}
{{ panel("weather", town="Bern") }}<main>{{ page.content }}</main>{% endblock %}"""


class Jinja:
    """As pyramid_jinja2 does it, for a folder that is in no package."""

    def __init__(self, folder: str, name: str) -> None:
        self._template = Environment(loader=FileSystemLoader(folder), autoescape=True).get_template(name)

    def __call__(self, value: Any, system: Any) -> str:
        return self._template.render({**system, **value})


class Panels:
    """As pyramid_layout does it: made for the context of a request, a global of each renderer."""

    def __init__(self, event: ContextFound) -> None:
        self.request = event.request
        event.request.panels = self

    def render(self, name: str, town: str) -> str:
        return f"{name} in {town} for {self.request.identity} at {self.request.path}"


def with_panels(event: BeforeRender) -> None:
    event["panel"] = event["request"].panels.render
    event["site_name"] = "My radio"


def test_the_layout_is_a_template_as_any_of_the_site(make: Setup, tmp_path: Path) -> None:
    """It extends and imports others; what subscribers add is there; `request.plugit` says what is mounted."""
    for name, text in (("site", SITE), ("macros", MACROS), ("service", SERVICE)):
        (tmp_path / f"{name}.jinja2").write_text(text, encoding="utf-8")

    def set_up(config: Configurator) -> None:
        config.add_renderer(".jinja2", lambda info: Jinja(str(tmp_path), info.name))
        config.add_subscriber(Panels, ContextFound)
        config.add_subscriber(with_panels, BeforeRender)

    visitor = make({"plugit.layout": "service.jinja2"}, set_up)
    visitor.get("/login?name=lisa")
    page = visitor.get("/s/polls/").text
    assert "<title>Tea - My radio</title>" in page
    assert '<a href="/s/polls/">polls</a>' in page
    assert "weather in Bern for lisa at /s/polls/" in page
    assert "<main><b>lisa</b>" in page


def test_values_of_services_in_the_session_of_pyramid(make: Setup) -> None:
    """By a `HostSessions` whose function gets the Pyramid request; the session goes out with the page."""
    sessions = HostSessions(lambda request: request.session)
    visitor = make(stores=Stores(sessions=sessions))
    visitor.get("/login?name=lisa")
    assert visitor.get("/s/polls/remember").status_code == 200
    assert "plugit/polls" in visitor.get("/kept").text
    assert visitor.get("/s/polls/recall").json == {"color": "seven"}
    visitor.get("/login?name=max")
    assert visitor.get("/s/polls/recall").json == {"color": ""}
