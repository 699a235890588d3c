"""A layout that the host itself serves: one of its pages, with marks where a service's parts belong.

1. The host is asked with the visitor's cookies by a GET that carries nothing else of the visitor's request:
   no body, no conditions, no ranges, no encodings, no ``X-Plugit-*`` header, no query.
2. The inner request is marked; a layout asked for inside an inner request is the fallback, so none recurses.
3. What the host's cache headers let a browser keep is kept for that one visitor, see `keeping`.
4. HTML is never parsed: the page is cut at its marks, and what is put in is not searched for marks again.
5. The cookies that the host sets are passed on, whether its page could be used or not.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import webob
from markupsafe import escape

from ..clock import Clock, SystemClock
from ..errors import ConfigError
from ..interfaces import Cache, Layout
from ..page import Page
from .bootstrap import BootstrapLayout
from .capture import CaptureFailed, ask
from .complaints import Complaints
from .keeping import seconds_to_keep, visitor_key, wants_fresh
from .preview_bar import with_preview

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

LAYOUT_HEADERS: Final = "plugit_wsgi.layout_headers"
"""Environ key: a list of header lines that the answer around the page carries too."""
INNER: Final = "plugit_wsgi.inner"
"""Environ key: set on the request that a captured layout sends to the host."""

CALLER: Final = "plugit_wsgi.caller"
"""Environ key: who asks, as far as it is known; the inner request is of the same."""
STARTED: Final = "plugit_wsgi.started"
"""Environ key: when the page began, in monotonic seconds; the inner request has no time of its own."""

_MARK = re.compile("<!--plugit:(title|head|menu|content|preview)-->")
_DROPPED = frozenset(
    {
        "CONTENT_TYPE",
        "CONTENT_LENGTH",
        "HTTP_CONTENT_LENGTH",
        "HTTP_CONTENT_TYPE",
        "HTTP_RANGE",
        "HTTP_ACCEPT_ENCODING",
        "HTTP_TRANSFER_ENCODING",
        "HTTP_TE",
        "HTTP_TRAILER",
        "HTTP_EXPECT",
        "HTTP_UPGRADE",
        "HTTP_CONNECTION",
        "HTTP_ORIGIN",
        "HTTP_X_REQUESTED_WITH",
        "HTTP_TURBO_FRAME",
        "HTTP_X_TURBO_REQUEST_ID",
        "REQUEST_URI",
        "RAW_URI",
        "PATH_TRANSLATED",
        "wsgi.input_terminated",
        "wsgi.file_wrapper",
        "werkzeug.request",
    }
)
"""Left out of the inner environ. A file wrapper may give the server an object that only it can read."""
_DROPPED_PREFIXES = (
    "HTTP_IF_",
    "HTTP_HX_",
    "HTTP_SEC_FETCH_",
    "HTTP_X_PLUGIT",
    "HTTP_X_HTTP_METHOD",
    "plugit_wsgi.",
    "webob.",
    "bottle.",
)
"""The last two are what those libraries remember of the outer request."""


class CapturedLayout:
    """A page of the host as the layout. Immutable.

    The page holds ``<!--plugit:content-->``, and where it likes ``<!--plugit:title-->``,
    ``<!--plugit:head-->``, ``<!--plugit:menu-->`` and ``<!--plugit:preview-->`` (else the bar of a preview
    is in front of the content). While it cannot be used, pages go out in the fallback.

    Args:
        path: of the page in the host, below its SCRIPT_NAME, not percent-encoded, without query.
        fallback: None is the bundled layout.

    Raises:
        ConfigError: `path` is not a path.
    """

    def __init__(self, path: str, *, fallback: Layout | None = None) -> None:
        if not path.startswith("/") or "?" in path or "#" in path:
            raise ConfigError(
                "CapturedLayout.path", path, "a path of the host that starts with / and has no query"
            )
        self.path = path
        self.fallback: Layout = fallback or BootstrapLayout()

    def bind(
        self, host_app: WSGIApplication, *, clock: Clock | None = None, cache: Cache | None = None
    ) -> Layout:
        """The callable that frames pages with this page of that host. Thread-safe, if the host is.

        Args:
            host_app: the host.
            clock: None is the machine's.
            cache: keeps pages, of this process alone, as they are for one visitor; None keeps none.
        """
        return _Bound(self, host_app, clock or SystemClock(), cache)


class _Bound:
    shows_preview = True  # at its mark, or else before the content

    def __init__(
        self, layout: CapturedLayout, host_app: WSGIApplication, clock: Clock, cache: Cache | None
    ) -> None:
        self._host_app = host_app
        self._path = layout.path
        # WSGI: the bytes of the path as latin-1 text (PEP 3333).
        self._path_info = layout.path.encode("utf-8").decode("latin-1")
        self._fallback = layout.fallback
        self._complaints = Complaints(clock)
        self._cache = cache

    def __call__(self, page: Page, request: webob.Request) -> str:
        try:
            pieces = self._pieces(request.environ)
        except CaptureFailed as failure:
            self._complaints.say(
                "layout page %s of the host: %s", self._path, failure, cause=failure.__cause__
            )
            return self._fallback(with_preview(self._fallback, page), request)
        return splice(pieces, page)

    def _pieces(self, environ: dict[str, Any]) -> Sequence[str]:
        if INNER in environ:
            raise CaptureFailed("asked for inside itself")
        inner = inner_environ(environ, self._path_info)
        if self._cache is None:
            return self._asked(environ, inner)[0]
        key = ("layout", self._path, visitor_key(inner))
        kept: Sequence[str] | None = None if wants_fresh(inner) else self._cache.get(key)
        if kept is not None:
            return kept
        pieces, seconds = self._asked(environ, inner)
        if seconds:
            self._cache.set(key, pieces, seconds, sum(map(sys.getsizeof, pieces)))
        else:
            self._cache.delete(key)
        return pieces

    def _asked(self, environ: dict[str, Any], inner: dict[str, Any]) -> tuple[Sequence[str], float]:
        """The host's page, cut, and for how many seconds it may be kept."""
        answer = ask(self._host_app, inner)
        environ.setdefault(LAYOUT_HEADERS, []).extend(answer.cookies())
        return tuple(cut(answer.html())), seconds_to_keep(answer.headers)


def inner_environ(environ: dict[str, Any], path_info: str) -> dict[str, Any]:
    """The environ of the request to the host: a copy, never the visitor's own.

    Args:
        environ: of the visitor's request.
        path_info: latin-1 text, as WSGI has it.
    """
    inner = {
        key: value
        for key, value in environ.items()
        if key in (CALLER, STARTED) or (key not in _DROPPED and not key.startswith(_DROPPED_PREFIXES))
    }
    inner.update(
        {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path_info,
            "QUERY_STRING": "",
            "HTTP_ACCEPT": "text/html",
            "wsgi.input": BytesIO(),
            INNER: True,
        }
    )
    return inner


def cut(document: str) -> list[str]:
    """Cuts a page at its marks: text, name, text, name, ..., text.

    Raises:
        CaptureFailed: there is no place for the content.
    """
    pieces = _MARK.split(document)
    if "content" not in pieces[1::2]:
        raise CaptureFailed("it has no <!--plugit:content--> mark")
    return pieces


def splice(pieces: Sequence[str], page: Page) -> str:
    """Puts a page's parts into a cut page; the title is escaped, so it may stand inside ``<title>``."""
    has_place = "preview" in pieces[1::2]
    parts = {
        "title": escape(page.title or page.service),
        "head": page.head,
        "menu": page.menu,
        "content": page.content if has_place else page.preview + page.content,
        "preview": page.preview,
    }
    whole: list[str] = list(pieces)
    whole[1::2] = [parts[name] for name in pieces[1::2]]
    return "".join(whole)
