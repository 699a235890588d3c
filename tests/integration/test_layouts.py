"""Layouts in a host: what a page gets, and how long a captured one is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plugit_wsgi import CapturedLayout, Page
from plugit_wsgi.config import Limits
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.fake_service import FakeService, Reply
from tests.integration.conftest import PEOPLE, MakeHost


@pytest.mark.parametrize(("size", "asked"), [(2**20, 2), (0, 4)])
def test_a_captured_page_is_kept(make_host: MakeHost, service: FakeService, size: int, asked: int) -> None:
    """For one visitor, as the host's headers allow, and not at all without room for it."""
    seen: list[str] = []

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        seen.append(environ.get("HTTP_COOKIE", ""))
        headers = [("Content-Type", "text/html"), ("Cache-Control", "private, max-age=60")]
        start_response("200 OK", headers)
        return [b"<b>" + seen[-1].encode() + b"</b><!--plugit:content-->"]

    service.action("/a", template="hello")
    limits = Limits(layouts_size=size)
    host = make_host(app=app, layout=CapturedLayout("/frame"), limits=limits, clock=FakeClock())
    for name in ("one", "two") * 2:
        visitor = host.visitor()
        visitor.set_cookie("who", name)
        assert visitor.get("/s/x/a").text == f"<b>who={name}</b>hello"
    assert len(seen) == asked


@pytest.fixture
def pages() -> list[Page]:
    return []


def test_what_a_layout_gets_in_actions_mode(
    make_host: MakeHost, service: FakeService, pages: list[Page]
) -> None:
    """Every part of the template, in order, with the mount in its addresses; who sees it, and how it is."""
    template = """{% extends 'plugIt/base-withBlocks.html' %}{% block title %}A &amp; b{% endblock %}
    {% block javascript %}<script src="{{ ebuio_baseUrl }}media/a.js"></script>{% endblock %}
    {% block css %}<link rel="stylesheet" href="{{ MEDIA_URL }}a.css">{% endblock %}
    {% block meta %}<meta name="author" content="A">{% endblock %}
    {% block menubar %}<li>menu</li>{% endblock %}{% block content %}<p>content</p>{% endblock %}"""
    service.action("/a", template=template)
    host = make_host(layout=lambda page, _request: pages.append(page) or "page")
    host.visitor("anna").get("/s/x/a")
    [page] = pages
    assert (page.title, page.menu, page.content) == ("A & b", "<li>menu</li>", "<p>content</p>")
    assert page.head == (
        '<meta name="author" content="A">'
        '<link rel="stylesheet" href="/s/x/media/a.css"><script src="/s/x/media/a.js"></script>'
    )
    assert (page.status, page.service, page.user, page.mount) == (200, "x", PEOPLE["anna"], "/s/x/")
    assert (page.is_stale, page.is_fallback) == (False, False)


def test_what_a_layout_gets_in_pages_mode(
    make_host: MakeHost, service: FakeService, pages: list[Page]
) -> None:
    """The body, and the head that its Link headers ask for, in order, each once."""
    links = (
        ("Link", "</a.css>; rel=stylesheet, </a.js>; rel=script"),
        ("Link", "</a.css>; rel=stylesheet"),
    )
    service.answer("/a", Reply(status=201, body="<p>content</p>", headers=links))
    host = make_host(of_service={"mode": "pages"}, layout=lambda page, _request: pages.append(page) or "page")
    host.visitor("anna").get("/s/x/a")
    [page] = pages
    assert (page.title, page.menu, page.content) == ("x", "", "<p>content</p>")
    assert page.head == ('<link rel="stylesheet" href="/s/x/a.css">\n<script src="/s/x/a.js" defer></script>')
    assert (page.status, page.service, page.user, page.mount) == (201, "x", PEOPLE["anna"], "/s/x/")
    assert (page.is_stale, page.is_fallback) == (False, False)


def test_what_a_service_loads_twice_is_in_the_head_once(
    make_host: MakeHost, service: FakeService, pages: list[Page]
) -> None:
    """In its blocks for styles and for scripts, at its first place."""
    template = """{% extends 'plugIt/base-withBlocks.html' %}
    {% block css %}<link href="a"><link href="b"><link href="a">{% endblock %}
    {% block javascript %}<script src="c"></script><link href="b"><script src="c"></script>{% endblock %}"""
    service.action("/a", template=template)
    host = make_host(layout=lambda page, _request: pages.append(page) or "page")
    host.visitor().get("/s/x/a")
    assert pages[0].head == '<link href="a"><link href="b"><script src="c"></script>'


def test_a_page_in_pages_mode_may_begin_with_its_title(make_host: MakeHost, service: FakeService) -> None:
    """It is text in the layout, and no content; meta elements beside it come before what is linked."""
    links = (("Link", "</a.css>; rel=stylesheet"),)
    body = "<title>Tea &amp; <!----> </title><p>"
    service.answer("/no", Reply(body=body, headers=links))
    body = '<title>Tea &amp; &lt;script&gt;</title>\n<meta name="author" content="A">\n<p>content</p>'
    service.answer("/yes", Reply(body=body, headers=links))
    host = make_host(of_service={"mode": "pages"})
    page = host.visitor().get("/s/x/yes").text
    assert "<title>Tea &amp; &lt;script&gt;" in page
    assert page.count("</title>") == 1
    assert '<meta name="author" content="A">\n<link rel="stylesheet" href="/s/x/a.css">' in page
    assert "<title>x" in host.visitor().get("/s/x/no").text
