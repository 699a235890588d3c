"""Who the visitor is: users, organizations, rights. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from .errors import ConfigError


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization that people belong to. Immutable.

    Attributes:
        id: the host's identifier, as text.
        name: for people.
        codops: short code of a broadcaster; "" if it has none.
    """

    id: str
    name: str = ""
    codops: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", str(self.id))


@dataclass(frozen=True, slots=True)
class Membership:
    """A visitor's place in an organization. Immutable.

    Attributes:
        organization: which.
        admin: may administrate it.
        member: belongs to it; False for one who may only look in.
    """

    organization: Organization
    admin: bool = False
    member: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a visitor may do on one service, in the current organization. Immutable."""

    member: bool = False
    admin: bool = False
    orga_member: bool = False
    orga_admin: bool = False

    def names(self) -> tuple[str, ...]:
        """The rights that are held, by name, in a fixed order."""
        return tuple(name for name in ("member", "admin", "orga_member", "orga_admin") if getattr(self, name))


NO_RIGHTS = Rights()


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who is logged in. Immutable.

    Attributes:
        id: the host's identifier, as text (numbers are turned into text); never empty.
        username, first_name, last_name, email: what services may ask for.
        member, admin: rights on every service, where no directory decides.
        memberships: organizations, where no directory decides.
        subscription_labels: what was paid for, where no directory decides.
        groups: names that variants and hosts may select by.
        extra: further fields, sent only to mounts whose ``user_fields`` name them.

    Raises:
        ConfigError: `id` is empty.
    """

    id: str
    username: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    member: bool = False
    admin: bool = False
    memberships: tuple[Membership, ...] = field(default=(), kw_only=True)
    subscription_labels: tuple[str, ...] = field(default=(), kw_only=True)
    groups: tuple[str, ...] = field(default=(), kw_only=True)
    extra: Mapping[str, Any] = field(default_factory=dict, kw_only=True, hash=False)

    def __post_init__(self) -> None:
        if self.id is None or str(self.id) == "":
            raise ConfigError(
                "User.id", self.id, "the host's identifier of the user; None as a user is anonymous"
            )
        object.__setattr__(self, "id", str(self.id))
        for name in ("memberships", "subscription_labels", "groups"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "extra", MappingProxyType(dict(self.extra)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What can be subscribed to. Immutable.

    Attributes:
        id: the host's identifier, as text.
        labels: what services are told of those who subscribed.
        services: names of the services it is for; None is all.
    """

    id: str
    labels: tuple[str, ...]
    services: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", str(self.id))
        object.__setattr__(self, "labels", tuple(self.labels))
        if self.services is not None:
            object.__setattr__(self, "services", tuple(self.services))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A plan that a user, or an organization for its members, has subscribed to. Immutable.

    Attributes:
        plan: which.
        user_id, organization_id: who; one of the two.
        valid_from: its first moment; None is always. With a time zone.
        valid_until: the first moment after it; None is for ever. With a time zone.

    Raises:
        ConfigError: both or none of user and organization, a date without a time zone, an end that is not
            after the beginning.
    """

    plan: Plan
    user_id: str | None = None
    organization_id: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def __post_init__(self) -> None:
        if (self.user_id is None) == (self.organization_id is None):
            given = (self.user_id, self.organization_id)
            raise ConfigError("Subscription.user_id", given, "either a user or an organization")
        for name in ("valid_from", "valid_until"):
            moment = getattr(self, name)
            if moment is not None and (not isinstance(moment, datetime) or moment.utcoffset() is None):
                raise ConfigError(f"Subscription.{name}", moment, "a datetime with a time zone")
        if self.valid_from and self.valid_until and self.valid_until <= self.valid_from:
            raise ConfigError("Subscription.valid_until", self.valid_until, f"later than {self.valid_from}")

    def is_valid(self, service: str, now: float) -> bool:
        """Whether its labels count for a service at a moment, in Unix seconds."""
        if self.plan.services is not None and service not in self.plan.services:
            return False
        if self.valid_from is not None and now < self.valid_from.timestamp():
            return False
        return self.valid_until is None or now < self.valid_until.timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """What a service may be told about who asks: the user in one service. Immutable.

    Attributes:
        user: None is anonymous.
        rights: on this service and in the current organization.
        organization: the current one; None outside organization mode, or without any.
        organizations: those the visitor can choose from, in organization mode.
        subscription_labels: for this service.
    """

    user: User | None = None
    rights: Rights = NO_RIGHTS
    organization: Organization | None = None
    organizations: tuple[Organization, ...] = ()
    subscription_labels: tuple[str, ...] = ()

    def field(self, name: str) -> Any:
        """The value of a user field of protocol section 3; None if there is no such field or no user."""
        rights_field = _RIGHTS_FIELDS.get(name)
        if rights_field is not None:
            return getattr(self.rights, rights_field)
        if name == "subscription_labels":
            return list(self.subscription_labels)
        if self.user is None:
            return None
        if name in _USER_FIELDS:
            return getattr(self.user, _USER_FIELDS[name])
        return self.user.extra.get(name)


_USER_FIELDS = {
    "pk": "id",
    "id": "id",
    "username": "username",
    "first_name": "first_name",
    "last_name": "last_name",
    "email": "email",
}
_RIGHTS_FIELDS = {
    "ebuio_member": "member",
    "ebuio_admin": "admin",
    "ebuio_orga_member": "orga_member",
    "ebuio_orga_admin": "orga_admin",
}
