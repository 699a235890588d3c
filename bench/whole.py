"""What a page costs a whole server, beside others that do the same: `python -m bench.whole`.

Each contestant is a server of its own on the loopback. wrk, or processes of our own where it is missing, ask
it for one page over four kept-alive connections; they take turns, round by round. A figure is the CPU time of
the contestant's processes, user and system, per request; the driver's and the service's is nobody's. Before
that, each has to answer the right page.

Then, in the same run: files of 1 MB, and what it costs to start. Contestants that are not here are left out,
and said.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench import files, start
from bench.driver import drive, facts, fetch
from bench.figures import ROOT, Figure, Figures, about, by_name, save, table, verdict
from bench.goals import GUNICORN, ORIGINAL, PODIUM, REVPROXY, judge
from bench.machine import Watch
from bench.processes import cpu_time, wait_for_rest
from bench.servers import (
    Server,
    Start,
    backend,
    granian,
    gunicorn,
    nginx_ssi,
    original,
    podium,
    static,
)

CONNECTIONS = 4
#: Seconds of load before anything is measured: Node compiles what is hot, and takes its time.
WARM = {"Podium": 12}

SERVERS: dict[str, Start] = {
    "ours, gunicorn": gunicorn("ours"),
    "ours, granian": granian("ours"),
    "ours, curl, gunicorn": gunicorn("ours_curl"),
    "ours, curl, granian": granian("ours_curl"),
    "http.client, gunicorn": gunicorn("http_client"),
    "http.client, granian": granian("http_client"),
    "pycurl, gunicorn": gunicorn("pycurl_handle"),
    "static": static,
    "Diazo": gunicorn("diazo_http_client"),
    "revproxy": gunicorn("revproxy_diazo"),
    "Podium": podium,
    "nginx": nginx_ssi,
    "original": original,
}


@dataclass(frozen=True)
class Row:
    """One page of one server; the marks are texts of the right answer. Immutable.

    An `optional` row is left out where another page comes: this version may not know the template language.
    """

    what: str
    server: str
    path: str
    marks: tuple[str, ...] = ("Poll 19", "</html>")
    optional: bool = False


def _ours() -> Iterator[Row]:
    """Each language of templates, with each transport, under each server."""
    for language, path in (("Jinja", "/s/bench/jinja"), ("Django's language", "/s/bench/page")):
        for transport in ("", ", curl"):
            for server in ("gunicorn", "granian"):
                yield Row(
                    f"ours: full page, {language}{transport}, {server}",
                    f"ours{transport}, {server}",
                    path,
                    ("Poll 19", "show/20", "<nav", "</html>"),
                    optional=language == "Jinja",
                )


ROWS = (
    Row(GUNICORN, "http.client, gunicorn", "/page.html"),
    Row("bare proxy, http.client, granian", "http.client, granian", "/page.html"),
    Row("bare proxy, pycurl, gunicorn", "pycurl, gunicorn", "/page.html"),
    *_ours(),
    Row("ours: page from the cache, gunicorn", "ours, gunicorn", "/s/bench/cached"),
    Row("static app, the same bytes, gunicorn", "static", "/s/bench/cached"),
    Row("ours: JSON action, gunicorn", "ours, gunicorn", "/s/bench/json", ("Poll 19",)),
    Row(PODIUM, "Podium", "/polls", ("Poll 19", "show/20", "A site of the bench", "</html>")),
    Row("nginx SSI, one include", "nginx", "/polls", ("Poll 19", "A site of the bench")),
    Row("Diazo over http.client, gunicorn", "Diazo", "/page.html", ("Poll 19", "A site of the bench")),
    Row(REVPROXY, "revproxy", "/page.html", ("Poll 19", "A site of the bench")),
    Row(ORIGINAL, "original", "/plugIt/page", ("Poll 19", "show/20", "</html>")),
)


def pages(rows: tuple[Row, ...], rounds: int, seconds: int) -> tuple[dict[str, Figure], dict[str, str]]:
    """CPU seconds per request of each row, and why others are missing."""
    with ExitStack() as running:
        service = running.enter_context(backend())
        servers, missing = _start(rows, service.url, running)
        lanes = {row: servers[row.server] for row in rows if row.server in servers}
        for row, server in list(lanes.items()):
            wrong = check(server.url, row)
            if wrong and not row.optional:
                raise RuntimeError(f"{row.what}: {wrong}")
            if wrong:
                missing[row.what] = wrong
                del lanes[row]
        for row, server in lanes.items():
            drive(server.url, [row.path], WARM.get(row.server, 1), CONNECTIONS)
        taken: dict[str, list[float]] = {row.what: [] for row in lanes}
        for _ in range(rounds):
            for row, server in lanes.items():
                taken[row.what].append(turn(server, row.path, seconds))
    return by_name(Figure.of(what, found) for what, found in taken.items()), missing


def _start(
    rows: tuple[Row, ...], service: str, running: ExitStack
) -> tuple[dict[str, Server], dict[str, str]]:
    servers: dict[str, Server] = {}
    missing: dict[str, str] = {}
    for name in dict.fromkeys(row.server for row in rows):
        try:
            servers[name] = running.enter_context(SERVERS[name](service))
        except LookupError as error:
            missing[name] = str(error)
    return servers, missing


def check(url: str, row: Row) -> str:
    """Why the answer is not the right page; "" if it is. A benchmark of error pages would be fast."""
    for _ in range(3):  # a later answer may come from a cache
        status, body = fetch(url, row.path)
        gone = [mark for mark in row.marks if mark.encode() not in body]
        if status != 200 or gone:
            return f"{row.path} answers {status}, without {gone}: {body[:80]!r}"
    return ""


def turn(server: Server, path: str, seconds: int, connections: int = CONNECTIONS) -> float:
    """CPU seconds of the server per request.

    Raises:
        RuntimeError: some answers were errors.
    """
    before = cpu_time(server.pid)
    load = drive(server.url, [path], seconds, connections)
    used = wait_for_rest(server.pid) - before
    if load.wrong:
        raise RuntimeError(f"{server.url}{path}: {load.wrong} of {load.requests} answers were errors")
    return used / load.served


@contextmanager
def _at_work(what: str) -> Iterator[None]:
    print(f"... {what}", flush=True)
    yield


def show(figures: Figures, missing: dict[str, str]) -> None:
    """Prints the table, what is missing, and every goal of all runs that this one measured."""
    print("\n" + table(figures, GUNICORN, "CPU per request, whole processes"))
    for what, why in missing.items():
        print(f"*** NOT MEASURED: {what}: {why} ***")
    print(f"\n{verdict(figures)}\n")
    for each in judge({"whole": figures}):
        if each.goal.run == "whole":
            print(each)


def main() -> None:
    """Measures, prints, saves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="turns of each (default: 15)")
    parser.add_argument("--seconds", type=int, default=1, help="how long a turn is (default: 1)")
    parser.add_argument("--quick", action="store_true", help="3 rounds")
    parser.add_argument("--only", default="", help="a part of the names of those that are measured")
    options = parser.parse_args()
    rounds = 3 if options.quick else options.rounds
    told = {**about(), **facts(), "connections": CONNECTIONS, "rounds": rounds, "seconds": options.seconds}
    rows = tuple(row for row in ROWS if options.only in row.what)
    watch = Watch()
    with _at_work(f"{len(rows)} pages, {rounds} rounds"):
        figures, missing = pages(rows, rounds, options.seconds)
    if not options.only:
        with _at_work("files of 1 MB"):
            figures |= files.measure(rounds, options.seconds)
        with _at_work("start"):
            figures |= start.measure(rounds)
    told["busy"] = str(watch.seen())
    show(figures, missing)
    print(f"\nwritten to {save('whole', told, figures, missing).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
