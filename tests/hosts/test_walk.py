"""A walk through all kinds of pages of each host: nothing too wide, no complaints, no barriers.

With SCREENSHOTS=FOLDER in the environment (`make screenshots`), some pages are pictured there.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from tests.hosts.frail import Frail
from tests.hosts.guest import Guest
from tests.hosts.site import ADA, LISA, MAX, Site

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


class Stop(NamedTuple):
    """A page on the way, and whether a picture of it is kept."""

    path: str
    person: str = ""
    pictured: bool = False


WALK = (
    Stop("/"),
    Stop("/login?next=/s/polls/create/"),
    Stop("/s/polls/"),
    Stop("/s/polls/results/"),
    Stop("/s/polls/show/2", LISA, pictured=True),
    Stop("/s/polls/voters/2", LISA),
    Stop("/s/polls/show/999999", LISA),
    Stop("/s/polls/create/", MAX),
    Stop("/s/notes/", MAX),
    Stop("/s/polls/voters/2", ADA),
    Stop("/s/_api/", ADA),
)
WINDOWS = {"desktop": (1000, 700), "phone": (390, 720)}
SCREENSHOTS = os.environ.get("SCREENSHOTS")


@pytest.fixture(params=WINDOWS)
def walker(request: pytest.FixtureRequest, browser: Chrome, site: Site) -> Iterator[Guest]:
    """Somebody with a large or a small window."""
    yield Guest(browser, site).look(*WINDOWS[request.param])
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def look_around(walker: Guest, window: tuple[int, int]) -> list[str]:
    """What is wrong on this page."""
    found = [*walker.complaints(), *walker.barriers()]
    if walker.width > window[0]:
        found.append(f"{walker.width} wide")
    return [f"{walker.path}: {each}" for each in found]


def keep_picture(walker: Guest, name: str) -> None:
    """In the folder that was asked for."""
    shot = walker.browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
    Path(str(SCREENSHOTS), f"host-{walker.site.run.folder}{name}.png").write_bytes(
        base64.b64decode(shot["data"])
    )


def test_pages_fit_and_shut_nobody_out(walker: Guest, frail: Frail, request: pytest.FixtureRequest) -> None:
    """On a phone and on a desktop: pages of the host, of services, refusals, forms, and an outage."""
    size = str(request.node.callspec.params["walker"])
    found, person = [], None
    walker.complaints()
    for stop in WALK:
        if stop.person != person:
            walker.arrive(person := stop.person)
        found += look_around(walker.open(stop.path), WINDOWS[size])
        if SCREENSHOTS and stop.pictured:
            keep_picture(walker, "-phone" if size == "phone" else "")
    walker.arrive(MAX).open("/s/polls/create/").click("main form button")
    assert walker.has("main [aria-invalid]")
    found += look_around(walker, WINDOWS[size])
    with frail.gone():
        found += look_around(walker.open("/s/weather/"), WINDOWS[size])
    assert found == []


def test_a_barrier_would_be_found(browser: Chrome, site: Site) -> None:
    """The walk trusts axe-core: a picture without words, and pale text, are what it is there for."""
    guest = Guest(browser, site).open("/")
    browser.execute_script(
        "document.querySelector('main').innerHTML +="
        '\'<img src="data:,"><p style="color: #ddd; background: #fff">pale</p>\''
    )
    assert sorted(each.split()[1] for each in guest.barriers()) == ["color-contrast", "image-alt"]


def test_a_service_looks_at_home(browser: Chrome, site: Site) -> None:
    """One service, unchanged: its text, links and buttons are those of the site around it."""
    guest = Guest(browser, site).open("/")
    own = {name: guest.style("main", name) for name in ("font-family", "color")}
    heading, link = guest.style("main h1", "font-family"), guest.style("main a", "color")
    guest.arrive(MAX).open("/s/polls/")
    assert {name: guest.style(".polls", name) for name in own} == own
    assert guest.style(".polls h1", "font-family") == heading
    assert guest.style(".polls-title", "color") == link
    button = guest.style(".polls .btn-primary", "background-color")
    assert button not in ("rgba(0, 0, 0, 0)", "rgba(239, 239, 239, 1)"), "a button of nobody's look"
    assert guest.style(".polls .btn-primary", "text-decoration-line") == "none"
    guest.open("/s/polls/results/")  # bars are drawn in the main colour of the site
    assert guest.style(".polls-bar rect", "fill") not in ("rgb(13, 110, 253)", "rgb(0, 0, 0)"), (
        "a bar likewise"
    )
