"""What a service may see of a directory.

1. Of a user, the fields its mount allows; any user whose id it knows.
2. Of organizations, those that may use the service: another one is not there.
3. A page of a list is few look-ups where the directory can do that, else one for each entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..config import Service
from ..errors import ActionNotFound
from ..interfaces import BatchDirectory, Directory
from ..people import NO_RIGHTS, Membership, Organization, Rights, User, Visitor
from .calls import MOST

Told = tuple[Rights, Sequence[Membership], Sequence[str]]


class Scope:
    """A directory as one service sees it. Thread-safe. Answers are values of JSON.

    Args:
        service: who looks.
        directory: where users are known; None knows nobody.

    Raises:
        ActionNotFound: by all methods: there is no such thing, or not for this service.
    """

    def __init__(self, service: Service, directory: Directory | None) -> None:
        self._service = service
        self._directory = directory

    def user(self, user_id: str) -> dict[str, Any]:
        """The allowed fields of a user, and their organizations among those that may use the service."""
        user = self._known_user(user_id)
        told = self._lookup().visitor(user.id, self._service.name)
        memberships = [item for item in told[1] if item.member]
        usable = self._usable() if memberships else frozenset()
        return {
            **self._fields(user, told),
            "orgas": [_membership(item) for item in memberships if item.organization.id in usable],
        }

    def groups_of_user(self, user_id: str) -> list[str]:
        """Names of the groups of a user."""
        return list(self._lookup().groups(self._known_user(user_id).id))

    def labels(self, user_id: str) -> list[str]:
        """What a user has subscribed to, for the service."""
        user = self._known_user(user_id)
        return list(self._lookup().subscription_labels(user.id, self._service.name))

    def organization(self, organization_id: str) -> dict[str, str]:
        """One of the organizations that may use the service."""
        found = self._lookup().organization(organization_id)
        if found is None or found.id not in self._usable():
            raise ActionNotFound("organization")
        return {"pk": found.id, "name": found.name, "codops": found.codops}

    def organizations(self, first: int) -> dict[str, Any]:
        """A page of those."""
        found = self._lookup().organizations(self._service.name)
        return {"data": [_organization(item) for item in found[first : first + MOST]], **_next(found, first)}

    def members(self, first: int) -> dict[str, Any]:
        """A page of the members of the service, with their allowed fields."""
        found = self._lookup().members(self._service.name)
        users = found[first : first + MOST]
        told = self._told(users)
        return {"members": [self._fields(user, told[user.id]) for user in users], **_next(found, first)}

    def groups(self, first: int) -> list[dict[str, str]]:
        """The groups of a page of members, each once."""
        users = self._lookup().members(self._service.name)[first : first + MOST]
        names = {name for names in self._groups(users).values() for name in names}
        return [{"uuid": name, "uid": name, "name": name} for name in sorted(names)]

    def _fields(self, user: User, told: Told) -> dict[str, Any]:
        rights, _memberships, labels = told
        visitor = Visitor(user=user, rights=rights, subscription_labels=tuple(labels))
        return {**{name: visitor.field(name) for name in self._service.user_fields}, "id": user.id}

    def _told(self, users: Sequence[User]) -> Mapping[str, Told]:
        directory, service = self._lookup(), self._service.name
        if not isinstance(directory, BatchDirectory):
            return {user.id: directory.visitor(user.id, service) for user in users}
        found = directory.visitors([user.id for user in users], service)
        return {user.id: found.get(user.id, (NO_RIGHTS, (), ())) for user in users}

    def _groups(self, users: Sequence[User]) -> Mapping[str, Sequence[str]]:
        directory = self._lookup()
        if not isinstance(directory, BatchDirectory):
            return {user.id: directory.groups(user.id) for user in users}
        return directory.groups_of([user.id for user in users])

    def _usable(self) -> frozenset[str]:
        return frozenset(item.id for item in self._lookup().organizations(self._service.name))

    def _lookup(self) -> Directory:
        if self._directory is None:
            raise ActionNotFound("directory")
        return self._directory

    def _known_user(self, user_id: str) -> User:
        user = self._lookup().user(user_id)
        if user is None:
            raise ActionNotFound("user")
        return user


def _next(found: Sequence[object], first: int) -> dict[str, int]:
    return {"next": first + MOST} if len(found) > first + MOST else {}


def _organization(organization: Organization) -> dict[str, Any]:
    return {"id": organization.id, "name": organization.name, "codops": organization.codops}


def _membership(membership: Membership) -> dict[str, Any]:
    return {**_organization(membership.organization), "is_admin": membership.admin}
