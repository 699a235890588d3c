"""All that is known of some users, in one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Integer,
    Row,
    Select,
    String,
    Text,
    bindparam,
    cast,
    literal,
    null,
    or_,
    select,
    union_all,
)

from ..people import Membership, Organization, Plan, Rights, Subscription, User
from .person import Person
from .tables import (
    Moment,
    group_members,
    limited_services,
    memberships,
    organizations,
    plans,
    service_organizations,
    service_rights,
    subscriptions,
    users,
)

AT_ONCE: Final = 500
"""Users of one query: a database takes only so many parameters."""

# The columns of every part of the query; a part leaves those empty that it has no use for.
_COLUMNS: Final[dict[str, Any]] = {
    "kind": String,
    "user_id": String,
    "key": String,
    "name": Text,
    "first": Text,
    "last": Text,
    "email": Text,
    "member": Boolean,
    "admin": Boolean,
    "number": Integer,
    "since": Moment,
    "until": Moment,
    "content": JSON,
    "more": JSON,
}


def _part(kind: str, **columns: Any) -> Select[Any]:
    """Rows of one kind. An empty column has a type: PostgreSQL takes one without for text."""
    given = {"kind": literal(kind, String), **columns}
    return select(*(given.get(name, cast(null(), column)).label(name) for name, column in _COLUMNS.items()))


_asked = bindparam("user_ids", expanding=True, type_=String)
_still = or_(
    subscriptions.c.valid_until.is_(None),
    subscriptions.c.valid_until > bindparam("now", type_=Moment),
)
_subscription = {
    "key": plans.c.id,
    "number": subscriptions.c.id,
    "since": subscriptions.c.valid_from,
    "until": subscriptions.c.valid_until,
    "content": plans.c.labels,
    "more": plans.c.services,
}

_PEOPLE: Final = union_all(
    _part(
        "user",
        user_id=users.c.id,
        name=users.c.username,
        first=users.c.first_name,
        last=users.c.last_name,
        email=users.c.email,
        member=users.c.member,
        admin=users.c.admin,
        content=users.c.extra,
    ).where(users.c.id.in_(_asked)),
    _part(
        "membership",
        user_id=memberships.c.user_id,
        key=organizations.c.id,
        name=organizations.c.name,
        first=organizations.c.codops,
        member=memberships.c.member,
        admin=memberships.c.admin,
        number=memberships.c.position,
    )
    .join_from(memberships, organizations)
    .where(memberships.c.user_id.in_(_asked)),
    _part(
        "rights",
        user_id=service_rights.c.user_id,
        key=service_rights.c.service,
        member=service_rights.c.member,
        admin=service_rights.c.admin,
    ).where(service_rights.c.user_id.in_(_asked)),
    _part("group", user_id=group_members.c.user_id, key=group_members.c.group_name).where(
        group_members.c.user_id.in_(_asked)
    ),
    _part("subscription", user_id=subscriptions.c.user_id, **_subscription)
    .join_from(subscriptions, plans)
    .where(subscriptions.c.user_id.in_(_asked), _still),
    _part("subscription", user_id=memberships.c.user_id, name=memberships.c.organization_id, **_subscription)
    .join_from(memberships, subscriptions, memberships.c.organization_id == subscriptions.c.organization_id)
    .join(plans, plans.c.id == subscriptions.c.plan_id)
    .where(memberships.c.user_id.in_(_asked), _still),
    _part("limited", key=limited_services.c.service),
    _part(
        "allowed",
        user_id=memberships.c.user_id,
        key=service_organizations.c.service,
        name=memberships.c.organization_id,
    )
    .join_from(
        memberships,
        service_organizations,
        memberships.c.organization_id == service_organizations.c.organization_id,
    )
    .where(memberships.c.user_id.in_(_asked)),
)

_Rows = Mapping[str, Sequence[Row[Any]]]


def load_people(connection: Connection, user_ids: Sequence[str], now: float) -> dict[str, Person]:
    """Those of the users who are there, by id; one query.

    Args:
        connection: to the database.
        user_ids: at most `AT_ONCE`.
        now: Unix seconds; subscriptions that have ended by then are left out.
    """
    moment = datetime.fromtimestamp(now, timezone.utc)
    found = connection.execute(_PEOPLE, {"user_ids": list(user_ids), "now": moment})
    by_user: dict[str, dict[str, list[Row[Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in found:
        by_user[row.user_id][row.kind].append(row)
    limited = [row.key for row in by_user.pop(None, {}).get("limited", ())]  # type: ignore[call-overload]
    return {user_id: _person(rows, limited) for user_id, rows in by_user.items() if "user" in rows}


def as_user(row: Any, **more: Any) -> User:
    """A row of kind "user"."""
    return User(
        row.user_id,
        row.name,
        row.first,
        row.last,
        row.email,
        row.member,
        row.admin,
        extra=row.content,
        **more,
    )


def _person(rows: _Rows, limited: Iterable[str]) -> Person:
    allowed = {(row.key, row.name) for row in rows.get("allowed", ())}
    return Person(
        user=as_user(
            rows["user"][0],
            memberships=tuple(_membership(row) for row in sorted(rows.get("membership", ()), key=_place)),
            groups=tuple(sorted(row.key for row in rows.get("group", ()))),
        ),
        rights={row.key: Rights(member=row.member, admin=row.admin) for row in rows.get("rights", ())},
        subscriptions=tuple(
            _subscribed(row) for row in sorted(rows.get("subscription", ()), key=lambda row: row.number)
        ),
        limits={
            service: frozenset(organization for name, organization in allowed if name == service)
            for service in limited
        },
    )


def _place(row: Row[Any]) -> tuple[int, str]:
    return row.number, row.key


def _membership(row: Row[Any]) -> Membership:
    return Membership(Organization(row.key, row.name, row.first), admin=row.admin, member=row.member)


def _subscribed(row: Row[Any]) -> Subscription:
    return Subscription(
        plan=Plan(id=row.key, labels=row.content, services=row.more),
        user_id=row.user_id if row.name is None else None,
        organization_id=row.name,
        valid_from=row.since,
        valid_until=row.until,
    )
