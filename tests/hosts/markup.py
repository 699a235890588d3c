"""What a visitor's program can know of a page: its landmarks, links, stylesheets and forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

LANDMARKS = ("title", "header", "nav", "main", "footer")


@dataclass
class Form:
    """A form: where it goes, and what it sends if nothing is filled in."""

    action: str
    hidden: dict[str, str] = field(default_factory=dict)


class Document(HTMLParser):
    """One page, read. Attributes are lists in the order of the page.

    Attributes:
        tags: names of all elements.
        stylesheets, icons: addresses.
        links: address -> landmarks that it stands in.
        forms: those that are posted.
    """

    def __init__(self, page: requests.Response) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.stylesheets: list[str] = []
        self.icons: list[str] = []
        self.links: dict[str, tuple[str, ...]] = {}
        self.forms: list[Form] = []
        self._page = page
        self._open: list[str] = []
        self._text: dict[str, list[str]] = {name: [] for name in LANDMARKS}
        self.feed(page.text)
        self.close()

    def text(self, landmark: str) -> str:
        """What stands in a landmark, blanks joined."""
        return " ".join(" ".join(self._text[landmark]).split())

    def form(self, path: str) -> Form:
        """The one that is posted to a path of the site."""
        found = [form for form in self.forms if urlsplit(form.action).path == path]
        assert found, f"{path} is not among the forms {self.forms} of {self._page.url}"
        return found[0]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if tag in LANDMARKS:
            self._open.append(tag)
        elif tag == "link" and given.get("rel") == "stylesheet":
            self.stylesheets.append(given["href"])
        elif tag == "link" and given.get("rel") == "icon":
            self.icons.append(given["href"])
        elif tag == "a" and "href" in given:
            self.links[given["href"]] = tuple(self._open)
        elif tag == "form" and given.get("method", "").lower() == "post":
            self.forms.append(Form(urljoin(self._page.url, given.get("action", ""))))
        elif tag == "input":
            self._keep(given)

    def _keep(self, given: Mapping[str, str]) -> None:
        if self.forms and given.get("type") == "hidden" and "name" in given:
            self.forms[-1].hidden[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            self._open.remove(tag)

    def handle_data(self, data: str) -> None:
        for landmark in self._open:
            self._text[landmark].append(data)
