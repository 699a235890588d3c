"""htmx and Turbo inside a mount, in a real browser: parts, whole pages, forms, the way to the login."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import webob

from plugit_wsgi import Page, PlugItMiddleware, Service
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SCRIPTS = {
    "htmx": Path(__file__).parent / "assets" / "htmx-2.0.11.min.js",
    "turbo": Path(__file__).parent / "assets" / "turbo-8.0.23.js",
}
BASE = "{% extends 'plugIt/base.html' %}{% block title %}"
VOTES = (
    BASE
    + """Votes{% endblock %}{% block content %}<h1>{{ n }} votes</h1>
<a id="part" href="about" hx-get="about" hx-target="#place" hx-push-url="true">Part</a>
<a id="whole" href="about" hx-boost="true">Whole</a>
<a id="locked" href="locked" hx-get="locked" hx-target="#place">Locked</a>
<form method="post" action="vote" hx-post="vote" hx-target="#place">{% csrf_token %}
<button>Vote</button></form>
<form id="forged" method="post" action="vote" hx-post="vote" hx-target="#place"><button>Forge</button></form>
<turbo-frame id="side"><a id="inside" href="side">Side</a></turbo-frame>
<div id="place"></div>{% endblock %}"""
)
ABOUT = BASE + "About{% endblock %}{% block content %}<p id='about'>about</p>{% endblock %}"
SIDE = (
    BASE
    + "Side{% endblock %}{% block content %}<turbo-frame id='side'><i>beside</i></turbo-frame>{% endblock %}"
)


def layout(page: Page, _request: webob.Request) -> str:
    """The script named as the mount, and a footer to count."""
    return (
        f"<!DOCTYPE html><html><head><title>{page.title}</title><link rel='icon' href='data:,'>"
        f"<script src='/{page.service}.js' defer></script></head>"
        f"<body><main>{page.content}</main><footer>Radio</footer></body></html>"
    )


def host_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    script = SCRIPTS.get(environ["PATH_INFO"].strip("/").removesuffix(".js"))
    kind, body = ("text/javascript", script.read_bytes()) if script else ("text/html", b"<h1>Log in</h1>")
    start_response("200 OK", [("Content-Type", kind)])
    return [body]


class World:
    """A browser in front of one service on two mounts, with htmx and with Turbo."""

    def __init__(self, browser: Chrome, url: str, service: FakeService) -> None:
        self.browser = browser
        self.url = url
        self.service = service

    def open(self, mount: str, ready: str) -> None:
        self.browser.get(f"{self.url}/s/{mount}/votes")
        self.until(ready)
        self.browser.execute_script("window.stays = true")

    def click(self, selector: str) -> None:
        self.browser.find_element("css selector", selector).click()

    def until(self, condition: str) -> None:
        """Waits for a condition of the page, at most 5 s."""
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.browser, 5, poll_frequency=0.02).until(
            lambda chrome: chrome.execute_script(f"return {condition}")
        )

    def seen(self) -> tuple[str, bool, int]:
        """The path, whether the document is still the first one, and how many footers it has."""
        script = "return [location.pathname, !!window.stays, document.querySelectorAll('footer').length]"
        path, stays, footers = self.browser.execute_script(script)
        return path, stays, footers


@pytest.fixture
def world(browser: Chrome, serve: Callable[[Any], str]) -> Iterator[World]:
    service = FakeService()
    votes = 0

    def vote(_call: Call) -> Reply:
        nonlocal votes
        votes += 1
        return Reply(headers=(("EbuIo-PlugIt-Redirect", "votes"),))

    service.action("/votes", template=VOTES, answer=lambda _call: Reply(body={"n": votes}))
    service.action("/vote", answer=vote)
    service.action("/about", template=ABOUT)
    service.action("/side", template=SIDE)
    service.action("/locked", template="x", meta={"only_logged_user": True})
    url = serve(service)
    middleware = PlugItMiddleware(
        host_app,
        services=[Service(name, url, partial=True) for name in SCRIPTS],
        secret_key="a secret of the tests, long enough.",
        layout=layout,
        login_url="/login",
    )
    yield World(browser, serve(middleware), service)
    middleware.close()


HTMX = ("htmx", "window.htmx && document.readyState === 'complete'")
TURBO = ("turbo", "window.Turbo && document.readyState === 'complete'")


def test_htmx_puts_a_part_into_the_page(world: World) -> None:
    """With its title and its address; back shows the page of before, and a reload the whole one."""
    world.open(*HTMX)
    world.click("#part")
    world.until("document.querySelector('#place #about') && document.title === 'About'")
    assert world.seen() == ("/s/htmx/about", True, 1)
    world.browser.execute_script("localStorage.clear(); sessionStorage.clear()")
    world.browser.back()
    world.until("document.querySelector('main > h1')")
    assert world.seen() == ("/s/htmx/votes", True, 1)
    world.browser.forward()
    world.until("location.pathname === '/s/htmx/about'")
    world.browser.refresh()
    world.until("document.querySelector('main > #about')")
    assert world.seen() == ("/s/htmx/about", False, 1)


def test_htmx_follows_a_boosted_link_to_a_whole_page(world: World) -> None:
    """The document stays, its body is that of the other page, layout and all."""
    world.open(*HTMX)
    world.click("#whole")
    world.until("document.querySelector('main > #about') && document.title === 'About'")
    assert world.seen() == ("/s/htmx/about", True, 1)


def test_htmx_posts_a_form_and_shows_where_it_led(world: World) -> None:
    """The token in it counts; the redirect is followed to a part. Without a token nothing happens."""
    world.open(*HTMX)
    world.click("form button")
    world.until("document.querySelector('#place h1')?.textContent === '1 votes'")
    assert world.seen() == ("/s/htmx/votes", True, 1)
    world.browser.execute_script(
        "document.addEventListener('htmx:responseError', e => { window.refused = e.detail.xhr.status })"
    )
    world.click("#forged button")
    world.until("window.refused === 403")
    assert len(world.service.called("/action/vote")) - len(world.service.called("/action/votes")) == 1


def test_htmx_goes_to_the_login(world: World) -> None:
    """As a page, and not into the place for the content."""
    world.open(*HTMX)
    world.click("#locked")
    world.until("location.pathname === '/login' && document.querySelector('h1')")
    assert world.seen()[1] is False
    assert world.browser.execute_script("return location.search") == "?next=/s/htmx/locked"


def test_turbo_visits_whole_pages(world: World) -> None:
    """The document stays, its body is that of the other page; back as well."""
    world.open(*TURBO)
    world.click("#whole")
    world.until("document.querySelector('main > #about') && document.title === 'About'")
    assert world.seen() == ("/s/turbo/about", True, 1)
    world.browser.back()
    world.until("document.querySelector('main > h1')")
    assert world.seen() == ("/s/turbo/votes", True, 1)


def test_turbo_posts_a_form(world: World) -> None:
    """The redirect leads to a whole page; a refusal is a page, too."""
    world.open(*TURBO)
    world.click("form button")
    world.until("document.querySelector('main > h1')?.textContent === '1 votes'")
    assert world.seen() == ("/s/turbo/votes", True, 1)
    world.click("#forged button")
    world.until("document.querySelector('main .plugit-error')")
    assert world.seen()[1:] == (True, 1)


def test_turbo_fills_a_frame_with_a_part(world: World) -> None:
    """Only that place changes."""
    world.open(*TURBO)
    world.click("#inside")
    world.until("document.querySelector('turbo-frame#side i')")
    assert world.seen() == ("/s/turbo/votes", True, 1)
    assert world.browser.execute_script("return document.title") == "Votes"


def test_a_fetch_gets_the_content(world: World) -> None:
    """The browser itself says that it is no navigation."""
    world.open(*TURBO)
    got = world.browser.execute_async_script(
        "const done = arguments[0]; fetch('about').then(r => r.text()).then(done)"
    )
    assert got == "<p id='about'>about</p>"
