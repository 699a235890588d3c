"""All that a small directory knows, as one value: what files, imports and contract tests are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from ..errors import ConfigError
from ..people import Organization, Plan, Rights, Subscription, User

T = TypeVar("T")
PerService = Mapping[str, Mapping[str, T]]
"""Name of a service -> id of a user -> what holds there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Users, organizations, rights and subscriptions that fit together. Immutable.

    The fields are the arguments of `StaticDirectory`; `organizations` are all of them in the end.

    Raises:
        ConfigError: two users, different organizations or plans of one id, or somebody that is not there.
    """

    users: Collection[User] = ()
    organizations: Collection[Organization] = ()
    rights: PerService[Rights] = field(default_factory=dict)
    subscriptions: PerService[Sequence[str]] = field(default_factory=dict)
    dated_subscriptions: Collection[Subscription] = ()
    service_organizations: Mapping[str, Collection[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        users = tuple(self.users)
        organizations = _all_organizations(self.organizations, users)
        limits = {service: tuple(ids) for service, ids in self.service_organizations.items()}
        _set(self, "users", users)
        _set(self, "organizations", tuple(organizations.values()))
        _set(self, "rights", _copied(self.rights))
        _set(self, "subscriptions", _copied(self.subscriptions))
        _set(self, "dated_subscriptions", tuple(self.dated_subscriptions))
        _set(self, "service_organizations", MappingProxyType(limits))
        self._check_ids(_ids(users), organizations)
        _check_plans(self.dated_subscriptions)

    def _check_ids(self, users: Collection[str], organizations: Collection[str]) -> None:
        for name in ("rights", "subscriptions"):
            for service, found in getattr(self, name).items():
                _check_known(found, users, f"{name}.{service}", "a user")
        for name, known, kind in (
            ("user_id", users, "a user"),
            ("organization_id", organizations, "an organization"),
        ):
            given = {getattr(item, name) for item in self.dated_subscriptions} - {None}
            _check_known(given, known, f"dated_subscriptions.{name}", kind)
        for service, ids in self.service_organizations.items():
            _check_known(ids, organizations, f"service_organizations.{service}", "an organization")


def _set(people: People, name: str, value: object) -> None:
    object.__setattr__(people, name, value)


def _check_known(given: Iterable[Any], known: Collection[str], where: str, kind: str) -> None:
    for found in given:
        if found not in known:
            raise ConfigError(where, found, f"the id of {kind} that is there")


def _copied(given: PerService[T]) -> PerService[T]:
    return MappingProxyType({service: MappingProxyType(dict(found)) for service, found in given.items()})


def _ids(users: Iterable[User]) -> set[str]:
    found: set[str] = set()
    for user in users:
        if user.id in found:
            raise ConfigError("users", user.id, "an id of its own for each user")
        found.add(user.id)
    return found


def _all_organizations(given: Iterable[Organization], users: Iterable[User]) -> dict[str, Organization]:
    joined = (membership.organization for user in users for membership in user.memberships)
    found: dict[str, Organization] = {}
    for organization in (*given, *joined):
        if found.setdefault(organization.id, organization) != organization:
            raise ConfigError("organizations", organization.id, "one name and codops for each id")
    return found


def _check_plans(subscriptions: Iterable[Subscription]) -> None:
    found: dict[str, Plan] = {}
    for item in subscriptions:
        if found.setdefault(item.plan.id, item.plan) != item.plan:
            raise ConfigError("dated_subscriptions.plan", item.plan.id, "one meaning for each id")
