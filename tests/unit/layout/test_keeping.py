"""A page of the host that is kept for its visitor, as long as the host allows."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import webob
from markupsafe import Markup

from plugit_wsgi.cache.memory import MemoryCache
from plugit_wsgi.interfaces import Layout
from plugit_wsgi.layout import CapturedLayout
from plugit_wsgi.layout.captured import LAYOUT_HEADERS
from plugit_wsgi.layout.keeping import seconds_to_keep, visitor_key
from plugit_wsgi.page import Page
from plugit_wsgi.testing.clock import FakeClock

HTML = ("Content-Type", "text/html; charset=utf-8")
PAGE = Page(content=Markup("<p>"), service="polls")
FOR_A_MINUTE = ("Cache-Control", "private, max-age=60")


class Site:
    """A host whose page says who asked; it counts. Thread-safe: only appends."""

    def __init__(self, *headers: tuple[str, str]) -> None:
        self.headers = headers
        self.asked: list[str] = []
        self.status = "200 OK"

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        who = f"{environ.get('HTTP_COOKIE', '')}|{environ.get('REMOTE_ADDR')}"
        self.asked.append(who)
        environ["HTTP_COOKIE"] = "changed by the host"
        start_response(self.status, [HTML, *self.headers])
        return [f"{who}:<!--plugit:content-->".encode()]


def bound(site: Site, clock: FakeClock | None = None, size: int = 2**20) -> Layout:
    clock = clock or FakeClock()
    return CapturedLayout("/layout").bind(site, clock=clock, cache=MemoryCache(size, clock))


def request(cookie: str | None = "session=anna", **environ: Any) -> webob.Request:
    given = {"REMOTE_ADDR": "192.0.2.1", **({} if cookie is None else {"HTTP_COOKIE": cookie}), **environ}
    return webob.Request.blank("/s/polls/", environ=given)


# How long ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], 0),
        (["private"], 0),
        (["max-age=60"], 60),
        (["private, max-age=60"], 60),
        (["PRIVATE,Max-Age=60"], 60),
        (["public, max-age=60, s-maxage=9"], 60),
        (["max-age=60, must-revalidate"], 60),
        (["private", "max-age=60"], 60),
        (["max-age=60, max-age=5"], 5),
        (["max-age=0"], 0),
        (["max-age"], 0),
        (["max-age=soon"], 0),
        (["max-age=-1"], 0),
        (['max-age="60"'], 0),
        (["max-age=60, max-age=soon"], 0),
        (["max-age=²"], 0),
        (["max-age=" + "9" * 400], 0),
        (["s-maxage=60"], 0),
        (["no-store"], 0),
        (["max-age=60, no-store"], 0),
        (["max-age=60", "no-cache"], 0),
        (['no-cache="Set-Cookie", max-age=60'], 0),
    ],
)
def test_cache_control(headers: list[str], seconds: float) -> None:
    """Only a `max-age` that can be read, and nothing against it."""
    assert seconds_to_keep([("cache-control", value) for value in headers]) == seconds


@pytest.mark.parametrize(
    ("name", "value", "seconds"),
    [
        ("Vary", "Cookie", 60),
        ("Vary", "Accept-Encoding, Cookie", 60),
        ("Vary", "Accept-Language", 60),
        ("Vary", "*", 0),
        ("Vary", "Cookie, *", 0),
        ("Vary", "cookie, REFERER", 0),
        ("Vary", "X-Request-Id", 0),
        ("Set-Cookie", "a=1", 0),
        ("set-cookie", "a=1", 0),
        ("Age", "20", 40),
        ("Age", "90", 0),
        ("Age", "old", 0),
        ("Expires", "0", 60),
    ],
)
def test_other_headers(name: str, value: str, seconds: float) -> None:
    """What cannot be told apart, or is for one answer alone, is not kept."""
    assert seconds_to_keep([FOR_A_MINUTE, (name, value)]) == seconds


# For whom ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "is_same"),
    [
        ("HTTP_COOKIE", "session=anna; x", False),
        ("HTTP_COOKIE", "session=Anna", False),
        ("HTTP_AUTHORIZATION", "Basic x", False),
        ("HTTP_ACCEPT_LANGUAGE", "fr", False),
        ("HTTP_HOST", "other.example", False),
        ("HTTP_USER_AGENT", "x", False),
        ("HTTP_REMOTE_USER", "anna", False),
        ("HTTP_X_FORWARDED_FOR", "192.0.2.9", False),
        ("REMOTE_ADDR", "192.0.2.2", False),
        ("REMOTE_USER", "anna", False),
        ("SSL_CLIENT_S_DN", "CN=anna", False),
        ("SCRIPT_NAME", "/under", False),
        ("wsgi.url_scheme", "https", False),
        ("HTTP_REFERER", "/a", True),
        ("HTTP_X_REQUEST_ID", "1", True),
        ("REMOTE_PORT", "4711", True),
        ("mod_wsgi.request_id", "1", True),
        ("wsgi.input", object(), True),
    ],
)
def test_what_tells_visitors_apart(name: str, value: object, is_same: bool) -> None:
    """All text of a request, but for what is another in each."""
    environ = request().environ
    assert (visitor_key(environ) == visitor_key({**environ, name: value})) is is_same


def test_no_two_requests_are_written_alike() -> None:
    """Whatever stands in a header, it does not look like two of them."""
    one = {"HTTP_A": "1', 'HTTP_B', '2"}
    assert visitor_key(one) != visitor_key({"HTTP_A": "1", "HTTP_B": "2"})
    assert visitor_key({"HTTP_A": ""}) != visitor_key({})


def test_a_page_is_kept_for_its_time() -> None:
    """For whoever has it already; then the host is asked again."""
    site, clock = Site(FOR_A_MINUTE), FakeClock()
    layout = bound(site, clock)
    pages = {layout(PAGE, request()) for _ in range(5)}
    assert pages == {"session=anna|192.0.2.1:<p>"}
    assert len(site.asked) == 1
    clock.advance(61)
    layout(PAGE, request())
    assert len(site.asked) == 2


@pytest.mark.parametrize(
    "headers", [[], [("Cache-Control", "no-store")], [FOR_A_MINUTE, ("Set-Cookie", "a=1")]]
)
def test_a_page_that_is_not_to_be_kept(headers: list[tuple[str, str]]) -> None:
    """Each visitor asks; each gets the cookies that came with their own page."""
    site = Site(*headers)
    layout = bound(site)
    for _ in range(3):
        asked = request()
        layout(PAGE, asked)
        assert asked.environ[LAYOUT_HEADERS] == [item for item in headers if item[0] == "Set-Cookie"]
    assert len(site.asked) == 3


def test_a_page_that_cannot_be_used_is_not_kept() -> None:
    """The fallback is for this moment."""
    site = Site(FOR_A_MINUTE)
    site.status = "503 Service Unavailable"
    layout = bound(site)
    assert "bootstrap" in layout(PAGE, request())
    site.status = "200 OK"
    assert layout(PAGE, request()) == "session=anna|192.0.2.1:<p>"


def test_a_reload_without_cache_asks_again() -> None:
    """And what it finds counts from then on, also that nothing is to be kept any more."""
    site = Site(FOR_A_MINUTE)
    layout = bound(site)
    layout(PAGE, request())
    site.headers = ()
    layout(PAGE, request(HTTP_CACHE_CONTROL="no-cache"))
    layout(PAGE, request())
    assert len(site.asked) == 3


def test_nobody_gets_the_page_of_another() -> None:
    """Many visitors in many threads, with other cookies, the same or none, from several addresses."""
    site = Site(FOR_A_MINUTE, ("Vary", "Cookie"))
    layout = bound(site)
    cookies = [None, "", *(f"session={number}" for number in range(20))]
    start, wrong = threading.Barrier(8), list[str]()

    def visit(seed: int) -> None:
        lot = random.Random(seed)
        start.wait()
        for _ in range(300):
            cookie, address = lot.choice(cookies), f"192.0.2.{lot.randrange(5)}"
            page = layout(PAGE, request(cookie, REMOTE_ADDR=address))
            if page != f"{cookie or ''}|{address}:<p>":
                wrong.append(page)

    threads = [threading.Thread(target=visit, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(site.asked) < 8 * 300 / 2, "nothing was kept"


def test_what_is_kept_is_bounded() -> None:
    """Cookies are the visitors' to invent."""
    site = Site(FOR_A_MINUTE)
    cache = MemoryCache(20_000, FakeClock())
    layout = CapturedLayout("/layout").bind(site, clock=FakeClock(), cache=cache)
    for number in range(500):
        layout(PAGE, request(f"session={number}"))
    assert 5 < len(cache._entries) < 40
    layout(PAGE, request("session=499"))
    assert len(site.asked) == 500
