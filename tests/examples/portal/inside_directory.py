"""The portal's directory, over its models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from portal import models
from portal.directory import PortalDirectory

import plugit_wsgi
from plugit_wsgi import Rights
from plugit_wsgi.clock import Clock
from plugit_wsgi.directory import People
from plugit_wsgi.interfaces import BatchDirectory
from plugit_wsgi.testing import directory_contract as contract

EVER = datetime(1970, 1, 1, tzinfo=timezone.utc)
NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
NUMBERS = {"yan@example.org": "21", "film": "22"}
"""What has a number here, since primary keys are numbers, and other ids in the contract."""
TEXTS = {number: text for text, number in NUMBERS.items()}


def number(text: str) -> str:
    return NUMBERS.get(text, text)


class Renamed:
    """A directory whose people and organizations are called as in the contract."""

    def __init__(self, directory: PortalDirectory) -> None:
        self._directory = directory

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._directory, name)

        def asked(*arguments: str | None) -> Any:
            return _in_texts(method(*(each if each is None else number(each) for each in arguments)))

        return asked


def _in_texts(found: Any) -> Any:
    if isinstance(found, (tuple, list)):
        return tuple(_in_texts(each) for each in found)
    if isinstance(found, plugit_wsgi.Membership):
        return replace(found, organization=_in_texts(found.organization))
    if isinstance(found, (plugit_wsgi.User, plugit_wsgi.Organization)):
        return replace(found, id=TEXTS.get(found.id, found.id))
    return found


def fill(people: People) -> None:
    """Puts people of the contract into the models."""
    for organization in people.organizations:
        models.Organization.objects.create(
            pk=number(organization.id),
            name=organization.name,
            codops=organization.codops,
            services=[
                service
                for service in ("polls", "notes", "archive", "closed", "unheard-of")
                if organization.id in people.service_organizations.get(service, (organization.id,))
            ],
        )
    for user in people.users:
        names = {name: getattr(user, name) for name in ("username", "first_name", "last_name", "email")}
        account = User.objects.create(pk=number(user.id), **names)
        for membership in user.memberships:
            account.memberships.create(
                organization_id=number(membership.organization.id),
                member=membership.member,
                admin=membership.admin,
            )
        account.groups.set([Group.objects.get_or_create(name=name)[0] for name in user.groups])
    for service, granted in people.rights.items():
        for user_id, each in granted.items():
            grant(number(user_id), service, member=each.member, admin=each.admin)
    for held in people.dated_subscriptions:
        subscribe(
            plan(*held.plan.labels, services=held.plan.services or ()),
            user_id=held.user_id and number(held.user_id),
            organization_id=held.organization_id and number(held.organization_id),
            valid_from=held.valid_from or EVER,
            valid_until=held.valid_until,
        )


class TestPortalDirectory(contract.DirectoryContract):
    """On whatever database the portal has."""

    def make_directory(self, people: People, clock: Clock) -> Any:
        fill(people)
        return Renamed(PortalDirectory(lambda: datetime.fromtimestamp(clock.time(), timezone.utc)))


# -- What is the portal's own


def grant(user_id: object, service: str, **rights: bool) -> None:
    models.ServiceRights.objects.create(user_id=user_id, service=service, **rights)


def plan(*labels: str, services: Sequence[str] = ()) -> models.Plan:
    count = models.Plan.objects.count()
    return models.Plan.objects.create(name=f"Plan {count}", labels=[*labels], services=[*services])


def subscribe(plan: models.Plan, **more: Any) -> models.Subscription:
    return models.Subscription.objects.create(plan=plan, **{"valid_from": NOON, **more})


@pytest.fixture
def zoe() -> User:
    return User.objects.create_user("zoe")


@pytest.fixture
def radio() -> models.Organization:
    return models.Organization.objects.create(name="Radio", services=["polls"])


def at(now: datetime) -> PortalDirectory:
    return PortalDirectory(now=lambda: now)


def test_a_page_takes_two_queries(queries: Any, zoe: User, radio: models.Organization) -> None:
    """However many organizations and subscriptions there are; nobody takes none, others take one."""
    for number in range(5):
        other = models.Organization.objects.create(name=f"Radio {number}")
        zoe.memberships.create(organization=other)
        subscribe(plan(f"label-{number}"), organization=other)
    directory = PortalDirectory()
    found: list[int] = []
    for name, arguments in (
        ("visitor", (str(zoe.pk), "polls")),
        ("visitor", (None, "polls")),
        ("user", (str(zoe.pk),)),
        ("organization", (str(radio.pk),)),
        ("organizations", ("polls",)),
        ("members", ("polls",)),
        ("subscription_labels", (str(zoe.pk), "polls")),
        ("groups", (str(zoe.pk),)),
    ):
        connection.ensure_connection()
        with queries() as asked:
            getattr(directory, name)(*arguments)
        found.append(len([sql for sql in asked if "PRAGMA" not in sql]))
    assert found == [2, 0, 1, 1, 1, 1, 1, 1]
    assert len(directory.visitor(str(zoe.pk), "polls")[2]) == 5


def test_an_organization_that_may_not_use_a_service_is_none_of_it(
    zoe: User, radio: models.Organization
) -> None:
    """Neither in the lists of the service, nor by its subscriptions."""
    zoe.memberships.create(organization=radio, admin=True)
    subscribe(plan("gold"), organization=radio)
    directory = at(NOON)
    ((membership,), labels) = directory.visitor(str(zoe.pk), "polls")[1:]
    assert (membership.organization.name, membership.admin, labels) == ("Radio", True, ("gold",))
    assert [each.name for each in directory.organizations("polls")] == ["Radio"]
    assert directory.visitor(str(zoe.pk), "notes") == (Rights(), (), ())
    assert directory.organizations("notes") == ()
    assert directory.subscription_labels(str(zoe.pk), "notes") == ()


@pytest.mark.parametrize(("member", "labels"), [(True, ("gold",)), (False, ())])
def test_a_subscription_of_an_organization_is_one_of_its_members(
    zoe: User, radio: models.Organization, member: bool, labels: tuple[str, ...]
) -> None:
    """Not of those who only look in."""
    zoe.memberships.create(organization=radio, member=member)
    subscribe(plan("gold"), organization=radio)
    assert at(NOON).visitor(str(zoe.pk), "polls")[2] == labels
    assert at(NOON).subscription_labels(str(zoe.pk), "polls") == labels


@pytest.mark.parametrize(
    ("now", "labels"),
    [
        (NOON - SECOND, ()),
        (NOON, ("gold", "early")),
        (MIDNIGHT - SECOND, ("gold", "early")),
        (MIDNIGHT, ("early",)),
        (MIDNIGHT + 400 * timedelta(days=1), ("early",)),
    ],
)
def test_a_subscription_holds_from_its_beginning_and_ends_at_its_end(
    zoe: User, now: datetime, labels: tuple[str, ...]
) -> None:
    """One that ends at midnight is none at midnight; one without an end stays."""
    subscribe(plan("gold"), user=zoe, valid_until=MIDNIGHT)
    subscribe(plan("early", "gold" if now < MIDNIGHT else "early"), user=zoe)
    assert at(now).subscription_labels(str(zoe.pk), "polls") == labels
    assert at(now).visitor(str(zoe.pk), "polls")[2] == labels


def test_who_was_switched_off_is_nobody(zoe: User, radio: models.Organization) -> None:
    """Also for a service that still has the id."""
    zoe.memberships.create(organization=radio)
    grant(zoe.pk, "polls", member=True)
    subscribe(plan("gold"), organization=radio)
    User.objects.filter(pk=zoe.pk).update(is_active=False)
    directory = at(NOON)
    assert directory.visitor(str(zoe.pk), "polls") == (Rights(), (), ())
    assert directory.user(str(zoe.pk)) is None
    assert directory.members("polls") == ()
    assert directory.subscription_labels(str(zoe.pk), "polls") == ()


def test_superusers_have_all_rights_on_each_service(zoe: User) -> None:
    """And are among the members of each, once."""
    root = User.objects.create_superuser("root")
    for service in ("polls", "notes"):
        grant(root.pk, service, member=True)
        grant(zoe.pk, service, member=False, admin=True)
    directory = PortalDirectory()
    assert directory.visitor(str(root.pk), "weather")[0] == Rights(member=True, admin=True)
    assert directory.visitor(str(zoe.pk), "polls")[0] == Rights(admin=True)
    for service in ("polls", "weather"):
        assert [user.username for user in directory.members(service)] == ["root"]


def test_many_are_told_in_as_many_queries_as_one(queries: Any, radio: models.Organization, zoe: User) -> None:
    """To each what is theirs, also of an organization that they share."""
    yan = User.objects.create_user("yan")
    gold, silver = plan("gold"), plan("silver")
    for user in (zoe, yan):
        user.memberships.create(organization=radio)
    subscribe(gold, organization=radio)
    subscribe(silver, user=yan)
    zoe.groups.set([Group.objects.create(name=name) for name in ("testers", "editors")])
    directory, ids = at(NOON), [str(zoe.pk), str(yan.pk), "999999", "nobody"]
    with queries() as asked:
        found = directory.visitors(ids, "polls")
        groups = directory.groups_of(ids)
    assert len([sql for sql in asked if "PRAGMA" not in sql]) == 3
    assert {user_id: told[2] for user_id, told in found.items()} == {
        str(zoe.pk): ("gold",),
        str(yan.pk): ("gold", "silver"),
    }
    assert found == {user_id: directory.visitor(user_id, "polls") for user_id in ids[:2]}
    assert groups == {str(zoe.pk): ("editors", "testers")}
    assert isinstance(directory, BatchDirectory)


@pytest.mark.parametrize(
    ("address", "known"), [("ZOE@example.org", True), ("yan@example.org", False), ("", False)]
)
def test_a_service_may_write_to_whoever_has_an_account(address: str, known: bool) -> None:
    """In whatever case; not to one that was switched off, or to nobody."""
    User.objects.create_user("zoe", "zoe@example.org")
    User.objects.create_user("yan", "yan@example.org", is_active=False)
    User.objects.create_user("without")
    assert PortalDirectory().knows_email(address, "polls") == known


@pytest.mark.parametrize("text", ["0", "-1", "٣", "9" * 18, "9" * 5000, "1.0", " 1", "\x00", "\ud800"])
def test_what_is_no_key_is_nobodys(text: str) -> None:
    """No error of the database, whatever a service asks for."""
    directory = PortalDirectory()
    assert directory.visitor(text, "polls") == (Rights(), (), ())
    assert directory.user(text) is None
    assert directory.organization(text) is None
    assert directory.groups(text) == ()


def test_no_connection_stays_open(zoe: User) -> None:
    """While a service works, none of the database's waits for it."""
    directory = PortalDirectory()
    for ask in (lambda: directory.visitor(str(zoe.pk), "polls"), lambda: directory.members("polls")):
        connection.ensure_connection()
        ask()
        assert connection.connection is None
