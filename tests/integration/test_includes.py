"""What a template includes is an action of the same service, at its configured place, by its rules."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
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


def test_who_waits_for_an_include_keeps_nobody_from_rendering(host: Host, service: FakeService) -> None:
    """A service that takes its time with the meta of an include holds no turn with it."""
    asked, going_on = threading.Event(), threading.Event()

    def hang(_call: Call) -> Reply:
        asked.set()
        going_on.wait(5)
        return Reply(status=404)

    loop = LOAD + "{% for each in rows %}{{ each|upper }}{% endfor %}"
    rows = {"rows": ["x"] * 4000}
    service.action("/long", template=loop, answer=rows)
    service.action("/hanging", template=loop + "{% plugitInclude 'hang' %}", answer=rows)
    service.answer("/meta/hang", hang)
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(host.visitor().get, "/s/x/hanging")
        assert asked.wait(5)
        other = host.visitor().get("/s/x/long")
        going_on.set()
        assert hanging.result(5).status_code == 200
    assert other.status_code == 200
