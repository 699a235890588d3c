"""The portal's pages and its admin, and pages of a service in it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import IntegrityError, connection
from django.test import Client
from django.utils.timezone import now
from portal import environment, models
from portal.directory import PortalDirectory
from werkzeug.test import Client as Browser

from plugit_wsgi import Service
from plugit_wsgi.frameworks.django import plugit
from plugit_wsgi.testing.fake_service import FakeService

HOST = "127.0.0.1"
TEMPLATE = "<h1>The {{ what }}</h1>"


@pytest.fixture
def lisa() -> User:
    return User.objects.create_user("lisa", "lisa@example.org", "a good password", first_name="Lisa")


@pytest.fixture
def client(lisa: User) -> Client:
    """Lisa's browser, which sends forms as from a page of the site."""
    client = Client(HTTP_HOST=HOST)
    client.force_login(lisa)
    return client


@pytest.fixture
def manager() -> Client:
    """The browser of one who may enter the admin."""
    client = Client(HTTP_HOST=HOST)
    client.force_login(User.objects.create_superuser("ada"))
    return client


@pytest.fixture
def radio() -> models.Organization:
    return models.Organization.objects.create(name="Radio One")


@pytest.fixture
def gold() -> models.Plan:
    return models.Plan.objects.create(name="Gold", labels=["gold", "archive"], services=["polls"])


class Portal:
    """The whole application, with a service of the test's in it.

    Attributes:
        now: what time the directory thinks it is.
    """

    def __init__(self, url: str) -> None:
        self.now = now()
        directory = PortalDirectory(lambda: self.now)
        service = Service("polls", url)
        self.application = plugit(get_wsgi_application(), services=[service], directory=directory)

    def browser(self, client: Client) -> Browser:
        """Another window of somebody's browser."""
        browser = Browser(self.application)
        for name, morsel in client.cookies.items():
            browser.set_cookie(name, morsel.value, domain=HOST)
        return browser


@pytest.fixture
def portal(serve: Callable[[Any], str]) -> Portal:
    """With one page for whoever has a subscription, and one for anybody; the first is kept for an hour."""
    service = FakeService()
    paid = {"only_subscription": ["gold"], "cache_time": 3600}
    service.action("/archive", meta=paid, template=TEMPLATE, answer={"what": "archive"})
    service.action("/open", meta={}, template=TEMPLATE, answer={"what": "open page"})
    portal = Portal(serve(service))
    yield portal
    portal.application.close()


def open_page(browser: Browser, path: str) -> Any:
    answer = browser.get(path, base_url=f"http://{HOST}/", buffered=True)
    answer.request.environ["wsgi.input"].close()
    return answer


# -- Subscriptions and services


def test_a_subscription_that_the_admin_adds_opens_a_page(
    portal: Portal, client: Client, manager: Client, lisa: User, gold: models.Plan
) -> None:
    """Without one, the page leads to the plans, and the plans back."""
    browser = portal.browser(client)
    refused = open_page(browser, "/s/polls/archive")
    assert refused.status_code == 403
    link = html.unescape(re.search(r'href="(/billing[^"]*)"', refused.text)[1])
    plans = client.get(link)
    assert plans.status_code == 200
    assert "A page of polls needs a subscription." in plans.text
    assert "Opens the page you came from." in plans.text
    assert 'name="next" value="/s/polls/archive"' in plans.text
    form = {"plan": gold.pk, "user": lisa.pk, "organization": "", **when("valid_from", now())}
    added = manager.post("/admin/portal/subscription/add/", form)
    assert added.status_code == 302
    portal.now += timedelta(seconds=1)
    assert "The archive" in open_page(browser, "/s/polls/archive").text


def test_a_subscription_that_ends_at_midnight_is_none_after_it(
    portal: Portal, client: Client, lisa: User, gold: models.Plan
) -> None:
    """The page was kept, and is not shown any more; the subscription of another day opens it again."""
    midnight = datetime(2031, 1, 1, tzinfo=timezone.utc)
    portal.now = midnight - timedelta(seconds=1)
    lisa.subscriptions.create(plan=gold, valid_from=now(), valid_until=midnight)
    browser = portal.browser(client)
    assert "The archive" in open_page(browser, "/s/polls/archive").text
    portal.now = midnight
    refused = open_page(browser, "/s/polls/archive")
    assert refused.status_code == 403
    assert "The archive" not in refused.text
    lisa.subscriptions.create(plan=gold, valid_from=midnight)
    assert "The archive" in open_page(browser, "/s/polls/archive").text


def test_a_page_asks_the_directory_two_questions(
    portal: Portal, client: Client, lisa: User, radio: models.Organization, queries: Any
) -> None:
    """All others are of Django's login: the session and the account, whenever the site is asked something."""
    lisa.memberships.create(organization=radio)
    browser = portal.browser(client)
    open_page(browser, "/s/polls/open")
    with queries() as asked:
        assert "The open page" in open_page(browser, "/s/polls/open").text
    found = [sql for sql in asked if "PRAGMA" not in sql]
    of_login = [sql for sql in found if "django_session" in sql or '"auth_user"."password"' in sql]
    assert len(found) - len(of_login) == 2
    assert len(of_login) == 4


# -- The plans


def subscribe(client: Client, plan: models.Plan, **more: Any) -> Any:
    return client.post("/billing", {"plan": plan.pk, "next": "", **more})


@pytest.mark.parametrize(
    ("target", "reached"),
    [
        ("/s/polls/archive?a=b", "/s/polls/archive?a=b"),
        ("", "/account"),
        ("https://evil.example/", "/account"),
        ("//evil.example/", "/account"),
        ("/\\evil.example", "/account"),
        ("javascript:alert(1)", "/account"),
    ],
)
def test_one_click_subscribes_and_returns(
    client: Client, lisa: User, gold: models.Plan, target: str, reached: str
) -> None:
    """To a page of ours and nowhere else; for as many days as the plan says."""
    answer = subscribe(client, gold, next=target)
    assert (answer.status_code, answer["Location"]) == (302, reached)
    (made,) = lisa.subscriptions.all()
    assert made.plan == gold
    assert made.valid_until - made.valid_from == timedelta(days=30)


@pytest.mark.parametrize(("days", "told"), [(1, "for 1 day."), (30, "for 30 days.")])
def test_the_click_is_answered(client: Client, lisa: User, gold: models.Plan, days: int, told: str) -> None:
    """With how long it is for."""
    gold.days = days
    gold.save()
    subscribe(client, gold)
    assert f"Subscribed to Gold {told}" in client.get("/account").text


def test_a_second_click_is_no_second_subscription(client: Client, lisa: User, gold: models.Plan) -> None:
    subscribe(client, gold)
    subscribe(client, gold)
    assert lisa.subscriptions.count() == 1
    page = client.get("/billing").text
    assert "You have it until" in page
    assert "Subscribe for" not in page


def test_administrators_subscribe_for_their_organization(
    client: Client, lisa: User, radio: models.Organization, gold: models.Plan
) -> None:
    """Once; members do not, and the button is not shown to them."""
    membership = lisa.memberships.create(organization=radio)
    assert "For Radio One" not in client.get("/billing").text
    assert subscribe(client, gold, organization=radio.pk).status_code == 404
    membership.admin = True
    membership.save()
    assert "For Radio One" in client.get("/billing").text
    assert subscribe(client, gold, organization=radio.pk).status_code == 302
    assert subscribe(client, gold, organization=radio.pk).status_code == 302
    assert radio.subscriptions.count() == 1
    assert lisa.subscriptions.count() == 0


def test_what_an_organization_has_is_told_to_its_members(
    client: Client, lisa: User, radio: models.Organization, gold: models.Plan
) -> None:
    """They need not pay twice; and not to those who only look in, nor after its end."""
    membership = lisa.memberships.create(organization=radio, member=False)
    shared = models.Subscription.begun(gold, organization=radio)
    assert "Radio One has it" not in client.get("/billing").text
    membership.member = True
    membership.save()
    assert "Radio One has it until" in client.get("/billing").text
    shared.valid_until = now()
    shared.save()
    assert "Radio One has it" not in client.get("/billing").text


@pytest.mark.parametrize("plan", ["", "0", "9" * 40, "x"])
def test_a_plan_that_is_not_there_is_not_found(client: Client, plan: str) -> None:
    assert client.post("/billing", {"plan": plan}).status_code == 404


def test_a_subscription_needs_the_token_and_a_login(lisa: User, gold: models.Plan) -> None:
    """Nobody subscribes in a visitor's name."""
    strict = Client(enforce_csrf_checks=True, HTTP_HOST=HOST)
    assert subscribe(strict, gold).status_code == 403
    strict.force_login(lisa)
    assert subscribe(strict, gold).status_code == 403
    loose = Client(HTTP_HOST=HOST)
    assert subscribe(loose, gold)["Location"] == "/login?next=/billing"
    assert models.Subscription.objects.count() == 0


# -- Home, account, login


def test_home_opens_what_one_may_use(client: Client, lisa: User, radio: models.Organization) -> None:
    """Notes are for organizations, and for those that may use them."""
    assert 'href="/s/notes/"' in Client(HTTP_HOST=HOST).get("/").text
    assert 'href="/s/polls/"' in client.get("/").text
    assert 'href="/s/notes/"' not in client.get("/").text
    membership = lisa.memberships.create(organization=radio)
    assert 'href="/s/notes/"' in client.get("/").text
    membership.organization.services = ["polls"]
    membership.organization.save()
    assert 'href="/s/notes/"' not in client.get("/").text


def test_the_account_tells_what_one_has(
    client: Client, lisa: User, radio: models.Organization, gold: models.Plan
) -> None:
    """Organizations, and subscriptions with their dates; nothing of anybody else."""
    lisa.memberships.create(organization=radio, admin=True)
    lisa.service_rights.create(service="polls")
    begin, end = (datetime(2026, month, 1, 8, 30, tzinfo=timezone.utc) for month in (1, 2))
    lisa.subscriptions.create(plan=gold, valid_from=begin, valid_until=end)
    radio.subscriptions.create(plan=gold, valid_from=begin)
    other = User.objects.create_user("other")
    secret = models.Plan.objects.create(name="Of another", labels=["x"])
    other.subscriptions.create(plan=secret)
    page = " ".join(re.sub(r"<[^>]*>", " ", client.get("/account").text).split())
    assert "Radio One: administrator" in page
    assert "polls: member" in page
    assert "Gold yourself 2026-01-01 08:30 2026-02-01 08:30 (ended)" in page
    assert "Gold Radio One 2026-01-01 08:30 no end" in page
    assert "Of another" not in page


@pytest.mark.parametrize("path", ["/account", "/billing", "/password", "/admin/"])
def test_own_pages_need_a_login(path: str) -> None:
    answer = Client(HTTP_HOST=HOST).get(path)
    assert answer.status_code == 302
    assert "/login" in answer["Location"]


def test_a_new_password_logs_other_browsers_out(client: Client, lisa: User) -> None:
    """The old one has to be known, and the new one has to be a good one."""
    other = Client(HTTP_HOST=HOST)
    other.force_login(lisa)
    new = "tea and scones at five"
    form = {"old_password": "a good password", "new_password1": new, "new_password2": new}
    for wrong in (
        {"old_password": "?"},
        {"new_password2": "?"},
        dict.fromkeys(("new_password1", "new_password2"), "1"),
    ):
        assert errors(client.post("/password", {**form, **wrong}))
    assert client.post("/password", form)["Location"] == "/account"
    assert "You have a new password." in client.get("/account").text
    assert other.get("/account").status_code == 302
    assert client.login(username="lisa", password=new)


def test_a_link_does_not_log_out(client: Client) -> None:
    """Another site could have it in a picture."""
    assert client.get("/logout").status_code == 405
    assert client.get("/account").status_code == 200


# -- The admin


def when(name: str, moment: datetime | None) -> dict[str, str]:
    """A time, as the two fields of the admin have it."""
    if moment is None:
        return {f"{name}_0": "", f"{name}_1": ""}
    return {f"{name}_0": f"{moment:%Y-%m-%d}", f"{name}_1": f"{moment:%H:%M:%S}"}


def inlines(**tables: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows of tables in a form."""
    found: dict[str, Any] = {}
    for name in ("memberships", "service_rights", "subscriptions"):
        rows = tables.get(name, [])
        old = sum("id" in row for row in rows)
        found |= {f"{name}-TOTAL_FORMS": len(rows), f"{name}-INITIAL_FORMS": old}
        for number, row in enumerate(rows):
            found |= {f"{name}-{number}-{field}": value for field, value in row.items()}
    return found


def errors(answer: Any) -> str:
    """What a form says is wrong."""
    assert answer.status_code == 200
    return html.unescape(" ".join(re.findall(r'<ul class="errorlist[^>]*>(.*?)</ul>', answer.text, re.S)))


MODELS = ("portal/organization", "portal/plan", "portal/servicerights", "portal/subscription", "auth/user")


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_forms_of_the_admin_open(
    manager: Client, lisa: User, radio: models.Organization, gold: models.Plan, model: str
) -> None:
    """With something in each; search and filters too."""
    lisa.memberships.create(organization=radio)
    lisa.service_rights.create(service="polls")
    lisa.subscriptions.create(plan=gold)
    app, name = model.split("/")
    kind = {"auth": User}.get(app) or next(
        each for each in vars(models).values() if getattr(each, "__name__", "").lower() == name
    )
    for path in ("", "?q=lisa", "add/", f"{kind.objects.first().pk}/change/"):
        assert manager.get(f"/admin/{model}/{path}").status_code == 200, path


@pytest.mark.parametrize(("holds", "count"), [("now", 2), ("later", 1), ("ended", 1), ("", 4)])
def test_subscriptions_are_filtered_by_when_they_hold(
    manager: Client, lisa: User, gold: models.Plan, holds: str, count: int
) -> None:
    day = timedelta(days=1)
    for begin, end in ((-2, -1), (-1, 1), (-1, None), (1, 2)):
        until = None if end is None else now() + end * day
        lisa.subscriptions.create(plan=gold, valid_from=now() + begin * day, valid_until=until)
    page = manager.get(f"/admin/portal/subscription/?holds={holds}").text
    assert f"{count} subscription" in page


@pytest.mark.parametrize(
    ("who", "days", "error"),
    [
        ({"user", "organization"}, 1, "of a user or of an organization: choose one"),
        (set(), 1, "of a user or of an organization: choose one"),
        ({"user"}, 0, "ends after it began"),
        ({"organization"}, -1, "ends after it began"),
    ],
)
def test_a_subscription_that_makes_no_sense_is_refused_with_words(
    manager: Client,
    lisa: User,
    radio: models.Organization,
    gold: models.Plan,
    who: set[str],
    days: int,
    error: str,
) -> None:
    """In the admin, and by the database itself."""
    begin = now().replace(microsecond=0)
    end = begin + timedelta(days=days)
    subscribers = {"user": lisa, "organization": radio}
    chosen = {name: subscribers[name] if name in who else None for name in subscribers}
    form = {name: "" if each is None else each.pk for name, each in chosen.items()}
    answer = manager.post(
        "/admin/portal/subscription/add/",
        {"plan": gold.pk, **form, **when("valid_from", begin), **when("valid_until", end)},
    )
    assert error in errors(answer)
    with pytest.raises(IntegrityError):
        models.Subscription.objects.create(plan=gold, **chosen, valid_from=begin, valid_until=end)


def test_somebody_gets_everything_on_one_page(
    manager: Client, lisa: User, radio: models.Organization, gold: models.Plan
) -> None:
    """A place in an organization, rights on a service, a subscription."""
    fields = {"username": "lisa", "is_active": "on", **when("last_login", None), **when("date_joined", now())}
    rows = inlines(
        memberships=[{"organization": radio.pk, "member": "on", "admin": "on"}],
        service_rights=[{"service": "polls", "member": "on"}],
        subscriptions=[{"plan": gold.pk, **when("valid_from", now()), **when("valid_until", None)}],
    )
    answer = manager.post(f"/admin/auth/user/{lisa.pk}/change/", {**fields, **rows})
    assert answer.status_code == 302, errors(answer)
    directory = PortalDirectory(lambda: now() + timedelta(minutes=1))
    rights, (membership,), labels = directory.visitor(str(lisa.pk), "polls")
    assert (rights.names(), membership.admin, labels) == (("member",), True, ("gold", "archive"))
    twice = inlines(
        service_rights=[{"service": "polls", "member": "on"}, {"service": "polls", "admin": "on"}]
    )
    answer = manager.post(f"/admin/auth/user/{lisa.pk}/change/", {**fields, **twice})
    assert errors(answer)  # Django's own words, which differ between its releases
    assert lisa.service_rights.count() == 1
    answer = manager.post(
        "/admin/portal/servicerights/add/", {"user": lisa.pk, "service": "polls", "member": "on"}
    )
    assert "has rights on this service already" in errors(answer)


def test_rights_are_for_services_that_are_mounted(manager: Client, lisa: User) -> None:
    """And kept for one that was mounted before."""
    kept = lisa.service_rights.create(service="gone")
    page = manager.get(f"/admin/portal/servicerights/{kept.pk}/change/").text
    assert '<option value="gone" selected>gone (not mounted)</option>' in page
    form = {"user": lisa.pk, "service": "gone", "admin": "on"}
    assert manager.post(f"/admin/portal/servicerights/{kept.pk}/change/", form).status_code == 302
    added = manager.post("/admin/portal/servicerights/add/", {**form, "service": "elsewhere"})
    assert "elsewhere is not one of the available choices" in errors(added)


def test_an_organization_may_use_some_services(manager: Client) -> None:
    form = {"name": "Radio Three", "codops": "chrts", "services": ["notes"]}
    answer = manager.post("/admin/portal/organization/add/", {**form, **inlines()})
    assert answer.status_code == 302, errors(answer)
    found = PortalDirectory().organizations("notes")
    assert [(each.name, each.codops) for each in found] == [("Radio Three", "chrts")]
    assert PortalDirectory().organizations("polls") == ()
    wrong = {**form, "name": "Radio Four", "codops": "CH RTS"}
    answer = manager.post("/admin/portal/organization/add/", {**wrong, **inlines()})
    assert "Small letters and digits only" in errors(answer)


def test_labels_of_a_plan_are_typed_as_words(manager: Client) -> None:
    form = {"name": "Silver", "labels": " silver  archive silver ", "days": "7"}
    assert manager.post("/admin/portal/plan/add/", form).status_code == 302
    made = models.Plan.objects.get()
    assert (made.labels, made.services, made.days) == (["silver", "archive"], [], 7)
    assert 'value="silver archive"' in manager.get(f"/admin/portal/plan/{made.pk}/change/").text
    for wrong, error in (
        ({"labels": " "}, "This field is required"),
        ({"days": "0"}, "greater than or"),
        ({"days": "9999999"}, "less than or"),
    ):
        answer = manager.post("/admin/portal/plan/add/", {**form, "name": "Other", **wrong})
        assert error in errors(answer)
    with pytest.raises(ValidationError):
        models.Plan(name="By code", labels=["two words"]).full_clean()


def test_a_plan_that_somebody_has_is_not_deleted(manager: Client, lisa: User, gold: models.Plan) -> None:
    lisa.subscriptions.create(plan=gold)
    manager.post(f"/admin/portal/plan/{gold.pk}/delete/", {"post": "yes"})
    assert models.Plan.objects.filter(pk=gold.pk).exists()


def test_who_is_no_manager_stays_outside(client: Client) -> None:
    for model in MODELS:
        assert client.get(f"/admin/{model}/").status_code == 302


# -- Settings


def test_the_migrations_are_those_of_the_models() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_the_example_people_come_into_an_empty_database_alone(lisa: User) -> None:
    """Whoever has people of their own gets no others."""
    settings.EXAMPLE_PASSWORD = "everybody knows it"
    try:
        call_command("prepare")
        assert [*User.objects.values_list("username", flat=True)] == ["lisa"]
        lisa.delete()
        call_command("prepare")
        assert sorted(User.objects.values_list("username", flat=True)) == ["ada", "lisa", "max"]
        User.objects.all().delete()
        settings.EXAMPLE_PASSWORD = ""
        call_command("prepare")
        assert not User.objects.exists()
    finally:
        settings.EXAMPLE_PASSWORD = ""


def test_the_password_of_the_readme_is_for_development_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """A database that was tried out, and is used for real then, has no administrator whom everybody knows."""
    User.objects.create_superuser("ada", password=settings.DEVELOPMENT_PASSWORD)
    User.objects.create_user("max", password="another one")
    call_command("prepare")
    assert not Client().login(username="ada", password=settings.DEVELOPMENT_PASSWORD)
    assert Client().login(username="max", password="another one")
    assert capsys.readouterr().err.splitlines() == [
        "ada had the password of the README, and can log in no more"
    ]


def test_postgresql_is_named_by_a_url() -> None:
    found = environment.database("postgresql://me:p%40ss@db.example:5433/radio?sslmode=require", Path("x"))
    names = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")
    assert [found[name] for name in names] == [
        "django.db.backends.postgresql",
        "radio",
        "me",
        "p@ss",
        "db.example",
        5433,
        {"sslmode": "require"},
    ]
    assert environment.database("", Path("x"))["NAME"] == Path("x")


@pytest.mark.parametrize("url", ["mysql://me:p4ssw0rd@db/radio", "postgresql://me:p4ssw0rd@db/", "p4ssw0rd"])
def test_another_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL") as caught:
        environment.database(url, Path("x"))
    assert "p4ssw0rd" not in str(caught.value)


def test_options_of_services() -> None:
    """What a mount is told, and what it does not know."""
    first, second = environment.services("a=http://127.0.0.1:1 b=http://127.0.0.1:2;orga;apikey;anyone")
    assert (first.organizations, first.api_key_in_url, first.mail_to) == (False, False, "known")
    assert (second.organizations, second.api_key_in_url, second.mail_to) == (True, True, "anyone")
    with pytest.raises(ImproperlyConfigured, match=r"orgs.*orga, apikey, anyone"):
        [*environment.services("a=http://127.0.0.1:1;orgs")]


def test_the_database_is_as_the_settings_say() -> None:
    """Of the two that these tests run on."""
    assert (connection.vendor == "postgresql") == bool(settings.DATABASE_URL)
