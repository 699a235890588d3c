"""Sites of other frameworks as services in pages mode: real ones, which learn their place by a few lines.

The host is tried at the root and below a SCRIPT_NAME, the service at an ordinary mount and at a deep one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from plugit_wsgi import PlugItMiddleware, Service
from tests.support import planted
from tests.support.run_app import below
from tests.support.servers import ROOT, run_app

SERVICES = {"flask": "gunicorn", "django": "cheroot", "rack": "werkzeug"}
MOUNTS = ("/s/x", "/a/b/x")
_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def site(environ: Any, start_response: Any) -> list[bytes]:
    """The host's own pages."""
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"of the host"]


@pytest.fixture
def mounted(serve: Callable[[Any], str]) -> Iterator[Callable[..., str]]:
    """`mounted(url, mount, script_name)` gives the service's URL for visitors, with trailing slash."""
    made: list[PlugItMiddleware] = []

    def make(url: str, mount: str, script_name: str) -> str:
        service = Service("x", url, mode="pages", mount=mount)
        made.append(PlugItMiddleware(site, [service], planted.SECRET))
        app = below(script_name, made[-1]) if script_name else made[-1]
        return f"{serve(app)}{script_name}{mount}/"

    yield make
    for middleware in made:
        middleware.close()


def check(base: str) -> None:
    """Links, style sheet, form and redirects of a service all lead to where it is."""
    with requests.Session() as browser:
        browser.trust_env = False
        page = browser.get(base, timeout=10)
        assert page.status_code == 200, page.text
        next_url, full_url = (
            unescape(re.findall(rf'id="{name}" href="([^"]*)"', page.text)[0]) for name in ("next", "full")
        )
        path = "/" + base.split("/", 3)[3]
        assert next_url == f"{path}folder/"
        assert full_url == f"{base}folder/"
        assert "<p>folder </p>" in browser.get(full_url, timeout=10).text
        styles = [
            url for url in re.findall(r'"stylesheet" href="([^"]*)"', page.text) if "_assets" not in url
        ]
        assert styles == [f"{path}static/site.css"]
        style = browser.get(urljoin(base, styles[0]), timeout=10)
        assert (style.status_code, style.text) == (200, "body { color: #123456; }\n")
        moved = browser.get(f"{base}folder", timeout=10)
        assert (moved.url, [step.status_code // 100 for step in moved.history]) == (f"{base}folder/", [3])
        (action,) = re.findall(r'<form method="post" action="([^"]*)"', page.text)
        (token,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]*)"', page.text)
        fields = {"text": "said", "csrfmiddlewaretoken": token}
        done = browser.post(urljoin(base, action), fields, timeout=10)
        assert done.url == f"{base}folder/?text=said"
        assert "<p>folder said</p>" in done.text
        assert browser.post(urljoin(base, action), {"text": "forged"}, timeout=10).status_code == 403


@pytest.mark.parametrize("script_name", ["", "/sub"])
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_finds_its_mount(mounted: Callable[..., str], name: str, script_name: str) -> None:
    """By X-Forwarded-Prefix. A process each, since Django keeps its first STATIC_URL."""
    with run_app(SERVICES[name], f"tests/live/mounted/{name}_service.py", validate=False) as service:
        check(mounted(service.url, MOUNTS[1 if script_name else 0], script_name))


def test_django_at_a_place_that_is_said_beforehand(mounted: Callable[..., str]) -> None:
    """FORCE_SCRIPT_NAME needs no header, and no line beside the settings."""
    env = {"FORCE_SCRIPT_NAME": "/sub/a/b/x"}
    with run_app("gunicorn", "tests/live/mounted/django_service.py", validate=False, env=env) as service:
        check(mounted(service.url, "/a/b/x", "/sub"))


@pytest.mark.parametrize("name", ["flask", "django"])
def test_the_manual_shows_the_lines_that_are_tested_here(name: str) -> None:
    """The block after the framework's heading, each line of it."""
    manual = (ROOT / "docs" / "urls.md").read_text(encoding="utf-8")
    block = _BLOCK.search(manual, manual.index(f"### {name.title()}"))
    assert block is not None
    source = Path(ROOT, f"tests/live/mounted/{name}_service.py").read_text(encoding="utf-8")
    source = re.sub(r"  # type: ignore.*| -> Iterable\[bytes\]|: (WSGIEnvironment|StartResponse)", "", source)
    lines = [line for line in block[1].splitlines() if line.strip() and not line.startswith("#")]
    # Settings are arguments of settings.configure() there.
    known = {re.sub(r"\s|,$", "", line) for line in source.splitlines()}
    assert [line for line in lines if re.sub(r"\s", "", line) not in known] == []
