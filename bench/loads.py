"""Real load on whole servers: slow services, threads, workers, kept pages, kinds of servers.

A host has as many visitors as it has places for the service, who ask again as soon as they have their page:
so one worker refuses nobody, and a figure is the most that this host can do. Driver, service and host share
the cores of the machine.
"""

from __future__ import annotations

import time
from contextlib import ExitStack

from bench.driver import drive
from bench.processes import cpu_time, wait_for_rest
from bench.servers import Server, Start, backend, sized

WAITS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
QUICK = (1, 20, 200)
LONGEST = WAITS[-1] / 1000 + 0.1
THREADS = (8, 16, 32, 64)
SHARES = (0, 25, 50, 75, 90, 100)
Curve = list[tuple[float, float]]
Curves = dict[str, Curve]


def places_of(threads: int) -> int:
    """Calls of one service at a time, by default."""
    return threads // 2


def by_threads(seconds: int, *, quick: bool = False) -> tuple[Curves, Curves]:
    """Pages a second, and CPU seconds of a page, by milliseconds of the service; one gthread worker."""
    threads = (8, 32) if quick else THREADS
    return _by_wait(
        {f"{each} threads": (sized("gthread", each), places_of(each)) for each in threads}, seconds, quick
    )


def by_server(seconds: int, *, quick: bool = False) -> tuple[Curves, Curves, dict[str, str]]:
    """The same under each kind of server, for 32 threads or greenlets; and why one is missing."""
    missing: dict[str, str] = {}
    rates: Curves = {}
    costs: Curves = {}
    for kind in ("gthread", "gevent", "granian"):
        try:
            more, dear = _by_wait({kind: (sized(kind, 32), places_of(32))}, seconds, quick)
        except LookupError as error:
            missing[kind] = str(error)
            continue
        rates |= more
        costs |= dear
    return rates, costs, missing


def by_workers(seconds: int, *, quick: bool = False) -> Curves:
    """Pages a second by workers of eight threads, for some times of the service.

    A kept-alive connection stays at its worker, and chance decides which that is: one worker may refuse
    visitors while another has free places. The refused ask again at once, and only right answers count.
    """
    curves: Curves = {}
    with ExitStack() as running:
        service = running.enter_context(backend())
        for workers in (1, 2) if quick else (1, 2, 3, 4):
            with sized("gthread", 8, workers)(service.url) as server:
                for wait in (20, 200):
                    rate, _cpu = _measure(server, wait, places_of(8) * workers, seconds, refuses=workers > 1)
                    curves.setdefault(f"service of {wait} ms", []).append((workers, rate))
    return curves


def by_hits(seconds: int, rounds: int) -> Curve:
    """CPU seconds of a page by the percentage that comes from the cache."""
    with ExitStack() as running:
        service = running.enter_context(backend())
        server = running.enter_context(sized("gthread", 8)(service.url))
        taken: dict[int, list[float]] = {share: [] for share in SHARES}
        for _ in range(rounds):
            for share in SHARES:
                taken[share].append(_cost(server, mixed(share), places_of(8), seconds)[1])
        return [(share, sorted(costs)[len(costs) // 2]) for share, costs in taken.items()]


def mixed(share: int) -> list[str]:
    """Twenty paths, of which `share` percent are kept pages, spread evenly."""
    kept = [(number + 1) * share // 100 - number * share // 100 for number in range(20)]
    return ["/s/bench/cached" if each else "/s/bench/page" for each in kept]


def _by_wait(hosts: dict[str, tuple[Start, int]], seconds: int, quick: bool) -> tuple[Curves, Curves]:
    rates: Curves = {}
    costs: Curves = {}
    with ExitStack() as running:
        service = running.enter_context(backend())
        for name, (start, places) in hosts.items():
            with start(service.url) as server:
                for wait in QUICK if quick else WAITS:
                    rate, cpu = _measure(server, wait, places, seconds)
                    rates.setdefault(name, []).append((wait, rate))
                    costs.setdefault(name, []).append((wait, cpu))
    return rates, costs


def _measure(
    server: Server, wait: int, visitors: int, seconds: int, *, refuses: bool = False
) -> tuple[float, float]:
    return _cost(server, [f"/s/bench/slow-{wait}"], visitors, seconds, refuses=refuses)


def _cost(
    server: Server, paths: list[str], visitors: int, seconds: int, *, refuses: bool = False
) -> tuple[float, float]:
    """Right answers a second, and CPU seconds of a request, after a second that nobody counts."""
    drive(server.url, paths, 1, visitors)
    time.sleep(LONGEST)  # what the driver left under way still holds its places
    before = cpu_time(server.pid)
    load = drive(server.url, paths, seconds, visitors)
    used = wait_for_rest(server.pid) - before
    if load.wrong > load.requests / 10 and not refuses:
        raise RuntimeError(f"{paths[0]}: {load.wrong} of {load.requests} answers were errors")
    return (load.requests - load.wrong) / load.seconds, used / load.served
