"""The breakers of one service: one for the service, and one for each kind of call that times out.

1. A refused or lost connection, broken framing and gateway errors (502, 503, 504) count for the service.
2. A time-out counts for the call: one action, or all calls of another kind (meta, template, media); a
   connection that does not open in time is the service's.
3. A 4xx, 429 and a 500 count as answers: one bad action, or one visitor, does not close a service.
4. What a visitor can cause counts for nothing: an upload, a file that its visitor reads slowly.
5. A refusal by a breaker costs no place and no socket.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from .breaker import Breaker, Permit, State
from .clock import Clock
from .errors import CircuitOpen, FramingError, ServiceTimeout, ServiceUnreachable

GATEWAY_ERRORS = frozenset((502, 503, 504))
MOST_ACTIONS = 500
"""Actions with a breaker of their own; paths are the visitors' to choose, so there is a bound."""

Changed = Callable[[str, State, float], None]
"""(what: "service" or the call, state, seconds)."""


class Circuits:
    """The breakers of one service. Thread-safe.

    Args:
        clock: the time.
        changed: is told of openings and closings.
    """

    def __init__(self, clock: Clock, changed: Changed) -> None:
        self._clock = clock
        self._changed = changed
        self._service = self._new("service")
        self._lock = threading.Lock()
        self._calls: OrderedDict[str, Breaker] = OrderedDict()

    @property
    def state(self) -> State:
        """Of the service's own breaker."""
        return self._service.state

    def open_calls(self) -> list[str]:
        """The calls that are not made for a while, whatever the service's own breaker says."""
        with self._lock:
            return [call for call, breaker in self._calls.items() if breaker.state != "closed"]

    def enter(self, call: str) -> Circuit:
        """Lets a call through.

        Args:
            call: what times out together: "meta", "template", or an action's path.

        Raises:
            CircuitOpen: the service, or this call, is not asked for a while.
        """
        service = self._service.enter()
        if isinstance(service, float):
            raise CircuitOpen("the service is not asked for a while", retry_after=service)
        own = self._breaker_of(call).enter()
        if isinstance(own, float):
            service.given_up()
            raise CircuitOpen("the call is not made for a while", retry_after=own)
        return Circuit(service, own)

    def _breaker_of(self, call: str) -> Breaker:
        with self._lock:
            breaker = self._calls.get(call)
            if breaker is None:
                breaker = self._calls[call] = self._new(call)
                if len(self._calls) > MOST_ACTIONS:
                    self._forget_one()
            else:
                self._calls.move_to_end(call)
            return breaker

    def _forget_one(self) -> None:
        """The one that was not asked for longest, but none that is open: its call would go out again."""
        closed = (call for call, breaker in self._calls.items() if breaker.state == "closed")
        self._calls.pop(next(closed, next(iter(self._calls))))

    def _new(self, what: str) -> Breaker:
        return Breaker(self._clock, changed=lambda state, seconds: self._changed(what, state, seconds))


class Circuit:
    """One call that was let through; told once how it ended. One per request."""

    __slots__ = ("_call", "_service")

    def __init__(self, service: Permit, call: Permit) -> None:
        self._service = service
        self._call = call

    def answered(self, status: int) -> None:
        """The head of an answer came, and what was read of the body was sound."""
        if status in GATEWAY_ERRORS:
            self._service.failed()
        else:
            self._service.succeeded()
        self._call.succeeded()

    def given_up(self) -> None:
        """It ended for a reason that says nothing of the service."""
        self._service.given_up()
        self._call.given_up()

    def broke(self, error: BaseException) -> None:
        """It ended in an error, before or after the head of an answer."""
        if isinstance(error, ServiceTimeout) and not error.connecting:
            # A probe that hangs has found no service, and the next one is to be another call.
            (self._call.trip if self._service.is_probe else self._call.failed)()
            self._service.hung()
        elif isinstance(error, (ServiceUnreachable, ServiceTimeout, FramingError)):
            self._service.failed()
            self._call.given_up()
        else:
            self.given_up()
