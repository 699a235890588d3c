"""MemoryCache: the contract, and its bound in bytes."""

from __future__ import annotations

from plugit_wsgi.cache.memory import OVERHEAD, MemoryCache
from plugit_wsgi.testing.cache_contract import CacheContract
from plugit_wsgi.testing.clock import FakeClock


class TestMemoryCache(CacheContract):
    """The contract."""

    def make_cache(self, clock: FakeClock) -> MemoryCache:
        """Of two megabytes."""
        return MemoryCache(2_000_000, clock)


NUMBER = 8
"""What a number costs as a key."""


def filled(count: int, size: int) -> MemoryCache:
    """A cache for exactly `count` entries of `size` bytes, full."""
    cache = MemoryCache(count * (size + NUMBER + OVERHEAD), FakeClock())
    for number in range(count):
        cache.set((number,), number, 60, size)
    return cache


def test_sizes_count_against_the_bound() -> None:
    """Each entry costs its size and some more; the least recently used one leaves first."""
    cache = filled(4, 1000)
    assert [cache.get((number,)) for number in (0, 1, 2, 3, 0)] == [0, 1, 2, 3, 0]
    cache.set(("new",), "new", 60, 1000)
    assert [cache.get((number,)) for number in range(4)] == [0, None, 2, 3]
    assert cache.get(("new",)) == "new"


def test_a_large_entry_makes_several_leave() -> None:
    """As many as it needs."""
    cache = filled(4, 1000)
    cache.set(("large",), "large", 60, 2 * (1000 + OVERHEAD) + NUMBER)
    assert sum(cache.get((number,)) is not None for number in range(4)) == 1
    assert cache.get(("large",)) == "large"


def test_what_fits_exactly_is_kept_and_one_byte_more_is_not() -> None:
    """And nothing else leaves for what does not fit at all."""
    cache = MemoryCache(10_000, FakeClock())
    cache.set(("small",), 1, 60, 1)
    cache.set(("exact",), 2, 60, 10_000 - OVERHEAD - len("exact") + 1)
    assert (cache.get(("small",)), cache.get(("exact",))) == (1, None)
    cache.set(("exact",), 2, 60, 10_000 - OVERHEAD - len("exact"))
    assert (cache.get(("small",)), cache.get(("exact",))) == (None, 2)


def test_empty_entries_are_bounded_too() -> None:
    """Entries of no bytes would be a way around the bound."""
    cache = MemoryCache(100 * (OVERHEAD + NUMBER), FakeClock())
    for number in range(1000):
        cache.set((number,), number, 60, 0)
    assert sum(cache.get((number,)) is not None for number in range(1000)) == 100


def test_keys_count_too() -> None:
    """A query is the visitor's to invent: a long one takes the room of a page."""
    cache = filled(4, 1000)
    cache.set(("page", ("q", "x" * 3000)), 1, 60, 0)
    assert sum(cache.get((number,)) is not None for number in range(4)) < 2


def test_a_cache_of_no_bytes_keeps_nothing() -> None:
    """The way to turn it off."""
    cache = MemoryCache(0, FakeClock())
    cache.set((1,), 1, 60, 0)
    assert cache.get((1,)) is None
