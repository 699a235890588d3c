"""What every store of session values does: a suite to inherit from.

::

    class TestCookieSessions(SessionStoreContract):
        def make_store(self):
            return CookieSessions(load_secrets(SECRET))
"""

from __future__ import annotations

from collections.abc import Sequence
from http.cookies import SimpleCookie
from typing import Final

import pytest
import webob

from ..interfaces import SessionStore

__all__ = ["Browser", "SessionStoreContract"]

CONTENTS: Final = (b"x", b"", b'{"v":{"a":"\xc3\xa9"}}', bytes(range(256)), b"a; b=c, d\r\n")
COOKIE_SIZE: Final = 4096
"""Bytes of name and value that every browser keeps (RFC 6265 section 6.1)."""


class Browser:
    """A visitor's cookies, all of one site. For one thread."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    def request(self, *, secure: bool = False) -> webob.Request:
        """A request of this visitor."""
        request = webob.Request.blank("/s/x/", base_url="https://host" if secure else "http://host")
        if self.cookies:
            request.environ["HTTP_COOKIE"] = "; ".join(
                f"{key}={value}" for key, value in self.cookies.items()
            )
        return request

    def keep(self, lines: Sequence[str]) -> None:
        """Takes Set-Cookie values, as a browser would."""
        for line in lines:
            pair = line.partition(";")[0]
            name, _, value = pair.partition("=")
            assert len(pair) <= COOKIE_SIZE, f"browsers drop a cookie of {len(pair)} bytes"
            self.cookies[name] = value
            if "; max-age=0" in line.lower():
                del self.cookies[name]


class SessionStoreContract:
    """Inherit, and say how a store is made."""

    def make_store(self) -> SessionStore:
        """A store with the same secret each time."""
        raise NotImplementedError

    @pytest.fixture
    def store(self) -> SessionStore:
        """A store."""
        return self.make_store()

    def _keep(
        self, store: SessionStore, browser: Browser, service: str, content: bytes, secure: bool = False
    ) -> list[str]:
        request = browser.request(secure=secure)
        lines = list(store.store(request, service, content, path=f"/s/{service}/", secure=secure))
        browser.keep(lines)
        return lines

    @pytest.mark.parametrize("secure", [False, True])
    @pytest.mark.parametrize("content", CONTENTS)
    def test_content_comes_back(self, store: SessionStore, content: bytes, secure: bool) -> None:
        """Byte for byte, for the visitor who has it."""
        browser = Browser()
        self._keep(store, browser, "x", content, secure)
        assert store.load(browser.request(secure=secure), "x", secure=secure) == content
        assert store.load(Browser().request(secure=secure), "x", secure=secure) is None

    def test_last_content_counts(self, store: SessionStore) -> None:
        """What was stored before is gone."""
        browser = Browser()
        for content in (b"first", b"second"):
            self._keep(store, browser, "x", content)
        assert store.load(browser.request(), "x", secure=False) == b"second"

    def test_services_do_not_see_each_other(self, store: SessionStore) -> None:
        """Also where one's name begins with another's."""
        browser = Browser()
        names = ("shop", "shop-admin", "sho", "p", "shop-")
        for name in names:
            self._keep(store, browser, name, name.encode())
        assert [store.load(browser.request(), name, secure=False) for name in names] == [
            name.encode() for name in names
        ]
        assert store.load(browser.request(), "shop-a", secure=False) is None

    def test_a_cookie_of_another_service_is_none(self, store: SessionStore) -> None:
        """Moved under another's name, it cannot be believed."""
        browser = Browser()
        self._keep(store, browser, "shop", b"mine")
        (name,) = browser.cookies
        browser.cookies[name.replace("shop", "bank")] = browser.cookies[name]
        assert store.load(browser.request(), "bank", secure=False) is None

    @pytest.mark.parametrize("place", [0, 5, -30, -1])
    def test_a_changed_cookie_counts_as_nothing(self, store: SessionStore, place: int) -> None:
        """No error: the visitor begins anew."""
        browser = Browser()
        self._keep(store, browser, "x", b"content of the session")
        for name, value in browser.cookies.items():
            letter = "A" if value[place] != "A" else "B"
            at = place % len(value)
            browser.cookies[name] = value[:at] + letter + value[at + 1 :]
        assert store.load(browser.request(), "x", secure=False) is None

    @pytest.mark.parametrize("value", ["", ".", "a.b", "%", '"', "\xe9", "a" * 5000])
    def test_nonsense_counts_as_nothing(self, store: SessionStore, value: str) -> None:
        """Whatever a visitor sends."""
        browser = Browser()
        self._keep(store, browser, "x", b"content")
        browser.cookies = dict.fromkeys(browser.cookies, value)
        assert store.load(browser.request(), "x", secure=False) is None

    @pytest.mark.parametrize("secure", [False, True])
    def test_what_is_forgotten_is_gone(self, store: SessionStore, secure: bool) -> None:
        """In the browser, and on the server where it is kept there; other services keep theirs."""
        browser = Browser()
        for service in ("x", "x-y"):
            self._keep(store, browser, service, service.encode(), secure)
        request = browser.request(secure=secure)
        browser.keep(store.forget(request, "x", path="/s/x/", secure=secure))
        assert store.load(browser.request(secure=secure), "x", secure=secure) is None
        assert store.load(browser.request(secure=secure), "x-y", secure=secure) == b"x-y"
        self._keep(store, browser, "x", b"new", secure)
        assert store.load(browser.request(secure=secure), "x", secure=secure) == b"new"

    def test_another_process_reads_it(self, store: SessionStore) -> None:
        """A visitor's next request goes to any worker."""
        browser = Browser()
        self._keep(store, browser, "x", b"content")
        assert self.make_store().load(browser.request(), "x", secure=False) == b"content"

    @pytest.mark.parametrize("secure", [False, True])
    def test_cookies_are_for_the_server_alone(self, store: SessionStore, secure: bool) -> None:
        """HttpOnly, SameSite, on the mount; over https with a prefix that plain http cannot set."""
        browser = Browser()
        for line in self._keep(store, browser, "x", b"content", secure):
            (morsel,) = SimpleCookie(line).values()
            assert morsel["httponly"]
            assert morsel["samesite"] == "Lax"
            assert bool(morsel["secure"]) is secure
            assert not morsel["domain"]
            assert morsel.key.startswith(("__Secure-", "__Host-")) is secure
            assert morsel["path"] == ("/" if morsel.key.startswith("__Host-") else "/s/x/")

    def test_over_https_no_cookie_of_plain_http_counts(self, store: SessionStore) -> None:
        """Any neighbour on plain http could have planted it."""
        browser = Browser()
        self._keep(store, browser, "x", b"planted", False)
        assert store.load(browser.request(secure=True), "x", secure=True) is None

    def test_nothing_goes_out_that_ends_a_line(self, store: SessionStore) -> None:
        """A Set-Cookie value is ASCII without control bytes, whatever the content."""
        for content in CONTENTS:
            for line in self._keep(store, Browser(), "x", content):
                assert line.isascii()
                assert line.isprintable()
