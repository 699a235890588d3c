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


class TestPostgres(MailStoreContract):
    @pytest.fixture(autouse=True)
    def _database(self, postgres: PostgresServer) -> Iterator[None]:
        url = postgres.create_database().replace("postgresql:", "postgresql+psycopg:")
        self.engine = sa.create_engine(url)
        yield
        self.engine.dispose()

    def make_store(self, clock: FakeClock) -> MailStore:
        store = SqlMailStore(self.engine, clock=clock)
        store.create_tables()
        return store
