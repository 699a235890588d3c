"""What two cores can not show: many workers, many machines. Pure; the times it is given were measured."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A host. Immutable.

    Attributes:
        cpu: seconds of a core for one page.
        wait: seconds the service takes.
        places: calls of one service at a time, each worker.
        workers: processes.
        cores: processors that they share.
    """

    cpu: float
    wait: float
    places: int
    workers: int
    cores: int


def formula(shape: Shape) -> float:
    """Pages a second, at most: the cores end it, or the places do.

    A worker runs Python on one core at a time, and its places are busy for as long as the service takes.
    """
    busy = min(shape.cores, shape.workers) / shape.cpu
    placed = shape.workers * shape.places / (shape.wait + shape.cpu)
    return min(busy, placed)


def workers_for(rate: float, cpu: float, wait: float, places: int, share: float = 0.7) -> float:
    """How many workers a rate of pages needs, none of them busier than `share` of its core and its places."""
    return rate / share * max(cpu, (wait + cpu) / places)


def simulate(shape: Shape, seconds: float = 20.0) -> float:
    """Pages a second, event by event: every place has a visitor who asks again as soon as he has his page.

    Half of a page's CPU is used before the service is asked, half after; a core does one thing at a time, in
    the order of asking. Worker w runs on core w modulo cores.
    """
    free = [0.0] * shape.cores
    done = 0
    # (when, core, whether the service has answered): what wants the core next.
    events = [
        (0.0, worker % shape.cores, False) for worker in range(shape.workers) for _ in range(shape.places)
    ]
    heapq.heapify(events)
    while events and events[0][0] < seconds:
        when, core, answered = heapq.heappop(events)
        free[core] = end = max(when, free[core]) + shape.cpu / 2
        done += answered and end <= seconds
        heapq.heappush(events, (end if answered else end + shape.wait, core, not answered))
    return done / seconds


def hit_ratio(rates: list[float], lifetime: float, caches: int) -> float:
    """Share of requests that find a kept page, when visitors come to any of `caches` by chance.

    Args:
        rates: requests a second of each page.
        lifetime: seconds a page is kept, from when it was fetched.
        caches: processes with a cache of their own; 1 is one that all share.
    """
    hits = sum(rate * _hits(rate / caches * lifetime) for rate in rates)
    return hits / sum(rates)


def _hits(expected: float) -> float:
    """Of one miss and those who come while its page is kept."""
    return expected / (1 + expected)


def popularity(pages: int, rate: float) -> list[float]:
    """Requests a second of each page, as Zipf found them: the n-th is asked for 1/n as often as the first."""
    whole = sum(1 / number for number in range(1, pages + 1))
    return [rate / number / whole for number in range(1, pages + 1)]


def curve(values: list[float], at: Callable[[float], float]) -> list[tuple[float, float]]:
    """Points of a function."""
    return [(value, at(value)) for value in values]
