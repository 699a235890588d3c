"""The secrets of the tests, planted: whatever a test, a server or a page prints is searched for them.

1. Looked for are the secrets themselves, and every key that is derived from one for a service and a purpose,
   as text, in base64 and in hexadecimal.
2. Searched are output and log lines of each test, output of each server that a test starts, and each page
   that passes `tests/support/servers.py` or a visitor of the tests.
3. What was found is told by its name and not by its value.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Final

from plugit_wsgi.wire.keys import Purpose, derive, load_secrets, service_keys

SECRET: Final = "a secret of the tests, long enough."
OLDER: Final = "an older secret of the tests, as long."
SERVICES: Final = ("live", "notes", "pages", "polls", "shop", "twin", "x", "y")
PURPOSES: Final = tuple(purpose.value for purpose in Purpose)
WHOLE: Final = 256 * 1024
"""Of longer texts, only so much is searched at their beginning: files of the tests are no pages."""
LONGEST: Final = 4096
"""Of one word without a blank; a token is no longer."""

_LONG_WORD = re.compile(rb"[A-Za-z0-9_+/-]{40,}")
searched = 0
"""How many texts were searched so far, in this process."""


def _keys() -> Iterator[tuple[str, bytes]]:
    for label, secret in (("the secret", SECRET), ("the older secret", OLDER)):
        for name in SERVICES:
            key = service_keys(load_secrets(secret), name).keys[0]
            yield f"the key of {name} from {label}", key
            for purpose in PURPOSES:
                yield f"the {purpose} key of {name} from {label}", derive(key, purpose)
        for purpose in PURPOSES:
            yield f"the {purpose} key from {label}", derive(secret.encode(), purpose)


def _spellings(key: bytes) -> set[bytes]:
    words = {
        base64.urlsafe_b64encode(key),
        base64.b64encode(key),
        key.hex().encode(),
        key.hex().upper().encode(),
    }
    return {word.rstrip(b"=") for word in words} | {repr(key)[2:-1].encode()}


_PLAIN: Final = {
    secret.encode(): label for secret, label in ((SECRET, "the secret"), (OLDER, "the older secret"))
}
_WORDS: Final = {word: label for label, key in _keys() for word in _spellings(key)} | {
    word: f"{label}, encoded" for secret, label in _PLAIN.items() for word in _spellings(secret)
}


def find(text: str | bytes) -> list[str]:
    """Which planted secrets are in a text, by name."""
    global searched
    searched += 1
    raw = (text.encode("utf-8", "replace") if isinstance(text, str) else text)[:WHOLE]
    found = {label for secret, label in _PLAIN.items() if secret in raw}
    # Of what no key can be in, nothing is compared; of endless words, both ends.
    runs = {run[:LONGEST] + b"\n" + run[-LONGEST:] for run in _LONG_WORD.findall(raw)}
    words = b"\n".join(runs) + (raw if b"\\x" in raw else b"")
    if words:
        found |= {label for word, label in _WORDS.items() if word in words}
    return sorted(found)


def check(text: str | bytes, where: str) -> None:
    """Raises an AssertionError that names what is in a text."""
    found = find(text)
    assert not found, f"{where} printed {', '.join(found)}"
