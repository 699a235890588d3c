"""Three services broken at once, and what a healthy one and the host feel: `python -m bench.together`.

Under gunicorn (one gthread worker of eight threads): one service hangs, one drips, one sends bombs, each with
16 visitors who ask 160 times a second together; 100 requests a second at the healthy one, 5 at a page of the
host. Four phases take turns: quiet; the same visitors asking the host for what it does not have, so that the
load is there and the fault is not; the services broken; quiet again. The last lines compare.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.isolation import gunicorn, toxic
from bench.machine import Busy, Watch
from plugit_wsgi.testing.load import Sample, Stream, run_load

BROKEN = {"hang": "hang", "drip": "drip-body", "bomb": "gzip-bomb"}
CUTS = ("p50", "p95", "p99")


@dataclass(frozen=True)
class Phase:
    """What streams met in a phase, by their names, and how busy the machine was. Immutable."""

    samples: dict[str, list[Sample]]
    busy: Busy


Round = dict[str, Phase]


def main() -> None:
    """Prints a line for each phase, and how the broken one compares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8.0, help="how long each phase is (default: 8)")
    parser.add_argument("--rounds", type=int, default=5, help="how often all of it is done (default: 5)")
    options = parser.parse_args()
    rounds = []
    for _number in range(options.rounds):
        rounds.append(measure(options.seconds))
        for phase, found in rounds[-1].items():
            for name in ("good", "host"):
                print(f"{phase:7} {name:5} {told(found.samples[name])}; {found.busy}", flush=True)
    for base in ("quiet", "loaded"):
        print(f"broken, in the median of {len(rounds)} rounds, times {base}: {compared(rounds, base)}")


def measure(seconds: float) -> Round:
    """The four phases."""
    with ExitStack() as running, tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        services = {name: running.enter_context(toxic(log))["service"] for name in (*BROKEN, "good")}
        broken = {name: services[name] for name in BROKEN}
        urls = {"bad": json.dumps(broken), "good": services["good"]}
        url, _worker = running.enter_context(gunicorn("several", urls, log))
        healthy = [
            Stream(name="good", url=f"{url}/s/good/page", rate=100, text="the action page"),
            Stream(name="host", url=f"{url}/", rate=5, text="a page of the host itself"),
        ]
        run_load(healthy, seconds=1.0, grace=2.0)
        quiet = phase(healthy, seconds)
        loaded = phase([*healthy, *visitors(f"{url}/nothing")], seconds)
        broken = phase([*healthy, *visitors(f"{url}/s")], seconds)
        time.sleep(5.0)
        return {"quiet": quiet, "loaded": loaded, "broken": broken, "after": phase(healthy, 3.0)}


def phase(streams: Sequence[Stream], seconds: float) -> Phase:
    """Streams for some time; those on their way at its end have six more seconds."""
    watch = Watch()
    samples = run_load(streams, seconds=seconds, grace=6.0)
    return Phase(samples, watch.seen())


def visitors(below: str) -> list[Stream]:
    """Those of the broken services, whatever is there."""
    return [
        Stream(name=name, url=f"{below}/{name}/{fault}", rate=160, visitors=16)
        for name, fault in BROKEN.items()
    ]


def percentiles(samples: Sequence[Sample]) -> dict[str, float]:
    """Milliseconds by the names of `CUTS`."""
    cuts = statistics.quantiles((sample.seconds * 1000 for sample in samples), n=100)
    return dict(zip(CUTS, (cuts[49], cuts[94], cuts[98]), strict=True))


def told(samples: Sequence[Sample]) -> str:
    """How many were right, and how long they took."""
    right = sum(sample.right for sample in samples) / len(samples)
    took = ", ".join(f"{name} {value:.1f}" for name, value in percentiles(samples).items())
    return f"{right:7.2%} right of {len(samples)}, {took} ms"


def compared(rounds: Sequence[Round], base: str) -> str:
    """Each percentile of the healthy service while others are broken, by that of another phase."""
    found = []
    for name in CUTS:
        ratios = sorted(
            percentiles(each["broken"].samples["good"])[name] / percentiles(each[base].samples["good"])[name]
            for each in rounds
        )
        found.append(f"{name} x{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    return ", ".join(found)


if __name__ == "__main__":
    main()
