"""What processes have used: CPU time and memory of one and all below it, from /proc."""

from __future__ import annotations

import time
from pathlib import Path

TICK = 0.03
#: A server is at rest when it used less than this share of a core.
REST = 0.01


def tree(pid: int) -> list[int]:
    """The process, and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += tree(int(child))
    return found


def cpu_time(pid: int) -> float:
    """User and system time of a process, all its threads, and those below it, in seconds.

    The numbers of /proc/PID/stat, but in nanoseconds where those count in 10 ms: the clock whose id
    clock_getcpuclockid(3) would give.

    Raises:
        OSError: one of them has ended.
    """
    return sum(time.clock_gettime((~each << 3) | 2) for each in tree(pid))


def memory(pid: int) -> int:
    """Bytes of memory that the process and those below it hold, shared pages counted for each."""
    return sum(_resident(each) for each in tree(pid))


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def wait_for_rest(pid: int, within: float = 1.0) -> float:
    """Waits until the server does nothing, or `within` seconds are over; its CPU time then."""
    end, before = time.monotonic() + within, cpu_time(pid)
    while time.monotonic() < end:
        time.sleep(TICK)
        now = cpu_time(pid)
        if now - before < REST * TICK:
            return now
        before = now
    return before
