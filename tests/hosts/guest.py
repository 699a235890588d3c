"""Somebody in front of a real browser, at one of the hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.axe import find_barriers
from tests.browser.reader import Reader
from tests.hosts.site import NAMES, Site

if TYPE_CHECKING:
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

_SHOWS_FOCUS = """
return [null, "::file-selector-button"].some(part => {
  const style = getComputedStyle(arguments[0], part);
  return style.outlineStyle !== "none" || style.boxShadow !== "none";
});
"""


class Guest(Reader):
    """One per test."""

    def __init__(self, browser: Chrome, site: Site) -> None:
        super().__init__(browser, site.home)
        self.site = site

    def log_in(self, person: str) -> Guest:
        """By the button on the login page, or by name and password."""
        if self.site.run.asks_passwords:
            for name, value in self.site.run.credentials(person).items():
                self.find(f"main [name={name}]").send_keys(value)
            self.click("main form button")
        else:
            self.click(f"main [name=person][value='{person}']")
        assert NAMES[person] in self.find("header").text
        return self

    def log_in_by_keys(self, person: str) -> None:
        """As `log_in`, by the keyboard alone."""
        from selenium.webdriver.common.keys import Keys

        if self.site.run.asks_passwords:
            for name, value in self.site.run.credentials(person).items():
                if self.browser.switch_to.active_element != self.find(f"main [name={name}]"):
                    self.tab_to(f"main [name={name}]")
                self.press(value)
        else:
            self.tab_to(f"main [name=person][value='{person}']")
        self.turn_page(lambda: self.press(Keys.ENTER))

    def arrive(self, person: str) -> Guest:
        """Logged in as `person`, or as nobody, by the cookies of somebody who has done that before."""
        self.browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
        for cookie in self.site.visitor(person).cookies:
            kept = {"name": cookie.name, "value": cookie.value, "url": self.url, "path": cookie.path}
            self.browser.execute_cdp_cmd("Network.setCookie", {**kept, "httpOnly": True})
        return self

    def look(self, width: int, height: int) -> Guest:
        """Through a window of that size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        return self

    def press(self, *keys: str) -> WebElement:
        """Keys, wherever the focus is; gives where it is then."""
        from selenium.webdriver import ActionChains

        ActionChains(self.browser).send_keys(*keys).perform()
        return self.browser.switch_to.active_element

    def tab_to(self, selector: str) -> WebElement:
        """By the keyboard alone. Every stop on the way can be seen to have the focus."""
        from selenium.webdriver.common.keys import Keys

        wanted = self.find(selector)
        for _ in range(40):
            stop = self.press(Keys.TAB)
            assert self.shows_focus(stop), f"no sign of the focus on {stop.get_attribute('outerHTML')}"
            if stop == wanted:
                return stop
        raise AssertionError(f"{selector} cannot be reached by the keyboard on {self.path}")

    def shows_focus(self, element: WebElement) -> bool:
        """An outline, or a shadow in its place; a field for files may show it on its button."""
        return bool(self.browser.execute_script(_SHOWS_FOCUS, element))

    def complaints(self) -> list[str]:
        """What the browser's console says since the last look, but for the status of the page itself."""
        lines = [line["message"] for line in self.browser.get_log("browser")]
        here = f"{self.browser.current_url} - Failed to load resource: the server responded with a status"
        return [line for line in lines if not line.startswith(here)]

    def barriers(self) -> list[str]:
        """What axe-core finds on this page."""
        return find_barriers(self.browser)

    def style(self, selector: str, name: str) -> str:
        """A computed one."""
        return str(self.find(selector).value_of_css_property(name))

    @property
    def width(self) -> int:
        """What the page needs; more than the window is a bar to scroll sideways."""
        return int(self.browser.execute_script("return document.scrollingElement.scrollWidth"))
