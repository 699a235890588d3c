"""A service that can be taken away and brought back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.support.servers import serve_in_thread

from plugit_wsgi.testing.fake_service import FakeService

TEMPLATE = """{% extends "plugIt/base-withBlocks.html" %}
{% block title %}Weather{% endblock %}
{% block content %}<h1>Weather</h1><p>Sunny, {{ degrees }} degrees.</p>{% endblock %}
"""


class Frail:
    """The weather, at one address as long as it lives. Not thread-safe."""

    def __init__(self) -> None:
        self._service = FakeService()
        self._service.action("/", template=TEMPLATE, answer={"degrees": 21})
        self._running = ExitStack()
        self.url = self._running.enter_context(serve_in_thread(self._service))

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Its port is closed meanwhile."""
        port = int(self.url.rpartition(":")[2])
        self._running.close()
        try:
            yield
        finally:
            self._running.enter_context(serve_in_thread(self._service, port))

    def close(self) -> None:
        self._running.close()
