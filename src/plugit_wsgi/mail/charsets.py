"""Bytes of a mail as text, whatever they say that they are."""

from __future__ import annotations

import codecs
import re
from typing import Final

_WIDER: Final = {"iso8859-1": "cp1252", "ascii": "", "gb2312": "gb18030", "gbk": "gb18030"}
"""What is written under a name is often of the wider set that holds it; "" is to be found out."""
_NOT_OF_MAIL: Final = frozenset(
    {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs"}
)
"""Codecs of Python that are no character sets, some of them slow on purpose."""
_HALVES: Final = re.compile("[\ud800-\udfff]")
"""UTF-7 can say half of a character, which cannot be written any more."""


def decode_text(raw: bytes, charset: str) -> str:
    """Text out of bytes; none is lost, what is wrong becomes U+FFFD.

    Args:
        raw: of a text part.
        charset: as the part names it; "" or an unknown one is UTF-8 if it can be, else Windows-1252.
    """
    name = _known(charset)
    if name:
        return _HALVES.sub("\N{REPLACEMENT CHARACTER}", raw.decode(name, "replace"))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _known(charset: str) -> str:
    try:
        name = codecs.lookup(charset.strip()).name if charset else ""
        b"a".decode(name or "ascii", "replace")  # refuses what is no encoding of text
    except (LookupError, ValueError):
        return ""
    return "" if name.replace("-", "_") in _NOT_OF_MAIL else _WIDER.get(name, name)
