"""Figures of a benchmark: a median with its spread, and whether to believe it. Pure."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
#: Quartiles further apart than this share of the median: the machine was too busy to believe the figure.
NOISY = 0.2
#: unit of a figure -> (how much of it is one, what that is called)
SHOWN = {"s": (1e-6, "us"), "ms": (1e-3, "ms"), "B": (1.0, "B"), "B/s": (1e6, "MB/s"), "": (1.0, "")}


@dataclass(frozen=True)
class Figure:
    """What was measured of one thing. Immutable.

    Attributes:
        what: of which.
        median, low, high: the middle of the rounds, and their quartiles, in `unit`: seconds ("s", or "ms" for
            those that are shown as milliseconds), bytes ("B"), bytes a second ("B/s"), or a number ("").
    """

    what: str
    median: float
    low: float
    high: float
    unit: str = "s"

    @classmethod
    def of(cls, what: str, rounds: Sequence[float], unit: str = "s") -> Figure:
        """From one number a round; of one round there is no spread."""
        low, median, high = statistics.quantiles(rounds, n=4) if len(rounds) > 1 else (rounds[0],) * 3
        return cls(what, median, low, high, unit)

    @property
    def is_noisy(self) -> bool:
        """The rounds differ by too much to be believed."""
        return self.high - self.low > NOISY * abs(self.median)

    @property
    def shown(self) -> str:
        """The median with its unit."""
        scale, name = SHOWN[self.unit]
        return f"{digits(self.median / scale)} {name}".rstrip()

    @property
    def spread(self) -> str:
        """The quartiles."""
        scale, _name = SHOWN[self.unit]
        return f"{digits(self.low / scale)} to {digits(self.high / scale)}"


Figures = Mapping[str, Figure]


def digits(value: float) -> str:
    """Three digits that mean something; all of a large number."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(figures: Figures, base: str, title: str) -> str:
    """Medians, quartiles and ratios to the figure called `base`, a line each."""
    lines = [f"{title:46} {'median':>11} {'quartiles':>18} {'ratio':>7}"]
    for figure in figures.values():
        same = base in figures and figures[base].unit == figure.unit
        ratio = f"{figure.median / figures[base].median:.2f}" if same else ""
        noisy = "  too noisy to believe" if figure.is_noisy else ""
        lines.append(f"{figure.what:46} {figure.shown:>11} {figure.spread:>18} {ratio:>7}{noisy}")
    return "\n".join(lines)


def verdict(figures: Figures) -> str:
    """One sentence: whether the machine was quiet enough."""
    noisy = [figure.what for figure in figures.values() if figure.is_noisy]
    if not noisy:
        return "noise: quartiles within a fifth of every median; believe the ratios"
    many = "the machine was too busy: measure again" if len(noisy) * 3 > len(figures) else "not these"
    return f"noise: {len(noisy)} of {len(figures)} rows too noisy to believe, {many}: {'; '.join(noisy)}"


def about() -> dict[str, Any]:
    """What a reader has to know about the numbers."""
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "python": platform.python_version(),
        "machine": f"{_processor()}, {platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "unknown processor")


def save(
    run: str, facts: Mapping[str, Any], figures: Figures, missing: Mapping[str, str], **more: Any
) -> Path:
    """Writes a run beside those of other days, as JSON; the path."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / time.strftime(f"{run}-%Y%m%d-%H%M%S.json")
    rows = [asdict(figure) for figure in figures.values()]
    text = json.dumps({"about": facts, "rows": rows, "missing": dict(missing), **more}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def load(path: Path) -> tuple[dict[str, Any], dict[str, Figure]]:
    """All of a run that `save` wrote, and its figures by what they are of."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return found, by_name(Figure(**row) for row in found["rows"])


def by_name(figures: Iterable[Figure]) -> dict[str, Figure]:
    """By what they are of."""
    return {figure.what: figure for figure in figures}


def newest(run: str, folder: Path = RESULTS) -> Path | None:
    """The last file that a run has left; None if there is none."""
    return max(folder.glob(f"{run}-[0-9]*.json"), default=None, key=lambda path: path.name)
