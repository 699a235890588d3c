"""A directory that never changes: from values, or from a TOML file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from os import PathLike

from ..clock import Clock, SystemClock
from ..people import NO_RIGHTS, Membership, Organization, Rights, Subscription, User
from .book import People, PerService
from .person import Person
from .table import read_people


class StaticDirectory:
    """Users, rights, organizations and subscriptions in memory. Immutable, thread-safe.

    What a `User` of this directory says about rights and labels holds on every service; `rights` and
    `subscriptions` take its place on the services they name. Whoever is not in here has no rights.

    Args:
        users: everybody, with their memberships, groups, rights and labels.
        organizations: those without members, beside the ones that `users` belong to.
        rights: member and admin, for single services: ``{"polls": {"7": Rights(member=True)}}``.
        subscriptions: labels, for single services: ``{"polls": {"7": ("gold",)}}``.
        dated_subscriptions: those of users and of organizations; their labels come in addition, while they
            are valid.
        service_organizations: ids of the organizations that may use a service; services that are not named
            here can be used by all.
        clock: decides what is valid; None is the machine's.

    Raises:
        ConfigError: two users, different organizations or plans of one id, or somebody that is not there.
    """

    def __init__(
        self,
        users: Iterable[User] = (),
        *,
        organizations: Iterable[Organization] = (),
        rights: PerService[Rights] | None = None,
        subscriptions: PerService[Sequence[str]] | None = None,
        dated_subscriptions: Iterable[Subscription] = (),
        service_organizations: Mapping[str, Collection[str]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        people = People(
            users=tuple(users),
            organizations=tuple(organizations),
            rights=rights or {},
            subscriptions=subscriptions or {},
            dated_subscriptions=tuple(dated_subscriptions),
            service_organizations=service_organizations or {},
        )
        self._clock = clock or SystemClock()
        self._limits = {name: frozenset(ids) for name, ids in people.service_organizations.items()}
        self._organizations = {item.id: item for item in people.organizations}
        self._people = {user.id: self._person(user, people) for user in people.users}

    @classmethod
    def from_file(cls, path: str | PathLike[str], *, clock: Clock | None = None) -> StaticDirectory:
        """The same from a TOML file.

        Args:
            path: of the file: ``[[organizations]]`` tables (``id name codops``) and ``[[users]]`` tables with
                the fields of `User`; ``organizations = [{id = "ebu", admin = true}]`` are memberships,
                ``rights.polls = {member = true}`` and ``subscriptions.polls = ["gold"]`` are for one service.
                ``[[plans]]`` (``id labels services``), ``[[subscriptions]]`` (``plan``, ``user`` or
                ``organization``, ``valid_from valid_until``) and ``[services.polls]`` (``organizations``).
            clock: as above.

        Raises:
            ConfigError: the file cannot be read, or has a key that does not exist.
        """
        return cls.from_people(read_people(path), clock=clock)

    @classmethod
    def from_people(cls, people: People, *, clock: Clock | None = None) -> StaticDirectory:
        """The same from what a file says."""
        return cls(**{item.name: getattr(people, item.name) for item in fields(people)}, clock=clock)

    def visitor(
        self, user_id: str | None, service: str
    ) -> tuple[Rights, Sequence[Membership], Sequence[str]]:
        """See `Directory.visitor`."""
        person = None if user_id is None else self._people.get(user_id)
        return (NO_RIGHTS, (), ()) if person is None else person.visitor_on(service, self._clock.time())

    def user(self, user_id: str) -> User | None:
        """See `Directory.user`."""
        person = self._people.get(user_id)
        return None if person is None else person.user

    def organization(self, organization_id: str) -> Organization | None:
        """See `Directory.organization`."""
        return self._organizations.get(organization_id)

    def organizations(self, service: str) -> Sequence[Organization]:
        """See `Directory.organizations`."""
        allowed = self._limits.get(service, self._organizations.keys())
        return tuple(item for item in self._organizations.values() if item.id in allowed)

    def members(self, service: str) -> Sequence[User]:
        """See `Directory.members`."""
        return tuple(item.user for item in self._people.values() if item.rights_on(service).member)

    def subscription_labels(self, user_id: str, service: str) -> Sequence[str]:
        """See `Directory.subscription_labels`."""
        person = self._people.get(user_id)
        return () if person is None else person.labels_on(service, self._clock.time())

    def groups(self, user_id: str) -> Sequence[str]:
        """See `Directory.groups`."""
        person = self._people.get(user_id)
        return () if person is None else person.user.groups

    def _person(self, user: User, people: People) -> Person:
        joined = {item.organization.id for item in user.memberships}
        return Person(
            user=user,
            rights={name: found[user.id] for name, found in people.rights.items() if user.id in found},
            labels={name: found[user.id] for name, found in people.subscriptions.items() if user.id in found},
            subscriptions=tuple(
                item
                for item in people.dated_subscriptions
                if item.user_id == user.id or item.organization_id in joined
            ),
            limits=self._limits,
        )
