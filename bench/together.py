"""Three services broken at once, and what a healthy one and the host feel: `python -m bench.together`.

Under gunicorn (one gthread worker of eight threads): one service hangs, one drips, one sends bombs, each with
16 visitors who ask 160 times a second together; 100 requests a second at the healthy one, 5 at a page of the
host. Before, while it lasts, and after.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.isolation import gunicorn, toxic
from plugit_wsgi.testing.load import Sample, Stream, run_load

BROKEN = {"hang": "hang", "drip": "drip-body", "bomb": "gzip-bomb"}


def main() -> None:
    """Prints a line for each phase."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=12.0, help="how long they are broken (default: 12)")
    options = parser.parse_args()
    for phase, found in measure(options.seconds).items():
        for name in ("good", "host"):
            print(f"{phase:8} {name:5} {told(found[name])}")


def measure(seconds: float) -> dict[str, dict[str, list[Sample]]]:
    """The samples of the three phases, by stream."""
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
        bad = [
            Stream(name=name, url=f"{url}/s/{name}/{fault}", rate=160, visitors=16)
            for name, fault in BROKEN.items()
        ]
        run_load(healthy, seconds=1.0, grace=2.0)
        before = run_load(healthy, seconds=seconds / 2, grace=2.0)
        during = run_load([*healthy, *bad], seconds=seconds, grace=6.0)
        time.sleep(5.0)
        return {"before": before, "during": during, "after": run_load(healthy, seconds=3.0, grace=2.0)}


def told(samples: Sequence[Sample]) -> str:
    """How many were right, and how long they took."""
    took = sorted(sample.seconds * 1000 for sample in samples)
    right = sum(sample.right for sample in samples) / len(samples)
    cuts = statistics.quantiles(took, n=100)
    return (
        f"{right:7.2%} right of {len(samples)}, p50 {cuts[49]:.1f} p95 {cuts[94]:.1f} p99 {cuts[98]:.1f} ms"
    )


if __name__ == "__main__":
    main()
