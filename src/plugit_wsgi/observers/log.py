"""The library's own log lines: one for each thing that goes wrong, and not one more.

1. A line is written for a refusal by the guard, a circuit that opens or closes, a stale page, a fallback, a
   fault, a variant that is passed over, a mail that is refused, delayed or set aside. What a visitor does
   wrong is none: visitors must not be able to fill the log.
2. At most one line a second for each deployment and kind; the next one says how many were left out.
3. ``key=value``, values quoted where they have to be, no line breaks, at most `LONGEST` characters.
4. No secrets: see `redaction`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..clock import Clock
from ..events import (
    CircuitChanged,
    Dropped,
    Event,
    FallbackServed,
    Fault,
    MailHandled,
    Refused,
    StaleServed,
    VariantSkipped,
)
from .rate import Rate
from .redaction import quoted, redacted

LONGEST: Final = 500
GUARD: Final = frozenset(("busy", "open"))
"""Reasons of `Refused` that are the guard's."""
LOGGED: Final = GUARD | {"organization"}
"""Those that get a line: no page offers an organization that is none of the visitor's."""
_log: Final = logging.getLogger("plugit_wsgi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a line says of an event, beside service and request. Immutable.

    Attributes:
        event: the first word.
        kind: lines of one kind share a second.
        level: of `logging`.
        action: to name.
        facts: more keys and values.
        text: key and value that are last, and cut if the line gets too long.
    """

    event: str
    kind: str = ""
    action: str = ""
    level: int = logging.WARNING
    facts: tuple[tuple[str, object], ...] = ()
    text: tuple[str, str] = ("", "")


class LogLines:
    """Writes events to the logger ``plugit_wsgi``. Thread-safe.

    Args:
        clock: the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rate: Rate[tuple[Event, Line, float]] = Rate(clock)

    def __call__(self, event: Event) -> None:
        """Writes a line for it, or counts it; or nothing, if it is none of those that get a line."""
        line = line_of(event)
        if line is not None:
            item = (event, line, self._clock.monotonic())
            left_out = self._rate.admit((event.deployment, line.event, line.kind), item)
            if left_out is not None:
                _write(event, line, left_out)
        self._write_late(self._rate.due())

    def flush(self) -> None:
        """Tells of those that were left out, without waiting; for the end."""
        self._write_late(self._rate.rest())

    def _write_late(self, released: Iterable[tuple[tuple[Event, Line, float], int]]) -> None:
        for (event, line, at), left_out in released:
            _write(event, line, left_out, ago=self._clock.monotonic() - at)


def line_of(event: Event) -> Line | None:
    """What the log says of an event; None is nothing."""
    make = _LINES.get(type(event))
    return None if make is None else make(event)


def format_line(event: Event, line: Line, left_out: int = 0, ago: float = 0.0) -> str:
    """The text of a line.

    Args:
        event: what happened.
        line: what is said of it.
        left_out: how many of its kind were not written since the last line.
        ago: seconds since it happened; told from half a second on.
    """
    pairs = (
        ("event", line.event),
        ("service", event.service),
        ("variant", event.variant),
        ("kind", line.kind),
        ("action", line.action),
        *line.facts,
        ("ago", f"{ago:.1f}" if ago >= 0.5 else ""),
        ("left_out", left_out or ""),
    )
    said = [f"{key}={_value(key, str(value))}" for key, value in pairs if value != ""]
    if event.request_id:
        said.append(f"request_id={quoted(event.request_id, 80)}")
    key, text = line.text
    if text:
        room = LONGEST - len(" ".join(said)) - len(key) - 2
        said.append(f"{key}={quoted(redacted(text), room)}")
    return " ".join(said)


def _value(key: str, value: str) -> str:
    return quoted(redacted(value) if key == "action" else value, 100)


def _write(event: Event, line: Line, left_out: int, ago: float = 0.0) -> None:
    if _log.isEnabledFor(line.level):
        _log.log(line.level, "%s", format_line(event, line, left_out, ago))


def _fault(event: Fault) -> Line:
    return Line(
        event="fault",
        kind=event.kind,
        action=event.action,
        facts=(("status", event.status or ""),),
        text=("cause", event.cause),
    )


def _refused(event: Refused) -> Line | None:
    if event.reason not in LOGGED:
        return None
    facts = (("status", event.status),)
    return Line(event="refused", kind=event.reason, action=event.action, facts=facts)


def _circuit(event: CircuitChanged) -> Line:
    # The service as a whole, or one call of it: of two kinds, so that the smaller never hides the larger.
    whole = event.reason == "service"
    level = logging.WARNING if event.state == "open" else logging.INFO
    seconds = (("seconds", f"{event.seconds:.1f}"),) if event.seconds else ()
    if whole:
        return Line(event="circuit", kind=f"service-{event.state}", level=level, facts=seconds)
    return Line(event="circuit", kind=f"call-{event.state}", action=event.reason, level=level, facts=seconds)


def _stale(event: StaleServed) -> Line:
    facts = (("age", f"{event.age:.1f}"),)
    return Line(event="stale", action=event.action, facts=facts, text=("cause", event.cause))


def _fallback(event: FallbackServed) -> Line:
    facts = (("status", event.status),)
    return Line(event="fallback", kind=event.kind, action=event.action, facts=facts)


def _dropped(event: Dropped) -> Line:
    return Line(event="dropped", kind=event.what, action=event.action, facts=(("count", event.count),))


def _skipped(event: VariantSkipped) -> Line:
    return Line(event="skipped", kind=event.reason, action=event.action, text=("cause", event.cause))


def _mail(event: MailHandled) -> Line | None:
    if event.outcome not in ("refused", "delayed", "set_aside"):
        return None
    facts = (("status", event.status or ""), ("recipients", event.recipients or ""))
    return Line(event="mail", kind=event.outcome, facts=facts, text=("reason", event.reason))


_LINES: Final[Mapping[type[Event], Callable[[Any], Line | None]]] = {
    Fault: _fault,
    Refused: _refused,
    CircuitChanged: _circuit,
    StaleServed: _stale,
    FallbackServed: _fallback,
    Dropped: _dropped,
    MailHandled: _mail,
    VariantSkipped: _skipped,
}
"""Events that get a line, and what makes it."""
