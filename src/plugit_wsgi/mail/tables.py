"""The tables of mail. `metadata` is theirs alone."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

_ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

addresses = sa.Table(
    "plugit_mail_address",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("service", sa.String(48), nullable=False),
    sa.Column("response_id", sa.Text(), nullable=False),
    sa.Column("expires", sa.Double(), nullable=False, index=True),
)

replies = sa.Table(
    "plugit_mail_reply",
    metadata,
    sa.Column("key", sa.String(128), primary_key=True),
    sa.Column("finished", sa.Boolean(), nullable=False),
    sa.Column("begun", sa.Double(), nullable=False, index=True),
)

quotas = sa.Table(
    "plugit_mail_quota",
    metadata,
    sa.Column("service", sa.String(48), primary_key=True),
    sa.Column("hour", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("spent", sa.Integer(), nullable=False),
)

queue = sa.Table(
    "plugit_mail_queue",
    metadata,
    sa.Column("id", _ROW, primary_key=True, autoincrement=True),
    sa.Column("service", sa.String(48), nullable=False),
    sa.Column("sender", sa.Text(), nullable=False),
    sa.Column("recipients", sa.JSON(), nullable=False),
    sa.Column("message", sa.LargeBinary(), nullable=False),
    sa.Column("attempts", sa.Integer(), nullable=False),
    sa.Column("due_at", sa.Double(), nullable=False),
    sa.Column("reason", sa.Text(), nullable=False),
    sa.Index("plugit_mail_queue_due", "reason", "due_at"),
    # A row's number is part of the name of a lease: it must never come back.
    sqlite_autoincrement=True,
)
