"""The toxic service: well where its path says nothing, broken where it does, and obedient at run time."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from plugit_wsgi.testing.scripts import HANG, Hang, ToxicServer
from plugit_wsgi.testing.toxic import ToxicService
from plugit_wsgi.wire.meta import ActionMeta


@pytest.fixture
def service() -> Iterator[ToxicService]:
    with ToxicService() as service:
        yield service


def get(url: str, *, timeout: float = 2.0) -> tuple[int, bytes]:
    """Status and body; raises as http.client does."""
    where, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(where, timeout=timeout)
    try:
        connection.request("GET", "/" + path)
        found = connection.getresponse()
        return found.status, found.read()
    finally:
        connection.close()


def order(service: ToxicService, what: str) -> dict[str, Any]:
    status, body = get(f"{service.admin.url}/{what}")
    assert status == 200
    return dict(json.loads(body))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("ping?data=x", {"data": "x"}),
        ("ping", {"data": ""}),
        ("version", {"result": "Ok", "version": "1", "protocol": "plugit-toxic"}),
        ("mail", {"result": "Ok"}),
        ("meta/page", {"template_tag": "well"}),
        ("meta/hot", {"template_tag": "well", "cache_time": 1, "cache_by_user": False}),
    ],
)
def test_it_speaks_the_protocol(service: ToxicService, target: str, expected: dict[str, Any]) -> None:
    status, body = get(f"{service.url}/{target}")
    assert (status, json.loads(body)) == (200, expected)


def test_an_action_that_names_no_fault_is_well(service: ToxicService) -> None:
    """Data that tell which it is, a meta, and a template that shows it."""
    assert json.loads(get(f"{service.url}/action/some/page")[1])["text"] == "the action some/page"
    assert ActionMeta.from_json(get(f"{service.url}/meta/some/page")[1]).template_tag == "well"
    assert b"{{ text }}" in get(f"{service.url}/template/some/page")[1]
    assert get(f"{service.url}/media/some/file")[0] == 200
    assert get(f"{service.url}/nonsense")[0] == 404


@pytest.mark.parametrize(
    ("action", "statuses"),
    [
        ("500", {"meta": 200, "template": 200, "action": 500, "media": 500}),
        ("on-meta/500", {"meta": 500, "template": 200, "action": 200, "media": 200}),
        ("on-template/500", {"meta": 200, "template": 500, "action": 200, "media": 200}),
        ("elsewhere/500", {"meta": 200, "template": 200, "action": 500, "media": 500}),
        ("5000", {"meta": 200, "template": 200, "action": 200, "media": 200}),
    ],
)
def test_the_path_names_fault_and_call(service: ToxicService, action: str, statuses: dict[str, int]) -> None:
    """The last part is the fault; before it, the call that is spoilt instead of the action."""
    assert {call: get(f"{service.url}/{call}/{action}")[0] for call in statuses} == statuses


def test_the_meta_of_a_broken_template_changes_its_tag(service: ToxicService) -> None:
    """So that a host that keeps templates by their tags sees the fault, and sees it go."""
    tags = [json.loads(get(f"{service.url}/meta/template-syntax")[1])["template_tag"]]
    service.heal()
    tags.append(json.loads(get(f"{service.url}/meta/template-syntax")[1])["template_tag"])
    assert tags == ["toxic-template-syntax", "well"]


def test_it_gets_well_and_ill_again(service: ToxicService) -> None:
    """By method, and by order."""
    found = []
    for change in (service.harm, service.heal, service.harm):
        change()
        found.append(get(f"{service.url}/action/500")[0])
    for state in ("well", "toxic"):
        order(service, f"be/{state}")
        found.append(get(f"{service.url}/action/500")[0])
    assert found == [500, 200, 500, 200, 500]


def test_it_refuses_connections_and_listens_again(service: ToxicService) -> None:
    """At the same port; connections that were open end too; orders are still taken."""
    url = f"{service.url}/action/page"
    with socket.create_connection(("127.0.0.1", service.server.port)) as peer:
        peer.settimeout(2)
        peer.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert peer.recv(12) == b"HTTP/1.1 200"
        order(service, "be/refuse")
        while peer.recv(4096):
            pass
    with pytest.raises(ConnectionRefusedError):
        get(url)
    order(service, "be/well")
    assert get(url)[0] == 200


def test_it_becomes_a_black_hole_and_comes_back(service: ToxicService) -> None:
    """Who connects gets no answer at all."""
    order(service, "be/black-hole")
    with pytest.raises(TimeoutError):
        get(f"{service.url}/action/page", timeout=0.2)
    order(service, "be/toxic")
    assert get(f"{service.url}/action/page")[0] == 200


def test_it_counts_calls(service: ToxicService) -> None:
    """By kind and action, until told to forget; turns begin anew then."""
    statuses = [get(f"{service.url}/action/500-once")[0] for _ in range(2)]
    get(f"{service.url}/meta/page")
    assert statuses == [500, 200]
    assert service.calls == {"action/500-once": 2, "meta/page": 1}
    assert order(service, "status")["calls"] == service.calls
    assert order(service, "reset")["calls"] == {}
    assert get(f"{service.url}/action/500-once")[0] == 500


def test_it_knows_how_many_calls_it_is_busy_with(service: ToxicService) -> None:
    """And notices when nobody waits any more."""
    with socket.create_connection(("127.0.0.1", service.server.port)) as peer:
        peer.sendall(b"GET /action/hang HTTP/1.1\r\n\r\n")
        soon(lambda: service.busy == 1)
    soon(lambda: service.busy == 0)


def test_a_service_calls_the_api_it_was_told_of(service: ToxicService) -> None:
    """With its key, inside the action; what it was answered stands in its data."""
    with ToxicServer() as api:
        order(service, f"api?url={api.url}/orgas/&key=a%20key")
        status, body = get(f"{service.url}/action/api-callback")
        assert (status, json.loads(body)["api"]) == (200, 200)
        assert api.requests[0].target == b"/orgas/"
        assert (b"authorization", b"Bearer a key") in api.requests[0].headers


def test_an_unknown_order_is_told_so(service: ToxicService) -> None:
    assert get(f"{service.admin.url}/be/nice")[0] == 404


def test_it_runs_as_a_command() -> None:
    """And prints where: two lines for people, one for programs."""
    command = [sys.executable, "-W", "ignore", "-m", "plugit_wsgi.testing.toxic", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            serving, orders, urls = (process.stdout.readline() for _ in range(3))
            found = json.loads(urls)
            assert (serving, orders) == (f"Serving {found['service']}\n", f"Orders {found['admin']}\n")
            assert get(f"{found['service']}/action/500")[0] == 500
        finally:
            process.kill()


def test_hanging_ends_with_the_server() -> None:
    """Nothing is left behind."""
    for step in (HANG, Hang()):
        with ToxicServer([[step]]) as server, socket.create_connection(("127.0.0.1", server.port)) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\n\r\n")
            soon(lambda server=server: len(server.requests) == 1)  # type: ignore[misc]
        assert server.open_connections == 0


def soon(is_true: Any) -> None:
    """Waits at most 2 s for something in another thread."""
    end = time.monotonic() + 2
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.005)
