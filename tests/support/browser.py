"""A headless Chromium, driven through the machine's own chromedriver; nothing is downloaded."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.require import require

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
)
SIZE = (1280, 900)


def start_browser(profile: Path) -> Chrome:
    """Start a Chromium whose whole profile lives in `profile`; skip loudly where there is none.

    Page loads end after 20 s.
    """
    binary = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    require(bool(binary and driver), "chromium and chromedriver (`make system-deps` installs both)")
    # Here and not above: the suite of the oldest and newest Python has no use for a browser.
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(binary)
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    chrome.set_page_load_timeout(20)
    return chrome


def forget_everything(chrome: Chrome) -> None:
    """Bring a running browser back to how it started."""
    for extra in chrome.window_handles[1:]:
        chrome.switch_to.window(extra)
        chrome.close()
    chrome.switch_to.window(chrome.window_handles[0])
    chrome.get("about:blank")
    chrome.execute_cdp_cmd("Network.clearBrowserCookies", {})
    chrome.execute_cdp_cmd("Network.clearBrowserCache", {})
    chrome.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
    chrome.set_window_size(*SIZE)
