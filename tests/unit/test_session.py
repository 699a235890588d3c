"""Sessions: the cookie store, quotas, and whose values they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import webob
from hypothesis import given, settings
from hypothesis import strategies as st

from plugit_wsgi.config import Limits
from plugit_wsgi.session import CookieSessions, Session, VisitorIds, from_content, is_foreign, to_content
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.session_contract import Browser, SessionStoreContract
from plugit_wsgi.wire.keys import load_secrets

SECRET = "a secret of the tests, long enough."
OLD = "an older secret of the tests, as long."
LIMITS = Limits()


def fits(_session: Session) -> bool:
    """A store without a bound of its own."""
    return True


class TestCookieSessions(SessionStoreContract):
    """The contract."""

    def make_store(self) -> CookieSessions:
        """With the secret of the tests."""
        return CookieSessions(load_secrets(SECRET))


def test_what_is_too_old_is_nothing() -> None:
    """A visitor can bring back an older state, but not one of a year ago; nor one of a time to come."""
    clock, browser = FakeClock(), Browser()
    store = CookieSessions(load_secrets(SECRET), lifetime=600, clock=clock)
    browser.keep(store.store(browser.request(), "x", b"content", path="/s/x/", secure=False))
    seen = []
    for seconds in (600, 1, -601, -60, -1):
        clock.advance(seconds)
        seen.append(store.load(browser.request(), "x", secure=False))
    assert seen == [b"content", None, b"content", b"content", None]


def test_the_cookie_store_believes_for_thirty_days() -> None:
    """Unless it was told another time."""
    clock, browser = FakeClock(), Browser()
    store = CookieSessions(load_secrets(SECRET), clock=clock)
    browser.keep(store.store(browser.request(), "x", b"content", path="/s/x/", secure=False))
    clock.advance(30 * 86400)
    assert store.load(browser.request(), "x", secure=False) == b"content"
    clock.advance(1)
    assert store.load(browser.request(), "x", secure=False) is None


@pytest.mark.parametrize(
    ("secure", "name", "more"), [(False, "plugit-x", ""), (True, "__Secure-plugit-x", "; Secure")]
)
def test_cookies_of_the_cookie_store(secure: bool, name: str, more: str) -> None:
    """For the mount alone, not for scripts; one that is forgotten ends at once."""
    store, request = CookieSessions(load_secrets(SECRET)), request_with("")
    (kept,) = store.store(request, "x", b"content", path="/s/x/", secure=secure)
    cookie, _, attributes = kept.partition("; ")
    assert cookie.partition("=")[0] == name
    assert attributes == f"Path=/s/x/; HttpOnly; SameSite=Lax{more}"
    ended = store.forget(request, "x", path="/s/x/", secure=secure)
    assert ended == [f"{name}=; Path=/s/x/; HttpOnly; SameSite=Lax; Max-Age=0{more}"]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 400), st.booleans())
def test_no_changed_cookie_is_believed(noise: bytes, place: int, replace: bool) -> None:
    """Any other bytes count as nothing, and raise nothing."""
    store, browser = CookieSessions(load_secrets(SECRET)), Browser()
    content = to_content(Session(values={"a": "1"}), "7", "v1")
    browser.keep(store.store(browser.request(), "x", content, path="/s/x/", secure=False))
    value = browser.cookies["plugit-x"]
    at = place % (len(value) + 1)
    changed = value[:at] + noise.decode("latin-1") + value[at + replace * len(noise) :]
    browser.cookies["plugit-x"] = changed
    assert store.load(browser.request(), "x", secure=False) in (None, content)
    if changed.isalnum() and changed != value:
        assert store.load(browser.request(), "x", secure=False) is None


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("iuov"), inner, max_size=4),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_content_is_a_session_of_text(content: bytes) -> None:
    """Whatever a store gives back, also one that was written by another release."""
    session = from_content(content, "7", "v1")
    assert all(isinstance(item, str) for pair in session.values.items() for item in pair)
    assert session == Session() or not is_foreign(content, "7", "v1")


# Quotas --------------------------------------------------------------------------------


def many(count: int, size: int = 1) -> tuple[tuple[str, str], ...]:
    """So many writes of values of so many bytes."""
    return tuple((f"k{number:02}", "x" * size) for number in range(count))


@pytest.mark.parametrize(
    ("stored", "kept", "ignored"),
    [
        ([("a", "1")], {"a": "1"}, 0),
        ([("a", "")], {"a": ""}, 0),
        ([("a", "1"), ("a", "2")], {"a": "2"}, 0),
        ([("k" * 64, "1")], {"k" * 64: "1"}, 0),
        ([("k" * 65, "1")], {}, 1),
        ([("AZaz09_-", "1")], {"AZaz09_-": "1"}, 0),
        ([("", "1"), ("a b", "1"), ("a.b", "1"), ("a=b", "1"), ("a;", "1"), ("é", "1"), ("a\n", "1")], {}, 7),
        ([("a", "x" * 1024)], {"a": "x" * 1024}, 0),
        ([("a", "x" * 1025)], {}, 1),
        ([("a", "ok"), ("a", "x" * 1025)], {"a": "ok"}, 1),
        (many(32), dict(many(32)), 0),
        (many(33), dict(many(32)), 1),
        (many(40), dict(many(32)), 8),
        ([*many(32), ("k00", "new")], {**dict(many(32)), "k00": "new"}, 0),
        (many(3, 1021), dict(many(3, 1021)), 0),
        ([*many(3, 1021), ("d", "")], dict(many(3, 1021)), 1),
        (many(4, 1000), dict(many(3, 1000)), 1),
        ([*many(4, 1000), ("z", "1")], {**dict(many(3, 1000)), "z": "1"}, 1),
    ],
)
def test_quotas(stored: list[tuple[str, str]], kept: dict[str, str], ignored: int) -> None:
    """32 keys of at most 64 letters, 1 KiB a value, 3 KiB in all; what is over is left out, and counted."""
    session, left_out = Session().updated(stored, (), LIMITS, fits)
    assert (dict(session.values), left_out) == (kept, ignored)


def test_sizes_are_of_bytes() -> None:
    """Values are the bytes of the wire, as latin-1 text: an umlaut of UTF-8 counts twice."""
    value = ("ä" * 512).encode().decode("latin-1")
    assert Session().updated([("a", value)], (), LIMITS, fits)[1] == 0
    assert Session().updated([("a", value + "x")], (), LIMITS, fits)[1] == 1


def test_deleting_comes_first_and_makes_room() -> None:
    """A deletion is a write without a limit; keys have no case on the wire."""
    full = Session(values=dict(many(32)))
    session, ignored = full.updated([("new", "1")], ["K00", "nothing"], LIMITS, fits)
    assert ignored == 0
    assert "k00" not in session.values
    assert session.values["new"] == "1"
    assert len(full.values) == 32
    again, _ = session.updated([("NEW", "2")], (), LIMITS, fits)
    assert {key: value for key, value in again.values.items() if key.lower() == "new"} == {"NEW": "2"}
    assert "NEW" not in again.updated((), ["new"], LIMITS, fits)[0].values


def test_values_cannot_be_changed_from_outside() -> None:
    """What was given in stays the giver's."""
    given_in = {"a": "1"}
    session = Session(values=given_in)
    given_in["a"] = "2"
    assert session.values["a"] == "1"
    with pytest.raises(TypeError):
        session.values["a"] = "3"  # type: ignore[index]


def test_updating_keeps_the_organization() -> None:
    """Values and organization are two things."""
    assert Session(organization="1").updated([("a", "1")], (), LIMITS, fits)[0].organization == "1"


def test_a_full_session_fits_into_what_browsers_keep() -> None:
    """What was not left out is remembered: a browser drops a cookie over 4096 bytes without a word."""
    store = CookieSessions(load_secrets(SECRET))

    def fits_store(session: Session) -> bool:
        return len(to_content(session, "7" * 40, "v" * 22)) <= store.capacity

    session, ignored = Session().updated(many(32, 93), (), LIMITS, fits_store)
    assert 0 < ignored < 10
    browser = Browser()
    content = to_content(session, "7" * 40, "v" * 22)
    cookies = store.store(browser.request(), "x" * 40, content, path="/s/x/", secure=True)
    assert all(len(cookie.partition(";")[0]) <= 4096 for cookie in cookies)


def test_what_the_cookie_store_holds_is_told() -> None:
    """The number in the documentation is the number of the code."""
    text = (Path(__file__).parents[2] / "docs/configuration.md").read_text()
    assert f"the cookie store holds {CookieSessions.capacity} bytes" in " ".join(text.split())


def test_values_of_another_browser_are_nothing() -> None:
    """A cookie that was planted into somebody else's browser."""
    content = to_content(Session(values={"a": "1"}, organization="1"), None, "v1")
    assert from_content(content, None, "v1").values == {"a": "1"}
    assert from_content(content, None, "v2") == Session()


# Whose they are ------------------------------------------------------------------------

text = st.text(st.characters(blacklist_categories=("Cs",)), max_size=10)


@given(st.dictionaries(text, text, max_size=4), st.none() | text, st.none() | text)
def test_content_round_trip(values: dict[str, str], organization: str | None, user: str | None) -> None:
    """For the same user."""
    session = Session(values=values, organization=organization)
    assert from_content(to_content(session, user, "v1"), user, "v1") == session


@pytest.mark.parametrize(
    ("stored_by", "read_by"), [("7", None), (None, "7"), ("7", "8"), ("7", "07"), ("7", ""), ("", None)]
)
def test_values_are_dropped_when_the_user_changes(stored_by: str | None, read_by: str | None) -> None:
    """Logging in, logging out, becoming another: values and organization are gone."""
    content = to_content(Session(values={"a": "1"}, organization="1"), stored_by, "v1")
    assert from_content(content, read_by, "v1") == Session()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"1",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"v":{"a":"1"}}x',
        b'{"i":"v1","u":"8","v":{"a":"1"}}',
        b'{"i":"v2","u":"7","v":{"a":"1"}}',
    ],
)
def test_what_cannot_be_read_is_nothing(content: bytes) -> None:
    """Of an older release, cut, or somebody else's: it is to be forgotten."""
    assert from_content(content, "7", "v1") == Session()
    assert is_foreign(content, "7", "v1")


def test_no_state_and_the_own_state_are_not_foreign() -> None:
    """Nothing to forget."""
    assert from_content(None, "7", "v1") == Session()
    assert not is_foreign(None, "7", "v1")
    assert not is_foreign(to_content(Session(), "7", "v1"), "7", "v1")


def test_content_is_short() -> None:
    """Compact JSON in UTF-8: what a cookie holds is little."""
    content = to_content(Session(values={"a": "é", "b": "2"}, organization="3"), "7", "v1")
    assert content == '{"i":"v1","u":"7","o":"3","v":{"a":"é","b":"2"}}'.encode()


@pytest.mark.parametrize(
    ("state", "session"),
    [
        ({"i": "v1", "u": "7"}, Session()),
        ({"i": "v1", "u": "7", "v": [], "o": 1}, Session()),
        ({"i": "v1", "u": "7", "v": {"a": 1}, "o": "2"}, Session(values={"a": "1"}, organization="2")),
    ],
)
def test_parts_that_are_odd_are_nothing(state: dict[str, Any], session: Session) -> None:
    """The rest counts."""
    assert from_content(json.dumps(state).encode(), "7", "v1") == session


# Ids of visitors -----------------------------------------------------------------------


def request_with(cookies: str) -> webob.Request:
    return webob.Request.blank("/", headers={"Cookie": cookies})


@pytest.mark.parametrize("secure", [False, True])
def test_visitor_id(secure: bool) -> None:
    """Signed, for the whole host; over https it is a __Host- cookie, and only that one counts."""
    ids = VisitorIds(load_secrets(SECRET))
    visitor = ids.issue()
    line = ids.format_cookie(visitor, secure=secure)
    cookie, *attributes = line.split("; ")
    expected = ["Path=/", "HttpOnly", "SameSite=Lax"] + (["Secure"] if secure else [])
    assert attributes == expected
    assert cookie.startswith("__Host-plugit=" if secure else "plugit=")
    assert ids.load(request_with(cookie), secure=secure) == visitor
    assert ids.load(request_with(cookie), secure=not secure) is None
    name, _, value = cookie.partition("=")
    assert ids.load(request_with(f"{name}=A{value}"), secure=secure) is None
    assert ids.load(request_with("x=y"), secure=secure) is None


def test_visitor_ids_are_never_the_same() -> None:
    """128 random bits."""
    ids = VisitorIds(load_secrets(SECRET))
    found = {ids.issue() for _ in range(1000)}
    assert len(found) == 1000
    assert {len(item) for item in found} == {22}


def test_a_visitor_id_is_no_session_and_the_other_way_round() -> None:
    """A token has one purpose."""
    keys = load_secrets(SECRET)
    token = VisitorIds(keys).format_cookie("abc", secure=False).partition(";")[0].partition("=")[2]
    assert CookieSessions(keys).load(request_with(f"plugit-x={token}"), "x", secure=False) is None
    line = CookieSessions(keys).store(request_with(""), "x", b"abc", path="/s/x/", secure=False)[0]
    token = line.partition(";")[0].partition("=")[2]
    assert VisitorIds(keys).load(request_with(f"plugit={token}"), secure=False) is None


def test_rotation() -> None:
    """What an older key signed is believed as long as the key is in the list."""
    browser = Browser()
    old, both, new = (CookieSessions(load_secrets(item)) for item in (OLD, [OLD, SECRET], SECRET))
    browser.keep(old.store(browser.request(), "x", b"content", path="/", secure=False))
    loaded = [store.load(browser.request(), "x", secure=False) for store in (both, new)]
    assert loaded == [b"content", None]


def test_an_id_is_current_if_the_newest_key_signed_it() -> None:
    """Else its cookie is made anew before the older key leaves."""
    old, both = VisitorIds(load_secrets(OLD)), VisitorIds(load_secrets([OLD, SECRET]))
    for ids, current in ((old, False), (both, True)):
        request = request_with(ids.format_cookie("abc", secure=False).partition(";")[0])
        assert both.load(request, secure=False) == "abc"
        assert both.is_current(request, secure=False) is current
        assert old.is_current(request, secure=False)
