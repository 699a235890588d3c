"""The portal's models as the middleware asks for them: `plugit_wsgi.interfaces.Directory`.

`visitor` is asked for each page of a service and takes two queries, as `visitors` does for many. Services
work while no connection of the portal's waits: each question ends as a request to Django does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

from django.contrib.auth.models import User as Account
from django.db import close_old_connections
from django.db.models import FilteredRelation, Q, QuerySet
from django.utils import timezone

from plugit_wsgi import Membership, Organization, Rights, User
from portal import models

Told = tuple[Rights, Sequence[Membership], Sequence[str]]
NOBODY: Told = (Rights(), (), ())


def as_in_a_request(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def asked(*arguments: Any) -> Any:
        close_old_connections()
        try:
            return method(*arguments)
        finally:
            close_old_connections()

    return asked


class PortalDirectory:
    """See `plugit_wsgi.interfaces.Directory`. Thread-safe.

    Args:
        now: what time it is, for subscriptions.
    """

    def __init__(self, now: Callable[[], Any] = timezone.now) -> None:
        self.now = now

    def visitor(self, user_id: str | None, service: str) -> Told:
        return NOBODY if user_id is None else self.visitors([user_id], service).get(user_id, NOBODY)

    @as_in_a_request
    def visitors(self, user_ids: Sequence[str], service: str) -> dict[str, Told]:
        granted = FilteredRelation("service_rights", condition=Q(service_rights__service=service))
        rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in accounts(user_ids).annotate(granted=granted).order_by("memberships").values(*_VISITOR):
            rows[str(row["pk"])].append(row)
        labels = self._labels(rows, service) if rows else {}
        return {
            user_id: (_rights(found[0]), tuple(_memberships(found, service)), tuple(labels.get(user_id, ())))
            for user_id, found in rows.items()
        }

    @as_in_a_request
    def user(self, user_id: str) -> User | None:
        return next(map(_user, accounts([user_id])), None)

    @as_in_a_request
    def organization(self, organization_id: str) -> Organization | None:
        return next(map(_organization, models.Organization.objects.filter(pk=key(organization_id))), None)

    @as_in_a_request
    def organizations(self, service: str) -> tuple[Organization, ...]:
        found = models.Organization.objects.order_by("pk")
        return tuple(_organization(each) for each in found if models.covers(each.services, service))

    @as_in_a_request
    def members(self, service: str) -> tuple[User, ...]:
        of_service = Q(service_rights__service=service, service_rights__member=True)
        found = Account.objects.filter(Q(is_superuser=True) | of_service, is_active=True)
        return tuple(_user(each) for each in found.distinct().order_by("pk"))

    @as_in_a_request
    def subscription_labels(self, user_id: str, service: str) -> tuple[str, ...]:
        return tuple(self._labels([user_id], service).get(user_id, ()))

    def groups(self, user_id: str) -> tuple[str, ...]:
        return self.groups_of([user_id]).get(user_id, ())

    @as_in_a_request
    def groups_of(self, user_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = defaultdict(tuple)
        in_groups = accounts(user_ids).exclude(groups=None).order_by("groups__name")
        for number, name in in_groups.values_list("pk", "groups__name"):
            found[str(number)] += (name,)
        return dict(found)

    @as_in_a_request
    def knows_email(self, address: str, service: str) -> bool:
        return bool(address) and Account.objects.filter(email__iexact=address, is_active=True).exists()

    def _labels(self, user_ids: Iterable[str], service: str) -> dict[str, dict[str, None]]:
        """Of plans that hold now, of users or of organizations that they are members of.

        The organization has to be one that may use the service. Each label is there once.
        """
        people = accounts(user_ids)
        theirs = Q(organization__memberships__user__in=people, organization__memberships__member=True)
        held = models.Subscription.objects.valid(self.now()).filter(Q(user__in=people) | theirs)
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for own, member, labels, *cover in held.order_by("valid_from", "pk").values_list(*_LABELS):
            if all(models.covers(services, service) for services in cover):
                found[str(own or member)].update(dict.fromkeys(labels))
        return found


directory = PortalDirectory()


def key(text: str) -> int:
    """The primary key that a text is exactly, as ids of the middleware are texts; 0, which is none's."""
    number = int(text) if text.isdecimal() and len(text) < 19 else 0
    return number if str(number) == text else 0


def accounts(user_ids: Iterable[str]) -> QuerySet[Account]:
    return Account.objects.filter(pk__in=[key(user_id) for user_id in user_ids], is_active=True)


_VISITOR = (
    *("pk", "is_superuser", "granted__member", "granted__admin", "memberships__member", "memberships__admin"),
    *(f"memberships__organization__{name}" for name in ("id", "name", "codops", "services")),
)
_LABELS = (
    *("user_id", "organization__memberships__user_id", "plan__labels"),
    *("plan__services", "organization__services"),
)


def _rights(row: dict[str, Any]) -> Rights:
    of_all = row["is_superuser"]
    return Rights(member=of_all or bool(row["granted__member"]), admin=of_all or bool(row["granted__admin"]))


def _memberships(rows: Sequence[dict[str, Any]], service: str) -> list[Membership]:
    return [
        Membership(
            Organization(*(row[f"memberships__organization__{name}"] for name in ("id", "name", "codops"))),
            admin=row["memberships__admin"],
            member=row["memberships__member"],
        )
        for row in rows
        if row["memberships__organization__id"] is not None
        and models.covers(row["memberships__organization__services"], service)
    ]


def _organization(found: models.Organization) -> Organization:
    return Organization(found.pk, found.name, found.codops)


def _user(account: Account) -> User:
    return User(account.pk, account.username, account.first_name, account.last_name, account.email)
