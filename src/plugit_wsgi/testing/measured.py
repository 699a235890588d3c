"""What was measured, as values: `isolation` makes them, `verdicts` judges them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from .load import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Felt:
    """What visitors met, in seconds. Immutable."""

    count: int
    right: float
    p50: float
    p95: float
    p99: float
    statuses: dict[str, int]
    leaks: int

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Felt:
        """From samples; those without an answer count with the time they waited."""
        times = sorted(sample.seconds for sample in samples)
        return cls(
            count=len(samples),
            right=sum(sample.right for sample in samples) / max(1, len(samples)),
            p50=percentile(times, 50),
            p95=percentile(times, 95),
            p99=percentile(times, 99),
            statuses={str(key): n for key, n in sorted(Counter(s.status for s in samples).items())},
            leaks=sum(sample.leaks for sample in samples),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One run of the load, with the fault or without. Immutable.

    Attributes:
        samples: by name of the stream.
        peak: bytes of memory; 0 where it was not seen.
        calls: of the bad action that reached the service.
        held: the longest that a request of the bad service held its thread; None where it was not seen.
        busy: the most threads that it held at once.
        refusal: p99 of the time in which 503 was said, in the second half; None where nobody was refused.
        lines: lines of the most frequent kind in the log each second.
    """

    samples: dict[str, list[Sample]]
    peak: int = 0
    calls: int = 0
    held: float | None = None
    busy: int | None = None
    refusal: float | None = None
    lines: float | None = None

    @property
    def felt(self) -> dict[str, Felt]:
        """What visitors met, by name of the stream."""
        return {name: Felt.of(samples) for name, samples in self.samples.items()}

    def with_(self, other: Phase) -> Phase:
        """Both as one run: all samples, the most of what was used."""
        return Phase(
            samples={name: found + other.samples[name] for name, found in self.samples.items()},
            peak=max(self.peak, other.peak),
            calls=self.calls + other.calls,
            lines=None if self.lines is None else max(self.lines, other.lines or 0.0),
        )

    def to_table(self) -> dict[str, Any]:
        """For JSON: what visitors met, and each sample of the healthy service."""
        found = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "samples"}
        good = [(item.at, item.seconds, item.status) for item in self.samples["good"]]
        return {**found, "felt": {name: asdict(felt) for name, felt in self.felt.items()}, "good": good}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one fault did. Immutable.

    Attributes:
        fault: its name; row: of the fault matrix.
        without, during: runs of the load.
        recovery: seconds from the end of the fault to the first good answer; None if there was none.
        after: the healthy service afterwards answers right, from 0 to 1.
        descriptors, threads: before and after; None where they were not seen.
    """

    fault: str
    row: str
    without: Phase
    during: Phase
    recovery: float | None
    after: float
    descriptors: tuple[int, int] | None = None
    threads: tuple[int, int] | None = None

    def to_table(self) -> dict[str, Any]:
        """For JSON."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        return {**found, "without": self.without.to_table(), "during": self.during.to_table()}


def percentile(times: Sequence[float], percent: float) -> float:
    """Of sorted values, by nearest rank; 0 if there are none."""
    return times[min(len(times) - 1, int(len(times) * percent / 100))] if times else 0.0
