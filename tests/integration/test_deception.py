"""A page of a visitor at an address that caches in between take for a file is kept by nobody."""

from __future__ import annotations

import pytest

from plugit_wsgi.testing.fake_service import FakeService
from tests.integration.conftest import Host


@pytest.mark.parametrize(
    "path", ["/me/x.css", "/me/logo.png", "/me/app.js", "/me.svg", "/me/.css", "/me;x.css"]
)
@pytest.mark.parametrize("cached", [0, 60])
def test_a_page_that_looks_like_a_file_stays_the_visitors(
    host: Host, service: FakeService, path: str, cached: int
) -> None:
    """It says so to every cache, whatever the path ends with, and the next visitor has one of their own."""
    meta = {"only_logged_user": True, "user_info": ["username"], "cache_time": cached}
    at = path.replace(";", "%3B")
    service.action(at, meta=meta, template="me: {{ ebuio_u.username }}", answer={})
    first = host.visitor("anna").get(f"/s/x{path}")
    assert "me: anna" in first.text
    assert first.headers["Cache-Control"].startswith("private")
    assert first.headers["Content-Type"].startswith("text/html")
    assert "anna" not in host.visitor("olga").get(f"/s/x{path}").text
    assert host.visitor().get(f"/s/x{path}").status_code == 403
