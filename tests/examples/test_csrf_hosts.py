"""Hosts whose own CSRF protection guards the forms of services: real Django, Flask-WTF and Pyramid."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests
from tests.support.servers import run_app, serve_in_thread

from plugit_wsgi.testing.fake_service import Call, FakeService, Reply

SECRET = "a secret of the tests, long enough."
PAGE = "{% extends 'plugIt/base.html' %}{% block content %}<form>{% csrf_token %}</form>{% endblock %}"
FIELDS = {"django": "csrfmiddlewaretoken", "flask": "csrf_token", "pyramid": "csrf_token"}
SCRIPTS = ("csrftoken", "/s/polls/")
_FIELD = re.compile(r'name="csrfmiddlewaretoken" value="([^"]*)"')


def told(call: Call) -> Reply:
    return Reply(body={"method": call.method})


class Site:
    """A host that runs, and what its own form calls the token."""

    def __init__(self, url: str, field: str) -> None:
        self.url = url
        self.field = field

    def visitor(self) -> Visitor:
        return Visitor(self)


class Visitor:
    """Somebody with a browser of their own."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, path: str) -> requests.Response:
        return self._session.get(self.site.url + path, timeout=10)

    def post(self, path: str, token: str = "", field: str = "", **headers: str) -> int:
        """The status of a POST, with a token in a field or, without `field`, in the header."""
        own = {"Origin": self.site.url, **headers}
        if token and not field:
            own["X-CSRFToken"] = token
        data = {field: token} if field else {"a": "1"}
        return self._session.post(self.site.url + path, data, headers=own, timeout=10).status_code

    def token(self) -> str:
        """Of a page of the service."""
        (found,) = _FIELD.findall(self.get("/s/polls/page").text)
        return str(found)


@pytest.fixture(scope="module")
def service_url() -> Iterator[str]:
    """A service with a form, which tells what it was sent."""
    service = FakeService()
    service.action("/page", template=PAGE, answer=told)
    service.action("/data", meta={"json_only": True}, answer=told)
    service.action("/open", template=PAGE, answer=Reply(headers=(("Access-Control-Allow-Origin", "*"),)))
    with serve_in_thread(service) as url:
        yield url


@pytest.fixture(params=FIELDS, scope="module")
def site(request: pytest.FixtureRequest, service_url: str) -> Iterator[Site]:
    env = {"POLLS_URL": service_url, "PLUGIT_SECRET_KEY": SECRET}
    host = f"examples/csrf/{request.param}_host.py"
    # Not judged: Flask reads a form to its end without saying how much.
    with run_app("waitress", host, env=env, validate=False) as running:
        yield Site(running.url, FIELDS[request.param])
        assert "Traceback" not in running.output()


def test_a_form_of_a_service_is_guarded_by_the_host(site: Site) -> None:
    """By the field and by the header, under the names that services know; the cookie holds a good one too."""
    visitor = site.visitor()
    token = visitor.token()
    assert visitor.post("/s/polls/page", token, "csrfmiddlewaretoken") == 200
    assert visitor.post("/s/polls/data", token) == 200
    (scripts,) = (item for item in visitor._session.cookies if (item.name, item.path) == SCRIPTS)
    assert scripts.value
    assert visitor.post("/s/polls/data", scripts.value) == 200


def test_it_is_the_hosts_own_token(site: Site) -> None:
    """That of a page of a service opens the host's own form, and the other way round."""
    visitor = site.visitor()
    assert visitor.post("/form", visitor.token(), site.field) == 200
    assert visitor.post("/s/polls/data", visitor.get("/form").text) == 200
    fresh = site.visitor()
    assert fresh.post("/s/polls/data", fresh.get("/form").text) == 200


@pytest.mark.parametrize("field", ["", "csrfmiddlewaretoken"])
def test_what_is_refused(site: Site, field: str) -> None:
    """No token, one of another browser, a changed one, and a good one that another site sends."""
    visitor, other = site.visitor(), site.visitor()
    token, foreign = visitor.token(), other.token()
    assert visitor.post("/s/polls/data") == 403
    assert visitor.post("/s/polls/data", foreign, field) == 403
    assert visitor.post("/s/polls/data", token[:-4] + "AAAA", field) == 403
    assert visitor.post("/s/polls/data", "x", field) == 403
    assert visitor.post("/s/polls/data", token, field, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert visitor.post("/s/polls/data", token, field, Origin="https://evil.example") == 403
    assert site.visitor().post("/s/polls/data", token, field) == 403
    assert visitor.post("/s/polls/data", token, field) == 200


def test_no_token_where_other_origins_may_read(site: Site) -> None:
    """Neither in the page nor in a cookie, also not the host's."""
    answer = site.visitor().get("/s/polls/open")
    assert answer.status_code == 200
    assert not _FIELD.search(answer.text)
    assert "Set-Cookie" not in answer.headers
