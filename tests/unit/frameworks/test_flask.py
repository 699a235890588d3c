"""The extension for Flask, in Flask applications with Flask-Login and Flask-WTF."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from flask_login import LoginManager, UserMixin, login_user
from flask_wtf import CSRFProtect
from tests.support.servers import serve_in_thread

from plugit_wsgi import BootstrapLayout, CapturedLayout, Page, PlugItMiddleware, Service, Stores, User
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.frameworks.flask import FlaskWtf, PlugIt
from plugit_wsgi.host_sessions import HostSessions
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply

SECRET = "a secret of the tests, long enough."
PAGE = """{% extends 'plugIt/base.html' %}{% block title %}A page{% endblock %}
{% block content %}<form>{% csrf_token %}</form><p>for {{ ebuio_u.username }}</p>{% endblock %}"""
LAYOUT = """<title>{{ page.title }}</title>{{ page.head }}
<a href="{{ url_for('about') }}">about</a> path={{ request.path }} g={{ g.who }} seen={{ session.seen }}
user={{ current_user.username }} {% for text in get_flashed_messages() %}flashed={{ text }}{% endfor %}
<main>{{ page.content }}</main>"""
_FIELD = re.compile(r'name="csrfmiddlewaretoken" value="([^"]*)"')


REMEMBER = ("EbuIo-PlugIt-SetSession-color", "seven")


def recalled(call: Call) -> Reply:
    return Reply(body={"color": call.headers.get("x-plugitsession-color", "")})


class Account(UserMixin):
    id = "7"
    username = "anna"
    email = "anna@example.org"


def told(call: Call) -> Reply:
    return Reply(body={"method": call.method})


@pytest.fixture(scope="module")
def service_url() -> Iterator[str]:
    service = FakeService()
    action = {"template": PAGE, "answer": told}
    service.action("/page", meta={"user_info": ["username"]}, **action)
    service.action("/mine", meta={"only_logged_user": True}, **action)
    service.action("/admin", meta={"only_admin_user": True}, **action)
    service.action("/remember", meta={"json_only": True}, answer=Reply(headers=(REMEMBER,)))
    service.action("/recall", meta={"json_only": True}, answer=recalled)
    service.action("/data", meta={"json_only": True}, answer=told)
    service.action("/kept", meta={"json_only": True, "cache_time": 60}, answer=told)
    with serve_in_thread(service) as url:
        yield url


@pytest.fixture
def app(service_url: str) -> flask.Flask:
    """A site with a login, as Flask's manual makes them; nothing of the extension yet."""
    app = flask.Flask(__name__)
    app.config.update(SECRET_KEY=SECRET, PLUGIT_SERVICES=[{"name": "polls", "url": service_url}])
    app.jinja_loader = __import__("jinja2").DictLoader({"page.html": LAYOUT})
    manager = LoginManager(app)
    manager.user_loader(lambda found: Account() if found == "7" else None)

    @app.before_request
    def who() -> None:
        flask.g.who = "before"

    @app.route("/about")
    def about() -> str:
        return "about the site"

    @app.route("/enter")
    def enter() -> str:
        login_user(Account())
        flask.flash("welcome")
        return "in"

    @app.route("/environ")
    def environ() -> dict[str, Any]:
        return {"keys": [key for key in flask.request.environ if key.startswith("plugit")]}

    return app


def visit(app: flask.Flask) -> FlaskClient:
    """Somebody with cookies, who asks a validated application."""
    return app.test_client()


def test_config_is_read_and_services_are_mounted(app: flask.Flask) -> None:
    """By `init_app`, in capitals; the host's own pages are as they were."""
    app.config["PLUGIT_PREFIX"] = "/services"
    app.config["PLUGIT_LAYOUT"] = BootstrapLayout(site_name="Radio")
    plugit = PlugIt()
    plugit.init_app(app)
    assert isinstance(app.extensions["plugit"], PlugItMiddleware)
    answer = visit(app).get("/services/polls/page")
    assert answer.status_code == 200
    assert "Radio" in answer.text
    assert visit(app).get("/about").text == "about the site"
    assert visit(app).get("/environ").json == {"keys": []}


def test_python_wins_over_the_config(app: flask.Flask) -> None:
    """And takes the same names."""
    PlugIt(app, prefix="/p", services=[Service("other", "http://127.0.0.1:9")])
    assert visit(app).get("/p/other/").status_code == 502
    assert visit(app).get("/s/polls/page").status_code == 404


@pytest.mark.parametrize(
    ("config", "arguments", "words"),
    [
        ({"PLUGIT_SERVCES": []}, {}, ("PLUGIT_SERVCES", "did you mean 'PLUGIT_SERVICES'")),
        ({"PLUGIT_SERVICES": [{"name": "a", "ulr": "x"}]}, {}, ("services[0].ulr", "did you mean 'url'")),
        ({"PLUGIT_LIMITS": {"pages": 1}}, {}, ("limits.pages", "did you mean 'page'")),
        ({}, {"layuot": "x"}, ("PlugIt.layuot", "did you mean 'layout'")),
        ({}, {"layout": 7}, ("layout", "got 7", "callable")),
        ({}, {"identify": "anna"}, ("identify", "'anna'", "called")),
        ({"SECRET_KEY": None}, {}, ("secret_key",)),
    ],
)
def test_what_cannot_be_used_is_named(
    app: flask.Flask, config: dict[str, Any], arguments: dict[str, Any], words: tuple[str, ...]
) -> None:
    """When the application is made, and not when somebody visits it."""
    app.config.update(config)
    with pytest.raises(ConfigError) as caught:
        PlugIt(app, **arguments)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_secret_under_a_wrong_name_is_not_printed(app: flask.Flask) -> None:
    """Errors end up in logs."""
    app.config["PLUGIT_SECRT_KEY"] = SECRET
    with pytest.raises(ConfigError) as caught:
        PlugIt(app)
    assert SECRET not in str(caught.value)


def test_the_layout_is_a_template_of_the_site(app: flask.Flask) -> None:
    """With url_for, request, g, session, current_user and flashed messages, each of which is shown once."""
    PlugIt(app, layout="page.html")
    visitor = visit(app)
    visitor.get("/enter")
    page = visitor.get("/s/polls/page").text
    assert "<title>A page</title>" in page
    assert 'href="/about"' in page
    assert "path=/s/polls/page g=before" in page
    assert "user=anna" in page
    assert "flashed=welcome" in page
    assert "flashed" not in visitor.get("/s/polls/page").text


def test_the_layout_knows_where_the_site_is_mounted(app: flask.Flask) -> None:
    """`url_for` begins with the SCRIPT_NAME."""
    PlugIt(app, layout="page.html")
    page = visit(app).get("/s/polls/page", environ_overrides={"SCRIPT_NAME": "/below"})
    assert 'href="/below/about"' in page.text


def test_whoever_flask_login_says_is_the_user(app: flask.Flask) -> None:
    """With the fields of the account, without any right; nobody without a login."""
    PlugIt(app, layout="page.html")
    visitor = visit(app)
    assert visitor.get("/s/polls/mine").status_code == 403
    visitor.get("/enter")
    assert "for anna" in visitor.get("/s/polls/page").text
    assert visitor.get("/s/polls/mine").status_code == 200
    assert visitor.get("/s/polls/admin").status_code == 403


def test_identify_of_the_host_runs_in_the_context(app: flask.Flask) -> None:
    """It gets Flask's request; session and g are there."""

    def identify(request: flask.Request) -> User | None:
        if "_user_id" not in flask.session:
            return None
        return User(flask.session["_user_id"], f"{flask.g.who} {request.endpoint} {request.path}", admin=True)

    PlugIt(app, layout="page.html", identify=identify)
    visitor = visit(app)
    assert visitor.get("/s/polls/admin").status_code == 403
    visitor.get("/enter")
    assert visitor.get("/s/polls/admin").status_code == 200
    assert "for before None /s/polls/page" in visitor.get("/s/polls/page").text


def test_identify_that_raises_is_a_500_page_and_never_anonymous(
    app: flask.Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """In the bundled layout; the cause is in the log."""

    def identify(_request: flask.Request) -> User | None:
        raise LookupError("no database")

    PlugIt(app, identify=identify)
    answer = visit(app).get("/s/polls/page")
    assert answer.status_code == 500
    assert "no database" not in answer.text
    assert "no database" in caplog.text


def test_a_callable_layout_and_a_captured_one(app: flask.Flask) -> None:
    """The first gets Flask's request; the second is a page of the application."""

    def layout(page: Page, request: flask.Request) -> str:
        return f"{flask.url_for('about')} {request.args['a']} {page.title}"

    PlugIt(app, layout=layout)
    assert visit(app).get("/s/polls/page?a=b").text == "/about b A page"

    @app.route("/frame")
    def frame() -> str:
        return "<nav>framed</nav><!--plugit:content-->"

    PlugIt(app, layout=CapturedLayout("/frame"), prefix="/t")
    assert "<nav>framed</nav><form>" in visit(app).get("/t/polls/page").text


def test_what_the_context_sets_in_the_session_is_saved_once(app: flask.Flask) -> None:
    """Identify's change is seen by the layout; one cookie goes out, and none with what caches may keep."""

    def identify(_request: flask.Request) -> User | None:
        flask.session["seen"] = flask.session.get("seen", 0) + 1
        return None

    PlugIt(app, layout="page.html", identify=identify)
    visitor = visit(app)
    first = visitor.get("/s/polls/page")
    assert "seen=1" in first.text
    assert len([line for line in first.headers.getlist("Set-Cookie") if line.startswith("session=")]) == 1
    assert "seen=2" in visitor.get("/s/polls/page").text
    kept = visit(app).get("/s/_assets/plugit.css")
    assert "Set-Cookie" not in kept.headers
    public = visit(app).get("/s/polls/kept")
    assert "private" in public.headers.get("Cache-Control", "") or "Set-Cookie" not in public.headers


def test_the_application_answers_itself(app: flask.Flask) -> None:
    """Before any service is asked: by a return value of before_request, or by abort."""

    @app.before_request
    def closed() -> Any:
        if "closed" in flask.request.args:
            return flask.redirect("/about")
        if "forbidden" in flask.request.args:
            flask.abort(451)
        return None

    PlugIt(app, layout="page.html")
    sent = visit(app).get("/s/polls/page?closed=1")
    assert (sent.status_code, sent.location) == (302, "/about")
    assert visit(app).get("/s/polls/page?forbidden=1").status_code == 451
    assert visit(app).get("/s/polls/page").status_code == 200


def test_a_host_that_is_not_trusted_is_refused(app: flask.Flask) -> None:
    """As on the pages of the application."""
    app.config["TRUSTED_HOSTS"] = ["localhost"]
    PlugIt(app, layout="page.html")
    assert visit(app).get("/s/polls/page").status_code == 200
    evil = {"base_url": "http://evil.example"}
    assert visit(app).get("/about", **evil).status_code == 400
    assert visit(app).get("/s/polls/page", **evil).status_code == 400


def test_contexts_are_torn_down(app: flask.Flask) -> None:
    """So connections of the host are given back before a service is called, whatever happened."""
    down = []
    app.teardown_appcontext(lambda error: down.append(error))
    PlugIt(app, layout="page.html")
    visit(app).get("/s/polls/page")
    assert down == [None, None]  # identify, layout


def test_flask_wtf_guards_the_forms_of_services(app: flask.Flask) -> None:
    """Its token, under the names that services know; another browser's is none."""
    CSRFProtect(app)
    PlugIt(app, layout="page.html", csrf=FlaskWtf())
    visitor, other = visit(app), visit(app)
    (token,) = _FIELD.findall(visitor.get("/s/polls/page").text)
    (foreign,) = _FIELD.findall(other.get("/s/polls/page").text)
    assert visitor.post("/s/polls/data", headers={"X-CSRFToken": token}).status_code == 200
    assert visitor.post("/s/polls/page", data={"csrfmiddlewaretoken": token}).status_code == 200
    assert visitor.post("/s/polls/data", headers={"X-CSRFToken": foreign}).status_code == 403
    assert visitor.post("/s/polls/data").status_code == 403
    with app.test_request_context(environ_overrides={"HTTP_COOKIE": _cookie(visitor)}):
        from flask_wtf.csrf import validate_csrf

        validate_csrf(token)


def test_flashes_stay_away_where_tokens_are_issued_too(app: flask.Flask) -> None:
    """Token and message are both in the session: the cookie that goes out last has both changes."""
    CSRFProtect(app)
    PlugIt(app, layout="page.html", csrf=FlaskWtf())
    visitor = visit(app)
    visitor.get("/enter")
    assert "flashed=welcome" in visitor.get("/s/polls/page").text
    again = visitor.get("/s/polls/page").text
    assert "flashed" not in again
    (token,) = _FIELD.findall(again)
    assert visitor.post("/s/polls/data", headers={"X-CSRFToken": token}).status_code == 200


def test_values_of_services_in_the_session_of_flask(app: flask.Flask) -> None:
    """By a `HostSessions` whose function runs in the context; they end with the login."""
    sessions = HostSessions(lambda _request: flask.session)
    PlugIt(app, layout="page.html", stores=Stores(sessions=sessions))
    visitor = visit(app)
    visitor.get("/enter")
    visitor.get("/s/polls/remember")
    with visitor.session_transaction() as session:
        assert "plugit/polls" in session
        assert session["_user_id"] == "7"
    assert json.loads(visitor.get("/s/polls/recall").text) == {"color": "seven"}
    assert json.loads(visit(app).get("/s/polls/recall").text) == {"color": ""}


def _cookie(visitor: FlaskClient) -> str:
    found = visitor.get_cookie("session")
    assert found is not None
    return f"session={found.value}"
