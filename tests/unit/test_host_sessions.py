"""Values of services in the host's own session: the contract, on a host with a signed cookie of its own."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any

import pytest
import webob

from plugit_wsgi.host_sessions import HostSessions
from plugit_wsgi.session import Session, format_cookie, load_cookie, to_content
from plugit_wsgi.testing.session_contract import Browser, SessionStoreContract
from plugit_wsgi.wire.keys import load_secrets

KEYS = load_secrets("a secret of the tests, long enough.")


def name_of(request: webob.Request) -> str:
    return ("__Secure-" if request.scheme == "https" else "") + "host"


def open_session(request: webob.Request) -> dict[str, Any]:
    """The session of a host that keeps it as JSON in a cookie."""
    found: dict[str, Any] = json.loads(load_cookie(request, name_of(request), KEYS, "host") or b"{}")
    return found


def save(request: webob.Request, session: MutableMapping[str, Any]) -> list[str]:
    token = KEYS.sign(json.dumps(session).encode(), "host")
    return [format_cookie(name_of(request), token, path="/s/x/", secure=request.scheme == "https")]


class TestContract(SessionStoreContract):
    """The contract."""

    def make_store(self) -> HostSessions:
        return HostSessions(open_session, save=save)


def test_a_session_that_saves_itself() -> None:
    """A session middleware around ours puts it into the environ and keeps it: no cookie of ours."""
    sessions: dict[str, Any] = {"user": "7", "plugit/shop-admin": "theirs"}
    store = HostSessions(lambda request: request.environ["host.session"])  # type: ignore[no-any-return]
    request = webob.Request.blank("/", environ={"host.session": sessions})
    assert store.load(request, "shop", secure=False) is None
    assert list(store.store(request, "shop", b"\x00\xff", path="/s/shop/", secure=False)) == []
    assert store.load(request, "shop", secure=False) == b"\x00\xff"
    assert list(store.forget(request, "shop", path="/s/shop/", secure=False)) == []
    assert sessions == {"user": "7", "plugit/shop-admin": "theirs"}


@pytest.mark.parametrize("found", [None, 1, b"x", {"v": 1}, [], "\u20ac"])
def test_what_the_host_has_there_and_we_did_not_write_is_nothing(found: object) -> None:
    """No error."""
    store = HostSessions(lambda _request: {"plugit/x": found})
    assert store.load(webob.Request.blank("/"), "x", secure=False) is None


def test_what_is_kept_is_json() -> None:
    """Any host's session can hold it."""
    kept: dict[str, Any] = {}
    content = to_content(Session(values={"a": "\xc3\xa9"}), "7", "v")
    HostSessions(lambda _request: kept).store(
        webob.Request.blank("/"), "x", content, path="/s/x/", secure=False
    )
    assert json.loads(json.dumps(kept)) == kept
    assert list(kept) == ["plugit/x"]


def test_capacity() -> None:
    """That of the quotas, or what the host has room for."""
    assert HostSessions(open_session).capacity == 3072
    assert HostSessions(open_session, capacity=500).capacity == 500
    assert Browser().request().scheme == "http"
