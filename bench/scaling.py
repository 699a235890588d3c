"""How far one host goes, and many: `python -m bench.scaling`.

Measured under real load: pages a second by the time a service takes, for threads, workers and kinds of
servers; CPU of a page by the share that is kept. Measured in process: the cost of a request when there are
many services, users, kept pages. Simulated or computed, since this machine has few cores: many workers, many
machines with and without a cache that they share. Results go to bench/results/.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import loads, sizes
from bench.driver import facts
from bench.figures import RESULTS, ROOT, about
from bench.growth import word
from bench.simulation import Shape, curve, formula, hit_ratio, popularity, simulate

CORES = 2
WORKERS = (1, 2, 4, 8, 16, 32)
CACHES = (1, 2, 4, 8, 16, 32, 64)


def measure(seconds: int, rounds: int, *, quick: bool) -> dict[str, Any]:
    """All curves by name, with what the simulation was given."""
    rates, costs = _say("threads", loads.by_threads, seconds, quick=quick)
    kinds, dear, missing = _say("servers", loads.by_server, seconds, quick=quick)
    workers = _say("workers", loads.by_workers, seconds, quick=quick)
    hits = _say("kept pages", loads.by_hits, seconds, rounds)
    grown = _say("sizes", sizes.measure, rounds, quick=quick)
    redis = _say("Redis", sizes.redis_page, rounds)
    cpu = sorted(cost for _wait, cost in costs["8 threads"])[len(costs["8 threads"]) // 2]
    return {
        "threads": rates,
        "threads per core": per_core(costs),
        "servers": kinds,
        "servers per core": per_core(dear),
        "workers": workers,
        "hits": {"measured": hits, "formula: from both ends": between(hits)},
        **{f"size: {name}": curves for name, curves in grown.items()},
        "redis": redis,
        "missing": missing,
        **simulated(cpu),
    }


def simulated(cpu: float) -> dict[str, Any]:
    """What follows from the CPU seconds of a page, without any load."""
    waits = [float(wait) for wait in loads.WAITS]
    one = Shape(cpu, 0.0, loads.places_of(8), 1, 1)
    rates = popularity(1000, 100.0)
    return {
        "cpu of a page": cpu,
        "model": {
            f"{name} {threads} threads": curve(
                waits, lambda wait, t=threads, f=function: f(replace(one, wait=wait / 1000, places=t // 2))
            )
            for threads in (8, 32)
            for name, function in (("simulated:", simulate), ("formula:", formula))
        },
        "many workers": {
            f"simulated: service of {wait} ms": curve(
                [float(each) for each in WORKERS],
                lambda count, w=wait: simulate(
                    replace(one, wait=w / 1000, workers=int(count), cores=int(count))
                ),
            )
            for wait in (1, 20, 200)
        },
        "caches": {
            f"{lifetime} s kept": curve(
                [float(each) for each in CACHES],
                lambda count, s=lifetime: 100 * hit_ratio(rates, s, int(count)),
            )
            for lifetime in (10, 60, 600)
        },
    }


def per_core(costs: loads.Curves) -> loads.Curves:
    """Pages for a second of one core, from CPU seconds of a page."""
    return {name: [(wait, 1 / cpu) for wait, cpu in curve] for name, curve in costs.items()}


def between(hits: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """What the two ends of the measured curve foretell of the shares between them."""
    none, all_of_them = hits[0][1], hits[-1][1]
    return [(share, none + (all_of_them - none) * share / 100) for share, _cost in hits]


def growth(found: dict[str, Any]) -> list[str]:
    """A line for each curve of sizes: how it grows."""
    return [
        f"{name.removeprefix('size: ')}: {what}: {word(points)}"
        for name, curves in found.items()
        if name.startswith("size: ")
        for what, points in curves.items()
    ]


def _say(what: str, measure: Any, *arguments: Any, **more: Any) -> Any:
    print(f"... {what}", flush=True)
    return measure(*arguments, **more)


def save(found: dict[str, Any]) -> Path:
    """Beside those of other days."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / time.strftime("scaling-%Y%m%d-%H%M%S.json")
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Measures, prints, saves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3, help="of load for each point (default: 3)")
    parser.add_argument("--rounds", type=int, default=5, help="of each cost (default: 5)")
    parser.add_argument("--quick", action="store_true", help="fewer points, 1 second, 3 rounds")
    options = parser.parse_args()
    told = {**about(), **facts()}
    seconds, rounds = (1, 3) if options.quick else (options.seconds, options.rounds)
    found = {"about": told, **measure(seconds, rounds, quick=options.quick)}
    for name in ("threads", "threads per core", "servers", "servers per core", "workers"):
        for what, points in found[name].items():
            print(f"pages a second by {name}, {what}: " + ", ".join(f"{x:g}: {y:.0f}" for x, y in points))
    print("\n".join(["", "how the cost grows:", *growth(found)]))
    print(f"\nwritten to {save(found).relative_to(ROOT)}")


if __name__ == "__main__":
    main()
