"""No POST is done twice, none that was answered 2xx is lost: a service that writes down is killed meanwhile.

::

    python -m plugit_wsgi.testing.ledger --seconds 60 --seed 1
"""

from __future__ import annotations

import argparse
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..config import Service
from ..middleware import PlugItMiddleware
from .visitors import AppVisitor, close_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SERVICE: Final = Path(__file__).with_name("ledger_service.py")
MOUNT: Final = "/s/ledger/"
POSTERS: Final = 3
"""So few that a host does not give the service up for each kill: that takes five failures in a row."""
IMPATIENT: Final = 0.05
"""The share of them that come again at once."""
MakeApp = Callable[[str], "WSGIApplication"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerReport:
    """What became of the posts. Immutable.

    Attributes:
        posts: how many were sent.
        accepted: how many were answered 2xx.
        stored: how many the service wrote down, those it could not answer included.
        kills: how often the service was killed.
        doubled: ids that were written down more than once.
        lost: ids that were answered 2xx and not written down.
        statuses: how often each status came.
    """

    posts: int
    accepted: int
    stored: int
    kills: int
    doubled: tuple[str, ...]
    lost: tuple[str, ...]
    statuses: dict[int, int]

    def check(self) -> None:
        """Nothing doubled, nothing lost, and something was tried at all.

        Raises:
            AssertionError: says which ids.
        """
        assert not self.doubled, f"stored more than once: {', '.join(self.doubled)}"
        assert not self.lost, f"answered 2xx, but not stored: {', '.join(self.lost)}"
        assert self.accepted, f"nothing was accepted, so nothing is shown: {self}"
        assert self.kills, f"the service was never killed, so nothing is shown: {self}"


def run_ledger(make_app: MakeApp | None = None, *, seconds: float = 5.0, seed: int = 0) -> LedgerReport:
    """Posts to a service through an app while the service is killed and comes back.

    Args:
        make_app: from the service's base URL to an app that mounts it at `MOUNT`; its ``close`` is called
            at the end. None is a host of the defaults.
        seconds: how long.
        seed: of ids, of moments to kill, and of the service's dawdling.
    """
    with tempfile.TemporaryDirectory() as folder:
        service = _Mortal(Path(folder) / "ledger", seed)
        try:
            app = (make_app or _plain_host)(service.url)
            answered = _post(app, service, seconds, seed)
            close_app(app)
        finally:
            service.kill()
        stored = Counter(service.path.read_text(encoding="ascii").split())
    accepted = {name for name, status in answered.items() if 200 <= status < 300}
    return LedgerReport(
        posts=len(answered),
        accepted=len(accepted),
        stored=len(stored),
        kills=service.kills,
        doubled=tuple(name for name, times in stored.items() if times > 1),
        lost=tuple(sorted(accepted - stored.keys())),
        statuses=dict(Counter(answered.values())),
    )


class _Mortal:
    """The service's process. For one thread."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.kills = 0
        self._dice = random.Random(seed)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._process = self._start()
        self.is_up = threading.Event()
        self.is_up.set()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-S", str(SERVICE), str(self.path), str(self._port)]
        process = subprocess.Popen(
            [*command, str(self._dice.getrandbits(32))], stderr=subprocess.DEVNULL, start_new_session=True
        )
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return process
            time.sleep(0.005)
        process.kill()
        process.wait()
        raise RuntimeError("the service of the ledger does not start")

    def kill(self) -> None:
        """At once, whatever it does."""
        self._process.kill()
        self._process.wait()

    def live(self, end: float) -> None:
        """Dies and comes back until `end`, on the monotonic clock.

        It dies a moment after it was asked again: while its host gives it up, a kill would show nothing.
        """
        while self._was_asked(end):
            time.sleep(self._dice.uniform(0.0, 0.5))
            self.is_up.clear()
            self.kill()
            self.kills += 1
            time.sleep(self._dice.uniform(0.0, 0.1))
            self._process = self._start()
            self.is_up.set()

    def _was_asked(self, end: float) -> bool:
        before = self._size()
        while time.monotonic() < end:
            if self._size() > before:
                return True
            time.sleep(0.005)
        return False

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0


def _post(app: WSGIApplication, service: _Mortal, seconds: float, seed: int) -> dict[str, int]:
    """The status that each id was answered with."""
    end = time.monotonic() + seconds
    answered: dict[str, int] = {}
    threads = [
        threading.Thread(
            target=_poster, args=(app, random.Random(f"{seed}/{number}"), end, answered, service)
        )
        for number in range(POSTERS)
    ]
    for thread in threads:
        thread.start()
    service.live(end)
    for thread in threads:
        thread.join()
    return answered


def _poster(
    app: WSGIApplication, dice: random.Random, end: float, answered: dict[str, int], service: _Mortal
) -> None:
    visitor = AppVisitor(app)
    while visitor.get(MOUNT + "page").status != 200 and time.monotonic() < end:
        time.sleep(0.02)
    while time.monotonic() < end:
        name = str(uuid.UUID(int=dice.getrandbits(128), version=4))
        reply = visitor.post(MOUNT + "append", f"id={name}")
        answered[name] = reply.status if reply.whole else 0
        status = reply.status
        if status < 500 and dice.random() < 0.2:
            status = visitor.get(MOUNT + "page").status
        if status >= 500:
            # Most come again when it is back, or its host would give it up and there were nothing to see.
            service.is_up.wait(0.01 if dice.random() < IMPATIENT else 1.0)
            time.sleep(0.01)


def _plain_host(url: str) -> WSGIApplication:
    def host(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"nothing here"]

    return PlugItMiddleware(host, [Service("ledger", url)], "a secret that only the ledger knows", threads=16)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: prints the report; fails if something was doubled or lost."""
    parser = argparse.ArgumentParser(
        prog="python -m plugit_wsgi.testing.ledger",
        description="Posts through a host to a service that is killed: nothing doubled, nothing lost.",
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="of ids and moments (default: 0)")
    options = parser.parse_args(arguments)
    report = run_ledger(seconds=options.seconds, seed=options.seed)
    print(report)
    report.check()


if __name__ == "__main__":
    main()
