"""What is remembered for the operations page: counts, the last faults, the last changes of variants."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from ..clock import Clock
from ..deployments import VariantChange
from ..events import Event, Fault, PageServed, Refused
from ..observers.redaction import redacted

FAULTS: Final = 10
"""Faults of a service that are remembered."""
MOST: Final = 500
"""Services that are remembered; the one that was not heard of longest is forgotten."""
LONGEST: Final = 200
"""Characters of a text that are remembered."""
CHANGES: Final = 50
"""Changes of variants that are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A fault, as it is shown. Immutable.

    Attributes:
        at: Unix time in seconds.
        kind: class name of the error.
        action: what was asked for; what looks like a secret is taken out, as in the log.
        cause: what happened; the same.
        request_id: as in the log.
    """

    at: float
    kind: str
    action: str
    cause: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is remembered of a service. Immutable.

    Attributes:
        pages: answers to visitors.
        errors: those of status 500 and above.
        refused: requests for which there was no place, or whose circuit was open.
        faults: the last ones, newest first.
    """

    pages: int = 0
    errors: int = 0
    refused: int = 0
    faults: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A change of a variant while the host ran. Immutable.

    Attributes:
        at: Unix time in seconds.
        source: who said so: a path of a file, or "code".
        change: what changed; long texts are cut.
    """

    at: float
    source: str
    change: VariantChange


@dataclass(slots=True)
class _Counts:
    pages: int = 0
    errors: int = 0
    refused: int = 0
    faults: deque[Seen] = field(default_factory=lambda: deque(maxlen=FAULTS))


class Records:
    """An observer that remembers what the operations page shows, of this process. Thread-safe.

    Args:
        clock: the time.

    Attributes:
        since: Unix time in seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.since = clock.time()
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, _Counts] = OrderedDict()
        self._noted: deque[Noted] = deque(maxlen=CHANGES)

    def __call__(self, event: Event) -> None:
        """Takes an event."""
        if isinstance(event, (PageServed, Refused, Fault)):
            with self._lock:
                self._count(event, self._of(event.deployment))

    def note(self, changes: Iterable[VariantChange], source: str) -> None:
        """Takes changes of variants."""
        now = self._clock.time()
        with self._lock:
            for change in changes:
                short = replace(change, old=change.old[:LONGEST], new=change.new[:LONGEST])
                self._noted.append(Noted(at=now, source=source[:LONGEST], change=short))

    def changes(self) -> tuple[Noted, ...]:
        """The last changes of variants, newest first."""
        with self._lock:
            return tuple(reversed(self._noted))

    def of(self, service: str) -> Record:
        """What is remembered of a service; of a variant, by ``name@variant``."""
        with self._lock:
            found = self._counts.get(service)
            if found is None:
                return Record()
            return Record(
                pages=found.pages,
                errors=found.errors,
                refused=found.refused,
                faults=tuple(reversed(found.faults)),
            )

    def _of(self, service: str) -> _Counts:
        found = self._counts.setdefault(service, _Counts())
        self._counts.move_to_end(service)
        if len(self._counts) > MOST:
            self._counts.popitem(last=False)
        return found

    def _count(self, event: Event, counts: _Counts) -> None:
        if isinstance(event, PageServed):
            counts.pages += 1
            counts.errors += event.status >= 500
        elif isinstance(event, Refused):
            counts.refused += event.reason in ("busy", "open")
        elif isinstance(event, Fault):
            counts.faults.append(self._seen(event))

    def _seen(self, fault: Fault) -> Seen:
        return Seen(
            at=self._clock.time(),
            kind=fault.kind,
            action=redacted(fault.action)[:LONGEST],
            cause=fault.cause[:LONGEST],
            request_id=fault.request_id[:80],
        )


def moment(seconds: float) -> str:
    """A Unix time, for people."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
