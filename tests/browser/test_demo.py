"""The demonstration as its reader sees it: from the login to the killed service and back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.reader import Reader
from tests.support.servers import run_command
from tests.unit.cli.demo_process import Demo, run_demo

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demonstration; each test votes in another poll."""
    with run_demo(tmp_path_factory.mktemp("data")) as running:
        yield running


@pytest.fixture
def reader(browser: Chrome, demo: Demo) -> Reader:
    """Somebody in front of it."""
    return Reader(browser, demo.running.url)


def test_a_visitor_looks_a_voter_votes(reader: Reader) -> None:
    """Without a login there is no button; with one, a click counts, once."""
    reader.open("/").click("main a", "Polls").click("main a", "Tea or coffee?")
    assert "Log in to vote" in reader.text
    assert not reader.has("main form")
    here = reader.path
    reader.click("header a", "Log in").log_in("Vera")
    assert reader.path == here
    reader.click(".polls-responses li:nth-child(1) button")
    assert "your vote is counted" in reader.text
    assert "3 votes" in reader.find(".polls-responses li:nth-child(1)").text
    reader.click(".polls-responses li:nth-child(2) button")
    assert "Your vote is changed" in reader.text
    assert "2 votes" in reader.find(".polls-responses li:nth-child(1)").text


def test_a_member_creates_a_poll_with_a_picture(reader: Reader, tmp_path: Path) -> None:
    """The upload comes back as an image; the poll is there for visitors too."""
    picture = tmp_path / "picture.png"
    picture.write_bytes(PNG)
    reader.open("/s/polls/create/").log_in("Max")
    assert reader.path == "/s/polls/create/"
    reader.find("#title").send_keys("Grüezi & <b>welcome</b>?")
    reader.find("#responses").send_keys("Yes\nNo")
    reader.find("#illustration").send_keys(str(picture))
    reader.click("main form button", "Create the poll")
    assert "Your poll is open" in reader.text
    assert reader.find("h1").text == "Grüezi & <b>welcome</b>?"
    width = "return document.querySelector('.polls-illustration').naturalWidth"
    assert reader.browser.execute_script(width) == 1
    reader.click("header button", "Log out").open("/s/polls/")
    assert "Grüezi & <b>welcome</b>?" in reader.text


def test_creating_is_denied_to_the_wrong_user(reader: Reader) -> None:
    """In the layout, with words, and with nothing of the service."""
    reader.open("/s/polls/create/").log_in("Vera")
    assert "For members only" in reader.text
    assert not reader.has("main form")
    assert "Vera Vogel" in reader.find("header").text


def test_an_administrator_sees_who_voted(reader: Reader) -> None:
    """With the full name, which the host knows."""
    reader.open("/login?next=/s/polls/show/1").log_in("Vera")
    reader.click(".polls-responses li:nth-child(1) button")
    reader.click("header button", "Log out").open("/s/polls/voters/1").log_in("Olga")
    assert "vera (Vera Vogel)" in reader.text


def test_the_results_are_downloaded(reader: Reader, tmp_path: Path) -> None:
    """As a file with a name."""
    folder = tmp_path / "downloads"
    behaviour = {"behavior": "allow", "downloadPath": str(folder)}
    reader.browser.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
    reader.open("/s/polls/show/2")
    reader.find("a[href$='export/2']").click()
    file, end = folder / "results-2.csv", time.monotonic() + 10
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert "Coffee" in file.read_text(encoding="utf-8-sig")


def test_notes_belong_to_the_organization_that_is_chosen(reader: Reader) -> None:
    """The switch in the bar changes what is shown; one who has a single organization has no switch."""
    reader.open("/s/notes/").log_in("Max")
    assert "Notes of Harbour Radio" in reader.text
    reader.find("[name=text]").send_keys("On Monday")
    reader.click("main form button")
    assert "On Monday" in reader.text
    reader.find("#plugit-organization").send_keys("City Theatre")
    reader.click("header form button", "Switch")
    assert "Notes of City Theatre" in reader.text
    assert "On Monday" not in reader.text
    reader.click("header button", "Log out").open("/s/notes/").log_in("Vera")
    assert "On Monday" in reader.text
    assert not reader.has("#plugit-organization")


def test_a_subscription_opens_the_archive(reader: Reader) -> None:
    """The page of the refusal leads to the site's own page, and that one back to where one wanted to go."""
    reader.open("/s/notes/").log_in("Olga")
    reader.click("main a", "Archive")
    assert "This needs a subscription" in reader.text
    reader.click("main a", "See subscriptions").click("main button", "Subscribe")
    assert reader.path == "/s/notes/archive/"
    assert "Archive of City Theatre" in reader.text
    reader.open("/billing").click("main button", "End it").open("/s/notes/archive/")
    assert "This needs a subscription" in reader.text


def test_the_service_is_killed_and_comes_back(browser: Chrome, tmp_path: Path) -> None:
    """The visitor keeps the site, the login and the other service; then everything is as before."""
    with run_demo(tmp_path) as demo:
        reader = Reader(browser, demo.running.url)
        reader.open("/login").log_in("Max")
        os.kill(demo.pid, signal.SIGKILL)
        end = time.monotonic() + 10
        while "does not work just now" not in reader.open("/s/polls/").text and time.monotonic() < end:
            time.sleep(0.05)
        assert "This service does not work just now" in reader.text
        assert "Max Moser" in reader.find("header").text
        assert "Notes of Harbour Radio" in reader.open("/s/notes/").text
        reader.open("/s/polls/").click("main a", "Start page of the site")
        assert "has ended" in reader.text
        with run_command(demo.command, ready="Serving "):
            reader.open("/s/polls/")
            assert "Tea or coffee?" in reader.text
            assert "Max Moser" in reader.find("header").text
        assert "Traceback" not in demo.running.output()


@pytest.mark.parametrize("width", [375, 1280])
def test_the_operations_page_fits(reader: Reader, width: int) -> None:
    """On a phone as on a desk, without scripts of its own."""
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    reader.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        reader.open("/s/polls/").open("/s/_operations/")
        assert "This is what process" in reader.text
        assert "of 16 places" in reader.text
        assert reader.browser.execute_script(
            "return [document.documentElement, document.querySelector('.table-responsive')]"
            ".every(box => box.scrollWidth <= box.clientWidth)"
        )
        assert not reader.has("main script")
    finally:
        reader.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
