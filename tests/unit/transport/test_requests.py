from __future__ import annotations

import pytest

from plugit_wsgi.clock import SystemClock
from plugit_wsgi.testing.transport_contract import MakeTransport, TransportContract
from plugit_wsgi.transport.requests import RequestsTransport


class TestContract(TransportContract):
    @pytest.fixture
    def make_transport(self) -> MakeTransport:
        return lambda url, **named: RequestsTransport(url, clock=SystemClock(), **named)
