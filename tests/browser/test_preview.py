"""A preview as its visitor sees it: the link, the button, the bar, the way out; and links that do nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.axe import find_barriers
from tests.browser.reader import Reader

from plugit_wsgi import BootstrapLayout, CapturedLayout, PlugItMiddleware, Service, Variant
from plugit_wsgi.clock import SystemClock
from plugit_wsgi.testing.fake_service import FakeService
from plugit_wsgi.variants.preview import Previews, link_url
from plugit_wsgi.wire.keys import Purpose, load_secrets

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SECRET = "a secret of the tests, long enough."
PREVIEWS = Previews(load_secrets(SECRET).derived(Purpose.PREVIEW), SystemClock())
BAR = "section.plugit-preview"
TEMPLATE = """{% extends "plugIt/base.html" %}{% block title %}Polls{% endblock %}
{% block content %}<h1>{{ title }}</h1><p>What do we have at eleven?</p>
<form method="post" action="{{ ebuio_baseUrl }}vote">{% csrf_token %}
<button class="btn btn-primary">Tea</button></form>{% endblock %}"""
CAPTURED = b"""<!DOCTYPE html><html lang="en"><head><title><!--plugit:title--></title>
<link rel="icon" href="data:,"><!--plugit:head--></head>
<body><header>My radio</header><main><!--plugit:content--></main></body></html>"""


def deployment(title: str) -> FakeService:
    service = FakeService()
    service.action("/", template=TEMPLATE, answer={"title": title})
    service.action("/vote", template=TEMPLATE, answer={"title": f"{title}: thank you"})
    return service


def host_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html")])
    return [CAPTURED]


class World:
    """A browser in front of a site with a service that has a variant."""

    def __init__(self, browser: Chrome, serve: Callable[[Any], str], layout: Any) -> None:
        variant = Variant("next", serve(deployment("Faster polls")))
        services = [
            Service("polls", serve(deployment("Polls")), variants=[variant]),
            Service("notes", serve(deployment("Notes"))),
        ]
        self.middleware = PlugItMiddleware(host_app, services, SECRET, layout=layout)
        self.url = serve(self.middleware)
        self.reader = Reader(browser, self.url)

    def link(self, service: str = "polls", variant: str = "next") -> str:
        """As the command prints it, for two hours."""
        return link_url(f"/s/{service}/", PREVIEWS.link_token(service, variant, 7200))

    def cookies(self) -> list[str]:
        """Names of those of previews, wherever they are."""
        found = self.reader.browser.execute_cdp_cmd("Network.getAllCookies", {})["cookies"]
        return [item["name"] for item in found if "preview" in item["name"]]


LAYOUTS = {
    "modern": lambda: BootstrapLayout(site_name="Example Radio"),
    "classic": lambda: BootstrapLayout(classic=True),
    "captured": lambda: CapturedLayout("/layout"),
}


@pytest.fixture(params=LAYOUTS)
def world(browser: Chrome, serve: Callable[[Any], str], request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(browser, serve, LAYOUTS[request.param]())
    yield world
    world.middleware.close()


def test_a_preview_from_the_link_to_the_way_out(world: World) -> None:
    """The link says what it does and does nothing; the button starts it; each page says so, and ends it."""
    reader = world.reader
    barriers = {}
    reader.open(world.link())
    assert "This link shows you the variant next of polls" in reader.text
    assert "that is for about 2 hours" in reader.text
    assert world.cookies() == []
    assert reader.open("/s/polls/").find("h1").text == "Polls"
    reader.open(world.link())
    barriers["link"] = find_barriers(reader.browser)
    reader.click("main button", "Start the preview")
    assert (reader.path, reader.find("h1").text) == ("/s/polls/", "Faster polls")
    assert reader.find(BAR).text.startswith("Preview: you see the variant next of polls.")
    assert len(reader.browser.find_elements("css selector", BAR)) == 1
    assert world.cookies() == ["plugit-preview.polls"]
    barriers["bar"] = find_barriers(reader.browser)
    reader.click("main form button", "Tea")
    assert reader.find("h1").text == "Faster polls: thank you"
    assert reader.has(BAR)
    assert not reader.open("/s/notes/").has(BAR)
    reader.open("/s/polls/nothing")
    assert "Page not found" in reader.text
    assert reader.has(BAR), "no way out of an error page"
    reader.click(f"{BAR} button", "Leave the preview")
    assert (reader.path, reader.find("h1").text) == ("/s/polls/", "Polls")
    assert not reader.has(BAR)
    assert world.cookies() == []
    assert {name: found for name, found in barriers.items() if found} == {}


@pytest.mark.parametrize(
    ("link", "title"),
    [
        (lambda world: world.link()[:-1], "This link has been altered"),
        (lambda world: world.link().replace("token=", "token=x"), "This link has been altered"),
        (lambda world: world.link("notes").replace("/notes/", "/polls/"), "This link is for another service"),
        (lambda world: world.link("polls", "gone"), "There is nothing to preview any more"),
        (lambda world: world.link("notes", "next"), "There is nothing to preview any more"),
    ],
    ids=[
        "cut",
        "altered",
        "of another service",
        "of a variant that is gone",
        "of a service without variants",
    ],
)
@pytest.mark.parametrize("world", ["modern"], indirect=True)
def test_a_link_that_does_nothing(world: World, link: Callable[[World], str], title: str) -> None:
    """One sentence, in the layout; the visitor goes on with what everybody sees."""
    address = link(world)
    reader = world.reader.open(address)
    assert reader.find("h1").text == title
    assert find_barriers(reader.browser) == []
    assert not reader.has("main form")
    reader.click("main a", "Go on to")
    assert reader.path == f"/s/{address.split('/')[2]}/"
    assert reader.find("h1").text in ("Polls", "Notes")
    assert world.cookies() == []


@pytest.mark.parametrize("world", ["modern"], indirect=True)
def test_a_preview_ends_by_itself(world: World) -> None:
    """The browser forgets the cookie when the link is over, and the next page is as others see it."""
    reader = world.reader
    reader.open(world.link()).click("main button", "Start the preview")
    cookies = reader.browser.execute_cdp_cmd("Network.getAllCookies", {})["cookies"]
    (cookie,) = [item for item in cookies if "preview" in item["name"]]
    assert cookie["path"] == "/s/polls/"
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    assert 7100 < cookie["expires"] - time.time() <= 7230


@pytest.mark.parametrize("world", ["modern"], indirect=True)
def test_a_cookie_that_was_altered_is_forgotten(world: World) -> None:
    """Without a word: the page is that of everybody else."""
    reader = world.reader
    reader.open(world.link()).click("main button", "Start the preview")
    cookies = reader.browser.execute_cdp_cmd("Network.getAllCookies", {})["cookies"]
    (cookie,) = [item for item in cookies if "preview" in item["name"]]
    altered = {
        "url": f"{world.url}/s/polls/",
        "path": "/s/polls/",
        "value": cookie["value"][:-2],
        "name": cookie["name"],
    }
    reader.browser.execute_cdp_cmd("Network.setCookie", altered)
    assert reader.open("/s/polls/").find("h1").text == "Polls"
    assert not reader.has(BAR)
    assert world.cookies() == []
