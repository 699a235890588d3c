"""One Redis for all tests of this folder, empty for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.redis_server import RedisServer

from plugit_wsgi.redis import server


@pytest.fixture(scope="session")
def _redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def redis_server(_redis: RedisServer) -> RedisServer:
    """A running Redis without keys."""
    _redis.client.flushall()
    return _redis


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are not about time: a busy machine may stall for longer than Redis is waited for."""
    monkeypatch.setattr(server, "PATIENCE", 5.0)
