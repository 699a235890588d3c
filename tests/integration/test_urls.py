"""Every URL there is, for every place a host can be at: what services are told, what browsers are given.

The tables are multiplied: mounts, SCRIPT_NAMEs, trusted hops, and whether somebody sent X-Forwarded-*.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from itertools import product
from typing import Any

import pytest
from werkzeug.middleware.proxy_fix import ProxyFix

from plugit_wsgi import PlugItMiddleware, Service
from plugit_wsgi.http import Origin
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from tests.integration.conftest import SECRET, Host, MakeHost, Visitor, host_app, identify

INNER, OUTER = "inner.example:8080", "www.example.org"
FORGED = {
    "X-Forwarded-For": "203.0.113.66, 198.51.100.7",
    "X-Forwarded-Proto": "ftp, https",
    "X-Forwarded-Host": f"evil.example, {OUTER}",
    "X-Forwarded-Prefix": "/forged",
    "X-Forwarded-Port": "forged",
    "X-Forwarded-Scheme": "forged",
    "X-Script-Name": "/forged",
    "Forwarded": "for=203.0.113.66;host=evil.example;proto=https",
    "X-Original-Url": "/forged",
    "X-Real-Ip": "203.0.113.66",
}
"""As a proxy leaves them: the visitor's words first, its own behind them, for the three that it sets."""
TEMPLATE = """{% extends "plugIt/base-withBlocks.html" %}
{% block css %}<link rel="stylesheet" href="{{ ebuio_baseUrl }}media/a.css">{% endblock %}
{% block menubar %}<li><a href="{{ ebuio_baseUrl }}menu">Menu</a></li>{% endblock %}
{% block content %}<a id="next" href="{{ ebuio_baseUrl }}next">Next</a>{% endblock %}"""


@dataclass(frozen=True)
class Place:
    """One row of the product. Immutable."""

    mount: str
    script_name: str
    hops: int
    forged: bool

    def __str__(self) -> str:
        return f"{self.mount} below {self.script_name or '/'}, hops {self.hops}{', forged' * self.forged}"

    @property
    def base(self) -> str:
        """URL path of the service, with trailing slash."""
        return f"{self.script_name}{self.mount}/"

    @property
    def origin(self) -> Origin:
        """How the visitor came: the last word of each header counts behind a proxy, and none without one."""
        if self.hops and self.forged:
            return Origin(scheme="https", host=OUTER, address="198.51.100.7")
        return Origin(scheme="http", host=INNER, address="192.0.2.10")

    @property
    def origin_url(self) -> str:
        """As browsers write it."""
        return f"{self.origin.scheme}://{self.origin.host}"


PLACES = [Place(*row) for row in product(("/s/x", "/a/b/x"), ("", "/sub"), (0, 1), (False, True))]


class Browser:
    """Somebody at a place; every request has what the place says."""

    def __init__(self, host: Host, place: Place, name: str = "") -> None:
        self._visitor: Visitor = host.visitor(name)
        self._place = place

    def ask(self, path: str, method: str = "GET", **options: Any) -> Any:
        """One request for a path of the host below its SCRIPT_NAME."""
        headers = {**(FORGED if self._place.forged else {}), **options.pop("headers", {})}
        base_url = f"http://{INNER}{self._place.script_name}/"
        options["environ_overrides"] = {"REMOTE_ADDR": "192.0.2.10"}
        return self._visitor.open(path, method=method, base_url=base_url, headers=headers, **options)

    def follow(self, url: str) -> Any:
        """A link of a page; fails if it leads out of the host."""
        script_name = self._place.script_name
        assert url.startswith(f"{script_name}/"), url
        return self.ask(unescape(url.removeprefix(script_name)))


@pytest.fixture(params=PLACES, ids=str)
def place(request: pytest.FixtureRequest) -> Place:
    """Each of them."""
    found: Place = request.param
    return found


@pytest.fixture
def host(make_host: MakeHost, service: FakeService, place: Place) -> Host:
    """With a service in actions mode at the place."""
    service.action("/", template=TEMPLATE, meta={"public": True}, answer=Reply(headers=SETS))
    service.action(
        "/away", meta={"public": True}, answer=Reply(headers=(("EbuIo-PlugIt-Redirect", "/next?a=1"),))
    )
    service.action("/members", meta={"only_logged_user": True, "public": True}, answer={})
    service.answer("/media/a.css", Reply(body="a{}", content_type="text/css"))
    options = {"mount": place.mount, "organizations": True, "cookies": True}
    return make_host(of_service=options, trusted_hops=place.hops, login_url="/login")


SETS = (
    ("EbuIo-PlugIt-SetSession-city", "Geneva"),
    ("Set-Cookie", "sid=1; Path=/forged; Domain=evil.example"),
)


def only_call(service: FakeService, path: str) -> Call:
    """The one call of a path."""
    (found,) = service.called(path)
    return found


def hrefs(page: Any) -> list[str]:
    """All addresses of a page, in order."""
    return re.findall(r'(?:href|src|action)="([^"#]+)"', page.text)


def test_what_the_service_is_told(host: Host, service: FakeService, place: Place) -> None:
    """Where it is for the visitor, and nothing of what a visitor says about that."""
    Browser(host, place, "org").ask(f"{place.mount}/")
    call = only_call(service, "/action/")
    told = {name: value for name, value in call.headers.items() if name.startswith("x-forwarded")}
    assert told == {
        "x-forwarded-prefix": place.base.rstrip("/"),
        "x-forwarded-proto": place.origin.scheme,
        "x-forwarded-host": place.origin.host,
    }
    assert call.headers["x-plugit-remote-addr"] == place.origin.address
    assert not re.search(r"forged|evil\.example|203\.0\.113\.66", repr(call))


def test_what_the_page_links_to(host: Host, service: FakeService, place: Place) -> None:
    """The service's links, media and menu below the mount; assets, home and the switch where they answer."""
    browser = Browser(host, place, "org")
    page = browser.ask(f"{place.mount}/")
    found = hrefs(page)
    for path in ("media/a.css", "menu", "next", "ebuio_setOrga"):
        assert f"{place.base}{path}" in found
    assert f"{place.script_name}/" in found
    assets = [url for url in found if "/_assets/" in url]
    assert assets
    for url in found:
        assert url.startswith((place.base, f"{place.script_name}/s/_assets/")) or url in (
            place.base,
            f"{place.script_name}/",
        )
    assert all(browser.follow(url).status_code == 200 for url in assets)
    assert browser.follow(f"{place.base}media/a.css").text == "a{}"
    assert only_call(service, "/media/").target == "/media/a.css"
    assert browser.follow(place.base).status_code == 200


def test_the_login_comes_back_to_the_page(host: Host, place: Place) -> None:
    """By a redirect where a login is due, by a link elsewhere."""
    browser = Browser(host, place)
    answer = browser.ask(f"{place.mount}/members?a=1%262")
    back = f"{place.script_name}/login?next={place.base}"
    assert (answer.status_code, answer.location) == (
        302,
        f"{back}members%3Fa%3D1%262".replace("%262", "%25262"),
    )
    assert back in [unescape(url) for url in hrefs(browser.ask(f"{place.mount}/"))]


def test_redirects(host: Host, place: Place) -> None:
    """The slash that is missing, and where the service sends visitors; neither names a host."""
    browser = Browser(host, place)
    answer = browser.ask(f"{place.mount}?a=%26", method="POST")
    assert (answer.status_code, answer.location) == (308, f"{place.base}?a=%26")
    answer = browser.ask(f"{place.mount}/away")
    assert (answer.status_code, answer.location) == (302, f"{place.base}next?a=1")


def test_cookies(host: Host, place: Place) -> None:
    """Of the mount, but for the visitor's id; secure, and named so, for those who came by https alone."""
    page = Browser(host, place, "org").ask(f"{place.mount}/")
    lines = page.headers.getlist("Set-Cookie")
    secure = place.origin.secure
    prefix = "__Secure-" if secure else ""
    names = ["csrftoken", f"{prefix}plugit-x", f"{prefix}plugit-c-x.sid"]
    for line in lines:
        name, _, rest = line.partition("=")
        attributes = rest.split("; ")[1:]
        assert f"Path={place.base if name in names else '/'}" in attributes
        assert ("Secure" in attributes) is secure
        assert "Domain" not in rest
    assert sorted(line.partition("=")[0] for line in lines) == sorted(
        [*names, "__Host-plugit" if secure else "plugit"]
    )


def test_forms_of_the_visible_origin_alone(host: Host, service: FakeService, place: Place) -> None:
    """The organization is switched from the page; the origin of the other side of a proxy is another site."""
    browser = Browser(host, place, "org")
    page = browser.ask(f"{place.mount}/")
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]*)"', page.text)
    fields = {"organization": "2", "csrfmiddlewaretoken": token, "next": f"{place.base}next"}
    others = {"http://" + INNER, "https://" + OUTER, "https://evil.example"} - {place.origin_url}
    switch = f"{place.mount}/ebuio_setOrga"
    for origin in others:
        refused = browser.ask(switch, method="POST", data=fields, headers={"Origin": origin})
        assert refused.status_code == 403
    answer = browser.ask(switch, method="POST", data=fields, headers={"Origin": place.origin_url})
    assert (answer.status_code, answer.location) == (303, f"{place.base}next")
    service.calls.clear()
    browser.ask(f"{place.mount}/")
    assert only_call(service, "/action/").query == "ebuio_orgapk=2"


# Pages mode ----------------------------------------------------------------------------

LOCATIONS = {
    "/next": "{base}next",
    "next": "{base}deep/next",
    "../next?a=1": "{base}next?a=1",
    "?b=2": "{base}deep/page?b=2",
    "{base}next": "{base}next",
    "{mount}": "{mount}",
    "{base}": "{base}",
    "{mount}er/next": "{base}{mount_path}er/next",
    "{origin}{base}next#there": "{base}next#there",
    "{origin}/next": "{base}next",
    "{own}/next": "{base}next",
    "{own}": "{base}",
    "//evil.example/": None,
    "https://evil.example/": None,
    "{origin}.evil.example/": None,
}
"""What a service sends as Location or Link from /deep/page -> what the browser gets; None is nothing."""


@pytest.fixture
def pages(make_host: MakeHost, service: FakeService, serve: Any, place: Place) -> tuple[Host, str]:
    """A host with the service in pages mode at the place, and the service's own URL."""
    url = serve(service)
    options = {"mount": place.mount, "mode": "pages"}
    return make_host(of_service=options, url=url, trusted_hops=place.hops), url


def wanted(pattern: str | None, place: Place, own: str) -> str | None:
    """A row of the table at a place."""
    if pattern is None:
        return None
    base = place.base
    return pattern.format(
        base=base, mount=base.rstrip("/"), mount_path=base.strip("/"), origin=place.origin_url, own=own
    )


@pytest.mark.parametrize("given", LOCATIONS)
def test_a_location_of_a_service_in_pages_mode(
    pages: tuple[Host, str], service: FakeService, place: Place, given: str
) -> None:
    """Whether it believes our X-Forwarded-*, some of them, or none: the mount comes once."""
    host, own = pages
    location = wanted(given, place, own)
    service.answer("/deep/page", Reply(status=302, headers=(("Location", location or ""),)))
    answer = Browser(host, place).ask(f"{place.mount}/deep/page")
    expected = wanted(LOCATIONS[given], place, own)
    assert (answer.status_code, answer.location) == ((302, expected) if expected else (502, None))


def test_links_for_the_head_of_a_service_in_pages_mode(
    pages: tuple[Host, str], service: FakeService, place: Place
) -> None:
    """The same table; elsewhere by https may scripts and styles come from. The body stays as it is."""
    host, own = pages
    links = ", ".join(f"<{wanted(given, place, own)}>; rel=stylesheet" for given in LOCATIONS)
    body = '<a href="/next">as it was</a>'
    service.answer("/deep/page", Reply(headers=(("Link", links),), body=body))
    page = Browser(host, place).ask(f"{place.mount}/deep/page")
    assert body in page.text
    expected = []
    for given, found in LOCATIONS.items():
        link = wanted(given, place, own)
        elsewhere = link if link and link.startswith("https://") else None
        expected.append(wanted(found, place, own) or elsewhere)
    links_there = re.findall(r'<link rel="stylesheet" href="([^"]*)">', page.text)
    ours = [url for url in links_there if "/_assets/" not in url]
    assert ours == list(dict.fromkeys(url for url in expected if url is not None))


def test_what_a_service_in_pages_mode_is_told(
    pages: tuple[Host, str], service: FakeService, place: Place
) -> None:
    """The same three, and version 1's name for the mount."""
    service.answer("/deep/page", Reply(body="<p>"))
    Browser(pages[0], place).ask(f"{place.mount}/deep/page?a=1")
    call = only_call(service, "/deep/page")
    assert call.target == "/deep/page?a=1"
    assert call.headers["x-plugit-base-url"] == place.base
    assert call.headers["x-forwarded-prefix"] == place.base.rstrip("/")
    assert (call.headers["x-forwarded-proto"], call.headers["x-forwarded-host"]) == (
        place.origin.scheme,
        place.origin.host,
    )


# A prefix that a proxy takes away ------------------------------------------------------


@pytest.fixture
def front(serve: Any, service: FakeService) -> Iterator[Any]:
    """`front(hops)`: a host that believes X-Forwarded-Prefix of one proxy, as Werkzeug's ProxyFix does it."""
    service.action("/", template=TEMPLATE, answer={})
    made: list[PlugItMiddleware] = []

    def make(hops: int) -> Host:
        mounted = Service("x", serve(service))
        middleware = PlugItMiddleware(host_app, [mounted], SECRET, identify=identify, trusted_hops=hops)
        made.append(middleware)
        host = Host(middleware)
        host.app = ProxyFix(host.app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
        return host

    yield make
    for middleware in made:
        middleware.close()


@pytest.mark.parametrize("hops", [0, 1])
def test_a_prefix_of_a_proxy_is_believed_by_who_is_told_to(
    front: Any, service: FakeService, hops: int
) -> None:
    """A middleware around the host makes it SCRIPT_NAME, for host and services; counted once or twice."""
    visitor = front(hops).visitor("anna")
    headers = {**FORGED, "X-Forwarded-Prefix": "/front", "X-Forwarded-Proto": "https"}
    page = visitor.get("/s/x/", headers=headers)
    call = only_call(service, "/action/")
    assert call.headers["x-forwarded-prefix"] == "/front/s/x"
    assert call.headers["x-forwarded-host"] == OUTER
    assert call.headers["x-plugit-remote-addr"] == "198.51.100.7"
    assert all(url.startswith("/front/") for url in hrefs(page))
    paths = {line.partition("Path=")[2].partition(";")[0] for line in page.headers.getlist("Set-Cookie")}
    assert paths == {"/", "/front/s/x/"}


def test_a_prefix_that_names_a_host_is_a_path(front: Any) -> None:
    """Where the proxy hands the visitor's own on."""
    answer = front(0).visitor().get("/s/x", headers={"X-Forwarded-Prefix": "//evil.example"})
    assert (answer.status_code, answer.location) == (308, "/evil.example/s/x/")
