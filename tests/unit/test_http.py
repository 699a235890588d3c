"""One path, one query, one origin: what the rules see is what the service gets."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plugit_wsgi.errors import ActionNotFound
from plugit_wsgi.http import (
    CORS_HEADERS,
    FILE_HEADERS,
    HTML,
    KEPT_HEADERS,
    METHODS,
    NO_STORE,
    NOSNIFF,
    SAFE_METHODS,
    Answer,
    Origin,
    as_path,
    canonical_path,
    come_again,
    format_pairs,
    get_header,
    header_text,
    is_header_value,
    is_reserved,
    one_line,
    origin_of,
    parse_pairs,
    place_of,
    quote_target,
    read_cookies,
    script_name_of,
    select_headers,
    text_pairs,
    wants_html,
    wire_text,
)

latin = st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=30)
pathlike = st.lists(
    st.sampled_from(
        ["/", ".", "..", "a", "é", "%", "%2e", "%2F", "%00", "\\", "?", "#", ";", "\x00", "\n", " ", "+"]
    ),
    max_size=8,
).map("".join)


# Paths ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "canonical"),
    [
        ("", "/"),
        ("/", "/"),
        ("/show/1", "/show/1"),
        ("/show/1/", "/show/1/"),
        ("/a b", "/a%20b"),
        ("/\xc3\xa9", "/%C3%A9"),
        ("/\xe9", "/%E9"),
        ("/who?ebuio_u_pk=-3", "/who%3Febuio_u_pk=-3"),
        ("/a#b", "/a%23b"),
        ("/a;b=c", "/a%3Bb=c"),
        ("/100%", "/100%25"),
        ("/100%41", "/100%2541"),
        ("/a+b&c=d@e:f,g", "/a+b&c=d@e:f,g"),
        ("/~-_!$'()*", "/~-_!$'()*"),
        ('/<"^`{|}>', "/%3C%22%5E%60%7B%7C%7D%3E"),
        ("/...", "/..."),
        ("/.a/..b/c.", "/.a/..b/c."),
        ("/...;/a..;b", "/...%3B/a..%3Bb"),
        ("/[1]", "/%5B1%5D"),
    ],
)
def test_canonical_path(rest: str, canonical: str) -> None:
    """Percent-encoded by us, once; what means something in a URL goes out encoded."""
    assert canonical_path(rest) == canonical


@pytest.mark.parametrize(
    "rest",
    [
        "/.",
        "/..",
        "/./a",
        "/../a",
        "/a/.",
        "/a/..",
        "/a/./b",
        "/a/../b",
        "..",
        ".",
        "../a",
        "//",
        "//a",
        "/a//b",
        "/a//",
        "/a\\b",
        "/a\\..\\b",
        "/a\x00",
        "/a\x00.png",
        "/a\nb",
        "/a\rb",
        "/a\tb",
        "/a\x01",
        "/a\x1b",
        "/a\x1f",
        "/a\x7f",
        "/a%2fb",
        "/a%2Fb",
        "/%2e%2e/a",
        "/%2E%2e/a",
        "/.%2e/a",
        "/a%5cb",
        "/a%5Cb",
        "/a%00",
        "/a/..\n",
        "/a/..;/x",
        "/a/..;x",
        "/a/.;/x",
        "/..;a=b/x",
        "..;/x",
        "/a/..%3b/x",
        "/a/..%3B/x",
        "/\u20ac",
        "/\u2215",
    ],
)
def test_paths_without_a_canonical_spelling_are_refused(rest: str) -> None:
    """Dot segments, empty segments, backslashes, NUL, control bytes; encoded twice as well."""
    with pytest.raises(ActionNotFound) as caught:
        canonical_path(rest)
    assert (caught.value.status, caught.value.reason) == (404, "path")


def test_the_longest_path() -> None:
    """It is in the signed context, which is bounded."""
    assert canonical_path("/" + "a" * 1999) == "/" + "a" * 1999
    with pytest.raises(ActionNotFound):
        canonical_path("/" + "a" * 2000)


@given(pathlike | latin.map(lambda text: "/" + text))
@example("/a%252e")
def test_canonical_path_is_safe_and_says_the_same(rest: str) -> None:
    """No output has a dot segment, an empty segment, a backslash or a control byte, decoded once or twice."""
    try:
        path = canonical_path(rest)
    except ActionNotFound:
        return
    assert re.fullmatch(r"(?:[A-Za-z0-9/._~!$&'()*+,=:@-]|%[0-9A-F]{2})+", path)
    once = unquote_to_bytes(path)
    assert once == (rest.encode("latin-1") or b"/")
    for decoded in (once, unquote_to_bytes(once)):
        assert not re.search(rb"[\x00\\]|//", decoded)
        assert not {b".", b".."} & set(decoded.split(b"/"))
    assert not re.search(rb"[\x00-\x1f\x7f]", once)


@given(latin.map(lambda text: "/" + text))
def test_canonical_path_is_one_to_one(rest: str) -> None:
    """Two paths never become one, so nobody's rules stand for another's."""
    try:
        path = canonical_path(rest)
    except ActionNotFound:
        return
    assert canonical_path(unquote_to_bytes(path).decode("latin-1")) == path


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({}, ""),
        ({"SCRIPT_NAME": "/app", "PATH_INFO": "/s/x/"}, "/app/s/x/"),
        ({"PATH_INFO": "/100%;?#"}, "/100%25%3B%3F%23"),
        ({"PATH_INFO": "/~-_!$&'()*+,=:@"}, "/~-_!$&'()*+,=:@"),
        ({"PATH_INFO": "/\xe9\r\n"}, "/%E9%0D%0A"),
        ({"PATH_INFO": "/\u20ac"}, "/%3F"),
        ({"PATH_INFO": "/a", "QUERY_STRING": ""}, "/a"),
        ({"PATH_INFO": "/a", "QUERY_STRING": "b=%20;c?/&+"}, "/a?b=%20;c?/&+"),
        ({"PATH_INFO": "/a", "QUERY_STRING": "\xe9\u20ac <#"}, "/a?%E9?%20%3C%23"),
        ({"PATH_INFO": "/a", "QUERY_STRING": "b", "REQUEST_METHOD": "HEAD"}, "/a?b"),
        ({"PATH_INFO": "/a", "QUERY_STRING": "b", "REQUEST_METHOD": "POST"}, "/a"),
        ({"PATH_INFO": "/a", "QUERY_STRING": "b", "REQUEST_METHOD": "OPTIONS"}, "/a"),
    ],
)
def test_where_the_visitor_is(environ: dict[str, str], place: str) -> None:
    """Where a login leads back to: of any bytes, and with a query only if it can be asked for again."""
    assert place_of({"REQUEST_METHOD": "GET", **environ}) == place


# Fields --------------------------------------------------------------------------------

RESERVED = [
    "ebuio_u_pk",
    "ebuio_",
    "EBUIO_U_PK",
    "eBuIo_orgapk",
    "ebuio-u-pk",
    "ebuio.u.pk",
    "ebuio u pk",
    "ebuio[u_pk",
    "ebuio_u[pk]",
    " ebuio_u_pk",
    "\tebuio_u_pk",
    "\r\nebuio_u_pk",
    "\x00ebuio_u_pk",
    "\x0b\x0cebuio_u_pk",
    "ebuio_u_pk ",
    "ebuio_u_pk\x00x",
    "[ebuio_u_pk]",
    "]ebuio_u_pk",
    "[[ebuio_u_pk",
    " [ ebuio_u_pk",
    "[]ebuio_u_pk",
    "\xa0ebuio_u_pk",
    "\x85ebuio_u_pk",
    "\ufeffebuio_u_pk",
    " \ufeff\xa0[\x85ebuio_u_pk",
    "\u2003ebuio_u_pk",
    "\u200bebuio_u_pk",
    "\u200febuio_u_pk",
    "\u2060ebuio_u_pk",
    "\x1febuio_u_pk",
    "\x01\x1bebuio_u_pk",
    "e\x00b\x00u\x00i\x00o\x00_\x00",
    "ebuio\x00_u_pk",
    "\x00 \x00ebuio_u_pk",
]
FREE = [
    "",
    "a",
    "ebuio",
    "ebuiou",
    "xebuio_",
    "_ebuio_",
    "e_buio_",
    "e buio_",
    "%65buio_",
    "ebuio%5F",
    "éebuio_",
    "user",
]


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_names_in_any_spelling(name: str) -> None:
    """Parsers fold case, dots, blanks and brackets; none of them may make one of our names of it."""
    assert is_reserved(name.encode())
    every = "".join(f"%{byte:02x}" for byte in name.encode())
    plus = name.replace(" ", "+").replace("%", "%25").replace("\x00", "%00")
    for query in (f"{every}=1", every, f"{plus}=1&{every}", f"&&{every}=1"):
        assert parse_pairs(query.encode()) == []


@pytest.mark.parametrize(
    "name", [b"\xa0ebuio_u", b"\x85ebuio_u", b"\xa0\xc2\xa0ebuio_u", b"\xc2\x85\x85ebuio.u"]
)
def test_reserved_names_of_any_encoding(name: bytes) -> None:
    """Blanks of latin-1 and of UTF-8, side by side as well."""
    assert is_reserved(name)


@pytest.mark.parametrize("name", FREE)
def test_other_names_pass(name: str) -> None:
    """Only what a parser would take for ours is ours; decoding happens once."""
    assert not is_reserved(name.encode())


@pytest.mark.parametrize(
    ("query", "formatted"),
    [
        ("", ""),
        ("a=1", "a=1"),
        ("a=1&a=2&b=3&a=1", "a=1&a=2&b=3&a=1"),
        ("b=&a", "b=&a="),
        ("=x", "=x"),
        ("=", "="),
        ("&&a=1&&", "a=1"),
        ("a=b=c", "a=b%3Dc"),
        ("a+b=c%20d", "a+b=c+d"),
        ("a=%2B", "a=%2B"),
        ("a=1;b=2", "a=1%3Bb%3D2"),
        ("a=1;ebuio_u_pk=2", "a=1%3Bebuio_u_pk%3D2"),
        ("a=%26ebuio_u_pk=2", "a=%26ebuio_u_pk%3D2"),
        ("a=%zz%4", "a=%25zz%254"),
        ("a=%C3%A9&b=%e9", "a=%C3%A9&b=%E9"),
        ("%7B%22k%22%3A+1%7D", "%7B%22k%22%3A+1%7D="),
        ("ebuio_u_pk=1&a=1&Ebuio-x&b=2", "a=1&b=2"),
    ],
)
def test_query_of_the_visitor(query: str, formatted: str) -> None:
    """Order, repeats, blanks kept; one spelling; nothing of a value becomes a field of its own."""
    assert format_pairs(parse_pairs(query.encode("latin-1"))) == formatted


names = st.binary(max_size=8).filter(lambda name: not is_reserved(name))


@given(st.lists(st.tuples(names, st.binary(max_size=8)), max_size=5))
def test_pairs_round_trip(pairs: list[tuple[bytes, bytes]]) -> None:
    """Whatever the bytes."""
    text = format_pairs(pairs)
    assert text.isascii()
    assert parse_pairs(text.encode()) == pairs


@given(
    st.lists(
        st.sampled_from(
            ["ebuio", "_", "-", ".", " ", "[", "]", "%20", "%00", "%C2%A0", "u", "=", "&", ";", "+"]
        ),
        max_size=10,
    )
)
def test_no_reserved_name_survives(pieces: list[str]) -> None:
    """After formatting, no field of the result is ours, split at `&` or at `;`."""
    query = format_pairs(parse_pairs("".join(pieces).encode()))
    for piece in re.split("[&;]", query):
        assert not is_reserved(unquote_to_bytes(piece.partition("=")[0].replace("+", " ")))


def test_values_of_ours_as_fields() -> None:
    """str() of the value, None is absent, lists repeat."""
    values = {
        "pk": "7",
        "member": True,
        "empty": "",
        "zero": 0,
        "no": None,
        "labels": ["a", "ä"],
        "none": [],
        "t": ("x", None),
    }
    assert text_pairs(values) == [
        (b"pk", b"7"),
        (b"member", b"True"),
        (b"empty", b""),
        (b"zero", b"0"),
        (b"labels", b"a"),
        (b"labels", "ä".encode()),
        (b"t", b"x"),
    ]


# Headers -------------------------------------------------------------------------------


@given(st.text(st.characters(blacklist_categories=("Cs",))))
def test_wire_text_never_leaves_its_line(text: str) -> None:
    """UTF-8 as latin-1 text; line ends and NUL are blanks; read back as it was otherwise."""
    sent = wire_text(text)
    assert is_header_value(sent)
    assert header_text(sent) == re.sub(r"[\x00-\x1f\x7f]", " ", text)


def test_text_on_the_wire() -> None:
    """What is no text becomes text; of a service, whatever bytes it sent can be read."""
    assert wire_text(7) == "7"
    assert wire_text("\x00\t\x1f\x7f\x80") == "    \xc2\x80"
    assert header_text("\xc3\xa9\xff\u20ac") == "é\ufffd?"


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        ("", True),
        ("a b\tc", True),
        ("\x80\xff", True),
        ("a\rb", False),
        ("a\n", False),
        ("\x00", False),
        ("\x7f", False),
        ("\u20ac", False),
        ("\x0b", False),
    ],
)
def test_header_values(value: str, clean: bool) -> None:
    """Nothing in it that ends a header line, or that is not a byte."""
    assert is_header_value(value) is clean


def test_headers_are_selected_by_name_and_value() -> None:
    """Any case; order and repeats kept; a value with a line end is left out."""
    given = (("ETag", "a"), ("Set-Cookie", "b"), ("vary", "c"), ("VARY", "d"), ("Vary", "e\r\nX: y"))
    assert select_headers(given, KEPT_HEADERS) == (("ETag", "a"), ("vary", "c"), ("VARY", "d"))
    assert get_header(given, "vArY") == "c"
    assert get_header(given, "etag") == "a"
    assert get_header(given, "x") is None


@pytest.mark.parametrize(
    "name",
    ["Set-Cookie", "X-Accel-Redirect", "X-Sendfile", "Service-Worker-Allowed", "Clear-Site-Data",
     "Strict-Transport-Security", "Content-Security-Policy", "Refresh", "Link", "WWW-Authenticate",
     "Location", "Server", "Connection", "Transfer-Encoding", "Upgrade", "Trailer", "Public-Key-Pins",
     "X-Plugit-Context",
     "Content-Encoding", "Alt-Svc", "Proxy-Authenticate", "Keep-Alive", "Report-To", "Origin-Agent-Cluster"],
)  # fmt: skip
def test_no_list_lets_through_what_commands_browser_or_server(name: str) -> None:
    """Allow-lists, and what is not on them for good."""
    assert select_headers([(name, "x")], FILE_HEADERS | CORS_HEADERS | KEPT_HEADERS) == ()


def test_what_comes_back() -> None:
    """Pages, files, and answers to other origins: these headers and no others."""
    kept = {"etag", "last-modified", "cache-control", "vary", "content-language", "retry-after"}
    file = {"content-type", "content-disposition", "content-length", "content-range", "accept-ranges"}
    cors = {
        "allow-origin",
        "allow-credentials",
        "expose-headers",
        "max-age",
        "allow-methods",
        "allow-headers",
    }
    assert kept == KEPT_HEADERS
    assert kept | file == FILE_HEADERS
    assert {f"access-control-{name}" for name in cors} == CORS_HEADERS


def test_methods() -> None:
    """RFC 9110, but for TRACE and CONNECT; the first that are safe change nothing."""
    assert {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} == METHODS
    assert {"GET", "HEAD", "OPTIONS"} == SAFE_METHODS


def test_headers_of_ours() -> None:
    """As browsers read them."""
    assert Answer(status=204) == Answer(status=204, headers=(), body=b"")
    assert HTML == ("Content-Type", "text/html; charset=utf-8")
    assert NOSNIFF == ("X-Content-Type-Options", "nosniff")
    assert NO_STORE == ("Cache-Control", "private, no-store")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", ""),
        ("/", ""),
        ("/app", "/app"),
        ("/app/", "/app"),
        ("/a/b", "/a/b"),
        ("/a b", "/a%20b"),
        ("/\xc3\xa9", "/%C3%A9"),
        ("/a;b", "/a%3Bb"),
        ("//evil.example", "/evil.example"),
        ("/\\evil.example", "/%5Cevil.example"),
    ],
)
def test_script_name(given: str, found: str) -> None:
    """Percent-encoded, without a trailing slash; no link that begins with it leads to another host."""
    assert script_name_of({"SCRIPT_NAME": given}) == found
    assert script_name_of({}) == ""


# Origin --------------------------------------------------------------------------------

BASE = {"wsgi.url_scheme": "http", "SERVER_NAME": "here", "SERVER_PORT": "8080", "REMOTE_ADDR": "192.0.2.1"}


@pytest.mark.parametrize(
    ("environ", "hops", "expected"),
    [
        ({}, 0, ("http", "here:8080", "192.0.2.1")),
        ({"SERVER_PORT": "80"}, 0, ("http", "here", "192.0.2.1")),
        ({"SERVER_PORT": "443"}, 0, ("http", "here:443", "192.0.2.1")),
        ({"SERVER_PORT": "443", "wsgi.url_scheme": "https"}, 0, ("https", "here", "192.0.2.1")),
        ({"HTTP_HOST": "example.org"}, 0, ("http", "example.org", "192.0.2.1")),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, 0, ("http", "here:8080", "192.0.2.1")),
        ({"HTTP_X_FORWARDED_FOR": "10.0.0.1"}, 0, ("http", "here:8080", "192.0.2.1")),
        ({"HTTP_X_FORWARDED_HOST": "evil"}, 0, ("http", "here:8080", "192.0.2.1")),
        (
            {"HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_HOST": "a.example",
             "HTTP_X_FORWARDED_FOR": "198.51.100.7"},
            1,
            ("https", "a.example", "198.51.100.7"),
        ),
        ({"HTTP_X_FORWARDED_FOR": "6.6.6.6, 198.51.100.7"}, 1, ("http", "here:8080", "198.51.100.7")),
        ({"HTTP_X_FORWARDED_FOR": "6.6.6.6, 198.51.100.7,::1"}, 2, ("http", "here:8080", "198.51.100.7")),
        ({"HTTP_X_FORWARDED_FOR": "6.6.6.6, 198.51.100.7 , ::1"}, 2, ("http", "here:8080", "198.51.100.7")),
        ({"HTTP_X_FORWARDED_FOR": "6.6.6.6"}, 2, ("http", "here:8080", "192.0.2.1")),
        ({"HTTP_X_FORWARDED_FOR": ""}, 1, ("http", "here:8080", "192.0.2.1")),
        ({"HTTP_X_FORWARDED_PROTO": "ftp"}, 1, ("http", "here:8080", "192.0.2.1")),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, 2, ("https", "here:8080", "192.0.2.1")),
        ({"HTTP_X_FORWARDED_PROTO": "ftp, https, http"}, 2, ("https", "here:8080", "192.0.2.1")),
        ({"HTTP_X_FORWARDED_PROTO": "ftp,\thttps , http"}, 2, ("https", "here:8080", "192.0.2.1")),
        ({"wsgi.url_scheme": "https"}, 1, ("https", "here:8080", "192.0.2.1")),
        ({"HTTP_HOST": "a.example", "HTTP_X_FORWARDED_FOR": "6.6.6.6"}, 1, ("http", "a.example", "6.6.6.6")),
        ({"HTTP_X_FORWARDED_PROTO": "HTTPS"}, 1, ("https", "here:8080", "192.0.2.1")),
        ({"HTTP_HOST": "a.example:80"}, 0, ("http", "a.example", "192.0.2.1")),
        ({"HTTP_HOST": "a.example:443"}, 0, ("http", "a.example:443", "192.0.2.1")),
        ({"HTTP_HOST": "[::1]:80"}, 0, ("http", "[::1]", "192.0.2.1")),
        (
            {"HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_HOST": "a.example:443"},
            1,
            ("https", "a.example", "192.0.2.1"),
        ),
    ],
)  # fmt: skip
def test_origin(environ: dict[str, str], hops: int, expected: tuple[str, str, str]) -> None:
    """X-Forwarded-* is believed for configured hops only, counted from the right."""
    found = origin_of({**BASE, **environ}, hops)
    assert (found.scheme, found.host, found.address) == expected
    assert found.secure is (expected[0] == "https")


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::1", "::1"),
        ("", ""),
        ("unknown", ""),
        ("_hidden", ""),
        ("x192.0.2.1", ""),
        ("192.0.2.1:4711", ""),
        ("192.0.2", ""),
        ("0x7f.1", ""),
        ("192.0.2.1\n", ""),
    ],
)
def test_client_address(given: str, address: str) -> None:
    """IPv4, IPv6, a mapped one as what it is; anything else is unknown, which no rule lets in."""
    assert origin_of({**BASE, "REMOTE_ADDR": given}, 0).address == address


def test_an_environ_without_anything() -> None:
    """Not even the keys that PEP 3333 asks for."""
    assert origin_of({}, 1) == Origin(scheme="http", host="", address="")


# Targets and answers -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "quoted"),
    [
        ("/a?b=c&d#e", "/a?b=c&d#e"),
        ("/é", "/%C3%A9"),
        ("/a b", "/a%20b"),
        ("/a%20b", "/a%20b"),
        ("/a\r\nSet-Cookie: x", "/a%0D%0ASet-Cookie:%20x"),
        ("/\\evil", "/%5Cevil"),
        ("/a\x00", "/a%00"),
    ],
)
def test_quote_target(target: str, quoted: str) -> None:
    """Visible ASCII; what is encoded stays as it is."""
    assert quote_target(target) == quoted


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("http://host.example/s/x/stations/", "/stations/"),
        ("http://host.example/s/x/", "/"),
        ("http://host.example/action/stations/", "/action/stations/"),
        ("http://host.example/s/xy/", "/s/xy/"),
        ("http://host.example", "http://host.example"),
        ("http://host.example.evil/s/x/", "http://host.example.evil/s/x/"),
        ("http://host.example@evil/s/x/", "http://host.example@evil/s/x/"),
        ("https://host.example/s/x/", "https://host.example/s/x/"),
        ("/action/x", "/action/x"),
        ("", ""),
    ],
)
def test_location_seen_from_outside(location: str, path: str) -> None:
    """A service that builds its URLs from X-Forwarded-* means a path of its own."""
    assert as_path(location, "http://host.example/s/x") == path


def test_a_cookie_that_is_no_text_leaves_the_others() -> None:
    """Another application on the domain, or a visitor, may set any bytes."""
    header = "a=1; b=\xff\xfe; c=\\\x80; \xff=x; d=\xc3\xa9"
    assert read_cookies({"HTTP_COOKIE": header}) == {"a": "1", "b": "", "d": ""}
    assert read_cookies({}) == {}


@pytest.mark.parametrize(
    ("accept", "wants"),
    [
        (None, True),
        ("", True),
        ("text/html", True),
        ("TEXT/HTML;q=0.9", True),
        ("application/xhtml+xml", True),
        ("image/png, */*;q=0.1", True),
        ("text/*", True),
        ("application/json", False),
        ("text/plain", False),
        ("image/*", False),
    ],
)
def test_who_wants_a_page(accept: str | None, wants: bool) -> None:
    """Whoever does not rule it out."""
    assert wants_html({} if accept is None else {"HTTP_ACCEPT": accept}) is wants


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "1"), (-3.0, "1"), (0.2, "1"), (1.0, "1"), (1.1, "2"), (30, "30")]
)
def test_when_to_come_again(seconds: float, told: str) -> None:
    """Whole seconds, never too early; nothing if the error does not say."""
    error = RuntimeError()
    assert come_again(error) == ()
    error.retry_after = seconds  # type: ignore[attr-defined]
    assert come_again(error) == (("Retry-After", told),)


def test_one_line() -> None:
    """Control bytes are blanks, all else is as it was."""
    assert one_line("\x00\ta\r\n\x1f\x7fb\x80\xff ~!") == "  a    b\x80\xff ~!"
