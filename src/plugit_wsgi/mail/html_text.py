"""HTML of mails as text: for services, and for who reads mail without HTML. Nothing is run or fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from typing import Final

_APART: Final = frozenset({"blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"})
"""Blocks with an empty line before and after."""
_BLOCKS: Final = (
    _APART
    | {"address", "article", "center", "dd", "div", "dl", "dt", "footer", "form", "header"}
    | {"hr", "li", "main", "section", "tr"}
)
_UNSEEN: Final = frozenset({"head", "script", "style", "template", "title"})
_DECLARATION: Final = re.compile(r"<!--|<[!?]")
_BRACKET: Final = re.compile(r"[<>]")
_DEPTH: Final = 50
_TAG: Final = 100
"""What a tag costs by itself, in characters."""
_DEAREST: Final = 10_000_000
"""Characters; a page of ten thousand tags costs two million. Of what is dearer, tags are cut out unread."""


def text_of_html(document: str, *, links: bool = False) -> str:
    """The text that a reader of an HTML mail sees; quotations begin with ``>`` as in plain mail.

    Args:
        document: or a fragment of one.
        links: where a link leads stands behind its text.
    """
    document = "".join(_without_declarations(document))
    if _cost(document) > _DEAREST:
        return unescape(re.sub(r"<[^<>]*>", " ", document))
    reader = _Reader(links)
    reader.feed(document)
    reader.close()
    return reader.text()


def _without_declarations(document: str) -> Iterator[str]:
    """The pieces between comments, conditions of Word, and declarations: the parser gives up at some of them.

    It looks for the end of each that has none again and again, up to the end of the document.
    """
    at = 0
    while begun := _DECLARATION.search(document, at):
        yield document[at : begun.start()]
        closing = "-->" if begun[0] == "<!--" else ">"
        end = document.find(closing, begun.end())
        if end < 0:
            return
        at = end + len(closing)
    yield document[at:]


def _cost(document: str) -> int:
    """Of the tags, and of what the parser may look at: from ``<`` to the next ``>`` or to the end."""
    cost = _TAG * document.count("<")
    opened = places = 0
    for found in _BRACKET.finditer(document):
        if found[0] == "<":
            opened, places = opened + 1, places + found.start()
        else:
            cost += opened * found.start() - places
            opened = places = 0
    return cost + opened * len(document) - places


class _Reader(HTMLParser):
    """Collects lines. One per document."""

    def __init__(self, links: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._links = links
        self._target = ""
        self._shown: list[str] = []
        self._lines: list[str] = []
        self._line: list[str] = []
        self._quotes = 0
        self._unseen: list[str] = []
        self._kept = 0

    def text(self) -> str:
        """What was read."""
        self._end_line()
        return re.sub(r"\n(?:\n)+", "\n\n", "\n".join(self._lines)).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen.append(tag)
        elif tag == "br":
            self._end_line(even_empty=True)
        elif tag in _BLOCKS:
            self._end_block(tag)
            self._quotes += tag == "blockquote" and self._quotes < _DEPTH
            self._kept += tag == "pre"
            if tag == "li":
                self._line.append("- ")
        elif tag in ("td", "th"):
            self._line.append(" ")
        elif tag == "a" and self._links:
            self._target, self._shown = dict(attrs).get("href") or "", []

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            while tag in self._unseen and self._unseen.pop() != tag:
                pass
        elif tag in _BLOCKS:
            self._end_block(tag)
            self._quotes -= tag == "blockquote" and self._quotes > 0
            self._kept -= tag == "pre" and self._kept > 0
        elif tag == "a":
            self._end_link()

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        if self._target:
            self._shown.append(data)
        first, *others = data.split("\n") if self._kept else [data]
        self._line.append(first)
        for line in others:
            self._end_line(even_empty=True)
            self._line.append(line)

    def _end_link(self) -> None:
        target, self._target = self._target, ""
        if target.startswith(("http://", "https://")) and target != "".join(self._shown).strip():
            self._line.append(f" ({target})")

    def _end_block(self, tag: str) -> None:
        self._end_line()
        if tag in _APART and self._lines and self._lines[-1].strip("> "):
            self._lines.append("")

    def _end_line(self, *, even_empty: bool = False) -> None:
        line = "".join(self._line)
        line = line.rstrip() if self._kept else re.sub(r"[ \t\r\n\f\xa0]+", " ", line).strip()
        self._line.clear()
        if line or even_empty:
            self._lines.append(f"{'>' * self._quotes} {line}".rstrip() if self._quotes else line)
