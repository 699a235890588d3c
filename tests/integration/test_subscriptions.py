"""Pages for subscribers: who sees them, where others are led, and what is left when a subscription ends."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from plugit_wsgi import FragmentMarks, Organization, User, sdk
from plugit_wsgi.people import NO_RIGHTS, Membership, Rights
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from plugit_wsgi.wire.keys import api_keys, format_service_key, load_secrets, service_keys
from tests.integration.conftest import PEOPLE, SECRET, Host, MakeHost
from tests.integration.test_rules import until

HOUR = 3600.0
GOLD = {"only_subscription": ["gold", "platinum"]}
ALL_DAY = {"cache_time": 24 * HOUR}
FIELD = "ebuio_u_subscription_labels"
KEY = api_keys(service_keys(load_secrets(SECRET), "x"))[0]
BY_ID = {user.id: user for user in PEOPLE.values()}


class Subscriptions:
    """A directory whose labels end; all that pages ask it for.

    Args:
        clock: whose time counts.
    """

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._ends: dict[str, dict[str, float]] = {}

    def subscribe(self, name: str, label: str, seconds: float) -> None:
        """From now on, for so long."""
        self._ends.setdefault(PEOPLE[name].id, {})[label] = self._clock.time() + seconds

    def visitor(
        self, user_id: str | None, service: str
    ) -> tuple[Rights, Sequence[Membership], Sequence[str]]:
        """See `Directory.visitor`."""
        user = BY_ID.get(user_id or "")
        memberships = () if user is None else user.memberships
        return NO_RIGHTS, memberships, self.subscription_labels(user_id or "", service)

    def subscription_labels(self, user_id: str, service: str) -> Sequence[str]:
        """See `Directory.subscription_labels`."""
        ends = self._ends.get(user_id, {})
        return [label for label, end in ends.items() if self._clock.time() < end]

    def user(self, user_id: str) -> User | None:
        """See `Directory.user`."""
        return BY_ID.get(user_id)

    def organization(self, organization_id: str) -> Organization | None:
        """See `Directory.organization`."""
        return None

    def organizations(self, service: str) -> Sequence[Organization]:
        """See `Directory.organizations`."""
        return ()

    def members(self, service: str) -> Sequence[User]:
        """See `Directory.members`."""
        return ()

    def groups(self, user_id: str) -> Sequence[str]:
        """See `Directory.groups`."""
        return ()


@pytest.fixture
def directory(clock: FakeClock) -> Subscriptions:
    """Anna and Olga are subscribed to gold until midnight, an hour from now."""
    found = Subscriptions(clock)
    found.subscribe("anna", "gold", HOUR)
    found.subscribe("olga", "gold", HOUR)
    return found


@pytest.fixture
def host(make_host: MakeHost, clock: FakeClock, directory: Subscriptions) -> Host:
    """With a login and a page for subscriptions."""
    return make_host(clock=clock, directory=directory, login_url="/login", billing_url="/billing?from=site")


def claims(call: Call) -> dict[str, Any]:
    """Of the context that came with a call."""
    part = call.headers["x-plugit-context"].partition(".")[0]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def numbered(said: str = "secret") -> Callable[[Call], Reply]:
    """An action that says how often it was called."""
    calls: list[Call] = []

    def answer(call: Call) -> Reply:
        calls.append(call)
        return Reply(body={"n": len(calls), "said": said})

    return answer


# Who sees a page --------------------------------------------------------------------------


def test_only_subscribers_see_the_page(host: Host, service: FakeService, directory: Subscriptions) -> None:
    """One of the labels is enough; the service of whoever has none is not asked."""
    service.action("/a", meta=GOLD, template="{{ said }}", answer=numbered())
    directory.subscribe("max", "platinum", HOUR)
    directory.subscribe("root", "silver", HOUR)
    for name in ("anna", "max"):
        assert "secret" in host.visitor(name).get("/s/x/a").text
    asked = len(service.called("/action"))
    for name in ("root", "org"):
        answer = host.visitor(name).get("/s/x/a")
        assert answer.status_code == 403
        assert "<code>only_subscription</code>" in answer.text
        assert "secret" not in answer.text
    assert len(service.called("/action")) == asked


def test_a_refusal_leads_to_the_hosts_billing_page(host: Host, service: FakeService) -> None:
    """With the way back, the service and the labels; the words of the page do not name those."""
    service.action("/a", meta={"only_subscription": ["gold", "größe l&"]}, template="x")
    answer = host.visitor("max").get("/s/x/a?q=1", headers={"Accept": "text/html"})
    labels = "label=gold&amp;label=gr%C3%B6%C3%9Fe%20l%26"
    target = f"/billing?from=site&amp;next=/s/x/a%3Fq%3D1&amp;service=x&amp;{labels}"
    assert f'href="{target}"' in answer.text
    assert "gold" not in answer.text.replace(target, "")
    assert "Log in</a>" not in answer.text


def test_the_billing_page_is_below_the_hosts_own_mount(host: Host, service: FakeService) -> None:
    """As the login is."""
    service.action("/a", meta=GOLD, template="x")
    answer = host.visitor("max").get("/s/x/a", base_url="http://localhost/under")
    assert 'href="/under/billing?from=site&amp;next=/under/s/x/a&amp;service=x' in answer.text


def test_without_a_billing_page_there_is_no_link(make_host: MakeHost, service: FakeService) -> None:
    """And a page for administrators never has one."""
    service.action("/a", meta=GOLD, template="x")
    service.action("/b", meta={"only_admin_user": True}, template="x")
    assert "See subscriptions" not in make_host().visitor("max").get("/s/x/a").text
    with_billing = make_host(billing_url="https://billing.example/plans").visitor("max")
    assert "See subscriptions" not in with_billing.get("/s/x/b").text
    link = 'href="https://billing.example/plans?next=/s/x/a&amp;service=x&amp;label=gold&amp;label=platinum"'
    assert link in with_billing.get("/s/x/a").text


def test_nobody_logs_in_first(host: Host, service: FakeService) -> None:
    """As for every rule: who it is decides what there is to pay."""
    service.action("/a", meta=GOLD, template="x")
    answer = host.visitor().get("/s/x/a")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login?next=/s/x/a")


def test_programs_and_scripts_get_the_reason(make_host: MakeHost, service: FakeService) -> None:
    """JSON for a program; the words alone, with their link, for a part of a page."""
    service.action("/a", meta=GOLD, template="x")
    visitor = make_host(billing_url="/billing", of_service={"partial": True}).visitor("max")
    answer = visitor.get("/s/x/a", headers={"Accept": "application/json"})
    assert answer.status_code == 403
    assert answer.json == {"error": {"status": 403, "reason": "only_subscription"}}
    answer = visitor.get("/s/x/a", headers={"HX-Request": "true", "Accept": "*/*"})
    assert answer.status_code == 403
    assert "<html" not in answer.text
    assert 'href="/billing?next=' in answer.text
    assert "HX-Redirect" not in answer.headers


def test_a_frame_of_a_sandbox_has_no_way_out(make_host: MakeHost, service: FakeService) -> None:
    """A page of the host does not open in there; on the page around it the link is."""
    service.action("/a", meta=GOLD, template="x")
    options = {"sandbox": True}
    visitor = make_host(billing_url="/billing", of_service=options).visitor("max")
    assert "/billing" not in visitor.get("/s/x/ebuio_frame/a").text
    assert 'href="/billing?next=' in visitor.get("/s/x/a").text


# The subscription ends --------------------------------------------------------------------


@pytest.mark.parametrize("by_user", [None, True, False])
@pytest.mark.parametrize("bare", [False, True])
def test_a_subscription_that_ends_at_midnight_is_refused_after_midnight(
    host: Host, service: FakeService, clock: FakeClock, by_user: bool | None, bare: bool
) -> None:
    """Its kept page with it, however it was shared; whoever subscribes again sees it again."""
    meta = {**GOLD, **ALL_DAY, "cache_by_user": by_user, "json_only": bare}
    service.action("/a", meta=meta, template="page {{ n }} {{ said }}", answer=numbered())
    visitor = host.visitor("anna")
    for _ in range(2):
        assert "secret" in visitor.get("/s/x/a").text
        assert "secret" in host.visitor("olga").get("/s/x/a").text
    asked = len(service.called("/action"))
    assert asked == (1 if by_user is False else 2)
    clock.advance(HOUR - 1)
    assert "secret" in visitor.get("/s/x/a").text
    clock.advance(1)
    for method in ("GET", "HEAD"):
        answer = visitor.open("/s/x/a", method=method)
        assert answer.status_code == 403
        assert "secret" not in answer.text
    assert len(service.called("/action")) == asked


@pytest.mark.parametrize("meta", [GOLD, {"user_info": ["pk", "subscription_labels"]}], ids=["rule", "fields"])
def test_what_was_kept_under_other_labels_is_not_shown(
    host: Host, service: FakeService, clock: FakeClock, directory: Subscriptions, meta: dict[str, Any]
) -> None:
    """A subscription follows another: the page is made anew, for what is paid for now."""
    service.action("/a", meta={**meta, **ALL_DAY}, template="page {{ n }}", answer=numbered())
    visitor = host.visitor("anna")
    assert "page 1" in visitor.get("/s/x/a").text
    clock.advance(HOUR)
    directory.subscribe("anna", "platinum", HOUR)
    assert "page 2" in visitor.get("/s/x/a").text
    assert claims(service.called("/action")[-1])["subs"] == ["platinum"]


def test_labels_in_user_info_are_those_of_now(host: Host, service: FakeService, clock: FakeClock) -> None:
    """Without a rule nobody is refused, and the service says what it says to whoever has no label."""
    meta = {"user_info": ["subscription_labels"], **ALL_DAY}
    service.action("/a", meta=meta, template="{{ q }}", answer=lambda call: Reply(body={"q": call.query}))
    visitor = host.visitor("anna")
    assert "labels=gold" in visitor.get("/s/x/a").text
    clock.advance(HOUR)
    answer = visitor.get("/s/x/a")
    assert answer.status_code == 200
    assert "gold" not in answer.text
    assert [claims(call)["subs"] for call in service.called("/action")] == [["gold"], []]


def test_a_template_that_reads_labels_is_rendered_anew(
    host: Host, service: FakeService, clock: FakeClock
) -> None:
    """The data are everybody's and stay; what a subscriber saw of them is not."""
    template = "{% for label in ebuio_u.subscription_labels %}for {{ label }}{% endfor %} {{ n }}"
    service.action("/a", meta=ALL_DAY, template=template, answer=numbered())
    visitor = host.visitor("anna")
    assert "for gold" in visitor.get("/s/x/a").text
    assert "for gold" not in host.visitor("max").get("/s/x/a").text
    clock.advance(HOUR)
    assert "for gold" not in visitor.get("/s/x/a").text
    assert len(service.called("/action")) == 1


def test_a_template_for_subscribers_is_included_for_them_alone(
    host: Host, service: FakeService, clock: FakeClock
) -> None:
    """Into a page that is kept for all."""
    service.action("/part", meta=GOLD, template="the part for subscribers")
    include = "{% load plugit_tags %}{% plugitInclude 'part' %} {{ n }}"
    service.action("/a", meta=ALL_DAY, template=include, answer=numbered())
    visitor = host.visitor("anna")
    assert "the part for subscribers" in visitor.get("/s/x/a").text
    clock.advance(HOUR)
    assert "the part for subscribers" not in visitor.get("/s/x/a").text


@pytest.mark.parametrize(
    ("meta", "status"), [(GOLD, 403), ({"user_info": ["subscription_labels"]}, 503)], ids=["rule", "fields"]
)
def test_no_old_page_stands_in_for_a_subscription_that_ended(
    host: Host, service: FakeService, clock: FakeClock, meta: dict[str, Any], status: int
) -> None:
    """While the service is away: the page of before midnight is not this visitor's any more."""
    service.action("/a", meta={**meta, "cache_time": 60}, template="{{ said }}", answer=numbered())
    visitor = host.visitor("anna")
    clock.advance(HOUR - 62)
    assert "secret" in visitor.get("/s/x/a").text
    service.answer("/action/a", Reply(status=503))
    clock.advance(61)
    assert "may be out of date" in visitor.get("/s/x/a").text
    clock.advance(1)
    answer = visitor.get("/s/x/a")
    assert answer.status_code == status
    assert "secret" not in answer.text


def test_nobody_waits_for_a_page_of_other_labels(
    make_host: MakeHost, service: FakeService, clock: FakeClock, directory: Subscriptions
) -> None:
    """A load that a subscriber began before midnight is not for whoever has no label after it."""
    host = make_host(clock=clock, directory=directory, threads=16)
    gate = threading.Event()

    def answer(call: Call) -> Reply:
        labels = claims(call)["subs"]
        if labels:
            gate.wait(10)
        return Reply(body={"said": " ".join(labels) or "nothing"})

    meta = {"user_info": ["subscription_labels"], **ALL_DAY}
    service.action("/a", meta=meta, template="[{{ said }}]", answer=answer)
    service.action("/b", meta={**GOLD, **ALL_DAY}, template="[{{ said }}]", answer=answer)
    clock.advance(HOUR - 1)
    early: list[str] = []
    threads = [
        threading.Thread(target=lambda path=path: early.append(host.visitor("anna").get(path).text))
        for path in ("/s/x/a", "/s/x/b")
    ]
    for thread in threads:
        thread.start()
    until(lambda: len(service.called("/action")) == 2)
    clock.advance(1)
    late = [host.visitor("anna").get(path) for path in ("/s/x/a", "/s/x/b")]
    assert early == []
    gate.set()
    for thread in threads:
        thread.join()
    assert "[nothing]" in late[0].text
    assert late[1].status_code == 403
    assert all("[gold]" in text for text in early)
    assert "[nothing]" in host.visitor("anna").get("/s/x/a").text


# What the service is told -----------------------------------------------------------------


def test_a_page_that_subscribers_share_names_their_labels_and_nobody(
    host: Host, service: FakeService, directory: Subscriptions
) -> None:
    """So the service can hold its rule; and each set of labels has a page of its own."""
    directory.subscribe("max", "platinum", HOUR)
    meta = {**GOLD, **ALL_DAY, "cache_by_user": False}
    service.action("/a", meta=meta, template="page {{ n }}", answer=numbered())
    pages = [host.visitor(name).get("/s/x/a").text for name in ("anna", "olga", "max")]
    assert ["page 1" in page for page in pages] == [True, True, False]
    told = [claims(call) for call in service.called("/action")]
    assert [(each["sub"], each["subs"]) for each in told] == [(None, ["gold"]), (None, ["platinum"])]


def test_the_label_that_opened_a_page_is_told_in_any_case(
    host: Host, service: FakeService, directory: Subscriptions
) -> None:
    """Others are left out of a context that would be too large; the service would refuse without this one."""
    for number in range(60):
        directory.subscribe("max", f"label {number:050}", HOUR)
    directory.subscribe("max", "gold", HOUR)
    service.action("/a", meta=GOLD, template="x", answer=numbered())
    service.action("/b", template="x", answer=numbered())
    for path in ("/s/x/a", "/s/x/b"):
        assert host.visitor("max").get(path).status_code == 200
    assert [claims(call)["subs"] for call in service.called("/action")] == [["gold"], []]


def test_the_host_announces_the_rule(host: Host, service: FakeService) -> None:
    """With every call, so that a service knows who holds it."""
    service.action("/a", meta=GOLD, template="x")
    host.visitor("anna").get("/s/x/a")
    said = {call.headers["x-plugit-protocol"] for call in service.calls}
    assert said == {"1; ext=fallback,only_subscription,template_language"}


def test_labels_are_told_in_every_way_until_they_end(
    host: Host, service: FakeService, clock: FakeClock, directory: Subscriptions
) -> None:
    """As repeated fields of query or form, in the context, in templates, by the API; then nowhere."""
    directory.subscribe("anna", "größe l", HOUR)
    meta = {"user_info": ["subscription_labels"]}
    template = "{{ ebuio_u.subscription_labels|join:'+' }} {% csrf_token %}"
    service.action("/a", meta=meta, template=template, answer={"n": 1})
    visitor = host.visitor("anna")
    api = {"Authorization": f"Bearer {KEY}"}
    for labels in (["gold", "größe l"], []):
        page = visitor.get("/s/x/a").text
        assert ("gold+größe l" in page) is bool(labels)
        call = service.called("/action")[-1]
        assert parse_qsl(call.query) == [(FIELD, label) for label in labels]
        assert claims(call)["subs"] == labels
        token = visitor.token("/s/x/a")
        visitor.post("/s/x/a", data={"csrfmiddlewaretoken": token, FIELD: "platinum"})
        fields = parse_qsl(service.called("/action")[-1].body.decode("utf-8"))
        assert [value for name, value in fields if name == FIELD] == labels
        assert visitor.get("/s/_api/x/subscriptions/7", headers=api).json == labels
        assert visitor.get("/s/_api/x/user/7", headers=api).json["subscription_labels"] == labels
        clock.advance(HOUR)


def test_a_service_in_pages_mode_is_told_in_a_header(
    make_host: MakeHost, service: FakeService, clock: FakeClock, directory: Subscriptions
) -> None:
    """It has no meta, and so no rule; it looks itself."""
    service.answer("/a", Reply(body="<p>a page</p>"))
    host = make_host(clock=clock, directory=directory, of_service={"mode": "pages"})
    directory.subscribe("anna", "silver", HOUR)
    told = []
    for _ in range(2):
        host.visitor("anna").get("/s/x/a")
        told.append(service.called("/a")[-1].headers["x-plugit-user-subscription-labels"])
        clock.advance(HOUR)
    assert told == ["gold,silver", ""]


@pytest.mark.parametrize("has_key", [True, False])
def test_a_service_of_the_sdk_holds_the_rule_with_the_host(
    make_host: MakeHost,
    serve: Callable[[Any], str],
    clock: FakeClock,
    directory: Subscriptions,
    has_key: bool,
) -> None:
    """Over a real connection: who may sees it, also a shared page; who may not is refused by the host."""

    @sdk.action("/a")
    @sdk.json_only()
    @sdk.only_subscription("gold")
    @sdk.cache(60, byUser=False)
    def answer(request: Any) -> dict[str, Any]:
        return {"said": "secret", "labels": list(request.plugit.subscriptions)}

    key = format_service_key(service_keys(load_secrets(SECRET), "x")) if has_key else None
    url = serve(sdk.ServiceApp(SimpleNamespace(answer=answer), key=key, clock=clock.time))
    host = make_host(url=url, clock=clock, directory=directory)
    for name in ("anna", "olga"):
        expected = ["gold"] if has_key else []
        assert json.loads(host.visitor(name).get("/s/x/a").text) == {"said": "secret", "labels": expected}
    assert host.visitor("max").get("/s/x/a").status_code == 403
    clock.advance(HOUR)
    assert host.visitor("anna").get("/s/x/a").status_code == 403


# The host is told of refusals -------------------------------------------------------------

Denied = list[tuple[str, str | None, str]]


@pytest.fixture
def denied() -> Denied:
    return []


@pytest.fixture
def told(make_host: MakeHost, denied: Denied) -> Callable[..., Host]:
    """Hosts that remember whom a rule refused."""

    def remember(reason: str, user: User | None, service: str) -> None:
        denied.append((reason, user and user.id, service))

    return lambda **options: make_host(on_denied=remember, **options)


@pytest.mark.parametrize(
    ("meta", "name", "expected"),
    [
        (GOLD, "anna", ("only_subscription", "7", "x")),
        (GOLD, "", ("only_subscription", None, "x")),
        ({"only_logged_user": True}, "", ("only_logged_user", None, "x")),
        ({"only_admin_user": True}, "max", ("only_admin_user", "8", "x")),
        ({"address_in_networks": ["10.9.0.0/16"]}, "anna", ("address_in_networks", "7", "x")),
        ({}, "anna", None),
    ],
)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_each_refusal_by_a_rule_is_told_once(
    told: Callable[..., Host],
    denied: Denied,
    service: FakeService,
    meta: dict[str, Any],
    name: str,
    expected: Any,
    accept: str,
) -> None:
    """Why, who, where; also of whom is sent to the login."""
    service.action("/a", meta=meta, template="x")
    told(login_url="/login").visitor(name).get("/s/x/a", headers={"Accept": accept})
    assert denied == ([] if expected is None else [expected])


def test_the_need_of_an_organization_is_told(
    told: Callable[..., Host], denied: Denied, service: FakeService
) -> None:
    service.action("/a", template="x")
    assert told(of_service={"organizations": True}).visitor("anna").get("/s/x/a").status_code == 403
    assert denied == [("no_orga_in_orgamode", "7", "x")]


def test_what_no_rule_refused_is_not_told(
    told: Callable[..., Host], denied: Denied, service: FakeService
) -> None:
    """An address that is none, a form without a token, a service that refuses itself."""
    service.action("/a", template="x", answer=Reply(status=403))
    visitor = told().visitor("anna")
    statuses = [visitor.get("/s/x/ebuio_x").status_code, visitor.post("/s/x/a").status_code]
    assert [*statuses, visitor.get("/s/x/a").status_code] == [404, 403, 403]
    assert denied == []


def test_a_mark_on_a_page_of_the_host_is_told_too(
    told: Callable[..., Host], denied: Denied, service: FakeService
) -> None:
    """Where nothing is shown in its place."""
    service.action("/a", meta=GOLD, template="secret")
    mark = FragmentMarks(SECRET)("/s/x/a", "for subscribers")

    def page(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [f"<html><head></head><body>{mark}</body></html>".encode()]

    answer = told(app=page, fragments=True).visitor("anna").get("/")
    assert answer.status_code == 200
    assert "secret" not in answer.text
    assert "for subscribers" in answer.text
    assert denied == [("only_subscription", "7", "x")]


def test_a_hook_that_fails_changes_nothing(
    make_host: MakeHost, service: FakeService, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the visitor gets the page of the refusal."""

    def broken(reason: str, user: User | None, service: str) -> None:
        raise RuntimeError("the shop is closed")

    service.action("/a", meta=GOLD, template="x")
    answer = make_host(on_denied=broken).visitor("anna").get("/s/x/a")
    assert answer.status_code == 403
    assert "<code>only_subscription</code>" in answer.text
    assert "shop" not in answer.text
    assert "on_denied failed" in caplog.text
    assert "the shop is closed" in caplog.text
