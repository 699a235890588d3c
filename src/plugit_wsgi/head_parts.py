"""Heads of services in parts: what stands twice is put in once, in order.

1. A head is cut into elements, never parsed: what is not understood stays as it is.
2. Time is in proportion to the head.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

_ELEMENT = re.compile(r"<(?:(script|style|noscript|template)|link|meta)\b|<!--", re.IGNORECASE)
_TAG_END = re.compile(r"""[^"'>]*(?:"[^"]*"[^"'>]*|'[^']*'[^"'>]*)*>""")
_CLOSINGS = {
    name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in ("script", "style", "noscript", "template")
}
_LOADED = re.compile(r"<(?:link|meta|script[^>]*\ssrc\s*=)", re.IGNORECASE)
"""An element that says or loads something, so once is enough; a script in the page may count its runs."""
_MOST = 2000


def without_doubles(head: str) -> str:
    """The head of one page: each link, meta and script with a source once; all else as it is.

    After 2000 parts it is left alone.
    """
    kept: list[str] = []
    seen: set[str] = set()
    length = 0
    for part in islice(elements(head), _MOST):
        length += len(part)
        if part not in seen:
            kept.append(part)
        if _LOADED.match(part):
            seen.add(part)
    return "".join(kept) + head[length:]


def distinct_parts(heads: Iterable[str]) -> list[str]:
    """The parts of several heads, in order, each once."""
    parts = (part.strip() for head in heads for part in elements(head))
    return [part for part in dict.fromkeys(parts) if part]


def elements(head: str) -> Iterator[str]:
    """Cuts a head into elements and what stands between them; what is not understood stays whole.

    It stops at the first element without an end, so its time is in proportion to the head.
    """
    position = 0
    while (opening := _ELEMENT.search(head, position)) is not None:
        yield head[position : opening.start()]
        end = _end_of(head, opening)
        if end is None:
            yield head[opening.start() :]
            return
        yield head[opening.start() : end]
        position = end
    yield head[position:]


def _end_of(head: str, opening: re.Match[str]) -> int | None:
    if opening[0] == "<!--":
        end = head.find("-->", opening.end())
        return None if end < 0 else end + 3
    tag = _TAG_END.match(head, opening.end())
    if tag is None or not opening[1]:
        return None if tag is None else tag.end()
    closing = _CLOSINGS[opening[1].lower()].search(head, tag.end())
    return None if closing is None else closing.end()
