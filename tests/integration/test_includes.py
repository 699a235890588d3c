"""What a template includes is an action of the same service, at its configured place, by its rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plugit_wsgi.testing.fake_service import FakeService
from tests.integration.conftest import Host, MakeHost

LOAD = "{% load plugit_tags %}"


@pytest.mark.parametrize("kind", ["literal", "variable"])
@pytest.mark.parametrize(
    "aim",
    [
        "{url}/secret", "{bare}/secret", "//{netloc}/secret", "/{bare}/secret", "\\\\\\\\{netloc}\\\\secret",
        "@{netloc}/secret", ":80@{netloc}/", "../../secret", "/../secret", "..%2f..%2fsecret",
        "%2e%2e/secret", "./secret", "a/../secret", "a//secret", "file:///etc/hostname", "/secret\r\nHost: x",
        "\x00", ".", "..", "?x=1", "#x", "/ebuio_api/user/7",
    ],
)  # fmt: skip
def test_an_absolute_include_leads_nowhere(
    make_host: MakeHost, service: FakeService, serve: Callable[[Any], str], aim: str, kind: str
) -> None:
    """No other server is asked, and the service at no path that is not below the calls of the protocol."""
    other = FakeService()
    other.action("/secret", template="SECRET", answer={})
    url = serve(other)
    target = aim.format(
        url=url, bare=url.removeprefix("http:").lstrip("/"), netloc=url.removeprefix("http://")
    )
    host = make_host()
    service.action("/a", template=LOAD + "[{% plugitInclude x %}]", answer={"x": target})
    if kind == "literal":
        service.action("/a", template=LOAD + '[{% plugitInclude "' + target + '" %}]', answer={})
    answer = host.visitor().get("/s/x/a")
    assert answer.status_code in (200, 502)
    assert "SECRET" not in answer.text
    assert other.calls == []
    for call in service.calls:
        assert call.path.startswith(("/meta/", "/template/", "/action/"))
        assert not {"..", "."} & set(call.path.split("/"))
        assert "//" not in call.path
        assert call.query == ""


def test_an_include_of_ones_own_is_found(host: Host, service: FakeService) -> None:
    """The way that is meant, beside the others."""
    service.action("/a", template=LOAD + "[{% plugitInclude 'dir/menu' %}]", answer={})
    service.action("/dir/menu", template="MENU", answer={})
    assert "[MENU]" in host.visitor().get("/s/x/a").text
