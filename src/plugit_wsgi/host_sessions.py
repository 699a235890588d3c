"""Values of services in the host's own session.

1. Each service has one key of its own in it: text, so that any session can keep it, as JSON or otherwise.
2. Whose the values are is said in them (see `session`), also where the host's session outlives a login.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, Final

import webob

from .config import KIB

OpenSession = Callable[[webob.Request], MutableMapping[str, Any]]
SaveSession = Callable[[webob.Request, MutableMapping[str, Any]], Sequence[str]]
PREFIX: Final = "plugit/"
"""Of the keys in the host's session; what follows is the whole name of a service."""


class HostSessions:
    """Implements `SessionStore` in the host's session. As thread-safe as the host's session is.

    Args:
        open_session: gives the session of a request, an empty one for a new visitor. Called each time that
            something is read or written.
        save: keeps a session that was changed, and returns the Set-Cookie values this needs. None is for a
            session that is saved by whoever made it, such as a session middleware around this one.
        capacity: bytes for one service and visitor; less where the host's session is one cookie that all
            services share, since a browser drops one over 4096 bytes with the host's login in it.
    """

    def __init__(
        self, open_session: OpenSession, *, save: SaveSession | None = None, capacity: int = 3 * KIB
    ) -> None:
        self._open = open_session
        self._save = save
        self.capacity = capacity

    def load(self, request: webob.Request, service: str, *, secure: bool) -> bytes | None:
        """See `SessionStore.load`."""
        found = self._open(request).get(PREFIX + service)
        try:
            return found.encode("latin-1") if isinstance(found, str) else None
        except UnicodeEncodeError:
            return None

    def store(
        self, request: webob.Request, service: str, content: bytes, *, path: str, secure: bool
    ) -> Sequence[str]:
        """See `SessionStore.store`; attributes of the cookie, if any, are the host's."""
        session = self._open(request)
        session[PREFIX + service] = content.decode("latin-1")
        return self._saved(request, session)

    def forget(self, request: webob.Request, service: str, *, path: str, secure: bool) -> Sequence[str]:
        """See `SessionStore.forget`; the host's session stays."""
        session = self._open(request)
        session.pop(PREFIX + service, None)
        return self._saved(request, session)

    def _saved(self, request: webob.Request, session: MutableMapping[str, Any]) -> Sequence[str]:
        return () if self._save is None else self._save(request, session)
