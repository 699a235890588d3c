from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from plugit_wsgi import PlugItMiddleware, Service
from plugit_wsgi.clock import SystemClock
from plugit_wsgi.config import Limits
from plugit_wsgi.errors import ConfigError, ServiceTimeout, ServiceUnreachable
from plugit_wsgi.testing.toxic import ToxicServer, ok
from plugit_wsgi.testing.transport_contract import (
    SHORT,
    SLACK,
    MakeTransport,
    TransportContract,
    ask,
    lasting,
    open_descriptors,
)
from plugit_wsgi.transport import curl
from plugit_wsgi.transport.curl import CurlTransport
from plugit_wsgi.transport.lines import Line
from plugit_wsgi.transport.trust import Trust


class TestContract(TransportContract):
    @pytest.fixture
    def make_transport(self) -> MakeTransport:
        return lambda url, **named: CurlTransport(url, clock=SystemClock(), **named)


def transport_to(url: str, **named: Any) -> CurlTransport:
    return CurlTransport(url, limits=Limits(), clock=SystemClock(), **named)


def resolving_to(*addresses: str) -> Callable[..., Any]:
    def getaddrinfo(_host: str, port: int, **_: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return getaddrinfo


def test_names_are_resolved_by_us(monkeypatch: pytest.MonkeyPatch) -> None:
    """libcurl is told the addresses, all of them, and asks nobody."""
    monkeypatch.setattr(socket, "getaddrinfo", resolving_to("127.0.0.9", "127.0.0.1"))
    with ToxicServer() as toxic:
        transport = transport_to(f"http://service.example:{toxic.port}")
        assert transport.send(ask()).read(10) == b"ok"
        assert dict(toxic.requests[0].headers)[b"host"] == b"service.example:%d" % toxic.port
        transport.close()


def test_a_name_without_addresses_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the system would know one."""
    monkeypatch.setattr(socket, "getaddrinfo", resolving_to())
    with ToxicServer() as toxic:
        with pytest.raises(ServiceUnreachable):
            transport_to(f"http://localhost:{toxic.port}").send(ask())
        assert toxic.connections == 0


def test_a_hanging_name_costs_the_connect_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolving is part of connecting."""
    known = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: known.wait(5) and [])
    transport = transport_to("http://service.example")
    with lasting(SHORT - 0.01, SHORT + SLACK), pytest.raises(ServiceTimeout):
        transport.send(ask(connect=SHORT))
    known.set()


def test_lines_are_connected_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not connected any more is kept for the next connection, and closed in the end."""
    made: list[Line] = []

    def make(*given: Any) -> Line:
        made.append(Line(*given))
        return made[-1]

    monkeypatch.setattr(curl, "Line", make)
    before = open_descriptors()
    with ToxicServer() as toxic:
        transport = transport_to(toxic.url, pool_size=2)
        for _ in range(5):
            transport.send(ask("POST")).read(10)
        assert (toxic.connections, len(made)) == (5, 1)
        answers = [transport.send(ask()) for _ in range(8)]
        assert [answer.read(10) for answer in answers] == [b"ok"] * 8
        assert len(transport._of_this_process()._lines) == 2
        answer = transport.send(ask())
        transport.close()
        assert answer.read(10) == b"ok"
    assert open_descriptors() == before


def test_a_child_leaves_its_parents_tls_alone() -> None:
    """A forked process that closes what it has inherited says nothing on the parent's connection."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with (
        authority.cert_pem.tempfile() as path,
        ToxicServer(lambda request: [ok(b"%d" % request.connection)], tls=tls) as toxic,
    ):
        transport = transport_to(toxic.url, trust=Trust(file=path))
        assert transport.send(ask()).read(10) == b"0"
        child = os.fork()
        if child == 0:
            answer = transport.send(ask()).read(10)
            transport.close()
            os._exit(0 if answer == b"1" else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert transport.send(ask()).read(10) == b"0"
        transport.close()


@pytest.mark.parametrize(
    ("module", "asked", "name"),
    [
        ("gevent.monkey", "is_module_patched", "gevent"),
        ("eventlet.patcher", "is_monkey_patched", "eventlet"),
    ],
)
def test_patched_sockets_are_refused(
    monkeypatch: pytest.MonkeyPatch, module: str, asked: str, name: str
) -> None:
    """At start; where nothing is patched, having such a library means nothing."""
    patched: list[str] = []
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{asked: patched.__contains__}))
    service = Service("x", "http://127.0.0.1:9", transport="curl")
    PlugItMiddleware(_host, [service], "a secret that is long enough, says the test").close()
    patched.append("socket")
    with pytest.raises(ConfigError, match=f"'curl', expected 'requests', since {name}"):
        PlugItMiddleware(_host, [service], "a secret that is long enough, says the test")


@pytest.mark.parametrize("pycurl", [None, SimpleNamespace(Curl=object)], ids=["missing", "too old"])
def test_without_pycurl_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, pycurl: Any) -> None:
    """At start, with what to type."""
    monkeypatch.setitem(sys.modules, "pycurl", pycurl)
    for module in ("curl", "lines"):
        monkeypatch.delitem(sys.modules, f"plugit_wsgi.transport.{module}")
    service = Service("x", "http://127.0.0.1:9", transport="curl")
    with pytest.raises(ConfigError, match=r"Service\('x'\)\.transport.*plugit-wsgi\[curl\]"):
        PlugItMiddleware(_host, [service], "a secret that is long enough, says the test")


def _host(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return []
