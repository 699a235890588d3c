"""The services and hosts of these tests as processes of their own, and how much memory they take."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from plugit_wsgi.wire.keys import format_service_key, load_secrets, service_keys
from tests.live.visitor import Visitor
from tests.support import planted
from tests.support.servers import Running, run_app

SECRET = planted.SECRET
KIB = 1024
MIB = 1024 * KIB
NAMES = ("live", "twin")


@dataclass(frozen=True)
class Host:
    """A host that runs. Immutable.

    Attributes:
        server: what it runs under.
        below: its SCRIPT_NAME.
        running: its process.
    """

    server: str
    below: str
    running: Running

    @property
    def url(self) -> str:
        """Where it answers, its SCRIPT_NAME included, without a trailing slash."""
        return self.running.url + self.below

    def visitor(self, person: str = "") -> Visitor:
        """Somebody with a browser of their own."""
        return Visitor(self.url, person)


@contextmanager
def run_service(name: str, server: str, files: Path, *, checks: bool = True) -> Iterator[str]:
    """Runs the service under a name, inside wsgiref.validate; gives its URL.

    Args:
        name: at the host.
        server: to run under.
        files: that can be downloaded.
        checks: whether it has its key, and so refuses what the host has not signed.
    """
    key = format_service_key(service_keys(load_secrets(SECRET), name)) if checks else ""
    env = {"LIVE_NAME": name, "LIVE_KEY": key, "LIVE_FILES": str(files)}
    with run_app(server, "tests/live/service/wsgi.py", env=env) as running:
        yield running.url


def host_env(services: Mapping[str, str], threads: int = 8) -> dict[str, str]:
    """The environment of a host with these services, which is told that it has so many threads."""
    mounts = " ".join(f"{name}={url}" for name, url in services.items())
    return {"LIVE_SERVICES": mounts, "LIVE_SECRET": SECRET, "LIVE_THREADS": str(threads)}


@contextmanager
def run_host(
    server: str,
    services: Mapping[str, str],
    *,
    below: str = "",
    validate: bool = True,
    threads: int = 8,
    hops: int = 0,
) -> Iterator[Host]:
    """Runs the host; wsgiref.validate stands around its site, and with `validate` around the middleware."""
    env = {**host_env(services, threads), "LIVE_HOPS": str(hops)}
    with run_app(server, "tests/live/host.py", below=below, validate=validate, env=env) as running:
        yield Host(server, below, running)


def family(pid: int) -> list[int]:
    """A process and those below it."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        tasks = Path(f"/proc/{pid}/task").glob("*/children")
        children = [int(child) for task in tasks for child in task.read_text().split()]
        return [pid, *(each for child in children for each in family(child))]
    return []


def forget_peak(pid: int) -> None:
    """Lets the peak of the memory of a process, and of those below it, begin where it is now."""
    for each in family(pid):
        Path(f"/proc/{each}/clear_refs").write_text("5")


def peak(pid: int) -> int:
    """The largest peak of resident memory (VmHWM) among a process and those below it, in bytes."""
    found = []
    for each in family(pid):
        lines = Path(f"/proc/{each}/status").read_text().splitlines()
        found += [int(line.split()[1]) * KIB for line in lines if line.startswith("VmHWM:")]
    return max(found)
