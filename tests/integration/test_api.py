"""The API at its URL: nothing but a service's key in its header opens it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from plugit_wsgi import User
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.testing.fake_service import FakeService
from plugit_wsgi.wire.keys import api_keys, load_secrets, service_keys
from tests.integration.conftest import SECRET, Host, MakeHost

KEY = api_keys(service_keys(load_secrets(SECRET), "x"))[0]
USER = "/s/_api/x/user/7"


@pytest.fixture
def knowing(make_host: MakeHost) -> Host:
    """A host with a directory."""
    return make_host(directory=StaticDirectory((User("7", "anna"),), organizations=()))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"headers": {"X-Authorization": f"Bearer {KEY}", "X-Api-Key": KEY}},
        {"headers": {"Authorization": "Basic " + base64.b64encode(f"x:{KEY}".encode()).decode()}},
        {"query_string": {"key": KEY, "access_token": KEY, "Authorization": f"Bearer {KEY}"}},
        {"headers": {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}},
    ],
    ids=["cookies", "another header", "basic", "query", "a script of the site"],
)
def test_a_cookie_is_no_key(knowing: Host, service: FakeService, options: dict[str, Any]) -> None:
    """Nor is a login, or a key anywhere else: a browser can be made to send these."""
    service.action("/a", template="{% csrf_token %}", answer={})
    visitor = knowing.visitor("root")
    assert visitor.get("/s/x/a").status_code == 200
    for name in ("key", "Authorization", "plugit_key", "csrftoken", "plugit-x", "__Secure-plugit-x"):
        visitor.set_cookie(name, KEY)
    answer = visitor.get(USER, **options)
    assert answer.status_code == 403
    assert "anna" not in answer.text
    assert KEY not in answer.text
    allowed = visitor.get(USER, headers={"Authorization": f"Bearer {KEY}"})
    assert allowed.json["username"] == "anna"


def test_a_script_of_another_site_gets_nothing(knowing: Host) -> None:
    """A preflight is refused, and with the right key there is still no word for browsers."""
    elsewhere = {"Origin": "https://evil.example", "Access-Control-Request-Headers": "authorization"}
    preflight = knowing.visitor().open(USER, method="OPTIONS", headers=elsewhere)
    keyed = knowing.visitor().get(USER, headers={**elsewhere, "Authorization": f"Bearer {KEY}"})
    assert (preflight.status_code, keyed.status_code) == (403, 200)
    for answer in (preflight, keyed):
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]
        assert "Set-Cookie" not in answer.headers
