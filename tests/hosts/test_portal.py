"""What the portal in Django has beside services: an account, plans, and an admin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.hosts.guest import Guest
from tests.hosts.markup import Document
from tests.hosts.site import ADA, LISA, MAX, Site
from tests.hosts.test_layout import check_look
from tests.hosts.test_walk import SCREENSHOTS, WINDOWS, keep_picture, look_around

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

HOSTS = ("django",)
PAGES = (
    ("/", LISA),
    ("/login", ""),
    ("/account", MAX),
    ("/password", MAX),
    ("/billing", ADA),
    ("/billing?next=/s/polls/&service=polls&label=archive", LISA),
    ("/admin/", ADA),
    ("/admin/portal/subscription/", ADA),
    ("/admin/portal/subscription/add/", ADA),
)


def test_own_pages_have_the_sites_look(site: Site) -> None:
    """The account tells the example's organization and its subscription."""
    visitor = site.visitor(MAX)
    assert "Radio One: member" in check_look(site, visitor.get("/account")).text("main")
    assert "Gold Radio One" in Document(visitor.get("/account")).text("main")
    assert "Day ticket" in check_look(site, visitor.get("/billing")).text("main")


def test_a_click_subscribes_and_leads_back(site: Site) -> None:
    """Whatever the SCRIPT_NAME."""
    visitor = site.visitor(LISA)
    plans = visitor.get("/billing", params={"next": f"{site.run.below}/s/polls/", "service": "polls"})
    page = visitor.submit(plans, "/billing")
    assert visitor.path(page) == "/s/polls/"
    assert "Subscribed to" in page.text
    assert "yourself" in Document(visitor.get("/account")).text("main")


def test_the_admin_is_there_with_its_stylesheets(site: Site) -> None:
    """Its login is that of the admin, and its pages are for those who manage."""
    page = site.visitor(ADA).get("/admin/portal/subscription/")
    assert page.status_code == 200
    assert re.search(r"\d subscription", page.text)
    sheets = Document(page).stylesheets
    assert sheets
    for href in sheets:
        assert site.visitor().get(href.removeprefix(site.run.below)).status_code == 200
    assert "/admin/login/" in site.visitor(MAX).get("/admin/").url


@pytest.fixture(params=WINDOWS)
def walker(request: pytest.FixtureRequest, browser: Chrome, site: Site) -> Iterator[Guest]:
    """Somebody with a large or a small window."""
    yield Guest(browser, site).look(*WINDOWS[request.param])
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_own_pages_fit_and_shut_nobody_out(walker: Guest, request: pytest.FixtureRequest) -> None:
    """On a phone and on a desktop."""
    size = str(request.node.callspec.params["walker"])
    found = []
    walker.complaints()
    for path, person in PAGES:
        walker.arrive(person).open(path)
        if SCREENSHOTS:
            name = re.sub(r"\W+", "-", path).strip("-") or "home"
            keep_picture(walker, f"-{name}-{size}")
        if path.startswith("/admin/"):  # what Django's own pages look like is Django's
            found += walker.complaints()
        else:
            found += look_around(walker, WINDOWS[size])
    assert found == []
