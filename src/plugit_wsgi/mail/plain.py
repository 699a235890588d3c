"""The text of an HTML mail, for services that want text. Nothing of it is run, fetched or kept as markup."""

from __future__ import annotations

import re
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
_DEPTH: Final = 50


def text_of_html(document: str) -> str:
    """The text that a reader of an HTML mail sees; quotations begin with ``>`` as in plain mail."""
    reader = _Reader()
    reader.feed(document)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Collects lines. One per document."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
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

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            while tag in self._unseen and self._unseen.pop() != tag:
                pass
        elif tag in _BLOCKS:
            self._end_block(tag)
            self._quotes -= tag == "blockquote" and self._quotes > 0
            self._kept -= tag == "pre" and self._kept > 0

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        first, *others = data.split("\n") if self._kept else [data]
        self._line.append(first)
        for line in others:
            self._end_line(even_empty=True)
            self._line.append(line)

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
