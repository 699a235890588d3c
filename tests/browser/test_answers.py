"""What a browser makes of the answers of a hostile service: no script of them runs in the host's origin."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.test_demo import PNG

import plugit_wsgi
from plugit_wsgi import PlugItMiddleware, Service
from plugit_wsgi.testing.fake_service import FakeService, Reply

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

# Asked for at once, so it is known before the page is there.
RUN = 'var r = new XMLHttpRequest(); r.open("GET", "/ran", false); r.send(); document.title = "ran";'
HTML = f"<!doctype html><title>x</title><script>{RUN}</script>"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>{RUN}</script></svg>'
XHTML = f'<x xmlns:h="http://www.w3.org/1999/xhtml"><h:script>{RUN}</h:script></x>'
XSL = f"""<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="#s"?>
<xsl:stylesheet id="s" version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:template match="/"><html><script>{RUN}</script></html></xsl:template></xsl:stylesheet>"""
RUNS_ALONE = {
    "html": ("text/html", HTML),
    "svg": ("image/svg+xml", SVG),
    "xml": ("application/xml", XHTML),
    "text-xml": ("text/xml", XHTML),
    "xhtml": ("application/xhtml+xml", XHTML),
    "two-types": ("text/plain; x=y, text/html", HTML),
    "no-type": ("image/png;,text/html", HTML),
}
"""Documents whose script a browser runs if it gets them as they are."""
DOCUMENTS = {
    **RUNS_ALONE,
    "rss": ("application/rss+xml", XHTML),
    "xsl": ("text/xsl", XSL),
    "parts": (
        "multipart/x-mixed-replace; boundary=b",
        f"--b\r\nContent-Type: text/html\r\n\r\n{HTML}\r\n--b--",
    ),
    "odd": ("x/y", HTML),
    "text": ("text/plain", HTML),
    "json": ("application/json", HTML),
}
PAGES_ALONE = (("EbuIo-PlugIt-NoTemplate", "1"),)
FONT = next(Path(plugit_wsgi.__file__).parent.rglob("*.woff2"))
PLACES = ("/s/x/media/{}", "/s/x/file/{}", "/s/p/page/{}")
OWN_PAGE = "/s/p/page/html"
FRAMES = "<iframe src={0}></iframe><object data={0}></object><embed src={0}>"


class Site:
    """The host: it hears of scripts that ran, and can show a document as it is, or in frames."""

    def __init__(self) -> None:
        self.ran = 0

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
        kind, body = "text/html", ""
        if path == "/ran":
            self.ran += 1
        elif path == "/frames":
            body = FRAMES.format(escape(query))
        elif path.startswith("/raw/"):
            kind, body = DOCUMENTS[path[5:]]
        start_response("200 OK", [("Content-Type", kind), ("X-Content-Type-Options", "nosniff")])
        return [body.encode()]


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def service() -> FakeService:
    """Its documents are media, files of actions, and XML answers."""
    service = FakeService()
    for name, (kind, body) in DOCUMENTS.items():
        service.answer(f"/media/{name}", Reply(body=body, content_type=kind))
        mark = (("EbuIo-PlugIt-ItAFile", "1"), ("Content-Disposition", "inline; filename=a.html"))
        service.action(f"/file/{name}", answer=Reply(body=body, content_type=kind, headers=mark))
        service.answer(f"/page/{name}", Reply(body=body, content_type=kind, headers=PAGES_ALONE))
    service.action("/xml", meta={"xml_only": True}, answer=Reply(body={"xml": XHTML}))
    return service


@pytest.fixture
def base(serve: Callable[[Any], str], service: FakeService, site: Site, browser: Chrome) -> Iterator[str]:
    """The host's address; the service is mounted in both modes."""
    url = serve(service)
    middleware = PlugItMiddleware(
        site,
        services=[Service("x", url), Service("p", url, mode="pages")],
        secret_key="a secret of the tests, long enough.",
    )
    yield serve(middleware)
    browser.get("about:blank")
    middleware.close()


@pytest.mark.parametrize("name", RUNS_ALONE)
def test_the_documents_are_dangerous(browser: Chrome, base: str, site: Site, name: str) -> None:
    """As they are, they run, alone and in a frame: so the next tests can fail."""
    browser.get(f"{base}/raw/{name}")
    assert site.ran == 1
    browser.get(f"{base}/frames?/raw/{name}")
    assert site.ran >= 2


@pytest.mark.parametrize(
    "path", [path for place in PLACES for path in map(place.format, DOCUMENTS) if path != OWN_PAGE]
)
def test_no_document_of_a_service_runs_its_script(browser: Chrome, base: str, site: Site, path: str) -> None:
    """Neither alone nor in a frame of the host."""
    browser.get(base + path)
    browser.get(f"{base}/frames?{path}")
    assert site.ran == 0


def test_a_services_own_page_runs_its_script(browser: Chrome, base: str, site: Site) -> None:
    """Also without the layout: a service is trusted with its own HTML."""
    browser.get(base + OWN_PAGE)
    assert site.ran == 1


def test_no_xml_answer_runs_its_script(browser: Chrome, base: str, site: Site) -> None:
    """The answer of an action that is XML only."""
    browser.get(f"{base}/s/x/xml")
    assert "script" in browser.page_source
    browser.get(f"{base}/frames?/s/x/xml")
    assert site.ran == 0


@pytest.mark.parametrize("place", ["media", "file"])
def test_what_is_confined_has_an_origin_of_its_own(browser: Chrome, base: str, place: str) -> None:
    """A page of the host cannot even look into it, nor it into the host."""
    browser.get(f"{base}/frames?/s/x/{place}/html")
    looked = "try { return window[0].document.title } catch (error) { return error.name }"
    assert browser.execute_script(looked) == "SecurityError"


def test_files_are_saved_under_a_safe_name(
    browser: Chrome, base: str, service: FakeService, tmp_path: Path
) -> None:
    """A download works as ever; its name is ours."""
    mark = (
        ("EbuIo-PlugIt-ItAFile", "1"),
        ("Content-Disposition", 'attachment; filename="../gr\u00f6\u00dfe\u0080.zip"'),
    )
    service.action("/zip", answer=Reply(body=b"PK", content_type="application/zip", headers=mark))
    service.answer("/media/plain.bin", Reply(body=b"bytes", content_type="x/y"))
    behaviour = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
    try:
        for path, name, content in (("zip", "größe.zip", b"PK"), ("media/plain.bin", "plain.bin", b"bytes")):
            browser.get(f"{base}/s/x/{path}")
            wait_for(tmp_path / name)
            assert (tmp_path / name).read_bytes() == content
    finally:
        browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "default"})


def test_parts_of_a_page_work_as_ever(browser: Chrome, base: str, service: FakeService) -> None:
    """Style sheets, scripts and pictures, an SVG among them: what confines a document does not touch them."""
    service.answer("/media/a.css", Reply(body="#t { color: rgb(1, 2, 3) }", content_type="text/css"))
    service.answer("/media/a.js", Reply(body="window.loaded = 1", content_type="application/x-javascript"))
    service.answer("/media/a.png", Reply(body=PNG, content_type="image/png"))
    pictures = "".join(f'<img src="/s/x/media/{name}">' for name in ("a.png", "svg"))
    # Servers of that time do not know the type of a font.
    service.answer("/media/a.woff2", Reply(body=FONT.read_bytes(), content_type="application/octet-stream"))
    font = "@font-face { font-family: f; src: url(/s/x/media/a.woff2) }"
    template = (
        f"<style>{font}</style>"
        '<link rel="stylesheet" href="/s/x/media/a.css"><script src="/s/x/media/a.js"></script>'
        f'<p id="t">text</p><div id="pictures">{pictures}</div>'
    )
    service.action("/page", template=template, answer={})
    browser.get(f"{base}/s/x/page")
    script = (
        "return [getComputedStyle(document.getElementById('t')).color, window.loaded,"
        " ...[...document.querySelectorAll('#pictures img')].map(image => image.naturalWidth)]"
    )
    assert browser.execute_script(script) == ["rgb(1, 2, 3)", 1, 1, 9]
    loaded = "document.fonts.load('9px f', '\\ue006').then(found => arguments[0](found.length), arguments[0])"
    assert browser.execute_async_script(loaded) == 1


def wait_for(path: Path, seconds: float = 10) -> None:
    """Until the browser has saved a file."""
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert path.exists(), sorted(item.name for item in path.parent.iterdir())
