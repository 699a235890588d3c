from __future__ import annotations

import pytest

from plugit_wsgi.clock import SystemClock
from plugit_wsgi.testing.transport_contract import MakeTransport, TransportContract
from plugit_wsgi.transport.curl import CurlTransport


class TestContract(TransportContract):
    @pytest.fixture
    def make_transport(self) -> MakeTransport:
        return lambda url, **named: CurlTransport(url, clock=SystemClock(), **named)
