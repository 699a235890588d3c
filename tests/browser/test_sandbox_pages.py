"""A service in a sandbox, in a real browser: what its visitors still have of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.hostile import CSS, SANDBOXED, World

from plugit_wsgi import BootstrapLayout
from plugit_wsgi.testing.fake_service import Reply

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


NEXT = """{% extends 'plugIt/base.html' %}{% block title %}Next{% endblock %}
{% block content %}<p class=who>{{ ebuio_u.username }}</p>{% endblock %}"""


def test_links_lead_through_the_service(world: World) -> None:
    """By a click the page goes along: address, title, and the service knows still who it is."""
    link = "<a class=led href='{}b?q=1#end'>b</a>"
    for base in ("", "/s/boxed/", "/s/boxed/ebuio_frame/"):
        world.attack("", link.format(base))
        world.hostile.action("/b", template=NEXT, meta={"only_logged_user": True})
        world.click(SANDBOXED, "a.led")
        world.wait(lambda: world.browser.current_url == f"{world.url}{SANDBOXED}/b?q=1#end")
        world.wait(lambda: world.browser.title == "Next · Radio")
        world.enter()
        assert world.browser.find_element(CSS, ".who").text == "anna"


def test_the_frame_is_as_high_as_what_is_in_it(world: World) -> None:
    """So there is one scroll bar, the page's."""
    world.attack("", "<div style='height: 1500px'>x</div>")
    world.open(SANDBOXED)
    world.browser.switch_to.default_content()
    height = "return document.querySelector('iframe').offsetHeight"
    world.wait(lambda: 1500 <= world.browser.execute_script(height) < 1700)
    world.attack("", "<div style='height: 90000px'>x</div>")
    world.open(SANDBOXED)
    world.browser.switch_to.default_content()
    world.wait(lambda: world.browser.execute_script(height) == 20000)


def test_fonts_of_the_layout_are_there(browser: Chrome, serve: Callable[[Any], str]) -> None:
    """The frame gets them as those of another origin."""
    world = World(browser, serve, layout=BootstrapLayout(classic=True))
    font = "(await document.fonts.load('16px \"Glyphicons Halflings\"')).length"
    world.attack(f"return {font}", "<span class='glyphicon glyphicon-star'></span>")
    assert world.said(SANDBOXED) == "1"
    world.middleware.close()


@pytest.mark.parametrize("place", ["b", "/s/boxed/b", "/s/boxed/ebuio_frame/b"])
def test_the_frame_may_go_on_by_itself(world: World, place: str) -> None:
    """To a bare document of the mount, not to one more layout; the usual cookie does not come along."""
    world.attack(f"location.href = '{place}'")
    world.hostile.action("/b", template=NEXT, meta={"user_info": ["username"]})
    world.open(SANDBOXED)
    world.wait(lambda: world.browser.find_elements(CSS, ".who"))
    assert world.browser.find_elements(CSS, "iframe, header") == []
    known = "" if world.cookie == "SameSite=Lax" else "anna"
    assert world.browser.find_element(CSS, ".who").text == known
    assert world.place() == SANDBOXED + "/a"


def test_a_file_is_downloaded(world: World, tmp_path: Path) -> None:
    """A link to it is the page's to follow."""
    headers = (("EbuIo-PlugIt-ItAFile", "1"), ("Content-Disposition", "attachment; filename=led.csv"))
    world.hostile.action("/file", answer=Reply(body="a;b", headers=headers, content_type="text/csv"))
    world.attack("", "<a class=led href=file>file</a>")
    behaviour = {"behavior": "allow", "downloadPath": str(tmp_path)}
    world.browser.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
    world.click(SANDBOXED, "a.led")
    world.wait((tmp_path / "led.csv").exists)
    assert (tmp_path / "led.csv").read_text() == "a;b"
