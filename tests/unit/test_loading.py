"""Rooms that are chosen by name."""

from __future__ import annotations

import socket

import pytest

from plugit_wsgi.clock import SystemClock
from plugit_wsgi.config import Limits, Service
from plugit_wsgi.loading import make_engine, make_transport
from plugit_wsgi.templates.django import DjangoTemplates
from plugit_wsgi.transport.requests import RequestsTransport


def test_the_transport_that_a_service_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens nothing before its first call."""
    opened: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: opened.append(address))
    transport = make_transport(Service("x", "http://127.0.0.1:9"), Limits(), SystemClock(), 8)
    assert isinstance(transport, RequestsTransport)
    transport.close()
    assert opened == []


def test_the_engine_of_a_template_language() -> None:
    """Django's is the protocol's."""
    engine = make_engine("django", Limits(rendered_size=1000))
    assert isinstance(engine, DjangoTemplates)
    engine.compile("{{ a }}", template_tag="t", menu_action="menubar")


def test_a_language_that_nobody_speaks() -> None:
    """Is a mistake of ours, not of a setting."""
    with pytest.raises(KeyError):
        make_engine("cobol", Limits())
