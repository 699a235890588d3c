"""Content types of services: one strict grammar, one table of how a browser may show them.

1. A visitor gets one media type, written by us: what is not one type is bytes without a meaning.
2. What could run scripts when a browser opens it by itself has an origin of its own (CSP ``sandbox``).
3. What is not known to be harmless is not shown at all: it is saved.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final


class Showing(Enum):
    """How a browser may show an answer that it opens by itself.

    Scripts, style sheets, images and fonts of a page are not affected: browsers show them as what they are.
    """

    INLINE = "as it is"
    SANDBOX = "without scripts and in an origin of its own"
    ATTACHMENT = "not at all: it is saved"


BYTES: Final = "application/octet-stream"
HTML_TYPE: Final = "text/html"

_SHOWN: Final[dict[Showing, dict[str, tuple[str, ...]]]] = {
    Showing.INLINE: {
        "text": (
            "plain", "css", "csv", "tab-separated-values", "markdown", "calendar", "vtt", "event-stream",
            "javascript", "ecmascript", "x-javascript", "json",
        ),
        "application": (
            "json", "*+json", "javascript", "ecmascript", "x-javascript", "wasm", "pdf", "ogg", "mp4",
            "vnd.apple.mpegurl", "x-mpegurl", "vnd.ms-fontobject", "font-woff", "font-woff2", "font-sfnt",
            "x-font-woff", "x-font-ttf", "x-font-truetype", "x-font-otf", "x-font-opentype",
        ),
        "image": (
            "png", "apng", "jpeg", "jpg", "pjpeg", "jxl", "gif", "webp", "avif", "heic", "heif", "bmp",
            "x-ms-bmp",
            "tiff", "x-icon", "vnd.microsoft.icon",
        ),
        "audio": ("*",),
        "video": ("*",),
        "font": ("*",),
    },
    Showing.SANDBOX: {
        "text": ("html", "xml", "xsl"),
        "application": ("xml",),
        "*": ("*+xml",),
    },
}  # fmt: skip
"""Type -> subtypes; what is in none of them is an attachment."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[^"\\]|\\.)*("?)'
"""To its end, or to that of the text if it has none: tried once for each text, never again from within."""
_ESSENCE = re.compile(rf"({_TOKEN}/{_TOKEN})[ \t]*(?=;|$)")
_PIECE = re.compile(rf';(?:{_QUOTED}|[^;"])*')
_PARAMETER = re.compile(rf'({_TOKEN})=({_TOKEN}|"[^",\\\x00-\x08\x0a-\x1f\x7f-\U0010ffff]*")')


def rebuilt_type(content_type: str) -> str:
    """One media type in the spelling of RFC 9110 section 8.3.1; `BYTES` for what is not one.

    A comma starts another type, which browsers prefer to the first one. A parameter that cannot be read, or
    has a comma in quotes, is left out.
    """
    text = content_type.strip(" \t")
    found = _ESSENCE.match(text)
    if found is None or "," in re.sub(_QUOTED, _if_open, text):
        return BYTES
    parameters: dict[str, str] = {}
    for piece in _PIECE.finditer(text, found.end()):
        parameter = _PARAMETER.fullmatch(piece.group()[1:].strip(" \t"))
        if parameter is not None:
            parameters.setdefault(parameter.group(1).lower(), parameter.group(2))
    return "; ".join([found.group(1).lower(), *(f"{name}={value}" for name, value in parameters.items())])


def _if_open(quoted: re.Match[str]) -> str:
    return "" if quoted.group(1) else quoted.group()


def essence_of(media_type: str) -> str:
    """Type and subtype of a rebuilt type, without its parameters."""
    return media_type.partition(";")[0]


def showing(media_type: str) -> Showing:
    """How a browser may show a rebuilt type."""
    kind, _, subtype = essence_of(media_type).partition("/")
    suffix = "*+" + subtype.rpartition("+")[2] if "+" in subtype else subtype
    for answer in (Showing.SANDBOX, Showing.INLINE):
        table = _SHOWN[answer]
        known = (*table.get(kind, ()), *table.get("*", ()))
        if subtype in known or suffix in known or "*" in known:
            return answer
    return Showing.ATTACHMENT
