"""The portal's models as the middleware asks for them: `plugit_wsgi.interfaces.Directory`.

`visitor` is asked for each page of a service and takes two queries. Services answer while no connection of
the portal's waits: each question closes, or keeps, its connection as a request to Django does.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.models import User as Account
from django.db import close_old_connections
from django.db.models import FilteredRelation, Q, QuerySet
from django.utils import timezone

from plugit_wsgi import Membership, Organization, Rights, User
from portal import models


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

    @as_in_a_request
    def visitor(
        self, user_id: str | None, service: str
    ) -> tuple[Rights, tuple[Membership, ...], tuple[str, ...]]:
        if user_id is None:
            return Rights(), (), ()
        granted = FilteredRelation("service_rights", condition=Q(service_rights__service=service))
        rows = [*accounts(user_id).annotate(granted=granted).order_by("memberships").values(*_VISITOR)]
        if not rows:
            return Rights(), (), ()
        rights = Rights(
            member=rows[0]["is_superuser"] or bool(rows[0]["granted__member"]),
            admin=rows[0]["is_superuser"] or bool(rows[0]["granted__admin"]),
        )
        return rights, tuple(_memberships(rows, service)), self._labels(user_id, service)

    @as_in_a_request
    def user(self, user_id: str) -> User | None:
        return next(map(_user, accounts(user_id)), None)

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
        return self._labels(user_id, service)

    @as_in_a_request
    def groups(self, user_id: str) -> tuple[str, ...]:
        names = Group.objects.filter(user__in=accounts(user_id)).order_by("name")
        return tuple(names.values_list("name", flat=True))

    def _labels(self, user_id: str | None, service: str) -> tuple[str, ...]:
        """Of plans that hold now, of the user or of an organization that the user is a member of.

        The organization has to be one that may use the service.
        """
        people = accounts(user_id)
        theirs = Q(organization__memberships__user__in=people, organization__memberships__member=True)
        held = models.Subscription.objects.valid(self.now()).filter(Q(user__in=people) | theirs)
        found = held.order_by("valid_from", "pk").values_list("plan__labels", *_COVER)
        told = (labels for labels, *cover in found if all(models.covers(each, service) for each in cover))
        return tuple(dict.fromkeys(label for labels in told for label in labels))


directory = PortalDirectory()


def key(text: str | None) -> int:
    """The primary key that a text is exactly, as ids of the middleware are texts; 0, which is none's."""
    number = int(text) if text is not None and text.isdecimal() and len(text) < 19 else 0
    return number if str(number) == text else 0


def accounts(user_id: str | None) -> QuerySet[Account]:
    return Account.objects.filter(pk=key(user_id), is_active=True)


_COVER = ("plan__services", "organization__services")
_ORGANIZATION = "memberships__organization__"
_VISITOR = (
    *("is_superuser", "granted__member", "granted__admin", "memberships__member", "memberships__admin"),
    *(_ORGANIZATION + name for name in ("id", "name", "codops", "services")),
)


def _memberships(rows: list[dict[str, Any]], service: str) -> list[Membership]:
    return [
        Membership(
            Organization(*(row[_ORGANIZATION + name] for name in ("id", "name", "codops"))),
            admin=row["memberships__admin"],
            member=row["memberships__member"],
        )
        for row in rows
        if row[_ORGANIZATION + "id"] is not None and models.covers(row[_ORGANIZATION + "services"], service)
    ]


def _organization(found: models.Organization) -> Organization:
    return Organization(found.pk, found.name, found.codops)


def _user(account: Account) -> User:
    return User(account.pk, account.username, account.first_name, account.last_name, account.email)
