"""Links to previews, and the cookie of who took one: for one service and variant, until one moment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import webob

from plugit_wsgi.config import Service
from plugit_wsgi.deployments import Variant
from plugit_wsgi.errors import ConfigError, PreviewRejected
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.variants.preview import PreviewGrant, Previews, cookie_name
from plugit_wsgi.wire.keys import Purpose, encode, load_secrets, service_keys

OLD, NEW = "an older secret of the tests, as long.", "a secret of the tests, long enough."
POLLS = Service(
    "polls",
    "http://127.0.0.1:1",
    variants=(Variant("next", "http://127.0.0.1:2"), Variant("red", "http://127.0.0.1:3")),
)
NOTES = replace(POLLS, name="notes")
WITHOUT = replace(POLLS, variants=())
HOUR = 3600.0


def previews_of(*secrets: str, clock: FakeClock | None = None) -> Previews:
    return Previews(load_secrets(secrets).derived(Purpose.PREVIEW), clock or FakeClock())


PREVIEWS = previews_of(NEW)


def cookie_of(line: str) -> tuple[str, str]:
    """Name and value of a Set-Cookie value."""
    name, _, rest = line.partition("=")
    return name, rest.partition(";")[0]


def request(*cookies: tuple[str, str]) -> webob.Request:
    text = "; ".join(f"{name}={value}" for name, value in cookies)
    return webob.Request({"REQUEST_METHOD": "GET", "HTTP_COOKIE": text})


def refused(previews: Previews, service: Service, token: str) -> str:
    with pytest.raises(PreviewRejected) as caught:
        previews.read_link(service, token)
    assert caught.value.status == 403
    return caught.value.reason


def test_a_link_says_what_it_was_made_for() -> None:
    """Variant and moment."""
    token = PREVIEWS.link_token("polls", "next", 2 * HOUR)
    assert token.isascii()
    expected = PreviewGrant(variant="next", expires=FakeClock().time() + 2 * HOUR)
    assert PREVIEWS.read_link(POLLS, token) == expected


@pytest.mark.parametrize(("after", "is_good"), [(0, True), (HOUR + 29, True), (HOUR + 31, False)])
def test_a_link_ends(after: float, is_good: bool) -> None:
    """Half a minute later for clocks that differ, no more."""
    clock = FakeClock()
    previews = previews_of(NEW, clock=clock)
    token = previews.link_token("polls", "next", HOUR)
    clock.advance(after)
    if is_good:
        assert previews.read_link(POLLS, token).variant == "next"
    else:
        assert refused(previews, POLLS, token) == "preview_expired"


def test_a_link_is_of_one_service() -> None:
    """The same secret and a variant of the same name do not help."""
    token = PREVIEWS.link_token("polls", "next", HOUR)
    assert refused(PREVIEWS, NOTES, token) == "preview_foreign"


def test_a_link_for_a_variant_that_is_gone() -> None:
    """As it is with a service that has others, or none any more."""
    assert refused(PREVIEWS, POLLS, PREVIEWS.link_token("polls", "blue", HOUR)) == "preview_gone"
    assert refused(PREVIEWS, WITHOUT, PREVIEWS.link_token("polls", "next", HOUR)) == "preview_gone"


def test_an_altered_link() -> None:
    """Any other letter, more of them, less, none; what others signed; what has another form."""
    token = PREVIEWS.link_token("polls", "next", HOUR)
    payload, _, signature = token.partition(".")
    altered = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token))]
    theirs = PREVIEWS.link_token("polls", "red", HOUR).partition(".")[0]
    others = ["", ".", "x", payload, f"{payload}.", f"{theirs}.{signature}", token + "=", token + " "]
    foreign = [f"{token}é", "\udcff", "\0", token * 9, previews_of(OLD).link_token("polls", "next", HOUR)]
    for text in (*altered, *others, *foreign):
        assert refused(PREVIEWS, POLLS, text) == "preview_altered"


def test_a_service_cannot_make_one() -> None:
    """Its own key, whatever purpose it derives of it, is none for this."""
    ring = service_keys(load_secrets(NEW), "polls")
    claims = b'{"aud":"polls@next","exp":9999999999}'
    for purpose in (Purpose.PREVIEW, Purpose.PREVIEW_LINK, Purpose.API):
        for keys in (ring, ring.derived(purpose)):
            token = keys.sign(claims, Purpose.PREVIEW_LINK)
            assert refused(PREVIEWS, POLLS, token) == "preview_altered"
    assert refused(PREVIEWS, POLLS, encode(claims)) == "preview_altered"


def test_the_secret_is_changed() -> None:
    """Links and cookies of the older one hold as long as it is listed; the newest signs."""
    old, both, new = previews_of(OLD), previews_of(OLD, NEW), previews_of(NEW)
    token = old.link_token("polls", "next", HOUR)
    assert both.read_link(POLLS, token).variant == "next"
    assert refused(new, POLLS, token) == "preview_altered"
    assert new.read_link(POLLS, both.link_token("polls", "next", HOUR)).variant == "next"


@pytest.mark.parametrize("lifetime", [0, -1, 30 * 86400 + 1, float("nan"), float("inf")])
def test_no_link_for_no_time_or_for_ever(lifetime: float) -> None:
    """30 days at most."""
    with pytest.raises(ConfigError, match="lifetime"):
        PREVIEWS.link_token("polls", "next", lifetime)


# Cookies ---------------------------------------------------------------------------------


def started(previews: Previews = PREVIEWS, *, secure: bool = False, lifetime: float = HOUR) -> str:
    grant = previews.read_link(POLLS, previews.link_token("polls", "next", lifetime))
    return previews.start(POLLS, grant, path="/s/polls/", secure=secure)


def test_the_cookie_of_a_preview() -> None:
    """On the mount, for this host, not for scripts, until the link is over."""
    name, _, attributes = started().partition("=")
    assert name == "plugit-preview.polls"
    assert attributes.partition("; ")[2] == "Path=/s/polls/; HttpOnly; SameSite=Lax; Max-Age=3630"
    line = started(secure=True)
    assert line.startswith("__Secure-plugit-preview.polls=")
    assert line.endswith("; Secure")


@pytest.mark.parametrize("secure", [False, True])
def test_a_cookie_is_read(secure: bool) -> None:
    """Over https only the name that plain http cannot set."""
    cookie = cookie_of(started(secure=secure))
    assert PREVIEWS.load(request(cookie), POLLS, secure=secure) == "next"
    assert PREVIEWS.load(request(cookie), POLLS, secure=not secure) is None
    assert PREVIEWS.ended(request(cookie), POLLS, path="/s/polls/", secure=secure) == ()
    assert PREVIEWS.load(request(), POLLS, secure=secure) is None
    assert PREVIEWS.ended(request(), POLLS, path="/s/polls/", secure=secure) == ()


def test_the_moment_is_that_of_the_link_whenever_it_is_taken() -> None:
    """Who takes a link of two hours after one has one hour."""
    clock = FakeClock()
    previews = previews_of(NEW, clock=clock)
    grant = previews.read_link(POLLS, previews.link_token("polls", "next", 2 * HOUR))
    clock.advance(HOUR)
    line = previews.start(POLLS, grant, path="/s/polls/", secure=False)
    assert "; Max-Age=3630" in line
    clock.advance(HOUR + 29)
    asked = request(cookie_of(line))
    assert previews.load(asked, POLLS, secure=False) == "next"
    clock.advance(2)
    assert previews.load(asked, POLLS, secure=False) is None
    assert previews.ended(asked, POLLS, path="/s/polls/", secure=False) != ()


def bad_cookies() -> dict[str, tuple[Service, Any]]:
    name, value = cookie_of(started())
    link = PREVIEWS.link_token("polls", "next", HOUR)
    return {
        "altered": (POLLS, (name, value[:-1] + ("A" if value[-1] != "A" else "B"))),
        "a link": (POLLS, (name, link)),
        "a name": (POLLS, (name, "next")),
        "of another service": (NOTES, (cookie_name("notes", False), value)),
        "of a variant that is gone": (WITHOUT, (name, value)),
        "too long": (POLLS, (name, "x" * 4000)),
    }


@pytest.mark.parametrize("what", bad_cookies())
def test_a_cookie_that_does_not_count_is_ended(what: str) -> None:
    """In silence: the visitor has the page that others have."""
    service, cookie = bad_cookies()[what]
    asked = request(cookie)
    assert PREVIEWS.load(asked, service, secure=False) is None
    (line,) = PREVIEWS.ended(asked, service, path="/s/polls/", secure=False)
    assert line == f"{cookie[0]}=; Path=/s/polls/; HttpOnly; SameSite=Lax; Max-Age=0"


def test_an_empty_cookie_is_ended_too() -> None:
    asked = request((cookie_name("polls", False), ""))
    assert PREVIEWS.load(asked, POLLS, secure=False) is None
    assert PREVIEWS.ended(asked, POLLS, path="/s/polls/", secure=False) != ()


def test_a_cookie_is_no_link() -> None:
    """Who finds one cannot hand it on as a link of the site."""
    assert refused(PREVIEWS, POLLS, cookie_of(started())[1]) == "preview_altered"


def test_the_main_deployment_for_an_hour() -> None:
    """A cookie alone may be for it; a link that says so does nothing."""
    clock = FakeClock()
    previews = previews_of(NEW, clock=clock)
    asked = request(cookie_of(previews.go_away(POLLS, path="/s/polls/", secure=False)))
    assert previews.load(asked, POLLS, secure=False) == ""
    clock.advance(HOUR + 31)
    assert previews.load(asked, POLLS, secure=False) is None
    assert refused(PREVIEWS, POLLS, PREVIEWS.link_token("polls", "", HOUR)) == "preview_gone"


def test_leaving_ends_the_cookie() -> None:
    """At the path where it is."""
    line = PREVIEWS.leave(POLLS, path="/s/polls/", secure=True)
    assert line == (
        "__Secure-plugit-preview.polls=; Path=/s/polls/; HttpOnly; SameSite=Lax; Max-Age=0; Secure"
    )
