"""Which mount a path belongs to: longest prefix, on segment boundaries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from .errors import ConfigError

T = TypeVar("T")


class MountTable(Generic[T]):
    """Mount paths and what is mounted there. Immutable; matching costs the same for any number of mounts.

    Args:
        entries: pairs of a checked path without trailing slash and its value.

    Raises:
        ConfigError: two values on one path.
    """

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        self._values: dict[str, T] = {}
        for path, value in entries:
            if path in self._values:
                both = f"{self._values[path]} and {value}"
                raise ConfigError("mount", path, f"a path of its own for each of {both}")
            self._values[path] = value
        # A host's own paths are told apart by one call in C, for any number of mounts.
        self._starts = tuple({"/" + path.split("/")[1] for path in self._values})
        self._lengths = tuple(sorted({len(path) for path in self._values}, reverse=True))

    def match(self, path: str) -> tuple[T, str, str] | None:
        """The value whose path is the longest prefix of `path`.

        Returns:
            The value, its path, and the rest of `path` ("" or beginning with a slash); None without a match.
        """
        if not path.startswith(self._starts):
            return None
        for length in self._lengths:
            if path[length : length + 1] in ("", "/") and path[:length] in self._values:
                mount = path[:length]
                return self._values[mount], mount, path[length:]
        return None
