"""One a second of each key; what is held back is counted, and not lost."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from plugit_wsgi.observers.rate import OTHERS, Rate
from plugit_wsgi.testing.clock import FakeClock


def test_one_a_second() -> None:
    """The next one after a second says how many were held back."""
    clock = FakeClock()
    rate: Rate[str] = Rate(clock)
    assert [rate.admit("k", item) for item in "abc"] == [0, None, None]
    clock.advance(0.999)
    assert rate.admit("k", "d") is None
    clock.advance(0.001)
    assert [rate.admit("k", item) for item in "ef"] == [3, None]
    clock.advance(5)
    assert rate.admit("k", "g") == 1
    clock.advance(1)
    assert rate.admit("k", "h") == 0


def test_keys_do_not_wait_for_each_other() -> None:
    """Each has a second of its own."""
    rate: Rate[str] = Rate(FakeClock())
    assert [rate.admit(key, "x") for key in ("a", "b", "a", "b")] == [0, 0, None, None]


def test_what_was_held_back_is_due_after_the_second() -> None:
    """The newest stands for all of them, and takes the next second."""
    clock = FakeClock()
    rate: Rate[str] = Rate(clock)
    for item in "abc":
        rate.admit("k", item)
    rate.admit("other", "o")
    assert rate.due() == []
    clock.advance(1)
    assert rate.due() == [("c", 1)]
    assert rate.due() == []
    assert rate.admit("k", "d") is None
    clock.advance(1)
    assert rate.due() == [("d", 0)]


def test_each_key_is_due_at_its_own_time() -> None:
    """A later one does not put off an earlier one."""
    clock = FakeClock()
    rate: Rate[str] = Rate(clock)
    rate.admit("a", "a")
    rate.admit("a", "a")
    clock.advance(0.5)
    rate.admit("b", "b")
    rate.admit("b", "b")
    clock.advance(0.5)
    assert rate.due() == [("a", 0)]
    clock.advance(0.5)
    assert rate.due() == [("b", 0)]


def test_the_rest_is_told_at_the_end() -> None:
    """Without waiting; once."""
    rate: Rate[str] = Rate(FakeClock())
    for key in ("a", "b", "a", "b", "a"):
        rate.admit(key, key)
    assert sorted(rate.rest()) == [("a", 1), ("b", 0)]
    assert rate.rest() == []


def test_memory_is_bounded() -> None:
    """Over `most` keys share one; keys whose second is over make room, what is held back stays."""
    clock = FakeClock()
    rate: Rate[int] = Rate(clock, most=10)
    assert [rate.admit(number, number) for number in range(15)] == [0] * 11 + [None] * 4
    assert rate.admit(3, 3) is None
    assert len(rate._kept) == 11
    clock.advance(1)
    assert rate.admit("new", 1) == 0
    assert set(rate._kept) == {3, OTHERS, "new"}
    assert sorted(rate.due()) == [(3, 0), (14, 3)]
    for number in range(100_000):
        rate.admit(number, number)
    assert len(rate._kept) <= 12


@pytest.fixture
def _hasty() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_hasty")
def test_threads_together_pass_once_and_the_counts_add_up() -> None:
    """16 threads, 2 keys, 5 seconds: one for each key and second, and nobody is lost."""
    clock = FakeClock()
    rate: Rate[str] = Rate(clock)
    turns, each = 5, 200
    passed: Counter[str] = Counter()
    told: Counter[str] = Counter()
    lock = threading.Lock()
    barrier = threading.Barrier(17)

    def work() -> None:
        for _ in range(turns):
            barrier.wait()
            for number in range(each):
                key = "ab"[number % 2]
                count = rate.admit(key, key)
                if count is not None:
                    with lock:
                        passed[key] += 1
                        told[key] += 1 + count
            barrier.wait()

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for _ in range(turns):
        barrier.wait()
        barrier.wait()
        clock.advance(1)
    for thread in threads:
        thread.join()
    assert passed == {"a": turns, "b": turns}
    for key, count in rate.rest():
        told[key] += 1 + count
    assert told == {"a": 16 * turns * each // 2, "b": 16 * turns * each // 2}


class Sleepy(float):
    """Seconds that hand the processor to another thread while they are added to."""

    def __radd__(self, other: float) -> float:
        time.sleep(0.002)
        return other + float(self)


def test_nobody_slips_in_while_another_passes() -> None:
    """To look and to take is one step."""
    rate: Rate[str] = Rate(FakeClock(), seconds=Sleepy(1))
    barrier = threading.Barrier(8)
    passed: list[int] = []

    def work() -> None:
        barrier.wait()
        count = rate.admit("k", "x")
        if count is not None:
            passed.append(count)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed == [0]
