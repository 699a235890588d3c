"""Who gets a part of a page, and who a whole one."""

from __future__ import annotations

import pytest
import webob
from markupsafe import Markup

from plugit_wsgi.page import Page
from plugit_wsgi.partials import PARTIAL_VARY, partial_layout, wants_partial

DOCUMENT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
HTMX = {"HX-Request": "true", "Sec-Fetch-Dest": "empty", "Accept": "*/*"}
TURBO = {
    "X-Turbo-Request-Id": "1-2",
    "Sec-Fetch-Dest": "empty",
    "Accept": "text/html, application/xhtml+xml",
}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),
        ({"Accept": DOCUMENT, "Sec-Fetch-Dest": "document"}, False),
        ({"Accept": DOCUMENT, "Sec-Fetch-Dest": "iframe"}, False),
        (HTMX, True),
        ({"HX-Request": "true"}, True),
        ({"HX-Request": "false"}, False),
        (HTMX | {"HX-Boosted": "true"}, False),
        (HTMX | {"HX-History-Restore-Request": "true"}, False),
        ({"HX-History-Restore-Request": "true", "Sec-Fetch-Dest": "empty"}, False),
        (TURBO, False),
        (TURBO | {"Turbo-Frame": "votes"}, True),
        (TURBO | {"Accept": "text/vnd.turbo-stream.html, text/html, application/xhtml+xml"}, False),
        ({"Accept": "text/html, application/xhtml+xml", "Sec-Fetch-Dest": "empty"}, False),
        ({"X-Requested-With": "XMLHttpRequest"}, True),
        ({"X-Requested-With": "xmlhttprequest", "Accept": DOCUMENT}, True),
        ({"X-Requested-With": "com.android.browser"}, False),
        ({"Sec-Fetch-Dest": "empty", "Accept": "*/*"}, True),
        ({"Sec-Fetch-Dest": "empty", "Accept": "*/*", "Sec-Purpose": "prefetch"}, False),
    ],
)
def test_who_gets_a_part(headers: dict[str, str], expected: bool) -> None:
    """Rule 1: whoever navigates gets a whole page."""
    assert wants_partial(webob.Request.blank("/", headers=headers).environ) is expected


class Asked(dict[str, object]):
    """An environ that remembers what it was asked for."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.seen: set[str] = set()

    def get(self, key: str, default: object = None) -> object:
        self.seen.add(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self.seen.add(str(key))
        return super().__contains__(key)


def test_what_the_choice_depends_on_is_named() -> None:
    """Rule 2."""
    environ = Asked()
    wants_partial(environ)
    named = {"HTTP_" + name.strip().upper().replace("-", "_") for name in PARTIAL_VARY[1].split(",")}
    assert environ.seen == named


PAGE = Page(
    title="Tom & <Jerry>", head=Markup("<style>"), menu=Markup("<ul>"), content=Markup("<p>"), service="x"
)


def test_a_part_is_the_content() -> None:
    """htmx takes the title from it; whoever else puts it into a page has no use for one."""
    plain, htmx = (webob.Request.blank("/", headers=headers) for headers in ({}, HTMX))
    assert partial_layout(PAGE, plain) == "<p>"
    assert partial_layout(PAGE, htmx) == "<title>Tom &amp; &lt;Jerry&gt;</title>\n<p>"
    assert partial_layout(Page(content=Markup("<p>"), service="x"), htmx) == "<p>"
