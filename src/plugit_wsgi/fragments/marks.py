"""Marks: a comment on a page of the host that says whose fragment belongs there.

``<!--plugit:/s/polls/latest SIGNATURE-->shown if it fails<!--/plugit-->``

1. A mark runs an action as the visitor of the page, so whoever can write on a page must not be able to make
   one: it counts with the host's signature, or if it names one of the targets the host allows to all.
2. The signature is made by a key for this purpose alone, over all of path and query.
3. A mark that does not count is a comment, and stays as it is.
4. Looking for marks takes time in proportion to the page, whatever stands on it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from markupsafe import Markup, escape

from ..errors import ConfigError
from ..wire.keys import KeyRing, Purpose, encode, load_secrets

LONGEST_TARGET = 2000
MOST_WRONG = 200
"""Wrong signatures on a page; after these, no mark counts."""
_OPENING = re.compile(rb"<!--plugit:(/[!-;=?-~]{0,%d})(?: ([A-Za-z0-9_-]{43}))?-->" % LONGEST_TARGET)
_CLOSING = b"<!--/plugit-->"
_TARGET = re.compile(r"/[!-;=?-~]*")


class FragmentMarks:
    """Makes marks; a template's function. Immutable, thread-safe.

    It needs the secret and nothing else of the middleware, so it can be made wherever templates are set up:

        plugit_fragment = FragmentMarks(secret_key)

    Args:
        secret_key: that of the middleware: text, or several with the newest last.

    Raises:
        ConfigError: as the middleware, of the secret.
    """

    def __init__(self, secret_key: str | Sequence[str]) -> None:
        self._keys = mark_keys(load_secrets(secret_key))

    def __repr__(self) -> str:
        return "plugit_fragment"

    def __call__(self, target: str, fallback: str = "") -> Markup:
        """A signed mark.

        Args:
            target: path of an action as the host sees it, without the host's SCRIPT_NAME, and its query if it
                has one: ``/s/polls/latest?limit=3``. What is no visible ASCII is percent-encoded.
            fallback: shown while there is no fragment; escaped, unless it is `Markup`.

        Raises:
            ValueError: the target is no path, is too long, or the fallback has a mark in it.
        """
        found = quote(target, safe="/-._~!$&'()*+,=:@?%;")
        if not _TARGET.fullmatch(found) or "#" in target or len(found) > LONGEST_TARGET:
            raise ValueError(
                f"a mark for {target!r}: expected a path with a leading slash, such as '/s/polls/'"
            )
        inner = str(escape(fallback))
        if "<!--plugit:" in inner or _CLOSING.decode() in inner:
            raise ValueError(f"a mark for {target!r}: expected a fallback without marks")
        return Markup(f"<!--plugit:{found} {signature(found, self._keys)}-->{inner}{_CLOSING.decode()}")


def checked_targets(fragments: object) -> tuple[str, ...] | None:
    """The targets of the argument ``fragments`` that count unsigned; None if there are no fragments.

    Raises:
        ConfigError: neither a bool nor a list of targets.
    """
    if isinstance(fragments, bool):
        return () if fragments else None
    expected = "True, False, or a list of paths with a leading slash, such as ['/s/polls/latest']"
    if isinstance(fragments, (str, bytes)) or not isinstance(fragments, Iterable):
        raise ConfigError("fragments", fragments, expected)
    found = tuple(fragments)
    if not all(isinstance(target, str) and _TARGET.fullmatch(target) for target in found):
        raise ConfigError("fragments", found, expected)
    return found


def mark_keys(secrets: KeyRing) -> KeyRing:
    """The ring that signs marks."""
    return secrets.derived(Purpose.FRAGMENT)


def signature(target: str, keys: KeyRing) -> str:
    """43 characters of base64url."""
    return keys.sign(target.encode("ascii"), Purpose.FRAGMENT_MARK).rpartition(".")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A mark that counts. Immutable.

    Attributes:
        target: path and query.
        start, end: where it stands in the page, closing comment included.
        inner: what it shows if it fails.
    """

    target: str
    start: int
    end: int
    inner: bytes = field(repr=False)


class MarkFinder:
    """Finds the marks that count. Immutable, thread-safe.

    Args:
        keys: see `mark_keys`.
        unsigned: targets that count without a signature.
    """

    def __init__(self, keys: KeyRing, unsigned: Collection[str] = ()) -> None:
        self._keys = keys
        self._unsigned = frozenset(unsigned)

    def find(self, page: bytes) -> list[Mark]:
        """The marks of a page, in order. One in the text of another is no mark."""
        marks: list[Mark] = []
        position = wrong = 0
        while (opening := _OPENING.search(page, position)) is not None:
            position = opening.end()
            target = opening[1].decode("ascii")
            if not self._counts(target, opening[2]):
                wrong += opening[2] is not None
                if wrong > MOST_WRONG:
                    break  # somebody fills the page with them, and each costs a signature
                continue
            closing = page.find(_CLOSING, position)
            if closing < 0:
                break
            inner = page[position:closing]
            position = closing + len(_CLOSING)
            marks.append(Mark(target=target, start=opening.start(), end=position, inner=inner))
        return marks

    def _counts(self, target: str, signed: bytes | None) -> bool:
        if signed is None:
            return target in self._unsigned
        try:
            token = f"{encode(target.encode('ascii'))}.{signed.decode('ascii')}"
            self._keys.verify(token, Purpose.FRAGMENT_MARK)
        except ValueError:
            return False
        return True
