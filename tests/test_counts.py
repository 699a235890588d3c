"""What a page costs, in instructions and calls: the same on every machine, so a rise is a change of ours."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from bench import counts

from tests.support.require import require

ALLOWED = 0.10
KEPT = json.loads(counts.KEPT.read_text())


@pytest.mark.slow
def test_no_kind_of_page_costs_more_than_it_did() -> None:
    """A rise of a tenth is noticed; so is a fall, or the next rise would hide in it."""
    require(counts.python() == KEPT["python"], f"Python {KEPT['python']}, whose instructions were counted")
    found = counts.measure()
    assert found.keys() == KEPT["counts"].keys()
    moved = {
        f"{kind}, {what}": (KEPT["counts"][kind][what], count)
        for kind, each in found.items()
        for what, count in each.items()
        if abs(count / KEPT["counts"][kind][what] - 1) > ALLOWED
    }
    assert not moved, "if that is meant: python -m bench.counts --write"


def test_what_is_ours_is_counted_by_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop in the library's own code is seen, though it calls nothing."""
    monkeypatch.setattr(counts, "OURS", __file__)
    few, many = (counts._count(_looping(rounds))["instructions of ours"] for rounds in (10, 1000))
    assert many > 50 * few


def _looping(rounds: int) -> Callable[[], None]:
    def loop() -> None:
        for _ in range(rounds):
            pass

    return loop
