"""A circuit breaker: who does not answer is not asked for a while.

1. It opens after so many failures in a row, or when half of the calls of the last seconds failed.
2. While open it refuses at once. Then one probe goes through; whoever comes beside it is still refused.
3. A probe that fails doubles the time, up to a bound; one that succeeds closes the breaker; one that hangs,
   which may be one call's fault, opens it again for the first time only.
4. The times are spread by chance, so that many processes do not probe at once.

What counts as a failure is for `circuits` to say.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from .clock import Clock

State = Literal["closed", "open", "probing"]
Outcome = Literal["succeeded", "failed", "hung", "given up"]
Happening = Literal["tripped", "waited", "probe succeeded", "probe failed", "probe given up"]

TRANSITIONS: Final[dict[tuple[State, Happening], State]] = {
    ("closed", "tripped"): "open",
    ("open", "waited"): "probing",
    ("probing", "probe succeeded"): "closed",
    ("probing", "probe failed"): "open",
    ("probing", "probe given up"): "open",
}
"""All there are: state and what happens -> next state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """When a breaker opens, and for how long. Immutable.

    Attributes:
        in_a_row: failures in a row that open it.
        share: of failed calls that opens it.
        calls: how many calls in `window` are needed before `share` counts.
        window: seconds that are looked back.
        first: seconds it stays open at first; longest: at most.
        spread: by which share the times vary by chance.
    """

    in_a_row: int = 5
    share: float = 0.5
    calls: int = 20
    window: float = 10.0
    first: float = 5.0
    longest: float = 60.0
    spread: float = 0.2


DEFAULT: Final = Settings()
_COUNTED_CALLS: Final = 1000
"""Calls that are remembered at most; more in a window than this are as good as these."""


class Breaker:
    """The breaker of one service, or of one action. Thread-safe.

    Args:
        clock: the time.
        settings: when it opens.
        changed: is told of each opening ("open", seconds) and closing ("closed", 0), outside the lock.
        chance: a number from 0 to 1.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        settings: Settings = DEFAULT,
        changed: Callable[[State, float], None] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._changed = changed or (lambda state, seconds: None)
        self._chance = chance
        self._lock = threading.Lock()
        self._state: State = "closed"
        self._failures = 0
        self._recent: deque[tuple[float, bool]] = deque(maxlen=_COUNTED_CALLS)
        self._until = 0.0
        self._length = settings.first
        self._plain = Permit(self, is_probe=False)

    @property
    def state(self) -> State:
        """Of this moment; an open breaker whose time is over is still "open" until somebody asks."""
        return self._state

    def enter(self) -> Permit | float:
        """Asks for a call.

        Returns:
            A permit, to be told how the call ended; or the seconds until it makes sense to ask again.
        """
        if self._is_closed():
            return self._plain
        with self._lock:
            if self._is_closed():
                return self._plain
            left = self._until - self._clock.monotonic()
            if self._state == "open" and left <= 0:
                self._move("waited")
                return Permit(self, is_probe=True)
            return max(left, self._settings.first if self._state == "probing" else 0.001)

    def _is_closed(self) -> bool:
        return self._state == "closed"

    def trip(self) -> None:
        """Opens it at once, if it is closed."""
        with self._lock:
            if self._state != "closed":
                return
            self._move("tripped")
            self._failures = 0
            change = self._open()
        self._changed(*change)

    def end(self, permit: Permit, outcome: Outcome) -> None:
        """How a call ended; see `Permit`."""
        with self._lock:
            change = self._end_probe(outcome) if permit.is_probe else self._end_call(outcome)
        if change is not None:
            self._changed(*change)

    def _end_call(self, outcome: Outcome) -> tuple[State, float] | None:
        if self._state != "closed" or outcome == "given up":
            return None  # a call from before it opened, or one that says nothing
        good = outcome == "succeeded"
        self._failures = 0 if good else self._failures + 1
        self._count(good)
        if good or (self._failures < self._settings.in_a_row and not self._is_half_bad()):
            return None
        self._move("tripped")
        self._failures = 0
        return self._open()

    def _end_probe(self, outcome: Outcome) -> tuple[State, float] | None:
        if outcome == "given up":
            self._move("probe given up")
            self._until = self._clock.monotonic()  # nothing was learnt: the next who asks may probe
            return None
        if outcome == "succeeded":
            self._move("probe succeeded")
            self._length = self._settings.first
            self._recent.clear()
            return "closed", 0.0
        self._move("probe failed")
        hung = outcome == "hung"
        self._length = self._settings.first if hung else min(2 * self._length, self._settings.longest)
        return self._open()

    def _open(self) -> tuple[State, float]:
        seconds = self._length * (1 + self._settings.spread * (2 * self._chance() - 1))
        self._until = self._clock.monotonic() + seconds
        return "open", seconds

    def _count(self, good: bool) -> None:
        now = self._clock.monotonic()
        self._recent.append((now, good))
        while self._recent and self._recent[0][0] <= now - self._settings.window:
            self._recent.popleft()

    def _is_half_bad(self) -> bool:
        bad = sum(1 for _when, good in self._recent if not good)
        return len(self._recent) >= self._settings.calls and bad >= self._settings.share * len(self._recent)

    def _move(self, happening: Happening) -> None:
        self._state = TRANSITIONS[self._state, happening]


class Permit:
    """One call that was let through; told once how it ended. Immutable."""

    __slots__ = ("_breaker", "is_probe")

    def __init__(self, breaker: Breaker, *, is_probe: bool) -> None:
        self._breaker = breaker
        self.is_probe = is_probe

    def succeeded(self) -> None:
        """It was answered."""
        self._breaker.end(self, "succeeded")

    def failed(self) -> None:
        """It was not answered."""
        self._breaker.end(self, "failed")

    def hung(self) -> None:
        """It was not answered in time, which may be its own fault."""
        self._breaker.end(self, "hung" if self.is_probe else "given up")

    def given_up(self) -> None:
        """It did not go out, or ended for a reason that says nothing."""
        self._breaker.end(self, "given up")

    def trip(self) -> None:
        """No further call of this kind for a while."""
        self._breaker.end(self, "given up")
        self._breaker.trip()
