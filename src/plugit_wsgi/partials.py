"""Partial pages: a script of a page gets the content alone, to put it where it likes.

1. Whoever navigates gets a whole page: a browser, but also a script that does it in the browser's place.
2. What the choice depends on is named by ``Vary``, on both forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import webob
from markupsafe import Markup

from .page import Page

PARTIAL_VARY: Final = (
    "Vary",
    "HX-Request, HX-Boosted, HX-History-Restore-Request, Turbo-Frame, X-Turbo-Request-Id,"
    " X-Requested-With, Sec-Fetch-Dest, Sec-Purpose, Accept",
)
HX_REDIRECT: Final = "HX-Redirect"
"""Header by which htmx leaves the page, instead of showing the other one in it."""
_TITLE: Final = Markup("<title>{}</title>\n")


def is_htmx(environ: Mapping[str, Any]) -> bool:
    """A request of htmx."""
    return environ.get("HTTP_HX_REQUEST") == "true"


def wants_partial(environ: Mapping[str, Any]) -> bool:
    """The answer is to be put into a page that is there already.

    htmx and Turbo say what they want (https://htmx.org/reference/#request_headers). Of other scripts, those
    that ask as a browser does when it navigates, for XHTML as well, show what they get as a page.
    """
    if "true" in (environ.get("HTTP_HX_BOOSTED"), environ.get("HTTP_HX_HISTORY_RESTORE_REQUEST")):
        return False
    if is_htmx(environ) or environ.get("HTTP_TURBO_FRAME"):
        return True
    if environ.get("HTTP_X_TURBO_REQUEST_ID"):
        return False
    if str(environ.get("HTTP_X_REQUESTED_WITH", "")).lower() == "xmlhttprequest":
        return True
    navigates = "application/xhtml+xml" in str(environ.get("HTTP_ACCEPT", "")).lower()
    is_prefetch = "HTTP_SEC_PURPOSE" in environ
    return environ.get("HTTP_SEC_FETCH_DEST") == "empty" and not navigates and not is_prefetch


def partial_layout(page: Page, request: webob.Request) -> str:
    """The content; htmx takes the title of the page from a ``<title>`` in front of it."""
    has_title = bool(page.title) and is_htmx(request.environ)
    return f"{_TITLE.format(page.title) if has_title else ''}{page.content}"
