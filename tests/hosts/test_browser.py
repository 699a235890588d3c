"""The hosts in a real browser, as a visitor clicks and types."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.test_demo import PNG
from tests.hosts.frail import Frail
from tests.hosts.guest import Guest
from tests.hosts.site import ADA, LISA, MAX, NAMES, Site, number_of, vote_for

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

AWAY = "The rest of the site is fine"


@pytest.fixture
def guest(browser: Chrome, site: Site) -> Guest:
    return Guest(browser, site)


@pytest.fixture
def poll(site: Site) -> str:
    """One without votes."""
    return site.visitor(ADA).create_poll("What do you like?")


def vote_button(poll: str) -> str:
    return f"form[action$='{vote_for(poll)}'] button"


def test_from_the_home_page_to_a_vote(guest: Guest, poll: str) -> None:
    """The host's link, the service's pages, the host's login, the service's form, the host's logout."""
    guest.open("/").click("main a[href$='/s/polls/']").click(f"main a[href$='{poll}']")
    assert "Log in to vote" in guest.text
    guest.open("/login?next=" + poll).log_in(LISA)
    assert guest.path == poll
    guest.click(vote_button(poll))
    assert "Thank you, your vote is counted" in guest.text
    assert guest.path == poll
    assert "You looked at" in guest.open("/s/polls/").text
    guest.click("header form button")
    assert NAMES[LISA] not in guest.find("header").text
    guest.open(poll)
    assert "your vote" not in guest.text
    assert guest.complaints() == []


def test_a_picture_is_uploaded(guest: Guest, tmp_path: Path) -> None:
    """By the file field of the service's form, after the login on the way to it."""
    picture = tmp_path / "picture.png"
    picture.write_bytes(PNG)
    guest.open("/s/polls/create/").log_in(MAX)
    assert guest.path == "/s/polls/create/"
    guest.find("#title").send_keys("Grüezi & <b>welcome</b>?")
    guest.find("#responses").send_keys("Yes\nNo")
    guest.find("#illustration").send_keys(str(picture))
    guest.click("main form[enctype] button")
    assert guest.find("h1").text == "Grüezi & <b>welcome</b>?"
    width = "return document.querySelector('.polls-illustration').naturalWidth"
    assert guest.browser.execute_script(width) == 1


def test_the_organization_is_switched(guest: Guest) -> None:
    """By the host's own control for it."""
    guest.arrive(MAX).open("/s/notes/")
    assert "Notes of Radio One" in guest.text
    switch = "form[action$='/s/notes/ebuio_setOrga']"
    if guest.has(f"{switch} select"):
        guest.find(f"{switch} option[value='2']").click()
        guest.click(f"{switch} button")
    else:
        guest.click(f"{switch} [name=organization][value='2']")
    assert "Notes of Radio Two" in guest.text


def test_a_form_that_lost_its_token_is_refused(guest: Guest, poll: str) -> None:
    """In the host's look, with words; nothing is counted."""
    guest.arrive(LISA).open(poll)
    guest.browser.execute_script(
        "document.querySelectorAll('main input[type=hidden]').forEach(e => e.remove())"
    )
    guest.click(vote_button(poll))
    assert "Please send that once more" in guest.text
    assert NAMES[LISA] in guest.find("header").text
    assert "Nobody has voted yet" in guest.open(poll).text


def test_a_page_of_another_site_sends_nothing_in_a_visitors_name(
    guest: Guest, poll: str, serve: Callable[[Any], str]
) -> None:
    """The browser keeps the cookie back and names the other site; either is enough."""

    def evil(_environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        form = f"<form method='post' action='{guest.url}{vote_for(poll)}'><button>A kitten</button></form>"
        return [form.encode()]

    guest.arrive(LISA)
    guest.browser.get(serve(evil).replace("127.0.0.1", "localhost"))
    guest.click("button")
    assert guest.browser.current_url.startswith(guest.url)
    assert "vote is counted" not in guest.text
    assert "Nobody has voted yet" in guest.open(poll).text


def test_a_page_is_denied(guest: Guest, poll: str) -> None:
    """To the wrong person; the frame says who that is, and leads on."""
    voters = f"/s/polls/voters/{number_of(poll)}"
    guest.arrive(LISA).open(voters)
    assert "For administrators only" in guest.text
    assert NAMES[LISA] in guest.find("header").text
    assert guest.open("/login?next=" + voters).log_in(ADA).path == voters
    assert "Nobody has voted yet" in guest.text


def test_a_service_is_killed_and_comes_back(guest: Guest, frail: Frail) -> None:
    """The visitor keeps the site, the login and the other services."""
    guest.arrive(MAX).open("/s/weather/")
    assert "Sunny" in guest.text
    with frail.gone():
        assert AWAY in guest.open("/s/weather/").text
        assert NAMES[MAX] in guest.find("header").text
        guest.click("header a")
        assert "Welcome to" in guest.text
        assert "Polls" in guest.open("/s/polls/").text
    end = time.monotonic() + 15
    while AWAY in guest.open("/s/weather/").text and time.monotonic() < end:
        time.sleep(0.2)
    assert "Sunny, 21 degrees" in guest.text


def test_everything_goes_by_the_keyboard(guest: Guest, poll: str) -> None:
    """Login, a vote, a form with fields; the focus is seen all the way."""
    from selenium.webdriver.common.keys import Keys

    guest.open("/login?next=" + poll)
    guest.log_in_by_keys(MAX)
    assert guest.path == poll
    guest.tab_to(vote_button(poll))
    guest.turn_page(lambda: guest.press(Keys.ENTER))
    assert "your vote is counted" in guest.text
    guest.open("/s/polls/create/").tab_to("#title")
    guest.press("By keys alone?")
    guest.tab_to("#responses")
    guest.press("Yes", Keys.ENTER, "No")
    guest.tab_to("main form[enctype] button")
    guest.turn_page(lambda: guest.press(Keys.SPACE))
    assert guest.find("h1").text == "By keys alone?"
