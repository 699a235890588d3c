r"""What a broken service does to its neighbours, measured on a running host.

::

    python -m plugit_wsgi.testing.isolation --bad http://127.0.0.1:8000/s/bad/ \
        --good http://127.0.0.1:8000/s/good/page --host http://127.0.0.1:8000/ --pid PID \
        --admin http://127.0.0.1:5002 --faults hang,close

One row is: without the fault, with it, the way back, without it again. What is compared was measured in the
same minute on the same machine; `verdicts` says what is promised.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from .faults import FAULTS, Fault
from .load import Stream, run_load
from .measured import Felt, Phase, Row, percentile
from .verdicts import HEADING, line_of
from .watched import WATCHED, Process

_KIND: Final = re.compile(rb"\b(?:event|kind)=(\S+)")
GONE_WITHIN: Final = 5.0
"""Seconds after the fault in which descriptors and threads must be back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A host to measure. Immutable.

    Attributes:
        bad: URL of the mount of the toxic service, with a trailing slash.
        good: URL of a page of another service.
        host: URL of a page of the host itself.
        admin: where the toxic service takes orders.
        good_text, host_text: what the right pages have in them.
        process: the worker; None if it is not to be seen.
        log: its log; None if it is not to be seen.
        watched: the host is wrapped in `Watched`, which is below this URL; "" if not.
        secrets: words that must not be in any answer, beside tracebacks.
        places: how many calls the bad service may have at a time.
        deadline: of a page, in seconds.
    """

    bad: str
    good: str
    host: str
    admin: str
    good_text: str = ""
    host_text: str = ""
    process: Process | None = None
    log: Path | None = None
    watched: str = ""
    secrets: tuple[str, ...] = ()
    places: int = 4
    deadline: float = 5.0

    def streams(self, action: str) -> list[Stream]:
        """16 visitors at the bad service, a healthy one, a page of the host."""
        return [
            Stream(name="bad", url=self.bad + action, rate=160, visitors=16),
            Stream(name="good", url=self.good, rate=100, text=self.good_text),
            Stream(name="host", url=self.host, rate=5, text=self.host_text),
        ]

    def order(self, what: str) -> dict[str, Any]:
        """Tells the toxic service, or asks it."""
        status, body = ask(f"{self.admin}/{what}", timeout=5)
        if status != 200:
            raise RuntimeError(f"the toxic service does not take orders at {self.admin}: {status}")
        return dict(json.loads(body))


class Bench:
    """Measures faults on one host. For one thread.

    Args:
        setup: the host.
        seconds: how long a fault lasts; without it, half of that before and after.
        grace: what requests on their way get then; None is what the deadline asks for.
        patience: how long the way back is waited for.
    """

    def __init__(
        self, setup: Setup, *, seconds: float = 6.0, grace: float | None = None, patience: float = 20.0
    ) -> None:
        self._setup = setup
        self._seconds = seconds
        self._grace = setup.deadline + 1 if grace is None else grace
        self._patience = patience

    def measure(self, fault: Fault) -> Row:
        """One row."""
        setup = self._setup
        setup.order("be/well")
        before = self._phase(fault, self._seconds / 2)
        found = self._resources()
        during = self._toxic_phase(fault)
        ended = time.monotonic()
        recovery = self._recover(fault, ended)
        time.sleep(max(0.0, ended + GONE_WITHIN - time.monotonic()))
        left = self._resources()
        after = self._phase(fault, self._seconds / 2)
        return Row(
            fault=fault.name,
            row=fault.row,
            without=before.with_(after),
            during=during,
            recovery=recovery,
            after=after.felt["good"].right,
            descriptors=(found[0], left[0]) if found and left else None,
            threads=(found[1], left[1]) if found and left else None,
        )

    def measure_briefly(self, fault: Fault) -> Row:
        """The same, without what only our own host promises."""
        self._setup.order("be/well")
        before = self._phase(fault, self._seconds / 2)
        during = self._toxic_phase(fault)
        recovery = self._recover(fault, time.monotonic())
        after = run_load(self._setup.streams(fault.name)[1:], seconds=1, grace=1, secrets=self._setup.secrets)
        right = Felt.of(after["good"]).right
        return Row(
            fault=fault.name, row=fault.row, without=before, during=during, recovery=recovery, after=right
        )

    def _toxic_phase(self, fault: Fault) -> Phase:
        self._setup.order("reset")
        self._setup.order("be/toxic" if fault.on != "listen" else f"be/{fault.name}")
        try:
            return self._phase(fault, self._seconds)
        finally:
            self._setup.order("be/well")

    def _phase(self, fault: Fault, seconds: float) -> Phase:
        setup = self._setup
        self._take_watched()
        calls, lines = self._calls(fault), self._lines()
        if setup.process is not None:
            setup.process.forget_peak()
        halfway = time.time() + seconds / 2
        samples = run_load(
            setup.streams(fault.name),
            seconds=seconds,
            grace=self._grace,
            secrets=("Traceback", *setup.secrets),
        )
        watched = self._take_watched()
        ended = [item for item in watched.get("ended", ()) if item[0] == "bad"]
        refused = sorted(item[2] for item in ended if item[1] == "503" and item[3] > halfway)
        return Phase(
            samples=samples,
            peak=setup.process.peak if setup.process else 0,
            calls=self._calls(fault) - calls,
            held=max((item[2] for item in ended), default=None),
            busy=watched.get("most", {}).get("bad"),
            refusal=percentile(refused, 99) if refused else None,
            lines=max((self._lines() - lines).values(), default=0) / seconds if setup.log else None,
        )

    def _calls(self, fault: Fault) -> int:
        calls = self._setup.order("status")["calls"]
        on = "action" if fault.on == "listen" else fault.on
        return int(calls.get(f"{on}/{fault.name}", 0))

    def _lines(self) -> Counter[bytes]:
        """The lines of the log so far, by event and kind; what has neither is of one kind."""
        log = self._setup.log.read_bytes() if self._setup.log else b""
        return Counter(b" ".join(_KIND.findall(line)) for line in log.splitlines())

    def _take_watched(self) -> dict[str, Any]:
        if not self._setup.watched:
            return {}
        status, body = ask(self._setup.watched + WATCHED, timeout=2)
        return dict(json.loads(body)) if status == 200 else {}

    def _resources(self) -> tuple[int, int] | None:
        process = self._setup.process
        return None if process is None else (process.descriptors, process.threads)

    def _recover(self, fault: Fault, since: float) -> float | None:
        while time.monotonic() - since < self._patience:
            if ask(self._setup.bad + fault.name, timeout=2)[0] == 200:
                return time.monotonic() - since
            time.sleep(0.1)
        return None


def ask(url: str, *, timeout: float) -> tuple[int, bytes]:
    """Status and body of a GET; status 0 without an answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""))
        found = connection.getresponse()
        return found.status, found.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: one line a fault."""
    parser = argparse.ArgumentParser(
        prog="python -m plugit_wsgi.testing.isolation",
        description="What a broken service does to its neighbours, on your host.",
    )
    parser.add_argument(
        "--bad", required=True, help="URL of the toxic service's mount, with a trailing slash"
    )
    parser.add_argument("--good", required=True, help="URL of a page of another service")
    parser.add_argument("--host", required=True, help="URL of a page of the host itself")
    parser.add_argument("--admin", required=True, help="where the toxic service takes orders")
    parser.add_argument("--pid", type=int, help="of the worker, to see its memory, descriptors and threads")
    parser.add_argument("--log", type=Path, help="the host's log")
    parser.add_argument("--watched", default="", help="URL of the host, if it is wrapped in Watched")
    parser.add_argument("--places", type=int, default=4, help="calls the bad service may have at once")
    parser.add_argument("--faults", default=",".join(FAULTS), help="names, with commas (default: all)")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long a fault lasts (default: 6)")
    options = parser.parse_args(arguments)
    setup = Setup(
        bad=options.bad,
        good=options.good,
        host=options.host,
        admin=options.admin,
        process=Process(options.pid) if options.pid else None,
        log=options.log,
        watched=options.watched,
        places=options.places,
    )
    bench = Bench(setup, seconds=options.seconds)
    print(HEADING)
    for name in options.faults.split(","):
        print(line_of(bench.measure(FAULTS[name]), setup.places, setup.deadline), flush=True)


if __name__ == "__main__":
    main()
