"""One Redis for all tests of this folder, empty for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.redis_server import RedisServer


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
