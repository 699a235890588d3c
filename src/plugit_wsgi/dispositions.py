"""Content-Disposition of services: read leniently, written anew (RFC 6266).

Old services send bare UTF-8, names with blanks and no quotes, or the extended name before the plain one.
Whatever comes, what leaves is one word, one ASCII name and, if that is not the whole name, one ``filename*``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import quote, unquote

UNNAMED: Final = "download"
"""The name of a file whose own name has nothing in it that may stay."""
LONGEST_NAME: Final = 120
"""Characters; a name in UTF-8 may have four bytes for each, and file systems take about 255."""

_PARAMETER = re.compile(r';\s*([^=;\s"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')
_EXTENDED = re.compile(r"(utf-8|iso-8859-1|us-ascii)'[^']*'(.*)", re.IGNORECASE)
_NOT_IN_A_NAME = re.compile(r'[<>:"|?*]')
_READ_TWICE = "%"
"""Some browsers decode it in a plain name."""


def rebuilt_disposition(value: str | None, *, as_attachment: bool) -> str | None:
    """A Content-Disposition for the visitor; None if there is nothing to say.

    Args:
        value: of the service, as latin-1 text; None if it sent none.
        as_attachment: the file is saved whatever the service says.
    """
    if value is None:
        return "attachment" if as_attachment else None
    text = _decoded(value)
    word = "inline" if text.partition(";")[0].strip().lower() == "inline" else "attachment"
    name = _name_in(text)
    return ("attachment" if as_attachment else word) + ("" if name is None else _formatted(safe_name(name)))


def safe_name(name: str) -> str:
    """A file name without folders, control and direction characters, and what Windows refuses."""
    name = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    kept = "".join(" " if unicodedata.category(char) == "Zs" else char for char in name if _is_kept(char))
    kept = _NOT_IN_A_NAME.sub("_", kept).strip(". ")
    if len(kept) > LONGEST_NAME:
        stem, dot, ending = kept.rpartition(".")
        ending = dot + ending if stem and len(ending) <= 16 else ""
        kept = kept[: LONGEST_NAME - len(ending)].rstrip(". ") + ending
    return kept or UNNAMED


def _is_kept(char: str) -> bool:
    # Controls, formats (direction, width), surrogates, private and unassigned; line and paragraph separators.
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _decoded(value: str) -> str:
    raw = value.encode("latin-1", "replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return value


def _name_in(text: str) -> str | None:
    """The extended name if one can be read, else the plain one, else None."""
    found: dict[str, str] = {}
    for key, value in _PARAMETER.findall(text):
        found.setdefault(key.lower(), value.strip())
    extended = _EXTENDED.fullmatch(found.get("filename*", ""))
    if extended is not None:
        return unquote(extended.group(2), encoding=extended.group(1))
    plain = found.get("filename")
    if plain is not None and len(plain) > 1 and plain.startswith('"') and plain.endswith('"'):
        # Other backslashes are of old browsers, which sent whole paths.
        return re.sub(r'\\(["\\])', r"\1", plain[1:-1])
    return plain


def _formatted(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    if not plain.partition(".")[0].strip():
        plain = UNNAMED + plain.strip()
    plain = safe_name(plain).replace(_READ_TWICE, "_")
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'; filename="{plain}"{extended}'
