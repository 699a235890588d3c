"""Every parser of what a visitor sends, tried with what hypothesis makes up; the judges are other parsers."""

from __future__ import annotations

import email.parser
import email.policy
import io
import ipaddress
import re
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from hypothesis import example, given, settings
from hypothesis import strategies as st
from werkzeug.formparser import parse_form_data
from werkzeug.routing import Map, Rule

from plugit_wsgi.answers import passed_headers
from plugit_wsgi.body import read_body
from plugit_wsgi.config import Limits, Service
from plugit_wsgi.errors import ActionNotFound, BadRequest
from plugit_wsgi.http import (
    CORS_HEADERS,
    FILE_HEADERS,
    canonical_path,
    is_reserved,
    origin_of,
    select_headers,
)

EXAMPLES = settings(max_examples=300)

# Paths ---------------------------------------------------------------------------------

SPELLINGS = [
    ".", "..", "%2e", "%2E%2e", "%252e", "...", "/", "//", "%2f", "%252F", "\\", "%5c", "%255c", ";", "%3b",
    "%253b", "secret", "a", "%00", "%2500", "%0a", "?", "%3f", "#", "%23", " ", "%20", "+", "%", "%c3%a9",
    "%e9", "%zz", ":", "@",
]  # fmt: skip
targets = st.lists(st.sampled_from(SPELLINGS), max_size=8).map(lambda pieces: "/" + "".join(pieces))
ROUTES = Map(
    [
        Rule(f"/{call}/{rest}", endpoint=rest)
        for call in ("meta", "action")
        for rest in ("", "secret", "secret/", "<path:rest>")
    ]
)


def routed(path: str) -> object:
    """What a service made with Werkzeug or Flask runs for a path on the wire; a redirect raises."""
    adapter = ROUTES.bind("service")
    return adapter.match(unquote_to_bytes(path).decode("utf-8", "replace"))


def of_server(target: str) -> str:
    """PATH_INFO: decoded once."""
    return unquote_to_bytes(target.encode("latin-1")).decode("latin-1")


@EXAMPLES
@given(targets)
def test_the_path_of_the_rules_is_the_path_that_is_routed(target: str) -> None:
    """Meta and action run for the same rest, with no redirect on the way, and only /secret is secret."""
    rest = of_server(target)
    try:
        path = canonical_path(rest)
    except ActionNotFound:
        return
    asked, called = routed("/meta" + path), routed("/action" + path)
    assert asked == called
    if rest not in ("/", "/secret", "/secret/"):
        wanted = rest[1:].encode("latin-1").decode("utf-8", "replace")
        assert called == ("<path:rest>", {"rest": wanted})


@EXAMPLES
@given(targets)
@example("/a/..;/secret")
@example("/a/%2e%2e%253b/secret")
def test_no_path_leads_elsewhere_however_it_is_read(target: str) -> None:
    """Decoded once more, with backward slashes, without what follows a `;`: no segment is one of dots."""
    try:
        path = canonical_path(of_server(target))
    except ActionNotFound:
        return
    sent = unquote_to_bytes(path)
    for text in (sent, unquote_to_bytes(sent)):
        segments = text.replace(b"\\", b"/").split(b"/")
        assert not {b".", b".."} & {segment.partition(b";")[0] for segment in segments}
        assert b"" not in segments[1:-1]


# Headers of answers --------------------------------------------------------------------

MAY_PASS = {
    "etag", "last-modified", "cache-control", "vary", "content-language", "retry-after", "content-type",
    "content-disposition", "content-length", "content-range", "accept-ranges", "access-control-allow-origin",
    "access-control-expose-headers", "access-control-max-age", "access-control-allow-methods",
    "access-control-allow-headers",
}  # fmt: skip
NEVER = [
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding",
    "upgrade", "set-cookie", "x-plugit-context", "x-plugit-user-pk", "ebuio-plugit-redirect",
    "ebuio-plugit-itafile",
    "access-control-allow-credentials", "x-accel-redirect", "refresh", "link", "location", "content-encoding",
]  # fmt: skip


@st.composite
def spelled(draw: st.DrawFn) -> str:
    """The name of a header in some spelling."""
    name = draw(st.sampled_from(sorted(MAY_PASS) + NEVER))
    cased = "".join(letter.upper() if draw(st.booleans()) else letter for letter in name)
    if draw(st.booleans()):
        return cased
    folded = cased.replace("-", draw(st.sampled_from(["-", "_", " "])))
    return draw(st.sampled_from(["", " ", "\t"])) + folded + draw(st.sampled_from(["", " ", "\r\n", "\0"]))


values = st.sampled_from(["a", "1, 1"]) | st.text(st.sampled_from("a1,; \t\r\n\x00\x7fé€"), max_size=8)


@EXAMPLES
@given(st.lists(st.tuples(spelled(), values), max_size=8))
def test_only_headers_of_the_list_come_back(headers: list[tuple[str, str]]) -> None:
    """By their exact name, in any case; no value leaves its line."""
    service = Service("x", "http://127.0.0.1:1")
    passed = passed_headers(tuple(headers), service, Limits(), FILE_HEADERS)
    selected = select_headers(headers, FILE_HEADERS | CORS_HEADERS)
    for name, value in (*passed, *selected):
        allowed = MAY_PASS if (name, value) in passed else MAY_PASS | {"access-control-allow-credentials"}
        assert name.lower() in allowed
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value)
    clean = [
        item for item in headers if item[0].lower() in MAY_PASS and re.fullmatch(r"[a1,; \té]*", item[1])
    ]
    assert {name.lower() for name, _ in clean} <= {name.lower() for name, _ in selected}


# Forms ---------------------------------------------------------------------------------

NAME_PIECES = [
    "ebuio", "EBUIO", "_", ".", "-", "[", "]", " ", "\xa0", "\x85", "\ufeff", "\0", "u", "é", '"', "\\", ";",
    "%22",
    "%0D%0A", "=", "name=", "'",
]  # fmt: skip
field_names = st.one_of(
    st.lists(st.sampled_from(NAME_PIECES), min_size=1, max_size=6).map("".join),
    st.sampled_from(["", " ", "[", "\xa0", 'a"; name="', "a\\"]).map(lambda before: before + "ebuio_u_pk"),
)


def filtered(content: bytes, content_type: str) -> tuple[bytes, str]:
    """The form that a service gets."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": io.BytesIO(content),
    }
    body = read_body(environ, (), Limits())
    assert body.file is not None
    try:
        return body.file.read(), body.content_type
    finally:
        body.close()


form_texts = st.lists(
    st.sampled_from([*NAME_PIECES, "&", "+", "%65buio", "%00", "%26", "%3B", "%C2%A0", "%E9", "%", "a=1"]),
    max_size=12,
)


@EXAMPLES
@given(form_texts)
def test_no_parser_finds_a_reserved_field_in_a_form(pieces: list[str]) -> None:
    """Whether it splits at `&` or at `;`."""
    content, _kind = filtered(("x=1&" + "".join(pieces)).encode(), "application/x-www-form-urlencoded")
    text = content.decode("ascii")
    for separator in "&;":
        for name, _ in parse_qsl(text, True, encoding="latin-1", separator=separator):
            assert not is_reserved(name.encode("latin-1"))
    assert text.startswith("x=1")


@EXAMPLES
@given(st.lists(st.tuples(field_names, st.none() | field_names, st.binary(max_size=12)), max_size=4))
def test_no_parser_finds_a_reserved_part_in_a_form(parts: list[tuple[str, str | None, bytes]]) -> None:
    """Neither Werkzeug's nor that of the standard library; the other parts arrive."""
    sent = []
    for name, filename, value in parts:
        file = "" if filename is None else f'; filename="{_escaped(filename)}"'
        head = f'Content-Disposition: form-data; name="{_escaped(name)}"{file}'
        sent.append(b"--xyz\r\n" + head.encode() + b"\r\n\r\n" + value.replace(b"--xyz", b"") + b"\r\n")
    try:
        content, kind = filtered(b"".join([*sent, b"--xyz--\r\n"]), "multipart/form-data; boundary=xyz")
    except BadRequest:
        return
    environ = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(content))}
    _, form, files = parse_form_data({**environ, "wsgi.input": io.BytesIO(content)}, silent=False)
    found = [name for name, _ in form.items(multi=True)]
    for name, file_part in files.items(multi=True):
        found.append(name)
        file_part.close()
    assert not any(is_reserved(name.encode("utf-8", "surrogateescape")) for name in found)
    other = list(_names_of_stdlib(content, kind))
    assert not any(is_reserved(name.encode("utf-8", "surrogateescape")) for name in other)
    assert len(other) == len(found)
    free = [name for name, _, _ in parts if not is_reserved(name.encode())]
    assert len(other) >= len([name for name in free if re.fullmatch(r"[A-Za-z_.é-]+", name)])


def _escaped(text: str) -> str:
    return text.replace('"', "%22")


def _names_of_stdlib(content: bytes, kind: str) -> list[str]:
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(f"Content-Type: {kind}\r\n\r\n".encode("ascii") + content)
    return [str(part.get_param("name", "", "content-disposition")) for part in message.iter_parts()]


# Client addresses ----------------------------------------------------------------------

addresses = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=4).map(lambda it: f"::ffff:{it}"),
)
claims = st.lists(addresses | st.text(st.sampled_from("0123456789.:%,; []unkowfa"), max_size=20), max_size=3)


@EXAMPLES
@given(claims, st.lists(addresses, min_size=1, max_size=3), addresses)
def test_nothing_that_a_visitor_claims_changes_their_address(
    claimed: list[str], told: list[str], remote: str
) -> None:
    """What the trusted proxies added counts, whatever was there before."""
    header = ", ".join([*claimed, *told])
    address = origin_of({"HTTP_X_FORWARDED_FOR": header, "REMOTE_ADDR": remote}, len(told)).address
    assert address == _plain(told[0])
    assert origin_of({"HTTP_X_FORWARDED_FOR": header, "REMOTE_ADDR": remote}, 0).address == _plain(remote)


@EXAMPLES
@given(st.text(st.sampled_from("0123456789.:%,; []unkowfa\t"), max_size=40), st.integers(0, 3), addresses)
def test_an_address_is_one_or_unknown(header: str, hops: int, remote: str) -> None:
    """Never anything else, and IPv4 never in the form of IPv6."""
    address = origin_of({"HTTP_X_FORWARDED_FOR": header, "REMOTE_ADDR": remote}, hops).address
    assert address in ("", _plain(address or "::"))


def _plain(text: str) -> str:
    address = ipaddress.ip_address(text)
    return str(getattr(address, "ipv4_mapped", None) or address)
