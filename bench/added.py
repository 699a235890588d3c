"""What a page adds to a host, in process, beside others that do the same: `python -m bench.added`.

Each contestant is a WSGI app in a process of its own, called directly with the eleven headers of a browser;
the service behind it is one process for all. They take turns, round by round. A figure is the CPU time of the
contestant's process, user and system, per request: the median of the rounds, and a ratio to the bare
http.client proxy of the same answer. Where the quartiles of a contestant are further apart than a fifth of
its median, the machine was too busy to believe the figure, and the row says so.

Contestants whose library is not installed are left out, and said: `pip install -e '.[bench]'`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

from tests.support.servers import run_command

from bench.contestants import CONTESTANTS
from bench.counts import BROWSER

ROOT = Path(__file__).resolve().parents[1]
NOISY = 0.2

#: (what it is called, contestant, path, a text that the right answer has)
ROWS = (
    ("bare proxy, http.client", "http_client", "/page.html", b"Poll 19"),
    ("bare proxy, urllib3", "urllib3_pool", "/page.html", b"Poll 19"),
    ("bare proxy, pycurl", "pycurl_handle", "/page.html", b"Poll 19"),
    ("Werkzeug ProxyMiddleware", "werkzeug_proxy", "/there/page.html", b"Poll 19"),
    ("WSGIProxy2, urllib3", "wsgiproxy", "/page.html", b"Poll 19"),
    ("Diazo over http.client", "diazo_http_client", "/page.html", b"A site of the bench"),
    ("django-revproxy with Diazo", "revproxy_diazo", "/page.html", b"A site of the bench"),
    ("ours: full page, Django's language", "ours", "/s/bench/page", b"Poll 19"),
    ("ours: full page, Jinja", "ours", "/s/bench/jinja", b"Poll 19"),
    ("ours: JSON action", "ours", "/s/bench/json", b"Poll 19"),
    ("ours: page from the cache", "ours", "/s/bench/cached", b"Poll 19"),
    ("ours: passing request", "ours", "/about", b"hello"),
    ("the host alone", "bare_host", "/about", b"hello"),
)
#: (row, what it is compared with, at most so many times)
GOALS = (
    ("ours: full page, Jinja", "bare proxy, http.client", 2.7),
    ("ours: full page, Django's language", "Diazo over http.client", 0.75),
    ("ours: JSON action", "bare proxy, http.client", 2.3),
    ("ours: page from the cache", "bare proxy, http.client", 0.3),
)
PASSING = 2e-6


@dataclass(frozen=True)
class Row:
    """CPU seconds per request of one row. Immutable."""

    what: str
    median: float
    low: float
    high: float

    @classmethod
    def of(cls, what: str, rounds: list[float]) -> Row:
        """From the rounds; `low` and `high` are quartiles."""
        low, median, high = statistics.quantiles(rounds, n=4)
        return cls(what, median, low, high)

    @property
    def is_noisy(self) -> bool:
        """The rounds differ by too much to be believed."""
        return self.high - self.low > NOISY * self.median


def main() -> None:
    """Measures, prints, saves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21, help="turns of each (default: 21)")
    parser.add_argument("--requests", type=int, default=100, help="requests in a turn (default: 100)")
    options = parser.parse_args()
    rows, missing = measure(options.rounds, options.requests)
    show(rows)
    for what, why in missing.items():
        print(f"*** NOT MEASURED: {what}: {why} ***")
    print(f"\nwritten to {save(rows, missing).relative_to(ROOT)}")


def measure(rounds: int, requests: int) -> tuple[dict[str, Row], dict[str, str]]:
    """The rows, and why others are missing."""
    with ExitStack() as running:
        command = [sys.executable, str(ROOT / "bench" / "service.py")]
        service = running.enter_context(run_command(command, ready="Serving "))
        lanes: dict[str, Lane] = {}
        missing: dict[str, str] = {}
        for what, name, path, text in ROWS:
            try:
                lanes[what] = running.enter_context(Lane(name, service.url, path, text))
            except LookupError as error:
                missing[what] = str(error)
        taken: dict[str, list[float]] = {what: [] for what in lanes}
        for _ in range(rounds):
            for what, lane in lanes.items():
                taken[what].append(lane.run(requests * (100 if lane.path == "/about" else 1)))
        return {what: Row.of(what, found) for what, found in taken.items()}, missing


class Lane:
    """A contestant in its process.

    Raises:
        LookupError: its library is not here.
        RuntimeError: it does not answer what it should.
    """

    def __init__(self, name: str, url: str, path: str, text: bytes) -> None:
        self.path = path
        ways = multiprocessing.get_context("spawn")
        self._pipe, theirs = ways.Pipe()
        self._process = ways.Process(target=_work, args=(theirs, name, url, path, text), daemon=True)
        self._process.start()
        theirs.close()
        kind, why = self._pipe.recv()
        if kind != "ready":
            self._process.join(10)
            raise (LookupError if kind == "missing" else RuntimeError)(f"{name}: {why}")

    def __enter__(self) -> Lane:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join(10)

    def run(self, requests: int) -> float:
        """CPU seconds per request."""
        self._pipe.send(requests)
        seconds: float = self._pipe.recv()
        return seconds


def _work(pipe: Connection, name: str, url: str, path: str, text: bytes) -> None:
    try:
        app = CONTESTANTS[name](url)
        for _ in range(20):
            body = _call(app, path)
        if text not in body:
            raise RuntimeError(f"{path} answers {body[:200]!r}")
    except ImportError as error:
        pipe.send(("missing", str(error)))
        return
    except Exception as error:
        pipe.send(("wrong", repr(error)))
        return
    pipe.send(("ready", ""))
    while True:
        try:
            requests = pipe.recv()
        except EOFError:
            return
        before = time.process_time()
        for _ in range(requests):
            _call(app, path)
        pipe.send((time.process_time() - before) / requests)


def _call(app: Any, path: str) -> bytes:
    environ: dict[str, Any] = {"PATH_INFO": path, "QUERY_STRING": "", "REMOTE_ADDR": "127.0.0.1", **BROWSER}
    setup_testing_defaults(environ)
    answer = app(environ, _start_response)
    body = b"".join(answer)
    close = getattr(answer, "close", None)
    if close is not None:
        close()
    return body


def _start_response(_status: str, _headers: list[tuple[str, str]], _error: Any = None) -> Any:
    return None


def show(rows: dict[str, Row]) -> None:
    """Prints the table, and the goals."""
    measure = rows["bare proxy, http.client"].median
    print(f"{'CPU per request, in process':38} {'us':>8} {'quartiles':>17} {'ratio':>7}")
    for row in rows.values():
        noisy = "  too noisy to believe" if row.is_noisy else ""
        spread = f"{row.low * 1e6:.1f} to {row.high * 1e6:.1f}"
        print(f"{row.what:38} {row.median * 1e6:8.1f} {spread:>17} {row.median / measure:7.2f}{noisy}")
    print()
    for what, base, most in GOALS:
        if what in rows and base in rows:
            ratio = rows[what].median / rows[base].median
            print(f"{'met ' if ratio <= most else 'MISSED'} {what} / {base}: {ratio:.2f}, at most {most}")
    passing = rows["ours: passing request"].median - rows["the host alone"].median
    word = "met " if passing <= PASSING else "MISSED"
    print(f"{word} added to a passing request: {passing * 1e6:.2f} us, at most {PASSING * 1e6:g}")


def save(rows: dict[str, Row], missing: dict[str, str]) -> Path:
    """Writes the results beside those of other days."""
    folder = ROOT / "bench" / "results"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / time.strftime("added-%Y%m%d-%H%M%S.json")
    about = {"python": platform.python_version(), "machine": platform.machine()}
    found = {"about": about, "rows": [asdict(row) for row in rows.values()], "missing": missing}
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
