"""Plans, subscriptions and the organizations of services in a TOML file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..config import checked_table
from ..errors import ConfigError
from ..people import Plan, Subscription
from .fields import id_of, known_id, list_of, moment_of, table_of, tables_of, texts

_SUBSCRIPTION_KEYS = ("plan", "user", "organization", "valid_from", "valid_until")


def read_subscriptions(
    values: Mapping[str, Any], users: Collection[str], organizations: Collection[str]
) -> tuple[Subscription, ...]:
    """What ``[[plans]]`` and ``[[subscriptions]]`` say, of users and organizations of the file.

    Raises:
        ConfigError: a key, an id or a date that is wrong.
    """
    plans: dict[str, Plan] = {}
    for table, where in tables_of(values, "plans"):
        plan = _plan(table, where)
        if plan.id in plans:
            raise ConfigError(f"{where}.id", plan.id, "an id of its own for each plan")
        plans[plan.id] = plan
    return tuple(
        _subscription(table, where, plans, users, organizations)
        for table, where in tables_of(values, "subscriptions")
    )


def read_service_organizations(
    values: Mapping[str, Any], organizations: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """What ``[services.NAME]`` say: ids of the organizations that may use it.

    Raises:
        ConfigError: a key or an id that is wrong.
    """
    found: dict[str, tuple[str, ...]] = {}
    for service, table in table_of(values, "services").items():
        known = checked_table(table, f"services.{service}", ("organizations",))
        where = f"services.{service}.organizations"
        ids = list_of(known.get("organizations"), where, "a list of ids of organizations")
        found[service] = tuple(known_id(item, where, organizations, "organizations") for item in ids)
    return found


def _plan(table: Any, where: str) -> Plan:
    known = checked_table(table, where, ("id", "labels", "services"))
    return Plan(
        id=id_of(known, where),
        labels=texts(known.get("labels"), f"{where}.labels"),
        services=texts(known["services"], f"{where}.services") if "services" in known else None,
    )


def _subscription(
    table: Any,
    where: str,
    plans: Mapping[str, Plan],
    users: Collection[str],
    organizations: Collection[str],
) -> Subscription:
    known = checked_table(table, where, _SUBSCRIPTION_KEYS)
    user, organization = known.get("user"), known.get("organization")
    if (user is None) == (organization is None):
        raise ConfigError(where, table, "either a user or an organization")
    start, end = moment_of(known, "valid_from", where), moment_of(known, "valid_until", where)
    if start and end and end <= start:
        raise ConfigError(f"{where}.valid_until", str(end), f"later than valid_from, {start}")
    return Subscription(
        plan=plans[known_id(known.get("plan"), f"{where}.plan", plans, "plans")],
        user_id=None if user is None else known_id(user, f"{where}.user", users, "users"),
        organization_id=None
        if organization is None
        else known_id(organization, f"{where}.organization", organizations, "organizations"),
        valid_from=start,
        valid_until=end,
    )
