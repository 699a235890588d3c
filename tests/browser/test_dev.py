"""The development host in a real browser: its switches, wide and on a phone, in both layouts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.browser.reader import Reader
from tests.support.servers import run_command

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

COMMAND = [sys.executable, "-m", "plugit_wsgi.cli"]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a development host in front of the notes, in organization mode."""
    data = {"NOTES_DATABASE": str(tmp_path_factory.mktemp("data") / "notes")}
    notes = [*COMMAND, "serve", "examples/notes", "--port", "0"]
    with run_command(notes, ready="Serving ", env=data) as service:
        dev = [*COMMAND, "dev", service.url, "--port", "0", "--organizations"]
        with run_command(dev, ready="Serving ") as running:
            yield running.url.removesuffix("/s/app")


@pytest.fixture
def reader(browser: Chrome, host: str) -> Reader:
    """Somebody in front of it."""
    return Reader(browser, host)


def switch(reader: Reader, field: str, choice: str) -> None:
    """Chooses from a switch of the bar."""
    from selenium.webdriver.support.ui import Select

    Select(reader.find(f"#dev-{field}")).select_by_visible_text(choice)
    reader.click(f"form:has(#dev-{field}) button")


def chosen(reader: Reader, field: str) -> str:
    """What a switch of the bar shows."""
    script = f"const s = document.querySelector('#dev-{field}'); return s.options[s.selectedIndex].text"
    return str(reader.browser.execute_script(script))


def test_user_and_organization_are_switched(reader: Reader) -> None:
    """The page stays, what it shows changes."""
    reader.open("/s/app/")
    assert "For members of the organization only" in reader.text
    assert (chosen(reader, "user"), chosen(reader, "organization")) == ("Anonymous", "EBU")
    switch(reader, "user", "Member")
    assert "Notes of EBU" in reader.text
    reader.find("[name=text]").send_keys("For EBU")
    reader.click("main form button")
    assert "For EBU" in reader.text
    assert not reader.has("form[action*=delete]")
    switch(reader, "organization", "RTS")
    assert "Notes of RTS" in reader.text
    assert "For EBU" not in reader.text
    switch(reader, "user", "Administrator")
    assert (chosen(reader, "user"), chosen(reader, "organization")) == ("Administrator", "RTS")
    switch(reader, "organization", "EBU")
    assert reader.has("form[action*=delete]")
    switch(reader, "user", "Logged in")
    assert "For members of the organization only" in reader.text


@pytest.mark.parametrize("layout", ["modern", "classic"])
def test_the_switches_work_on_a_phone(reader: Reader, layout: str) -> None:
    """Behind the button of the bar; nothing is wider than the screen."""
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    if layout == "classic":
        reader.open("/").click("main form button")
    reader.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        reader.open("/s/app/")
        assert not reader.find("#dev-user").is_displayed()
        reader.find("header nav button").click()
        open_bar = "return document.querySelector('#plugit-navbar').matches('.collapse.show, .collapse.in')"
        wait_until(reader.browser, open_bar)
        switch(reader, "user", "Administrator")
        assert "Notes of EBU" in reader.text
        for page in ("/s/app/", "/"):
            width = "return document.documentElement.scrollWidth"
            assert reader.open(page).browser.execute_script(width) <= 390
    finally:
        reader.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def wait_until(browser: Chrome, script: str) -> None:
    """Until a script says so."""
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(browser, 5, poll_frequency=0.02).until(lambda driver: driver.execute_script(script))


def test_the_page_of_the_host_leads_to_the_service(reader: Reader) -> None:
    """And shows the calls that were made."""
    reader.open("/")
    reader.click("main a", "Look at the service")
    assert reader.path == "/s/app/"
    reader.click("header a", "plugit-wsgi dev")
    assert "only_orga_member_user" in reader.find("#calls").text
