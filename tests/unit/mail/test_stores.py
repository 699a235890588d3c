"""The stores of mail keep their contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.support.postgres import PostgresServer

from plugit_wsgi.mail.memory import MemoryMailStore
from plugit_wsgi.mail.sql import SqlMailStore
from plugit_wsgi.mail.store import MailStore
from plugit_wsgi.mail.tables import metadata
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.mail_store_contract import MailStoreContract


class TestMemory(MailStoreContract):
    def make_store(self, clock: FakeClock) -> MailStore:
        return MemoryMailStore(clock=clock)


class TestSqlite(MailStoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> Iterator[None]:
        self.engine = sa.create_engine(f"sqlite:///{tmp_path}/mail.sqlite")
        yield
        self.engine.dispose()

    def make_store(self, clock: FakeClock) -> MailStore:
        store = SqlMailStore(self.engine, clock=clock)
        store.create_tables()
        return store


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres")) as server:
        yield server


class TestPostgres(MailStoreContract):
    @pytest.fixture(autouse=True)
    def _database(self, server: PostgresServer) -> Iterator[None]:
        self.engine = sa.create_engine(server.url)
        metadata.drop_all(self.engine)
        yield
        self.engine.dispose()

    def make_store(self, clock: FakeClock) -> MailStore:
        store = SqlMailStore(self.engine, clock=clock)
        store.create_tables()
        return store
