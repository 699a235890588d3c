"""What a request costs when there is much of something: services, users, kept pages. CPU, in process."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.added import call
from bench.servers import backend
from bench.start import browser, timed
from plugit_wsgi import PlugItMiddleware, Service, Stores, User
from plugit_wsgi.cache.memory import MemoryCache
from plugit_wsgi.clock import SystemClock
from plugit_wsgi.directory.static import StaticDirectory

SECRET = "a secret of the bench, known to all of us"
NUMBERS = (1, 10, 100, 1000, 10_000)
QUICK = (1, 10, 100, 1000)
CALLS = 300
Curves = dict[str, list[tuple[float, float]]]


def measure(rounds: int, *, quick: bool = False) -> dict[str, Curves]:
    """Seconds of CPU by how many there are: curves of what, for each kind of what there is much of."""
    numbers = QUICK if quick else NUMBERS
    with ExitStack() as running:
        url = running.enter_context(backend()).url
        return {
            "services": _curves(numbers, rounds, lambda number: _services(url, number)),
            "users": _curves(numbers, rounds, lambda number: _users(url, number)),
            "entries": _curves((*numbers[1:], numbers[-1] * 10), rounds, _entries),
        }


@contextmanager
def _services(url: str, number: int) -> Iterator[dict[str, Callable[[], float]]]:
    """So many services, one of them visited; and all of them mounted again with one that changed."""
    services = [Service(f"service-{each}", url) for each in range(number)]
    app = PlugItMiddleware(_host, services, SECRET, identify=_somebody)
    last = f"/s/service-{number - 1}"
    changes = itertools.cycle([Service(f"service-{number - 1}", url, menu_action="other"), services[-1]])
    few = max(2, CALLS // number)
    yield {
        "a full page": _visits(app, lambda _each: browser(f"{last}/page"), CALLS),
        "a page from the cache": _visits(app, lambda _each: browser(f"{last}/cached"), CALLS),
        "a passing request": _visits(app, lambda _each: browser("/about"), 10 * CALLS),
        "one service changed": lambda: (
            timed(lambda: [app.mounts.update([*services[:-1], next(changes)]) for _ in range(few)]) / few
        ),
    }
    app.close()


@contextmanager
def _users(url: str, number: int) -> Iterator[dict[str, Callable[[], float]]]:
    """So many people, who take turns; pages are shared by all, and the directory knows each of them."""
    people = [User(str(each), f"user-{each}") for each in range(number)]
    directory = StaticDirectory(people)
    turns = itertools.cycle(people)
    app = PlugItMiddleware(
        _host,
        [Service("bench", url)],
        SECRET,
        identify=lambda request: people[int(request.environ["bench.user"])],
        directory=directory,
    )
    asked = (str(each % number) for each in itertools.count())

    def ask(path: str) -> Callable[[int], dict[str, Any]]:
        return lambda _each: {**browser(path), "bench.user": next(asked)}

    yield {
        "a full page": _visits(app, ask("/s/bench/page"), CALLS),
        "a page from the cache": _visits(app, ask("/s/bench/cached"), CALLS),
        "one of them by the directory": lambda: (
            timed(lambda: [directory.user(next(turns).id) for _ in range(10 * CALLS)]) / CALLS / 10
        ),
    }
    app.close()


@contextmanager
def _entries(number: int) -> Iterator[dict[str, Callable[[], float]]]:
    """A cache with so many entries, full and not."""
    roomy = MemoryCache(number * 10_000, SystemClock())
    full = MemoryCache(number * 1500, SystemClock())
    for cache in (roomy, full):
        for each in range(number):
            cache.set(("page", str(each)), each, 3600.0, 900)
    new = itertools.count(number)

    def evict() -> None:
        for _ in range(CALLS):
            full.set(("page", str(next(new))), 1, 3600.0, 900)

    yield {
        "an entry read": lambda: (
            timed(lambda: [roomy.get(("page", str(each % number))) for each in range(CALLS)]) / CALLS
        ),
        "an entry written in a full cache": lambda: timed(evict) / CALLS,
    }


def _curves(
    numbers: tuple[int, ...], rounds: int, make: Callable[[int], Any]
) -> dict[str, list[tuple[float, float]]]:
    """The least of the rounds: what disturbs only adds."""
    curves: Curves = {}
    for number in numbers:
        with make(number) as costs:
            for what, cost in costs.items():
                cost()
                least = min(cost() for _ in range(rounds))
                curves.setdefault(what, []).append((number, least))
    return curves


def _visits(app: Any, ask: Callable[[int], dict[str, Any]], calls: int) -> Callable[[], float]:
    return lambda: timed(lambda: [call(app, ask(each)) for each in range(calls)]) / calls


def redis_page(rounds: int) -> Curves | None:
    """A page from the cache, kept in the process, or in a Redis on the loopback; None without one."""
    if shutil.which("redis-server") is None:
        return None
    from tests.support.redis_server import RedisServer

    from plugit_wsgi.redis import RedisCache

    with ExitStack() as running:
        url = running.enter_context(backend()).url
        server = RedisServer(Path(running.enter_context(tempfile.TemporaryDirectory())))
        running.callback(server.stop)
        stores = {"memory": Stores(), "Redis": Stores(cache=RedisCache(server.url, SECRET))}
        found: Curves = {}
        for name, each in stores.items():
            app = PlugItMiddleware(_host, [Service("bench", url)], SECRET, identify=_somebody, stores=each)
            cost = _visits(app, lambda _each: browser("/s/bench/cached"), CALLS)
            cost()
            found[name] = [(1, min(cost() for _ in range(rounds)))]
            app.close()
        return found


def _somebody(_request: Any) -> User:
    return User("7", "zoe", "Zoe", "Z", "zoe@example.org")


def _host(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
