"""Previews on a host with a service and a variant: what a link, a button, a cookie do and do not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import webob

from plugit_wsgi import Service, Variant
from plugit_wsgi.events import Event, Refused
from plugit_wsgi.http import get_header
from plugit_wsgi.people import User
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.fake_service import FakeService, Reply
from plugit_wsgi.variants.preview import Previews, link_url
from plugit_wsgi.wire.keys import Purpose, load_secrets
from tests.integration.conftest import SECRET, Host, Visitor

PAGE = "/s/x/ebuio_preview"
HTML = {"Accept": "text/html"}
TEMPLATE = '{% extends "plugIt/base.html" %}{% block content %}[{{ who }}]{% endblock %}'


def deployment(who: str) -> FakeService:
    """One that says who it is, and tries to say which variant the host chose."""
    service = FakeService()
    spoofed = (("X-Plugit-Variant", "spoofed"),)
    service.action("/", template=TEMPLATE, answer=Reply(body={"who": who}, headers=spoofed))
    service.action("/raw", meta={"json_only": True}, answer=Reply(body={"who": who}, headers=spoofed))
    service.answer("/media/a.css", Reply(body="a", content_type="text/css", headers=spoofed))
    return service


class World:
    """A host with a service on /s/x/ that has the variant next; and visitors of it."""

    def __init__(self, serve: Callable[[Any], str], make_host: Callable[..., Host], **options: Any) -> None:
        self.clock = FakeClock()
        self.events: list[Event] = []
        url = options.pop("variant_url", "") or serve(deployment("next"))
        variants = [Variant("next", url, **options.pop("variant", {}))]
        self.host = make_host(
            url=serve(deployment("main")),
            also=(Service("y", "http://127.0.0.1:8"),),
            of_service={"variants": variants, **options.pop("of_service", {})},
            clock=self.clock,
            observe=self.events.append,
            **options,
        )

    def link(self, service: str = "x", variant: str = "next", lifetime: float = 7200) -> str:
        previews = Previews(load_secrets(SECRET).derived(Purpose.PREVIEW), self.clock)
        return link_url(f"/s/{service}/", previews.link_token(service, variant, lifetime))

    def started(self, visitor: Visitor) -> Visitor:
        """A visitor who has opened a link and pressed the button."""
        answer = press(visitor, visitor.get(self.link(), headers=HTML).text)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/s/x/")
        return visitor


Make = Callable[..., World]


@pytest.fixture
def make_world(serve: Callable[[Any], str], make_host: Callable[..., Host]) -> Make:
    return lambda **options: World(serve, make_host, **options)


@pytest.fixture
def world(make_world: Make) -> World:
    return make_world()


def fields_of(page: str) -> dict[str, str]:
    """The hidden fields of a page's forms."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def press(visitor: Visitor, page: str, act: str = "start", **more: Any) -> Any:
    data = {**fields_of(page), "act": act, **more.pop("fields", {})}
    return visitor.post(more.pop("path", PAGE), data=data, **more)


def who(visitor: Visitor) -> str:
    """Which deployment made the page."""
    found = re.search(r"\[(\w+)\]", visitor.get("/s/x/", headers=HTML).text)
    return found[1] if found else ""


def test_a_link_shows_what_it_does_and_changes_nothing(world: World) -> None:
    """Who only opens it, or has it opened by a program that looks at mails, is in no preview."""
    visitor = world.host.visitor()
    answer = visitor.get(world.link(), headers=HTML)
    assert answer.status_code == 200
    for text in (
        "<strong>next</strong> of x",
        "until 2027-01-15 10:00 UTC, that is for about 2 hours",
        "Start the",
    ):
        assert text in answer.text
    assert "plugit-preview" not in repr(answer.headers)
    assert visitor.open(world.link(), method="HEAD", headers=HTML).data == b""
    assert who(visitor) == "main"


def test_the_page_is_in_no_cache_and_its_address_goes_nowhere(world: World) -> None:
    """The link's token is in it; a link that does nothing may be one with a letter too many."""
    for link in (world.link(), world.link()[:-1], PAGE, world.link("y")):
        answer = world.host.visitor().get(link, headers=HTML)
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "no-store" in answer.headers["Cache-Control"]


def test_the_button_starts_it_and_the_bar_ends_it(world: World) -> None:
    """In this browser, on this mount, until then."""
    visitor, other = world.started(world.host.visitor()), world.host.visitor()
    assert (who(visitor), who(other)) == ("next", "main")
    page = visitor.get("/s/x/", headers=HTML).text
    assert page.count('<section class="plugit-preview ') == 1
    assert "plugit-preview" not in other.get("/s/x/", headers=HTML).text.replace("plugit-preview-", "")
    answer = press(visitor, page, "leave")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/s/x/")
    assert who(visitor) == "main"


def test_a_preview_ends_with_its_link(world: World) -> None:
    """Whenever it was begun."""
    visitor = world.host.visitor()
    page = visitor.get(world.link(), headers=HTML).text
    world.clock.advance(7000)
    press(visitor, page)
    assert who(visitor) == "next"
    world.clock.advance(231)
    answer = visitor.get("/s/x/", headers=HTML)
    assert "[main]" in answer.text
    assert [line for line in answer.headers.getlist("Set-Cookie") if "preview" in line] == [
        "plugit-preview.x=; Path=/s/x/; HttpOnly; SameSite=Lax; Max-Age=0"
    ]


BAD: dict[str, tuple[Callable[[World], str], str]] = {
    "altered": (lambda world: world.link()[:-1], "preview_altered"),
    "empty": (lambda world: f"{PAGE}?token=", "preview_altered"),
    "foreign": (lambda world: world.link("y").replace("/y/", "/x/"), "preview_foreign"),
    "gone": (lambda world: world.link(variant="gone"), "preview_gone"),
    "no variants": (lambda world: world.link("y"), "preview_gone"),
}


@pytest.mark.parametrize("what", [*BAD, "expired"])
def test_a_link_that_does_nothing(world: World, what: str) -> None:
    """A page with a sentence, an event with the reason; a form with it does nothing either."""
    make, reason = BAD.get(what, (lambda world: world.link(lifetime=60), "preview_expired"))
    link = make(world)
    world.clock.advance(100)
    visitor = world.host.visitor()
    answer = visitor.get(link, headers=HTML)
    assert answer.status_code == 403
    assert f"<code>{reason}</code>" in answer.text
    assert [event.reason for event in world.events if isinstance(event, Refused)] == [reason]
    if "/x/" in link:
        page = visitor.get(world.link(), headers=HTML).text
        answer = press(visitor, page, fields={"token": link.partition("?token=")[2]}, headers=HTML)
        assert answer.status_code == 403
        assert f"<code>{reason}</code>" in answer.text
        assert who(visitor) == "main"


def test_such_a_link_offers_no_login(make_world: Make) -> None:
    """It would not help."""
    world = make_world(login_url="/login?from=service")
    answer = world.host.visitor().get(world.link()[:-1], headers=HTML)
    assert 'class="btn btn-primary" href="/s/x/"' in answer.text
    assert 'class="btn btn-primary" href="/login' not in answer.text


def test_a_link_that_does_nothing_leaves_a_preview_alone(world: World) -> None:
    """Who is in one stays in it."""
    visitor = world.started(world.host.visitor())
    assert visitor.get(world.link()[:-1], headers=HTML).status_code == 403
    assert who(visitor) == "next"


@pytest.mark.parametrize("act", ["start", "leave"])
@pytest.mark.parametrize(
    "forged",
    [
        {"fields": {"csrfmiddlewaretoken": ""}},
        {"fields": {"csrfmiddlewaretoken": "x" * 43}},
        {"headers": {**HTML, "Origin": "https://evil.example"}},
        {"headers": {**HTML, "Sec-Fetch-Site": "cross-site"}},
        {"headers": {**HTML, "Origin": "null"}},
    ],
    ids=lambda forged: str(forged)[-40:],
)
def test_no_other_site_starts_or_ends_a_preview(world: World, act: str, forged: dict[str, Any]) -> None:
    """The browser's word, and a token of this visitor."""
    visitor = world.host.visitor() if act == "start" else world.started(world.host.visitor())
    before = who(visitor)
    page = visitor.get(world.link(), headers=HTML).text
    assert press(visitor, page, act, **forged).status_code == 403
    assert who(visitor) == before
    assert press(visitor, page, act).status_code == 303
    assert who(visitor) != before


class HostTokens:
    """A host's own protection, with one token for all."""

    def issue(self, request: webob.Request) -> tuple[str, list[str]]:
        return "of-the-host", ["host-csrf=1; Path=/"]

    def is_valid(self, request: webob.Request, token: str) -> bool:
        return token == "of-the-host" and "host-csrf" in request.cookies


def test_the_hosts_own_tokens(make_world: Make) -> None:
    """Where the host protects its forms, those of a preview are of them."""
    world = make_world(csrf=HostTokens())
    visitor = world.host.visitor()
    page = visitor.get(world.link(), headers=HTML).text
    assert fields_of(page)["csrfmiddlewaretoken"] == "of-the-host"
    assert press(visitor, page, fields={"csrfmiddlewaretoken": "another"}).status_code == 403
    assert press(visitor, page).status_code == 303
    page = visitor.get("/s/x/", headers=HTML).text
    assert "[next]" in page
    assert press(visitor, page, "leave").status_code == 303
    assert who(visitor) == "main"


def test_another_visitors_form_is_none(world: World) -> None:
    """The token is bound to the browser that got the page."""
    page = world.host.visitor().get(world.link(), headers=HTML).text
    other = world.host.visitor()
    other.get("/s/x/", headers=HTML)
    assert press(other, page).status_code == 403
    assert who(other) == "main"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods(world: World, method: str) -> None:
    """Are told which there are."""
    answer = world.host.visitor().open(PAGE, method=method, headers=HTML)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("more", ["&next=https://evil.example/", "&next=//evil.example"])
def test_it_leads_to_the_mount_and_nowhere_else(world: World, more: str) -> None:
    """Whatever is asked for beside."""
    visitor = world.host.visitor()
    page = visitor.get(world.link() + more, headers=HTML).text
    assert "evil" not in page
    answer = press(visitor, page, fields={"next": "https://evil.example/"}, path=PAGE + "?" + more[1:])
    assert answer.headers["Location"] == "/s/x/"


def test_without_a_link_the_page_says_what_is(world: World) -> None:
    """In no preview, or in one, with the way out."""
    visitor = world.host.visitor()
    assert "You are in no preview" in visitor.get(PAGE, headers=HTML).text
    page = world.started(visitor).get(PAGE, headers=HTML).text
    assert "You are in a preview" in page
    assert press(visitor, page, "leave").status_code == 303
    assert who(visitor) == "main"


@pytest.mark.parametrize("path", [f"{PAGE}/", f"{PAGE}/x", "/s/x/ebuio_preview2", "/s/x/EBUIO_PREVIEW"])
def test_no_other_path_is_it(world: World, path: str) -> None:
    """What is reserved and nothing is not found."""
    assert world.host.visitor().get(path, headers=HTML).status_code == 404


def test_nothing_unsigned_chooses(world: World) -> None:
    """Headers, parameters and cookies of the names that we have."""
    visitor = world.host.visitor()
    visitor.carry("plugit-preview.x", "next", "/s/x/")
    headers = {**HTML, "X-Plugit-Variant": "next"}
    for path in ("/s/x/", "/s/x/?ebuio_variant=next&variant=next&token=next"):
        assert "[main]" in visitor.get(path, headers=headers).text


def test_over_https_the_cookie_is_one_that_http_cannot_set(world: World) -> None:
    """Name, and Secure."""
    visitor = world.host.visitor()
    base = {"base_url": "https://localhost"}
    answer = press(visitor, visitor.get(world.link(), headers=HTML, **base).text, **base)
    (line,) = [line for line in answer.headers.getlist("Set-Cookie") if "preview" in line]
    assert line.startswith("__Secure-plugit-preview.x=")
    assert line.endswith("; HttpOnly; SameSite=Lax; Max-Age=7230; Secure")
    assert "; Path=/s/x/; " in line


def test_below_a_script_name(world: World) -> None:
    """Cookie, form and target are below it."""
    visitor = world.host.visitor()
    below = {"environ_overrides": {"SCRIPT_NAME": "/under"}}
    page = visitor.get(world.link(), headers=HTML, **below).text
    assert 'action="/under/s/x/ebuio_preview"' in page
    answer = press(visitor, page, **below)
    assert answer.headers["Location"] == "/under/s/x/"
    assert "; Path=/under/s/x/; " in repr(answer.headers)


def test_a_part_of_a_page_has_no_bar(make_world: Make) -> None:
    """The page around it has one."""
    world = make_world(of_service={"partial": True})
    visitor = world.started(world.host.visitor())
    answer = visitor.get("/s/x/", headers={**HTML, "HX-Request": "true"})
    assert "[next]" in answer.text
    assert "plugit-preview" not in answer.text
    assert answer.headers["X-Plugit-Variant"] == "next; by=preview"


def test_a_variant_that_is_away_has_a_way_out(make_world: Make) -> None:
    """For those who have it by name, and for those in a preview; in the error page, by one click."""
    world = make_world(variant={"users": ("7",)}, variant_url="http://127.0.0.1:9")
    anna, max_ = world.host.visitor("anna"), world.started(world.host.visitor("max"))
    for visitor, act, said in ((anna, "away", "See what others see"), (max_, "leave", "Leave the preview")):
        answer = visitor.get("/s/x/", headers=HTML)
        assert answer.status_code == 502
        assert said in answer.text
        assert press(visitor, answer.text, act).status_code == 303
        assert who(visitor) == "main"
    page = anna.get("/s/x/", headers=HTML).text
    assert "Preview: you see the main deployment of x." in page
    assert press(anna, page, "leave").status_code == 303
    assert anna.get("/s/x/", headers=HTML).status_code == 502
    away = world.host.visitor("anna")
    press(away, away.get("/s/x/", headers=HTML).text, "away")
    assert who(away) == "main"
    world.clock.advance(3631)
    assert away.get("/s/x/", headers=HTML).status_code in (502, 503)


def test_whoever_has_a_variant_by_name_sees_no_bar_while_it_works(make_world: Make) -> None:
    """For them it is the service."""
    world = make_world(variant={"users": ("7",)})
    page = world.host.visitor("anna").get("/s/x/", headers=HTML).text
    assert "[next]" in page
    assert '<section class="plugit-preview ' not in page


# Who is told ---------------------------------------------------------------------------------


def is_root(user: User | None) -> bool:
    return user is not None and user.admin


@pytest.mark.parametrize("path", ["/s/x/", "/s/x/raw", "/s/x/media/a.css", "/s/x/nothing"])
def test_the_header_is_for_those_who_may_see_it(make_world: Make, path: str) -> None:
    """Who is in a preview, and who may see the operations page; the service cannot say it."""
    world = make_world(operations=is_root, variant={"users": ("7",)})
    anna, root, nobody = (world.host.visitor(name) for name in ("anna", "root", ""))
    for visitor in (anna, nobody):
        assert get_header(visitor.get(path).headers.items(), "X-Plugit-Variant") is None
    seen = root.get(path).headers
    assert seen.getlist("X-Plugit-Variant") == ["main; by=main"]
    assert "private" in seen["Cache-Control"]
    preview = world.started(nobody).get(path).headers
    assert preview.getlist("X-Plugit-Variant") == ["next; by=preview"]


@pytest.mark.parametrize("said", [None, 1, "yes"])
def test_only_true_shows_the_header(make_world: Make, said: Any) -> None:
    """As it is with the page itself."""
    world = make_world(operations=lambda user: said)
    assert "X-Plugit-Variant" not in world.host.visitor("root").get("/s/x/").headers


def test_a_host_that_fails_shows_none(make_world: Make) -> None:
    """And the page is as it is."""

    def fail(user: Any) -> bool:
        raise RuntimeError

    answer = make_world(operations=fail).host.visitor("root").get("/s/x/", headers=HTML)
    assert "[main]" in answer.text
    assert "X-Plugit-Variant" not in answer.headers


def test_a_service_without_variants_has_no_header(make_world: Make, serve: Callable[[Any], str]) -> None:
    """There is nothing to tell."""
    world = make_world(operations=is_root)
    world.host.middleware.mounts.add(Service("z", serve(deployment("z"))))
    answer = world.host.visitor("root").get("/s/z/", headers=HTML)
    assert "[z]" in answer.text
    assert "X-Plugit-Variant" not in answer.headers


def test_the_operations_page_tells_of_variants(make_world: Make) -> None:
    """State, percentage, lists by their size, pages of each; and what changed while the host ran."""
    world = make_world(operations=is_root, variant={"users": ("7", "8"), "percent": 0})
    world.started(world.host.visitor()).get("/s/x/", headers=HTML)
    world.host.visitor().get("/s/x/", headers=HTML)
    root = world.host.visitor("root")
    text = " ".join(root.get("/s/_operations/").text.split())
    assert "main deployment</th><td></td><td>100</td>" in text
    row = text[text.index('<th scope="row">next') :].partition("</tr>")[0]
    assert "<td>0</td><td>2 users</td><td>1</td><td>0</td>" in row
    assert ">answers</span>" in row
    (service, _other) = world.host.middleware.mounts
    world.host.middleware.mounts.replace(
        replace(service, variants=(replace(service.variants[0], percent=20),))
    )
    text = " ".join(root.get("/s/_operations/").text.split())
    assert "<strong>next</strong> percent from 0 to 20 (code)</li>" in text
    assert "<td>20</td><td>2 users</td>" in text
    assert text.count("percent from 0 to 20") == 1, "a change of one service, told of all"
