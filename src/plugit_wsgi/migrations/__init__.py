"""The tables in a database, made and changed by Alembic (extra ``sql``)."""

from __future__ import annotations

from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, MetaData
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from ..database import REVISION, Database
from ..directory import tables
from ..errors import DatabaseError

METADATA: Final[tuple[MetaData, ...]] = (tables.metadata,)
"""Of all tables that the scripts in `versions` make."""

_LOCK = 0x706C7567  # "plug"


def upgrade(engine_or_url: Engine | URL | str) -> str:
    """Makes the tables, or brings those that are there to the revision of this release.

    Two at the same time take turns. What fails changes nothing.

    Returns:
        The revision.

    Raises:
        ConfigError: no such database can be had.
        DatabaseError: it does not answer, or is of a newer release.
    """
    database = Database(engine_or_url)
    try:
        if database.engine.dialect.name == "sqlite":
            _keep_a_write_ahead_log(database)
        with database.transaction() as connection:
            if database.engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            command.upgrade(make_config(connection), "head")
    except SQLAlchemyError as error:
        raise DatabaseError(f"{database.shown} failed: {getattr(error, 'orig', None) or error}") from error
    except CommandError as error:
        raise DatabaseError(f"{database.shown} cannot be upgraded: {error}") from error
    finally:
        database.close()
    return REVISION


def make_config(connection: Connection) -> Config:
    """What Alembic has to know, on a connection in a transaction."""
    config = Config()
    config.set_main_option("script_location", "plugit_wsgi:migrations")
    config.attributes["connection"] = connection
    return config


def _keep_a_write_ahead_log(database: Database) -> None:
    """Readers go on while somebody writes. It is a property of the file, so it is set once."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
