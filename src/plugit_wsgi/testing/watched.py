"""What a request and a worker use, seen from inside the host and from `/proc`."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

WATCHED: Final = "/-watched"


class Watched:
    """Notes how long each request holds its thread; `WATCHED` tells, and forgets. Thread-safe.

    Args:
        app: the whole host.
        prefixes: name -> where the paths of its requests begin.
    """

    def __init__(self, app: WSGIApplication, prefixes: dict[str, str]) -> None:
        self._app = app
        self._prefixes = prefixes
        self._lock = threading.Lock()
        self._ended: list[tuple[str, str, float, float]] = []
        self._busy: Counter[str] = Counter()
        self._most: Counter[str] = Counter()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI (PEP 3333)."""
        path = environ.get("PATH_INFO", "")
        if path == WATCHED:
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self._take()).encode()]
        name = next((name for name, prefix in self._prefixes.items() if path.startswith(prefix)), "")
        return self._watch(name, environ, start_response)

    def _watch(self, name: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        started, status = time.monotonic(), ""
        with self._lock:
            self._busy[name] += 1
            self._most[name] = max(self._most[name], self._busy[name])

        def note(line: str, *rest: Any) -> Any:
            nonlocal status
            status = line[:3]
            return start_response(line, *rest)

        try:
            body = self._app(environ, note)
            try:
                yield from body
            finally:
                close: Callable[[], None] | None = getattr(body, "close", None)
                if close is not None:
                    close()
        finally:
            with self._lock:
                self._busy[name] -= 1
                self._ended.append((name, status, time.monotonic() - started, time.time()))

    def _take(self) -> dict[str, Any]:
        with self._lock:
            ended, self._ended = self._ended, []
            most, self._most = dict(self._most), Counter(self._busy)
        return {"ended": ended, "most": most}


@dataclass(frozen=True, slots=True)
class Process:
    """A worker, seen through ``/proc``: on Linux. Immutable."""

    pid: int

    def _status(self, name: str) -> int:
        text = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace")
        return int(text.partition(f"\n{name}:")[2].split(None, 1)[0])

    @property
    def peak(self) -> int:
        """The most memory it had since `forget_peak`, in bytes."""
        return self._status("VmHWM") * 1024

    @property
    def threads(self) -> int:
        """How many it has."""
        return self._status("Threads")

    @property
    def descriptors(self) -> int:
        """How many are open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def forget_peak(self) -> None:
        """The peak is what it has now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")
