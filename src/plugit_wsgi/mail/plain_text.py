"""HTML as plain text, for those who read mail without it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

_SILENT: Final = frozenset(("head", "script", "style", "template", "title"))
_BREAKS: Final = frozenset(
    (
        *("address", "blockquote", "div", "dl", "dt", "dd", "footer", "form", "header", "hr", "li", "main"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "section", "table", "tr", "ul"),
    )
)


def plain_text(html: str) -> str:
    """The text of an HTML document or fragment; where a link leads stands behind it."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = [" ".join(line.split()) for line in "".join(reader.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """As `HTMLParser` has it."""
        if tag in _SILENT:
            self._silent += 1
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self.parts)))
        elif tag == "br":
            self.parts.append("\n")
        elif tag in _BREAKS:
            self.parts.append("\n- " if tag == "li" else "\n\n" if tag == "p" else "\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """As `HTMLParser` has it."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "a" and self._links:
            target, begun = self._links.pop()
            shown = "".join(self.parts[begun:]).strip()
            if target.startswith(("http://", "https://")) and target != shown:
                self.parts.append(f" ({target})")
        elif tag in _BREAKS and tag != "li":
            self.parts.append("\n\n" if tag == "p" else "\n")

    def handle_data(self, data: str) -> None:
        """As `HTMLParser` has it."""
        if not self._silent:
            self.parts.append(re.sub(r"\s+", " ", data))
