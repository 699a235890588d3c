"""Files of 1 MB through us, beside a bare proxy: throughput, memory, and what is asked of the service."""

from __future__ import annotations

import json
from contextlib import ExitStack

from bench.driver import drive, fetch
from bench.figures import Figure, by_name
from bench.processes import memory
from bench.servers import Server, backend, gunicorn

CONNECTIONS = 4
WARM = 12
MEDIA = "/s/bench/media/large.bin"
ROWS = (
    ("ours: media, 1 MB", "ours", MEDIA),
    ("ours: file of an action, 1 MB", "ours", "/s/bench/file"),
    ("bare proxy: 1 MB", "http_client", "/media/large.bin"),
)
#: what is asked of kept media -> the header that says so, and the status it should have.
ASKED = {
    "conditional media": ({"If-None-Match": '"1"'}, (304,)),
    "range of media": ({"Range": "bytes=100-199"}, (206,)),
}


def measure(rounds: int, seconds: int) -> dict[str, Figure]:
    """Bytes a second of each of ROWS, the memory that each left behind, and calls of the service."""
    with ExitStack() as running:
        service = running.enter_context(backend())
        servers = {
            name: running.enter_context(gunicorn(name)(service.url)) for name in ("ours", "http_client")
        }
        for what, name, path in ROWS:
            _check(what, servers[name], path)
        taken: dict[str, list[float]] = {what: [] for what, *_ in ROWS}
        ours, passed = servers["ours"], 0
        drive(
            ours.url, [MEDIA, ROWS[1][2]], WARM, CONNECTIONS
        )  # each thread gets its part of the heap, and keeps it
        before = memory(ours.pid)
        for _ in range(rounds):
            for what, name, path in ROWS:
                load = drive(servers[name].url, [path], seconds, CONNECTIONS)
                taken[what].append(load.size / load.seconds)
                passed += load.served if name == "ours" else 0
        left = (memory(ours.pid) - before) / passed
        found = [Figure.of(what, speeds, "B/s") for what, speeds in taken.items()]
        found.append(Figure.of("ours: memory left by a file of 1 MB", [left], "B"))
        found += [_calls(what, servers["ours"], service) for what in ASKED]
        return by_name(found)


def _check(what: str, server: Server, path: str) -> None:
    status, body = fetch(server.url, path)
    if status != 200 or len(body) != 1024 * 1024:
        raise RuntimeError(f"{what}: {path} answers {status} with {len(body)} bytes")


def _calls(what: str, ours: Server, service: Server) -> Figure:
    """How often the service is asked, for one request of media that it just gave, to be kept for an hour."""
    headers, statuses = ASKED[what]
    before = _asked(service)
    status, _body = fetch(ours.url, MEDIA, headers)
    if status not in statuses:
        raise RuntimeError(f"{what}: the status is {status}, expected {statuses}")
    return Figure.of(f"calls of the service: {what}", [float(_asked(service) - before)], "")


def _asked(service: Server) -> int:
    _status, body = fetch(service.url, "/asked")
    return int(json.loads(body).get("/media/large.bin", 0))
