"""What one rendering may cost, counted while it runs.

1. Each text that goes out, each variable that is read and each round of a loop is counted before the next.
2. A number in a template never decides how much memory is taken: filters that make text longer by an argument
   are refused above `WIDEST`, and no text or list in between is larger than the whole output may be.
3. Going over is no `Exception`: tags that swallow those (``{% if %}`` does) do not swallow it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import PlugItError

WIDEST = 1000
"""The largest width or precision a filter's argument may ask for, in characters."""

DEEPEST = 50
"""How deep a nested list may be that is drawn as nested HTML lists."""


LONGEST = 100_000
"""How many items a list may have that a filter makes, or goes through one by one."""

FURTHEST = 10_000
"""How far into markup a filter may look for the place to cut it."""


class OverBudget(BaseException):
    """A template asked for more than it may have. The text says of what."""


class Interrupted(BaseException):
    """The host ends a rendering, which is not the template's fault.

    Args:
        error: why; in its place for whoever rendered.
    """

    def __init__(self, error: PlugItError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What one rendering may cost. Immutable.

    Attributes:
        output: characters, of the whole output and of any single value.
        loops: rounds of all loops together.
        steps: variables read and filters called; long values count more, one step for each 64 items.
        seconds: of the processor, not of the clock: a busy host is not the template's fault.
        depth: templates included in one another.
    """

    output: int = 2 * 1024 * 1024
    loops: int = 100_000
    steps: int = 500_000
    seconds: float = 0.3
    depth: int = 8


DEFAULT = Budget()


def measure(value: Any, most: int) -> int:
    """About how many characters a value prints as, at least one for each item; stops above `most`."""
    size, waiting = 0, [value]
    while waiting and size + len(waiting) <= most:
        each = waiting.pop()
        size += 1 + (len(each) if isinstance(each, str) else 0)
        if isinstance(each, Mapping):
            waiting.extend(each.keys())
            waiting.extend(each.values())
        elif isinstance(each, (list, tuple)):
            waiting.extend(each)
    return size + len(waiting)


def is_deeper(value: Any, most: int) -> bool:
    """Whether lists are nested deeper than `most`."""
    level = [value]
    for _ in range(most):
        level = [item for each in level if isinstance(each, (list, tuple)) for item in each]
        if not level:
            return False
    return any(isinstance(each, (list, tuple)) for each in level)
