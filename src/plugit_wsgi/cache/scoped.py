"""One cache for several settings of a service: what was kept under others is not found."""

from __future__ import annotations

from typing import Any

from ..interfaces import Cache


class ScopedCache:
    """A cache whose keys end with a word. Thread-safe as far as the other one is.

    Args:
        cache: that keeps.
        scope: the word; the same in all processes that share the cache.
    """

    def __init__(self, cache: Cache, scope: str) -> None:
        self._cache = cache
        self._scope = (scope,)

    def get(self, key: tuple[Any, ...]) -> Any | None:
        """See `Cache.get`."""
        return self._cache.get(key + self._scope)

    def set(self, key: tuple[Any, ...], value: Any, seconds: float, size: int) -> None:
        """See `Cache.set`."""
        self._cache.set(key + self._scope, value, seconds, size)

    def delete(self, key: tuple[Any, ...]) -> None:
        """See `Cache.delete`."""
        self._cache.delete(key + self._scope)
