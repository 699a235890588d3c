"""Users, organizations, memberships, rights, groups, plans and subscriptions.

It repeats `directory.tables` as they were then, and so stays as it is when these change.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes the tables."""
    flags = ("member", "admin")
    _create(
        "users",
        _id("id"),
        *(_text(name) for name in ("username", "first_name", "last_name", "email")),
        *(_flag(name) for name in flags),
        sa.Column("extra", sa.JSON, nullable=False),
    )
    _create("organizations", _id("id"), _text("name"), _text("codops"))
    _create("groups", _id("name"))
    _create("limited_services", _id("service"))
    _create("plans", _id("id"), sa.Column("labels", sa.JSON, nullable=False), sa.Column("services", sa.JSON))
    _create(
        "memberships",
        _id("user_id"),
        _id("organization_id"),
        sa.Column("position", sa.Integer, nullable=False, server_default="0"),
        *(_flag(name) for name in flags),
        key=("user_id", "organization_id"),
        references={"user_id": "users.id", "organization_id": "organizations.id"},
        indexes=("organization_id",),
    )
    _create(
        "service_rights",
        _id("user_id"),
        _id("service"),
        *(_flag(name) for name in flags),
        key=("user_id", "service"),
        references={"user_id": "users.id"},
        indexes=("service",),
    )
    _create(
        "service_organizations",
        _id("service"),
        _id("organization_id"),
        key=("service", "organization_id"),
        references={"service": "limited_services.service", "organization_id": "organizations.id"},
        indexes=("organization_id",),
    )
    _create(
        "group_members",
        _id("group_name"),
        _id("user_id"),
        key=("group_name", "user_id"),
        references={"group_name": "groups.name", "user_id": "users.id"},
        indexes=("user_id",),
    )
    _create(
        "subscriptions",
        sa.Column("id", sa.Integer, nullable=False),
        _id("plan_id"),
        _id("user_id", nullable=True),
        _id("organization_id", nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True)),
        sa.Column("valid_until", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "(user_id IS NULL) <> (organization_id IS NULL)", name="ck_plugit_subscriptions_subscriber"
        ),
        sa.CheckConstraint("valid_until > valid_from", name="ck_plugit_subscriptions_valid"),
        references={"plan_id": "plans.id", "user_id": "users.id", "organization_id": "organizations.id"},
        indexes=("plan_id", "user_id", "organization_id"),
    )


def _create(
    name: str,
    *items: Any,
    key: tuple[str, ...] = (),
    references: dict[str, str] | None = None,
    indexes: tuple[str, ...] = (),
) -> None:
    table = f"plugit_{name}"
    foreign = (
        sa.ForeignKeyConstraint(
            [column], [f"plugit_{target}"], name=f"fk_{table}_{column}", ondelete="CASCADE"
        )
        for column, target in (references or {}).items()
    )
    primary = sa.PrimaryKeyConstraint(*(key or (items[0].name,)), name=f"pk_{table}")
    op.create_table(table, *items, primary, *foreign)
    for column in indexes:
        op.create_index(f"ix_{table}_{column}", table, [column])


def _id(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(255), nullable=nullable)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())
