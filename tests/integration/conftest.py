"""A host with services on real sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

import pytest
import webob
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import Client

from plugit_wsgi import Organization, PlugItMiddleware, Service, User
from plugit_wsgi.people import Membership
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.fake_service import FakeService
from tests.support import planted

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SECRET = planted.SECRET
EBU = Organization("1", "EBU", "zzebu")
RTS = Organization("2", "RTS", "chrts")
PEOPLE = {
    "anna": User("7", "anna", "Anna", "Ä", "anna@example.org"),
    "olga": User("6", "olga", "Olga", "O", "olga@example.org"),
    "max": User("8", "max", "Max", "M", "max@example.org", member=True),
    "root": User("9", "root", "Ro", "Ot", "root@example.org", member=True, admin=True),
    "org": User("10", "org", memberships=(Membership(EBU, admin=True), Membership(RTS))),
}


def identify(request: webob.Request) -> User | None:
    """Who the test says is asking."""
    return PEOPLE.get(request.headers.get("X-Test-User", ""))


def host_app(environ: Any, start_response: Any) -> list[bytes]:
    """A host that says what it got."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the host at " + environ["PATH_INFO"].encode("latin-1")]


class Host:
    """A middleware under test, inside wsgiref.validate, and a visitor with a cookie jar."""

    def __init__(self, middleware: PlugItMiddleware) -> None:
        self.middleware = middleware
        self.app: WSGIApplication = validator(middleware)

    def clear_cache(self) -> None:
        """As if nothing had been kept."""
        self.middleware._clients[0]._metas._cache._cache._entries.clear()  # type: ignore[attr-defined]

    def visitor(self, name: str = "") -> Visitor:
        """A visitor, logged in as `name`."""
        return Visitor(self.app, name)


class Visitor:
    """Somebody with a browser of their own."""

    def __init__(self, app: WSGIApplication, name: str) -> None:
        self._client = Client(app)
        self._name = name

    def open(self, path: str, **options: Any) -> Any:
        """One request; its response is read to the end and closed."""
        headers = {"X-Test-User": self._name, **options.pop("headers", {})}
        response = self._client.open(path, headers=headers, **options)
        planted.check(response.get_data(), path)
        planted.check(repr(response.headers), path)
        response.close()
        return response

    def get(self, path: str, **options: Any) -> Any:
        """A GET."""
        return self.open(path, method="GET", **options)

    def post(self, path: str, **options: Any) -> Any:
        """A POST."""
        return self.open(path, method="POST", **options)

    def token(self, path: str) -> str:
        """The CSRF token that a page sets as a cookie."""
        self.get(path)
        token = self.cookie("csrftoken", "/".join(path.split("/")[:3]) + "/")
        assert token is not None, "the page set no csrftoken"
        return token

    def set_cookie(self, name: str, value: str) -> None:
        """A cookie for all of the site."""
        self._client.set_cookie(name, value)

    def cookie(self, name: str, path: str = "/") -> str | None:
        """A cookie's value."""
        found = self._client.get_cookie(name, path=path)
        return None if found is None else str(found.value)

    def carry(self, name: str, value: str | None, path: str = "/") -> None:
        """Puts a cookie into the browser, wherever it comes from."""
        assert value
        self._client.set_cookie(name, value, path=path)


@pytest.fixture
def service() -> FakeService:
    """A service that is told what to answer."""
    return FakeService()


@pytest.fixture
def clock() -> FakeClock:
    """Time for those tests that turn it."""
    return FakeClock()


MakeHost = Callable[..., Host]


@pytest.fixture
def make_host(serve: Callable[[Any], str], service: FakeService) -> Iterator[MakeHost]:
    """`make_host(...)` mounts the service on /s/x/; more arguments are the middleware's, or the service's."""
    made: list[PlugItMiddleware] = []

    def make(
        *,
        app: Any = host_app,
        also: tuple[Service, ...] = (),
        of_service: Any = None,
        url: str = "",
        **options: Any,
    ) -> Host:
        mounted = Service("x", url or serve(service), **(of_service or {}))
        options.setdefault("identify", identify)
        middleware = PlugItMiddleware(app, services=[mounted, *also], secret_key=SECRET, **options)
        made.append(middleware)
        return Host(middleware)

    yield make
    for middleware in made:
        middleware.close()


@pytest.fixture
def unjudged(service: FakeService) -> Iterator[str]:
    """The service on a server without wsgiref.validate: Werkzeug's does not close the answer of an
    application whose client resets the connection, and the validator would blame the application.
    """
    server = make_server("127.0.0.1", 0, service, threaded=True, request_handler=Silent)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def broken_service() -> Iterator[Callable[[str], str]]:
    """`broken_service(kind)` serves one JSON action at /a whose body breaks: "cut", "stall" or "large"."""
    meta = b'{"template_tag": "", "json_only": true}'
    ends = {"cut": b'{"a":', "stall": b'{"a":', "large": b"x" * 4000}
    listener = socket.create_server(("127.0.0.1", 0))
    kinds: list[str] = []

    def answer(connection: socket.socket) -> None:
        with connection:
            request = connection.recv(65536)
            if b"GET /meta/" in request:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(meta), meta))
                return
            length = 4000 if kinds[0] == "large" else 900
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (length, ends[kinds[0]]))
            if kinds[0] == "stall":
                connection.settimeout(3)
                with suppress(OSError):
                    connection.recv(1)

    def run() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def start(kind: str) -> str:
        kinds.append(kind)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


class Silent(WSGIRequestHandler):
    """Logs nothing."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def host(make_host: MakeHost) -> Host:
    """The plain host."""
    return make_host()
