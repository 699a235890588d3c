"""The promises G1 to G9, judged from what was measured; what falls short is said with its number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .faults import FAULTS
from .measured import Phase, Row

MIB: Final = 1024 * 1024
OPEN: Final = 5.0
"""Seconds a circuit breaker stays open at first; it doubles, up to LONGEST, give or take a fifth."""
LONGEST: Final = 60.0
FAILURES: Final = 5
REFUSAL: Final = 0.005
KEPT: Final = 8
"""Idle connections, and threads of the server, that may be there afterwards without being called a leak."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise on one row. Immutable.

    Attributes:
        kept: None if it cannot be judged here.
        number: what was measured, with its unit.
    """

    kept: bool | None
    number: str

    def __str__(self) -> str:
        return {None: "-", True: "ok", False: "FAIL"}[self.kept] + (f" {self.number}" if self.number else "")


UNSEEN: Final = Verdict(None, "")


@dataclass(frozen=True, slots=True)
class _Case:
    row: Row
    places: int
    deadline: float


def judge(row: Row, places: int, deadline: float = 5.0) -> dict[str, Verdict]:
    """G1 to G9.

    Args:
        row: what was measured.
        places: calls the bad service may have at once.
        deadline: of a page, in seconds.
    """
    return {name: check(_Case(row, places, deadline)) for name, check in _CHECKS.items()}


def _g1(case: _Case) -> Verdict:
    before, now = case.row.without.felt["good"], case.row.during.felt["good"]
    kept = (
        now.right == 1.0
        and now.p50 <= 1.2 * before.p50
        and now.p95 <= 1.5 * before.p95
        and now.p99 <= before.p99 + 0.1
    )
    times = f"p50 {_change(before.p50, now.p50)} p95 {_change(before.p95, now.p95)}"
    return Verdict(kept, f"{now.right:.1%} {times} p99 {_ms(now.p99 - before.p99)}")


def _g2(case: _Case) -> Verdict:
    before, now = case.row.without.felt["host"], case.row.during.felt["host"]
    right = "" if now.right == 1.0 else f"{now.right:.0%} "
    return Verdict(now.right == 1.0 and now.p99 <= before.p99 + 0.05, right + _ms(now.p99 - before.p99))


def _g3(case: _Case) -> Verdict:
    held = case.row.during.held
    if held is None or FAULTS[case.row.fault].streams:
        return UNSEEN
    busy = f" {case.row.during.busy}thr" if case.row.during.busy else ""
    return Verdict(held <= case.deadline + 0.1, f"{held:.2f}s{busy}")


def _g4(case: _Case) -> Verdict:
    if not case.row.during.peak:
        return UNSEEN
    more = case.row.during.peak - case.row.without.peak
    return Verdict(more <= 16 * MIB * (1 + case.places), f"{more / MIB:+.0f}MB")


def _g5(case: _Case) -> Verdict:
    during, fault = case.row.during, FAULTS[case.row.fault]
    if not fault.counts:
        # Nothing opens, or only the one action, later: who is refused may have waited for a place.
        return UNSEEN if during.refusal is None else _refused(during.refusal, None, "")
    # Calls that were on their way when the fifth failed, and one probe.
    calls = _tried(during) if fault.on == "listen" else during.calls - _good(during)
    reached = calls <= FAILURES + case.places + 1
    if during.refusal is None:
        return Verdict(reached, f"{calls} calls")
    return _refused(during.refusal, reached and during.refusal <= REFUSAL, f"{calls} calls ")


def _tried(during: Phase) -> int:
    """A service that refuses connections sees none: whoever was not told 503 had it tried."""
    return sum(count for status, count in during.felt["bad"].statuses.items() if status != "503")


def _good(during: Phase) -> int:
    """Calls that a service answered while it was well for a moment."""
    return during.felt["bad"].statuses.get("200", 0)


def _refused(seconds: float, kept: bool | None, words: str) -> Verdict:
    return Verdict(kept, f"{words}503 in {seconds * 1000:.1f}ms")


def _g6(case: _Case) -> Verdict:
    if case.row.recovery is None:
        return Verdict(False, "never")
    return Verdict(case.row.recovery <= 1.2 * 2 * OPEN + 1, f"{case.row.recovery:.1f}s")


def _g7(case: _Case) -> Verdict:
    leaks = sum(felt.leaks for felt in case.row.during.felt.values())
    return Verdict(leaks == 0, str(leaks) if leaks else "")


def _g8(case: _Case) -> Verdict:
    lines = case.row.during.lines
    # One a second, and the first of the next second.
    return UNSEEN if lines is None else Verdict(lines <= 1.5, f"{lines:.1f}/s")


def _g9(case: _Case) -> Verdict:
    files, threads = case.row.descriptors, case.row.threads
    if files is None or threads is None:
        return UNSEEN
    kept = files[1] <= files[0] + KEPT and threads[1] <= threads[0] + KEPT
    return Verdict(kept, f"fd {files[0]}>{files[1]} thr {threads[0]}>{threads[1]}")


_CHECKS: Final[dict[str, Callable[[_Case], Verdict]]] = {
    "G1": _g1,
    "G2": _g2,
    "G3": _g3,
    "G4": _g4,
    "G5": _g5,
    "G6": _g6,
    "G7": _g7,
    "G8": _g8,
    "G9": _g9,
}
_WIDTHS: Final = (5, 17, 26, 60, 16, 16, 12, 30, 9, 7, 13, 24)
HEADING: Final = " ".join(
    f"{word:{width}}" for word, width in zip(("row", "fault", "answers", *_CHECKS), _WIDTHS, strict=True)
).rstrip()


def line_of(row: Row, places: int, deadline: float = 5.0) -> str:
    """A line below HEADING."""
    cells = (row.row, row.fault, answers_of(row), *map(str, judge(row, places, deadline).values()))
    return " ".join(f"{cell:{width}}" for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def answers_of(row: Row) -> str:
    """What the visitors of the bad service got, ``502:12 503:900``; ``!`` marks what is wrong for the row."""
    right = {*map(str, FAULTS[row.fault].answers), "503"}
    found = row.during.felt["bad"].statuses
    return " ".join(f"{status}:{count}{'' if status in right else '!'}" for status, count in found.items())


def _change(before: float, now: float) -> str:
    """``4.0ms x1.25``: what it is, and how many times what it was."""
    return f"{now * 1000:.1f}ms" + (f" x{now / before:.2f}" if before else "")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:+.0f}ms"
