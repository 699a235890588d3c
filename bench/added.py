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
import multiprocessing
import sys
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Any
from wsgiref.util import setup_testing_defaults

from tests.support.servers import run_command

from bench.contestants import CONTESTANTS
from bench.figures import ROOT, Figure, about, save, table, verdict
from bench.goals import HTTP_CLIENT, judge
from bench.machine import Watch
from bench.start import browser

#: (what it is called, contestant, path, a text that the right answer has)
ROWS = (
    (HTTP_CLIENT, "http_client", "/page.html", b"Poll 19"),
    ("bare proxy, urllib3", "urllib3_pool", "/page.html", b"Poll 19"),
    ("bare proxy, pycurl", "pycurl_handle", "/page.html", b"Poll 19"),
    ("Werkzeug ProxyMiddleware", "werkzeug_proxy", "/there/page.html", b"Poll 19"),
    ("WSGIProxy2, urllib3", "wsgiproxy", "/page.html", b"Poll 19"),
    ("Diazo over http.client", "diazo_http_client", "/page.html", b"A site of the bench"),
    ("django-revproxy with Diazo", "revproxy_diazo", "/page.html", b"A site of the bench"),
    ("ours: full page, Jinja", "ours", "/s/bench/jinja", b"show/20"),
    ("ours: full page, Jinja, curl", "ours_curl", "/s/bench/jinja", b"show/20"),
    ("ours: full page, Django's language", "ours", "/s/bench/page", b"show/20"),
    ("ours: full page, Django's language, curl", "ours_curl", "/s/bench/page", b"show/20"),
    ("ours: JSON action", "ours", "/s/bench/json", b"Poll 19"),
    ("ours: JSON action, curl", "ours_curl", "/s/bench/json", b"Poll 19"),
    ("ours: page from the cache", "ours", "/s/bench/cached", b"Poll 19"),
    ("ours: passing request", "ours", "/about", b"hello"),
    ("the host alone", "bare_host", "/about", b"hello"),
)
#: Rows that are left out, and said, where this version answers something else.
OPTIONAL = ("ours: full page, Jinja", "ours: full page, Jinja, curl")


def main() -> None:
    """Measures, prints, saves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21, help="turns of each (default: 21)")
    parser.add_argument("--requests", type=int, default=100, help="requests in a turn (default: 100)")
    parser.add_argument("--quick", action="store_true", help="7 rounds of 30 requests")
    options = parser.parse_args()
    facts, watch = about(), Watch()
    figures, missing = measure(*(7, 30) if options.quick else (options.rounds, options.requests))
    facts["busy"] = str(watch.seen())
    print(table(figures, HTTP_CLIENT, "CPU per request, in process"))
    for what, why in missing.items():
        print(f"*** NOT MEASURED: {what}: {why} ***")
    print(f"\n{verdict(figures)}\n")
    for each in judge({"added": figures}):
        if each.goal.run == "added":
            print(each)
    print(f"\nwritten to {save('added', facts, figures, missing).relative_to(ROOT)}")


def measure(rounds: int, requests: int) -> tuple[dict[str, Figure], dict[str, str]]:
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
            except RuntimeError as error:
                if what not in OPTIONAL:
                    raise
                missing[what] = str(error)
        taken: dict[str, list[float]] = {what: [] for what in lanes}
        for _ in range(rounds):
            for what, lane in lanes.items():
                taken[what].append(lane.run(requests * (100 if lane.path == "/about" else 1)))
        return {what: Figure.of(what, found) for what, found in taken.items()}, missing


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
            body = call(app, browser(path))
        if text not in body:
            raise RuntimeError(f"{path} answers without {text!r}: {body[:60]!r}")
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
            call(app, browser(path))
        pipe.send((time.process_time() - before) / requests)


def call(app: Any, environ: dict[str, Any]) -> bytes:
    """The body that an app answers."""
    setup_testing_defaults(environ)
    answer = app(environ, _start_response)
    body = b"".join(answer)
    close = getattr(answer, "close", None)
    if close is not None:
        close()
    return body


def _start_response(_status: str, _headers: list[tuple[str, str]], _error: Any = None) -> Any:
    return None


if __name__ == "__main__":
    main()
