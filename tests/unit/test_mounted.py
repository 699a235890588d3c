"""What is mounted beside the pages: assets, the API's keys, the slash, the organization switch."""

from __future__ import annotations

import io
from typing import Any

import pytest
import webob

from plugit_wsgi.config import Limits, Service
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.hostapi.api import ServiceApi
from plugit_wsgi.hostapi.mount import MountedApi
from plugit_wsgi.http import Answer
from plugit_wsgi.layout.assets import ASSETS
from plugit_wsgi.middleware import PlugItMiddleware
from plugit_wsgi.mounted import MountedAssets
from plugit_wsgi.people import Membership, Organization, User
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.wire.keys import api_keys, load_secrets, service_keys

OLD, NEW = "an older secret of the tests, as long.", "a secret of the tests, long enough."
BOTH = load_secrets([OLD, NEW])
DIRECTORY = StaticDirectory((User("7", "zoe"),), organizations=())


def request(method: str = "GET", **environ: Any) -> webob.Request:
    return webob.Request({"REQUEST_METHOD": method, **environ})


def api() -> MountedApi:
    apis = {}
    for name in ("polls", "notes"):
        service = Service(name, "http://127.0.0.1:1")
        found = ServiceApi(service, directory=DIRECTORY, deliver=None, limits=Limits())
        apis[name] = (found, service_keys(BOTH, name))
    return MountedApi(apis)


POLLS_OLD, POLLS_NEW = api_keys(service_keys(BOTH, "polls"))


@pytest.mark.parametrize(
    ("rest", "authorization", "status"),
    [
        ("/polls/user/7", f"Bearer {POLLS_NEW}", 200),
        ("/polls/user/7", f"bearer  {POLLS_OLD} ", 200),
        ("/polls/user/8", f"Bearer {POLLS_NEW}", 404),
        ("/notes/user/7", f"Bearer {POLLS_NEW}", 403),
        ("/nobody/user/7", f"Bearer {POLLS_NEW}", 403),
        ("/polls/user/7", "", 403),
        ("/polls/user/7", "Bearer ", 403),
        ("/polls/user/7", "Bearer -", 403),
        ("/nobody/user/7", "Bearer -", 403),
        ("/polls/user/7", f"Basic {POLLS_NEW}", 403),
        ("/polls/user/7", POLLS_NEW, 403),
        ("/polls/user/7", f"Bearer {POLLS_NEW[:-1]}", 403),
        ("/polls/user/7", f"Bearer {POLLS_NEW}x", 403),
        ("/polls/user/7", f"Bearer {POLLS_NEW}, {POLLS_NEW}", 403),
        ("/polls/user/7", "Bearer \xe9\u20ac", 403),
        ("", f"Bearer {POLLS_NEW}", 403),
        ("/", f"Bearer {POLLS_NEW}", 403),
    ],
)
def test_keys_of_the_api(rest: str, authorization: str, status: int) -> None:
    """A key of this service, the newest or one that is being replaced; anything else is 403."""
    answer = api().answer(request(HTTP_AUTHORIZATION=authorization), "/s/_api", rest)
    assert answer.status == status
    assert not [name for name, _value in answer.headers if name.lower().startswith("access-control")]
    if status == 403:
        assert isinstance(answer.body, bytes)
        assert POLLS_NEW.encode() not in answer.body


def test_assets() -> None:
    """Cached for ever, by their name; nothing else is served."""
    assets = MountedAssets()
    path = "/" + next(name for name in ASSETS if name.endswith(".css"))
    found = assets.answer(request(), "/s/_assets", path)
    assert found.status == 200
    headers = dict(found.headers)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in headers["Cache-Control"]
    again = assets.answer(request(HTTP_IF_NONE_MATCH=headers["ETag"]), "/s/_assets", path)
    assert (again.status, again.body) == (304, b"")
    assert "Content-Type" not in dict(again.headers)


@pytest.mark.parametrize(
    ("method", "rest"),
    [("GET", "/nothing.css"), ("GET", "/../__init__.py"), ("GET", "/"), ("GET", ""), ("GET", "//etc/passwd"),
     ("POST", "/plugit.css"), ("GET", "/__init__.py")],
)  # fmt: skip
def test_assets_that_are_none(method: str, rest: str) -> None:
    """404."""
    assert MountedAssets().answer(request(method), "/s/_assets", rest).status == 404


# The service itself --------------------------------------------------------------------

ORG = User(
    "8", "org", memberships=(Membership(Organization("1", "EBU")), Membership(Organization("2", "RTS")))
)


class Host:
    """A middleware with a service in organization mode that is down, and a visitor with cookies."""

    def __init__(self, **more: Any) -> None:
        services = [
            Service("x", "http://127.0.0.1:9", organizations=True),
            Service("y", "http://127.0.0.1:9"),
        ]
        self.events: list[Any] = []
        self.middleware = PlugItMiddleware(
            lambda environ, start_response: [b"host"],
            services=services,
            secret_key=NEW,
            identify=lambda request: ORG,
            clock=FakeClock(),
            observe=self.events.append,
            **more,
        )
        self.cookies: dict[str, str] = {}

    def ask(self, path: str, method: str = "GET", body: bytes = b"", **environ: Any) -> Answer:
        """One request; cookies are kept."""
        found: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "HTTP_HOST": "host.example",
            "HTTP_COOKIE": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "wsgi.input": io.BytesIO(body),
            **environ,
        }
        seen: list[Any] = []
        content = b"".join(self.middleware(found, lambda *args: seen.extend(args)))  # type: ignore[arg-type,misc]
        for name, value in seen[1]:
            if name == "Set-Cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return Answer(status=int(seen[0].split()[0]), headers=tuple(seen[1]), body=content)


@pytest.fixture
def host() -> Any:
    found = Host()
    yield found
    found.middleware.close()


@pytest.mark.parametrize(
    ("environ", "location"),
    [
        ({}, "/s/x/"),
        ({"QUERY_STRING": "a=1&b=%20"}, "/s/x/?a=1&b=%20"),
        ({"QUERY_STRING": "a=\xe9\r\nX: y"}, "/s/x/?a=%E9%0D%0AX:%20y"),
        ({"SCRIPT_NAME": "/app"}, "/app/s/x/"),
        ({"SCRIPT_NAME": "//evil.example"}, "/evil.example/s/x/"),
        ({"REQUEST_METHOD": "POST"}, "/s/x/"),
    ],
)
def test_a_mount_without_its_slash(host: Host, environ: dict[str, str], location: str) -> None:
    """308 keeps method and body; relative links of pages work."""
    answer = host.ask("/s/x", **environ)
    assert (answer.status, dict(answer.headers)["Location"]) == (308, location)


@pytest.mark.parametrize(
    ("path", "method", "environ", "status"),
    [
        ("/s/x/a/../b", "GET", {}, 404),
        ("/s/x//a", "GET", {}, 404),
        ("/s/x/ebuio_setUser", "GET", {}, 404),
        ("/s/x/EBUIO_x", "GET", {}, 404),
        ("/s/x/ebuio_setOrga", "GET", {}, 405),
        ("/s/y/ebuio_setOrga", "POST", {}, 404),
        ("/s/x/a", "GET", {"HTTP_UPGRADE": "WebSocket"}, 501),
        ("/s/x/a", "GET", {"HTTP_UPGRADE": "h2c, websocket"}, 501),
        ("/s/x/media/a", "GET", {"HTTP_UPGRADE": "websocket/13"}, 501),
        ("/s/x/a", "GET", {"HTTP_UPGRADE": "h2c, nowebsocket"}, 502),
        ("/s/x/a", "TRACE", {}, 405),
        ("/s/x/a", "get", {}, 405),
        ("/s/x/media/a", "POST", {}, 405),
        ("/s/x/media/a", "GET", {}, 502),
        ("/s/x/a", "GET", {}, 502),
    ],
)
def test_what_is_refused_before_the_service_is_asked(
    host: Host, path: str, method: str, environ: dict[str, str], status: int
) -> None:
    """Paths, reserved names, methods, protocols; the last two are a service that is down. All observed."""
    assert host.ask(path, method, **environ).status == status
    (served,) = [event for event in host.events if type(event).__name__ == "PageServed"]
    assert (served.status, served.action) == (status, path[4:])
    assert served.service in "xy"


def page_token(host: Host) -> str:
    """Of the switch on a page that says why there is no other."""
    host.ask("/s/x/a")
    return host.cookies["csrftoken"]


@pytest.mark.parametrize(
    ("body", "location"),
    [
        (b"organization=2", "/s/x/"),
        (b"organization=2&next=/s/x/page%3Fa%3D1", "/s/x/page?a=1"),
        (b"organization=2&next=/elsewhere", "/s/x/"),
        (b"organization=2&next=//evil.example/s/x/", "/s/x/"),
        (b"organization=2&next=/s/x/../../admin", "/s/x/"),
        (b"organization=2&next=/s/x/%252e%252e/%252e%252e/admin", "/s/x/"),
        (b"organization=2&next=https://evil.example/", "/s/x/"),
        (b"organization=2&next=/s/x/%5C%5Cevil", "/s/x/"),
    ],
)
def test_the_organization_is_switched(host: Host, body: bytes, location: str) -> None:
    """Back to the service, and nowhere else."""
    token = page_token(host)
    answer = host.ask("/s/x/ebuio_setOrga", "POST", body + b"&csrfmiddlewaretoken=" + token.encode())
    assert (answer.status, dict(answer.headers)["Location"]) == (303, location)
    assert "plugit-x" in host.cookies


@pytest.mark.parametrize(
    ("body", "environ", "status"),
    [
        (b"organization=3&csrfmiddlewaretoken=TOKEN", {}, 404),
        (b"csrfmiddlewaretoken=TOKEN", {}, 404),
        (b"organization=2", {}, 403),
        (b"", {}, 403),
        (b"organization=2&csrfmiddlewaretoken=x", {}, 403),
        (b"organization=2&csrfmiddlewaretoken=TOKEN", {"HTTP_SEC_FETCH_SITE": "cross-site"}, 403),
        (b"organization=2&csrfmiddlewaretoken=TOKEN", {"HTTP_ORIGIN": "http://evil.example"}, 403),
        (b"organization=2&csrfmiddlewaretoken=TOKEN", {"HTTP_COOKIE": ""}, 403),
    ],
)
def test_the_organization_is_not_switched(
    host: Host, body: bytes, environ: dict[str, str], status: int
) -> None:
    """Without a token, from elsewhere, in another browser, to a foreign organization."""
    token = page_token(host).encode()
    assert host.ask("/s/x/ebuio_setOrga", "POST", body.replace(b"TOKEN", token), **environ).status == status
    assert "plugit-x" not in host.cookies


def test_the_token_may_come_as_a_header(host: Host) -> None:
    """As scripts send it."""
    token = page_token(host)
    answer = host.ask("/s/x/ebuio_setOrga", "POST", b"organization=2", HTTP_X_CSRFTOKEN=token)
    assert answer.status == 303


def test_mounts_say_what_they_are(host: Host) -> None:
    """In errors of configuration, and in the log."""
    assert repr(MountedAssets()) == "the bundled layout's assets"
    assert repr(api()) == "the API"
