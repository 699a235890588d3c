"""What mail has to remember: reply addresses, replies, quotas and the queue.

It repeats `mail.tables` as they were then, and so stays as it is when these change.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "plugit_mail_address",
        sa.Column("id", sa.String(16), nullable=False),
        _service(),
        sa.Column("response_id", sa.Text, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plugit_mail_address"),
    )
    op.create_index("ix_plugit_mail_address_expires", "plugit_mail_address", ["expires"])
    op.create_table(
        "plugit_mail_reply",
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
        sa.Column("begun", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_plugit_mail_reply"),
    )
    op.create_index("ix_plugit_mail_reply_begun", "plugit_mail_reply", ["begun"])
    op.create_table(
        "plugit_mail_quota",
        _service(),
        sa.Column("hour", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("spent", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("service", "hour", name="pk_plugit_mail_quota"),
    )
    op.create_table(
        "plugit_mail_queue",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        _service(),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("recipients", sa.JSON, nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plugit_mail_queue"),
        sqlite_autoincrement=True,
    )
    op.create_index("plugit_mail_queue_due", "plugit_mail_queue", ["reason", "due_at"])


def _service() -> sa.Column[str]:
    return sa.Column("service", sa.String(48), nullable=False)
