"""One user and all that decides what services are told of them; rules only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..people import Membership, Rights, Subscription, User

Told = tuple[Rights, Sequence[Membership], Sequence[str]]
"""What `Directory.visitor` returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What a directory knows of one user. Immutable.

    Attributes:
        user: with memberships and groups; `member` and `admin` hold on services that `rights` does not name.
        rights: for single services.
        labels: of subscriptions without dates for single services, in the place of the user's own.
        subscriptions: of the user and of the user's organizations, past and future ones too.
        limits: service -> ids of the organizations that may use it; others may be used by all of them.
    """

    user: User
    rights: Mapping[str, Rights] = field(default_factory=dict)
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    subscriptions: tuple[Subscription, ...] = ()
    limits: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def visitor_on(self, service: str, now: float) -> Told:
        """See `Directory.visitor`; `now` in Unix seconds."""
        return self.rights_on(service), self.memberships_on(service), self.labels_on(service, now)

    def rights_on(self, service: str) -> Rights:
        """Rights on a service."""
        found = self.rights.get(service)
        return Rights(member=self.user.member, admin=self.user.admin) if found is None else found

    def memberships_on(self, service: str) -> tuple[Membership, ...]:
        """Those in organizations that may use the service."""
        allowed = self.limits.get(service)
        if allowed is None:
            return self.user.memberships
        return tuple(item for item in self.user.memberships if item.organization.id in allowed)

    def labels_on(self, service: str, now: float) -> tuple[str, ...]:
        """Labels at a moment, each once; an organization's count for those who are members of it."""
        of = {item.organization.id for item in self.memberships_on(service) if item.member}
        found = list(self.labels.get(service, self.user.subscription_labels))
        for subscription in self.subscriptions:
            is_theirs = subscription.organization_id is None or subscription.organization_id in of
            if is_theirs and subscription.is_valid(service, now):
                found.extend(subscription.plan.labels)
        return tuple(dict.fromkeys(found))
