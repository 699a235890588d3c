"""Users, organizations, rights: values that cannot be wrong."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from plugit_wsgi.errors import ConfigError
from plugit_wsgi.people import NO_RIGHTS, Membership, Organization, Plan, Rights, Subscription, User, Visitor
from plugit_wsgi.wire.names import USER_FIELDS


@pytest.mark.parametrize(("given", "kept"), [("7", "7"), (7, "7"), (0, "0"), (-1, "-1"), (" ", " ")])
def test_ids_are_text(given: Any, kept: str) -> None:
    """Numbers of a database become text."""
    assert (User(given).id, Organization(given).id) == (kept, kept)


@pytest.mark.parametrize("given", ["", None])
def test_a_user_without_an_id_is_refused(given: Any) -> None:
    """Two of them would be one and the same."""
    with pytest.raises(ConfigError) as caught:
        User(given)
    assert caught.value.field == "User.id"


def test_a_user_cannot_be_changed() -> None:
    """Nor can what was given in change it."""
    extra = {"phone": "1"}
    user = User("7", extra=extra, groups=["a"], subscription_labels=["b"])  # type: ignore[arg-type]
    extra["phone"] = "2"
    assert (user.extra["phone"], user.groups, user.subscription_labels) == ("1", ("a",), ("b",))
    with pytest.raises(TypeError):
        user.extra["phone"] = "3"  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        user.admin = True  # type: ignore[misc]
    assert hash(user) == hash(User("7", extra={"x": 1}, groups=("a",), subscription_labels=("b",)))


@pytest.mark.parametrize(
    ("rights", "names"),
    [
        (NO_RIGHTS, ()),
        (Rights(member=True), ("member",)),
        (
            Rights(orga_admin=True, orga_member=True, admin=True, member=True),
            ("member", "admin", "orga_member", "orga_admin"),
        ),
    ],
)
def test_names_of_rights(rights: Rights, names: tuple[str, ...]) -> None:
    """In a fixed order: they are a part of cache keys."""
    assert rights.names() == names


ANNA = User("7", "anna", "Anna", "Ä", "anna@example.org", member=True, extra={"phone": "1", "id": "evil"})
VISITOR = Visitor(
    user=ANNA,
    rights=Rights(admin=True, orga_member=True),
    organization=Organization("1"),
    subscription_labels=("gold",),
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pk", "7"),
        ("id", "7"),
        ("username", "anna"),
        ("first_name", "Anna"),
        ("last_name", "Ä"),
        ("email", "anna@example.org"),
        ("ebuio_member", False),
        ("ebuio_admin", True),
        ("ebuio_orga_member", True),
        ("ebuio_orga_admin", False),
        ("subscription_labels", ["gold"]),
        ("phone", "1"),
        ("nothing", None),
        ("memberships", None),
        ("extra", None),
        ("__class__", None),
        ("groups", None),
        ("member", None),
    ],
)
def test_fields_of_a_visitor(name: str, value: object) -> None:
    """Those of the protocol and the extra ones; rights are the service's, not the user's own word."""
    assert VISITOR.field(name) == value


@pytest.mark.parametrize("name", [*USER_FIELDS, "phone"])
def test_fields_of_nobody(name: str) -> None:
    """No user, no rights."""
    value = Visitor().field(name)
    assert value in (None, False, [])


def test_membership_is_of_a_member_by_default() -> None:
    """Not of an administrator."""
    found = Membership(Organization("1"))
    assert (found.member, found.admin) == (True, False)


GOLD = Plan(id="gold", labels=("gold",), services=("polls",))
NOON = datetime(2027, 1, 15, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "user_id"),
        ({"user_id": "1", "organization_id": "1"}, "user_id"),
        ({"user_id": "1", "valid_from": datetime(2027, 1, 15)}, "valid_from"),
        ({"user_id": "1", "valid_until": date(2027, 1, 15)}, "valid_until"),
        ({"user_id": "1", "valid_until": "2027-01-15"}, "valid_until"),
        ({"user_id": "1", "valid_from": NOON, "valid_until": NOON}, "valid_until"),
    ],
)
def test_a_subscription_has_one_subscriber_and_moments_in_order(values: dict[str, Any], field: str) -> None:
    """A moment without a time zone would be another one on another machine."""
    with pytest.raises(ConfigError) as caught:
        Subscription(plan=GOLD, **values)
    assert caught.value.field == f"Subscription.{field}"


@pytest.mark.parametrize(
    ("service", "seconds", "is_valid"),
    [("polls", 0, True), ("polls", 9, True), ("polls", -1, False), ("polls", 10, False), ("notes", 0, False)],
)
def test_a_subscription_is_valid_from_its_first_moment_until_its_end(
    service: str, seconds: float, is_valid: bool
) -> None:
    """For the services of its plan; whatever time zone says the moments."""
    until = (NOON + timedelta(seconds=10)).astimezone(timezone(timedelta(hours=-8)))
    found = Subscription(plan=GOLD, user_id="1", valid_from=NOON, valid_until=until)
    assert found.is_valid(service, NOON.timestamp() + seconds) is is_valid
