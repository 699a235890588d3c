"""Redirects of hostile services, judged by the URL parser that browsers have."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.node import UrlJudge, url_judge
from tests.unit.test_framing import FRAMER
from tests.unit.test_redirect_targets import LEAVES
from tests.unit.visiting import PAGES, POLLS, visit

from plugit_wsgi.config import Service
from plugit_wsgi.errors import ServiceFailed
from plugit_wsgi.http import below, is_header_value
from plugit_wsgi.wire.result import Redirect

PAGE = "http://host.example/s/x/dir/page?q"
HERE = "host.example"
ALLOWED = {HERE, "friend.example"}
SERVICE = POLLS.url
PIECES = (
    "/", "//", "\\", "/\\", "..", ".", "../", "/..", "%2e", "%2E%2e", ".%2e/", "%2f", "%5c", "%00", "%",
    "%25", ";", "?",
    "#", "@", ":", "&", "=", "[", "]", " ", "\t", "\n", "\r", "\x00", "\x0b", "\x7f", "\x85", "\xa0",
    "\u2028", "\ufeff",
    "\uff0f", "\uff0e", "\u3002", "\u2215", "é", "http:", "https:", "HTTPS://", "http://", "javascript:",
    "data:",
    "ftp://", "file:", "blob:", "about:blank", HERE, "friend.example", "evil.example", "127.0.0.1:5000",
    "/base",
    SERVICE, "/s", "/s/x", "s/x/", "x", "dir", "admin", "user@", ":80", ":443", ":8080", "[::1]", "xn--",
)  # fmt: skip
STARTS = ("/s/x/", "http://host.example/s/x/", f"{SERVICE}/", "/base/", "https://friend.example", "../")
TARGETS = (
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map("".join)
    | st.builds("{}{}{}{}".format, st.sampled_from(STARTS), *[st.sampled_from(PIECES)] * 3)
    | st.sampled_from(LEAVES)
    | st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=6).map("".join)
)
FUZZ = settings(max_examples=1500, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def judge() -> Iterator[UrlJudge]:
    """One Node for all examples."""
    with url_judge() as found:
        yield found


def location(target: str, service: Service, *, absolute: bool) -> str | None:
    """What the visitor gets; None if the service failed."""
    try:
        result = Redirect(target=target, absolute=absolute, status=302)
        answer = FRAMER.redirect(result, visit(service=service, action="/dir/page"))
    except ServiceFailed:
        return None
    found = dict(answer.headers)["Location"]
    assert is_header_value(found)
    assert found.isascii()
    return found


def test_the_judge_judges(judge: UrlJudge) -> None:
    """As a browser: backslashes, tabs and encoded dots count."""
    targets = ("/\\evil.example", "\t//evil.example", "%2e%2e/../b", "https://[")
    assert judge.resolve_all([(target, PAGE) for target in targets]) == [
        ("http:", "evil.example", "/"),
        ("http:", "evil.example", "/"),
        ("http:", "host.example", "/s/b"),
        None,
    ]


@FUZZ
@given(TARGETS)
def test_a_redirect_below_the_mount_stays_there(judge: UrlJudge, target: str) -> None:
    """Never refused, never elsewhere."""
    sent = location(target, POLLS, absolute=False)
    assert sent is not None
    place = judge.resolve(sent, PAGE)
    assert place is not None
    assert place[:2] == ("http:", HERE)
    assert place[2].startswith("/s/x/"), sent


@FUZZ
@given(TARGETS)
def test_an_absolute_redirect_stays_on_allowed_hosts(judge: UrlJudge, target: str) -> None:
    """Http or https, the host itself or one of the list, without a port of its own."""
    sent = location(target, POLLS, absolute=True)
    if sent is not None:
        place = judge.resolve(sent, PAGE)
        assert place is not None
        assert place[0] in ("http:", "https:")
        assert place[1] in ALLOWED, sent


@FUZZ
@given(TARGETS)
def test_a_location_in_pages_mode_stays_below_the_mount_or_is_allowed(judge: UrlJudge, target: str) -> None:
    """On the host it is below the mount, whatever dots or slashes are in it."""
    sent = location(target, PAGES, absolute=True)
    if sent is not None:
        place = judge.resolve(sent, PAGE)
        assert place is not None
        assert place[0] in ("http:", "https:")
        assert place[1] in ALLOWED, sent
        assert place[1] != HERE or (place[2] + "/").startswith("/s/x/"), sent


@FUZZ
@given(TARGETS)
def test_a_call_never_leaves_the_services_base(judge: UrlJudge, target: str) -> None:
    """What a redirect of a call names is asked below the base URL, as browsers and servers read it."""
    for sent in (target, quote(target, safe="/:?#%;@&=[]")):
        rest = below(SERVICE, sent)
        if rest is not None:
            place = judge.resolve(f"{SERVICE}/{rest}", PAGE)
            assert place is not None
            assert place[:2] == ("http:", "127.0.0.1:5000")
            assert place[2].startswith("/base/"), sent
