"""One table of calls: routes, the OpenAPI document and the page that describes the API say the same."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import webob
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from plugit_wsgi import PlugItMiddleware
from plugit_wsgi.cli.dev import create_app
from plugit_wsgi.config import Limits, Service
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.hostapi.api import ANSWERS, ServiceApi
from plugit_wsgi.hostapi.calls import CALLS, SCHEMAS, Call, find_call
from plugit_wsgi.hostapi.content import describe
from plugit_wsgi.hostapi.mail import Mail
from plugit_wsgi.hostapi.openapi import HOSTED, STANDALONE, make_document
from plugit_wsgi.page import Page
from plugit_wsgi.people import Membership, Organization, User
from plugit_wsgi.wire.keys import api_keys, load_secrets, service_keys

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SECRET = "a secret of the tests, long enough."
KEY = api_keys(service_keys(load_secrets(SECRET), "polls"))[0]
EBU = Organization("1", "EBU", "zzebu")
ZOE = User(
    "7", "zoe", "Zoë", member=True, memberships=(Membership(EBU, admin=True),), groups=("editors",),
    subscription_labels=("gold",),
)  # fmt: skip


class Everybody(StaticDirectory):
    """Whoever is asked for is there."""

    def user(self, user_id: str) -> User:
        return replace(ZOE, id=user_id)


DIRECTORY = Everybody((ZOE,))
BREAKABLE = ("GET /orgas/", "GET /members/", "GET /techgroups/", "POST /mail/")
"""Calls that something else than text can be wrong for."""
SETTINGS = settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def layout(page: Page, request: Any) -> str:
    return f"<title>{page.title}</title>{page.user and page.user.username}|{page.assets}|{page.content}"


@pytest.fixture
def host() -> Any:
    service = Service("polls", "http://127.0.0.1:1")
    middleware = PlugItMiddleware(
        lambda environ, start: [], [service], SECRET, directory=DIRECTORY, layout=layout,
        identify=lambda request: ZOE,
    )  # fmt: skip
    yield middleware
    middleware.close()


def ask(app: WSGIApplication, path: str, method: str = "GET", **more: Any) -> webob.Response:
    return webob.Request.blank(path, method=method, **more).get_response(app)


def test_every_call_of_the_table_is_answered_and_nothing_else() -> None:
    """The table's names are those of the answers; a path of the table finds its call."""
    names = [call.name for call in CALLS]
    assert len(set(names)) == len(CALLS)
    assert set(names) == {*ANSWERS, "mail"}
    for call in CALLS:
        found = find_call(re.sub(r"\{\w+\}", "x", call.path))
        assert found == (call, ("x",) if call.segment else ())


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_a_real_answer_is_what_the_document_says(call: Call) -> None:
    """And so is the example beside it."""
    mails: list[Mail] = []
    service = Service("polls", "http://127.0.0.1:1", mail_to="anyone")
    api = ServiceApi(service, directory=DIRECTORY, deliver=mails.append, limits=Limits())
    path = call.path.replace("{id}", "1" if call.name == "organization" else "7").replace("{tag}", "x")
    body = b"dests=a%40example.org"
    environ = {"REQUEST_METHOD": call.methods[0], "PATH_INFO": "/"}
    if call.form:
        environ |= {"CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(body))}
    answer = api.answer(webob.Request({**environ, "wsgi.input": io.BytesIO(body)}), path)
    assert answer.status == 200
    assert isinstance(answer.body, bytes)
    schema = {**call.answer, "components": {"schemas": SCHEMAS}}
    for value in (json.loads(answer.body), call.example):
        Draft202012Validator(schema).validate(value)
    if isinstance(call.example, dict):
        assert json.loads(answer.body).keys() == call.example.keys()


def test_the_document_is_open_to_all_and_about_nobody(host: PlugItMiddleware) -> None:
    """No key is needed: it holds no data of this host."""
    answer = ask(host, "/s/_api/openapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.json == json.loads(json.dumps(make_document(HOSTED)))
    assert set(answer.json["paths"]) == {f"/{call.path}" for call in CALLS}
    assert ask(host, "/s/_api/openapi.json", "HEAD").status_code == 200
    assert ask(host, "/s/_api/openapi.json", "POST").status_code == 403


def test_the_page_describes_every_call(host: PlugItMiddleware) -> None:
    """In the host's layout, for whoever is logged in; below a SCRIPT_NAME too."""
    answer = ask(host, "/s/_api/", environ={"SCRIPT_NAME": "/site"})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store")
    assert answer.text.startswith("<title>API</title>zoe|/site/s/_assets/|")
    assert "http://localhost/site/s/_api/SERVICE/" in answer.text
    assert 'href="/site/s/_api/openapi.json"' in answer.text
    for call in CALLS:
        assert f'id="call-{call.name}"' in answer.text
        assert f"<code>{call.methods[0]} {call.path}</code>" in answer.text
        assert call.summary in answer.text.replace("&#39;", "'")
        for name in SCHEMAS[call.form]["properties"] if call.form else ():
            assert f"<li><code>{name}</code>: " in answer.text
    assert KEY not in answer.text


def test_the_page_leads_to_the_login() -> None:
    """As every page of the site does."""
    service = Service("polls", "http://127.0.0.1:1")
    middleware = PlugItMiddleware(lambda environ, start: [], [service], SECRET, login_url="/login")
    answer = ask(middleware, "/s/_api/", environ={"SCRIPT_NAME": "/site"})
    middleware.close()
    assert 'href="/site/login?next=/site/s/_api/"' in answer.text


def test_the_page_without_its_slash(host: PlugItMiddleware) -> None:
    """As a mount."""
    answer = ask(host, "/s/_api", environ={"SCRIPT_NAME": "/site"})
    assert (answer.status_code, answer.headers["Location"]) == (308, "/site/s/_api/")


def test_a_layout_that_fails_on_the_page(host: PlugItMiddleware, caplog: pytest.LogCaptureFixture) -> None:
    """The bundled one stands in."""

    def broken(page: Page, request: Any) -> str:
        raise RuntimeError("no template")

    service = Service("polls", "http://127.0.0.1:1")
    middleware = PlugItMiddleware(lambda environ, start: [], [service], SECRET, layout=broken)
    answer = ask(middleware, "/s/_api/")
    middleware.close()
    assert answer.status_code == 200
    assert 'id="call-user"' in answer.text
    assert "the layout failed" in caplog.text


def test_the_development_host_has_both() -> None:
    """Without a key, at the root that services know."""
    app = create_app("http://127.0.0.1:1")
    page = ask(app, "/s/app/ebuio_api/")
    assert page.status_code == 200
    assert "http://localhost/s/app/ebuio_api/" in page.text
    assert "Authorization" not in page.text
    assert all(f'id="call-{call.name}"' in page.text for call in CALLS)
    assert ask(app, "/s/app/ebuio_api/openapi.json").json == json.loads(json.dumps(make_document(STANDALONE)))
    assert "security" not in make_document(STANDALONE)["components"]


def test_a_host_s_name_is_text() -> None:
    """The page is HTML; a visitor's Host header is not."""
    content = describe(root="http://<script>/", document="openapi.json", has_key=True)
    assert "<script>" not in content


@pytest.mark.slow
@pytest.mark.parametrize("servers", [HOSTED, STANDALONE])
def test_the_document_is_openapi(servers: Any) -> None:
    """By the schema of OpenAPI 3.1, and each schema in it by JSON Schema."""
    definitions = pytest.importorskip("schemathesis.specs.openapi.definitions")
    schema = definitions.OPENAPI_31
    document = json.loads(json.dumps(make_document(servers)))
    validator_for(schema)(schema).validate(document)
    for found in [*document["components"]["schemas"].values(), *(call.answer for call in CALLS)]:
        Draft202012Validator.check_schema(found)
    with pytest.raises(Exception, match="paths"):
        validator_for(schema)(schema).validate({**document, "paths": []})


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
@pytest.mark.parametrize("kind", ["host", "development host"])
def test_the_api_does_what_the_document_says(host: PlugItMiddleware, kind: str, mode: str) -> None:
    """schemathesis asks what the document allows, and what it does not."""
    schemathesis = pytest.importorskip("schemathesis")
    checks = pytest.importorskip("schemathesis.specs.openapi.checks")
    app, root = (host, "/s/_api/")
    if kind != "host":
        app, root = (create_app("http://127.0.0.1:1"), "/s/app/ebuio_api/")  # type: ignore[assignment]
    schema = schemathesis.openapi.from_wsgi(f"{root}openapi.json", app)
    schema.config.update(base_url=f"http://localhost{root}{'polls' if kind == 'host' else ''}".rstrip("/"))
    # What is more than the document says is left alone; too many recipients are a 413.
    excluded = [checks.negative_data_rejection] if mode == "NEGATIVE" else []
    seen: Counter[tuple[str, int]] = Counter()

    def check(case: Any) -> None:
        answer = case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"}, excluded_checks=excluded)
        seen[case.operation.label, answer.status_code] += 1

    for found in schema.get_all_operations():
        operation = found.ok()
        if mode == "NEGATIVE" and operation.label not in BREAKABLE:
            continue
        strategy = operation.as_strategy(generation_mode=schemathesis.GenerationMode[mode])
        SETTINGS(given(case=strategy)(check))()
    assert len({label for label, _status in seen}) == (len(CALLS) if mode == "POSITIVE" else len(BREAKABLE))
