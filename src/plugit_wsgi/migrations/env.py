"""Run by Alembic, on the connection that `upgrade` has."""

from alembic import context

from plugit_wsgi.database import VERSION_TABLE
from plugit_wsgi.migrations import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=list(METADATA),
    version_table=VERSION_TABLE,
)
context.run_migrations()
