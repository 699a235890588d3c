"""Two machines that share a Redis, and what visitors notice when it breaks: slower pages, no others."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
import webob
from werkzeug.test import Client

from plugit_wsgi import PlugItMiddleware, Service, Stores, User
from plugit_wsgi.config import Limits
from plugit_wsgi.redis import RedisCache, RedisSessions, server
from plugit_wsgi.redis.server import PATIENCE, QUIET
from plugit_wsgi.testing.fake_service import Call, FakeService, Reply
from plugit_wsgi.testing.oracle import run_oracle
from tests.support.redis_server import RedisServer, answering, slowed
from tests.support.servers import run_command

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SECRET = "a secret of the tests, long enough."
PAGE = '{% extends "plugIt/base.html" %}{% block content %}<p>{{ text }}</p>{% endblock %}'
PEOPLE = {
    "anna": User("7", "anna"),
    "max": User("8", "max", member=True),
    "mia": User("9", "mia", member=True),
}
CALLS_OF_A_PAGE = 4
"""On Redis: session, meta, page, fragment."""


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def service() -> FakeService:
    """Counts its pages; `/secret` is for members, `/mine` for each user apart."""
    service, numbers = FakeService(), itertools.count(1)

    def text(call: Call) -> Reply:
        return Reply(body={"text": f"{call.path} is page {next(numbers)}"})

    def remember(call: Call) -> Reply:
        value = call.query.partition("v=")[2].partition("&")[0]
        return Reply(body={"text": "ok"}, headers=(("EbuIo-PlugIt-SetSession-v", value),))

    def recall(call: Call) -> Reply:
        return Reply(body={"text": f"v is {call.headers.get('cookie', 'gone')}"})

    for path, meta in {
        "/page": {"cache_time": 60},
        "/secret": {"cache_time": 60, "only_member_user": True, "cache_by_user": False},
        "/mine": {"cache_time": 60, "user_info": ["username"]},
        "/fresh": {},
    }.items():
        service.action(path, meta=meta, template=PAGE, answer=text)
    service.action("/remember", template=PAGE, answer=remember)
    service.action("/recall", template=PAGE, answer=recall)
    for path in ("/page", "/secret", "/mine", "/fresh"):
        answer: Any = service._answers[f"/meta{path}"]
        service.answer(f"/meta{path}", Reply(body=answer.body))  # without its "max-age=0"
    return service


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are not about time: a busy machine may stall for longer than Redis is waited for."""
    monkeypatch.setattr(server, "PATIENCE", 5.0)


def identify(request: webob.Request) -> User | None:
    return PEOPLE.get(request.headers.get("X-Test-User", ""))


def nothing_else(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"the host"]


class Machine:
    """One process of the host, with stores of its own on the same Redis. For one thread."""

    def __init__(self, service_url: str, url: str | None) -> None:
        self.cache = None if url is None else RedisCache(url, SECRET)
        self.sessions = None if url is None else RedisSessions(url, SECRET)
        self.app = PlugItMiddleware(
            nothing_else,
            [Service("x", service_url)],
            SECRET,
            identify=identify,
            stores=Stores(cache=self.cache, sessions=self.sessions),
        )

    def close(self) -> None:
        self.app.close()
        if self.cache is not None and self.sessions is not None:
            self.cache.close()
            self.sessions.close()


class Visitor:
    """A browser that finds another machine each time it is told to. For one thread."""

    def __init__(self, name: str = "") -> None:
        self._headers = {"X-Test-User": name}
        self._client = Client(nothing_else)

    def get(self, machine: Machine, path: str) -> tuple[int, str]:
        """Status and text of a page."""
        self._client.application = machine.app
        with self._client.get("/s/x" + path, headers=self._headers) as response:
            text = response.get_data(as_text=True)
        return response.status_code, text.partition("<p>")[2].partition("</p>")[0]


Start = Callable[[str | None], Machine]


@pytest.fixture
def start(serve: Callable[[WSGIApplication], str], service: FakeService) -> Iterator[Start]:
    """`start(url)` is one more machine."""
    machines: list[Machine] = []
    service_url = serve(service)

    def start(url: str | None) -> Machine:
        machines.append(Machine(service_url, url))
        return machines[-1]

    yield start
    for machine in machines:
        machine.close()


@pytest.mark.usefixtures("unhurried")
def test_pages_and_meta_are_shared(start: Start, redis_server: RedisServer, service: FakeService) -> None:
    """What one machine asked, the other knows; templates each compiles for itself."""
    one, two = start(redis_server.url), start(redis_server.url)
    first = Visitor().get(one, "/page")
    assert first == (200, "/action/page is page 1")
    assert Visitor().get(two, "/page") == first
    assert Visitor("anna").get(two, "/page") == first
    assert len(service.called("/meta/page")) == len(service.called("/action/page")) == 1


@pytest.mark.usefixtures("unhurried")
def test_pages_of_users_are_shared_with_nobody(start: Start, redis_server: RedisServer) -> None:
    """The same user finds it on the other machine, somebody else does not; rules come first."""
    one, two = start(redis_server.url), start(redis_server.url)
    mine = Visitor("anna").get(one, "/mine")
    assert Visitor("anna").get(two, "/mine") == mine
    assert Visitor("max").get(two, "/mine") != mine
    secret = Visitor("max").get(one, "/secret")
    assert Visitor("mia").get(two, "/secret") == secret
    assert Visitor("anna").get(two, "/secret")[0] == Visitor().get(two, "/secret")[0] == 403


@pytest.mark.usefixtures("unhurried")
def test_sessions_are_shared(start: Start, redis_server: RedisServer) -> None:
    """Of the same visitor alone."""
    one, two = start(redis_server.url), start(redis_server.url)
    visitor = Visitor("anna")
    visitor.get(one, "/remember?v=apples")
    assert "apples" in visitor.get(two, "/recall")[1]
    visitor.get(two, "/remember?v=pears")
    assert "pears" in visitor.get(one, "/recall")[1]
    assert "pears" not in Visitor("anna").get(one, "/recall")[1]


@pytest.mark.usefixtures("unhurried")
def test_forgetting_a_service_reaches_the_other_machine(start: Start, redis_server: RedisServer) -> None:
    """After a service was changed, no visitor gets its older pages."""
    one, two = start(redis_server.url), start(redis_server.url)
    before = Visitor().get(one, "/page")
    assert two.cache is not None
    assert two.cache.forget("x")
    after = Visitor().get(one, "/page")
    assert after != before
    assert Visitor().get(two, "/page") == after


HOST = """
import os

from plugit_wsgi import PlugItMiddleware, Service, Stores
from plugit_wsgi.redis import RedisCache, RedisSessions, server

server.PATIENCE = 5.0  # this is not about time

def host(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]

redis, secret = os.environ["HOST_REDIS"], os.environ["HOST_SECRET"]
stores = Stores(cache=RedisCache(redis, secret), sessions=RedisSessions(redis, secret))
application = PlugItMiddleware(
    host, [Service("x", os.environ["HOST_SERVICE"])], secret, threads=16, stores=stores
)
"""


def test_forked_workers_share_what_is_kept(
    serve: Callable[[WSGIApplication], str], service: FakeService, redis_server: RedisServer, tmp_path: Path
) -> None:
    """Two workers of ``gunicorn --preload``: the stores are made before the fork, connections after it."""
    (tmp_path / "redis_host.py").write_text(HOST)
    settings = ["-c", str(Path(__file__).with_name("gunicorn_preload.py")), "--pythonpath", str(tmp_path)]
    env = {
        "HOST_REDIS": redis_server.url,
        "HOST_SECRET": SECRET,
        "HOST_SERVICE": serve(service),
        "LIVE_WORKERS": "2",
    }
    command = [sys.executable, "-m", "gunicorn", *settings, "redis_host:application"]
    with run_command(command, ready="Serving ", forbidden="Traceback", env=env) as running:

        def read(path: str) -> str:
            with urlopen(running.url + path, timeout=10) as answer:
                text: str = answer.read().decode()
            return text.partition("<p>")[2].partition("</p>")[0] or text

        with ThreadPoolExecutor(8) as threads:
            page = read("/s/x/page")
            assert set(threads.map(read, ["/s/x/page"] * 400)) == {page}
            pids = set(threads.map(read, ["/"] * 100))
        redis_server.kill()
        assert read("/s/x/page") != read("/s/x/page")
    assert len(pids) == 2


def check_pages(machine: Machine, within: float) -> None:
    """Every kind of page comes in time, and every rule holds."""
    for name, path, status in (
        ("", "/page", 200),
        ("anna", "/mine", 200),
        ("max", "/secret", 200),
        ("anna", "/secret", 403),
        ("", "/secret", 403),
        ("", "/mine", 200),
        ("anna", "/fresh", 200),
        ("anna", "/remember?v=a", 200),
        ("anna", "/recall", 200),
    ):
        started = time.monotonic()
        found = Visitor(name).get(machine, path)
        assert time.monotonic() - started < within, (name, path)
        assert found[0] == status, (name, path)


def test_redis_dies_and_comes_back(
    start: Start, redis_server: RedisServer, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages come meanwhile, from the service; afterwards they are shared again."""
    one, two = start(redis_server.url), start(redis_server.url)
    check_pages(one, 2)
    visitor = Visitor("anna")
    visitor.get(one, "/remember?v=apples")
    redis_server.kill()
    for machine in (one, two):
        check_pages(machine, 2 * PATIENCE + 0.8)
    calls = len(service.called("/action/page"))
    assert Visitor().get(one, "/page") != Visitor().get(one, "/page")
    assert len(service.called("/action/page")) == calls + 2
    assert visitor.get(one, "/recall")[0] == 200
    redis_server.start()
    time.sleep(QUIET + 0.05)
    monkeypatch.setattr(server, "PATIENCE", 5.0)
    check_pages(one, 2)
    assert Visitor().get(one, "/page") == Visitor().get(two, "/page")
    visitor.get(one, "/remember?v=plums")
    assert "plums" in visitor.get(two, "/recall")[1]


def test_redis_hangs(start: Start, redis_server: RedisServer) -> None:
    """One silence of each store in a second, for the whole process: most pages notice nothing."""
    machine = start(redis_server.url)
    check_pages(machine, 2)
    redis_server.hang()
    started = time.monotonic()
    pages = 0
    while time.monotonic() < started + 1.5 * QUIET:
        assert Visitor().get(machine, "/page")[0] == 200
        assert Visitor().get(machine, "/secret")[0] == 403
        pages += 2
    waited = 2 * 2 * PATIENCE  # two stores, twice in this time
    spent = time.monotonic() - started
    assert pages > 20
    assert spent < 1.5 * QUIET + waited + 0.5
    redis_server.go_on()


@pytest.mark.parametrize("delay", [0.3 * PATIENCE, 3 * PATIENCE])
def test_redis_is_slow(start: Start, redis_server: RedisServer, delay: float) -> None:
    """Each call on it may take its time, and no more: a page makes a handful of them."""
    with slowed(redis_server.port, delay) as port:
        machine = start(f"redis://127.0.0.1:{port}/0")
        check_pages(machine, 2 * CALLS_OF_A_PAGE * PATIENCE + 0.5)
        until = time.monotonic() + (5 if delay < PATIENCE else 0)
        is_kept = False
        while not is_kept:
            is_kept = Visitor().get(machine, "/page") == Visitor().get(machine, "/page")
            if time.monotonic() > until:
                break
        assert is_kept is (delay < PATIENCE)
        machine.close()


@pytest.mark.usefixtures("unhurried")
def test_redis_is_full(start: Start, redis_server: RedisServer) -> None:
    """What it has, it gives; nothing new is kept."""
    machine = start(redis_server.url)
    before = Visitor().get(machine, "/page")
    redis_server.client.config_set("maxmemory", "1kb")
    assert Visitor().get(machine, "/page") == before
    check_pages(machine, 1)
    assert Visitor("mia").get(machine, "/mine") != Visitor("mia").get(machine, "/mine")


def test_redis_is_none(start: Start) -> None:
    """Another server answers on its port."""
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        check_pages(start(f"redis://127.0.0.1:{port}/0"), 2 * PATIENCE + 0.8)


@pytest.mark.parametrize("plant", ["garbage", "each other's"])
@pytest.mark.usefixtures("unhurried")
def test_what_is_planted_in_redis_opens_nothing(start: Start, redis_server: RedisServer, plant: str) -> None:
    """Garbage, or the meta of a page for everybody under the key of one for members."""
    machine = start(redis_server.url)
    check_pages(machine, 2)
    client = redis_server.client
    values = {name: client.get(name) for name in client.keys("*")}
    for value in {*values.values()} if plant == "each other's" else {b"\x80garbage"}:
        for name in values:
            client.set(name, value or b"", px=60_000)
        assert Visitor("anna").get(machine, "/secret")[0] == 403
        assert Visitor().get(machine, "/secret")[0] == 403
        assert Visitor("max").get(machine, "/secret")[0] == 200
        assert "/mine" in Visitor("anna").get(machine, "/mine")[1]
    check_pages(start(redis_server.url), 2)


@pytest.mark.usefixtures("unhurried")
def test_two_visitors_share_what_they_share_by_memory(start: Start, redis_server: RedisServer) -> None:
    """The same visits, by the cache of a process and by Redis: who sees whose page is the same."""
    in_redis, in_memory = start(redis_server.url), start(None)
    seen: list[list[int]] = []
    for machine in (in_memory, in_redis):
        order: dict[tuple[int, str], int] = {}
        visits = itertools.product(
            ("anna", "max", "mia", ""), ("/page", "/mine", "/secret", "/fresh"), (1, 2)
        )
        found = [Visitor(name).get(machine, f"{path}?q={q}") for name, path, q in visits]
        seen.append([order.setdefault(page, len(order)) for page in found])
    assert seen[0] == seen[1]


def test_nobody_sees_what_is_anothers(redis_server: RedisServer) -> None:
    """The oracle before two machines by turns, while the service breaks and Redis comes and goes."""
    turns = itertools.count()
    machines: list[PlugItMiddleware] = []
    stores: list[Any] = []

    def make_app(url: str, identify: Any) -> WSGIApplication:
        for _ in range(2):
            cache, sessions = RedisCache(redis_server.url, SECRET), RedisSessions(redis_server.url, SECRET)
            stores.extend((cache, sessions))
            machines.append(
                PlugItMiddleware(
                    nothing_else,
                    [Service("oracle", url)],
                    SECRET,
                    identify=identify,
                    threads=32,
                    limits=Limits(page=0.5, call=0.5, connect=0.2, stall=0.5),
                    stores=Stores(cache=cache, sessions=sessions),
                )
            )
        return by_turns

    def by_turns(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        turn = next(turns)
        if turn in (400, 700):
            redis_server.kill()
        if turn in (500, 800):
            redis_server.start()
        return machines[turn % 2](environ, start_response)

    report = run_oracle(make_app, requests=1000, users=8, seed=5)
    for closed in (*machines, *stores):
        closed.close()
    report.check()
    assert report.own > report.requests // 5


def test_the_stores_of_a_host_that_never_reaches_redis(start: Start, free_port: int) -> None:
    """It starts, serves, and stops."""
    with closing(start(f"redis://127.0.0.1:{free_port}/0")) as machine:
        check_pages(machine, 1)
