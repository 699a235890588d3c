"""JSON and XML that would give a reserved field to a service which reads its parameters from there.

1. JSON: the names at the top level of an object, as any decoder reads them: escapes, repeats, BOM, UTF-16.
2. XML: the names of elements, whatever their prefix, at any depth.
3. A body is taken for what it looks like, too: a service may parse it whatever its type says.
4. What could be read in two ways is refused once it could hold such a name: encodings in which ASCII bytes
   are other characters, entities that spell markup, text that begins as JSON and is none.
5. A body is searched, in pieces, before anything is parsed; only a small one that mentions a name is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import IO, Final, NoReturn

from .errors import BadRequest
from .http import is_reserved

PARSED: Final = 256 * 1024
"""Bytes of the largest body that is parsed; in a larger one, a mention is enough to refuse it."""
_PIECE = 64 * 1024
_OVERLAP = 64  # Bytes; more than the longest spelling of a mention.


def _either_spelling(letter: str) -> str:
    codes = {f"{ord(each):02x}" for each in (letter.lower(), letter.upper())}
    return rf"(?:{re.escape(letter)}|\\(?:u00|x)(?:{'|'.join(sorted(codes))}))"


_MENTION = re.compile(
    ("".join(map(_either_spelling, "ebuio")) + f"(?:{'|'.join(map(_either_spelling, '_.- ['))})").encode(),
    re.IGNORECASE,
)
_ELEMENT = re.compile(r"<(?:[^\s<>/:]+:)*(ebuio[_.-][\w.-]*)", re.IGNORECASE)
_ENTITY = re.compile(rb"<!ENTITY(\s+%)?")
_JSON_TYPE = re.compile(r".*[/+.-](?:nd)?json\d?(?:-seq)?")
_XML_TYPE = re.compile(r".*[/+]xml")
_LEADING: Final = b"\xef\xbb\xbf\xff\xfe\xc2\xa0\x85 \t\r\n\x0b\x0c"
_CHARSET = re.compile(r"charset[^=;]*=[\s\"]*([^\s;\"]*)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"'>]*)")
_CLEAR_CODING = re.compile(
    r"utf-?8|(?:us-)?ascii|utf-?(?:16|32)(?:-?[lb]e)?|iso-8859-\d+|latin-?1|(?:windows-|cp)125\d"
)
"""Encodings in which ASCII is ASCII, but for NUL bytes."""


def check_disguise(file: IO[bytes], length: int, kind: str, content_type: str) -> None:
    """Refuses a body that some service would read a reserved field from.

    Args:
        file: the body; at position 0 before and after.
        length: its bytes.
        kind: its media type, lower case.
        content_type: with its parameters.

    Raises:
        BadRequest: names the field, or what could hide one.
    """
    first = _first(file)
    is_json = first.startswith(b"{") or _JSON_TYPE.fullmatch(kind) is not None
    declared = _XML_TYPE.fullmatch(kind) is not None
    if is_json:
        _check_codings(_CHARSET.findall(content_type))
        _check_json(file, length)
    elif declared or first.startswith(b"<"):
        _check_xml(file, length, first, content_type, declared=declared)
    file.seek(0)


def _first(file: IO[bytes]) -> bytes:
    """The first piece from where something stands; parsers skip any number of blanks."""
    first = b""
    while not first and (piece := file.read(_PIECE)):
        first = piece.replace(b"\0", b"").lstrip(_LEADING)
    first = (first + file.read(_PIECE).replace(b"\0", b""))[:_PIECE]
    file.seek(0)
    return first


def _check_json(file: IO[bytes], length: int) -> None:
    found = _search(file, _MENTION)
    if found is None:
        return
    if length > PARSED:
        _refuse(found.decode("ascii"))
    try:
        value = json.loads(_read_text(file))
    except (ValueError, RecursionError):
        _refuse(found.decode("ascii"))
    for name in value if isinstance(value, dict) else ():
        if is_reserved(name.encode("utf-8", "surrogatepass")):
            _refuse(name)


def _check_xml(file: IO[bytes], length: int, first: bytes, content_type: str, *, declared: bool) -> None:
    if declared and first and not first.startswith(b"<"):
        raise BadRequest("not XML")
    if declared or first.startswith(b"<?xml"):
        _check_codings(_CHARSET.findall(content_type))
    if first.startswith(b"<?xml"):
        if b"?>" not in first:
            raise BadRequest("not XML")
        _check_codings(code.decode("latin-1") for code in _XML_ENCODING.findall(first.partition(b"?>")[0]))
    _check_entities(file)
    found = _search(file, _MENTION)
    if found is None:
        return
    if length > PARSED:
        _refuse(found.decode("ascii"))
    element = _ELEMENT.search(_read_text(file))
    if element is not None:
        _refuse(element.group(1))


def _check_entities(file: IO[bytes]) -> None:
    """An entity may spell a tag by character references or in pieces."""
    declared = _search(file, _ENTITY)
    if declared is not None and (b"%" in declared or _search(file, re.compile(rb"&#")) is not None):
        raise BadRequest("XML entity")


def _read_text(file: IO[bytes]) -> str:
    file.seek(0)
    content = file.read()
    return content.decode(json.detect_encoding(content), "replace")


def _search(file: IO[bytes], pattern: re.Pattern[bytes]) -> bytes | None:
    """The first match, NULs left out: so UTF-16 and UTF-32 of ASCII are ASCII."""
    file.seek(0)
    rest = b""
    while piece := file.read(_PIECE):
        text = (rest + piece.replace(b"\0", b"")).replace(b"\\u0000", b"")
        found = pattern.search(text)
        if found is not None:
            return found.group()
        rest = text[-_OVERLAP:]
    return None


def _check_codings(names: Iterable[str]) -> None:
    for name in names:
        if name and _CLEAR_CODING.fullmatch(name.lower()) is None:
            raise BadRequest("charset")


def _refuse(name: str) -> NoReturn:
    shown = re.sub(r"[^!-~]", "", name)[:40]
    raise BadRequest(f"reserved field {shown}")
