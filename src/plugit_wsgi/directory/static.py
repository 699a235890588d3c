"""A directory that never changes: from values, or from a TOML file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from types import MappingProxyType
from typing import TypeVar

from ..errors import ConfigError
from ..people import NO_RIGHTS, Membership, Organization, Rights, User
from .table import read_people

T = TypeVar("T")
PerService = Mapping[str, Mapping[str, T]]
"""Name of a service -> id of a user -> what holds there."""


class StaticDirectory:
    """Users, rights, organizations and subscriptions in memory. Immutable, thread-safe.

    What a `User` of this directory says about rights and labels holds on every service; `rights` and
    `subscriptions` take its place on the services they name. Whoever is not in here has no rights.

    Args:
        users: everybody, with their memberships, groups, rights and labels.
        organizations: those without members, beside the ones that `users` belong to.
        rights: member and admin, for single services: ``{"polls": {"7": Rights(member=True)}}``.
        subscriptions: labels, for single services: ``{"polls": {"7": ("gold",)}}``.

    Raises:
        ConfigError: two users or different organizations of one id, or a user that is not there.
    """

    def __init__(
        self,
        users: Iterable[User] = (),
        *,
        organizations: Iterable[Organization] = (),
        rights: PerService[Rights] | None = None,
        subscriptions: PerService[Sequence[str]] | None = None,
    ) -> None:
        self._users = _by_id(users)
        self._organizations = _all_organizations(organizations, self._users)
        self._rights = self._checked(rights or {}, "rights")
        self._subscriptions = self._checked(subscriptions or {}, "subscriptions")

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> StaticDirectory:
        """The same from a TOML file.

        Args:
            path: of the file: ``[[organizations]]`` tables (``id name codops``) and ``[[users]]`` tables with
                the fields of `User`; ``organizations = [{id = "ebu", admin = true}]`` are memberships,
                ``rights.polls = {member = true}`` and ``subscriptions.polls = ["gold"]`` are for one service.

        Raises:
            ConfigError: the file cannot be read, or has a key that does not exist.
        """
        people = read_people(path)
        return cls(
            people.users,
            organizations=people.organizations,
            rights=people.rights,
            subscriptions=people.subscriptions,
        )

    def visitor(
        self, user_id: str | None, service: str
    ) -> tuple[Rights, Sequence[Membership], Sequence[str]]:
        """See `Directory.visitor`."""
        user = None if user_id is None else self._users.get(user_id)
        if user is None:
            return NO_RIGHTS, (), ()
        return self._rights_of(user, service), user.memberships, self.subscription_labels(user.id, service)

    def user(self, user_id: str) -> User | None:
        """See `Directory.user`."""
        return self._users.get(user_id)

    def organization(self, organization_id: str) -> Organization | None:
        """See `Directory.organization`."""
        return self._organizations.get(organization_id)

    def organizations(self, service: str) -> Sequence[Organization]:
        """See `Directory.organizations`: all of them, whatever the service."""
        return tuple(self._organizations.values())

    def members(self, service: str) -> Sequence[User]:
        """See `Directory.members`."""
        return tuple(user for user in self._users.values() if self._rights_of(user, service).member)

    def subscription_labels(self, user_id: str, service: str) -> Sequence[str]:
        """See `Directory.subscription_labels`."""
        user = self._users.get(user_id)
        if user is None:
            return ()
        return self._subscriptions.get(service, {}).get(user_id, user.subscription_labels)

    def groups(self, user_id: str) -> Sequence[str]:
        """See `Directory.groups`."""
        user = self._users.get(user_id)
        return () if user is None else user.groups

    def _rights_of(self, user: User, service: str) -> Rights:
        general = Rights(member=user.member, admin=user.admin)
        return self._rights.get(service, {}).get(user.id, general)

    def _checked(self, given: PerService[T], name: str) -> PerService[T]:
        """A copy that nobody changes, of users that are there."""
        for service, found in given.items():
            for user_id in found:
                if user_id not in self._users:
                    raise ConfigError(f"{name}.{service}", user_id, "the id of a user of this directory")
        return MappingProxyType({service: dict(found) for service, found in given.items()})


def _by_id(users: Iterable[User]) -> dict[str, User]:
    found: dict[str, User] = {}
    for user in users:
        if user.id in found:
            raise ConfigError("users", user.id, "an id of its own for each user")
        found[user.id] = user
    return found


def _all_organizations(given: Iterable[Organization], users: Mapping[str, User]) -> dict[str, Organization]:
    joined = (membership.organization for user in users.values() for membership in user.memberships)
    found: dict[str, Organization] = {}
    for organization in (*given, *joined):
        if found.setdefault(organization.id, organization) != organization:
            raise ConfigError("organizations", organization.id, "one name and codops for each id")
    return found
