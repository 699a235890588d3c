"""Any callable is a layout, if it gives text."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import webob

from plugit_wsgi.errors import ConfigError
from plugit_wsgi.layout import BootstrapLayout, CapturedLayout, apply_layout, bind_layout
from plugit_wsgi.page import Page

REQUEST = webob.Request.blank("/")


def host(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html")])
    return [b"[<!--plugit:content-->]"]


def test_a_callable_is_taken_as_it_is() -> None:
    """Nothing is wrapped around the host's own function."""
    layout = BootstrapLayout()
    assert bind_layout(layout, host) is layout


def test_a_captured_layout_gets_its_host() -> None:
    """It needs the application to ask."""
    assert apply_layout(bind_layout(CapturedLayout("/x"), host), Page(), REQUEST) == "[]"


@pytest.mark.parametrize("layout", [None, "page.html", 7])
def test_what_cannot_be_called_is_no_layout(layout: Any) -> None:
    """It dies at construction, by name."""
    with pytest.raises(ConfigError, match="layout: got") as caught:
        bind_layout(layout, host)
    assert caught.value.field == "layout"


class Template:
    def __call__(self, page: Page, request: webob.Request) -> Any:
        return b"bytes"


def gives_nothing(page: Page, request: webob.Request) -> Any:
    return None


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        (gives_nothing, "layout gives_nothing returned NoneType, expected str"),
        (Template(), "layout Template returned bytes, expected str"),
    ],
)
def test_a_layout_that_gives_no_text_is_named(layout: Any, said: str) -> None:
    """Who reads the log knows which function to mend."""
    with pytest.raises(TypeError) as caught:
        apply_layout(layout, Page(), REQUEST)
    assert str(caught.value) == said


def test_what_a_layout_raises_is_raised() -> None:
    """Whoever frames pages decides what becomes of it."""

    def broken(page: Page, request: webob.Request) -> str:
        raise LookupError("no such template")

    with pytest.raises(LookupError, match="no such template"):
        apply_layout(broken, Page(), REQUEST)


def test_the_manual_tells_every_field_of_a_page() -> None:
    """Who writes a layout finds all there is, and nothing that is not."""
    manual = Path(__file__).parents[3].joinpath("docs", "layouts.md").read_text(encoding="utf-8")
    table = manual[manual.index("| field of the page |") :]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [field.name for field in fields(Page)]
