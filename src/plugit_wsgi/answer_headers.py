"""Headers of a service's answer -> those that the visitor gets.

1. An answer that may depend on the visitor is private.
2. A type is written anew; a document that is not trusted with scripts runs none.
"""

from __future__ import annotations

from functools import lru_cache

from .dispositions import rebuilt_disposition
from .http import CORS_HEADERS, NOSNIFF, get_header
from .interfaces import Headers
from .media_types import HTML_TYPE, Showing, essence_of, rebuilt_type, showing

SANDBOX = ("Content-Security-Policy", "sandbox")


LONGEST_KEPT = 200
"""Characters of a type whose reading is kept: those of all answers of an action are the same."""


def presented(content_type: str, disposition: str | None = None, *, trusts_html: bool = False) -> Headers:
    """The type of an answer without layout, and what keeps a browser from making more of it.

    Args:
        content_type: of the service.
        disposition: of the service; None if it sent none.
        trusts_html: it keeps its scripts: of the service itself, not of files, which others may have sent it.
    """
    if disposition is None and len(content_type) <= LONGEST_KEPT:
        return _presented(content_type, trusts_html)
    return _rebuilt(content_type, disposition, trusts_html)


@lru_cache(maxsize=256)
def _presented(content_type: str, trusts_html: bool) -> Headers:
    return _rebuilt(content_type, None, trusts_html)


def _rebuilt(content_type: str, disposition: str | None, trusts_html: bool) -> Headers:
    kind = rebuilt_type(content_type)
    how = Showing.INLINE if trusts_html and essence_of(kind) == HTML_TYPE else showing(kind)
    said = rebuilt_disposition(disposition, as_attachment=how is Showing.ATTACHMENT)
    return (
        ("Content-Type", kind),
        NOSNIFF,
        *(() if how is Showing.INLINE else (SANDBOX,)),
        *((("Content-Disposition", said),) if said is not None else ()),
    )


def is_page(content_type: str) -> bool:
    """A browser shows it as HTML, with forms that a token can be for; none means HTML."""
    return not content_type or essence_of(rebuilt_type(content_type)) in (HTML_TYPE, "application/xhtml+xml")


def about_page(headers: Headers) -> Headers:
    """The headers of a service that may stand on a page in a layout.

    The layout is the host's and for this visitor. Another origin that the service allows may read it only as
    somebody without cookies would see it.
    """
    dropped = ("last-modified", "cache-control", "access-control-allow-credentials")
    return tuple(item for item in headers if item[0].lower() not in dropped)


def is_for_other_origins(headers: Headers) -> bool:
    """Pages of other origins may read the answer, so it carries no token."""
    return get_header(headers, "Access-Control-Allow-Origin") is not None


def guarded(headers: Headers, personal: bool) -> Headers:
    """The headers, with Cache-Control made private if the answer may depend on the visitor."""
    if not personal:
        return headers
    given = ",".join(value for name, value in headers if name.lower() == "cache-control") or "no-cache"
    parts = [part.strip() for part in given.split(",")]
    kept = [
        part
        for part in parts
        if part and part.lower().partition("=")[0] not in ("public", "private", "s-maxage")
    ]
    rest = [item for item in headers if item[0].lower() != "cache-control"]
    return (("Cache-Control", ", ".join(["private", *kept])), *rest)


def only_cors(headers: Headers) -> Headers:
    """The headers that tell which other origins may read the answer."""
    return tuple(item for item in headers if item[0].lower() in CORS_HEADERS)
