"""Changes of a directory in a database, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, Connection, Table, delete, insert, select, update

from ..errors import ConfigError
from ..people import Organization, Plan, Rights, Subscription, User
from .book import People
from .tables import (
    ID_LENGTH,
    group_members,
    groups,
    limited_services,
    memberships,
    organizations,
    plans,
    service_organizations,
    service_rights,
    subscriptions,
    users,
)


class Change:
    """What can be changed. For one thread, in the block of `SqlDirectory.change`.

    ``put_...`` adds something, or puts it into the place of what has the same id. What is removed takes along
    all that is said about it.

    Args:
        connection: in a transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put_organization(self, organization: Organization) -> None:
        """An organization; its members stay."""
        values = {"name": organization.name, "codops": organization.codops}
        self._put(organizations, {"id": organization.id}, values)

    def put_user(self, user: User) -> None:
        """A user with memberships, in their order, and groups; rights on single services stay.

        The organizations have to be there.

        Raises:
            ConfigError: labels (which are those of plans here), or an `extra` that is not JSON.
        """
        if user.subscription_labels:
            raise ConfigError(
                "User.subscription_labels", user.subscription_labels, "none: `subscribe` to a plan"
            )
        values = {name: getattr(user, name) for name in ("username", "first_name", "last_name", "email")}
        flags = {"member": user.member, "admin": user.admin}
        self._put(users, {"id": user.id}, {**values, **flags, "extra": _checked_extra(user)})
        self._delete(memberships, memberships.c.user_id, user.id)
        for position, item in enumerate(user.memberships):
            key = {"user_id": user.id, "organization_id": item.organization.id}
            self._insert(
                memberships, {**key, "position": position, "member": item.member, "admin": item.admin}
            )
        self._delete(group_members, group_members.c.user_id, user.id)
        for name in dict.fromkeys(user.groups):
            self._put(groups, {"name": name}, {})
            self._insert(group_members, {"group_name": name, "user_id": user.id})

    def put_rights(self, user_id: str, service: str, rights: Rights | None) -> None:
        """Rights on one service, in the place of those on all services; None removes them."""
        key = {"user_id": user_id, "service": service}
        if rights is None:
            self._remove(service_rights, key)
        else:
            self._put(service_rights, key, {"member": rights.member, "admin": rights.admin})

    def put_plan(self, plan: Plan) -> None:
        """A plan; subscriptions to it stay."""
        services = None if plan.services is None else list(plan.services)
        self._put(plans, {"id": plan.id}, {"labels": list(plan.labels), "services": services})

    def subscribe(self, subscription: Subscription) -> None:
        """One more subscription, whose plan is put as well."""
        self.put_plan(subscription.plan)
        self._insert(subscriptions, _columns_of(subscription))

    def unsubscribe(self, subscription: Subscription) -> None:
        """Removes what `subscribe` added: the same subscriber, plan and dates."""
        self._remove(subscriptions, _columns_of(subscription))

    def limit(self, service: str, organization_ids: Collection[str] | None) -> None:
        """Only these organizations may use a service; None: all of them."""
        self._delete(service_organizations, service_organizations.c.service, service)
        self._delete(limited_services, limited_services.c.service, service)
        if organization_ids is not None:
            self._insert(limited_services, {"service": service})
            for organization_id in dict.fromkeys(organization_ids):
                self._insert(service_organizations, {"service": service, "organization_id": organization_id})

    def remove_user(self, user_id: str) -> None:
        """A user; nothing happens if there is none, as in all that follow."""
        for table in (memberships, service_rights, group_members, subscriptions):
            self._delete(table, table.c.user_id, user_id)
        self._delete(users, users.c.id, user_id)

    def remove_organization(self, organization_id: str) -> None:
        """An organization."""
        for table in (memberships, service_organizations, subscriptions):
            self._delete(table, table.c.organization_id, organization_id)
        self._delete(organizations, organizations.c.id, organization_id)

    def remove_group(self, name: str) -> None:
        """A group; not its users."""
        self._delete(group_members, group_members.c.group_name, name)
        self._delete(groups, groups.c.name, name)

    def remove_plan(self, plan_id: str) -> None:
        """A plan."""
        self._delete(subscriptions, subscriptions.c.plan_id, plan_id)
        self._delete(plans, plans.c.id, plan_id)

    def save(self, people: People) -> None:
        """See `SqlDirectory.save`. Rights and subscriptions of those that are saved are replaced as well."""
        subscribed = [*_label_subscriptions(people), *people.dated_subscriptions]
        for organization in people.organizations:
            self.put_organization(organization)
            self._delete(subscriptions, subscriptions.c.organization_id, organization.id)
        for user in people.users:
            self.put_user(_without_labels(user))
            self._delete(subscriptions, subscriptions.c.user_id, user.id)
            self._delete(service_rights, service_rights.c.user_id, user.id)
        for service, granted in people.rights.items():
            for user_id, rights in granted.items():
                self.put_rights(user_id, service, rights)
        for service, organization_ids in people.service_organizations.items():
            self.limit(service, organization_ids)
        for subscription in subscribed:
            self.subscribe(subscription)

    def _put(self, table: Table, key: dict[str, str], values: dict[str, Any]) -> None:
        found = self._connection.execute(select(*table.primary_key.columns).where(*_same(table, key))).first()
        if found is None:
            self._insert(table, {**key, **values})
        elif values:
            self._connection.execute(update(table).where(*_same(table, key)).values(values))

    def _insert(self, table: Table, values: dict[str, Any]) -> None:
        for column in table.columns:
            value = values.get(column.name)
            if getattr(column.type, "length", None) == ID_LENGTH and value is not None:
                _check_id(f"{table.name}.{column.name}", value)
        self._connection.execute(insert(table).values(values))

    def _remove(self, table: Table, values: dict[str, Any]) -> None:
        self._connection.execute(delete(table).where(*_same(table, values)))

    def _delete(self, table: Table, column: Column[Any], value: str) -> None:
        self._connection.execute(delete(table).where(column == value))


def _same(table: Table, values: dict[str, Any]) -> Iterator[Any]:
    return (table.c[name] == value for name, value in values.items())


def _columns_of(subscription: Subscription) -> dict[str, Any]:
    names = ("user_id", "organization_id", "valid_from", "valid_until")
    return {"plan_id": subscription.plan.id, **{name: getattr(subscription, name) for name in names}}


def _check_id(where: str, value: str) -> None:
    if not 0 < len(value) <= ID_LENGTH or "\0" in value:
        raise ConfigError(where, value[:300], f"1 to {ID_LENGTH} characters without NUL")


def _checked_extra(user: User) -> dict[str, Any]:
    extra = dict(user.extra)
    try:
        json.dumps(extra)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"extra of user {user.id}", extra, "values that JSON has") from error
    return extra


def _without_labels(user: User) -> User:
    return user if not user.subscription_labels else replace(user, subscription_labels=())


def _label_subscriptions(people: People) -> Iterator[Subscription]:
    """Labels without a plan as plans that are named after them."""
    for user in people.users:
        if user.subscription_labels:
            yield Subscription(plan=_plan_of(user.subscription_labels), user_id=user.id)
        for service, found in people.subscriptions.items():
            labels = found.get(user.id)
            if labels is None:
                continue
            if not set(user.subscription_labels) <= set(labels):
                expected = f"all of {list(user.subscription_labels)}: a database has no exceptions from plans"
                raise ConfigError(f"subscriptions.{service} of user {user.id}", list(labels), expected)
            if labels:
                yield Subscription(plan=_plan_of(labels, service), user_id=user.id)


def _plan_of(labels: Collection[str], service: str | None = None) -> Plan:
    where = () if service is None else (f"on {service}",)
    services = None if service is None else (service,)
    return Plan(id=" ".join((", ".join(labels), *where)), labels=tuple(labels), services=services)
