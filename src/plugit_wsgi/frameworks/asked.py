"""What a host is asked while one of its services is visited, and the cookies that it sets meanwhile.

1. The host is asked as by a GET of the visited page, without body, conditions and ``X-Plugit-*``.
2. A cookie that it sets is seen by whatever it is asked next, and goes out with the answer: the last one of
   each name, and only with an answer that no shared cache may keep.
3. A request that no mount matches reaches the host with its own environ and start_response, and no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from ..layout.captured import inner_environ
from ..middleware import PlugItMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_JAR: Final = "plugit_wsgi.host_cookies"
_ENDED = re.compile(r'[^=]*="?"?\s*(;|$)|.*;\s*max-age=(0+|-\d+)\s*(;|$)', re.IGNORECASE)
_PRIVATE = re.compile(r"\b(private|no-store)\b", re.IGNORECASE)


class AskedHost:
    """A host with services in it, as a WSGI application. Thread-safe.

    Args:
        host_app: the host.
        build: makes the middleware around a host.

    Attributes:
        middleware: what `build` made.
    """

    def __init__(
        self, host_app: WSGIApplication, build: Callable[[WSGIApplication], PlugItMiddleware]
    ) -> None:
        self._host_app = host_app
        self.middleware = build(self._pass)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI (PEP 3333)."""
        jar = environ[_JAR] = {}
        return self.middleware(environ, _Start(start_response, jar))

    def close(self) -> None:
        """As of `PlugItMiddleware`."""
        self.middleware.close()

    def _pass(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.pop(_JAR, None)
        inner = start_response.start_response if isinstance(start_response, _Start) else start_response
        return self._host_app(environ, inner)


class _Start:
    """A start_response that adds what the host has set. One per request."""

    def __init__(self, start_response: StartResponse, jar: dict[str, str]) -> None:
        self.start_response = start_response
        self._jar = jar

    def __call__(self, status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
        said = ",".join(value for name, value in headers if name.lower() == "cache-control")
        more = self._jar.values() if _PRIVATE.search(said) else ()
        return self.start_response(status, [*headers, *(("Set-Cookie", line) for line in more)], *error)


def asked_environ(environ: WSGIEnvironment) -> WSGIEnvironment:
    """The environ that the host is asked with; a copy."""
    asked = inner_environ(environ, environ.get("PATH_INFO", ""))
    asked["QUERY_STRING"] = environ.get("QUERY_STRING", "")
    jar = environ.get(_JAR)
    if jar:
        asked["HTTP_COOKIE"] = _with_cookies(environ.get("HTTP_COOKIE", ""), jar)
    return asked


def keep_cookies(environ: WSGIEnvironment, lines: Iterable[str]) -> None:
    """Keeps Set-Cookie values of the host until the answer goes out.

    Args:
        environ: of the visitor's request, or a copy.
        lines: in the order in which they were set.
    """
    jar = environ.setdefault(_JAR, {})
    for line in lines:
        name = line.partition("=")[0]
        jar.pop(name, None)
        jar[name] = line


def _with_cookies(header: str, jar: dict[str, str]) -> str:
    given = [part.strip() for part in header.split(";")]
    kept = [part for part in given if part and part.partition("=")[0] not in jar]
    new = [line.partition(";")[0] for line in jar.values() if not _ENDED.match(line)]
    return "; ".join([*kept, *new])
