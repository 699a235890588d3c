"""One observer out of several."""

from __future__ import annotations

import logging

from ..clock import Clock, SystemClock
from ..events import Event
from ..interfaces import Observe
from .rate import Rate

_log = logging.getLogger("plugit_wsgi")


def combine(*observers: Observe, clock: Clock | None = None) -> Observe:
    """An observer that tells several, in this order.

    One that raises stops neither the others nor the page: it is logged with its traceback, at most once a
    second for each observer and class of event.

    Args:
        observers: who is told.
        clock: for the second; None is the machine's.
    """
    return _Combined(observers, Rate(clock or SystemClock()))


class _Combined:
    """Thread-safe as far as its observers are."""

    def __init__(self, observers: tuple[Observe, ...], rate: Rate[str]) -> None:
        self._observers = observers
        self._rate = rate

    def __call__(self, event: Event) -> None:
        for place, observer in enumerate(self._observers):
            try:
                observer(event)
            except Exception:
                self._complain(place, type(event).__name__)

    def _complain(self, place: int, kind: str) -> None:
        left_out = self._rate.admit((place, kind), kind)
        if left_out is not None:
            _log.exception("an observer failed on %s (and %d times more)", kind, left_out)
