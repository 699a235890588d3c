"""What is asked inside a host, and what goes on as it is."""

from __future__ import annotations

from typing import Any

import pytest
import webob

from plugit_wsgi import BootstrapLayout, CapturedLayout, Page, Stores
from plugit_wsgi.frameworks.inside import inside
from plugit_wsgi.redis import RedisSessions

REQUEST = webob.Request.blank("/s/polls/")


def ask(request: webob.Request, question: Any) -> Any:
    """A host whose own kind of request is a text."""
    return question(f"host's {request.path}")


def render(name: str, page: Page, request: str) -> str:
    return f"{name} {page.title} {request}"


def test_identify_and_layouts_get_the_hosts_request() -> None:
    """A text is the name of a template."""
    found = inside(
        {"identify": lambda request: request, "layout": lambda page, request: request}, ask, render
    )
    assert found["identify"](REQUEST) == "host's /s/polls/"
    assert found["layout"](Page(title="A"), REQUEST) == "host's /s/polls/"
    named = inside({"layout": "page.html"}, ask, render)
    assert named["layout"](Page(title="A"), REQUEST) == "page.html A host's /s/polls/"


@pytest.mark.parametrize("layout", [BootstrapLayout(), CapturedLayout("/frame"), None, 7])
def test_layouts_of_the_library_stay_what_they_are(layout: Any) -> None:
    """The bundled one makes frames of sandboxes too; and what is none is the middleware's to refuse."""
    assert inside({"layout": layout}, ask, render)["layout"] is layout


def test_a_store_of_another_kind_stays_what_it_is() -> None:
    """It reads the visitor's own request."""
    stores = Stores(sessions=RedisSessions.__new__(RedisSessions))
    assert inside({"stores": stores}, ask, render)["stores"] is stores


def test_what_was_given_is_not_changed() -> None:
    """Settings are the host's."""
    given = {"layout": "page.html"}
    inside(given, ask, render)
    assert given == {"layout": "page.html"}
