"""Values of headers: UTF-8 on the wire, one line each (protocol section 3)."""

from __future__ import annotations

import re

from ..errors import WireError

_FORBIDDEN = re.compile(r"[\r\n\0]")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def encode_value(name: str, value: object) -> str:
    """`value` as the native string WSGI wants: the bytes of its UTF-8.

    Raises:
        WireError: it holds CR, LF or NUL, which would make another header of it, or is not UTF-8.
    """
    text = str(value)
    if _FORBIDDEN.search(text):
        raise WireError(f"header {name}: CR, LF and NUL cannot be sent", field=name, received=text[:80])
    try:
        return text.encode("utf-8").decode("latin-1")
    except UnicodeEncodeError as error:
        raise WireError(f"header {name}: not UTF-8", field=name, received=text[:80]) from error


def check_name(name: str) -> str:
    """`name`, if it can be the name of a header.

    Raises:
        WireError: it holds other characters than those of a name (RFC 9110, section 5.6.2).
    """
    if not _TOKEN.fullmatch(name):
        raise WireError("not the name of a header", field="header name", received=name[:80])
    return name


def decode_value(value: str) -> str:
    """The reverse of `encode_value`; bytes that are not UTF-8 stay as they are."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
