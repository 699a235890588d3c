from __future__ import annotations

import pytest

from plugit_wsgi.clock import SystemClock
from plugit_wsgi.config import Limits
from plugit_wsgi.errors import ServiceUnreachable
from plugit_wsgi.testing.toxic import ToxicServer
from plugit_wsgi.testing.transport_contract import MakeTransport, TransportContract, ask
from plugit_wsgi.transport import requests as transports
from plugit_wsgi.transport.requests import RequestsTransport


class TestContract(TransportContract):
    @pytest.fixture
    def make_transport(self) -> MakeTransport:
        return lambda url, **named: RequestsTransport(url, clock=SystemClock(), **named)


def test_what_the_libraries_raise_is_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever requests or urllib3 come up with, callers know only our errors."""
    monkeypatch.setattr(transports._Connection, "connect", _fail)
    with ToxicServer() as toxic, pytest.raises(ServiceUnreachable) as caught:
        RequestsTransport(toxic.url, limits=Limits(), clock=SystemClock()).send(ask())
    assert isinstance(caught.value.__cause__, transports.urllib3.exceptions.LocationParseError)


def _fail(*_: object) -> None:
    raise transports.urllib3.exceptions.LocationParseError("made up")
