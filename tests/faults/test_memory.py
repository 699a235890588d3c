"""F21, F22, F28, F44: what is huge, through a host in a process of its own, whose memory stays flat."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO

import pytest

from plugit_wsgi.testing import faults
from plugit_wsgi.testing.faults import FAULTS, Asked
from plugit_wsgi.testing.toxic import ToxicService
from plugit_wsgi.wire.keys import api_keys, load_secrets, service_keys
from tests.live.programs import MIB, SECRET, Host, forget_peak, peak, run_host

GIB = 1024 * MIB
#: Of a page, at its deadline; and what a page of text may take, a place of the promise.
DEADLINE = 5.0
SLOT = 16 * MIB
PLACES = 4  # of one service at a host of eight threads


@pytest.fixture(scope="module")
def toxic() -> Iterator[ToxicService]:
    """The service."""
    FAULTS["gzip-bomb"].script(Asked(healthy={}))  # packed once, for all
    with ToxicService() as service:
        yield service


@pytest.fixture(scope="module")
def host(toxic: ToxicService) -> Iterator[Host]:
    """A host of eight threads under gunicorn."""
    with run_host("gunicorn", {"toxic": toxic.url}, validate=False) as host:
        key = api_keys(service_keys(load_secrets(SECRET), "toxic"))[-1]
        toxic.use_api(f"{host.url}/s/_api/toxic/orgas/", key)
        assert status(host, "fine") == 200
        yield host


def status(host: Host, name: str) -> int:
    """Of an action."""
    with host.visitor() as visitor:
        return visitor.get(f"/s/toxic/{name}").status


@contextmanager
def measured(host: Host, memory: list[int]) -> Iterator[None]:
    """Adds to a list how much more memory than before the host had at its peak, in bytes."""
    pid = host.running.process.pid
    forget_peak(pid)
    before = peak(pid)
    yield
    memory.append(peak(pid) - before)


@contextmanager
def takes_at_most(host: Host, size: int) -> Iterator[None]:
    """More memory than before, in bytes, at its peak."""
    memory: list[int] = []
    with measured(host, memory):
        yield
    assert memory[0] <= size, f"{memory[0] / MIB:.1f} MiB"


@pytest.mark.parametrize("where", ["", "on-meta/", "on-template/"])
@pytest.mark.parametrize("name", ["huge-page", "gzip-bomb"])
def test_f21_f22_sends_a_page_that_is_too_large(host: Host, name: str, where: str) -> None:
    """502 at the cap, of 100 MiB that are sent or would come of it; 2 MiB of memory at most.

    The least of three counts: a thread that never had a page before takes more, once, for its allocator.
    """
    memory = []
    for _ in range(3):
        started = time.monotonic()
        with measured(host, memory):
            assert status(host, where + name) == 502
        assert time.monotonic() - started < 1
    assert min(memory) <= 2 * MIB
    assert max(memory) <= SLOT
    assert status(host, "fine") == 200


def test_f21_sends_a_file_of_1_gb(host: Host) -> None:
    """All of it comes, through 2 MiB of memory at most.

    Its first 32 MiB may take more, once: they fill what the allocator keeps for a thread.
    """
    with host.visitor() as visitor, visitor.begin("GET", "/s/toxic/huge-file") as file:
        assert file.headers["Content-Length"] == str(GIB)
        with takes_at_most(host, SLOT):
            size = take(file, 32 * MIB)
        with takes_at_most(host, 2 * MIB):
            size += take(file, GIB)
    assert size == GIB


def take(file: BinaryIO, limit: int) -> int:
    """Reads a file to its end, or to a limit in bytes; how much came."""
    size = 0
    buffer = memoryview(bytearray(MIB))
    while size < limit and (count := file.readinto(buffer[: limit - size])):
        size += count
    return size


def test_f28_takes_all_memory_at_once_in_all_places(host: Host) -> None:
    """So many visitors as there are places, each within the memory of one, and the page within its time."""
    started = time.monotonic()
    with takes_at_most(host, SLOT * PLACES), ThreadPoolExecutor(PLACES) as visitors:
        found = list(visitors.map(lambda name: status(host, name), ["template-memory", "template-loop"] * 2))
    assert set(found) <= {502, 503}
    assert 502 in found
    assert time.monotonic() - started < 0.5 * PLACES + 0.5
    assert status(host, "fine") == 200


def test_f44_calls_back_while_all_threads_are_busy(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen visitors at eight threads: who has a place gets the page, the others 503; nobody hangs.

    The API answers from its reserve each time.
    """
    seen: Counter[int] = Counter()
    heard: Counter[int] = Counter()
    ask = faults._ask

    def listen(url: str, key: str) -> int:
        status = ask(url, key)
        heard[status] += 1
        return status

    monkeypatch.setattr(faults, "_ask", listen)
    started = time.monotonic()
    with ThreadPoolExecutor(16) as visitors:
        for _ in range(3):
            seen.update(visitors.map(lambda _: status(host, "api-callback"), range(16)))
    assert set(seen) <= {200, 503}
    assert seen[200] >= 3 * PLACES
    # A GET may go out once more on a fresh connection.
    assert heard.keys() == {200}
    assert heard[200] >= seen[200]
    assert time.monotonic() - started < DEADLINE
