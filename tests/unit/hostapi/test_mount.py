"""The two forms of the API's key: in a header, and in the path of mounts that allow it."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import webob

from plugit_wsgi import PlugItMiddleware
from plugit_wsgi.config import Limits, Service, service_from_table
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.hostapi.api import ServiceApi
from plugit_wsgi.hostapi.mount import MountedApi
from plugit_wsgi.http import Answer
from plugit_wsgi.observers.redaction import redacted
from plugit_wsgi.people import User
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.wire.keys import api_keys, load_secrets, service_keys

SECRETS = load_secrets(["an older secret of the tests, as long.", "a secret of the tests, long enough."])
DIRECTORY = StaticDirectory((User("7", "zoe"),))
ALLOWS = {"polls": True, "notes": False, "key": False}
(OLD, POLLS), (_, NOTES), (_, KEYS) = (api_keys(service_keys(SECRETS, name)) for name in ALLOWS)


def mounted(clock: FakeClock | None = None) -> MountedApi:
    apis = {}
    for name, allows in ALLOWS.items():
        service = Service(name, "http://127.0.0.1:1", api_key_in_url=allows)
        found = ServiceApi(service, directory=DIRECTORY, deliver=None, limits=Limits())
        apis[name] = (found, service_keys(SECRETS, name))
    return MountedApi(apis, clock=clock or FakeClock())


def ask(rest: str, key: str = "", api: MountedApi | None = None) -> Answer:
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET"}
    if key:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return (api or mounted()).answer(webob.Request(environ), "/s/_api", rest)


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (f"/key/{POLLS}/polls/user/7", 200),
        (f"/key/{OLD}/polls/user/7", 200),
        (f"/key/{POLLS}/polls/orgas/", 200),
        (f"/key/{POLLS}/polls/orgas", 404),  # the original is as strict about slashes
        (f"/key/{POLLS}/polls/user/7/", 404),
        (f"/key/{POLLS}/polls/user/8", 404),
        (f"/key/{NOTES}/notes/user/7", 403),
        (f"/key/{NOTES}/polls/user/7", 403),
        (f"/key/{POLLS}/notes/user/7", 403),
        (f"/key/{POLLS}/nobody/user/7", 403),
        (f"/key/{POLLS[:-1]}/polls/user/7", 403),
        (f"/key/{POLLS}x/polls/user/7", 403),
        ("/key//polls/user/7", 403),
        ("/key/-/nobody/user/7", 403),
        (f"/key/{POLLS}", 403),
        (f"/{POLLS}/polls/user/7", 403),
        (f"/KEY/{POLLS}/polls/user/7", 403),
    ],
)
def test_a_key_in_the_url(rest: str, status: int) -> None:
    """Of this service, and only where its mount allows it."""
    answer = ask(rest)
    assert answer.status == status
    assert isinstance(answer.body, bytes)
    assert "error" not in json.loads(answer.body) if status == 200 else "error" in json.loads(answer.body)
    assert POLLS.encode() not in answer.body


def test_the_key_in_the_header_works_beside_it() -> None:
    """Also for a service whose name is the word before the other form's key."""
    assert ask("/polls/user/7", POLLS).status == 200
    assert ask("/key/user/7", KEYS).status == 200
    assert ask(f"/key/{POLLS}/polls/user/7", "wrong").status == 403


def test_a_wrong_key_is_logged_once_a_second_for_each_service(caplog: pytest.LogCaptureFixture) -> None:
    """By the name of a service that is there; what else stood in its place may be a key."""
    clock = FakeClock()
    api = mounted(clock)
    with caplog.at_level(logging.WARNING, "plugit_wsgi"):
        for _ in range(3):
            for rest in (f"/key/{NOTES}/polls/user/7", "/notes/user/7", f"/{POLLS}/polls/", f"/key/{POLLS}"):
                assert ask(rest, api=api).status == 403
        clock.advance(1.5)
        ask("/notes/user/7", api=api)
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "event=api_refused service=polls reason=key held_back=0",
        "event=api_refused service=notes reason=key held_back=0",
        "event=api_refused service=unknown reason=key held_back=0",
        "event=api_refused service=notes reason=key held_back=2",
    ]


def test_our_log_lines_leave_the_key_out() -> None:
    """Whatever the key looks like."""
    for key in (POLLS, "secret"):
        assert key not in redacted(f"http://host.example/s/_api/key/{key}/polls/user/7 failed")


def test_the_option() -> None:
    """In TOML too; off unless a mount says it; anything else is refused by name."""
    table = {"name": "polls", "url": "http://127.0.0.1:1"}
    assert service_from_table(table, 0).api_key_in_url is False
    assert service_from_table({**table, "api_key_in_url": True}, 0).api_key_in_url is True
    with pytest.raises(ConfigError, match="api_key_in_url: got 'yes'"):
        service_from_table({**table, "api_key_in_url": "yes"}, 0)


@pytest.mark.parametrize(("allows", "status"), [(True, "200 OK"), (False, "403 Forbidden")])
def test_behind_the_middleware(allows: bool, status: str) -> None:
    """The whole way."""
    service = Service("polls", "http://127.0.0.1:1", api_key_in_url=allows)
    middleware = PlugItMiddleware(
        lambda environ, start: [], [service], "a secret of the tests, long enough.", directory=DIRECTORY
    )
    seen: list[str] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/s/_api/key/{POLLS}/polls/user/7"}
    middleware(environ, lambda status, headers: seen.append(status))  # type: ignore[arg-type, misc, return-value]
    middleware.close()
    assert seen == [status]
