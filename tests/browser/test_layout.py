"""The bundled layout in a real browser: on a phone and on a desktop, in both generations of Bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import webob
from markupsafe import Markup
from tests.browser.axe import find_barriers

from plugit_wsgi.layout import BootstrapLayout
from plugit_wsgi.layout.assets import load_asset
from plugit_wsgi.layout.errors import error_fragment
from plugit_wsgi.page import Page
from plugit_wsgi.people import Organization, User

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

DESKTOP, PHONE = (1280, 800), (390, 844)
SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
ORGANIZATIONS = (Organization("-1", "European Broadcasting Union"), Organization("-2", "RTS"))
PAGE = Page(
    title="Polls",
    service="polls",
    mount="/s/polls/",
    assets="/s/_assets/",
    user=User("-2", "Member", "Member", "Luc"),
    organization=ORGANIZATIONS[1],
    organizations=ORGANIZATIONS,
    organization_url="/s/polls/ebuio_setOrga",
    csrf_token="token",
    menu=Markup(
        "<h3>Polls</h3><ul><li><a href='#all'>All polls</a></li><li><a href='#new'>New</a></li></ul>"
    ),
)
WIDE = "<table class='table'><tr>" + "<td>averylongword</td>" * 6 + "</tr></table>"
MODERN = Markup(
    f"""<h1>Polls</h1><p class="lead">{"long" * 60}</p>{WIDE}
    <div class="row"><div class="col-md-6" id="left">a</div><div class="col-md-6" id="right">b</div></div>
    <button class="btn btn-primary" id="more" data-bs-toggle="collapse" data-bs-target="#rest">More</button>
    <div class="collapse" id="rest">rest</div>"""
)
CLASSIC = Markup(
    f"""<h1>Polls</h1><p class="well well-small" id="well">{"long" * 60}</p>{WIDE}
    <div class="row">
    <div class="col-md-5" id="left">a</div><div class="col-md-6 col-md-offset-1" id="right">b</div>
    </div>
    <table class="table table-condensed"><tr><td id="condensed">x</td></tr></table>
    <div class="panel panel-default" id="panel"><div class="panel-body">Body</div></div>
    <a class="btn btn-default pull-right" id="pulled" href="#">Back</a>
    <span class="glyphicon glyphicon-star" id="star"></span>
    <button class="btn btn-default" id="more" data-toggle="collapse" data-target="#rest">More</button>
    <div class="collapse" id="rest">rest</div>
    <script>
      window.whileParsed = typeof $ + typeof $.fn.modal;
      $(function () {{ $("#well").text("changed by jQuery"); }});
    </script>"""
)


def error_page(status: int, reason: str = "", **more: Any) -> Page:
    fragment = error_fragment(status, reason, service="polls", **more)
    return replace(
        PAGE, title=fragment.title, content=fragment.content, menu=Markup(""), user=None, status=status
    )


PAGES: dict[str, tuple[bool, Page]] = {
    "modern": (False, replace(PAGE, content=MODERN)),
    "modern-stale": (False, replace(PAGE, content=MODERN, menu=Markup(""), is_stale=True)),
    "modern-403": (False, error_page(403, "only_logged_user", login_url="/login")),
    "modern-503": (False, error_page(503, retry_after=12)),
    "classic": (True, replace(PAGE, content=CLASSIC)),
    "classic-404": (True, error_page(404)),
}
LOGIN_BAR = (
    '<form><select class="form-control form-control-sm input-sm" aria-label="You are">'
    "<option>anonymous</option></select></form>"
)


class Site:
    """Serves the pages and the assets. Thread-safe: only appends.

    Attributes:
        missing: paths that were asked for and are not there.
        posted: bodies that were posted.
    """

    def __init__(self) -> None:
        self.missing: list[str] = []
        self.posted: list[dict[str, str]] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = webob.Request(environ)
        if request.method == "POST":
            self.posted.append(dict(request.POST))
            return list(webob.Response("done")(environ, start_response))
        return list(self._answer(request)(environ, start_response))

    def _answer(self, request: webob.Request) -> webob.Response:
        name = request.path_info.strip("/")
        asset = load_asset(request.path_info.removeprefix("/s/_assets/"))
        if asset:
            return webob.Response(body=asset.body, headerlist=[("Content-Type", asset.content_type)])
        if name in PAGES:
            return self._page(request, *PAGES[name])
        if name != "favicon.ico":
            self.missing.append(request.path_info)
        return webob.Response(status=204 if name == "favicon.ico" else 404)

    def _page(self, request: webob.Request, classic: bool, page: Page) -> webob.Response:
        layout = BootstrapLayout(
            classic=classic,
            site_name="A radio with a long name",
            navbar=lambda _page, _request: Markup(LOGIN_BAR),
        )
        response = webob.Response(layout(page, request))
        if "strict" in request.GET:
            response.headers["Content-Security-Policy"] = "default-src 'self'"
        return response


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def show(browser: Chrome, serve: Callable[[Any], str], site: Site) -> Iterator[Callable[..., Chrome]]:
    """`show(path, size)` opens a page in a window of that size; at the end nothing may have been missing."""
    base = serve(site)
    browser.get_log("browser")

    def open_page(path: str, size: tuple[int, int]) -> Chrome:
        width, height = size
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE},
        )
        browser.get(f"{base}/{path}")
        return browser

    yield open_page
    complaints = [line["message"] for line in browser.get_log("browser")]
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert (complaints, site.missing) == ([], [])


def is_shown(browser: Chrome, selector: str) -> bool:
    return browser.find_element("css selector", selector).is_displayed()


def wait_until(browser: Chrome, script: str) -> None:
    """Waits for a condition of the page, at most 5 s."""
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(browser, 5, poll_frequency=0.02).until(
        lambda chrome: chrome.execute_script(f"return {script}")
    )


def style(browser: Chrome, selector: str, name: str) -> str:
    value: str = browser.find_element("css selector", selector).value_of_css_property(name)
    return value


@SIZES
@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_the_window(
    show: Callable[..., Chrome], name: str, size: tuple[int, int]
) -> None:
    """A wide table scrolls in its place, a long word is broken; a strict policy finds nothing to forbid."""
    strict = "" if PAGES[name][0] and "404" not in name else "?strict"
    browser = show(name + strict, size)
    width = browser.execute_script("return document.scrollingElement.scrollWidth")
    assert width == size[0]


@pytest.mark.parametrize("name", PAGES)
def test_no_page_shuts_anybody_out(show: Callable[..., Chrome], name: str) -> None:
    """What axe-core can tell: contrast, names, landmarks, headings."""
    assert find_barriers(show(name, DESKTOP)) == []


@pytest.mark.parametrize("name", ["modern", "classic"])
def test_on_a_phone_navbar_and_menu_open_by_a_button(show: Callable[..., Chrome], name: str) -> None:
    """Both are closed at first, so that the visitor sees the content."""
    browser = show(name, PHONE)
    for button, target, inside in (
        ("header button", "#plugit-navbar", "#plugit-organization"),
        (".plugit-menu button", "#plugit-menu", "#plugit-menu a"),
    ):
        assert not is_shown(browser, inside)
        browser.find_element("css selector", button).click()
        wait_until(browser, f"/\\b(show|in)\\b/.test(document.querySelector('{target}').className)")
        assert is_shown(browser, inside)
        assert browser.find_element("css selector", button).get_attribute("aria-expanded") == "true"
    assert browser.execute_script("return document.scrollingElement.scrollWidth") == PHONE[0]


@pytest.mark.parametrize("name", ["modern", "classic"])
def test_on_a_desktop_everything_is_open(show: Callable[..., Chrome], name: str) -> None:
    """Navbar and menu are there, the menu beside the content, and no button for either."""
    browser = show(name, DESKTOP)
    assert is_shown(browser, "#plugit-organization")
    assert is_shown(browser, "#plugit-menu a")
    assert not is_shown(browser, "header nav > div button[aria-controls]")
    assert not is_shown(browser, ".plugit-menu button")
    menu, main = (browser.find_element("css selector", one).rect for one in (".plugit-menu", "main"))
    assert menu["x"] + menu["width"] <= main["x"]
    navbar = browser.find_element("css selector", "header nav").rect
    assert navbar["height"] < 70, "the navbar does not fit into one line"


@pytest.mark.parametrize("name", ["modern", "classic"])
def test_scripts_work_while_the_page_is_parsed_and_after(show: Callable[..., Chrome], name: str) -> None:
    """Bootstrap's data attributes in a service's content, and `$` in its scripts where it is classic."""
    browser = show(name, DESKTOP)
    browser.execute_script("document.querySelector('#more').click()")
    wait_until(browser, "document.querySelector('#rest').offsetHeight > 0")
    if name == "classic":
        assert browser.execute_script("return window.whileParsed") == "functionfunction"
        assert browser.find_element("css selector", "#well").text == "changed by jQuery"


def test_classic_class_names_look_as_they_did(show: Callable[..., Chrome]) -> None:
    """Well, panel, condensed table, offset column, pull-right and the icon font."""
    browser = show("classic", DESKTOP)
    assert style(browser, "#well", "background-color") == "rgba(245, 245, 245, 1)"
    assert style(browser, "#panel", "border-top-width") == "1px"
    assert style(browser, "#condensed", "padding-top") == "5px"
    assert style(browser, "#pulled", "float") == "right"
    assert float(style(browser, "#right", "margin-left").removesuffix("px")) > 50
    assert style(browser, "#star", "font-family").strip('"') == "Glyphicons Halflings"
    wait_until(browser, "document.fonts.check('16px \"Glyphicons Halflings\"')")


@pytest.mark.parametrize("name", ["modern", "classic"])
def test_the_organization_is_switched_by_a_post(show: Callable[..., Chrome], site: Site, name: str) -> None:
    """With the token, and the organization that was chosen."""
    browser = show(name, DESKTOP)
    browser.find_element("css selector", "#plugit-organization option").click()
    browser.find_element("css selector", "header form button").click()
    wait_until(browser, "location.pathname == '/s/polls/ebuio_setOrga'")
    assert site.posted == [{"csrfmiddlewaretoken": "token", "organization": "-1"}]


def test_the_first_tab_stop_skips_to_the_content(show: Callable[..., Chrome]) -> None:
    """Who uses the keyboard does not walk through the navbar on every page."""
    from selenium.webdriver.common.keys import Keys

    browser = show("modern", DESKTOP)
    browser.switch_to.active_element.send_keys(Keys.TAB)
    link = browser.switch_to.active_element
    assert (link.text, link.is_displayed()) == ("Skip to content", True)
    link.send_keys(Keys.ENTER)
    assert browser.execute_script("return document.activeElement.id") == "plugit-main"


def test_a_complaint_of_the_browser_would_be_seen(
    browser: Chrome, serve: Callable[[Any], str], site: Site
) -> None:
    """The tests above trust the browser's console: a script that is missing shows up there."""
    browser.get_log("browser")
    browser.get(serve(site) + "/modern")
    browser.execute_script(
        "document.head.append(Object.assign(document.createElement('script'), {src: '/gone.js'}))"
    )
    wait_until(browser, "performance.getEntriesByName(new URL('/gone.js', location).href).length")
    assert site.missing == ["/gone.js"]
    assert any("gone.js" in line["message"] for line in browser.get_log("browser"))
