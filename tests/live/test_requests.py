"""What a visitor may write on the wire, byte for byte, under every server: forms, paths, methods, framing.

Each test knows a harmless request of the same kind that arrives, so it would notice if nothing did. Not
inside wsgiref.validate, which blames the middleware for what a server makes of odd requests.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_from_bytes, urlsplit

import pytest

from plugit_wsgi.http import is_reserved
from tests.live.programs import Host, run_host
from tests.live.visitor import Visitor
from tests.support.servers import SERVERS

pytestmark = pytest.mark.slow

MOUNT = "/s/live/"
FORM = "Content-Type: application/x-www-form-urlencoded"
RESERVED = [
    b"ebuio_u_pk",
    b"EBUIO_u_pk",
    b"ebuio.u_pk",
    b"ebuio[u_pk",
    b" ebuio_u_pk",
    b"\xc2\xa0ebuio_u_pk",
    b"\xa0ebuio_u_pk",
    b"\x85ebuio_u_pk",
    b"\xef\xbb\xbfebuio_u_pk",
]


@pytest.fixture(scope="module", params=SERVERS)
def host(request: pytest.FixtureRequest, services: dict[str, str]) -> Iterator[Host]:
    """A host under each server."""
    with run_host(request.param, services, validate=False) as found:
        yield found


@pytest.fixture(scope="module")
def person(host: Host) -> list[str]:
    """The header lines of Anna: her cookies, and the token for what she posts."""
    with Visitor(host.url, "anna") as anna:
        token = anna.get(f"{MOUNT}form").token
        cookies = "; ".join(f"{name}={value}" for (name, _path), value in anna.cookies.items())
        return [f"Cookie: {cookies}", f"X-CSRFToken: {token}"]


def talk(host: Host, head: list[str], body: bytes = b"") -> bytes:
    """Everything that a connection answers to these bytes, until it is closed or quiet for a second."""
    parts = urlsplit(host.url)
    lines = [head[0], f"Host: {parts.netloc}", *head[1:], "", ""]
    heard = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as peer:
        peer.sendall("\r\n".join(lines).encode("latin-1") + body)
        try:
            while piece := peer.recv(65536):
                heard += piece
                peer.settimeout(1)
        except (TimeoutError, ConnectionResetError):
            pass
    return heard


def ask(host: Host, head: list[str], body: bytes = b"") -> tuple[int, bytes]:
    """Status and body of the answer to one request, with a right Content-Length if there is a body."""
    length = [f"Content-Length: {len(body)}"] if body else []
    heard = talk(host, [head[0], *length, "Connection: close", *head[1:]], body)
    found = re.match(rb"HTTP/1\.[01] (\d{3})", heard)
    assert found is not None, heard
    status = int(found.group(1))
    return status, heard.partition(b"\r\n\r\n")[2]


def told(host: Host, head: list[str], body: bytes = b"") -> Any:
    """What the service says it got."""
    status, answer = ask(host, head, body)
    assert status == 200, answer
    return json.loads(answer[answer.index(b"{") : answer.rindex(b"}") + 1])


def multipart(*parts: bytes) -> tuple[str, bytes]:
    """The header line and the body of a form of parts; of each, what follows `form-data`."""
    lines = [
        b"--xyz\r\nContent-Disposition: form-data" + part + b"\r\n\r\nforged\r\n"
        for part in (b'; name="a"', *parts)
    ]
    return "Content-Type: multipart/form-data; boundary=xyz", b"".join(lines) + b"--xyz--\r\n"


# Reserved names ------------------------------------------------------------------------


@pytest.mark.parametrize("name", RESERVED)
def test_a_reserved_field_of_a_form_reaches_no_service(host: Host, person: list[str], name: bytes) -> None:
    """The others do."""
    body = f"{quote_from_bytes(name)}=forged&a=forged&{quote_from_bytes(name)}".encode()
    assert told(host, [f"POST {MOUNT}heard HTTP/1.1", FORM, *person], body)["form"] == {"a": ["forged"]}


@pytest.mark.parametrize("name", RESERVED)
@pytest.mark.parametrize("file", [b"", b'; filename="x"', b'; filename=""'])
def test_a_reserved_part_of_a_form_reaches_no_service(
    host: Host, person: list[str], name: bytes, file: bytes
) -> None:
    """Field or file; what cannot be read is refused."""
    kind, body = multipart(b'; name="' + name + b'"' + file)
    status, answer = ask(host, [f"POST {MOUNT}heard HTTP/1.1", kind, *person], body)
    if status != 400:
        found = json.loads(answer[answer.index(b"{") : answer.rindex(b"}") + 1])
        assert (found["form"], found["files"]) == ({"a": ["forged"]}, [])


@pytest.mark.parametrize(
    "part",
    [
        b'; name="f"; filename="ebuio_u_pk"',
        b'; name="f"; filename="x"; ebuio_u_pk="forged"',
        b'; name="f"; filename="x\\"; name=\\"ebuio_u_pk"',
        b'; name="f"; filename="x%22; name=%22ebuio_u_pk"',
        b"; name=\"f\"; filename*=UTF-8''x%22%3B%20name%3D%22ebuio_u_pk",
        b'; name="f"; filename="../ebuio_u_pk"',
        b'; name="f"; name="ebuio_u_pk"; filename="x"',
        b'; name="f"; filename="x"; name="ebuio_u_pk"',
        b'; name="f"; name*=UTF-8\'\'ebuio_u_pk; filename="x"',
    ],
)
def test_a_file_name_becomes_no_field(host: Host, person: list[str], part: bytes) -> None:
    """A file may be called so; no parser makes a name of a form out of it."""
    kind, body = multipart(part)
    found = told(host, [f"POST {MOUNT}heard HTTP/1.1", kind, *person], body)
    assert found["form"] == {"a": ["forged"]}
    assert not any(is_reserved(name.encode()) for name, _file_name in found["files"])
    assert len(found["files"]) <= 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"a": 1, "\\u0065buio_u_pk": "forged"}'),
        ("text/plain", b'{"ebuio_u_pk": "forged"}'),
        ("application/xml", b"<r><ebuio_u_pk>forged</ebuio_u_pk></r>"),
        ("text/plain", b"a=1&ebuio_u_pk=forged"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_another_body_with_a_reserved_name_reaches_no_service(
    host: Host, person: list[str], method: str, kind: str, body: bytes
) -> None:
    """Refused; the same without the name arrives."""
    head = [f"{method} {MOUNT}heard HTTP/1.1", f"Content-Type: {kind}", "Accept: text/plain", *person]
    status, answer = ask(host, head, body)
    assert status == 400
    assert b"reserved field" in answer
    assert told(host, head, body.replace(b"buio", b"xyzz"))["method"] == method


# Paths ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "any/../x",
        "any/a/../x",
        "any/a/%2e%2e/x",
        "any/a/.%2E/x",
        "any/a/..%2fx",
        "any/a/./x",
        "any/a//x",
        "any/a/%2fx",
        "any/a\\x",
        "any/a%5cx",
        "any/a%00x",
        "any/a%0ax",
        "any/a%7fx",
        "any/a/%252e%252e/x",
        "any/a%252fx",
        "any/a%255cx",
        "any/a%2500x",
        "any/a/..;/x",
        "any/a/..%3b/x",
        "any/a/%2e%2e%3bx",
        "any/a/.;x",
        "any/a/..%253bx",
    ],
)
def test_a_refused_path_reaches_no_service(host: Host, path: str) -> None:
    """Whatever the server does with it; the action would answer to each of them.

    To wsgiref, an absolute URL is a path that no mount has.
    """
    for root in ("",) if host.server == "wsgiref" else ("", "http://elsewhere.example"):
        status, answer = ask(host, [f"GET {root}{MOUNT}{path} HTTP/1.1"])
        assert b'"rest"' not in answer
        assert status in (400, 404)


@pytest.mark.parametrize("path", ["any/a/x", "any/a%3Bx", "any/a;x", "any/..a/...", "any/a%2525x"])
def test_other_paths_reach_it(host: Host, path: str) -> None:
    """So the test before can fail."""
    assert "rest" in told(host, [f"GET {MOUNT}{path} HTTP/1.1"])


# Methods -------------------------------------------------------------------------------

OVERRIDES = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X_HTTP_Method_Override"]


@pytest.mark.parametrize("name", OVERRIDES)
@pytest.mark.parametrize("override", ["GET", "OPTIONS", "DELETE"])
def test_no_header_changes_the_method(host: Host, person: list[str], name: str, override: str) -> None:
    """And none that would at the service arrives there; rules and CSRF see the method that was sent."""
    line = f"{name}: {override}"
    for method, body in (("GET", b""), ("POST", b"a=1")):
        found = told(host, [f"{method} {MOUNT}heard HTTP/1.1", line, FORM, *person], body)
        assert found["method"] == method
        assert not [name for name in found["headers"] if "method" in name.lower()]
    assert ask(host, [f"GET {MOUNT}mine/a HTTP/1.1", line])[0] == 403
    assert ask(host, [f"POST {MOUNT}heard HTTP/1.1", line, FORM, person[0]], b"a=1")[0] == 403


@pytest.mark.parametrize("override", ["GET", "OPTIONS", "DELETE"])
def test_no_field_changes_the_method(host: Host, person: list[str], override: str) -> None:
    """`_method` is a field like any other."""
    target, body = f"{MOUNT}heard?_method={override}", f"_method={override}".encode()
    found = told(host, [f"POST {target} HTTP/1.1", FORM, *person], body)
    assert (found["method"], found["form"]) == ("POST", {"_method": [override]})
    assert told(host, [f"GET {target} HTTP/1.1"])["method"] == "GET"
    assert ask(host, [f"POST {target} HTTP/1.1", FORM, person[0]], body)[0] == 403
    assert ask(host, [f"GET {MOUNT}mine/a?_method={override} HTTP/1.1"])[0] == 403


# Framing -------------------------------------------------------------------------------

HIDDEN = f"GET {MOUNT}page/hidden HTTP/1.1\r\nHost: x\r\n\r\n".encode()
SEEN = b"[live/page//hidden]"


def test_a_request_after_another_is_answered_where_connections_are_kept(host: Host) -> None:
    """So the tests below would see a hidden one."""
    answered = talk(host, [f"GET {MOUNT}heard HTTP/1.1"], HIDDEN).count(SEEN)
    assert bool(answered) is (host.server in ("gunicorn", "waitress", "cheroot"))


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Transfer-Encoding", "chunked"),
        ("Transfer-Encoding", "xchunked"),
        ("Transfer_Encoding", "chunked"),
        ("transfer-encoding ", "chunked"),
    ],
)
def test_two_readings_of_where_a_body_ends(
    host: Host, person: list[str], name: str, value: str, order: int
) -> None:
    """A length together with an encoding: one end or none; what is inside of the body is no request.

    waitress leaves the length out, as RFC 9112 section 6.3 lets it, and takes what follows for a request:
    docs/configuration.md says what the front server has to do then.
    """
    body = b"0\r\n\r\n" + HIDDEN
    framing = [f"{name}: {value}", f"Content-Length: {len(body)}"][::order]
    heard = talk(host, [f"POST {MOUNT}heard HTTP/1.1", FORM, *person, *framing], body)
    leaves_out = host.server == "waitress" and (name, value) == ("Transfer-Encoding", "chunked")
    assert (SEEN in heard) is leaves_out
    assert (SEEN in talk(host, [f"GET {MOUNT}heard HTTP/1.1", *framing], body)) is leaves_out
    if name == "Transfer-Encoding" and not leaves_out:
        assert re.match(rb"HTTP/1\.[01] (?:400|501) ", heard)


LENGTHS = {"wsgiref": "1", "werkzeug": "12", "cheroot": "12", "gunicorn": "", "waitress": ""}
"""Of a body `a=12`, what is left of the value when two lengths say 3 and 4; "" is refused."""


def test_two_lengths(host: Host, person: list[str]) -> None:
    """The middleware sees one of them. What a server makes of it is told in docs/configuration.md."""
    lengths = ["Content-Length: 3", "Content-Length: 4"]
    heard = talk(host, [f"POST {MOUNT}heard HTTP/1.1", FORM, *person, *lengths], b"a=12")
    value = LENGTHS[host.server]
    assert (f'"form":{{"a":["{value}"]}}'.encode() in heard) is bool(value)
    assert heard.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400")) is not value


@pytest.mark.parametrize("length", ["+3", "-3", "0x3", "3, 4", "3 4", "3.0", "3_0", "", " "])
def test_a_length_that_is_no_number(host: Host, person: list[str], length: str) -> None:
    """Is refused, or there is no body."""
    framing = f"Content-Length: {length}"
    heard = talk(host, [f"POST {MOUNT}heard HTTP/1.1", FORM, *person, framing], b"a=1" + HIDDEN)
    assert b'"form":{"a"' not in heard
    assert length.strip() == "" or re.match(rb"HTTP/1\.[01] 400 ", heard), heard


@pytest.mark.parametrize(
    "name", ["Content_Length", "Content_Type", "Transfer_Encoding", "Cookie_", "X_CSRFToken"]
)
def test_header_names_with_underscores_stand_for_no_other(host: Host, person: list[str], name: str) -> None:
    """Not for those that say what the body is, who asks, and that they may.

    cheroot takes those about the body for the real ones: then they hold for us and for the service alike.
    """
    values = {"Content_Length": "5", "Content_Type": "text/plain"}
    line = f"{name}: {values.get(name, 'forged')}"
    head = [f"POST {MOUNT}heard HTTP/1.1", FORM, *person]
    believed = host.server == "cheroot" and name.startswith("Content_")
    for lines in ([line, *head[1:]], [*head[1:], line]):
        status, answer = ask(host, [head[0], *lines], b"a=123&ebuio_u_pk=forged")
        assert status in (200, 400, 403), answer
        assert b"forged" not in answer
        assert status != 200 or believed or b'"form":{"a":["123"]}' in answer
        assert status != 200 or b'"user":"anna"' in answer


@pytest.mark.parametrize("refused", ["token", "size", "path", "name"])
def test_the_body_of_a_refused_request_is_no_request(host: Host, person: list[str], refused: str) -> None:
    """Whether it was read or not."""
    path = "any/a/..;/x" if refused == "path" else "heard"
    lines = [person[0], "X-CSRFToken: wrong"] if refused == "token" else person
    said = 3 * 1024**3 if refused == "size" else len(HIDDEN)
    kind = "Content-Type: text/plain" if refused == "name" else FORM
    body = b"&ebuio_=1" + HIDDEN if refused == "name" else HIDDEN
    head = [f"POST {MOUNT}{path} HTTP/1.1", kind, *lines, f"Content-Length: {max(said, len(body))}"]
    heard = talk(host, head, body)
    assert re.match(rb"HTTP/1\.[01] 4\d\d ", heard), heard
    assert SEEN not in heard


# Client addresses ----------------------------------------------------------------------

PROXY, VISITOR = "198.51.100.7", "10.0.0.1"
ADDRESSES = {
    # what the service is told of X-Forwarded-For by the proxy and X_Forwarded_For by the visitor,
    # in this order and in the other
    "wsgiref": (VISITOR, PROXY),
    "werkzeug": (PROXY, PROXY),
    "gunicorn": (PROXY, PROXY),
    "waitress": ("127.0.0.1", "127.0.0.1"),
    "cheroot": (VISITOR, PROXY),
}


@pytest.mark.parametrize("server", SERVERS)
def test_a_forwarded_address_with_underscores(services: dict[str, str], server: str) -> None:
    """wsgiref joins both, cheroot takes the last: only a proxy in front can help (docs/configuration.md).

    gunicorn and Werkzeug drop names with underscores; waitress drops both unless it is told who the proxy is.
    """
    with run_host(server, services, validate=False, hops=1) as host:
        found = []
        lines = [f"X-Forwarded-For: {PROXY}", f"X_Forwarded_For: {VISITOR}"]
        for order in (1, -1):
            headers = told(host, [f"GET {MOUNT}heard HTTP/1.1", *lines[::order]])["headers"]
            found.append(headers["X-Plugit-Remote-Addr"])
        assert tuple(found) == ADDRESSES[server]
