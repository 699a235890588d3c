"""The WSGI edge: construction, files, passing by, and how an answer is sent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from webob.exc import HTTPSeeOther

from plugit_wsgi import Limits, PlugItMiddleware, Service, Stores, User
from plugit_wsgi.cache.memory import MemoryCache
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.http import Answer
from plugit_wsgi.middleware import send, status_line
from plugit_wsgi.testing.clock import FakeClock

SECRET = "a secret of the tests, long enough."
URL = "http://127.0.0.1:9"
POLLS = Service("polls", URL)


def host_app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the host"]


def call(app: Any, path: str, method: str = "GET", **more: Any) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers, body, by the rules of WSGI."""
    environ: dict[str, Any] = {"SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": ""}
    environ.update(REQUEST_METHOD=method, **more)
    setup_testing_defaults(environ)
    seen: list[Any] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        seen[:] = [status, dict(headers)]
        return lambda _data: None

    result = validator(app)(environ, start_response)
    try:
        body = b"".join(result)
    finally:
        result.close()  # type: ignore[attr-defined]
    return seen[0], seen[1], body


def make(**more: Any) -> PlugItMiddleware:
    return PlugItMiddleware(
        more.pop("host_app", host_app), **{"services": [POLLS], "secret_key": SECRET, **more}
    )


# Construction --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "field"),
    [
        ({"host_app": None}, "host_app"),
        ({"host_app": "app"}, "host_app"),
        ({"services": None}, "services"),
        ({"services": POLLS}, "services"),
        ({"services": "polls"}, "services"),
        ({"services": ["polls"]}, "services"),
        ({"services": [POLLS, Service("polls", URL, mount="/elsewhere")]}, "services"),
        ({"services": [POLLS, Service("notes", URL, mount="/s/polls")]}, "mount"),
        ({"services": [POLLS, Service("notes", URL, mount="/s/polls/")]}, "mount"),
        ({"services": [Service("notes", URL, mount="/s/_assets")]}, "mount"),
        ({"services": [Service("notes", URL, mount="/s/_api")]}, "mount"),
        ({"secret_key": ""}, "secret_key[0]"),
        ({"secret_key": "x" * 31}, "secret_key[0]"),
        ({"secret_key": [SECRET, "short"]}, "secret_key[1]"),
        ({"secret_key": None}, "secret_key"),
        ({"secret_key": []}, "secret_key"),
        ({"identify": "me"}, "identify"),
        ({"identify": User("1")}, "identify"),
        ({"layout": 1}, "layout"),
        ({"prefix": "s"}, "prefix"),
        ({"prefix": ""}, "prefix"),
        ({"prefix": "/"}, "prefix"),
        ({"prefix": None}, "prefix"),
        ({"threads": 0}, "threads"),
        ({"threads": -1}, "threads"),
        ({"threads": "8"}, "threads"),
        ({"threads": True}, "threads"),
        ({"threads": 1.5}, "threads"),
        ({"trusted_hops": -1}, "trusted_hops"),
        ({"trusted_hops": None}, "trusted_hops"),
        ({"trusted_hops": False}, "trusted_hops"),
        ({"login_url": "login"}, "login_url"),
        ({"login_url": 1}, "login_url"),
        ({"login_url": ""}, "login_url"),
        ({"billing_url": "billing"}, "billing_url"),
        ({"billing_url": 1}, "billing_url"),
        ({"billing_url": ""}, "billing_url"),
        ({"on_denied": "log"}, "on_denied"),
        ({"on_denied": True}, "on_denied"),
        ({"limits": {"page": 1}}, "limits"),
        ({"stores": {}}, "stores"),
        ({"observe": "log"}, "observe"),
        ({"fragments": "/s/x/a"}, "fragments"),
        ({"operations": True}, "operations"),
        ({"csrf": lambda request: "token"}, "csrf"),
        ({"csrf": True}, "csrf"),
    ],
)
def test_wrong_settings_die_at_construction(named: dict[str, Any], field: str) -> None:
    """With the field, the value and what was expected; a secret is never shown."""
    with pytest.raises(ConfigError) as caught:
        make(**named)
    assert caught.value.field == field
    assert caught.value.expected
    assert SECRET not in str(caught.value)


def test_nested_mounts_are_fine() -> None:
    """The longest prefix wins."""
    make(
        services=[POLLS, Service("notes", URL, mount="/s/polls/notes"), Service("all", URL, mount="/s")]
    ).close()


def test_an_argument_that_does_not_exist() -> None:
    """There are no more than there are."""
    with pytest.raises(TypeError, match="debug"):
        make(debug=True)


def test_secrets_are_not_shown() -> None:
    """Neither by the middleware, nor by what hangs on it."""
    middleware = make()
    seen = [repr(middleware), str(middleware), *(repr(value) for value in vars(middleware).values())]
    assert not [text for text in seen if SECRET in text]
    middleware.close()


def test_values_that_are_fine() -> None:
    """Everything that can be given."""
    make(
        secret_key=["an older secret of the tests, as long.", SECRET],
        identify=lambda request: None,
        layout=lambda page, request: "",
        prefix="/services/",
        threads=4,
        trusted_hops=1,
        login_url="https://login.example/?a=b",
        billing_url="/billing",
        on_denied=lambda reason, user, service: None,
        limits=Limits(page=1),
        stores=Stores(cache=MemoryCache(1000, FakeClock())),
        observe=lambda event: None,
        clock=FakeClock(),
    ).close()


# Files ---------------------------------------------------------------------------------

GOOD = f"""
secret_key = ["an older secret of the tests, as long.", "{SECRET}"]
prefix = "/apps"
threads = 4
trusted_hops = 1
login_url = "/login"
billing_url = "/billing"

[limits]
page = 3

[[services]]
name = "polls"
url = "{URL}"
user_fields = ["pk"]

[[services]]
name = "notes"
url = "https://notes.example"
mount = "/notes"
organizations = true
limits = {{page = 1.5}}
"""


def from_text(tmp_path: Path, text: str, **more: Any) -> PlugItMiddleware:
    path = tmp_path / "plugit.toml"
    path.write_text(text, encoding="utf-8")
    return PlugItMiddleware.from_file(host_app, path, **more)


def test_from_file(tmp_path: Path) -> None:
    """The same as by hand; what is given in Python as well wins."""
    middleware = from_text(tmp_path, GOOD, clock=FakeClock())
    assert call(middleware, "/apps/polls")[1]["Location"] == "/apps/polls/"
    assert call(middleware, "/notes")[1]["Location"] == "/notes/"
    assert call(middleware, "/s/polls")[2] == b"the host"
    middleware.close()
    middleware = from_text(tmp_path, GOOD, prefix="/mine")
    assert call(middleware, "/mine/polls")[1]["Location"] == "/mine/polls/"
    middleware.close()


@pytest.mark.parametrize(
    ("old", "new", "field", "expected"),
    [
        ('prefix = "/apps"', 'prefx = "/apps"', "prefx", "did you mean 'prefix'?"),
        ("threads = 4", "identify = 4", "identify", "a key that exists"),
        ("threads = 4", 'on_denied = "log"', "on_denied", "a key that exists"),
        ('billing_url = "/billing"', 'billing_url = "billing"', "billing_url", "a path with a leading slash"),
        ("page = 3", "pages = 3", "limits.pages", "did you mean"),
        ("page = 3", "page = -3", "Limits.page", "0 or more"),
        ('name = "notes"', 'nam = "notes"', "services[1].nam", "did you mean 'name'?"),
        ("organizations = true", "organisations = true", "services[1].organisations", "'organizations'"),
        ('name = "notes"', 'name = "polls"', "services", "a name of its own"),
        ("threads = 4", 'threads = "4"', "threads", "whole number"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, old: str, new: str, field: str, expected: str) -> None:
    """By the key, with the nearest right one."""
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        from_text(tmp_path, GOOD.replace(old, new))
    assert caught.value.field == field
    assert expected in caught.value.expected
    assert SECRET not in str(caught.value)


def test_a_small_file(tmp_path: Path) -> None:
    """The rest is at its defaults; nobody observes."""
    middleware = from_text(tmp_path, f'secret_key = "{SECRET}"\n[[services]]\nname = "polls"\nurl = "{URL}"')
    assert call(middleware, "/s/polls/x")[0] == "502 Bad Gateway"
    middleware.close()


@pytest.mark.parametrize("text", ["services = 1", 'services = {name = "x"}', "services = [1]"])
def test_services_that_are_no_tables(tmp_path: Path, text: str) -> None:
    """[[services]] is what was meant."""
    with pytest.raises(ConfigError, match="services"):
        from_text(tmp_path, text, secret_key=SECRET)


def test_a_misspelt_secret_is_not_shown(tmp_path: Path) -> None:
    """In an error that may be in a log."""
    with pytest.raises(ConfigError) as caught:
        from_text(tmp_path, GOOD.replace("secret_key", "secret_keys"))
    assert caught.value.field == "secret_keys"
    assert SECRET not in str(caught.value)


# Passing by ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "", "/s", "/s/", "/s/poll", "/s/pollsx/", "/S/polls/", "//s/polls"])
def test_what_no_mount_matches_is_the_hosts(path: str) -> None:
    """The very same environ and start_response, and the very same answer."""
    seen: list[Any] = []
    answer = [b"x"]

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.extend([environ, start_response])
        return answer

    middleware = make(host_app=app)
    environ, start_response = {"PATH_INFO": path}, object()
    before = dict(environ)
    assert middleware(environ, start_response) is answer  # type: ignore[arg-type]
    assert seen[0] is environ
    assert seen[1] is start_response
    assert environ == before
    middleware.close()


def test_an_environ_without_a_path() -> None:
    """PATH_INFO may be absent."""
    middleware = make(host_app=lambda environ, start_response: [b"x"])
    assert middleware({}, None) == [b"x"]  # type: ignore[arg-type]
    middleware.close()


def broken(*_args: Any) -> Any:
    raise RuntimeError("hunter2: the inside of the host")


@pytest.mark.parametrize(
    "named", [{"identify": broken}, {"identify": lambda request: "anna"}, {"identify": lambda request: 0}]
)
def test_a_host_that_fails_is_a_500_of_ours(named: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """In the bundled layout, the cause in the log, never "anonymous" and never shown."""
    middleware = make(**named)
    with caplog.at_level(logging.ERROR):
        status, headers, body = call(middleware, "/s/polls/x")
    assert status.startswith("500")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "private, no-store"
    assert b"hunter2" not in body
    assert b"Traceback" not in body
    assert len([record for record in caplog.records if record.exc_info]) == 1
    middleware.close()


def test_identify_may_answer_itself(caplog: pytest.LogCaptureFixture) -> None:
    """With an exception of WebOb's: it is the answer, no fault, and no service is asked."""

    def identify(request: Any) -> Any:
        raise HTTPSeeOther(location="/closed")

    middleware = make(identify=identify)
    status, headers, _ = call(middleware, "/s/polls/x")
    assert status == "303 See Other"
    assert headers["Location"].endswith("/closed")
    assert caplog.text == ""
    middleware.close()


def test_a_service_that_is_down_is_a_page(caplog: pytest.LogCaptureFixture) -> None:
    """502; and an observer that fails breaks nothing."""
    middleware = make(observe=broken)
    status, _, body = call(middleware, "/s/polls/x")
    assert status == "502 Bad Gateway"
    assert b"127.0.0.1" not in body
    assert "observer failed" in caplog.text
    middleware.close()


# Sending -------------------------------------------------------------------------------


class Stream:
    """A body that is a stream."""

    def __iter__(self) -> Any:
        return iter([b"a", b"b"])

    def close(self) -> None:
        """Nothing."""


def sent(answer: Answer, method: str = "GET") -> tuple[str, list[tuple[str, str]], Iterable[bytes]]:
    found: list[Any] = []
    body = send(answer, method, lambda status, headers: found.extend([status, headers]))  # type: ignore[arg-type,misc]
    return found[0], found[1], body


TEXT = ("Content-Type", "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("answer", "method", "headers", "body"),
    [
        (Answer(status=200, body=b"abc"), "GET", [TEXT, ("Content-Length", "3")], [b"abc"]),
        (Answer(status=200, body=b"abc"), "HEAD", [TEXT], []),
        (Answer(status=200), "GET", [TEXT, ("Content-Length", "0")], []),
        (Answer(status=200, headers=(("content-type", "a/b"),), body=b"x"), "GET",
         [("content-type", "a/b"), ("Content-Length", "1")], [b"x"]),
        (Answer(status=200, headers=(TEXT, ("Content-Length", "9"))), "HEAD",
         [TEXT, ("Content-Length", "9")], []),
        (Answer(status=304, headers=(TEXT, ("ETag", "e"), ("Content-Length", "9")), body=b"x"), "GET",
         [("ETag", "e")], []),
        (Answer(status=204, headers=(TEXT,)), "GET", [], []),
        (Answer(status=204), "POST", [], []),
    ],
)  # fmt: skip
def test_send(answer: Answer, method: str, headers: list[tuple[str, str]], body: list[bytes]) -> None:
    """A length where it is known, a type where there is a body, no body where there must be none."""
    assert sent(answer, method)[1:] == (headers, body)


def test_send_a_stream() -> None:
    """As it is: the server closes it."""
    stream = Stream()
    status, headers, body = sent(Answer(status=200, headers=(TEXT,), body=stream))
    assert (status, headers) == ("200 OK", [TEXT])
    assert body is stream


def test_a_server_that_does_not_start_closes_the_stream() -> None:
    """The answer of a service must not stay open."""
    closed: list[bool] = []

    class Closing(Stream):
        def close(self) -> None:
            closed.append(True)

    def refuse(status: str, headers: object) -> None:
        raise OSError("the visitor hung up")

    for body in (Closing(), b"x"):
        with pytest.raises(OSError, match="hung up"):
            send(Answer(status=200, body=body), "GET", refuse)  # type: ignore[arg-type]
    assert closed == [True]


def test_send_leaves_the_answer_alone() -> None:
    """The same answer can be sent again."""
    answer = Answer(status=200, body=b"abc")
    assert sent(answer) == sent(answer)
    assert answer.headers == ()


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, "200 OK"),
        (404, "404 Not Found"),
        (418, "418 I'm a Teapot"),
        (299, "299 Unknown"),
        (599, "599 Unknown"),
    ],
)
def test_status_line(status: int, line: str) -> None:
    """Also for codes that nobody has named."""
    assert status_line(status) == line
