"""Is a call of an action, or a mail, really the host's: the signed context (protocol section 7).

1. With a key, no action runs and no mail is taken without a valid context for exactly this call: method,
   path, query, body.
2. A stranger's upload is not read: everything but the body is checked first.
3. The body is hashed as received, before anything reads a form out of it, and stays off the memory.
4. A context opens an unsafe method once.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..errors import ContextExpired, ContextForeign, ContextMissing
from ..wire import context as signed
from ..wire import names
from ..wire.keys import KeyRing
from .request import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Seen = Callable[[str, float], bool]
"""``seen(token_id, expires)``: True if `token_id` was told before; else it remembers it until
`expires` (Unix time in seconds). Must be thread-safe; one store for all processes closes the gap
between them."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PATH_SAFE = "/-._~!$&'()*+,=:@"


def encode_path(path: str) -> str:
    """A path of the environ (bytes as latin-1), percent-encoded as the host sends it."""
    return quote(path.encode("latin-1"), safe=_PATH_SAFE)


class ReplayMemory:
    """The `Seen` of one process. Thread-safe.

    Holds a token until it expires: as many as the host signs in one lifetime, no more.

    Args:
        clock: Unix time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self._queue: list[tuple[float, str]] = []

    def __call__(self, token_id: str, expires: float) -> bool:
        """As `Seen`."""
        with self._lock:
            self._forget(self._clock())
            if token_id in self._known:
                return True
            self._known.add(token_id)
            heapq.heappush(self._queue, (expires, token_id))
            return False

    def __len__(self) -> int:
        with self._lock:
            return len(self._known)

    def _forget(self, now: float) -> None:
        while self._queue and self._queue[0][0] < now:
            self._known.discard(heapq.heappop(self._queue)[1])


class ContextGate:
    """Lets the host's calls in. Thread-safe.

    Args:
        keys: of this service.
        audience: the service's name; None does not compare it (keys are per name).
        base_url: where the calls are, with a slash at both ends.
        seen: remembers tokens.
        clock: Unix time in seconds.
    """

    def __init__(
        self, *, keys: KeyRing, audience: str | None, base_url: str, seen: Seen, clock: Callable[[], float]
    ) -> None:
        self._keys = keys
        self._audience = audience
        self._skipped = len(base_url) - 1
        self._seen = seen
        self._clock = clock

    def admit(self, request: Request) -> signed.SignedContext:
        """The context of a call; the request's body can still be read.

        Raises:
            ContextError: missing, forged, expired, for another call, or used before.
        """
        environ = request.environ
        token = environ.get("HTTP_X_PLUGIT_CONTEXT", "")
        if not token:
            raise ContextMissing(f"there is no {names.CONTEXT}")
        body_digest = signed.EMPTY_DIGEST
        if _has_body(environ):
            self._check_all_but_body(token, environ)
            body_digest = request.spool_body()
        context = self._verify(token, environ, body_digest)
        if context.method not in SAFE_METHODS and self._seen(context.token_id, context.expires + signed.SKEW):
            raise ContextExpired("the context was used before")
        return context

    def _check_all_but_body(self, token: str, environ: WSGIEnvironment) -> None:
        try:
            self._verify(token, environ, signed.EMPTY_DIGEST)
        except ContextForeign as error:
            if error.claim != "body":  # the body is compared last: all else is right
                raise

    def _verify(self, token: str, environ: WSGIEnvironment, body_digest: str) -> signed.SignedContext:
        return signed.verify(
            token,
            self._keys,
            audience=self._audience,
            method=environ["REQUEST_METHOD"],
            path=encode_path(environ.get("PATH_INFO", "")[self._skipped :]),
            query=environ.get("QUERY_STRING", "").encode("latin-1"),
            body_digest=body_digest,
            now=self._clock(),
        )


def _has_body(environ: WSGIEnvironment) -> bool:
    length = environ.get("CONTENT_LENGTH") or ""
    return length != "0" if length else "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
