"""The scripts of Alembic make what `tables` says, from nothing, once, on both databases."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, inspect

from plugit_wsgi.database import REVISION, VERSION_TABLE, Database
from plugit_wsgi.directory.sql import SqlDirectory
from plugit_wsgi.errors import ConfigError, DatabaseError
from plugit_wsgi.migrations import METADATA, upgrade
from plugit_wsgi.people import User


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/people.sqlite3"
    found: str = request.getfixturevalue("postgres").create_database()
    return found


def test_the_scripts_make_exactly_the_tables(empty_url: str) -> None:
    """Nothing is left for a script that would be generated now: columns, types, keys, indexes, defaults."""
    assert upgrade(empty_url) == REVISION
    database = Database(empty_url)
    # Alembic takes a default of '' in SQLite for another than ''.
    options = {"version_table": VERSION_TABLE, "compare_server_default": "postgresql" in empty_url}
    with database.transaction() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, list(METADATA)) == []  # type: ignore[arg-type]
        tables = set(inspect(connection).get_table_names())
    database.close()
    assert tables == {VERSION_TABLE, *(name for metadata in METADATA for name in metadata.tables)}
    assert all(name.startswith("plugit_") for name in tables)


def constraints(connection: Connection) -> set[tuple[str, ...]]:
    """Tables with the names of their keys and checks."""
    inspector = inspect(connection)
    return {
        (table, str(item["name"]))
        for table in inspector.get_table_names()
        for item in (
            inspector.get_pk_constraint(table),
            *inspector.get_foreign_keys(table),
            *inspector.get_check_constraints(table),
        )
        if table != VERSION_TABLE
    }


def test_names_and_checks_of_the_scripts_are_those_of_the_tables(empty_url: str) -> None:
    """What `compare_metadata` does not look at; a later script has to find a constraint by its name."""
    upgrade(empty_url)
    database = Database(empty_url)
    with database.transaction() as connection:
        by_scripts = constraints(connection)
        for metadata in METADATA:
            metadata.drop_all(connection)
            metadata.create_all(connection)
        assert by_scripts == constraints(connection)
    database.close()
    assert ("plugit_subscriptions", "ck_plugit_subscriptions_subscriber") in by_scripts


def test_the_revision_of_the_code_is_the_newest_script() -> None:
    """A new script comes with a new number there."""
    config = Config()
    config.set_main_option("script_location", "plugit_wsgi:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [REVISION]


def test_an_upgrade_again_keeps_what_is_there(empty_url: str) -> None:
    """It can run with each deployment."""
    upgrade(empty_url)
    directory = SqlDirectory(empty_url)
    with directory.change() as change:
        change.put_user(User("7", "zoe"))
    upgrade(empty_url)
    assert directory.user("7") == User("7", "zoe")
    directory.close()


def test_tables_of_the_host_stay_as_they_are(empty_url: str) -> None:
    """Also one with migrations of its own."""
    database = Database(empty_url)
    with database.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('host')")
    upgrade(empty_url)
    with database.transaction() as connection:
        theirs = MetaData()
        theirs.reflect(connection, only=["alembic_version"])
        assert connection.execute(theirs.tables["alembic_version"].select()).all() == [("host",)]
    database.close()


def test_two_upgrades_at_the_same_time_take_turns(empty_url: str) -> None:
    """Each of several machines may do it when it starts."""
    start, failed = threading.Barrier(3), list[Exception]()

    def run() -> None:
        start.wait()
        try:
            upgrade(empty_url)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_tables_of_a_newer_release_are_left_alone(empty_url: str) -> None:
    """An old release cannot know what to do with them."""
    upgrade(empty_url)
    database = Database(empty_url)
    with database.transaction() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    database.close()
    with pytest.raises(DatabaseError, match="9999"):
        upgrade(empty_url)


def test_a_file_has_a_write_ahead_log(tmp_path: Path) -> None:
    """Visitors are not held up by an import."""
    upgrade(f"sqlite:///{tmp_path}/people.sqlite3")
    with sqlite3.connect(tmp_path / "people.sqlite3") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_what_cannot_be_upgraded_says_why(tmp_path: Path) -> None:
    """One kind of error for the URL, one for the database."""
    with pytest.raises(ConfigError, match="url"):
        upgrade("people.sqlite3")
    with pytest.raises(DatabaseError, match="unable to open"):
        upgrade(f"sqlite:///{tmp_path}/nowhere/people.sqlite3")
    (tmp_path / "text").write_text("no database, but a text of some length\n" * 30)
    with pytest.raises(DatabaseError, match="not a database"):
        upgrade(f"sqlite:///{tmp_path}/text")
