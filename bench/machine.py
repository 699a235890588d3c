"""How busy the machine was meanwhile, by Linux's own count: a figure of a busy machine is nobody's figure."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

_STAT = Path("/proc/stat")
_PRESSURE = Path("/proc/pressure/cpu")


@dataclass(frozen=True)
class Busy:
    """What the machine did in a phase. Immutable.

    Attributes:
        used: share of all cores' time that anybody here used.
        stolen: share that the machine below took for others.
        waited: share of the time in which somebody was ready and had no core.
    """

    used: float
    stolen: float
    waited: float

    def __str__(self) -> str:
        return f"cores {self.used:.0%} used, {self.stolen:.0%} stolen, {self.waited:.0%} waited for"


class Watch:
    """From its making to `seen`. One per phase."""

    def __init__(self) -> None:
        self._began = self._counts()

    def seen(self) -> Busy:
        """What the machine did since."""
        ticks, used, stolen, waited, now = (
            after - before for after, before in zip(self._counts(), self._began, strict=True)
        )
        ticks = max(1.0, ticks)
        return Busy(used / ticks, stolen / ticks, waited / max(0.001, now))

    @staticmethod
    def _counts() -> tuple[float, ...]:
        user, nice, system, idle, iowait, irq, softirq, steal = map(
            int, _STAT.read_text("ascii").split("\n", 1)[0].split()[1:9]
        )
        used = user + nice + system + irq + softirq
        waited = 0.0
        if _PRESSURE.exists():
            waited = int(_PRESSURE.read_text("ascii").split("total=")[1].split()[0]) / 1e6
        return used + idle + iowait + steal, used, steal, waited, time.monotonic()
