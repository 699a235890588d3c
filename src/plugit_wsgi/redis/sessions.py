"""The session store that workers and machines share.

1. The visitor's cookie holds a signed random id and nothing else; the values stay here.
2. An id is for one service. Without one that we have signed, a visitor gets a new one.
3. What is kept is bound to its id; to user and browser the caller has bound it (see `session`).
4. Each visit starts the lifetime anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

import webob

from ..clock import Clock
from ..session import cookie_name, format_cookie, format_ended_cookie, load_cookie
from ..wire.keys import Purpose, load_secrets
from .seal import Seal, hashed
from .server import Server

CAPACITY: Final = 8 * 1024
LIFETIME: Final = 14 * 86400.0


class RedisSessions:
    """Implements `SessionStore`. Thread-safe; opens nothing before its first use.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``, as redis-py reads it.
        secret_key: as of the middleware.
        namespace: of this host, where several share a Redis.
        lifetime: seconds after a visitor's last request for which values are kept.
        clock: the time; None is the machine's.

    Raises:
        ConfigError: the URL or the secret is none.
    """

    capacity = CAPACITY

    def __init__(
        self,
        url: str,
        secret_key: str | Sequence[str],
        *,
        namespace: str = "plugit",
        lifetime: float = LIFETIME,
        clock: Clock | None = None,
    ) -> None:
        self._server = Server(url, "sessions", clock)
        self._seal = Seal(secret_key, Purpose.REDIS_SESSION)
        self._keys = load_secrets(secret_key).derived(Purpose.REDIS_SESSION_ID)
        self._namespace = namespace
        self._milliseconds = max(1, int(lifetime * 1000))

    def load(self, request: webob.Request, service: str, *, secure: bool) -> bytes | None:
        """See `SessionStore.load`; None as well if Redis does not answer in time, or with nonsense."""
        session_id = self._session_id(request, service, secure)
        if session_id is None:
            return None
        name = self._name(service, session_id)
        replies = self._server.ask(("GET", name), ("PEXPIRE", name, self._milliseconds))
        return self._seal.open(name, replies[0]) if replies else None

    def store(
        self, request: webob.Request, service: str, content: bytes, *, path: str, secure: bool
    ) -> Sequence[str]:
        """See `SessionStore.store`; no cookie, and nothing kept, if Redis does not take it."""
        session_id = self._session_id(request, service, secure) or secrets.token_bytes(16)
        name = self._name(service, session_id)
        sealed = self._seal.close(name, content)
        if self._server.ask(("SET", name, sealed, "PX", self._milliseconds)) is None:
            return []
        token = self._keys.sign(session_id, Purpose.SERVICE_SESSION.of(service))
        return [format_cookie(cookie_name(service, secure), token, path=path, secure=secure)]

    def forget(self, request: webob.Request, service: str, *, path: str, secure: bool) -> Sequence[str]:
        """See `SessionStore.forget`; the cookie ends in any case."""
        session_id = self._session_id(request, service, secure)
        if session_id is not None:
            self._server.ask(("DEL", self._name(service, session_id)))
        return [format_ended_cookie(cookie_name(service, secure), path=path, secure=secure)]

    def close(self) -> None:
        """Gives the connections back to the system."""
        self._server.close()

    def _session_id(self, request: webob.Request, service: str, secure: bool) -> bytes | None:
        return load_cookie(
            request, cookie_name(service, secure), self._keys, Purpose.SERVICE_SESSION.of(service)
        )

    def _name(self, service: str, session_id: bytes) -> str:
        # Hashed: a list of the keys of Redis is not a list of ids.
        return f"{self._namespace}:session:{hashed([service, session_id.hex()])}"
