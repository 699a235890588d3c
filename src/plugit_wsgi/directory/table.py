"""People in a TOML file: every key is known, or named in an error."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

from ..config import checked_table, read_toml
from ..people import Membership, Organization, Rights, User
from .book import People
from .fields import flag_of, id_of, known_id, table_of, tables_of, text_of, texts
from .plans import read_service_organizations, read_subscriptions

_ORGANIZATION_KEYS = ("id", "name", "codops")
_KEYS = ("users", "organizations", "plans", "subscriptions", "services")
_FLAGS = ("member", "admin")
_USER_KEYS = (
    *("id", "username", "first_name", "last_name", "email", "member", "admin", "groups", "extra"),
    *("subscription_labels", "organizations", "rights", "subscriptions"),
)


def read_people(path: str | PathLike[str]) -> People:
    """Reads a file.

    Raises:
        ConfigError: it cannot be read, has a key that does not exist, or a value of the wrong kind.
    """
    values = checked_table(read_toml(path), "", _KEYS)
    organizations = [_organization(table, where) for table, where in tables_of(values, "organizations")]
    by_id = {organization.id: organization for organization in organizations}
    users: list[User] = []
    rights: dict[str, dict[str, Rights]] = {}
    subscriptions: dict[str, dict[str, tuple[str, ...]]] = {}
    for table, where in tables_of(values, "users"):
        known = checked_table(table, where, _USER_KEYS)
        user = _user(known, where, by_id)
        users.append(user)
        for service, grant in table_of(known, "rights", where).items():
            rights.setdefault(service, {})[user.id] = _rights(grant, f"{where}.rights.{service}")
        for service, labels in table_of(known, "subscriptions", where).items():
            found = texts(labels, f"{where}.subscriptions.{service}")
            subscriptions.setdefault(service, {})[user.id] = found
    return People(
        users=tuple(users),
        organizations=tuple(organizations),
        rights=rights,
        subscriptions=subscriptions,
        dated_subscriptions=read_subscriptions(values, {user.id for user in users}, by_id),
        service_organizations=read_service_organizations(values, by_id),
    )


def _organization(table: Any, where: str) -> Organization:
    known = checked_table(table, where, _ORGANIZATION_KEYS)
    return Organization(id_of(known, where), text_of(known, "name", where), text_of(known, "codops", where))


def _user(known: Mapping[str, Any], where: str, organizations: Mapping[str, Organization]) -> User:
    memberships = tuple(
        _membership(table, place, organizations) for table, place in tables_of(known, "organizations", where)
    )
    return User(
        id_of(known, where),
        username=text_of(known, "username", where),
        first_name=text_of(known, "first_name", where),
        last_name=text_of(known, "last_name", where),
        email=text_of(known, "email", where),
        member=flag_of(known, "member", where),
        admin=flag_of(known, "admin", where),
        memberships=memberships,
        subscription_labels=texts(known.get("subscription_labels", []), f"{where}.subscription_labels"),
        groups=texts(known.get("groups", []), f"{where}.groups"),
        extra=table_of(known, "extra", where),
    )


def _membership(table: Any, where: str, organizations: Mapping[str, Organization]) -> Membership:
    known = checked_table(table, where, ("id", *_FLAGS))
    organization_id = known_id(known.get("id"), f"{where}.id", organizations, "organizations")
    member = flag_of(known, "member", where, default=True)
    return Membership(organizations[organization_id], admin=flag_of(known, "admin", where), member=member)


def _rights(table: Any, where: str) -> Rights:
    known = checked_table(table, where, _FLAGS)
    return Rights(member=flag_of(known, "member", where), admin=flag_of(known, "admin", where))
