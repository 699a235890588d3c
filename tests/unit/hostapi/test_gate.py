"""The API has capacity of its own: so many calls a second, so many at a time, and never all threads."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from itertools import islice
from typing import Any

import pytest
import webob
from tests.support.servers import serve_in_thread

from plugit_wsgi import PlugItMiddleware
from plugit_wsgi.config import Limits, Service
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.errors import ConfigError, ServiceBusy, TooManyRequests
from plugit_wsgi.hostapi.api import ServiceApi
from plugit_wsgi.hostapi.gate import WAIT, ApiPlaces, Bucket
from plugit_wsgi.people import User
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.wire.keys import api_keys, load_secrets, service_keys

SECRET = "a secret of the tests, long enough."
THREADS = 8
NAMES = ("polls", "notes")
KEYS = {name: api_keys(service_keys(load_secrets(SECRET), name))[0] for name in NAMES}


class Slow(StaticDirectory):
    """Users are found when the test says so; counts who waits."""

    def __init__(self) -> None:
        super().__init__((User("7", "zoe"),))
        self.go_on = threading.Event()
        self.inside = threading.Semaphore(0)

    def user(self, user_id: str) -> User | None:
        self.inside.release()
        assert self.go_on.wait(10)
        return super().user(user_id)


# Calls a second ------------------------------------------------------------------------


def test_a_bucket_has_a_burst_and_a_rate() -> None:
    """And says when the next one may come."""
    clock = FakeClock()
    bucket = Bucket(rate=2.0, burst=3, clock=clock)
    for _ in range(3):
        bucket.take()
    with pytest.raises(TooManyRequests) as refused:
        bucket.take()
    assert refused.value.retry_after == pytest.approx(0.5)
    clock.advance(0.5)
    bucket.take()
    with pytest.raises(TooManyRequests):
        bucket.take()
    clock.advance(100)
    for _ in range(3):
        bucket.take()
    with pytest.raises(TooManyRequests):
        bucket.take()


def test_too_many_calls_of_a_service_are_429() -> None:
    """Not those of another one."""
    clock, limits = FakeClock(), Limits(api_rate=0.25, api_burst=2)
    request = webob.Request({"REQUEST_METHOD": "GET", "PATH_INFO": "/"})
    polls, notes = (
        ServiceApi(
            Service(name, "http://127.0.0.1:1"), directory=None, deliver=None, limits=limits, clock=clock
        )
        for name in NAMES
    )
    assert [polls.answer(request, "user/7").status for _ in range(3)] == [404, 404, 429]
    answer = polls.answer(request, "user/7")
    assert dict(answer.headers)["Retry-After"] == "4"
    assert answer.body == b'{"error": "rate"}'
    assert notes.answer(request, "user/7").status == 404


@pytest.mark.parametrize(
    ("limit", "value"),
    [("api_rate", 0), ("api_burst", 0), ("api_rate", -1), ("api_burst", 1.5), ("api_places", 0)],
)
def test_limits_that_mean_nothing(limit: str, value: float) -> None:
    """By name, at the start."""
    with pytest.raises(ConfigError, match=f"Limits.{limit}"):
        Limits(**{limit: value})  # type: ignore[arg-type]


# Places --------------------------------------------------------------------------------


@pytest.mark.parametrize(("threads", "count"), [(1, 1), (3, 1), (8, 2), (32, 8)])
def test_a_quarter_of_the_threads(threads: int, count: int) -> None:
    """Or as many as the host says, but not more than it has threads."""
    clock = FakeClock()
    assert ApiPlaces(threads, Limits(), clock).count == count
    assert ApiPlaces(threads, Limits(api_places=threads), clock).count == threads
    with pytest.raises(
        ConfigError, match=f"api_places: got {threads + 1}, expected at most threads={threads}"
    ):
        ApiPlaces(threads, Limits(api_places=threads + 1), clock)


def test_where_calls_hang_nobody_waits() -> None:
    """The one more is refused at once, with a time to come again."""
    clock = FakeClock()
    places = ApiPlaces(THREADS, Limits(), clock)
    with ExitStack() as hanging:
        for _ in range(places.count):
            hanging.enter_context(places.held("polls"))
        clock.advance(1)
        started = time.monotonic()
        with pytest.raises(ServiceBusy) as busy, places.held("polls"):
            pass
        assert time.monotonic() - started < WAIT / 2
        assert busy.value.retry_after == 1.0
    with places.held("polls"):
        pass


def test_where_calls_come_back_one_more_waits() -> None:
    """And gets the place that comes free."""
    places = ApiPlaces(THREADS, Limits(), FakeClock())
    got = threading.Event()

    def late() -> None:
        with places.held("polls"):
            got.set()

    with ExitStack() as first:
        for _ in range(places.count):
            first.enter_context(places.held("polls"))
        waiter = threading.Thread(target=late)
        waiter.start()
        assert not got.wait(0.05)
    assert got.wait(WAIT)
    waiter.join()


def test_one_service_leaves_a_place_to_the_others() -> None:
    """If there are others, and more places than one."""
    clock = FakeClock()
    places = ApiPlaces(THREADS, Limits(), clock)
    places.services = 2
    with places.held("polls"):
        clock.advance(1)
        with pytest.raises(ServiceBusy), places.held("polls"):
            pass
        with places.held("notes"):
            pass
    alone = ApiPlaces(1, Limits(), clock)
    alone.services = 2
    with alone.held("polls"):
        pass


# A whole host --------------------------------------------------------------------------


def call(middleware: PlugItMiddleware, path: str, name: str = "polls") -> tuple[int, Any, float]:
    started = time.monotonic()
    headers = {"Authorization": f"Bearer {KEYS[name]}"}
    answer = webob.Request.blank(path, headers=headers).get_response(middleware)
    return answer.status_code, answer.headers.get("Retry-After"), time.monotonic() - started


@pytest.fixture
def slow() -> Iterator[Slow]:
    directory = Slow()
    yield directory
    directory.go_on.set()


def site(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the host"]


def test_calls_that_hang_leave_the_host_its_threads(slow: Slow) -> None:
    """Eight threads, 16 calls on a directory that hangs: two hold a thread, the rest is refused."""
    services = [Service("polls", "http://127.0.0.1:1")]
    middleware = PlugItMiddleware(site, services, SECRET, directory=slow, threads=THREADS)
    with ThreadPoolExecutor(THREADS) as threads:
        calls = [threads.submit(call, middleware, "/s/_api/polls/user/7") for _ in range(2 * THREADS)]
        page = threads.submit(call, middleware, "/")
        status, _, _ = page.result(timeout=3 * WAIT)
        assert status == 200
        for _ in range(2):
            assert slow.inside.acquire(timeout=1)
        refused = list(islice(as_completed(calls, timeout=5 * WAIT), 2 * THREADS - 2))
        assert {answer.result()[0] for answer in refused} == {503}
        assert not slow.inside.acquire(timeout=0.1)
        slow.go_on.set()
        answers = [answer.result(timeout=5) for answer in calls]
    middleware.close()
    assert sorted(status for status, _, _ in answers) == [200] * 2 + [503] * 14
    assert {retry for status, retry, _ in answers if status == 503} == {"1"}
    assert all(seconds < 2 * WAIT for status, _, seconds in answers if status == 503)


def test_pages_that_wait_leave_the_api_its_threads() -> None:
    """All that may wait at services do; the calls they make back are answered meanwhile."""
    came = threading.Semaphore(0)
    go_on = threading.Event()

    def hanging(environ: Any, start_response: Any) -> list[bytes]:
        came.release()
        go_on.wait(10)
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
        return [b""]

    directory = StaticDirectory((User("7", "zoe"),))
    with serve_in_thread(hanging) as url:
        services = [Service(name, url) for name in NAMES]
        limits = Limits(call=5, busy_wait=0)
        middleware = PlugItMiddleware(
            site, services, SECRET, directory=directory, threads=THREADS, limits=limits
        )
        with ThreadPoolExecutor(THREADS) as threads:
            pages = [
                threads.submit(call, middleware, f"/s/{name}/{number}")
                for name in NAMES
                for number in range(3)
            ]
            try:
                for _ in range(4):
                    assert came.acquire(timeout=3)
                answers = [
                    threads.submit(call, middleware, f"/s/_api/{name}/user/7", name) for name in 10 * NAMES
                ]
                assert {answer.result(timeout=3)[0] for answer in answers} == {200}
            finally:
                go_on.set()
            assert {page.result(timeout=10)[0] for page in pages} <= {502, 503}
        middleware.close()


def test_reading_a_mail_takes_no_place() -> None:
    """A body that comes slowly holds its own thread and nobody else's place."""
    places = ApiPlaces(4, Limits(), FakeClock())  # one place
    read = threading.Event()

    class Input:
        def read(self, _size: int = -1) -> bytes:
            assert read.wait(5)
            return b"dests=a%40example.org"

    api = ServiceApi(
        Service("polls", "http://127.0.0.1:1", mail_to="anyone"),
        directory=StaticDirectory((User("7"),)),
        deliver=lambda mail: None,
        limits=Limits(),
        places=places,
    )
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/", "CONTENT_LENGTH": "21", "wsgi.input": Input(),
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
    }  # fmt: skip
    with ThreadPoolExecutor(1) as threads:
        mail = threads.submit(api.answer, webob.Request(environ), "mail/")
        other = api.answer(webob.Request({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}), "user/7")
        read.set()
        assert (other.status, mail.result(timeout=5).status) == (200, 200)
        assert isinstance(other.body, bytes)
        assert json.loads(other.body)["id"] == "7"
