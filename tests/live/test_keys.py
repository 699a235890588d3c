"""Services and a host that run, each token at each door: one opens its own, and nobody can make another's.

A door is what a token is for: the context or the API of a service, its form, its session, the visitor's id.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import webob

from plugit_wsgi.csrf import Tokens
from plugit_wsgi.session import CookieSessions, Session, VisitorIds, to_content
from plugit_wsgi.wire.context import SignedContext
from plugit_wsgi.wire.keys import KeyRing, Purpose, api_keys, format_service_key, load_secrets, service_keys
from tests.live.programs import NAMES, SECRET, Host, run_host
from tests.live.visitor import Visitor

SECRETS = load_secrets(SECRET)
PERSON = "anna"
KEPT = "kept by the service"
FORM = [("Content-Type", "application/x-www-form-urlencoded")]
PATH = "/action/page/n"
BLANK = webob.Request.blank("/")
LABELS = [
    label
    for purpose in Purpose
    for label in ([purpose.of(name) for name in NAMES] if purpose.value.endswith("/") else [purpose.value])
]


@dataclass(frozen=True)
class Site:
    """What runs, and the id of a visitor of it who is logged in. Immutable."""

    host: Host
    services: dict[str, str]  # name to URL
    visitor_id: str
    cookies: dict[tuple[str, str], str]

    def visitor(self, **cookies: str) -> Visitor:
        """The same browser again, with other cookies; a name for a service's has its path."""
        found = self.host.visitor(PERSON)
        found.cookies = dict(self.cookies)
        for name, value in cookies.items():
            service = name.removeprefix("plugit_")
            key = (f"plugit-{service}", f"/s/{service}/") if service in NAMES else ("plugit", "/")
            found.cookies[key] = value
        return found


@pytest.fixture(scope="module")
def site(services: dict[str, str]) -> Iterator[Site]:
    """The host, and a visitor who has a session in each service."""
    with run_host("cheroot", services) as host, host.visitor(PERSON) as visitor:
        for name in NAMES:
            assert visitor.get(f"/s/{name}/form").status == 200
            assert visitor.get(f"/s/{name}/session/first").status == 200
        cookie = webob.Request.blank("/", headers={"Cookie": f"plugit={visitor.cookies['plugit', '/']}"})
        visitor_id = VisitorIds(SECRETS.derived(Purpose.VISITOR)).load(cookie, secure=False)
        assert visitor_id is not None
        yield Site(host, services, visitor_id, dict(visitor.cookies))


def opens_context(site: Site, name: str, token: str) -> bool:
    with Visitor(site.services[name]) as caller:
        return caller.get(PATH, headers=[("X-Plugit-Context", token)]).status == 200


def opens_api(site: Site, name: str, token: str) -> bool:
    with site.host.visitor() as caller:
        answer = caller.get(f"/s/_api/{name}/user/7", headers=[("Authorization", f"Bearer {token}")])
        return answer.status == 200


def opens_form(site: Site, name: str, token: str) -> bool:
    with site.visitor() as visitor:
        body = f"csrfmiddlewaretoken={token}".encode()
        return visitor.post(f"/s/{name}/form", headers=FORM, body=body).status == 200


def opens_session(site: Site, name: str, token: str) -> bool:
    """What the session holds reaches the service."""
    with site.visitor(**{f"plugit_{name}": token}) as visitor:
        answer = visitor.get(f"/s/{name}/session/next")
        assert answer.status == 200
        found = re.search(r"last=\(([^)]*)\)", answer.text)
        assert found is not None
        return found[1] != ""


def opens_visitor(site: Site, name: str, token: str) -> bool:
    """With this cookie for the id, the token of the form is the visitor's."""
    good = Tokens(SECRETS.derived(Purpose.CSRF), name).issue(site.visitor_id, PERSON)
    with site.visitor(plugit=token) as visitor:
        body = f"csrfmiddlewaretoken={good}".encode()
        return visitor.post(f"/s/{name}/form", headers=FORM, body=body).status == 200


Opens = Callable[[Site, str, str], bool]
DOORS: dict[str, Opens] = {
    "context": opens_context,
    "api": opens_api,
    "form": opens_form,
    "session": opens_session,
    "visitor": opens_visitor,
}


def make_context(ring: KeyRing, name: str, site: Site) -> str:
    now = int(time.time())
    return SignedContext(
        audience=name, issued=now, expires=now + 60, token_id="t", method="GET", path=PATH, subject=PERSON
    ).sign(ring)


def make_session(ring: KeyRing, name: str, site: Site) -> str:
    content = to_content(Session(values={"last": KEPT}), PERSON, site.visitor_id)
    return value_of(CookieSessions(ring).store(BLANK, name, content, path="/", secure=False)[0])


def make_visitor(ring: KeyRing, name: str, site: Site) -> str:
    return value_of(VisitorIds(ring).format_cookie(site.visitor_id, secure=False))


def value_of(cookie: str) -> str:
    return cookie.partition(";")[0].partition("=")[2]


Make = Callable[[KeyRing, str, Site], str]
MAKERS: dict[str, Make] = {
    "context": make_context,
    "api": lambda ring, name, site: api_keys(ring)[0],
    "form": lambda ring, name, site: Tokens(ring, name).issue(site.visitor_id, PERSON),
    "session": make_session,
    "visitor": make_visitor,
}
RINGS: dict[str, Callable[[str], KeyRing]] = {
    "context": lambda name: service_keys(SECRETS, name),
    "api": lambda name: service_keys(SECRETS, name),
    "form": lambda name: SECRETS.derived(Purpose.CSRF),
    "session": lambda name: SECRETS.derived(Purpose.SESSION),
    "visitor": lambda name: SECRETS.derived(Purpose.VISITOR),
}
KINDS = [(kind, name) for kind in DOORS for name in NAMES]


@pytest.mark.parametrize(("door", "of"), KINDS)
def test_a_door_opens_for_its_own_token_alone(door: str, of: str, site: Site) -> None:
    """Purposes x services, each with each, and the keys of the services themselves."""
    tokens = {(kind, name): MAKERS[kind](RINGS[kind](name), name, site) for kind, name in KINDS}
    for name in NAMES:
        tokens["service key", name] = format_service_key(service_keys(SECRETS, name))
        kept = site.cookies[f"plugit-{name}", f"/s/{name}/"]
        tokens["session of the browser", name] = kept
    opened = {key for key, token in tokens.items() if DOORS[door](site, of, token)}
    # The id is the host's, not a service's.
    expected = {key for key in tokens if key[0].startswith(door) and (door == "visitor" or key[1] == of)}
    assert opened == expected


@pytest.mark.parametrize("forger", NAMES)
def test_a_service_forges_nothing(forger: str, site: Site) -> None:
    """It has its key. All that it can derive from that, for any purpose, opens no door but its own two."""
    own = service_keys(SECRETS, forger)
    rings = [own, *(own.derived(label) for label in LABELS)]
    rings += [KeyRing((format_service_key(own).encode("ascii"),))]
    doors = [(kind, name) for kind, name in KINDS if kind not in ("context", "api") or name != forger]
    opened = [
        (kind, name, index)
        for kind, name in doors
        for index, ring in enumerate(rings)
        if DOORS[kind](site, name, MAKERS[kind](ring, name, site))
    ]
    assert opened == []
    assert opens_context(site, forger, make_context(own, forger, site))
    assert opens_api(site, forger, api_keys(own)[0])


def test_a_service_reached_by_a_stranger_answers_nothing(site: Site) -> None:
    """Whatever the stranger writes beside no context."""
    for url in site.services.values():
        with Visitor(url) as caller:
            for headers in ([], [("X-Plugit-User-Pk", "7")], [("Authorization", f"Bearer {SECRET}")]):
                assert caller.get(f"{PATH}?ebuio_u_pk=7", headers=headers).status == 401
