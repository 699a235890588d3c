"""The tables of a directory in a database. Changes come with a script in `migrations/versions`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Final

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
)

from ..database import NAMING

ID_LENGTH: Final = 255
"""Characters of an id, and of a service's name."""

metadata: Final = MetaData(naming_convention=NAMING)


class Moment(TypeDecorator[datetime]):
    """A moment with a time zone, also where the database knows none: it is kept in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: object) -> datetime | None:
        """Into the database."""
        return None if value is None else value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, dialect: object) -> datetime | None:
        """Out of it."""
        return value.replace(tzinfo=timezone.utc) if value is not None and value.tzinfo is None else value


def _key(name: str) -> Column[str]:
    return Column(name, String(ID_LENGTH), primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


def _of(name: str, target: str, **options: Any) -> Column[str]:
    return Column(name, String(ID_LENGTH), ForeignKey(target, ondelete="CASCADE"), **options)


users = Table(
    "plugit_users",
    metadata,
    _key("id"),
    *(_text(name) for name in ("username", "first_name", "last_name", "email")),
    _flag("member"),
    _flag("admin"),
    Column("extra", JSON, nullable=False),
)

organizations = Table("plugit_organizations", metadata, _key("id"), _text("name"), _text("codops"))

memberships = Table(
    "plugit_memberships",
    metadata,
    _of("user_id", users.name + ".id", primary_key=True),
    _of("organization_id", organizations.name + ".id", primary_key=True, index=True),
    Column("position", Integer, nullable=False, server_default="0"),
    _flag("member"),
    _flag("admin"),
)

service_rights = Table(
    "plugit_service_rights",
    metadata,
    _of("user_id", users.name + ".id", primary_key=True),
    Column("service", String(ID_LENGTH), primary_key=True, index=True),
    _flag("member"),
    _flag("admin"),
)

# Of a service that stands here, the next table says who may use it: nobody, if it says nothing.
limited_services = Table("plugit_limited_services", metadata, _key("service"))

service_organizations = Table(
    "plugit_service_organizations",
    metadata,
    _of("service", limited_services.name + ".service", primary_key=True),
    _of("organization_id", organizations.name + ".id", primary_key=True, index=True),
)

groups = Table("plugit_groups", metadata, _key("name"))

group_members = Table(
    "plugit_group_members",
    metadata,
    _of("group_name", groups.name + ".name", primary_key=True),
    _of("user_id", users.name + ".id", primary_key=True, index=True),
)

plans = Table(
    "plugit_plans",
    metadata,
    _key("id"),
    Column("labels", JSON, nullable=False),
    Column("services", JSON(none_as_null=True)),
)

subscriptions = Table(
    "plugit_subscriptions",
    metadata,
    Column("id", Integer, primary_key=True),
    _of("plan_id", plans.name + ".id", nullable=False, index=True),
    _of("user_id", users.name + ".id", index=True),
    _of("organization_id", organizations.name + ".id", index=True),
    Column("valid_from", Moment),
    Column("valid_until", Moment),
    CheckConstraint("(user_id IS NULL) <> (organization_id IS NULL)", name="subscriber"),
    CheckConstraint("valid_until > valid_from", name="valid"),
)
