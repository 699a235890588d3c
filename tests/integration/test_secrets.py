"""Secrets, and what is made of them, are in no `repr`, no message of an error, no log and no page."""

from __future__ import annotations

import base64
import io
import logging
import traceback
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import webob

from plugit_wsgi import PlugItMiddleware, Service, Stores, User
from plugit_wsgi.cli.demo_site import DemoSite
from plugit_wsgi.client import ActionCall
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.interfaces import ServiceRequest
from plugit_wsgi.redis import RedisCache, RedisSessions
from plugit_wsgi.sdk import PlugItAPI, ServiceApp, action
from plugit_wsgi.sdk.app import ServiceApp as App
from plugit_wsgi.sdk.service_config import load_config
from plugit_wsgi.testing.fake_service import FakeService, Reply
from plugit_wsgi.wire.keys import (
    KeyRing,
    Purpose,
    api_keys,
    format_service_key,
    load_secrets,
    parse_service_keys,
    service_keys,
)

SECRETS = ("the old secret of these tests: DIAMOND", "the new secret of these tests: EMERALD")
RINGS = load_secrets(SECRETS)
KEYS = service_keys(RINGS, "x")
SERVICE_KEY = format_service_key(KEYS)


def spellings(key: bytes) -> Iterator[str]:
    """How a key could show: as bytes, as hex, as base64."""
    yield repr(key)[2:-1]
    yield key.hex()
    yield base64.b64encode(key).decode().rstrip("=")
    yield base64.urlsafe_b64encode(key).decode().rstrip("=")


def all_rings() -> Iterator[KeyRing]:
    yield RINGS
    for purpose in Purpose:
        ring = RINGS.derived(purpose.of("x") if purpose.value.endswith("/") else purpose)
        yield ring
        yield from (ring.derived(label) for label in (Purpose.CONTEXT, Purpose.API, Purpose.VISITOR_ID))
        yield from (ring.derived(label.of("x")) for label in (Purpose.SERVICE_CSRF, Purpose.SERVICE_SESSION))


MARKS = {
    "DIAMOND",
    "EMERALD",
    *(text for ring in all_rings() for key in ring.keys for text in spellings(key)),
}


def shown(text: str) -> set[str]:
    """The secrets in a text."""
    return {mark for mark in MARKS if mark in text}


def reachable(root: object) -> Iterator[object]:
    """Every object of the package that hangs on this one."""
    seen: dict[int, object] = {}
    waiting = [root]
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, (str, bytes, int, float, type(None), type)):
            continue
        seen[id(item)] = item
        if type(item).__module__.startswith("plugit_wsgi"):
            yield item
        waiting += parts(item)


def parts(item: Any) -> list[object]:
    if isinstance(item, dict):
        return [*item.keys(), *item.values()]
    if isinstance(item, (list, tuple, set, frozenset)):
        return list(item)
    found = list(getattr(item, "__dict__", {}).values())
    found += [getattr(item, name, None) for kind in type(item).__mro__ for name in slots(kind)]
    found += [cell.cell_contents for cell in getattr(item, "__closure__", None) or ()]
    return [*found, getattr(item, "__self__", None)]


def slots(kind: type) -> tuple[str, ...]:
    found = getattr(kind, "__slots__", ())
    return (found,) if isinstance(found, str) else tuple(found)


@action("/page")
def page(request: Any) -> dict[str, Any]:
    return {}


def a_host() -> PlugItMiddleware:
    return PlugItMiddleware(webob.Response("host"), [Service("x", "http://127.0.0.1:1")], list(SECRETS))


def a_host_with_redis() -> PlugItMiddleware:
    url, secrets = "redis://127.0.0.1:1", list(SECRETS)
    stores = Stores(cache=RedisCache(url, secrets), sessions=RedisSessions(url, secrets))
    return PlugItMiddleware(webob.Response(""), [Service("x", "http://127.0.0.1:1")], secrets, stores=stores)


HOLDERS: dict[str, Callable[[], object]] = {
    "host": a_host,
    "host with Redis": a_host_with_redis,
    "service": lambda: ServiceApp(SimpleNamespace(page=page), key=SERVICE_KEY, name="x"),
    "settings": lambda: load_config({"PI_SERVICE_KEY": SERVICE_KEY}),
    "api": lambda: PlugItAPI("http://127.0.0.1:1/", key=SERVICE_KEY),
    "demo": lambda: DemoSite(RINGS.derived(Purpose.DEMO), []),
    "ring": lambda: KEYS,
    "secrets": lambda: RINGS,
}


@pytest.mark.parametrize("name", HOLDERS)
def test_nothing_that_holds_a_secret_shows_it(name: str) -> None:
    """`repr` and `str` of all that hangs on a host or a service, however deep."""
    holder = HOLDERS[name]()
    found = list(reachable(holder))
    assert {type(item).__name__: shown(f"{item!r} {item} {[item]!r}") for item in found} == {
        type(item).__name__: set() for item in found
    }
    assert name == "api" or any(isinstance(item, KeyRing) for item in found)


def test_the_search_finds_what_is_hidden_deep() -> None:
    """The test above can fail: it comes by the keys themselves."""
    for make in (a_host, HOLDERS["service"]):
        rings = [item for item in reachable(make()) if isinstance(item, KeyRing)]
        assert any(shown(repr(ring.keys)) for ring in rings)
    assert isinstance(HOLDERS["service"](), App)


def test_calls_do_not_show_their_headers_and_bodies() -> None:
    """A context opens a service, a cookie is a visitor's, a form may hold a password."""
    headers = (("X-Plugit-Context", SERVICE_KEY), ("Cookie", "k=DIAMOND"))
    deadline: Any = None
    request = ServiceRequest(method="POST", target="x", headers=headers, body=b"DIAMOND", deadline=deadline)
    call = ActionCall(
        method="POST", target="x", headers=headers, body=io.BytesIO(), public_url="http://x", action="/"
    )
    assert shown(f"{request!r} {call!r}") == set()


OTHERS = service_keys(load_secrets("w" * 32), "wrong")
WRONG: dict[str, Callable[[], object]] = {
    "a secret that is too short": lambda: load_secrets("DIAMOND"),
    "one of several": lambda: load_secrets([SECRETS[0], "EMERALD"]),
    "bytes": lambda: load_secrets([SECRETS[0], SECRETS[1].encode()]),  # type: ignore[list-item]
    "not UTF-8": lambda: load_secrets("\udcff" + SECRETS[0]),
    "a mapping": lambda: load_secrets({SECRETS[0]: SECRETS[1]}),  # type: ignore[arg-type]
    "a host's": lambda: PlugItMiddleware(webob.Response(""), [], "DIAMOND"),
    "a key that was cut": lambda: parse_service_keys(SERVICE_KEY[:-9]),
    "the secret for a key": lambda: parse_service_keys(SECRETS[0]),
    "a key that is bytes": lambda: parse_service_keys([SERVICE_KEY.encode()]),  # type: ignore[list-item]
    "a service's setting": lambda: load_config({"PI_SERVICE_KEY": {SERVICE_KEY: 1}}),
    "a key of the API": lambda: PlugItAPI("http://127.0.0.1:1/", key=SERVICE_KEY + "DIAMOND"),
    "a service's argument": lambda: ServiceApp(SimpleNamespace(page=page), key=SERVICE_KEY[:-9]),
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG.keys())
def test_an_error_does_not_tell_the_secret_that_is_wrong(make: Callable[[], object]) -> None:
    """Message, repr, attributes, and the errors that it came from."""
    with pytest.raises(ConfigError) as caught:
        make()
    error = caught.value
    chain: list[BaseException] = [error]
    while chain[-1].__cause__ or not chain[-1].__suppress_context__:
        before = chain[-1].__cause__ or chain[-1].__context__
        if before is None:
            break
        chain.append(before)
    text = "".join(f"{item!r} {item} {vars(item)!r} {item.args!r}" for item in chain)
    text += "".join(traceback.format_exception_only(error))
    assert shown(text) | {mark for mark in (SERVICE_KEY[:-9], SECRETS[0]) if mark in text} == set()


def test_neither_pages_nor_logs_tell_a_secret(
    serve: Callable[[Any], str], caplog: pytest.LogCaptureFixture
) -> None:
    """Of a service with its key, one with another key, one that is away, and one that asks for more."""
    caplog.set_level(logging.DEBUG)
    contexts: list[str] = []
    fake = FakeService()

    fake.action("/page", meta={"json_only": True}, answer=Reply(status=500))

    def recorded(app: Any) -> Any:
        def record(environ: Any, start_response: Any) -> Any:
            contexts.append(environ.get("HTTP_X_PLUGIT_CONTEXT", ""))
            return app(environ, start_response)

        return record

    module = SimpleNamespace(page=page)
    services = [
        Service("x", serve(recorded(ServiceApp(module, key=SERVICE_KEY, name="x")))),
        Service("wrong", serve(recorded(ServiceApp(module, key=format_service_key(OTHERS), name="wrong")))),
        Service("away", "http://127.0.0.1:1"),
        Service("fake", serve(recorded(fake))),
    ]
    site = PlugItMiddleware(
        webob.Response("host"), services, list(SECRETS), identify=lambda request: User("7")
    )
    pages = []
    for path in ("x/page", "wrong/page", "away/page", "fake/page", "_api/x/user/7", "x/none", "none/page"):
        headers = {"Accept": "text/html", "Authorization": f"Bearer {api_keys(KEYS)[0]}x"}
        answer = webob.Request.blank(f"/s/{path}", headers=headers).get_response(site)
        pages.append(f"{answer.status_code} {answer.headers!r} {answer.text}")
    site.close()
    assert [item[:3] for item in pages] == ["502", "401", "502", "500", "403", "404", "200"]
    assert [line.split()[1] for line in caplog.messages if line.startswith("event=key ")] == ["service=wrong"]
    tokens = [context for context in contexts if context]
    assert len(tokens) == 3
    assert caplog.records
    told = "\n".join([*pages, caplog.text, *(repr(vars(record)) for record in caplog.records)])
    assert shown(told) == set()
    assert [text for text in spellings(OTHERS.keys[0]) if text in told] == []
    assert [token for token in tokens if token in told or token.split(".")[1] in told] == []
    assert api_keys(KEYS)[0] not in told
