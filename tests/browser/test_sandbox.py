"""A hostile service in a sandbox, in a real browser: what its scripts try, and reach without a sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from tests.browser.hostile import OPEN, SANDBOXED, World, media

if TYPE_CHECKING:
    pass


READS = {
    "the page": ("return parent.document.querySelector('header').innerText", "Anna Arn"),
    "the address": ("return top.location.href", "/s/"),
    "cookies": ("return document.cookie", "login=anna"),
    "storage": ("return localStorage.getItem('draft')", "private of anna"),
    "databases": ("return new Promise(function (good, bad) { const r = indexedDB.open('a');"
                  " r.onsuccess = () => good('opened'); r.onerror = () => bad(r.error) })", "opened"),
    "workers": ("return (await navigator.serviceWorker.getRegistrations()).length", "0"),
    "a page of the host": (
        "return (await fetch('/home', {credentials: 'include'})).text()", "private of anna"),
    "a page of another service": (
        "return (await fetch('/s/victim/form', {credentials: 'include'})).text()", "for anna"),
    "its own page in the layout": (
        "return (await fetch('/s/boxed/a', {credentials: 'include'})).text()", "Anna Arn"),
    "a page, by XMLHttpRequest": (
        "const r = new XMLHttpRequest(); r.open('GET', '/home', false); r.withCredentials = true; r.send();"
        " return r.responseText", "private of anna"),
    "a page in a frame of its own": (
        "const f = document.createElement('iframe'); f.src = '/home'; document.body.append(f);"
        " await new Promise(go => f.onload = go); return f.contentDocument.body.innerText",
        "private of anna"),
    "cookies, in a frame of its own": (
        "const f = document.createElement('iframe'); f.srcdoc = '<p>x'; document.body.append(f);"
        " await new Promise(go => f.onload = go); return f.contentDocument.cookie", "login=anna"),
    "the page, from an empty frame": (
        "const f = document.createElement('iframe'); document.body.append(f);"
        " return f.contentWindow.eval('top.document.querySelector(\"header\").innerText')", "Anna Arn"),
}  # fmt: skip


@pytest.mark.parametrize("what", READS)
def test_it_reads_nothing(world: World, what: str) -> None:
    """The very script reads it on a mount without a sandbox."""
    code, found = READS[what]
    world.attack(code)
    assert found in world.said(OPEN)
    before = len(world.asked)
    assert world.said(SANDBOXED).startswith("refused: ")
    assert [line for line in world.asked[before:] if "/home" in line] == []


VOTE = """
let token = 'none';
try {
  const page = await (await fetch('/s/victim/form', {credentials: 'include'})).text();
  token = page.match(/value=['"]([^'"]+)/)[1];
} catch (error) {}
const body = new URLSearchParams({csrfmiddlewaretoken: token});
"""
VOTES = {
    "fetch": "await fetch('/s/victim/vote', {method: 'POST', body, credentials: 'include', mode: 'no-cors'})",
    "a beacon": "navigator.sendBeacon('/s/victim/vote', body)",
    "a form": "const f = document.createElement('form'); f.method = 'POST'; f.action = '/s/victim/vote';"
    " f.innerHTML = '<input name=csrfmiddlewaretoken value=' + token + '>'; document.body.append(f);"
    " f.submit()",
    "a form in a new window": "const f = document.createElement('form'); f.method = 'POST';"
    " f.action = '/s/victim/vote'; f.target = '_top';"
    " f.innerHTML = '<input name=csrfmiddlewaretoken value=' + token + '>'; document.body.append(f);"
    " f.submit()",
}


@pytest.mark.parametrize("way", VOTES)
def test_it_changes_nothing_elsewhere_as_the_visitor(world: World, way: str) -> None:
    """The other service's own log tells."""
    world.attack(VOTE + VOTES[way])
    world.open(OPEN)
    world.wait(world.votes)
    assert world.votes() == ["POST"]
    world.victim.calls.clear()
    world.open(SANDBOXED)
    world.place()
    assert world.victim.called("/action") == []


OWN_POST = """
let token = '';
try { token = document.cookie.match(/csrftoken=([^;]+)/)[1] } catch (error) {}
const base = location.pathname.split('/').slice(0, 3).join('/');
const body = new URLSearchParams({csrfmiddlewaretoken: token});
await fetch(base + '/b', {method: 'POST', mode: 'no-cors', credentials: 'include', body});
"""


def test_it_changes_nothing_of_its_own_as_the_visitor(world: World) -> None:
    """No POST of a sandbox reaches its service; the same service gets one on its other mount."""
    world.hostile.action("/b", template="b")
    world.attack(OWN_POST)
    world.said(OPEN)
    assert [call.method for call in world.hostile.called("/action/b")] == ["POST"]
    world.hostile.calls.clear()
    world.said(SANDBOXED)
    assert world.hostile.called("/action/b") == []


LEADS = {
    "the top window": ("top.location.href = '/home?led'", ""),
    "the window above": ("parent.location.replace('/home?led')", ""),
    "a link to the top": (
        "document.querySelector('a.led').click()",
        "<a class=led target=_top href='/home?led'>x</a>",
    ),
    "a form to the top": (
        "document.querySelector('form.led').submit()",
        "<form class=led target=_top action='/home'><input name=led></form>",
    ),
    "its own form": (
        "document.querySelector('form.led').submit()",
        "<form class=led action='/home'><input name=led></form>",
    ),
    "its own window": ("location.href = '/home?led'", ""),
    "a refresh": ("", "<meta http-equiv=refresh content='0;url=/home?led'>"),
    "a message": (
        "top.postMessage({plugitPlace: location.origin + '/home?led'}, '*');"
        " top.postMessage({plugitPlace: location.href.replace(/[^/]*$/, 'led')}, '*')",
        "",
    ),
}


@pytest.mark.parametrize("way", LEADS)
def test_it_leads_the_visitor_nowhere(world: World, way: str) -> None:
    """Neither the page nor the frame goes to a page of the host."""
    code, markup = LEADS[way]
    world.attack(code, markup)
    if way != "a message":
        world.open(OPEN)
        world.wait(lambda: any("/home?led" in line for line in world.asked))
    world.asked.clear()
    world.open(SANDBOXED)
    assert world.place() == SANDBOXED + "/a"
    assert [line for line in world.asked if "/home" in line] == []


@pytest.mark.parametrize(
    "href",
    ["/home?led", "//127.0.0.1/home?led", "/s/boxed/../../home?led", "javascript:top.led = 1", "/s/boxedx"],
)
def test_a_click_leads_nowhere_else_either(world: World, href: str) -> None:
    """A real click on a link, with whatever address and target, and on what a script makes of it."""
    markup = f'<a class=led target=_top href="{href}">link</a>'
    script = f"document.body.addEventListener('click', () => top.postMessage({{plugitPlace: '{href}'}}, '*'))"
    world.attack(script, markup)
    world.click(SANDBOXED, "a.led")
    assert world.place() == SANDBOXED + "/a"
    assert world.browser.execute_script("return window.led") is None
    if href == "/home?led":
        world.click(OPEN, "a.led")
        world.wait(lambda: world.browser.current_url.endswith(href))


@pytest.mark.parametrize("code", ["window.open('/home?led')", "document.querySelector('a').click()"])
def test_it_opens_no_window(world: World, code: str) -> None:
    """Not even at a click of the visitor's."""
    markup = f"<button onclick=\"{code}\">b</button><a target=_blank href='/home?led'>a</a>".replace(
        "querySelector('a')", "querySelector('a[target]')"
    )
    world.attack("", markup)
    world.click(OPEN, "main button")
    world.wait(lambda: len(world.browser.window_handles) == 2)
    world.wait(lambda: any("/home?led" in line for line in world.asked))
    world.asked.clear()
    world.click(SANDBOXED, ".plugit-main button")
    world.place()
    assert len(world.browser.window_handles) == 2
    assert [line for line in world.asked if "/home" in line] == []


def test_it_shows_no_dialog(world: World) -> None:
    """A box of the browser's looks as if it came from the host."""
    from selenium.common.exceptions import UnexpectedAlertPresentException

    world.attack("return typeof prompt('Your password?')")
    with pytest.raises(UnexpectedAlertPresentException):
        world.said(OPEN)
    assert world.said(SANDBOXED) == "object"


SENDS = {
    "a picture": "new Image().src = outside + '/led'",
    "fetch": "fetch(outside + '/led', {mode: 'no-cors'})",
    "a beacon": "navigator.sendBeacon(outside + '/led', 'x')",
    "a script": "document.head.append(Object.assign(document.createElement('script'),"
    " {src: outside + '/led'}))",
    "a stylesheet": "document.head.append(Object.assign(document.createElement('link'),"
    " {rel: 'stylesheet', href: outside + '/led'}))",
    "its own address": "location.href = outside + '/led'",
    "a refresh": "document.head.innerHTML +="
    " '<meta http-equiv=refresh content=\"0;url=' + outside + '/led\">'",
}


@pytest.mark.parametrize("way", SENDS)
def test_it_tells_nobody_outside(world: World, way: str) -> None:
    """The other server's log tells."""
    world.attack(f"const outside = '{world.outside_url}'; {SENDS[way]}")
    world.open(OPEN)
    world.wait(lambda: "/led" in world.outside)
    world.outside.clear()
    world.open(SANDBOXED)
    assert world.place() == SANDBOXED + "/a"
    assert world.outside == []


RAN = "<script>document.title = 'ran ' + document.cookie</script>"
SVG = f"<svg xmlns='http://www.w3.org/2000/svg'><title>t</title>{RAN}</svg>"
XHTML = f"<html xmlns='http://www.w3.org/1999/xhtml'><head><title>t</title>{RAN}</head></html>"


@pytest.mark.parametrize(
    ("text", "kind"), [(RAN, "text/html"), (SVG, "image/svg+xml"), (XHTML, "application/xhtml+xml")]
)
@pytest.mark.parametrize("path", ["/media/m", "/ebuio_frame/media/m"])
def test_media_that_are_opened_run_no_scripts(world: World, text: str, kind: str, path: str) -> None:
    """The same bytes run as a page of the host's."""
    media(world, "m", text, kind)
    world.browser.get(f"{world.url}/raw?{urlencode({'text': text, 'type': kind})}")
    assert "login=anna" in world.browser.title
    world.browser.get(world.url + SANDBOXED + path)
    assert "ran" not in world.browser.title


def test_a_page_without_layout_runs_no_scripts(world: World) -> None:
    """On the other mount it does."""
    world.hostile.action("/a", template=RAN, meta={"no_template": True})
    world.browser.get(f"{world.url}{OPEN}/a")
    assert "login=anna" in world.browser.title
    world.browser.get(f"{world.url}{SANDBOXED}/a")
    assert "ran" not in world.browser.title


@pytest.mark.parametrize("what", ["cookies", "storage", "a page of the host"])
def test_a_frame_that_is_opened_by_itself_is_as_confined(world: World, what: str) -> None:
    """By the policy of its own."""
    world.attack(READS[what][0])
    assert world.said(SANDBOXED, "/ebuio_frame/a").startswith("refused: ")


@pytest.mark.parametrize("device", ["camera", "microphone", "geolocation", "clipboard-read", "fullscreen"])
def test_it_may_ask_for_no_device(world: World, device: str) -> None:
    """A question of the browser's would name the host."""
    world.attack(f"return document.featurePolicy.allowsFeature('{device}')")
    assert (world.said(OPEN), world.said(SANDBOXED)) == ("true", "false")


def test_another_window_is_not_heard(world: World) -> None:
    """A further frame of the host's page, of an advertiser for instance, says nothing about this one."""
    world.attack("", "<div style='height: 1500px'>x</div>")
    height = "return document.querySelector('iframe.plugit-frame').offsetHeight"
    other = """const f = document.createElement('iframe'), go = arguments[0];
        window.addEventListener('message', event => event.source === f.contentWindow && setTimeout(go, 100));
        f.srcdoc = "<script>parent.postMessage({plugitHeight: 9000}, '*')</script>";
        document.body.append(f);"""
    world.open(SANDBOXED)
    world.browser.switch_to.default_content()
    world.wait(lambda: 1500 <= world.browser.execute_script(height) < 1700)
    world.browser.execute_async_script(other)
    assert world.browser.execute_script(height) < 1700
