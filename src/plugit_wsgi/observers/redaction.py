"""Texts for logs: what looks like a secret is taken out, what could break a line is quoted.

1. Over-cautious on purpose: a UUID may be somebody's key. A log line names the request, which finds the rest.
2. The time it takes is bounded: only the first `READ` characters are looked at.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

READ: Final = 1000
GONE: Final = "***"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@%+,*~-]+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NAMES: Final = (
    "password|passwd|passphrase|pwd|secret|token|credential|signature|authorization|api[_-]?key|session|csrf"
)

_VALUE: Final = r"\"[^\"]*\"?|'[^']*'?|[^\s\"',;&)]+"


def _opaque(found: re.Match[str]) -> str:
    return GONE if looks_opaque(found[0]) else found[0]


_RULES: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = (
    # A cookie header has blanks and many values: all that follows goes.
    (re.compile(r"(cookie[\"']?\s*[:=]\s*).+", re.I), rf"\1{GONE}"),
    (re.compile(r"\b(bearer|basic|digest)\s+[\w.~+/=:-]{6,}", re.I), rf"\1 {GONE}"),
    (re.compile(rf"((?:{_NAMES})[\w-]*[\"']?\s*[:=]\s*)(?:{_VALUE})", re.I), rf"\1{GONE}"),
    # The API's form for services of version 1.
    (re.compile(r"(/_api/key/)[^/\s\"'<>]+", re.I), rf"\1{GONE}"),
    # User and password before the host of a URL.
    (re.compile(r"//[^/\s\"'<>]*@"), "//"),
    # Queries carry the visitor's fields.
    (re.compile(r"(/[^\s?\"'<>]*)\?[^\s\"'<>)]+"), rf"\1?{GONE}"),
    (re.compile(r"[^\s\"'<>()\[\]{},;:=/@]{1,64}(?:@|%40)[^\s\"'<>()\[\]{},;:=/@]{1,253}", re.I), GONE),
    (re.compile(r"[A-Za-z0-9_+=~-]{16,}"), _opaque),
)
"""What is looked for and what takes its place, in this order."""


def redacted(text: str) -> str:
    """Text without what looks like a token, a password, a cookie, a query or an e-mail address."""
    if len(text) > READ:
        # A word that is cut in two may not look like a token any more: it goes whole.
        text = re.sub(r"\S*\Z", "...", text[:READ], count=1)
    return _without_secrets(text)


@lru_cache(maxsize=64)  # a broken service fails hundreds of times in the same words
def _without_secrets(text: str) -> str:
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text


def looks_opaque(word: str) -> bool:
    """A word that nobody made to be read: random letters and digits, a long number, a UUID."""
    longest = max(map(len, re.split(r"[_+=~-]", word)))
    has_digit = any(character.isdigit() for character in word)
    has_cases = word not in (word.lower(), word.upper())
    # Names in CamelCase change their case less often than chance does.
    changes = sum(a.islower() != b.islower() for a, b in itertools.pairwise(word) if (a + b).isalpha())
    return (
        (longest >= 16 and has_digit)
        or longest >= 40
        or (len(word) >= 20 and has_cases and (has_digit or changes >= len(word) / 4))
        or _UUID.fullmatch(word) is not None
    )


def quoted(text: str, limit: int) -> str:
    """A value for a ``key=value`` line: as it is if it is plain, else like a JSON string, in ASCII.

    Args:
        text: line breaks and blanks become one blank each, what cannot be printed a question mark.
        limit: characters at most, quotes included; 8 at least.
    """
    clean = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    if len(clean) <= limit and _PLAIN.fullmatch(clean):
        return clean
    whole = json.dumps(clean)
    if len(whole) <= limit:
        return whole
    clean = clean[:limit]
    while len(json.dumps(clean + "...")) > limit:
        clean = clean[:-1]
    return json.dumps(clean + "...")
