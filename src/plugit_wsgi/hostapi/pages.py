"""What the API says about itself: a page in the host's layout, and the OpenAPI document. No key is needed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import webob

from ..http import HTML, NO_STORE, NOSNIFF, Answer, origin_of, script_name_of
from ..interfaces import Identify, Layout
from ..layout import LAYOUT_HEADERS, apply_layout
from ..page import Page
from .content import describe
from .openapi import STANDALONE, make_document

DOCUMENT = "openapi.json"
TITLE = "API"
_log = logging.getLogger("plugit_wsgi")


class ApiPages:
    """The page and the document of a host. Thread-safe.

    Args:
        layout: the host's.
        bundled: ours, when the host's fails.
        identify: the host's.
        prefix: path of the middleware's own pages.
        trusted_hops: proxies in front that are believed.
        login: where to log in, with the way back; None where the host has no login.
    """

    def __init__(
        self,
        *,
        layout: Layout,
        bundled: Layout,
        identify: Identify,
        prefix: str,
        trusted_hops: int,
        login: Callable[[webob.Request], str | None],
    ) -> None:
        self._layout = layout
        self._bundled = bundled
        self._identify = identify
        self._prefix = prefix
        self._trusted_hops = trusted_hops
        self._login = login
        self._document = document_answer(format_document())

    def answer(self, request: webob.Request, mount: str, rest: str) -> Answer | None:
        """The answer at a path; None if that is no page of these."""
        if rest not in ("", "/", f"/{DOCUMENT}") or request.method not in ("GET", "HEAD"):
            return None
        if rest == f"/{DOCUMENT}":
            return self._document
        base = f"{script_name_of(request.environ)}{mount}/"
        if not rest:
            return Answer(status=308, headers=(("Location", base), NO_STORE))
        return self._page(request, base)

    def _page(self, request: webob.Request, base: str) -> Answer:
        origin = origin_of(request.environ, self._trusted_hops)
        root = f"{origin.scheme}://{origin.host}{base}SERVICE/"
        page = Page(
            title=TITLE,
            content=describe(root=root, document=f"{base}{DOCUMENT}", has_key=True),
            assets=f"{script_name_of(request.environ)}{self._prefix}/_assets/",
            user=self._identify(request),
            login_url=self._login(request) or "",
        )
        try:
            text = apply_layout(self._layout, page, request)
        except Exception:
            _log.exception("the layout failed on the page of the API")
            text = apply_layout(self._bundled, page, request)
        headers = (HTML, NOSNIFF, NO_STORE, *request.environ.pop(LAYOUT_HEADERS, ()))
        return Answer(status=200, headers=headers, body=text.encode("utf-8"))


def format_document(is_hosted: bool = True) -> bytes:
    """The OpenAPI document as JSON, for a host or for the development host."""
    document = make_document() if is_hosted else make_document(STANDALONE)
    return json.dumps(document, indent=1).encode("ascii")


def document_answer(document: bytes) -> Answer:
    """An answer with the document."""
    return Answer(status=200, headers=(("Content-Type", "application/json"), NOSNIFF), body=document)
