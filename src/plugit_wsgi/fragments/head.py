"""The head of a page of the host: whether it may have marks, and what it says once it has fragments.

1. Only HTML that is all there is looked at: 200, not encoded, in an encoding whose ASCII is ASCII.
2. A page with fragments is for one visitor and one moment: private, and nothing by which a copy of it, or a
   part, could be asked for again.
3. A page that other origins may read with the visitor's cookies gets no fragments.
4. So that no page is answered by 304 or 206, its conditions and ranges do not reach the host.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping, Sequence
from email.message import Message
from typing import Any

Lines = list[tuple[str, str]]

MAX_BYTES = 4 * 1024 * 1024
"""A larger page passes as it is."""
_CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_RANGE", "HTTP_IF_RANGE")
_DROPPED = re.compile(
    "etag|last-modified|content-length|accept-ranges|content-md5|digest|content-digest|repr-digest|cache-control"
    "|expires|pragma|age|surrogate-control|x-accel-expires|([a-z0-9]+-)?cdn-cache-control",
    re.IGNORECASE,
)
"""Validators, and what caches in front take instead of Cache-Control."""
_ASCII_BASED = re.compile(r"utf-8|ascii|iso8859-\d+|cp125\d|koi8-[ru]|mac-roman")
_PAGES = frozenset(("document", "iframe", "frame", "object", "embed", "fencedframe", "empty", ""))
"""What Sec-Fetch-Dest says of requests that a page may be the answer to."""
_FILE = re.compile(r"\.(?!(?:x?html?|php|aspx?|jsp|cgi|do)\Z)[a-z0-9]{1,5}\Z", re.IGNORECASE)


def encoding_of(status: str, headers: Iterable[tuple[str, str]]) -> str | None:
    """The encoding to write fragments in; None if the answer is not looked at."""
    fields = {name.lower(): value.strip() for name, value in headers}
    if status[:3] != "200" or fields.get("content-encoding", "identity").lower() != "identity":
        return None
    if fields.get("access-control-allow-credentials", "").lower() == "true":
        return None
    if fields.get("content-disposition", "").lower().startswith("attachment"):
        return None
    length = fields.get("content-length", "0")
    if not length.isdigit() or int(length) > MAX_BYTES:
        return None
    kind = Message()
    kind["Content-Type"] = fields.get("content-type", "")
    if kind.get_content_type() != "text/html" or not fields.get("content-type"):
        return None
    # Without a charset, ASCII is right whatever the page turns out to be.
    return _known(str(kind.get_param("charset", "ascii")))


def _known(charset: str) -> str | None:
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        return None
    return name if _ASCII_BASED.fullmatch(name) else None


def personal(headers: Sequence[tuple[str, str]]) -> Lines:
    """The headers of a page with fragments, or of one that may have them; without its length."""
    said = ",".join(value.lower() for name, value in headers if name.lower() == "cache-control")
    kept = [item for item in headers if not _DROPPED.fullmatch(item[0])]
    return [*kept, ("Cache-Control", "private, no-store" if "no-store" in said else "private, no-cache")]


def unconditional(environ: dict[str, Any]) -> dict[str, Any]:
    """The request without conditions and ranges, if a page may be the answer; else, and without any, itself.

    Scripts, pictures and films keep theirs: a host answers those with 304 and 206.
    """
    if not any(key in environ for key in _CONDITIONS) or not _may_be_page(environ):
        return environ
    return {key: value for key, value in environ.items() if key not in _CONDITIONS}


def _may_be_page(environ: Mapping[str, Any]) -> bool:
    dest = environ.get("HTTP_SEC_FETCH_DEST", "")
    accept = str(environ.get("HTTP_ACCEPT", "")).lower()
    if dest not in _PAGES:
        return False
    if "html" in accept:
        return True
    if accept not in ("", "*/*"):
        return "text/*" in accept
    return _FILE.search(str(environ.get("PATH_INFO", ""))) is None
