"""Load on a URL over kept-alive connections: by wrk where it is installed, else by processes of our own.

The driver's CPU time is nobody's: servers are read from outside.
"""

from __future__ import annotations

import http.client
import multiprocessing
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from bench.counts import BROWSER

HEADERS = {name[5:].replace("_", "-").title(): value for name, value in BROWSER.items()}
SCRIPT = """
local paths = {{{paths}}}
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", paths[n % #paths + 1])
end
"""
UNITS = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}


@dataclass(frozen=True)
class Load:
    """What was answered. Immutable.

    Attributes:
        requests: answers that came.
        served: answers that the server made; those that came too late were made too.
        seconds: how long it took.
        size: bytes that came.
        wrong: answers with a status other than 2xx and 3xx, and connections that broke.
    """

    requests: int
    served: int
    seconds: float
    size: int
    wrong: int


def drive(url: str, paths: Sequence[str], seconds: int, connections: int) -> Load:
    """Asks for the paths in turn, each connection as soon as it has its answer.

    Args:
        url: scheme, host and port.
        paths: what to ask for.
        seconds: how long; a whole number, since wrk takes no other.
        connections: how many at the same time.
    """
    return (_by_wrk if shutil.which("wrk") else _by_processes)(url, paths, seconds, connections)


def _by_wrk(url: str, paths: Sequence[str], seconds: int, connections: int) -> Load:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT.format(paths=", ".join(f'"{path}"' for path in paths)))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
        command += [f"-H{name}: {value}" for name, value in HEADERS.items()]
        command += ["-s", script.name] if len(paths) > 1 else []
        address = url + (paths[0] if len(paths) == 1 else "/")
        done = subprocess.run([*command, address], capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode:
        raise RuntimeError(f"wrk failed: {done.stdout}{done.stderr}")
    return read_wrk(done.stdout, connections)


def read_wrk(told: str, connections: int) -> Load:
    """The load that wrk's text tells of.

    Raises:
        ValueError: it is not wrk's.
    """
    total = re.search(r"(\d+) requests in ([\d.]+)(m?s), ([\d.]+)([KMG]?B) read", told)
    if total is None:
        raise ValueError(f"not the text of wrk: {told!r}")
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    broken = re.search(r"Socket errors: connect (\d+), read \d+, write (\d+), timeout (\d+)", told)
    errors = int(wrong[1]) if wrong else 0
    errors += sum(map(int, broken.groups())) if broken else 0
    seconds = float(total[2]) / (1000 if total[3] == "ms" else 1)
    size = int(float(total[4]) * UNITS[total[5]])
    return Load(int(total[1]), int(total[1]) + connections, seconds, size, errors)


def _by_processes(url: str, paths: Sequence[str], seconds: int, connections: int) -> Load:
    ways = multiprocessing.get_context("spawn")
    with ways.Pool(connections) as pool:
        pool.map(abs, range(connections))  # all are started before the first asks
        jobs = [(url, tuple(paths), seconds, number) for number in range(connections)]
        loads = pool.starmap(ask, jobs, chunksize=1)
    requests, size, wrong = (
        sum(getattr(each, name) for each in loads) for name in ("requests", "size", "wrong")
    )
    return Load(requests, requests, max(each.seconds for each in loads), size, wrong)


def ask(url: str, paths: Sequence[str], seconds: float, start: int = 0) -> Load:
    """One visitor on one connection, which is opened again when the server closes it."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    requests = size = wrong = 0
    begun = time.monotonic()
    while time.monotonic() < begun + seconds:
        try:
            status, body = get(connection, paths[(start + requests) % len(paths)], HEADERS)
        except OSError:
            connection.close()
            wrong += 1
            continue
        requests += 1
        size += len(body)
        wrong += not 200 <= status < 400
    connection.close()
    return Load(requests, requests, time.monotonic() - begun, size, wrong)


def get(connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Status and body of one answer."""
    connection.request("GET", path, headers={**headers, "Accept-Encoding": "identity"})
    answer = connection.getresponse()
    return answer.status, answer.read()


def fetch(url: str, path: str, headers: Mapping[str, str] = HEADERS) -> tuple[int, bytes]:
    """The same over a connection of its own; status 0 where there is no answer."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    with closing(connection), suppress(OSError):
        return get(connection, path, headers)
    return 0, b""


def wait_for(url: str, path: str, within: float = 20.0) -> None:
    """Until it answers something.

    Raises:
        RuntimeError: it does not.
    """
    end = time.monotonic() + within
    while fetch(url, path)[0] == 0:
        if time.monotonic() > end:
            raise RuntimeError(f"no answer at {url}{path} within {within:g} s")
        time.sleep(0.05)


def facts() -> dict[str, Any]:
    """What drives, for the results."""
    return {"driver": "wrk" if shutil.which("wrk") else "processes of Python"}
