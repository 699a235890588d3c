"""The tour of docs/rollout.md, in its words: its files, its commands, and what one then sees.

With SCREENSHOTS=FOLDER in the environment (`make screenshots`), the pages are pictured there.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.reader import Reader
from tests.support import planted
from tests.support.servers import ROOT, run_command

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

TEXT = (ROOT / "docs" / "rollout.md").read_text(encoding="utf-8")
FILES = re.findall(r"```toml\n(.*?)```", TEXT, re.S)
COMMANDS = re.findall(r"^plugit-wsgi ((?:preview|key) .*)$", TEXT, re.M)
SED = re.findall(r"^sed -i 's\|(.*)\|(.*)\|' polls-next/(\S+)$", TEXT, re.M)
SECRET = planted.SECRET
SCREENSHOTS = os.environ.get("SCREENSHOTS")
WITHIN = 10.0
PLUGIT = [sys.executable, "-c", "import sys; from plugit_wsgi.cli import main; sys.exit(main())"]


class Tour:
    """Two versions of the voting service, a site, and somebody who looks at it."""

    def __init__(self, browser: Chrome, folder: Path, running: ExitStack, port: int) -> None:
        self._folder = folder
        env = {"POLLS_DATABASE": str(folder / "polls.sqlite3")}
        ((old, new, name),) = SED
        shutil.copytree(ROOT / "examples" / "polls", folder / "polls-next")
        page = folder / "polls-next" / name
        assert old in page.read_text(encoding="utf-8")
        page.write_text(page.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        self._urls = {}
        for number, path in (("5000", ROOT / "examples" / "polls"), ("5002", folder / "polls-next")):
            serve = [*PLUGIT, "serve", str(path), "--port", "0"]
            self._urls[f"http://127.0.0.1:{number}"] = running.enter_context(
                run_command(serve, ready="Serving ", env=env)
            ).url
        self.write(FILES[0])
        site = [sys.executable, str(ROOT / "examples" / "wsgi" / "app.py")]
        env = {"PLUGIT_FILE": str(self.file), "PLUGIT_SECRET_KEY": SECRET, "PORT": str(port)}
        self.url = running.enter_context(run_command(site, ready="Serving ", env=env)).url
        self.reader = Reader(browser, self.url)

    @property
    def file(self) -> Path:
        return self._folder / "plugit.toml"

    def write(self, text: str) -> None:
        """The file of the site; where it is a part of it, below the rest."""
        text = text if "[[services]]" in text else FILES[0] + "\n" + text
        for known, url in self._urls.items():
            text = text.replace(known, url)
        self.file.write_text(text, encoding="utf-8")

    def say(self, command: str) -> str:
        """What a command of the page prints."""
        words = command.replace("http://127.0.0.1:4000", self.url).split()
        env = {**os.environ, "PLUGIT_SECRET_KEY": SECRET}
        done = subprocess.run([*PLUGIT, *words], cwd=self._folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def wait(self, is_there: Callable[[], bool]) -> float:
        """Looks at the page until it is so; gives the seconds that it took."""
        started = time.monotonic()
        while not is_there():
            assert time.monotonic() < started + WITHIN, self.reader.find("body").text
            time.sleep(0.05)
        return time.monotonic() - started

    def heading(self) -> str:
        return self.reader.open("/s/polls/").find("h1").text

    def log_in(self, person: str) -> None:
        self.reader.browser.delete_all_cookies()
        self.reader.open("/login").click(f"button[value='{person}']")

    def keep_picture(self, name: str, selector: str = "") -> None:
        """In the folder that was asked for; of the page's beginning, or from an element on."""
        if not SCREENSHOTS:
            return
        browser = self.reader.browser
        size = {"width": 900, "height": 460, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        if selector:
            browser.execute_script("arguments[0].scrollIntoView()", self.reader.find(selector))
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": False})
        Path(SCREENSHOTS, f"{name}.png").write_bytes(base64.b64decode(shot["data"]))


@pytest.fixture
def tour(browser: Chrome, tmp_path: Path, free_port: int) -> Iterator[Tour]:
    with ExitStack() as running:
        yield Tour(browser, tmp_path, running, free_port)


@pytest.mark.slow
def test_the_tour(tour: Tour) -> None:
    """From a laptop to everybody, and back."""
    reader = tour.reader
    old, new = "Polls", "Polls, the next version"
    _first, for_nobody, by_name, five_percent, back, last = FILES
    assert tour.heading() == old

    tour.write(for_nobody)
    tour.log_in("3")
    tour.wait(lambda: "main deployment" in reader.open("/s/_operations/").text)
    assert tour.heading() == old

    key, preview = sorted(COMMANDS)
    assert len(tour.say(key)) == 43
    link = tour.say(preview).removeprefix(tour.url)
    reader.browser.delete_all_cookies()
    assert "variant next of polls, in this browser" in reader.open(link).text
    tour.keep_picture("preview-link")
    reader.click("main button", "Start the preview")
    assert reader.find("h1").text == new
    tour.keep_picture("preview-bar")
    reader.click(".plugit-preview button")
    assert reader.find("h1").text == old
    tour.keep_picture("preview-left")
    assert "This link has been altered" in reader.open(link[:-1]).text
    tour.keep_picture("preview-altered")

    tour.write(by_name)
    tour.log_in("1")
    tour.wait(lambda: tour.heading() == new)
    assert not reader.has(".plugit-preview")
    tour.log_in("2")
    assert tour.heading() == old

    tour.write(five_percent)
    tour.log_in("3")
    tour.wait(lambda: "next percent from 0 to 5" in reader.open("/s/_operations/").text)
    tour.write(five_percent.replace("percent = 5", "percent = 20"))
    tour.wait(lambda: "next percent from 5 to 20" in reader.open("/s/_operations/").text)
    tour.keep_picture("rollout-operations", "[aria-label=Variants]")
    tour.write(five_percent.replace("percent = 5", "percent = 100"))
    tour.wait(lambda: tour.heading() == new)

    tour.write(five_percent.replace("percent = 5", back.strip()))
    assert tour.wait(lambda: tour.heading() == old) < 2.5
    tour.write(last)
    tour.wait(lambda: tour.heading() == new)
    assert reader.open(link).find("h1").text == "There is nothing to preview any more"


def test_what_the_page_refuses(tmp_path: Path) -> None:
    """The sentences of its table are those that one gets."""
    base = 'secret_key = "' + SECRET + '"\n' + FILES[0]
    table = '[[services.variants]]\nname = "{name}"\nurl = "http://127.0.0.1:{port}"\npercent = {percent}\n'
    mistakes = [
        table.format(name="next", port=5002, percent=120),
        *(
            table.format(name="next", port=5002, percent=60)
            + table.format(name=name, port=5003, percent=percent)
            for name, percent in (("red", 60), ("next", 0))
        ),
        table.format(name="next", port=5000, percent=0),
    ]
    for mistake in mistakes:
        path = tmp_path / "plugit.toml"
        path.write_text(base + mistake, encoding="utf-8")
        command = f"preview polls next --for 1h --url http://127.0.0.1 --config {path}"
        done = subprocess.run([*PLUGIT, *command.split()], capture_output=True, text=True)
        sentence = done.stderr.removeprefix("plugit-wsgi preview: ").strip()
        assert f"`{sentence}`" in TEXT, sentence
