"""What a host gives the middleware, each asked inside the host, with the host's own kind of request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import webob

from ..config import Stores
from ..host_sessions import HostSessions
from ..layout import BootstrapLayout, CapturedLayout
from ..page import Page

Ask = Callable[[webob.Request, Callable[[Any], Any]], Any]
"""Runs a question inside the host, for the request of a visitor; the question is given the host's request."""
Render = Callable[[str, Page, Any], str]
"""Renders a template of the host by its name, with a page and the host's request."""


def inside(arguments: Mapping[str, Any], ask: Ask, render: Render) -> dict[str, Any]:
    """The arguments, with identify, layout and `HostSessions` asked inside the host.

    What cannot be used stays as it is: the middleware knows what to say about it.
    """
    found = dict(arguments)
    identify, stores = found.get("identify"), found.get("stores")
    if callable(identify):
        found["identify"] = lambda request: ask(request, identify)
    found["layout"] = _layout(found.get("layout"), ask, render)
    if isinstance(stores, Stores) and isinstance(stores.sessions, HostSessions):
        found["stores"] = replace(stores, sessions=InsideSessions(stores.sessions, ask))
    return found


def _layout(layout: Any, ask: Ask, render: Render) -> Any:
    if isinstance(layout, str):
        name = layout
        return lambda page, request: ask(request, lambda asked: render(name, page, asked))
    if isinstance(layout, BootstrapLayout) or not callable(layout):
        return layout
    return lambda page, request: ask(request, lambda asked: layout(page, asked))


def captured_path(layout: Any) -> Any:
    """A layout that is the path of a page of the host is captured; any other stays as it is."""
    return CapturedLayout(layout) if isinstance(layout, str) and layout.startswith("/") else layout


class InsideSessions:
    """Implements `SessionStore` by a `HostSessions` whose functions are given the host's own request.

    As thread-safe as the host's session is. The host saves it, and its cookie, as after any other request.
    """

    def __init__(self, sessions: HostSessions, ask: Ask) -> None:
        self._sessions = sessions
        self._ask = ask
        self.capacity = sessions.capacity

    def load(self, request: webob.Request, service: str, *, secure: bool) -> bytes | None:
        """See `SessionStore.load`."""
        found: bytes | None = self._ask(
            request, lambda asked: self._sessions.load(asked, service, secure=secure)
        )
        return found

    def store(
        self, request: webob.Request, service: str, content: bytes, *, path: str, secure: bool
    ) -> Sequence[str]:
        """See `SessionStore.store`."""
        lines: Sequence[str] = self._ask(
            request,
            lambda asked: self._sessions.store(asked, service, content, path=path, secure=secure),
        )
        return lines

    def forget(self, request: webob.Request, service: str, *, path: str, secure: bool) -> Sequence[str]:
        """See `SessionStore.forget`."""
        lines: Sequence[str] = self._ask(
            request, lambda asked: self._sessions.forget(asked, service, path=path, secure=secure)
        )
        return lines
