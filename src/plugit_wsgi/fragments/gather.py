"""The fragments of one page, fetched at the same time, within one deadline.

1. The visitor's thread does the work as the helpers do, and waits for nobody but until the deadline.
2. A service that is slow now comes last: what hangs must not keep a thread from what does not.
3. Few marks of one service at a time, so that a page does not take the places that its own marks need.
4. A mark that found no place tries again once, after all others.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from ..clock import Deadline
from ..errors import CircuitOpen, PlugItError, ServiceBusy
from ..guard import FEW
from ..mounted import MountedPages
from ..pieces import Piece
from ..spare import SpareThreads
from ..visits import Visit

_log = logging.getLogger("plugit_wsgi")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One fragment to be fetched. Immutable."""

    target: str
    mounted: MountedPages
    visit: Visit

    @property
    def service(self) -> str:
        """Its name."""
        return self.visit.service.name


class Busy:
    """How many marks of each service are asked for just now, by all pages. Thread-safe."""

    def __init__(self) -> None:
        self._counts: Counter[Hashable] = Counter()
        self._lock = threading.Lock()

    def __getitem__(self, service: str) -> int:
        return self._counts[service]

    def add(self, service: str, count: int) -> None:
        """One more, or one less."""
        with self._lock:
            self._counts[service] += count


class Gathering:
    """The fragments of one page on their way. Used by the visitor's thread and by those who help it.

    Args:
        jobs: what to fetch; different targets.
        deadline: of the page.
        busy: counts for all pages.
    """

    def __init__(self, jobs: Sequence[Job], deadline: Deadline, busy: Busy) -> None:
        self._waiting = list(jobs)
        self._left = len(jobs)
        self._deadline = deadline
        self._busy = busy
        self._running: Counter[str] = Counter()
        self._again: set[str] = set()
        self._pieces: dict[str, Piece] = {}
        self._is_over = False
        self._changed = threading.Condition()

    def run(self, spare: SpareThreads) -> Mapping[str, Piece]:
        """All pieces that there are at the deadline, by target."""
        spare.help(self.work, self._left - 1)
        self.work()
        with self._changed:
            self._changed.wait_for(lambda: self._left == 0, timeout=self._deadline.remaining())
            self._is_over = True
            self._waiting.clear()
            return dict(self._pieces)

    def work(self) -> None:
        """Fetches as long as something waits that may be fetched now."""
        while (job := self._take()) is not None:
            piece, again = None, False
            try:
                piece, again = self._fetched(job)
            finally:
                self._give_back(job, piece, again)

    def _take(self) -> Job | None:
        with self._changed:
            free = [job for job in self._waiting if self._running[job.service] < FEW]
            if not free or self._deadline.remaining() <= 0:
                return None
            # The first of those whose service has the least to do; who tries again comes after.
            job = min(free, key=lambda job: (job.target in self._again, self._busy[job.service]))
            self._waiting.remove(job)
            self._running[job.service] += 1
        self._busy.add(job.service, 1)
        return job

    def _give_back(self, job: Job, piece: Piece | None, again: bool) -> None:
        self._busy.add(job.service, -1)
        with self._changed:
            self._running[job.service] -= 1
            if again and not self._is_over:
                self._again.add(job.target)
                self._waiting.append(job)
                return
            self._left -= 1
            if piece is not None:
                self._pieces[job.target] = piece
            self._changed.notify_all()

    def _fetched(self, job: Job) -> tuple[Piece | None, bool]:
        """The piece if there is one, and whether to try again; nothing of a service breaks a page."""
        try:
            return job.mounted.piece(job.visit, self._deadline), False
        except PlugItError as error:
            is_full = isinstance(error, ServiceBusy) and not isinstance(error, CircuitOpen)
            if is_full and job.target not in self._again:
                return None, True
            job.mounted.tell(error, job.visit)
        except Exception:
            _log.exception("%r: the fragment %s failed on the host's side", job.mounted, job.target)
        return None, False
