"""The bar of a preview is on every page of one, in any layout, once."""

from __future__ import annotations

from typing import Any

import pytest
import webob
from markupsafe import Markup
from tests.unit.layout.markup import Reader

from plugit_wsgi.layout import BootstrapLayout, CapturedLayout, apply_layout, bind_layout, preview_bar
from plugit_wsgi.page import Page

NASTY = "<b>\"x\"&'y'{0}%s</b>"
BAR = preview_bar(variant="next", service="polls", url="/s/polls/ebuio_preview", token="token")
PAGE = Page(content=Markup("<p>content</p>"), preview=BAR, is_preview=True, variant="next")
REQUEST = webob.Request.blank("/s/polls/")


def plain(page: Page, request: webob.Request) -> str:
    return f"[{page.content}]"


def own_place(page: Page, request: webob.Request) -> str:
    return f"{page.preview}[{page.content}]"


own_place.shows_preview = True  # type: ignore[attr-defined]


def captured(document: bytes, status: str = "200 OK") -> Any:
    def host(environ: Any, start_response: Any) -> list[bytes]:
        start_response(status, [("Content-Type", "text/html")])
        return [document]

    return bind_layout(CapturedLayout("/layout", fallback=plain), host)


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (plain, f"[{BAR}<p>content</p>]"),
        (own_place, f"{BAR}[<p>content</p>]"),
        (captured(b"(<!--plugit:content-->)"), f"({BAR}<p>content</p>)"),
        (captured(b"<!--plugit:preview-->(<!--plugit:content-->)"), f"{BAR}(<p>content</p>)"),
        (captured(b"", "500 Broken"), f"[{BAR}<p>content</p>]"),
    ],
    ids=["any callable", "one that shows it", "captured", "captured, with a mark", "its fallback"],
)
def test_it_is_there_once(layout: Any, expected: str) -> None:
    """In front of the content, or where the layout wants it."""
    assert apply_layout(layout, PAGE, REQUEST) == expected


@pytest.mark.parametrize(
    "layout", [plain, own_place, captured(b"<!--plugit:preview--><!--plugit:content-->")]
)
def test_other_pages_have_none(layout: Any) -> None:
    """Nothing but the content."""
    assert "plugit-preview" not in apply_layout(layout, Page(content=Markup("x")), REQUEST)


@pytest.mark.parametrize("classic", [False, True])
def test_the_bundled_layout_shows_it_above_the_content(classic: bool) -> None:
    """A part of the page that has a name, with a form that posts the token."""
    document = apply_layout(BootstrapLayout(classic=classic), PAGE, REQUEST)
    assert document.count("plugit-preview ") == 1
    assert document.index("plugit-preview ") < document.index("<main")
    found = Reader(document)
    assert found.find("section", **{"aria-label": "Preview"})
    assert found.find("form", method="post", action="/s/polls/ebuio_preview")
    assert found.find("input", name="csrfmiddlewaretoken", value="token")
    assert found.find("button", name="act", value="leave")


def test_without_a_token_it_is_a_link() -> None:
    """To the page with the form: other origins may read this one."""
    found = Reader(str(preview_bar(variant="next", service="polls", url="/p", token="")))
    assert found.find("a", href="/p")
    assert not found.find("form")


def test_whoever_has_the_variant_by_name_goes_to_the_main_deployment() -> None:
    """There is no preview to leave."""
    bar = preview_bar(variant="next", service="polls", url="/p", token="t", is_named=True)
    assert Reader(str(bar)).find("button", name="act", value="away")
    assert "Variant: you see the variant <strong>next</strong> of polls." in bar
    assert "See what others see" in bar
    main = preview_bar(variant="", service="polls", url="/p", token="t")
    assert "Preview: you see the main deployment of polls." in main


def test_text_is_escaped() -> None:
    """Once."""
    bar = preview_bar(variant=NASTY, service=NASTY, url=NASTY, token=NASTY)
    assert "<b>" not in bar
    assert "&amp;amp;" not in bar
    assert Reader(str(bar)).find("form")[0]["action"] == NASTY
