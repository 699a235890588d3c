"""Three services broken at once, under gunicorn with eight threads: all others stay well."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from plugit_wsgi.testing.faults import FAULTS, Asked
from plugit_wsgi.testing.load import Sample, Stream, run_load
from plugit_wsgi.testing.toxic import ToxicService
from tests.live.programs import Host, run_host

BROKEN = {"hang": "hang", "drip": "drip-body", "bomb": "gzip-bomb"}
#: Longer than the deadline of a page: what hangs is given up while the load goes on.
LASTS = 6.0
#: Visitors, host and services share the processors of one machine, and others may use them.
ENOUGH = 0.97
#: A circuit that opened last stays open for 5 s, give or take a fifth.
BACK_WITHIN = 6.0


@pytest.fixture(scope="module")
def toxic() -> Iterator[dict[str, ToxicService]]:
    """The services by name, a healthy one among them."""
    FAULTS["gzip-bomb"].script(Asked(healthy={}))  # packed once, for all
    with ExitStack() as running:
        yield {name: running.enter_context(ToxicService()) for name in (*BROKEN, "good")}


@pytest.fixture(scope="module")
def host(toxic: dict[str, ToxicService]) -> Iterator[Host]:
    """A host of them all."""
    with run_host("gunicorn", {name: each.url for name, each in toxic.items()}, validate=False) as host:
        yield host


@pytest.mark.slow
def test_three_broken_services_harm_nobody(toxic: dict[str, ToxicService], host: Host) -> None:
    """The answers of the healthy one and of the host are right, and none waits long; all are back soon after.

    Where places do not hold, half of the answers are wrong; `bench.together` has finer figures.
    """
    healthy = [
        Stream(name="good", url=f"{host.url}/s/good/page", rate=100, text="the action page"),
        Stream(name="host", url=f"{host.url}/", rate=5, text="host GET"),
    ]
    bad = [
        Stream(name=name, url=f"{host.url}/s/{name}/{fault}", rate=160, visitors=16)
        for name, fault in BROKEN.items()
    ]
    during = run_load([*healthy, *bad], seconds=LASTS, grace=6.0)
    ended = time.monotonic()
    for each in toxic.values():
        each.be("well")
    for name in ("good", "host"):
        assert share_right(during[name]) >= ENOUGH, name
        assert slowest_of_99(during[name]) < 1.0, name
    # That they were broken is what makes this a test.
    assert {sample.status for sample in during["hang"]} <= {503, 504}
    assert {sample.status for sample in during["drip"]} <= {503, 504}
    assert {sample.status for sample in during["bomb"]} <= {502, 503}
    missing = set(BROKEN)
    while missing and time.monotonic() - ended < BACK_WITHIN + 1.0:
        missing -= {name for name in missing if is_well(host, name)}
        time.sleep(0.1)
    assert missing == set(), json.dumps({name: toxic[name].calls for name in missing})


def share_right(samples: list[Sample]) -> float:
    """Of all answers."""
    return sum(sample.right for sample in samples) / len(samples)


def slowest_of_99(samples: list[Sample]) -> float:
    """Seconds that 99 of 100 took at most."""
    return sorted(sample.seconds for sample in samples)[int(len(samples) * 0.99) - 1]


def is_well(host: Host, name: str) -> bool:
    """Its page is there again."""
    with host.visitor() as visitor:
        return visitor.get(f"/s/{name}/{BROKEN[name]}").status == 200
