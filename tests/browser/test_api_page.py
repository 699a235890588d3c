"""The page that describes the API, in a real browser: in both layouts and in the development host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.axe import find_barriers
from tests.support.servers import serve_in_thread

from plugit_wsgi import PlugItMiddleware, Service
from plugit_wsgi.cli.dev import create_app
from plugit_wsgi.layout import BootstrapLayout

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from selenium.webdriver import Chrome


def make_host(classic: bool) -> WSGIApplication:
    """A host with a service that is never asked."""

    def site(environ: Any, start_response: Any) -> list[bytes]:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no page"]

    services = [Service("polls", "http://127.0.0.1:1")]
    return PlugItMiddleware(site, services, "a" * 32, layout=BootstrapLayout(classic=classic))


APPS: dict[str, tuple[Callable[[], WSGIApplication], str]] = {
    "modern": (lambda: make_host(classic=False), "/s/_api/"),
    "classic": (lambda: make_host(classic=True), "/s/_api/"),
    "development": (lambda: create_app("http://127.0.0.1:1"), "/s/app/ebuio_api/"),
}


@pytest.fixture(params=APPS)
def page(request: pytest.FixtureRequest, browser: Chrome) -> Iterator[Chrome]:
    """The page is open."""
    make, path = APPS[request.param]
    with ExitStack() as running:
        browser.get(running.enter_context(serve_in_thread(make())) + path)
        yield browser


def test_the_page_of_the_api(page: Chrome) -> None:
    """Shuts nobody out; nothing sticks out on a phone; its links lead to the calls and to the document."""
    assert find_barriers(page) == []
    assert page.find_element("css selector", "h1").text == "The API that services call"
    for link in page.find_elements("css selector", ".plugit-api li a"):
        target = link.get_attribute("href").rpartition("#")[2]
        assert page.find_element("id", target).text == link.text
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": True},
    )
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") == 375
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    page.find_element("link text", "OpenAPI document").click()
    assert '"openapi": "3.1.0"' in page.page_source
