"""The file that says what is mounted, looked at while the host runs.

1. No thread: a request looks, at most once in `EVERY` seconds. One looks and loads, and has the new mounts;
   others go on with the old ones meanwhile.
2. A file is taken once it has been quiet for `SETTLED` seconds: who writes in place is not read halfway.
3. One that cannot be read, or is wrong, changes nothing and is told once. So is one without ``services``
   while some are mounted, as a truncated one would be; ``services = []`` removes all.
4. Only services change. What else is new in the file is told, by key and never by value, and needs a restart.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any, Final

from .clock import Clock
from .errors import ConfigError
from .mounting import Mounts
from .observers.redaction import quoted

EVERY: Final = 0.5
SETTLED: Final = 0.4
_log: Final = logging.getLogger("plugit_wsgi")

Signature = tuple[int, int, int] | None
"""When it was written (nanoseconds), its size (bytes), its inode; None for no file."""
Read = Callable[[str], dict[str, Any]]
"""The arguments of the middleware that a file names."""


def signature_of(path: str | PathLike[str]) -> Signature:
    """What changes with a file's content; editors that put another file in its place are seen too."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


class FileWatch:
    """Looks at a file, and makes its services those that are mounted. Thread-safe.

    Args:
        path: of the file.
        read: reads it; raises `ConfigError`.
        mounts: to be changed.
        signature: of the file as it was read for the start, taken before.
        started: what it said then.
        given: arguments that code gave, which win over the file.
        clock: the time.

    Attributes:
        due: when to look again, in seconds of the monotonic clock.
    """

    def __init__(
        self,
        path: str,
        *,
        read: Read,
        mounts: Mounts,
        signature: Signature,
        started: Mapping[str, Any],
        given: frozenset[str],
        clock: Clock,
    ) -> None:
        self._path = path
        self._read = read
        self._mounts = mounts
        self._loaded = self._seen = signature
        self._started = started
        self._given = given
        self._clock = clock
        self._lock = threading.Lock()
        self.due = 0.0

    def look(self) -> None:
        """Looks, unless another thread does or it is too early; raises nothing."""
        if self._clock.monotonic() < self.due or not self._lock.acquire(blocking=False):
            return
        try:
            self._look()
        except ConfigError as error:
            _log.error("event=mounts source=%s kept=%d error=%s", *self._names(), quoted(str(error), 400))
        except Exception:
            _log.exception("event=mounts source=%s kept=%d", *self._names())
        finally:
            self.due = self._clock.monotonic() + EVERY
            self._lock.release()

    def _names(self) -> tuple[str, int]:
        return quoted(self._path, 200), len(self._mounts)

    def _look(self) -> None:
        now = signature_of(self._path)
        before, self._seen = self._seen, now
        if now == self._loaded or not self._is_quiet(now, before):
            return
        # Before it is read: what is written meanwhile is another signature, and read next time.
        self._loaded = now
        found = self._read(self._path)
        if "services" not in found and len(self._mounts):
            raise ConfigError("services", None, "[[services]] tables, or services = [] to remove all")
        self._mounts.update(found.get("services", ()), self._path)
        self._tell_others(found)

    def _is_quiet(self, now: Signature, before: Signature) -> bool:
        return now == before or (now is not None and self._clock.time() - now[0] / 1e9 >= SETTLED)

    def _tell_others(self, found: Mapping[str, Any]) -> None:
        names = {*found, *self._started} - self._given - {"services"}
        other = sorted(name for name in names if found.get(name) != self._started.get(name))
        if other:
            _log.warning("event=mounts source=%s needs_restart=%s", quoted(self._path, 200), ",".join(other))
