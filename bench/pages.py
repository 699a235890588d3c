"""What a page costs: `make bench`.

1. In process: what the middleware adds to a request that no mount matches, in microseconds.
2. Under gunicorn (one gthread worker of eight threads): CPU time of the server, user and system, per request
   of each kind of page; beside a bare http.client proxy in front of the same service.

What is compared takes turns, round by round, so that a busy machine slows all of it. Medians tell; the spread
says how much to believe them. Results go to bench/results/.
"""

from __future__ import annotations

import argparse
import http.client
import json
import platform
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from wsgiref.util import setup_testing_defaults

from tests.support.servers import Running, run_app, run_command

from bench import apps
from bench.processes import cpu_time

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
CLIENTS = 4

#: (what it is called, which app, path, a text that the right answer has)
KINDS = (
    ("uncached page", "application", "/s/bench/page", b"Poll 19"),
    ("cached page", "application", "/s/bench/cached", b"Poll 19"),
    ("JSON action", "application", "/s/bench/json", b"Poll 19"),
    ("media file, 16 KiB", "application", "/s/bench/media/picture.png", bytes(64)),
    ("page of the host", "application", "/about", b"hello"),
    ("bare proxy, JSON action", "proxy", "/action/json", b"Poll 19"),
    ("bare proxy, media file", "proxy", "/media/picture.png", bytes(64)),
)


@dataclass(frozen=True)
class Measured:
    """Microseconds per request. Immutable."""

    what: str
    median: float
    least: float
    most: float

    @classmethod
    def of(cls, what: str, seconds: list[float]) -> Measured:
        """From seconds per request, one number a round."""
        return cls(what, statistics.median(seconds) * 1e6, min(seconds) * 1e6, max(seconds) * 1e6)


def passing(rounds: int, calls: int) -> list[Measured]:
    """What a request that passes costs: bare, wrapped, and the difference of the two within each round."""
    environ: dict[str, object] = {}
    setup_testing_defaults(environ)
    environ["PATH_INFO"] = "/about/us"
    taken: dict[str, list[float]] = {"bare": [], "wrapped": []}
    for _ in range(rounds):
        taken["bare"].append(_time_calls(apps.bare, environ, calls))
        taken["wrapped"].append(_time_calls(apps.application, environ, calls))
    added = [wrapped - bare for bare, wrapped in zip(taken["bare"], taken["wrapped"], strict=True)]
    best = min(taken["wrapped"]) - min(taken["bare"])
    return [
        Measured.of("bare app", taken["bare"]),
        Measured.of("wrapped app", taken["wrapped"]),
        Measured.of("added, by round", added),
        Measured.of("added, least against least", [best]),
    ]


def _time_calls(app: Callable[..., object], environ: dict[str, object], calls: int) -> float:
    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        """Nothing."""

    start = time.perf_counter()
    for _ in range(calls):
        app(environ, start_response)
    return (time.perf_counter() - start) / calls


def pages(rounds: int, requests: int) -> list[Measured]:
    """CPU time of gunicorn per request, for each of KINDS."""
    with ExitStack() as running:
        servers = running.enter_context(_servers())
        for what, app, path, text in KINDS:
            _check(servers[app].url, path, text, what)
        taken: dict[str, list[float]] = {what: [] for what, *_ in KINDS}
        for _ in range(rounds):
            for what, app, path, _text in KINDS:
                taken[what].append(_cpu_per_request(servers[app], path, requests))
    return [Measured.of(what, seconds) for what, seconds in taken.items()]


@contextmanager
def _servers() -> Iterator[dict[str, Running]]:
    with ExitStack() as running:
        command = [sys.executable, str(ROOT / "bench" / "service.py")]
        service = running.enter_context(run_command(command, ready="Serving "))
        env = {"BENCH_SERVICE": service.url}
        yield {
            name: running.enter_context(
                run_app("gunicorn", "bench/apps.py", name=name, validate=False, env=env)
            )
            for name in ("application", "proxy")
        }


def _check(url: str, path: str, text: bytes, what: str) -> None:
    """A benchmark of error pages would be fast. Twice: the second answer may come from a cache."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    for _ in range(2):
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200 or text not in body:
            raise SystemExit(f"{what}: {path} gives {answer.status} and not what it should:\n{body[:500]!r}")
    connection.close()


def _cpu_per_request(server: Running, path: str, requests: int) -> float:
    before = cpu_time(server.process.pid)
    threads = [
        threading.Thread(target=_visit, args=(server.url, path, requests // CLIENTS)) for _ in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (cpu_time(server.process.pid) - before) / (requests // CLIENTS * CLIENTS)


def _visit(url: str, path: str, times: int) -> None:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    for _ in range(times):
        connection.request("GET", path)
        connection.getresponse().read()
    connection.close()


def show(title: str, unit: str, measured: list[Measured]) -> None:
    """Print a table."""
    print(f"\n{title}\n{'':28} {'median':>9} {'least':>9} {'most':>9}  {unit}")
    for row in measured:
        print(f"{row.what:28} {row.median:9.2f} {row.least:9.2f} {row.most:9.2f}")


def save(results: dict[str, list[Measured]]) -> Path:
    """Write the results beside those of other days."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / time.strftime("pages-%Y%m%d-%H%M%S.json")
    about = {"python": platform.python_version(), "machine": platform.machine()}
    rows = {name: [asdict(row) for row in measured] for name, measured in results.items()}
    path.write_text(json.dumps({"about": about, **rows}, indent=1) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Measure, print, save."""
    parser = argparse.ArgumentParser(description="What a page costs.")
    parser.add_argument("--rounds", type=int, default=11, help="turns of each kind of page (default: 11)")
    parser.add_argument("--requests", type=int, default=400, help="requests per turn (default: 400)")
    parser.add_argument("--quick", action="store_true", help="3 rounds")
    options = parser.parse_args()
    options.rounds = 3 if options.quick else options.rounds
    results = {"passing": passing(200, 2000)}
    show("A request that no mount matches, in process", "us a call", results["passing"])
    results["pages"] = pages(options.rounds, options.requests)
    show("Under gunicorn gthread 1x8", "us of CPU a request", results["pages"])
    print(f"\nwritten to {save(results).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
