"""What it costs to be there: the import, many mounts, finding one of them, an idle one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from bench.counts import BROWSER
from bench.figures import ROOT, Figure, by_name
from plugit_wsgi import PlugItMiddleware, Service
from plugit_wsgi.mounts import MountTable

#: CPU time, so that a busy machine changes little.
IMPORT = "import time; start = time.process_time(); import plugit_wsgi; print(time.process_time() - start)"
MATCHES = 2000


def measure(rounds: int) -> dict[str, Figure]:
    """Seconds of CPU, and bytes."""
    few, many = table_of(10), table_of(10_000)
    taken: dict[str, list[float]] = {"a match in 10 mounts": [], "a match in 10 000 mounts": []}
    imports, mounts = import_anew(rounds), []
    for _ in range(rounds):
        mounts.append(timed(lambda: middleware(1000)))
        taken["a match in 10 mounts"].append(match(few, "/s/service-9/page"))
        taken["a match in 10 000 mounts"].append(match(many, "/s/service-9999/page"))
    return by_name(
        [
            Figure.of("import plugit_wsgi", imports, "ms"),
            Figure.of("1000 mounts", mounts, "ms"),
            *(Figure.of(what, seconds) for what, seconds in taken.items()),
            Figure.of("an idle mount", [idle_mount(), idle_mount()], "B"),
        ]
    )


def import_anew(rounds: int) -> list[float]:
    """CPU seconds of the import, each in a new interpreter that finds the bytecode: as if installed."""
    with tempfile.TemporaryDirectory(prefix="bench-bytecode-") as folder:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        command = [sys.executable, "-c", IMPORT]
        told = [
            subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=env, check=True).stdout
            for _ in range(rounds + 1)
        ]
        return [float(each) for each in told[1:]]


def services(count: int) -> list[Service]:
    """So many of them; nobody listens there, and nobody is asked."""
    return [Service(f"service-{number}", "http://127.0.0.1:9") for number in range(count)]


def middleware(count: int) -> PlugItMiddleware:
    """A host with so many services."""
    return PlugItMiddleware(_host, services(count), "a secret of the bench, known to all of us")


def table_of(count: int) -> MountTable[str]:
    """The table that a middleware with so many services has."""
    return MountTable((f"/s/service-{number}", str(number)) for number in range(count))


def match(table: MountTable[str], path: str) -> float:
    """CPU seconds of one match."""
    return timed(lambda: [table.match(path) for _ in range(MATCHES)]) / MATCHES


def idle_mount() -> float:
    """Bytes of Python objects for one more mount, of a thousand that nobody has visited."""
    prepared, one = services(1000), services(1)
    middleware(1).close()  # what is imported at the first of all
    sizes = []
    for each in (one, prepared):
        tracemalloc.start()
        kept = PlugItMiddleware(_host, each, "a secret of the bench, known to all of us")
        sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        kept.close()
    return (sizes[1] - sizes[0]) / (len(prepared) - len(one))


def timed(call: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    before = time.process_time()
    call()
    return time.process_time() - before


def browser(path: str, **more: str) -> dict[str, Any]:
    """The environ of a browser that asks for a path."""
    return {"PATH_INFO": path, "QUERY_STRING": "", "REMOTE_ADDR": "127.0.0.1", **BROWSER, **more}


def _host(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
