"""What cannot pass, on raw sockets: WebSockets and answers without an end."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from plugit_wsgi import Limits, PlugItMiddleware, Service
from plugit_wsgi.config import Mode
from plugit_wsgi.testing.scripts import Drip, Received, Script, ToxicServer, ok
from tests.support import planted

PAGE = 0.6
HANDSHAKE = (
    "Connection: keep-alive, Upgrade",
    "Upgrade: {}",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nEbuIo-PlugIt-NoTemplate: 1\r\n\r\n"


def site(environ: Any, start_response: Any) -> list[bytes]:
    """The host says which protocol it was asked for."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the host got " + environ.get("HTTP_UPGRADE", "nothing").encode()]


def respond(request: Received) -> Script:
    """An event every 20 ms, for ever; or a meta."""
    if b"/meta/" in request.target:
        return [ok(b'{"template_tag": "", "json_only": true}')]
    return [STREAM, Drip(b"data: 1\n\n" * 1000, 0.02)]


@pytest.fixture
def toxic() -> Iterator[ToxicServer]:
    """The service."""
    with ToxicServer(respond) as found:
        yield found


@pytest.fixture
def ask(serve: Callable[[Any], str], toxic: ToxicServer) -> Iterator[Callable[..., bytes]]:
    """`ask(mode, path, *lines)` sends a GET to a host with the service, and gives all that comes back."""
    made: list[PlugItMiddleware] = []

    def send(mode: Mode, path: str, *lines: str) -> bytes:
        service = Service("x", toxic.url, mode=mode)
        made.append(PlugItMiddleware(site, [service], planted.SECRET, limits=Limits(page=PAGE)))
        where = urlsplit(serve(made[-1]))
        with socket.create_connection((where.hostname, where.port), timeout=5) as visitor:
            head = "\r\n".join([f"GET {path} HTTP/1.1", "Host: here", *lines, "", ""])
            visitor.sendall(head.encode("ascii"))
            return b"".join(iter(lambda: visitor.recv(65536), b""))

    yield send
    for middleware in made:
        middleware.close()


@pytest.mark.parametrize("mode", ["actions", "pages"])
@pytest.mark.parametrize("protocol", ["websocket", "WebSocket", "h2c, websocket"])
def test_an_upgrade_is_refused_at_once(
    ask: Callable[..., bytes], toxic: ToxicServer, mode: str, protocol: str
) -> None:
    """501, in either mode and any spelling, and the service hears nothing of it."""
    heard = ask(mode, "/s/x/live", *(line.format(protocol) for line in HANDSHAKE))
    assert heard.startswith(b"HTTP/1.1 501 ")
    assert toxic.requests == []


def test_an_upgrade_of_the_hosts_own_is_the_hosts(ask: Callable[..., bytes]) -> None:
    """The middleware has no word in it."""
    heard = ask("pages", "/live", *(line.format("websocket") for line in HANDSHAKE))
    assert heard.startswith(b"HTTP/1.1 200 ")
    assert b"the host got websocket" in heard


@pytest.mark.parametrize("mode", ["actions", "pages"])
def test_an_answer_without_an_end_is_a_504(ask: Callable[..., bytes], mode: str) -> None:
    """At the page's deadline, in either mode; the visitor's thread is free then."""
    began = time.monotonic()
    heard = ask(mode, "/s/x/events", "Accept: text/event-stream")
    assert heard.startswith(b"HTTP/1.1 504 ")
    assert PAGE / 2 < time.monotonic() - began < 4
    assert b"data:" not in heard
