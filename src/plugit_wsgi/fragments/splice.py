"""Puts fragments into a page: one pass over the host's bytes, so what is put in is never looked at again.

1. Places are found in the page as the host made it, before anything is put in.
2. In what is put in, nothing looks like a mark, to whatever may read the page later.
3. Head parts stand once, before the end of the head; one that the host's own head has is not put in again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from ..head_parts import distinct_parts
from ..page import Fragment
from .marks import Mark

Put = Callable[[str], bytes]
_HEAD_END = re.compile(rb"</head\s*>", re.IGNORECASE)


def spliced(page: bytes, marks: Sequence[Mark], found: Mapping[str, Fragment], encoding: str) -> bytes:
    """The page with the fragments in it; a mark without one leaves what it shows then.

    Args:
        page: of the host.
        marks: in order.
        found: target -> fragment.
        encoding: of the page; what it cannot say is written as a character reference.
    """

    def put(text: str) -> bytes:
        return text.replace("<!--plugit:", "<!-- plugit:").encode(encoding, "xmlcharrefreplace")

    shown = {mark.target: found[mark.target] for mark in marks if mark.target in found}
    end = _head_end(page, marks)
    own = b"" if end is None else page[:end]
    heads = [
        part for part in distinct_parts(str(each.head) for each in shown.values()) if put(part) not in own
    ]
    head = put("".join(f"{part}\n" for part in heads))
    parts = {mark.start: (mark.end, _content(mark, found, put)) for mark in marks}
    if end is None:
        first = next((mark.start for mark in marks if mark.target in found), None)
        if first is not None:
            parts[first] = (parts[first][0], head + parts[first][1])
    else:
        parts[end] = (end, head)
    whole, position = [], 0
    for start, (after, text) in sorted(parts.items()):
        whole += [page[position:start], text]
        position = after
    return b"".join([*whole, page[position:]])


def _content(mark: Mark, found: Mapping[str, Fragment], put: Put) -> bytes:
    fragment = found.get(mark.target)
    return mark.inner if fragment is None else put(str(fragment.content))


def _head_end(page: bytes, marks: Sequence[Mark]) -> int | None:
    """Where the head ends; not inside of a mark."""
    for found in _HEAD_END.finditer(page):
        if not any(mark.start < found.start() < mark.end for mark in marks):
            return found.start()
    return None
