"""What a cache is given to keep for longer than it is fresh."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Generic[Value]):
    """A value, and until when it needs no second look. Immutable.

    A cache that other machines read as well hands it out with `fresh_until` on the reader's own clock.

    Attributes:
        value: a meta, or the data of an answer.
        fresh_until: seconds on the monotonic clock of this process.
        renew_at: seconds on that clock, from which on the first who has it looks for a newer one, while it is
            still fresh. Never, unless this process has loaded it itself.
    """

    value: Value
    fresh_until: float
    renew_at: float = math.inf
