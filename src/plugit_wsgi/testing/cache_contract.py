"""What every cache does, wherever it keeps things: a suite to inherit from.

::

    class TestMemoryCache(CacheContract):
        def make_cache(self, clock):
            return MemoryCache(1_000_000, clock)
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import pytest

from ..interfaces import Cache
from .clock import FakeClock

__all__ = ["CacheContract", "Kept"]

KEYS: Final[tuple[tuple[Any, ...], ...]] = (
    ("page",),
    ("page", None),
    ("page", ""),
    ("page", "None"),
    ("page", 1),
    ("page", "1"),
    ("page", ("1",)),
    ("page", "a", "b"),
    ("page", ("a", "b")),
    ("page", "a:b"),
    ("page", "a", None, "b"),
    ("Page",),
    (),
)
"""Keys that are not each other: a cache that writes them as text must keep them apart."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A value of the kind that is kept: data, frozen. Immutable."""

    body: bytes
    names: tuple[str, ...] = ()


class CacheContract:
    """Inherit, and say how an empty cache that holds at least a megabyte is made."""

    def make_cache(self, clock: FakeClock) -> Cache:
        """A new, empty cache."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> FakeClock:
        """The time."""
        return FakeClock()

    @pytest.fixture
    def cache(self, clock: FakeClock) -> Cache:
        """A new, empty cache."""
        return self.make_cache(clock)

    def test_what_is_not_there_is_none(self, cache: Cache) -> None:
        """No error; and forgetting it is none either."""
        assert cache.get(("nothing",)) is None
        cache.delete(("nothing",))
        assert cache.get(("nothing",)) is None

    @pytest.mark.parametrize("value", [Kept(b"\x00x", ("a", "b")), "text", 0, "", (), {"a": [1]}, b""])
    def test_value_comes_back_as_it_was(self, cache: Cache, value: object) -> None:
        """Also one that is false."""
        cache.set(("a",), value, 60, 100)
        assert cache.get(("a",)) == value

    def test_keys_are_kept_apart(self, cache: Cache) -> None:
        """By type, by length, by nesting, by case: a key that is another's is a leak."""
        for number, key in enumerate(KEYS):
            cache.set(key, f"value {number}", 60, 10)
        assert [cache.get(key) for key in KEYS] == [f"value {number}" for number in range(len(KEYS))]

    def test_last_value_counts(self, cache: Cache) -> None:
        """With its own lifetime."""
        cache.set(("a",), "old", 60, 10)
        cache.set(("a",), "new", 60, 10)
        assert cache.get(("a",)) == "new"

    def test_deleted_is_gone(self, cache: Cache) -> None:
        """That one, and no other."""
        cache.set(("a",), "a", 60, 10)
        cache.set(("b",), "b", 60, 10)
        cache.delete(("a",))
        assert (cache.get(("a",)), cache.get(("b",))) == (None, "b")

    def test_every_entry_has_a_lifetime_of_its_own(self, cache: Cache, clock: FakeClock) -> None:
        """Seconds from when it was set."""
        cache.set(("short",), "a", 5, 10)
        cache.set(("long",), "b", 50, 10)
        clock.advance(4.9)
        assert cache.get(("short",)) == "a"
        clock.advance(0.2)
        assert (cache.get(("short",)), cache.get(("long",))) == (None, "b")
        clock.advance(45)
        assert cache.get(("long",)) is None

    def test_reading_does_not_make_it_live_longer(self, cache: Cache, clock: FakeClock) -> None:
        """A hot page expires too."""
        cache.set(("a",), "a", 5, 10)
        for _ in range(4):
            clock.advance(1.2)
            assert cache.get(("a",)) == "a"
        clock.advance(1.2)
        assert cache.get(("a",)) is None

    @pytest.mark.parametrize("seconds", [0, -1, 0.0])
    def test_without_a_lifetime_nothing_is_kept(self, cache: Cache, seconds: float) -> None:
        """And what was there before is gone: it was to be replaced."""
        cache.set(("a",), "old", 60, 10)
        cache.set(("a",), "new", seconds, 10)
        assert cache.get(("a",)) is None

    def test_what_is_far_too_large_is_not_kept(self, cache: Cache) -> None:
        """No error; and what was there before is gone."""
        cache.set(("a",), "old", 60, 10)
        cache.set(("a",), "new", 60, 10**12)
        assert cache.get(("a",)) is None

    def test_threads_get_what_belongs_to_their_key(self, cache: Cache) -> None:
        """Sixteen threads at once; a value of another key never."""
        start = threading.Barrier(16)

        def work(number: int) -> list[tuple[int, int, str]]:
            start.wait(10)
            wrong = []
            for turn in range(200):
                name = (number * 7 + turn) % 20
                cache.set(("t", name), f"value {name}", 60, 50)
                found = cache.get(("t", name))
                if found not in (None, f"value {name}"):
                    wrong.append((number, turn, found))
                if turn % 10 == 9:
                    cache.delete(("t", name))
            return wrong

        with ThreadPoolExecutor(16) as threads:
            assert [wrong for found in threads.map(work, range(16)) for wrong in found] == []
