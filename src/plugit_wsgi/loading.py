"""Rooms that are chosen by name: imported when they are chosen, so importing the library costs little."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from .clock import Clock
from .config import Limits, Service
from .interfaces import TemplateEngine, Transport

_TRANSPORTS = {"requests": ("plugit_wsgi.transport.requests", "RequestsTransport")}
_ENGINES = {"django": ("plugit_wsgi.templates.django", "DjangoTemplates")}


def make_transport(service: Service, limits: Limits, clock: Clock, threads: int) -> Transport:
    """The transport that a service names; it opens nothing before its first call."""
    kind = _load(_TRANSPORTS[service.transport])
    return cast(Transport, kind(service.url, limits=limits, clock=clock, pool_size=max(1, threads)))


def make_engine(name: str, limits: Limits) -> TemplateEngine:
    """The engine of a template language."""
    return cast(TemplateEngine, _load(_ENGINES[name])(max_output=limits.rendered_size))


def _load(where: tuple[str, str]) -> Any:
    return getattr(import_module(where[0]), where[1])
