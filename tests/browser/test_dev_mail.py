"""Mail in the development host: an action sends it, it is read, and an answer comes back to the service."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.axe import find_barriers
from tests.browser.reader import Reader

from plugit_wsgi.cli.dev import create_app
from plugit_wsgi.sdk import PlugItAPI, PlugItRedirect, ServiceApp, action, json_only

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from selenium.webdriver import Chrome

HOSTILE = "</pre></title><script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
HTML = (
    "<h1>Tea won</h1><style>h1 {{ color: green }}</style>"
    "<img src='{api}../picture'><script>fetch('{api}../picture')</script>"
    "<form action='{api}../picture'><button>Go</button></form>"
)


class Desk:
    """A service that sends mail, and what it heard."""

    def __init__(self) -> None:
        self.api = PlugItAPI("http://127.0.0.1:1/")
        self.heard: list[str] = []

    def actions(self) -> SimpleNamespace:
        """Its actions."""

        @action("/")
        @json_only()
        def home(request: Any) -> Any:
            return {"heard": self.heard}

        @action("/send")
        def send(request: Any) -> Any:
            hostile = "x" in request.args
            text = HOSTILE if hostile else "Tea won, by a length."
            self.api.send_mail(
                HOSTILE if hostile else "polls@example.org",
                text,
                ["vera@example.org"],
                text,
                response_id=HOSTILE if hostile else "poll-1",
                html_message=HTML.format(api=self.api.url) + HOSTILE if hostile else "<p>Tea <b>won</b></p>",  # type: ignore[arg-type]
            )
            return PlugItRedirect("/")

        @action("/picture")
        @json_only()
        def picture(request: Any) -> Any:
            self.heard.append("the picture is asked for")
            return {}

        return SimpleNamespace(home=home, send=send, picture=picture)

    def take(self, request: Any) -> None:
        """The mail callback."""
        self.heard.append(f"{request.form['response_id']}: {request.form['message']}")


@pytest.fixture
def reader(browser: Chrome, serve: Callable[[WSGIApplication], str]) -> Reader:
    """Somebody in front of it."""
    desk = Desk()
    host = serve(create_app(serve(ServiceApp(desk.actions(), mail=desk.take))))
    desk.api = PlugItAPI(f"{host}/s/app/ebuio_api/")
    browser.get_log("browser")
    return Reader(browser, host)


def complaints(browser: Chrome) -> list[str]:
    """What the browser wrote into its console."""
    return [entry["message"] for entry in browser.get_log("browser")]


def test_a_mail_is_read_and_answered(reader: Reader) -> None:
    """From the action to the page, and from the page to the callback; by keyboard alone."""
    reader.open("/s/app/send")
    reader.open("/").click("header a", "Mail (1)").click("main a", "Tea won")
    assert reader.find("h1").text == "Tea won, by a length."
    assert "vera@example.org" in reader.text
    reader.browser.switch_to.frame(reader.find("iframe"))
    assert reader.find("b").text == "won"
    reader.browser.switch_to.default_content()
    assert find_barriers(reader.browser) == []
    reader.find("#mail-answer").send_keys("Grüezi & <b>merci</b>\nVera")
    reader.turn_page(lambda: reader.find("main form button").send_keys("\n"))
    assert "The service took this answer." in reader.text
    assert "Grüezi & <b>merci</b>\nVera" in reader.text
    assert find_barriers(reader.browser) == []
    assert complaints(reader.browser) == []
    heard = reader.open("/s/app/").find("body").text
    assert heard == '{"heard":["poll-1: Gr\\u00fcezi & <b>merci</b>\\nVera"]}'


@pytest.mark.parametrize("layout", ["modern", "classic"])
def test_the_pages_fit_a_phone(reader: Reader, layout: str) -> None:
    """In both layouts, with words that are too long for it, and without barriers."""
    if layout == "classic":
        reader.open("/").click("main form button")
    reader.open("/s/app/send?x=1").open("/s/app/send")
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    reader.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        for page in ("/s/_mail/", "/s/_mail/1", "/s/_mail/2", "/"):
            reader.open(page)
            assert reader.browser.execute_script("return document.documentElement.scrollWidth") <= 390
            assert find_barriers(reader.browser) == []
    finally:
        reader.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_nothing_of_a_hostile_mail_runs(reader: Reader) -> None:
    """In no field, nor in its HTML, which is shown; forms go nowhere, pictures are not loaded."""
    reader.open("/s/app/send?x=1").open("/s/_mail/")
    assert HOSTILE in reader.text
    reader.click("main li a")
    assert (reader.find("h1").text, reader.find("#mail-text").text) == (HOSTILE, HOSTILE)
    assert reader.browser.title.startswith(HOSTILE[:20])
    here = reader.browser.current_url
    reader.browser.switch_to.frame(reader.find("iframe"))
    assert reader.find("h1").text == "Tea won"
    assert reader.find("h1").value_of_css_property("color") == "rgba(0, 128, 0, 1)"
    reader.find("button").click()
    assert reader.find("h1").text == "Tea won"
    reader.browser.switch_to.default_content()
    assert reader.browser.current_url == here
    assert reader.browser.title.startswith(HOSTILE[:20])
    assert reader.open("/s/app/").find("body").text == '{"heard":[]}'
    reader.open("/s/app/picture")
    assert "the picture" in reader.open("/s/app/").find("body").text
