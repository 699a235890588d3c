"""SqlDirectory and its database: one that is away, wrong, of somebody else, or on both sides of a fork."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from traceback import format_exception

import pytest
from sqlalchemy import create_engine, event, insert, null
from sqlalchemy.pool import StaticPool
from tests.support.postgres import PostgresServer
from tests.unit.directory.conftest import NOWHERE, OpenDirectory, put_all

from plugit_wsgi.directory.sql import SqlDirectory
from plugit_wsgi.directory.tables import metadata, users
from plugit_wsgi.errors import ConfigError, DatabaseError
from plugit_wsgi.people import NO_RIGHTS, Rights, User
from plugit_wsgi.testing.directory_contract import FILM, PEOPLE


def test_memory_is_a_database_too(open_directory: OpenDirectory) -> None:
    """An engine of the host's is used as it is; here one that keeps everything in one connection."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    directory = open_directory(engine)
    with pytest.raises(DatabaseError, match="no tables"):
        directory.user("7")
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.exec_driver_sql("CREATE TABLE plugit_revision (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO plugit_revision VALUES ('0002')")
    directory.save(PEOPLE)
    assert directory.visitor("7", "polls")[0] == Rights(member=True)
    with directory.change() as change:
        change.remove_user("7")
        change.remove_organization("film")
    # Without foreign keys, as here, what was said about them would be there for the next of their id.
    put_all(directory, User("7"))
    with directory.change() as change:
        change.put_organization(FILM)
    assert directory.visitor("7", "polls") == (NO_RIGHTS, (), ())
    assert directory.visitor("yan@example.org", "polls")[1] == ()
    assert [item.id for item in directory.organizations("archive")] == ["9"]


def test_a_file_that_cannot_be_looked_at(tmp_path: Path, open_directory: OpenDirectory) -> None:
    """As one in a folder of others: the error is that of a database, for whoever handles those."""
    directory = open_directory(f"sqlite:///{tmp_path}/{'x' * 300}")
    with pytest.raises(DatabaseError, match="failed: "):
        directory.user("7")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_database_without_tables_names_the_command(
    request: pytest.FixtureRequest, tmp_path: Path, open_directory: OpenDirectory, kind: str
) -> None:
    """At the first call, and no file is made."""
    url = f"sqlite:///{tmp_path}/people.sqlite3"
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").create_database()
    directory = open_directory(url)
    for _again in range(2):
        with pytest.raises(DatabaseError, match="run: plugit-wsgi db upgrade"):
            directory.visitor("7", "polls")
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_revision_names_both(url: str, open_directory: OpenDirectory) -> None:
    """Also of a newer one; a change is refused as well."""
    directory = open_directory(url)
    try:
        with directory._database.transaction() as connection:
            connection.exec_driver_sql("UPDATE plugit_revision SET version_num = '9999'")
        with pytest.raises(DatabaseError, match="revision 9999, expected 0002"):
            directory.user("7")
        with pytest.raises(DatabaseError, match="9999"):
            directory.save(PEOPLE)
    finally:
        with directory._database.transaction() as connection:
            connection.exec_driver_sql("UPDATE plugit_revision SET version_num = '0002'")
    assert directory.user("7") is None


@pytest.mark.parametrize(
    "given", ["nonsense", "mysterydb://user:secret@host/x", "postgresql+no:secret", "", None, 7]
)
def test_what_is_no_database_is_refused_at_start(given: object, open_directory: OpenDirectory) -> None:
    """Without the password that may be in it."""
    with pytest.raises(ConfigError) as caught:
        open_directory(given)
    assert caught.value.field == "url"
    assert "secret" not in str(caught.value)


def test_a_driver_that_is_not_there_is_named(open_directory: OpenDirectory) -> None:
    """With what installs it, and without the password."""
    with pytest.raises(ConfigError, match="pip install 'cx_Oracle'") as caught:
        open_directory("oracle+cx_oracle://user:secret@host/x")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("age", [-1, float("inf"), float("nan"), "5", True])
def test_an_age_that_is_none_is_refused(age: object, open_directory: OpenDirectory) -> None:
    """By name."""
    with pytest.raises(ConfigError, match="lookups_age"):
        open_directory("sqlite://", lookups_age=age)


def test_a_server_that_is_away_is_an_error_with_its_cause(
    free_port: int, open_directory: OpenDirectory
) -> None:
    """Never "nobody", and without the password."""
    directory = open_directory(f"postgresql://zoe:secret@127.0.0.1:{free_port}/people")
    with pytest.raises(DatabaseError, match="OperationalError") as caught:
        directory.visitor("7", "polls")
    assert caught.value.__cause__ is not None
    assert "secret" not in str(caught.value)
    with pytest.raises(DatabaseError):
        directory.members("polls")
    with pytest.raises(DatabaseError):
        directory.organization("3")


def test_an_error_quotes_no_values(directory: SqlDirectory) -> None:
    """Logs show causes: names and addresses of people do not belong there."""
    with pytest.raises(DatabaseError) as caught:
        put_all(directory, NOWHERE)
    assert "secret.example" not in f"{caught.value} {caught.value.__cause__}"
    put_all(directory, User("zoe@secret.example"))
    for values in (
        {"id": "7", "username": "zoe@secret.example", "extra": {}},
        {"id": "zoe@secret.example", "extra": {}},
        {"id": "8", "username": "zoe@secret.example", "extra": null()},
    ):
        with (
            pytest.raises(DatabaseError) as caught,
            directory._database.writing() as connection,
        ):
            connection.execute(insert(users), values)
        assert "secret.example" not in "".join(format_exception(caught.value))


def test_a_server_that_comes_back_is_asked_again(
    postgres: PostgresServer, postgres_url: str, open_directory: OpenDirectory
) -> None:
    """Connections that it dropped are tried before they are used: no visitor sees it."""
    directory = open_directory(postgres_url, lookups_age=0)
    directory.save(PEOPLE)
    assert directory.user("7") is not None
    postgres.drop_connections()
    assert directory.user("7") is not None


def test_nothing_is_opened_before_the_first_call(sqlite_url: str, open_directory: OpenDirectory) -> None:
    """A host may fork after import."""
    opened: list[object] = []
    directory = open_directory(sqlite_url)
    event.listen(directory._database.engine, "connect", lambda *given: opened.append(given))
    assert opened == []
    directory.user("7")
    assert len(opened) == 1


def _ask(directory: SqlDirectory, answers: multiprocessing.SimpleQueue[object]) -> None:
    backend = None
    if directory._database.engine.dialect.name == "postgresql":
        with directory._database.reading() as connection:
            backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    answers.put((directory.visitor("7", "polls"), backend))
    directory.close()
    os._exit(0)


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # threads of other tests
def test_no_connection_is_shared_over_a_fork(url: str, open_directory: OpenDirectory) -> None:
    """Parent and children ask at the same time, each on a connection of its own."""
    directory = open_directory(url, lookups_age=0)
    directory.save(PEOPLE)
    expected = directory.visitor("7", "polls")
    answers: multiprocessing.SimpleQueue[object] = multiprocessing.SimpleQueue()
    children = [
        multiprocessing.get_context("fork").Process(target=_ask, args=(directory, answers)) for _ in range(3)
    ]
    for child in children:
        child.start()
    for _ in range(20):
        assert directory.visitor("7", "polls") == expected
    found = [answers.get() for _ in children]
    for child in children:
        child.join()
    assert [item[0] for item in found] == [expected] * 3  # type: ignore[index]
    if directory._database.engine.dialect.name == "postgresql":
        with directory._database.reading() as connection:
            own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        assert len({own, *(item[1] for item in found)}) == 4  # type: ignore[index]
