"""Whether a page of the host may be kept, how long, and for whom: its own cache headers say so (RFC 9111).

1. A page is kept for one visitor: all text that the host was told is in the key, but for what changes from
   request to request. A page that varies by that is not kept.
2. What sets a cookie is not kept, nor what names no ``max-age``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

_OF_ONE_REQUEST: Final = frozenset(
    {
        "HTTP_REFERER",
        "HTTP_CACHE_CONTROL",
        "HTTP_PRAGMA",
        "HTTP_PRIORITY",
        "HTTP_SEC_PURPOSE",
        "HTTP_TRACEPARENT",
        "HTTP_TRACESTATE",
        "HTTP_UPGRADE_INSECURE_REQUESTS",
        "HTTP_X_CSRFTOKEN",
        "HTTP_X_REQUEST_ID",
        "REMOTE_PORT",
        "REQUEST_ID",
        "UNIQUE_ID",
    }
)


def visitor_key(environ: Mapping[str, Any]) -> str:
    """What is the same for requests that only one visitor can send: a digest.

    The whole Cookie header is in it, the address, the languages, whatever a proxy in front or the server says
    of the visitor. Names with a dot are those of servers and libraries, which make theirs of the others.

    Args:
        environ: of the request to the host, before the host has seen it.
    """
    told = [
        (name, value)
        for name, value in environ.items()
        if isinstance(value, str) and name not in _OF_ONE_REQUEST and _is_told(name)
    ]
    return hashlib.blake2b(ascii(sorted(told)).encode("ascii"), digest_size=32).hexdigest()


def _is_told(name: str) -> bool:
    return "." not in name or name == "wsgi.url_scheme"


def wants_fresh(environ: Mapping[str, Any]) -> bool:
    """The visitor has reloaded the page without any cache."""
    return "no-cache" in str(environ.get("HTTP_CACHE_CONTROL", "")).lower()


def seconds_to_keep(headers: Iterable[tuple[str, str]]) -> float:
    """How long a page with these headers may be kept; 0 if not at all."""
    said: dict[str, list[str]] = {}
    for name, value in headers:
        said.setdefault(name.lower(), []).extend(part.strip().lower() for part in value.split(","))
    control = [part.partition("=") for part in said.get("cache-control", ())]
    if "set-cookie" in said or any(name in ("no-store", "no-cache") for name, _, _ in control):
        return 0
    varying = {"HTTP_" + name.upper().replace("-", "_") for name in said.get("vary", ())}
    if "HTTP_*" in varying or varying & _OF_ONE_REQUEST:
        return 0
    ages = [value for name, _, value in control if name == "max-age"]
    spent = said.get("age", ["0"])
    if not ages or not all(text.isascii() and text.isdigit() and len(text) < 10 for text in (*ages, *spent)):
        return 0
    return max(0, min(map(int, ages)) - max(map(int, spent)))
