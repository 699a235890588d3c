"""A page of the host with pieces of four services, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.support.four_pieces import SECONDS, SHOWN, four_services, make_host

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

TOOK = "const t = performance.getEntriesByType('navigation')[0]; return t.responseEnd - t.requestStart"


def test_one_hangs_one_is_denied_one_is_broken_one_is_fine(
    browser: Chrome, serve: Callable[[Any], str]
) -> None:
    """The right four things, within the deadline; the style of the fine one is in the head, and counts."""
    with four_services(serve) as urls:
        host = make_host(urls)
        try:
            browser.get(serve(host) + "/")
            assert browser.find_element("css selector", "main").text == SHOWN
            assert SECONDS <= browser.execute_script(TOOK) / 1000 < SECONDS + 0.7
            piece = browser.find_element("css selector", "main > b.piece")
            assert piece.value_of_css_property("color") == "rgba(1, 2, 3, 1)"
            assert len(browser.find_elements("css selector", "head > style")) == 1
            assert browser.get_log("browser") == []
        finally:
            host.close()
