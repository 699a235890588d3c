"""Nobody sees what is another's: many visitors with secret markers, at a service that breaks now and then.

Every answer is searched for every marker. A marker belongs to one visitor, or to those who may see an action;
in the answer of anybody else it is a leak, wherever it stands.

::

    python -m plugit_wsgi.testing.oracle --requests 10000 --seed 1
"""

from __future__ import annotations

import argparse
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Final

from ..config import Limits, Service
from ..interfaces import Identify
from ..middleware import PlugItMiddleware
from ..people import User
from .markers import HEADER, MARKER, MEMBERS, identify, make_marker
from .marking_service import SPOILT, MarkingService
from .visitors import AppVisitor, Reply, close_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MOUNT: Final = "/s/oracle/"
THREADS: Final = 8
MakeApp = Callable[[str, Identify], "WSGIApplication"]

TARGETS: Final = (
    "public",
    "mine",
    "fresh",
    "byuser",
    "members",
    "json",
    "bare",
    "file",
    "large",
    "hop",
    "remember?v={own}",
    "recall",
    "post",
)
"""What is asked for; ``post`` by a form, all else by GET. Names of `MarkingService`."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A marker in an answer that it must not be in. Immutable.

    Attributes:
        visitor: who got it; -1 and -2 are anonymous.
        target: what was asked for.
        marker: what was found.
        owners: whose it is.
    """

    visitor: int
    target: str
    marker: str
    owners: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OracleReport:
    """What visitors saw. Immutable.

    Attributes:
        requests: how many were made.
        own: in how many answers a visitor found a marker of their own.
        faults: how many calls the service spoilt.
        leaks: what should not have been seen.
        statuses: how often each status came; 0 where the answer broke off.
    """

    requests: int
    own: int
    faults: int
    leaks: tuple[Leak, ...]
    statuses: dict[int, int]

    def check(self) -> None:
        """No leak, and visitors saw their own, and something broke.

        Raises:
            AssertionError: says the first leaks.
        """
        assert not self.leaks, f"{len(self.leaks)} leaks: {self.leaks[:5]}"
        assert self.own > self.requests // 5, f"hardly anybody saw even their own: {self}"
        assert self.faults, f"nothing broke, so little is shown: {self}"


def run_oracle(
    make_app: MakeApp | None = None,
    *,
    requests: int = 1000,
    users: int = 12,
    seed: int = 0,
    spoilt: float = SPOILT,
) -> OracleReport:
    """Visits an app from `THREADS` threads and searches each answer.

    Args:
        make_app: from the service's base URL and an `identify` to an app that mounts the service at `MOUNT`
            and lets `identify` say who is logged in; None is a host with short limits.
        requests: how many.
        users: how many are logged in, every second a member; two more are nobody.
        seed: of visitors, targets and faults.
        spoilt: the share of calls that the service spoils, 0 to 1.
    """
    numbers = [*range(users), -1, -2]
    with MarkingService(seed, spoilt) as service:
        app = (make_app or _plain_host)(service.url, identify)
        oracle = _Oracle(app, numbers)
        for number in numbers:
            oracle.visit(number, "fresh")  # for cookies and token, before anything breaks
        for target in TARGETS:
            oracle.visit(-1, target)  # a first meta that fails would hide its page for seconds
        service.break_from_now_on()
        with ThreadPoolExecutor(THREADS) as threads:
            share = [requests // THREADS + (thread < requests % THREADS) for thread in range(THREADS)]
            dice = [random.Random(f"{seed}/{thread}") for thread in range(THREADS)]
            list(threads.map(oracle.wander, dice, share))
        close_app(app)
        return oracle.report(service.faults)


class _Oracle:
    """Visits and searches. Thread-safe."""

    def __init__(self, app: WSGIApplication, numbers: Sequence[int]) -> None:
        self._visitors = {number: AppVisitor(app, {HEADER: str(number)}) for number in numbers}
        self._owners = {make_marker(number): {number} for number in numbers}
        self._owners[MEMBERS] = {number for number in numbers if number >= 0 and number % 2}
        self._lock = threading.Lock()
        self._leaks: list[Leak] = []
        self._statuses: Counter[int] = Counter()
        self._own = 0

    def wander(self, dice: random.Random, requests: int) -> None:
        """Visits at random."""
        for _ in repeat(None, requests):
            self.visit(dice.choice(list(self._visitors)), dice.choice(TARGETS))

    def visit(self, number: int, target: str) -> None:
        """One request."""
        visitor, own = self._visitors[number], make_marker(number)
        if target == "post":
            reply = visitor.post(MOUNT + target, f"v={own}")
        else:
            reply = visitor.get(MOUNT + target.format(own=own))
        self._search(number, target, reply)

    def _search(self, number: int, target: str, reply: Reply) -> None:
        found = set(re.findall(MARKER, reply.text))
        strange = [marker for marker in found if number not in self._owners.get(marker, ())]
        with self._lock:
            self._statuses[reply.status if reply.whole else 0] += 1
            self._own += make_marker(number) in found
            for marker in strange:
                owners = tuple(sorted(self._owners.get(marker, ())))
                self._leaks.append(Leak(number, target, marker, owners))

    def report(self, faults: int) -> OracleReport:
        """All of it."""
        return OracleReport(
            requests=sum(self._statuses.values()),
            own=self._own,
            faults=faults,
            leaks=tuple(self._leaks),
            statuses=dict(sorted(self._statuses.items())),
        )


def _plain_host(url: str, identify: Callable[..., User | None]) -> WSGIApplication:
    def host(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"nothing here"]

    return PlugItMiddleware(
        host,
        [Service("oracle", url)],
        "a secret that only the oracle knows",
        identify=identify,
        threads=4 * THREADS,
        limits=Limits(page=0.3, call=0.3, connect=0.2, stall=0.3),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: prints the report; fails if there was a leak."""
    parser = argparse.ArgumentParser(
        prog="python -m plugit_wsgi.testing.oracle",
        description="Visits a host as many people: nobody sees what is another's.",
    )
    parser.add_argument("--requests", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument("--users", type=int, default=12, help="how many are logged in (default: 12)")
    parser.add_argument("--seed", type=int, default=0, help="of visitors, targets, faults (default: 0)")
    options = parser.parse_args(arguments)
    report = run_oracle(requests=options.requests, users=options.users, seed=options.seed)
    print(report)
    report.check()


if __name__ == "__main__":
    main()
