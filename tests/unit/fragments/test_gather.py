"""The fragments of a page at the same time: who works on which, and when the page goes on."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any, cast

import pytest

from plugit_wsgi.clock import Deadline, SystemClock
from plugit_wsgi.errors import CircuitOpen, PlugItError, ServiceBusy
from plugit_wsgi.fragments.gather import Busy, Gathering, Job
from plugit_wsgi.guard import FEW
from plugit_wsgi.spare import SpareThreads

CLOCK = SystemClock()
Behaviour = Callable[[Job], object]


class Mounts:
    """Stands for all mounts: what a job does is told by its service."""

    def __init__(self) -> None:
        self.behaviour: dict[str, Behaviour] = {}
        self.begun: list[str] = []
        self.told: list[str] = []
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self._lock = threading.Lock()

    def job(self, target: str) -> Job:
        service = target.split("/")[1]
        visit = SimpleNamespace(service=SimpleNamespace(name=service), target=target)
        return Job(target=target, mounted=cast(Any, self), visit=cast(Any, visit))

    def piece(self, visit: Any, _within: Deadline) -> str:
        service = visit.service.name
        with self._lock:
            self.begun.append(visit.target)
            self.running[service] += 1
            self.most[service] = max(self.most[service], self.running[service])
        try:
            self.behaviour.get(service, lambda _visit: None)(visit)
        finally:
            with self._lock:
                self.running[service] -= 1
        return f"piece of {visit.target}"

    def tell(self, _error: PlugItError, visit: Any) -> None:
        self.told.append(visit.target)


@pytest.fixture
def mounts() -> Mounts:
    return Mounts()


@pytest.fixture
def pool() -> Iterator[SpareThreads]:
    made = SpareThreads(3)
    yield made
    made.close()


def gather(
    mounts: Mounts, pool: SpareThreads, *targets: str, seconds: float = 5, busy: Busy | None = None
) -> Any:
    """What is there at the deadline."""
    jobs = [mounts.job(target) for target in targets]
    return Gathering(jobs, Deadline.after(seconds, CLOCK), busy or Busy()).run(pool)


def test_all_pieces_come(mounts: Mounts, pool: SpareThreads) -> None:
    """With helpers, and without."""
    for helpers in (pool, SpareThreads(0)):
        found = gather(mounts, helpers, "/a/1", "/b/1", "/c/1")
        assert found == {target: f"piece of {target}" for target in ("/a/1", "/b/1", "/c/1")}


def test_few_of_one_service_at_a_time(mounts: Mounts, pool: SpareThreads) -> None:
    """The others of the page go on meanwhile."""
    mounts.behaviour = {name: lambda _job: time.sleep(0.01) for name in "ab"}
    assert len(gather(mounts, pool, *(f"/a/{n}" for n in range(9)), "/b/1")) == 10
    assert mounts.most["a"] == FEW


def test_the_page_goes_on_at_its_deadline(mounts: Mounts, pool: SpareThreads) -> None:
    """Whatever a helper is at; what comes later is not put in."""
    over, own = threading.Event(), threading.get_ident()

    def hang(_job: Job) -> None:
        if threading.get_ident() != own:
            over.wait(5)
        else:
            time.sleep(0.05)  # so that the other one is taken by a helper

    mounts.behaviour = {"a": hang}
    started = time.monotonic()
    found = gather(mounts, pool, "/a/1", "/a/2", seconds=0.2)
    took = time.monotonic() - started
    over.set()
    assert len(found) == 1
    assert 0.15 < took < 0.5


def test_what_waits_at_the_deadline_is_not_begun(mounts: Mounts) -> None:
    """A slow one leaves the rest out."""
    mounts.behaviour = {"a": lambda _job: time.sleep(0.06)}
    assert list(gather(mounts, SpareThreads(0), "/a/1", "/a/2", seconds=0.05)) == ["/a/1"]
    assert mounts.begun == ["/a/1"]


def test_a_service_that_is_busy_comes_last(mounts: Mounts) -> None:
    """Another page waits for it: it may hang, and the others do not."""
    busy = Busy()
    busy.add("a", 1)
    gather(mounts, SpareThreads(0), "/a/1", "/b/1", "/c/1", busy=busy)
    assert mounts.begun == ["/b/1", "/c/1", "/a/1"]
    assert (busy["a"], busy["b"]) == (1, 0)


def test_one_without_a_place_tries_again_after_all_others(mounts: Mounts) -> None:
    """Once, and only then it is told."""

    def full(_job: Job) -> None:
        raise ServiceBusy("full")

    mounts.behaviour = {"a": full}
    assert list(gather(mounts, SpareThreads(0), "/a/1", "/b/1")) == ["/b/1"]
    assert mounts.begun == ["/a/1", "/b/1", "/a/1"]
    assert mounts.told == ["/a/1"]


def test_one_whose_circuit_is_open_does_not(mounts: Mounts) -> None:
    """It is down for longer than a page."""

    def down(_job: Job) -> None:
        raise CircuitOpen("down")

    mounts.behaviour = {"a": down}
    assert gather(mounts, SpareThreads(0), "/a/1") == {}
    assert mounts.begun == mounts.told == ["/a/1"]


def test_a_mistake_of_the_host_ends_its_piece_alone(mounts: Mounts, pool: SpareThreads, caplog: Any) -> None:
    """And stands in the log."""
    mounts.behaviour = {"a": lambda _job: 1 / 0}
    assert list(gather(mounts, pool, "/a/1", "/b/1")) == ["/b/1"]
    assert "ZeroDivisionError" in caplog.text


def test_helpers_have_the_context_of_the_visitors_thread(pool: SpareThreads) -> None:
    """A copy each."""
    variable: ContextVar[str] = ContextVar("variable", default="none")
    variable.set("visitor")
    seen: list[str] = []
    done = threading.Semaphore(0)

    def work() -> None:
        seen.append(variable.get())
        variable.set("changed")
        done.release()

    pool.help(work, 2)
    assert all(done.acquire(timeout=5) for _ in range(2))
    assert (seen, variable.get()) == (["visitor", "visitor"], "visitor")


def test_a_process_that_forks_has_threads_of_its_own(
    pool: SpareThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of its parent are not there."""

    def helper() -> str:
        names: list[str] = []
        done = threading.Event()
        pool.help(lambda: (names.append(str(threading.get_ident())), done.set()), 1)
        assert done.wait(5)
        return str(pool._executor)

    parent, pid = helper(), os.getpid()
    assert helper() == parent
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    assert helper() != parent


def test_a_pool_that_is_closed_is_made_anew(pool: SpareThreads) -> None:
    """As for a process that ends: no page depends on it."""
    done = threading.Event()
    pool.help(lambda: None, 1)
    pool.close()
    pool.close()
    pool.help(done.set, 1)
    assert done.wait(5)
