"""Databases with the tables of this release: a SQLite file and a PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import delete
from tests.support.postgres import PostgresServer

from plugit_wsgi.database import Database
from plugit_wsgi.directory.sql import SqlDirectory
from plugit_wsgi.directory.tables import metadata
from plugit_wsgi.migrations import upgrade
from plugit_wsgi.people import Membership, Organization, User
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.directory_contract import NOON, PEOPLE

OpenDirectory = Callable[..., SqlDirectory]


@pytest.fixture(scope="session")
def _empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "empty.sqlite3"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(_empty_file: Path, tmp_path: Path) -> str:
    """A file of its own for each test."""
    return f"sqlite:///{shutil.copy(_empty_file, tmp_path / 'people.sqlite3')}"


@pytest.fixture(scope="session")
def _empty_database(postgres: PostgresServer) -> str:
    url = postgres.create_database()
    upgrade(url)
    return url


@pytest.fixture
def postgres_url(_empty_database: str) -> str:
    """One database for all, emptied."""
    database = Database(_empty_database)
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
    database.close()
    return _empty_database


@pytest.fixture(scope="session")
def filled_file(_empty_file: Path) -> str:
    """The URL of a file with the people of the contract, for tests that only ask."""
    return _filled(f"sqlite:///{shutil.copy(_empty_file, _empty_file.with_name('filled.sqlite3'))}")


@pytest.fixture(scope="session")
def filled_database(postgres: PostgresServer) -> str:
    """The URL of a database with the same people."""
    url = postgres.create_database()
    upgrade(url)
    return _filled(url)


def _filled(url: str) -> str:
    directory = SqlDirectory(url)
    directory.save(PEOPLE)
    directory.close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Either of them."""
    found: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return found


@pytest.fixture
def open_directory() -> Iterator[OpenDirectory]:
    """`SqlDirectory(...)` that is closed in the end."""
    with ExitStack() as opened:

        def open_one(*given: object, **options: object) -> SqlDirectory:
            directory = SqlDirectory(*given, **options)  # type: ignore[arg-type]
            opened.callback(directory.close)
            return directory

        yield open_one


@pytest.fixture
def clock() -> FakeClock:
    """At noon."""
    return FakeClock(NOON.timestamp())


@pytest.fixture
def directory(url: str, clock: FakeClock, open_directory: OpenDirectory) -> SqlDirectory:
    """With the people of the contract, on either database; nothing is kept yet."""
    open_directory(url).save(PEOPLE)
    return open_directory(url, clock=clock)


NOWHERE = User("8", "zoe@secret.example", memberships=(Membership(Organization("nowhere")),))


def put_all(directory: SqlDirectory, *people: User) -> None:
    with directory.change() as change:
        for user in people:
            change.put_user(user)
