"""Cookies of services: renamed, bound, rebuilt; whatever a service sends, one cookie of ours comes out."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie

import pytest
import webob
from hypothesis import example, given, settings
from hypothesis import strategies as st
from werkzeug.test import Cookie as WerkzeugCookie

from plugit_wsgi.config import Limits
from plugit_wsgi.cookies import Held, ServiceCookies, is_allowed_name, owner_of
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.wire.keys import load_secrets

KEYS = load_secrets("a secret of the tests, long enough.")
LIMITS = Limits()
CLOCK = FakeClock()


def cookies_of(service: str = "shop", limits: Limits = LIMITS) -> ServiceCookies:
    return ServiceCookies(KEYS, service, limits, CLOCK)


COOKIES = cookies_of()


def rebuilt(*lines: str, held: Held | None = None, user: str = "7", secure: bool = False) -> list[str]:
    return list(COOKIES.rebuilt(lines, held or Held(), user, path="/s/shop/", secure=secure)[0])


def ignored(*lines: str, held: Held | None = None, limits: Limits = LIMITS) -> int:
    return cookies_of(limits=limits).rebuilt(lines, held or Held(), "7", path="/s/shop/", secure=False)[1]


def request_with(*lines: str) -> webob.Request:
    """A request of the browser that got these Set-Cookie values."""
    request = webob.Request.blank("/")
    request.environ["HTTP_COOKIE"] = "; ".join(line.partition(";")[0] for line in lines)
    return request


# Out -----------------------------------------------------------------------------------


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize(
    "attributes",
    [
        "",
        "; Path=/",
        "; Domain=example.org; Path=/admin; SameSite=None; Secure",
        "; domain=.example.org;path=/;samesite=none;Partitioned; Priority=High; HttpOnly; x",
    ],
)
def test_every_attribute_is_ours(attributes: str, secure: bool) -> None:
    """The mount, this host alone, no script, no other site, and https where there is https."""
    (line,) = rebuilt("sid=abc" + attributes, secure=secure)
    pair, *rest = line.split("; ")
    assert rest == ["Path=/s/shop/", "HttpOnly", "SameSite=Lax"] + (["Secure"] if secure else [])
    assert pair.startswith("__Secure-plugit-c-shop.sid=" if secure else "plugit-c-shop.sid=")


@pytest.mark.parametrize(
    ("attributes", "age"),
    [
        ("", None),
        ("Max-Age=60", 60),
        ("max-age = 60 ", 60),
        ("Max-Age=999999999999", 30 * 86400),
        ("Max-Age=1; Expires=Tue, 14 Nov 2000 22:13:20 GMT", 1),
        ("Max-Age=60.5", None),
        ("Max-Age=; Max-Age=5", 5),
        ("Expires=soon", None),
        ("Expires=", None),
        ("Expires=Fri, 31 Dec 9999 23:59:59 GMT", 30 * 86400),
        ("Expires=Fri, 31-Dec-9999 23:59:59 GMT", 30 * 86400),
        ("Max-Age=0", 0),
        ("Max-Age=-5", 0),
        ("Expires=Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Expires=Thu, 01-Jan-1970 00:00:00 GMT", 0),
    ],
)
def test_time_to_live(attributes: str, age: int | None) -> None:
    """Max-Age before Expires, up to the cap; an end ends it."""
    (line,) = rebuilt("sid=abc; " + attributes)
    found = re.findall("Max-Age=(.*?)(?:;|$)", line)
    assert found == ([] if age is None else [str(age)])
    assert line.startswith("plugit-c-shop.sid=;") is (age == 0)


@pytest.mark.parametrize(
    "line",
    [
        *("", "sid", "=abc", " =abc", "a b=c", "a\xe9=c", "a=b\r\nSet-Cookie: c=d", "a=b\0", "a=\x7f"),
        *("a,b=c", '"a"=b', "__Host-sid=a", "__SECURE-sid=a", "--host-sid=a", "plugit=a"),
        *("PlugIt-c-shop.sid=a", "plugit_x=a", "csrftoken=a", "CSRFToken=a", "ebuio_u_pk=1", "$Version=1"),
        *("Path=/", "domain=a", "max_age=1", "a" * 65 + "=b"),
    ],
)  # fmt: skip
def test_what_is_left_out(line: str) -> None:
    """What does not parse, what is called like ours, and what a parser may take for an attribute."""
    assert (rebuilt(line), ignored(line)) == ([], 1)


@pytest.mark.parametrize("name", ["sid", "s", "a" * 64, "!#$%&'*+.^_`|~-0", "my.plugit", "x-csrftoken"])
def test_other_names_are_the_services(name: str) -> None:
    """Letter by letter."""
    assert is_allowed_name(name)
    assert COOKIES.load(request_with(*rebuilt(f"{name}=v")), "7", secure=False).values == {name: "v"}


def test_the_last_value_of_a_name_counts() -> None:
    """One Set-Cookie for each name."""
    lines = rebuilt("a=1", "b=2", "a=3", "b=; Max-Age=0")
    assert [line.partition("=")[0] for line in lines] == ["plugit-c-shop.a", "plugit-c-shop.b"]
    assert COOKIES.load(request_with(lines[0]), "7", secure=False).values == {"a": "3"}
    assert "Max-Age=0" in lines[1]


def test_quotas() -> None:
    """Eight cookies, 1 KiB each, 2 KiB in all; what the visitor has counts, what ends makes room."""
    eight = [f"c{number}=v" for number in range(8)]
    assert (ignored(*eight), ignored(*eight, "c8=v")) == (0, 1)
    held = Held(values=dict.fromkeys(["a", "b", "c", "d", "e", "f", "g", "h"], ""))
    assert ignored("i=", held=held) == 1
    assert ignored("a=; Max-Age=0", "i=", held=held) == 0
    assert (ignored("a=" + "x" * 1023), ignored("a=" + "x" * 1024)) == (0, 1)
    large = Held(values={"a": "x" * 1023, "b": "x" * 1000})
    assert (ignored("c=" + "x" * 22, held=large), ignored("c=" + "x" * 23, held=large)) == (0, 1)
    assert ignored("a=1", "b=2", limits=Limits(cookie_count=1)) == 1


def test_all_of_them_fit_into_a_request() -> None:
    """Servers refuse heads over 8 KiB, and the session's cookie is there too."""
    lines = rebuilt(*[f"{'n' * 63}{number}={'v' * 192}" for number in range(8)], secure=True)
    assert len(lines) == 8
    assert len(request_with(*lines).environ["HTTP_COOKIE"]) < 4096


# Back ----------------------------------------------------------------------------------


def test_a_cookie_is_for_one_service_name_and_user() -> None:
    """Another's is nothing, moved under whatever name."""
    (line,) = rebuilt("sid=abc")
    token = line.partition(";")[0].partition("=")[2]
    assert COOKIES.load(request_with(line), "7", secure=False).values == {"sid": "abc"}
    for user in ("8", "", "07"):
        found = COOKIES.load(request_with(line), user, secure=False)
        assert (found.values, found.foreign) == ({}, ("plugit-c-shop.sid",))
    assert COOKIES.load(request_with(line), "7", secure=True) == Held()
    moved = (f"plugit-c-shop.other={token}", f"__Secure-plugit-c-shop.other={token}")
    assert COOKIES.load(request_with(*moved), "7", secure=False).values == {}
    assert COOKIES.load(request_with(*moved), "7", secure=True).values == {}


def test_owners() -> None:
    """A user in any browser; nobody in one; and neither can be made to look like the other."""
    assert owner_of("7", "a") == owner_of("7", "b")
    assert (
        len({owner_of(None, "a"), owner_of(None, "b"), owner_of("a", "a"), owner_of("visitor a", "a")}) == 4
    )


@pytest.mark.parametrize("other", ["shop-admin", "sho", "shop-", "admin", "c-shop"])
def test_no_other_service_reads_it(other: str) -> None:
    """Not even one whose name begins with this one's, or this one's cookie with its name."""
    lines = rebuilt("sid=abc", "-admin.sid=abc", "admin.sid=abc", ".sid=abc")
    assert len(lines) == 4
    assert cookies_of(other).load(request_with(*lines), "7", secure=False) == Held()
    renamed = [line.replace("c-shop.", f"c-{other}.") for line in lines]
    assert cookies_of(other).load(request_with(*renamed), "7", secure=False).values == {}


def test_what_the_browser_has_besides_is_not_read() -> None:
    """The host's cookies and ours."""
    others = "sid=1; plugit=2; plugit-shop=3; csrftoken=4; sessionid=5; plugit-c-shop=6; plugit-c-shop.=7"
    assert COOKIES.load(request_with(others.replace(";", ",")), "7", secure=False) == Held()
    request = webob.Request.blank("/", headers={"Cookie": others})
    assert COOKIES.load(request, "7", secure=False) == Held()


def test_what_is_somebody_elses_ends() -> None:
    """In the browser too, on its own path."""
    held = COOKIES.load(request_with(*rebuilt("sid=abc", secure=True)), "8", secure=True)
    assert COOKIES.ended(held, path="/s/shop/", secure=True) == [
        "__Secure-plugit-c-shop.sid=; Path=/s/shop/; HttpOnly; SameSite=Lax; Max-Age=0; Secure"
    ]


# Whatever comes ------------------------------------------------------------------------

OURS = {"path", "httponly", "samesite", "max-age", "secure"}
wire = st.text(st.characters(max_codepoint=255), max_size=60)
pieces = st.lists(
    st.sampled_from(
        [
            *("sid", "=", ";", ",", " ", '"', "\\", "\r\n", "\0", "Set-Cookie: x=y", "Domain=evil.example"),
            *("Path=/", "Max-Age=", "99", "-", "Expires=", "Thu, 01 Jan 1970", "__Host-", "plugit"),
            *("HttpOnly", "\xe9", "\t"),
        ]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(wire | pieces | pieces.map("sid={}".format), max_size=4), st.booleans(), wire)
@example(["sid=a\r\nSet-Cookie: b=c"], False, "")
@example(['sid="a; Domain=evil.example"'], True, "7")
@example(["sid=a, b=c; Path=/"], True, "7")
@example(["sid=a; Expires=Mon, 01 Jan 99999999 00:00:00 GMT; Max-Age=" + "9" * 5000], True, "7")
def test_one_line_of_ours_for_each(lines: list[str], secure: bool, user: str) -> None:
    """No line break, no second cookie, no attribute of theirs: judged by two parsers that are not ours."""
    found, left_out = COOKIES.rebuilt(lines, Held(), user, path="/s/shop/", secure=secure)
    assert left_out + len(found) <= len(lines)
    for line in found:
        assert re.fullmatch(r"[\x21-\x7e ]+", line)
        (morsel,) = SimpleCookie(line).values()
        assert morsel.key.startswith("__Secure-plugit-c-shop." if secure else "plugit-c-shop.")
        assert {name for name, value in morsel.items() if value} <= OURS
        assert (morsel["path"], morsel["samesite"], bool(morsel["secure"])) == ("/s/shop/", "Lax", secure)
        seen = WerkzeugCookie._from_response_header("host.example", "/", line)
        assert (seen.key, seen.path, seen.domain) == (morsel.key, "/s/shop/", "host.example")
        assert seen.origin_only
        assert seen.http_only
        assert 0 <= (seen.max_age or 0) <= 30 * 86400
    alive = [line for line in found if "Max-Age=0" not in line]
    back = COOKIES.load(request_with(*alive), user, secure=secure)
    assert len(back.values) == len(alive)
    assert not any(set(value) & set("\r\n\0;") for value in back.values.values())


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters=";\x7f"), max_size=200))
def test_values_come_back_as_they_were_set(value: str) -> None:
    """Quotes, commas and bytes above ASCII: the service's parser gets what its own wrote."""
    lines = rebuilt(f"sid={value}")
    assert COOKIES.load(request_with(*lines), "7", secure=False).values == {"sid": value.strip(" \t")}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 200), st.booleans())
def test_no_changed_cookie_is_believed(noise: bytes, place: int, replace: bool) -> None:
    """Any other bytes: nothing, and no exception."""
    (line,) = rebuilt("sid=a value of some length")
    whole = line.partition(";")[0].encode()
    start = whole.index(b"=") + 1
    at = start + place % (len(whole) - start)
    changed = whole[:at] + noise + whole[at + replace * len(noise) :]
    request = webob.Request.blank("/")
    request.environ["HTTP_COOKIE"] = changed.decode("latin-1")
    believed = COOKIES.load(request, "7", secure=False).values
    assert believed in ({}, {"sid": "a value of some length"})
