"""Server: a Redis that is down, hangs, drips, is full or talks nonsense costs little and says little."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import trustme
from tests.support.redis_server import RedisServer, answering, slowed

from plugit_wsgi.redis import RedisCache, RedisSessions
from plugit_wsgi.redis.server import PATIENCE, QUIET, Server
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.session_contract import Browser

SECRET = "a secret of the tests, long enough."
KEY = ("page", "polls", "/a")
SLACK = 0.4
"""Seconds that a busy machine may add."""


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that a test may kill."""
    server = RedisServer(tmp_path)
    yield server
    server.stop()


def timed(call: Callable[[], object]) -> tuple[object, float]:
    started = time.monotonic()
    found = call()
    return found, time.monotonic() - started


def url_of(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"


def use(cache: RedisCache) -> None:
    """Everything that a cache can be asked, with the outcome of a cache that is not there."""
    cache.set(KEY, "x", 60, 10)
    assert cache.get(KEY) is None
    cache.delete(KEY)
    assert cache.forget("polls") is False


def test_nothing_is_opened_before_the_first_use(redis_server: RedisServer) -> None:
    """A host may fork after import."""
    before, threads = set(os.listdir("/proc/self/fd")), threading.active_count()
    cache, sessions = RedisCache(redis_server.url, SECRET), RedisSessions(redis_server.url, SECRET)
    RedisCache("redis://name.invalid:6379/0", SECRET)
    assert set(os.listdir("/proc/self/fd")) == before
    assert threading.active_count() == threads
    cache.close()
    sessions.close()


@pytest.mark.usefixtures("unhurried")
def test_a_fork_has_connections_of_its_own(redis_server: RedisServer) -> None:
    """Parent and child at once, each gets its own answers."""
    cache = RedisCache(redis_server.url, SECRET)
    cache.set(("a",), "a", 60, 10)
    cache.set(("b",), "b", 60, 10)
    assert cache.get(("a",)) == "a"
    child = os.fork()
    name = "b" if child == 0 else "a"
    right = all(cache.get((name,)) == name for _ in range(300))
    client = cache._server._client
    # A client of one's own: another thread of the parent may have held a lock of the parent's.
    right = right and client is not None and client[0] == os.getpid()
    if child == 0:
        os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert right
    cache.close()


@pytest.mark.usefixtures("unhurried")
def test_close_gives_everything_back(redis_server: RedisServer) -> None:
    """And a later use opens anew."""
    before = set(os.listdir("/proc/self/fd"))
    cache = RedisCache(redis_server.url, SECRET)
    for _ in range(2):
        cache.set(KEY, "x", 60, 10)
        assert cache.get(KEY) == "x"
        cache.close()
        assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.usefixtures("unhurried")
def test_threads_share_connections_and_get_their_own_answers(redis_server: RedisServer) -> None:
    """Sixteen threads; afterwards at most one connection each."""
    cache = RedisCache(redis_server.url, SECRET)

    def work(number: int) -> bool:
        cache.set((number,), number, 60, 10)
        return all(cache.get((number,)) == number for _ in range(100))

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(work, range(16)))
    assert len(redis_server.client.client_list()) <= 17
    cache.close()


def test_a_redis_that_refuses_connections(free_port: int) -> None:
    """At once, and no error."""
    cache = RedisCache(url_of(free_port), SECRET, clock=FakeClock())
    _, seconds = timed(lambda: use(cache))
    assert seconds < SLACK


def test_a_redis_that_hangs_costs_one_silence_a_second(own_redis: RedisServer) -> None:
    """Whoever asks first waits; for a second nobody else does, and after it one asks again."""
    clock = FakeClock()
    cache = RedisCache(own_redis.url, SECRET, clock=clock)
    cache.set(KEY, "x", 60, 10)
    assert cache.get(KEY) == "x"
    own_redis.hang()
    for _ in range(3):
        found, seconds = timed(lambda: cache.get(KEY))
        assert found is None
        assert PATIENCE * 0.9 < seconds < PATIENCE + SLACK
        _, seconds = timed(lambda: [use(cache) for _ in range(200)])
        assert seconds < SLACK
        clock.advance(QUIET + 0.01)
    own_redis.go_on()
    time.sleep(0.1)
    assert cache.get(KEY) == "x"
    assert cache.get(KEY) == "x"
    cache.close()


def test_only_one_thread_asks_a_failing_redis_again(own_redis: RedisServer) -> None:
    """The others do not pay for the same silence."""
    clock = FakeClock()
    cache = RedisCache(own_redis.url, SECRET, clock=clock)
    own_redis.hang()
    cache.get(KEY)
    clock.advance(QUIET + 0.01)
    start = threading.Barrier(8)

    def ask(_number: int) -> float:
        start.wait(5)
        return timed(lambda: cache.get(KEY))[1]

    with ThreadPoolExecutor(8) as threads:
        waited = [seconds for seconds in threads.map(ask, range(8)) if seconds > PATIENCE / 2]
    assert 1 <= len(waited) <= 4  # two may pass the gate in the same instant, and a thread may be held up
    cache.close()


def test_a_redis_that_is_too_slow(redis_server: RedisServer) -> None:
    """It is as one that hangs; a little slow is only that."""
    with slowed(redis_server.port, PATIENCE * 2) as port, closing(RedisCache(url_of(port), SECRET)) as cache:
        found, seconds = timed(lambda: cache.get(KEY))
        assert found is None
        assert seconds < PATIENCE + SLACK
    with slowed(redis_server.port, 0.01) as port, closing(RedisCache(url_of(port), SECRET)) as cache:
        until = time.monotonic() + 10
        while cache.get(KEY) != "x":
            assert time.monotonic() < until
            cache.set(KEY, "x", 60, 10)


def test_a_redis_that_drips_is_cut_at_the_deadline(redis_server: RedisServer) -> None:
    """A byte every 20 ms is below every time-out of a socket, and would take for ever."""
    with closing(RedisCache(redis_server.url, SECRET)) as cache:
        cache.set(KEY, "x" * 1000, 60, 1000)
    with slowed(redis_server.port, 0.02, piece=1) as port, closing(RedisCache(url_of(port), SECRET)) as cache:
        found, seconds = timed(lambda: cache.get(KEY))
        assert found is None
        assert seconds < PATIENCE + SLACK


NONSENSE = {
    "http": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "nothing": b"",
    "zeros": b"\0" * 4000,
    "ok": b"+OK\r\n" * 40,
    "error": b"-ERR no\r\n" * 40,
    "strange error": b"-\xff\xfe\r\n" * 40,
    "empty error": b"-\r\n" * 40,
    "null": b"$-1\r\n" * 40,
    "numbers": b":1\r\n" * 40,
    "no number": b":x\r\n" * 40,
    "negative": b"$-7\r\n" * 40,
    "huge": b"$99999999999999999999\r\nxxxx",
    "huge array": b"*2000000000\r\n" * 40,
    "nested": b"*1\r\n" * 10000,
    "arrays": b"*3\r\n:1\r\n$1\r\nx\r\n*0\r\n" * 40,
    "as it should be": b":50000\r\n$70\r\n" + b"0" * 70 + b"\r\n$2\r\nab\r\n",
    "no array": b"*-1\r\n" * 40,
    "endless line": b"x" * 1_000_000,
}


@pytest.mark.parametrize("reply", NONSENSE.values(), ids=NONSENSE.keys())
def test_a_redis_that_talks_nonsense(reply: bytes) -> None:
    """Every call ends in time, with what a cache and a store say that have nothing."""
    with answering(reply) as port:
        clock = FakeClock()
        cache = RedisCache(url_of(port), SECRET, clock=clock)
        sessions = RedisSessions(url_of(port), SECRET, clock=clock)
        browser = Browser()
        for _ in range(3):
            found, seconds = timed(lambda: cache.get(KEY))
            assert found is None
            _, more = timed(lambda: cache.set(KEY, "x", 60, 10))
            _, most = timed(lambda: (cache.delete(KEY), cache.forget("polls")))
            assert max(seconds, more / 3, most / 2) < PATIENCE + SLACK
            browser.keep(sessions.store(browser.request(), "polls", b"x", path="/s/polls/", secure=False))
            assert sessions.load(browser.request(), "polls", secure=False) is None
            clock.advance(QUIET + 0.01)
        cache.close()
        sessions.close()


@pytest.mark.usefixtures("unhurried")
def test_answers_that_belong_to_somebody_else_are_nothing(redis_server: RedisServer) -> None:
    """A connection out of step hands one reader another's value; the proof in it says whose it is."""
    cache = RedisCache(redis_server.url, SECRET)
    cache.set(("page", "polls", "of anna"), "of anna", 60, 10)
    cache.set(("page", "polls", "of max"), "of max", 60, 10)
    connected = cache._server._connected()
    connection = connected.connection_pool.get_connection()
    anna = cache._names(("page", "polls", "of anna"))[0]
    generation = cache._names(KEY)[1]
    asked = (("PTTL", anna), ("GET", anna), ("GET", generation))
    connection.send_packed_command(connection.pack_commands(asked))
    connected.connection_pool.release(connection)
    time.sleep(0.05)
    assert cache.get(("page", "polls", "of max")) in (None, "of max")
    real = cache._server.ask
    cache._server.ask = lambda *_commands: real(*asked)  # type: ignore[method-assign]
    assert cache.get(("page", "polls", "of max")) is None
    cache.close()


@pytest.mark.usefixtures("unhurried")
def test_a_redis_that_is_full(tmp_path: Path) -> None:
    """What is there can be read; what is not taken is not kept, and does not leave the old one either."""
    server = RedisServer(tmp_path, "--maxmemory-policy", "noeviction")
    try:
        cache, sessions = RedisCache(server.url, SECRET), RedisSessions(server.url, SECRET)
        browser = Browser()
        browser.keep(sessions.store(browser.request(), "polls", b"mine", path="/", secure=False))
        cache.set(KEY, "old", 60, 10)
        cache.set(("page", "polls", "/b"), "stays", 60, 10)
        server.client.config_set("maxmemory", "1kb")
        cache.set(KEY, "new", 60, 10)
        assert cache.get(KEY) is None
        assert cache.get(("page", "polls", "/b")) == "stays"
        assert sessions.load(browser.request(), "polls", secure=False) == b"mine"
        lines = sessions.store(Browser().request(), "polls", b"x" * 8000, path="/", secure=False)
        assert lines == []
        server.client.config_set("maxmemory", "0")
        cache.set(KEY, "new", 60, 10)
        assert cache.get(KEY) == "new"
        cache.close()
        sessions.close()
    finally:
        server.stop()


@pytest.mark.usefixtures("unhurried")
def test_a_redis_that_was_restarted(own_redis: RedisServer) -> None:
    """Connections of before are not believed in; nothing is there, and then it is."""
    clock = FakeClock()
    cache = RedisCache(own_redis.url, SECRET, clock=clock)
    cache.set(KEY, "x", 60, 10)
    own_redis.kill()
    own_redis.start()
    assert cache.get(KEY) is None
    clock.advance(QUIET + 0.01)
    cache.set(KEY, "y", 60, 10)
    assert cache.get(KEY) == "y"
    cache.close()


def test_the_log_has_one_line_a_second(free_port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Each store for itself, with what it is for and what happened; without a password."""
    caplog.set_level(logging.WARNING, "plugit_wsgi.redis")
    clock = FakeClock()
    url = f"redis://us:geheim@127.0.0.1:{free_port}/0"
    cache, sessions = RedisCache(url, SECRET, clock=clock), RedisSessions(url, SECRET, clock=clock)
    for _ in range(30):
        use(cache)
        sessions.store(Browser().request(), "polls", b"x", path="/", secure=False)
        clock.advance(0.1)
    assert 4 <= len(caplog.messages) <= 6
    assert {message.split(" is ")[0] for message in caplog.messages} == {
        "redis for the cache",
        "redis for sessions",
    }
    assert "ConnectionError" in caplog.text
    assert "geheim" not in caplog.text


@pytest.mark.usefixtures("unhurried")
def test_refusals_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """A Redis that is full refuses at each page, and is asked at each page."""
    caplog.set_level(logging.WARNING, "plugit_wsgi.redis")
    clock = FakeClock()
    with answering(b"-OOM command not allowed\r\n") as port:
        cache = RedisCache(url_of(port), SECRET, clock=clock)
        for _ in range(20):
            cache.delete(KEY)
            clock.advance(0.1)
        cache.close()
    assert len(caplog.messages) == 2
    assert caplog.messages[0] == "redis for the cache refused DEL: 'command not allowed'"


@pytest.mark.usefixtures("unhurried")
def test_no_value_of_a_visitor_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Neither what was to be kept nor under which key; and nobody writes lines of their own into the log."""
    with answering(b"-ERR \x1b[2J\rforged line\r\n") as port:
        cache = RedisCache(url_of(port), SECRET, namespace="geheimer", clock=FakeClock())
        cache._missed.__dict__[cache._names(KEY)[0]] = b"generation"
        cache.set(KEY, "geheim", 60, 10)
        sessions = RedisSessions(url_of(port), SECRET, namespace="geheimer", clock=FakeClock())
        sessions.store(Browser().request(), "polls", b"geheim", path="/", secure=False)
        cache.close()
        sessions.close()
    assert len(caplog.messages) == 2
    for message in caplog.messages:
        assert "refused SET" in message
        assert message.isprintable()
        assert "geheim" not in message


def test_a_wrong_password_is_as_no_redis(tmp_path: Path) -> None:
    """And the right one works, with a database of its own."""
    server = RedisServer(tmp_path)
    try:
        server.client.config_set("requirepass", "sesame")
        use(RedisCache(f"redis://:wrong@127.0.0.1:{server.port}/0", SECRET, clock=FakeClock()))
        with closing(RedisCache(f"redis://:sesame@127.0.0.1:{server.port}/3", SECRET)) as cache:
            cache.set(KEY, "x", 60, 10)
            assert cache.get(KEY) == "x"
    finally:
        server.stop()


def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that hangs costs no more than a Redis that hangs."""
    gone = threading.Event()

    def hang(*_args: object, **_more: object) -> list[object]:
        gone.wait(5)
        raise socket.gaierror("gone")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    cache = RedisCache("redis://slow.invalid/0", SECRET, clock=None)
    found, seconds = timed(lambda: cache.get(KEY))
    gone.set()
    assert found is None
    assert seconds < PATIENCE + SLACK


def test_over_a_socket_of_the_machine(tmp_path: Path) -> None:
    """``unix://``."""
    path = tmp_path / "s"
    server = RedisServer(tmp_path, "--unixsocket", str(path))
    try:
        with closing(RedisCache(f"unix://{path}?db=2", SECRET)) as cache:
            cache.set(KEY, "x", 60, 10)
            assert cache.get(KEY) == "x"
            server.hang()
            found, seconds = timed(lambda: cache.get(KEY))
            assert found is None
            assert seconds < PATIENCE + SLACK
    finally:
        server.stop()


def test_over_tls(tmp_path: Path) -> None:
    """``rediss://``: the certificate is verified, and the same deadline holds."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca")
    certificate.private_key_pem.write_to_path(tmp_path / "key")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    files = {"cert": "--tls-cert-file", "key": "--tls-key-file", "ca": "--tls-ca-cert-file"}
    options = [word for name, option in files.items() for word in (option, str(tmp_path / name))]
    server = RedisServer(tmp_path, "--tls-port", str(port), "--tls-auth-clients", "no", *options)
    try:
        use(RedisCache(f"rediss://localhost:{port}/0", SECRET, clock=FakeClock()))
        url = f"rediss://localhost:{port}/0?ssl_ca_certs={tmp_path / 'ca'}"
        with closing(RedisCache(url, SECRET)) as cache:
            cache.set(KEY, "x", 60, 10)
            assert cache.get(KEY) == "x"
            server.hang()
            found, seconds = timed(lambda: cache.get(KEY))
            assert found is None
            assert seconds < PATIENCE + SLACK
    finally:
        server.stop()


def test_a_deadline_is_of_one_call(redis_server: RedisServer) -> None:
    """What a thread asked a while ago does not count."""
    server = Server(redis_server.url, "tests")
    assert server.ask(("PING",)) == [True]
    time.sleep(PATIENCE * 1.2)
    assert server.ask(("PING",)) == [True]
    server.close()
