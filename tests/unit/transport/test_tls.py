from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from plugit_wsgi.clock import SystemClock
from plugit_wsgi.config import Limits
from plugit_wsgi.errors import ServiceTimeout, ServiceUnreachable
from plugit_wsgi.testing.toxic import HANG, Close, Drip, Pause, Script, Sip, Step, ToxicServer, ok
from plugit_wsgi.testing.transport_cases import SLOW
from plugit_wsgi.testing.transport_contract import SHORT, SLACK, ask, lasting, open_descriptors
from plugit_wsgi.transport.base import KeptTransport
from plugit_wsgi.transport.curl import CurlTransport
from plugit_wsgi.transport.requests import RequestsTransport
from plugit_wsgi.transport.trust import Trust

Connect = Callable[..., KeptTransport]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture(params=[RequestsTransport, CurlTransport])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def connect(kind: Any, authority: trustme.CA) -> Iterator[Connect]:
    made = []

    def connect(url: str, *, trusting: bool = True) -> KeptTransport:
        named: dict[str, Any] = {}
        if trusting and kind is CurlTransport:
            named["trust"] = Trust(file=pem)
        elif trusting:
            named["ssl_context"] = ssl.create_default_context()
            authority.configure_trust(named["ssl_context"])
        made.append(kind(url, limits=Limits(), clock=SystemClock(), **named))
        return made[-1]

    with authority.cert_pem.tempfile() as pem:
        yield connect
    for transport in made:
        transport.close()


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(authority, "127.0.0.1", "localhost")


def test_a_trusted_service_is_asked_over_a_kept_connection(connect: Connect, tls: ssl.SSLContext) -> None:
    """TLS changes nothing for the exchange; an unsafe request still gets a fresh connection."""
    with ToxicServer(tls=tls) as toxic:
        transport = connect(toxic.url)
        for method in ("GET", "GET", "POST", "GET"):
            assert transport.send(ask(method)).read(10) == b"ok"
        assert [request.connection for request in toxic.requests] == [0, 0, 1, 1]


def test_a_large_body_passes_both_ways(connect: Connect, tls: ssl.SSLContext) -> None:
    """Records of TLS do not show."""
    body = bytes(range(256)) * 8192
    with ToxicServer(lambda request: [ok(body)], tls=tls) as toxic:
        assert connect(toxic.url).send(ask("POST", body=body)).read(len(body)) == body
        assert toxic.requests[0].length == len(body)


def test_an_unknown_authority_is_refused(connect: Connect, tls: ssl.SSLContext) -> None:
    """Without trust in its authority a certificate is worth nothing, and no request is sent."""
    with ToxicServer(tls=tls) as toxic:
        with pytest.raises(ServiceUnreachable) as caught:
            connect(toxic.url, trusting=False).send(ask())
        assert "certificate" in str(caught.value.__cause__)
        assert toxic.requests == []


def test_another_host_name_is_refused(connect: Connect, authority: trustme.CA) -> None:
    """A certificate for another host is refused."""
    with ToxicServer(tls=server_context(authority, "elsewhere.example")) as toxic:
        with pytest.raises(ServiceUnreachable):
            connect(toxic.url).send(ask())
        assert toxic.requests == []


def test_the_systems_authorities_are_trusted(
    kind: Any, authority: trustme.CA, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An authority of one's own is added as everywhere on the system, here by SSL_CERT_FILE."""
    with authority.cert_pem.tempfile() as path, ToxicServer(tls=tls) as toxic:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        transport = kind(toxic.url, limits=Limits(), clock=SystemClock())
        assert transport.send(ask()).read(10) == b"ok"
        transport.close()


@pytest.mark.parametrize(
    "greeting",
    [[HANG], [Drip(b"\x16\x03\x03\x40\x00" + bytes(500), 0.02), HANG]],
    ids=["silent", "dripping"],
)
@pytest.mark.parametrize(
    "limits", [{"seconds": SHORT}, {"connect": SHORT}], ids=["deadline", "connect limit"]
)
def test_the_handshake_ends_in_time(connect: Connect, greeting: Script, limits: dict[str, Any]) -> None:
    """A service that never finishes its handshake holds nobody, also when it drips."""
    with ToxicServer(greeting=greeting) as toxic:
        transport = connect(toxic.url.replace("http:", "https:"))
        with lasting(SHORT - 0.01, SHORT + SLACK), pytest.raises(ServiceTimeout):
            transport.send(ask(**limits))


def test_plain_text_is_no_handshake(connect: Connect) -> None:
    """A service that does not speak TLS is refused at once."""
    plain = ToxicServer(greeting=[ok(), Pause(0.1), Close()])
    with plain as toxic, lasting(0, 1.0), pytest.raises(ServiceUnreachable):
        connect(toxic.url.replace("http:", "https:")).send(ask())


def test_a_dripping_body_ends_at_the_deadline(connect: Connect, tls: ssl.SSLContext) -> None:
    """The deadline holds inside TLS as well."""
    with ToxicServer([SLOW["drips its body"]], tls=tls) as toxic:
        transport = connect(toxic.url)
        with lasting(SHORT - 0.01, SHORT + SLACK), pytest.raises(ServiceTimeout):
            transport.send(ask(seconds=SHORT)).read(1000)


@pytest.mark.parametrize("step", [HANG, Sip(16 * 1024, 0.02)], ids=["reads nothing", "sips"])
def test_sending_ends_at_the_deadline(connect: Connect, tls: ssl.SSLContext, step: Step) -> None:
    """Each record of a large body has the same deadline."""
    body = bytes(32 * 1024 * 1024)
    with ToxicServer(greeting=[step], tls=tls) as toxic:
        transport = connect(toxic.url)
        with lasting(SHORT - 0.01, SHORT + SLACK), pytest.raises(ServiceTimeout):
            transport.send(ask("POST", body=body, seconds=SHORT))


def test_no_descriptor_is_lost_by_failed_handshakes(connect: Connect, tls: ssl.SSLContext) -> None:
    """A refused certificate closes its socket."""
    with ToxicServer(tls=tls) as toxic:
        transport = connect(toxic.url, trusting=False)
        before = open_descriptors()
        for _ in range(5):
            with pytest.raises(ServiceUnreachable):
                transport.send(ask())
    assert open_descriptors() <= before


def test_stray_bytes_are_noticed(connect: Connect, tls: ssl.SSLContext) -> None:
    """Also those that are decrypted already, and wait on no socket."""
    stray: list[Step] = [ok(), Pause(0.05), ok(b"stray")]
    with ToxicServer([stray, [ok(b"second")]], tls=tls) as toxic:
        transport = connect(toxic.url)
        assert transport.send(ask()).read(10) == b"ok"
        time.sleep(0.15)
        assert transport.send(ask()).read(10) == b"second"
        assert toxic.connections == 2
