"""The same requests under every server, at the root and below a SCRIPT_NAME.

wsgiref.validate stands around the host's site, around the middleware and around the services.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.live.programs import Host, run_host
from tests.live.visitor import Visitor
from tests.support.servers import SERVERS

MOUNT = "/s/live/"


@pytest.fixture(
    scope="module",
    params=[(server, below) for below in ("", "/site") for server in SERVERS],
    ids=lambda it: "".join(it),
)
def host(request: pytest.FixtureRequest, services: dict[str, str], pages: str) -> Iterator[Host]:
    """A host under each server, at both places."""
    server, below = request.param
    with run_host(server, {**services, "pages": pages}, below=below) as found:
        yield found


@pytest.fixture
def visitor(host: Host) -> Iterator[Visitor]:
    """Anna."""
    with host.visitor("anna") as found:
        yield found


def test_other_paths_are_the_hosts(host: Host, visitor: Visitor) -> None:
    """With SCRIPT_NAME and PATH_INFO as the server made them."""
    for path in ("/", "/s", "/s/liver", "/else/where"):
        assert visitor.get(path).text.startswith(f"host GET {host.below}|{path} ")


def test_a_page_is_in_the_layout_for_this_visitor(host: Host, visitor: Visitor) -> None:
    """Title, menu and content; links are below the SCRIPT_NAME."""
    answer = visitor.get(f"{MOUNT}page/a")
    assert answer.status == 200
    assert "<title>[live/page/anna/a]</title>" in answer.text
    assert "[layout/anna]" in answer.text
    assert f'<nav><a href="{host.below}{MOUNT}">menu for [template/anna]</a></nav>' in answer.text
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert answer.header("Cache-Control") == "private, no-store"
    assert answer.header("Content-Length") == str(len(answer.body))
    with host.visitor() as nobody:
        assert "[live/page//a]" in nobody.get(f"{MOUNT}page/a").text


def test_cookies_of_a_service_stay_at_its_mount(host: Host, visitor: Visitor) -> None:
    """Their Path is below the SCRIPT_NAME; what they hold comes back to the service."""
    visitor.get(f"{MOUNT}session/first")
    assert ("plugit-live", f"{host.below}{MOUNT}") in visitor.cookies
    assert ("csrftoken", f"{host.below}{MOUNT}") in visitor.cookies
    assert "last=(live first)" in visitor.get(f"{MOUNT}session/second").text
    assert "last=()" in visitor.get("/s/twin/session/third").text


@pytest.mark.parametrize("path", ["/page/%C3%A9%20%3F%3B", "/page/a%2523", "/page/%25"])
def test_a_path_arrives_as_it_was_meant(visitor: Visitor, path: str) -> None:
    """Servers decode it once; the service gets the same characters, or the visitor a 404."""
    answer = visitor.get(MOUNT + path[1:])
    if path == "/page/%C3%A9%20%3F%3B":
        assert "[live/page/anna/é ?;]" in answer.text
    else:
        assert answer.status == 200


def test_a_mount_without_slash_is_sent_to_the_one_with(host: Host, visitor: Visitor) -> None:
    """Method and query are kept."""
    answer = visitor.get("/s/live?a=b%26c")
    assert (answer.status, answer.header("Location")) == (308, f"{host.below}/s/live/?a=b%26c")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_of_the_service_goes_below_the_mount(host: Host, visitor: Visitor, method: str) -> None:
    """The service says /page/n; the visitor is sent to where that is for them."""
    token = visitor.get(f"{MOUNT}form").token
    headers = [("X-CSRFToken", token)] if method == "POST" else []
    answer = visitor.ask(method, f"{MOUNT}go/n", headers=headers, body=b"" if method == "POST" else None)
    location = answer.header("Location")
    assert answer.status == 302
    assert location == f"{host.below}{MOUNT}page/n?by=[live/go/anna/n]"
    assert answer.body == b""


def test_a_form_is_posted_with_its_token(visitor: Visitor) -> None:
    """Fields arrive, repeated ones too; without the token, nothing does."""
    page = visitor.get(f"{MOUNT}form")
    kind = [("Content-Type", "application/x-www-form-urlencoded")]
    fields = f"csrfmiddlewaretoken={page.token}&text=%C3%A9+%26&tag=1&tag=2&ebuio_u_pk=9"
    answer = visitor.post(f"{MOUNT}form", headers=kind, body=fields.encode())
    assert answer.status == 200
    assert "text=(é &amp;)" in answer.text
    assert "tags=(1,2)" in answer.text
    assert visitor.post(f"{MOUNT}form", headers=kind, body=b"text=a").status == 403
    elsewhere = [*kind, ("Origin", "https://evil.example")]
    assert visitor.post(f"{MOUNT}form", headers=elsewhere, body=fields.encode()).status == 403


def test_a_body_that_is_no_form_arrives_as_it_is(visitor: Visitor) -> None:
    """By PUT, with its type."""
    content = json.dumps({"é": [1, 2]}).encode()
    headers = [("Content-Type", "application/json"), ("X-CSRFToken", visitor.get(f"{MOUNT}form").token)]
    found = json.loads(visitor.ask("PUT", f"{MOUNT}body", headers=headers, body=content).body)
    assert found == {
        "length": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "type": "application/json",
    }


def test_media_come_whole_in_part_or_not_at_all(visitor: Visitor) -> None:
    """Range, If-Range and conditions work as at the service."""
    whole = visitor.get(f"{MOUNT}media/style.css")
    assert (whole.status, whole.body) == (200, b"body { color: #123456; }\n")
    assert (whole.header("Content-Type") or "").startswith("text/css")
    assert whole.header("X-Content-Type-Options") == "nosniff"
    etag, changed = whole.header("ETag"), whole.header("Last-Modified")
    assert etag is not None
    assert changed is not None
    part = visitor.get(f"{MOUNT}media/style.css", headers=[("Range", "bytes=7-11")])
    assert (part.status, part.body) == (206, b"color")
    assert part.header("Content-Range") == f"bytes 7-11/{len(whole.body)}"
    same = visitor.get(f"{MOUNT}media/style.css", headers=[("Range", "bytes=7-11"), ("If-Range", etag)])
    assert (same.status, same.body) == (206, b"color")
    other = visitor.get(f"{MOUNT}media/style.css", headers=[("Range", "bytes=7-11"), ("If-Range", '"x"')])
    assert (other.status, other.body) == (200, whole.body)
    assert visitor.get(f"{MOUNT}media/style.css", headers=[("Range", "bytes=900-")]).status == 416
    for condition in (("If-None-Match", etag), ("If-Modified-Since", changed)):
        unchanged = visitor.get(f"{MOUNT}media/style.css", headers=[condition])
        assert (unchanged.status, unchanged.body, unchanged.header("ETag")) == (304, b"", etag)
    assert visitor.get(f"{MOUNT}media/none.css").status == 404
    assert visitor.get(f"{MOUNT}media/../actions.py").status == 404
    assert visitor.get(f"{MOUNT}media/..%2factions.py").status == 404


@pytest.mark.parametrize("path", ["page/a", "media/style.css", "download/big", "heard", "none/such"])
def test_head_is_get_without_the_body(visitor: Visitor, path: str) -> None:
    """And the connection can go on."""
    head = visitor.ask("HEAD", MOUNT + path)
    assert head.body == b""
    got = visitor.get(MOUNT + path) if path != "download/big" else None
    if got is not None:
        assert head.status == got.status
    assert "[live/page/anna/b]" in visitor.get(f"{MOUNT}page/b").text


@pytest.mark.parametrize("code", [201, 204, 304, 404, 409, 410, 429])
def test_a_status_of_the_service_is_the_visitors(visitor: Visitor, code: int) -> None:
    """204 and 304 have no body, and the connection can go on after each."""
    answer = visitor.get(f"{MOUNT}status/{code}")
    if code == 201:  # an answer with a template, and no data for it
        assert answer.status == 502
        return
    assert answer.status == code
    if code in (204, 304):
        assert answer.body == b""
        assert answer.header("Content-Type") is None
        assert answer.header("Transfer-Encoding") is None
    assert "[live/page/anna/b]" in visitor.get(f"{MOUNT}page/b").text


def test_our_own_assets_are_below_the_script_name(host: Host, visitor: Visitor) -> None:
    """The error page of a host whose layout is its own does not need them; others link to them there."""
    answer = visitor.get("/s/_assets/bootstrap-5.3.9/css/bootstrap.min.css")
    assert (answer.status, answer.header("Content-Type")) == (200, "text/css; charset=utf-8")
    again = visitor.get(
        "/s/_assets/bootstrap-5.3.9/css/bootstrap.min.css",
        headers=[("If-None-Match", answer.header("ETag") or "")],
    )
    assert (again.status, again.body) == (304, b"")


def test_a_service_calls_the_host_back(host: Host, visitor: Visitor) -> None:
    """With its key; without one, nobody gets an answer. wsgiref has one thread, which waits for the page."""
    assert visitor.get("/s/_api/live/user/7").status == 403
    if host.server != "wsgiref":
        answer = visitor.get(f"{MOUNT}back?api={host.url}/s/_api/live/")
        assert "[live/back/anna/name-7]" in answer.text


def test_a_websocket_is_refused(visitor: Visitor) -> None:
    """501, and not a request that hangs."""
    headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")]
    assert visitor.get(f"{MOUNT}page/a", headers=headers).status == 501


# Forged ------------------------------------------------------------------------------

FORGED = [
    "X-Plugit-Context: {value}",
    "x-plugit-context: {value}",
    "X_Plugit_Context: {value}",
    "X_PLUGIT-Context: {value}",
    "X-Plugit-User-Pk: {value}",
    "X_Plugit_User_Pk: {value}",
    "x-plugit-user-pk: {value}",
    "X-Plugit-Orga-Pk: {value}",
    "X-Plugit-Remote-Addr: {value}",
    "X-Plugitsession-Last: {value}",
    "X_Plugitsession_Last: {value}",
    "X-Plugit-Protocol: {value}",
    "X-Forwarded-For: {value}",
    "X-Forwarded-Host: {value}",
    "X-Forwarded-Prefix: {value}",
    "X-Request-ID: {value}",
    "Proxy: http://{value}/",
    "Authorization: Bearer {value}",
    "Referer: http://{value}/",
    "Connection: X-Plugit-Context",
    "Connection: close, X-Plugit-Context, X-Plugit-Remote-Addr",
]


@pytest.mark.parametrize("line", FORGED)
def test_a_forged_header_reaches_no_service(host: Host, line: str) -> None:
    """The service hears our own words and nothing of it; the context is signed, and says who it is."""
    found = heard(host, line.format(value="forged-7"))
    assert found["user"] == "anna"
    assert "forged" not in json.dumps(found)
    assert found["headers"]["X-Plugit-Remote-Addr"] == "127.0.0.1"
    assert "x-plugit-context" not in found["headers"].get("Connection", "").lower()


def test_what_may_pass_is_heard(host: Host) -> None:
    """The tests around this one would notice."""
    assert heard(host, "Accept-Language: forged-7")["headers"]["Accept-Language"] == "forged-7"
    assert heard(host, "X-Nothing: nothing", query="?a=forged-7")["query"] == "a=forged-7"


@pytest.mark.parametrize("line", ["SCRIPT_NAME: /forged", "Script-Name: /forged", "PATH_INFO: /forged"])
def test_a_forged_script_name_leads_no_link_astray(host: Host, line: str) -> None:
    """gunicorn believes the first from a proxy on its own machine, and refuses what does not fit the path."""
    status, body = raw(host, "page/a", line)
    if status == 200:
        assert b"forged" not in body
        assert b"[live/page/anna/a]" in body
    else:
        assert (host.server, status) == ("gunicorn", 500)


@pytest.mark.parametrize(
    "name", ["ebuio_u_pk", "EBUIO_u_pk", "ebuio%5Fu%5Fpk", "ebuio.u_pk", "%20ebuio_u_pk"]
)
def test_a_forged_parameter_reaches_no_service(host: Host, name: str) -> None:
    """Whatever its spelling."""
    found = heard(host, "X-Nothing: nothing", query=f"?{name}=forged&a=b")
    assert found["query"] == "a=b"


@pytest.mark.parametrize("person", ["anna", ""])
@pytest.mark.parametrize("name", ["X-Plugit-User-", "X_Plugit_User_", "x-plugit-user_", "X-Plugit_User-"])
def test_forged_headers_of_pages_mode_reach_no_service(host: Host, name: str, person: str) -> None:
    """There, such headers say who it is: ours come, and no others."""
    for field in ("Pk", "Username", "Ebuio-Admin", "Ebuio_Admin"):
        line = f"{name}{field}: forged"
        status, body = raw(host, "heard", line, mount="/s/pages/", person=person)
        assert status == 200, body
        headers = {key.lower(): value for key, value in json.loads(body)["headers"].items()}
        assert b"forged" not in body
        assert headers.get("x-plugit-user-pk", "") == person
        assert headers.get("x-plugit-user-ebuio-admin", "False") == "False"


def heard(host: Host, line: str, query: str = "") -> Any:
    """What the service says it got."""
    status, body = raw(host, f"heard{query}", line)
    assert status == 200, body
    return json.loads(body)


def raw(host: Host, target: str, line: str, mount: str = MOUNT, person: str = "anna") -> tuple[int, bytes]:
    """Status and body for a request with a header line as it is written."""
    parts = urlsplit(host.url)
    lines = [
        f"GET {parts.path}{mount}{target} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"Cookie: person={person}",
        line,
    ]
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as peer:
        peer.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        with http.client.HTTPResponse(peer) as response:
            response.begin()
            return response.status, response.read()
