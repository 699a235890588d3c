"""People in a TOML file: every key is known, or named in an error."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

from ..config import checked_table, read_toml
from ..errors import ConfigError
from ..people import Membership, Organization, Rights, User

_ORGANIZATION_KEYS = ("id", "name", "codops")
_FLAGS = ("member", "admin")
_USER_KEYS = (
    *("id", "username", "first_name", "last_name", "email", "member", "admin", "groups", "extra"),
    *("subscription_labels", "organizations", "rights", "subscriptions"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """What a file says. Immutable. The fields are the arguments of `StaticDirectory`."""

    users: tuple[User, ...]
    organizations: tuple[Organization, ...]
    rights: Mapping[str, Mapping[str, Rights]]
    subscriptions: Mapping[str, Mapping[str, tuple[str, ...]]]


def read_people(path: str | PathLike[str]) -> People:
    """Reads a file.

    Raises:
        ConfigError: it cannot be read, has a key that does not exist, or a value of the wrong kind.
    """
    values = checked_table(read_toml(path), "", ("users", "organizations"))
    organizations = [_organization(table, where) for table, where in _tables(values, "organizations")]
    by_id = {organization.id: organization for organization in organizations}
    users: list[User] = []
    rights: dict[str, dict[str, Rights]] = {}
    subscriptions: dict[str, dict[str, tuple[str, ...]]] = {}
    for table, where in _tables(values, "users"):
        known = checked_table(table, where, _USER_KEYS)
        user = _user(known, where, by_id)
        users.append(user)
        for service, grant in _table(known, "rights", where).items():
            rights.setdefault(service, {})[user.id] = _rights(grant, f"{where}.rights.{service}")
        for service, labels in _table(known, "subscriptions", where).items():
            found = _texts(labels, f"{where}.subscriptions.{service}")
            subscriptions.setdefault(service, {})[user.id] = found
    return People(
        users=tuple(users),
        organizations=tuple(organizations),
        rights=rights,
        subscriptions=subscriptions,
    )


def _organization(table: Any, where: str) -> Organization:
    known = checked_table(table, where, _ORGANIZATION_KEYS)
    return Organization(_id(known, where), _text(known, "name", where), _text(known, "codops", where))


def _user(known: Mapping[str, Any], where: str, organizations: Mapping[str, Organization]) -> User:
    memberships = tuple(
        _membership(table, place, organizations) for table, place in _tables(known, "organizations", where)
    )
    return User(
        _id(known, where),
        username=_text(known, "username", where),
        first_name=_text(known, "first_name", where),
        last_name=_text(known, "last_name", where),
        email=_text(known, "email", where),
        member=_flag(known, "member", where),
        admin=_flag(known, "admin", where),
        memberships=memberships,
        subscription_labels=_list(known, "subscription_labels", where),
        groups=_list(known, "groups", where),
        extra=_table(known, "extra", where),
    )


def _membership(table: Any, where: str, organizations: Mapping[str, Organization]) -> Membership:
    known = checked_table(table, where, ("id", *_FLAGS))
    organization_id = _id(known, where)
    if organization_id not in organizations:
        raise ConfigError(f"{where}.id", organization_id, "the id of one of the [[organizations]]")
    member = _flag(known, "member", where, default=True)
    return Membership(organizations[organization_id], admin=_flag(known, "admin", where), member=member)


def _rights(table: Any, where: str) -> Rights:
    known = checked_table(table, where, _FLAGS)
    return Rights(member=_flag(known, "member", where), admin=_flag(known, "admin", where))


def _tables(values: Mapping[str, Any], name: str, above: str = "") -> list[tuple[Any, str]]:
    """The tables of a list, each with its place for errors."""
    where = f"{above}.{name}" if above else name
    found = values.get(name, [])
    if not isinstance(found, list):
        raise ConfigError(where, found, "a list of tables")
    return [(table, f"{where}[{position}]") for position, table in enumerate(found)]


def _table(values: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    found = values.get(name, {})
    if not isinstance(found, Mapping):
        raise ConfigError(f"{where}.{name}", found, "a table")
    return found


def _id(values: Mapping[str, Any], where: str) -> str:
    found = values.get("id")
    if isinstance(found, bool) or not isinstance(found, (str, int)) or found == "":
        raise ConfigError(f"{where}.id", found, "text or a whole number")
    return str(found)


def _text(values: Mapping[str, Any], name: str, where: str) -> str:
    found = values.get(name, "")
    if not isinstance(found, str):
        raise ConfigError(f"{where}.{name}", found, "text")
    return found


def _flag(values: Mapping[str, Any], name: str, where: str, *, default: bool = False) -> bool:
    found = values.get(name, default)
    if not isinstance(found, bool):
        raise ConfigError(f"{where}.{name}", found, "true or false")
    return found


def _list(values: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    return _texts(values.get(name, []), f"{where}.{name}")


def _texts(found: Any, where: str) -> tuple[str, ...]:
    if not isinstance(found, Collection) or isinstance(found, (str, Mapping)):
        raise ConfigError(where, found, "a list of texts")
    if not all(isinstance(item, str) for item in found):
        raise ConfigError(where, found, "a list of texts")
    return tuple(found)
