"""Somebody who clicks through a site in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

CSS = "css selector"


class Reader:
    """Clicks through the site. One per test."""

    def __init__(self, browser: Chrome, url: str) -> None:
        self.browser = browser
        self.url = url

    def open(self, path: str) -> Reader:
        """Opens a page of the site."""
        self.browser.get(self.url + path)
        return self

    def find(self, selector: str) -> WebElement:
        """The first element."""
        return self.browser.find_element(CSS, selector)

    def has(self, selector: str) -> bool:
        """Whether there is one."""
        return bool(self.browser.find_elements(CSS, selector))

    def click(self, selector: str, text: str = "") -> Reader:
        """Clicks the first element with this text in it, and waits for the next page."""
        found = next(item for item in self.browser.find_elements(CSS, selector) if text in item.text)
        return self.turn_page(found.click)

    def turn_page(self, act: Callable[[], object]) -> Reader:
        """Does what leads to another page, and waits for that."""
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.wait import WebDriverWait

        def is_gone(_browser: Chrome) -> bool:
            # In the moment between two pages Chromium says so in other words than that it is stale.
            try:
                page.is_enabled()
            except WebDriverException:
                return True
            return False

        page = self.find("html")
        act()
        wait = WebDriverWait(self.browser, 10, poll_frequency=0.02)
        wait.until(is_gone)
        wait.until(lambda browser: browser.execute_script("return document.readyState") == "complete")
        return self

    def log_in(self, name: str) -> Reader:
        """As one of the people; from a login page."""
        form = next(
            number
            for number, item in enumerate(self.browser.find_elements(CSS, ".list-group-item"), 1)
            if name in item.text
        )
        return self.click(f".list-group-item:nth-of-type({form}) button")

    @property
    def text(self) -> str:
        """What the page says."""
        return self.find("main").text

    @property
    def path(self) -> str:
        """Where the browser is."""
        return self.browser.current_url.removeprefix(self.url)
