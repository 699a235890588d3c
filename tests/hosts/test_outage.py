"""A service that goes away takes nothing else with it, and comes back as it was."""

from __future__ import annotations

import time

import requests
from tests.hosts.frail import Frail
from tests.hosts.site import LISA, NAMES, Site, Visitor
from tests.hosts.test_layout import check_look

AWAY = (502, 503)


def wait_until_back(visitor: Visitor) -> requests.Response:
    """The page of the service, as soon as it is there again; who had asked often must wait a little."""
    end = time.monotonic() + 15
    while (page := visitor.get("/s/weather/")).status_code in AWAY and time.monotonic() < end:
        time.sleep(0.2)
    return page


def test_a_service_goes_and_comes(site: Site, frail: Frail) -> None:
    """Meanwhile a page in the host's look says so; the host's pages and other services are untouched."""
    visitor = site.visitor(LISA)
    assert "Sunny" in visitor.get("/s/weather/").text
    home = visitor.get("/").text
    with frail.gone():
        page = visitor.get("/s/weather/")
        read = check_look(site, page)
        assert page.status_code in AWAY
        assert "The rest of the site is fine" in read.text("main")
        assert NAMES[LISA] in read.text("header")
        assert visitor.head("/s/weather/").status_code in AWAY
        assert visitor.get("/").status_code == 200
        assert len(visitor.get("/").text) == len(home)
        assert visitor.get("/s/polls/").status_code == 200
    page = wait_until_back(visitor)
    assert "Sunny, 21 degrees" in check_look(site, page).text("main")
