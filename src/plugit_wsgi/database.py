"""One database of the host (extra ``sql``): SQLite in a file, PostgreSQL, or an engine that the host has.

1. Nothing is connected before the first use, and no connection is shared over a fork.
2. Tables are made by ``plugit-wsgi db upgrade`` alone. One of another revision is refused at first use.
3. What goes wrong is a `DatabaseError`; neither it nor its cause quotes parameters or a password.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    inspect,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from .errors import ConfigError, DatabaseError

REVISION: Final = "0002"
"""Of the tables that this release works with: the newest of `migrations/versions`."""

VERSION_TABLE: Final = "plugit_revision"
"""Says which revision the tables have. A name of its own, beside migrations that a host may have itself."""

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of indexes and constraints: a script of a later revision has to know them."""

EXPECTED: Final = (
    "a URL as sqlite:///people.sqlite3 or postgresql://USER@HOST/NAME, or an Engine of SQLAlchemy"
)

CONNECT_TIMEOUT: Final = 3
STATEMENT_TIMEOUT: Final = 5
"""Seconds until somebody who waits for a connection, a lock or an answer gets an error instead."""

_WRITES = "plugit_writes"
_DETAILS = re.compile(r"\n[A-Z]+: .*", re.S)
"""Of PostgreSQL, behind its first line: there it quotes keys, and whole rows."""
_revision = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))


class Database:
    """Connections to one database. Thread-safe.

    Args:
        engine_or_url: an engine is used as it is; of a URL an engine is made that waits for nothing long.

    Raises:
        ConfigError: neither, or the driver is not installed.
    """

    def __init__(self, engine_or_url: Engine | URL | str) -> None:
        is_theirs = isinstance(engine_or_url, Engine)
        self.engine: Final = (
            engine_or_url if isinstance(engine_or_url, Engine) else _make_engine(engine_or_url)
        )
        self._file = None if is_theirs else _file_of(self.engine.url)
        is_postgresql = self.engine.dialect.name == "postgresql"
        # One statement needs no transaction, which would be two more ways to the server.
        options = {"isolation_level": "AUTOCOMMIT"} if is_postgresql else {}
        self._reader = self.engine.execution_options(**options)
        self._process = os.getpid()
        self._is_current = False

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for single statements.

        Raises:
            DatabaseError: also for what goes wrong inside the block.
        """
        with self._translated(), self._reader.connect() as connection:
            self._check_revision(connection)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: all of the block, or nothing.

        Raises:
            DatabaseError: also for what goes wrong inside the block.
        """
        with self._translated():
            if not self._is_current:
                with self._reader.connect() as connection:
                    self._check_revision(connection)
            with self.transaction() as connection:
                yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """The same whatever the revision, for migrations; errors are those of SQLAlchemy."""
        with self.engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Gives all connections back to the system."""
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if self._process != os.getpid():
            # Those that are open are the parent's: they are left, not closed.
            self.engine.dispose(close=False)
            self._process = os.getpid()
        try:
            self._check_file()
            yield
        except SQLAlchemyError as error:
            origin = getattr(error, "orig", None) or error
            for found in (error, origin):
                found.args = tuple(_DETAILS.sub("", str(item)) for item in found.args)
            raise DatabaseError(f"{self.shown} failed: {type(origin).__name__}") from error

    def _check_file(self) -> None:
        try:
            is_there = self._file is None or self._file.exists()
        except OSError as error:
            raise DatabaseError(f"{self.shown} failed: {error.strerror}") from error
        if not is_there:
            # To connect would make an empty one.
            raise DatabaseError(f"{self._file}: no such database; {self._command}")

    @property
    def _command(self) -> str:
        return f"run: plugit-wsgi db upgrade {self.shown}"

    def _check_revision(self, connection: Connection) -> None:
        if self._is_current:
            return
        try:
            found = connection.execute(select(_revision.c.version_num)).scalar()
        except DBAPIError:
            if connection.in_transaction():
                connection.rollback()
            if inspect(connection).has_table(VERSION_TABLE):
                raise
            found = None
        if found is None:
            raise DatabaseError(f"{self.shown} has no tables of plugit-wsgi; {self._command}")
        if found != REVISION:
            hint = f"with the plugit-wsgi that the host runs, {self._command}"
            raise DatabaseError(f"{self.shown} has tables of revision {found}, expected {REVISION}; {hint}")
        self._is_current = True


def _how_to_get(error: ModuleNotFoundError) -> str:
    package = "psycopg[binary]" if error.name == "psycopg" else error.name
    return f"there is no module {error.name}: pip install '{package}'"


def _make_engine(given: object) -> Engine:
    scheme, found, _rest = str(given).partition("://")
    shown = f"{scheme}://..." if found else "..."  # the rest may hold a password
    try:
        url = make_url(given)  # type: ignore[arg-type]
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
        # What a log says of an error of the database is not the place for people's names.
        engine = create_engine(url, hide_parameters=True, pool_pre_ping=True, **_options(url))
    except ModuleNotFoundError as error:
        raise ConfigError(
            "url", shown, f"a database whose driver is installed; {_how_to_get(error)}"
        ) from error
    except (SQLAlchemyError, ImportError, TypeError, ValueError) as error:
        raise ConfigError("url", shown, f"{EXPECTED}; {type(error).__name__}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    return engine


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": STATEMENT_TIMEOUT}}
    arguments: dict[str, Any] = {}
    if url.drivername == "postgresql+psycopg":
        arguments = {
            "connect_timeout": CONNECT_TIMEOUT,
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT * 1000}",
        }
    asked = {name: value for name, value in arguments.items() if name not in url.query}
    return {"connect_args": asked, "pool_timeout": CONNECT_TIMEOUT}


def _file_of(url: URL) -> Path | None:
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if is_file and "uri" not in url.query else None


def _set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get(_WRITES):
        # The lock at once: to take it in mid-transaction fails where somebody else waits for it too.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
