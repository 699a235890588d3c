"""The stores of mail keep their contract."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.support.postgres import PostgresServer

from plugit_wsgi.database import Database
from plugit_wsgi.mail.memory import MemoryMailStore
from plugit_wsgi.mail.sql import SqlMailStore
from plugit_wsgi.mail.store import MailStore
from plugit_wsgi.mail.tables import metadata
from plugit_wsgi.migrations import upgrade
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.mail_store_contract import MailStoreContract


class TestMemory(MailStoreContract):
    def make_store(self, clock: FakeClock) -> MailStore:
        return MemoryMailStore(clock=clock)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the tables, to be copied."""
    path = tmp_path_factory.mktemp("mail") / "mail.sqlite"
    upgrade(f"sqlite:///{path}")
    return path


class TestSqlite(MailStoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, made: Path, tmp_path: Path) -> Iterator[None]:
        shutil.copy(made, tmp_path)
        self.url = f"sqlite:///{tmp_path / made.name}"
        self.stores: list[SqlMailStore] = []
        yield
        for store in self.stores:
            store.close()

    def make_store(self, clock: FakeClock) -> MailStore:
        self.stores.append(SqlMailStore(self.url, clock=clock))
        return self.stores[-1]


@pytest.fixture(scope="module")
def url(postgres: PostgresServer) -> str:
    """Of a database with the tables."""
    url = postgres.create_database()
    upgrade(url)
    return url


class TestPostgres(MailStoreContract):
    @pytest.fixture(autouse=True)
    def _empty(self, url: str) -> Iterator[None]:
        self.url = url
        self.stores: list[SqlMailStore] = []
        database = Database(url)
        with database.writing() as connection:
            for table in metadata.sorted_tables:
                connection.execute(sa.delete(table))
        database.close()
        yield
        for store in self.stores:
            store.close()

    def make_store(self, clock: FakeClock) -> MailStore:
        self.stores.append(SqlMailStore(self.url, clock=clock))
        return self.stores[-1]
