"""CSRF: where a request came from, and whose token it carries."""

from __future__ import annotations

import base64
import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugit_wsgi.csrf import Tokens, check_origin, format_cookie, header_token, is_unsafe
from plugit_wsgi.errors import CsrfRejected
from plugit_wsgi.http import Origin
from plugit_wsgi.wire.keys import load_secrets

NEW, OLD, OTHER = (f"{name} secret of the tests, long enough." for name in ("a new", "an old", "another"))
TOKENS = Tokens(load_secrets(NEW), "polls")


@pytest.mark.parametrize(
    ("method", "unsafe"),
    [("GET", False), ("HEAD", False), ("OPTIONS", False), ("POST", True), ("PUT", True), ("PATCH", True),
     ("DELETE", True), ("TRACE", True), ("get", True), ("PROPFIND", True), ("", True)],
)  # fmt: skip
def test_unsafe_methods(method: str, unsafe: bool) -> None:
    """Whatever is not known to be safe is not."""
    assert is_unsafe(method) is unsafe


# Where it came from --------------------------------------------------------------------


def is_refused(environ: dict[str, str], host: str = "host.example", scheme: str = "https") -> bool:
    try:
        check_origin(environ, Origin(scheme=scheme, host=host, address=""))
    except CsrfRejected as error:
        return (error.reason, error.status) == ("csrf", 403)
    return False


@pytest.mark.parametrize(
    ("site", "refused"),
    [("same-origin", False), ("none", False), ("same-site", True), ("cross-site", True), ("", True),
     ("Same-Origin", True), ("same-origin, none", True), ("anything", True)],
)  # fmt: skip
@pytest.mark.parametrize("origin", [None, "https://host.example", "https://evil.example", "null"])
def test_sec_fetch_site_comes_first(site: str, refused: bool, origin: str | None) -> None:
    """It is the browser's own word, which no page can set; a sister site is another site."""
    environ = {"HTTP_SEC_FETCH_SITE": site, **({} if origin is None else {"HTTP_ORIGIN": origin})}
    assert is_refused(environ) is refused


@pytest.mark.parametrize(
    ("origin", "refused"),
    [
        ("https://host.example", False),
        ("http://host.example", True),
        ("https://HOST.example", False),
        ("null", True),
        ("", True),
        ("https://host.example:8443", True),
        ("https://evil.example", True),
        ("https://host.example.evil.example", True),
        ("https://nothost.example", True),
        ("https://sub.host.example", True),
        ("https://host.example/", True),
        ("https://host.example/x", True),
        ("https://host.example@evil.example", True),
        ("https://host.example https://evil.example", True),
        ("host.example", True),
        ("ftp://host.example", True),
        ("file://", True),
        ("chrome-extension://host.example", True),
        ("https://host.example\\", True),
        ("//host.example", True),
    ],
)
def test_origin(origin: str, refused: bool) -> None:
    """Without Sec-Fetch-Site, the Origin must be the host as the visitor sees it."""
    assert is_refused({"HTTP_ORIGIN": origin}) is refused


@pytest.mark.parametrize(
    "host",
    [
        "host.example:8443",
        "localhost:4000",
        "127.0.0.1:4000",
        "[::1]:4000",
        "[2001:db8::1]",
        "my_host:8000",
        "Host",
    ],
)
def test_origin_of_any_host(host: str) -> None:
    """Ports, addresses of both families, and the names people have at home."""
    assert not is_refused({"HTTP_ORIGIN": f"http://{host.lower()}"}, host=host, scheme="http")
    assert is_refused({"HTTP_ORIGIN": f"http://x{host.lower()}"}, host=host, scheme="http")


@pytest.mark.parametrize(
    ("scheme", "host", "origin", "refused"),
    [
        ("http", "host.example", "http://host.example", False),
        ("http", "host.example", "https://host.example", False),
        ("http", "host.example:80", "http://host.example", False),
        ("http", "host.example:443", "https://host.example", False),
        ("https", "host.example:443", "https://host.example:443", False),
        ("https", "host.example:443", "https://host.example", False),
        ("https", "host.example:443", "http://host.example", True),
        ("http", "host.example:8080", "http://host.example", True),
        ("https", "host.example:80", "https://host.example", True),
        ("http", "host.example:4430", "https://host.example", True),
    ],
)
def test_scheme_and_port_of_an_origin(scheme: str, host: str, origin: str, refused: bool) -> None:
    """A proxy may hide https, never http; a browser leaves out the scheme's own port."""
    assert is_refused({"HTTP_ORIGIN": origin}, host=host, scheme=scheme) is refused


def test_without_a_word_of_the_browser_the_token_decides() -> None:
    """Programs send neither."""
    assert not is_refused({})


# Tokens --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "token"),
    [({"HTTP_X_CSRFTOKEN": "abc"}, "abc"), ({}, ""), ({"HTTP_X_CSRFTOKEN": ""}, ""),
     ({"HTTP_X_CSRFTOKEN": 1}, ""), ({"HTTP_X_CSRF_TOKEN": "abc"}, "")],
)  # fmt: skip
def test_header_token(environ: dict[str, object], token: str) -> None:
    """X-CSRFToken, as in the original."""
    assert header_token(environ) == token


def test_matrix_of_tokens() -> None:
    """A token is for one visitor, user and service, and its secret must still be in the list."""
    rings = [[NEW], [OLD], [OLD, NEW], [OTHER]]
    cases = list(
        itertools.product(rings, ["polls", "poll", "notes"], ["v1", "v2", "v"], [None, "7", "8", "", "u7"])
    )
    newest = {tuple(ring): ring[-1] for ring in rings}
    issued = [(case, Tokens(load_secrets(case[0]), case[1]).issue(case[2], case[3])) for case in cases[::3]]
    checkers = [(case, Tokens(load_secrets(case[0]), case[1])) for case in cases]
    for (ring, service, visitor, user), token in issued:
        for (ring2, service2, visitor2, user2), tokens in checkers:
            same = (service, visitor, user) == (service2, visitor2, user2)
            expected = same and newest[tuple(ring)] in ring2
            assert tokens.is_valid(token, visitor2, user2) is expected


@given(
    st.text(max_size=8), st.none() | st.text(max_size=8), st.text(max_size=8), st.none() | st.text(max_size=8)
)
def test_visitor_and_user_cannot_be_shifted(v1: str, u1: str | None, v2: str, u2: str | None) -> None:
    """A visitor "a" with user "bc" is not a visitor "ab" with user "c"."""
    token = TOKENS.issue(v1, u1)
    assert TOKENS.is_valid(token, v2, u2) is ((v1, u1) == (v2, u2))


@pytest.mark.parametrize(
    ("v1", "u1", "v2", "u2"),
    [
        ("1:a", "b", "1", ":au"),
        ("a", "ub", "au", "b"),
        ("a:u", None, "a", ":"),
        ("a:", None, "a", ""),
        ("1", "abcdefghi:", ":uabcdefghi", None),
        ("a", "None", "a", None),
    ],
)
def test_known_shifts(v1: str, u1: str | None, v2: str, u2: str | None) -> None:
    """Colons and letters of the formula inside of the values."""
    assert not TOKENS.is_valid(TOKENS.issue(v1, u1), v2, u2)


def test_tokens_are_masked() -> None:
    """Never twice the same, no part of it stays the same: compression tells nothing (BREACH)."""
    tokens = [TOKENS.issue("v", "7") for _ in range(200)]
    assert len(set(tokens)) == 200
    assert {len(token) for token in tokens} == {43}
    assert all(TOKENS.is_valid(token, "v", "7") for token in tokens)
    for place in range(42):
        assert Counter(token[place] for token in tokens).most_common(1)[0][1] < 25


@pytest.mark.parametrize(
    "change",
    [
        lambda token: "",
        lambda token: token[:-1],
        lambda token: token + "A",
        lambda token: token + "=",
        lambda token: " " + token,
        lambda token: token + "\n",
        lambda token: ("B" if token[0] == "A" else "A") + token[1:],
        lambda token: token[:-2] + ("B" if token[-2] == "A" else "A") + token[-1],
        lambda token: token[:21] + ("B" if token[21] == "A" else "A") + token[22:],
        lambda token: token[::-1],
        lambda token: "A" * 43,
        lambda token: base64.urlsafe_b64encode(bytes(32)).decode().rstrip("="),
        lambda token: token[:21],
        lambda token: token * 2,
        lambda token: "é" * 43,
        lambda token: "null",
        lambda token: "{~__PLUGIT_CSRF_TOKEN__~}",
    ],
)  # fmt: skip
def test_what_is_no_token_is_refused(change: object) -> None:
    """Cut, lengthened, changed in mask or proof, made up."""
    token = change(TOKENS.issue("v", "7"))  # type: ignore[operator]
    assert not TOKENS.is_valid(token, "v", "7")
    with pytest.raises(CsrfRejected) as caught:
        TOKENS.check(token, "v", "7")
    assert caught.value.reason == "csrf"


@settings(max_examples=300)
@given(st.binary(max_size=60) | st.text(max_size=60), st.integers(0, 60), st.booleans())
def test_no_changed_token_is_valid(noise: bytes | str, place: int, replace: bool) -> None:
    """Any other text is none, and no exception."""
    token = TOKENS.issue("v", "7")
    more = noise if isinstance(noise, str) else base64.urlsafe_b64encode(noise).decode().rstrip("=")
    changed = token[:place] + more + token[place + replace * len(more) :]
    assert TOKENS.is_valid(changed, "v", "7") is (changed == token)
    assert not TOKENS.is_valid(more, "v", "7")


def test_check_lets_a_right_token_through() -> None:
    """And says nothing."""
    TOKENS.check(TOKENS.issue("v", None), "v", None)


@pytest.mark.parametrize("secure", [False, True])
def test_cookie(secure: bool) -> None:
    """Scripts of services read it; its path is the mount, so it never replaces the host's own."""
    parts = format_cookie("abc", path="/s/x/", secure=secure).split("; ")
    assert parts == ["csrftoken=abc", "Path=/s/x/", "SameSite=Lax"] + (["Secure"] if secure else [])
