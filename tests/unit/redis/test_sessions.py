"""RedisSessions: the contract on a real server, ids, lifetimes."""

from __future__ import annotations

import re

import pytest
from tests.support.redis_server import RedisServer

from plugit_wsgi.redis import RedisSessions
from plugit_wsgi.session import CookieSessions
from plugit_wsgi.testing.session_contract import Browser, SessionStoreContract
from plugit_wsgi.wire.keys import load_secrets

pytestmark = pytest.mark.usefixtures("unhurried")
SECRET = "a secret of the tests, long enough."
COOKIE = "plugit-polls"


class TestContract(SessionStoreContract):
    """The contract."""

    @pytest.fixture(autouse=True)
    def _on(self, redis_server: RedisServer) -> None:
        self._url = redis_server.url

    def make_store(self) -> RedisSessions:
        return RedisSessions(self._url, SECRET)


@pytest.fixture
def sessions(redis_server: RedisServer) -> RedisSessions:
    return RedisSessions(redis_server.url, SECRET)


def keep(sessions: RedisSessions, browser: Browser, content: bytes, service: str = "polls") -> None:
    path = f"/s/{service}/"
    browser.keep(sessions.store(browser.request(), service, content, path=path, secure=False))


def load(sessions: RedisSessions, browser: Browser) -> bytes | None:
    return sessions.load(browser.request(), "polls", secure=False)


def test_the_cookie_holds_an_id_and_nothing_else(sessions: RedisSessions) -> None:
    """Its length does not tell of the content; values stay on this side."""
    assert sessions.capacity == 8192
    browser = Browser()
    keep(sessions, browser, b"x" * sessions.capacity)
    assert load(sessions, browser) == b"x" * sessions.capacity
    assert re.fullmatch(r"[\w-]{22}\.[\w-]{43}", browser.cookies[COOKIE])


def test_a_visitor_keeps_an_id_that_is_ours(sessions: RedisSessions) -> None:
    """Two requests at once then write to the same place."""
    browser = Browser()
    keep(sessions, browser, b"1")
    first = dict(browser.cookies)
    keep(sessions, browser, b"2")
    assert browser.cookies == first


@pytest.mark.parametrize(
    "planted", ["", "x", "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA." + "A" * 43, "of another service"]
)
def test_an_id_that_is_not_ours_is_replaced(sessions: RedisSessions, planted: str) -> None:
    """Nobody chooses the id of somebody else (session fixation)."""
    browser = Browser()
    if planted == "of another service":
        keep(sessions, browser, b"x", "notes")
        planted = browser.cookies.pop("plugit-notes")
    browser.cookies[COOKIE] = planted
    assert load(sessions, browser) is None
    keep(sessions, browser, b"content")
    assert browser.cookies[COOKIE] != planted
    assert load(sessions, browser) == b"content"


def test_visitors_have_different_ids(sessions: RedisSessions) -> None:
    """At random."""
    browsers = [Browser() for _ in range(50)]
    for number, browser in enumerate(browsers):
        keep(sessions, browser, str(number).encode())
    assert [load(sessions, browser) for browser in browsers] == [str(n).encode() for n in range(50)]


def test_a_signed_cookie_of_the_other_store_is_nothing(sessions: RedisSessions) -> None:
    """A host that changes its store begins anew; content never counts as an id."""
    browser = Browser()
    cookies = CookieSessions(load_secrets(SECRET).derived("plugit-wsgi/session"))
    browser.keep(cookies.store(browser.request(), "polls", b"x" * 16, path="/s/polls/", secure=False))
    assert load(sessions, browser) is None


def test_each_visit_starts_the_lifetime_anew(redis_server: RedisServer) -> None:
    """Fourteen days, or what the host says."""
    browser = Browser()
    for sessions, seconds in (
        (RedisSessions(redis_server.url, SECRET), 14 * 86400),
        (RedisSessions(redis_server.url, SECRET, lifetime=60), 60),
    ):
        keep(sessions, browser, b"x")
        (name,) = redis_server.client.keys("*")
        assert redis_server.client.pttl(name) == pytest.approx(seconds * 1000, abs=5000)
        redis_server.client.pexpire(name, 1000)
        assert load(sessions, browser) == b"x"
        assert redis_server.client.pttl(name) == pytest.approx(seconds * 1000, abs=5000)


def test_what_is_forgotten_is_gone_for_copies_too(sessions: RedisSessions, redis_server: RedisServer) -> None:
    """A cookie that was kept elsewhere finds nothing; one that is not ours ends as well."""
    browser = Browser()
    keep(sessions, browser, b"x")
    for kept in (dict(browser.cookies), {COOKIE: "not ours"}):
        browser.cookies = dict(kept)
        lines = sessions.forget(browser.request(), "polls", path="/s/polls/", secure=False)
        assert list(lines) == [f"{COOKIE}=; Path=/s/polls/; HttpOnly; SameSite=Lax; Max-Age=0"]
        browser.cookies = kept
        assert load(sessions, browser) is None
    assert redis_server.client.keys("*") == []


def test_what_has_ended_is_nothing(redis_server: RedisServer) -> None:
    """A later store goes on with the visitor's id."""
    sessions, browser = RedisSessions(redis_server.url, SECRET), Browser()
    keep(sessions, browser, b"x")
    redis_server.client.flushall()
    assert load(sessions, browser) is None
    keep(sessions, browser, b"y")
    assert load(sessions, browser) == b"y"


def test_content_under_another_id_is_nothing(redis_server: RedisServer) -> None:
    """Whoever can write into Redis cannot hand a session over."""
    sessions, anna, max_ = RedisSessions(redis_server.url, SECRET), Browser(), Browser()
    keep(sessions, anna, b"of anna")
    (first,) = redis_server.client.keys("*")
    keep(sessions, max_, b"of max")
    (second,) = {*redis_server.client.keys("*")} - {first}
    redis_server.client.copy(second, first, replace=True)
    assert (load(sessions, anna), load(sessions, max_)) == (None, b"of max")


@pytest.mark.parametrize("garbage", [b"", b"x", b"0" * 64 + b"of anna", b"\xff" * 9000])
def test_garbage_is_nothing(redis_server: RedisServer, garbage: bytes) -> None:
    """No error."""
    sessions, browser = RedisSessions(redis_server.url, SECRET), Browser()
    keep(sessions, browser, b"x")
    (name,) = redis_server.client.keys("*")
    redis_server.client.set(name, garbage)
    assert load(sessions, browser) is None
