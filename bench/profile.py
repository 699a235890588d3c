"""Where a request goes, counted and not timed: `python -m bench.profile`.

For each kind of page of `bench.counts`, on a warm process: bytecode instructions of ours by module, and calls
of Python functions in other code by library. Neither depends on the machine.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from bench import counts
from plugit_wsgi import PlugItMiddleware, Service, User
from plugit_wsgi.testing.clock import FakeClock

HERE = str(Path(__file__).parent)
#: What the code comes from that is written for a template; it counts as ours.
WRITTEN = "<service template>"
SHOWN = 8
#: Kind of page -> (instructions of ours by module, calls of others by library).
Profile = dict[str, tuple[Counter[str], Counter[str]]]


def measure() -> Profile:
    """All kinds."""
    with counts._service() as url, counts._quiet():
        app = PlugItMiddleware(
            counts._host,
            [Service("bench", url)],
            "for counting instructions, nothing else",
            identify=lambda _request: User("7", "zoe"),
            clock=FakeClock(),
        )
        try:
            return {
                kind: _of(lambda path=path: counts._visit(app, path)) for kind, path in counts.KINDS.items()
            }  # type: ignore[misc]
        finally:
            app.close()


def _of(call: Callable[[], None]) -> tuple[Counter[str], Counter[str]]:
    for _ in range(3):
        call()
    # By file first: whatever is done at each step is time that a template's budget counts.
    ours: Counter[str] = Counter()
    others: Counter[str] = Counter()

    def inside(frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "opcode":
            ours[frame.f_code.co_filename] += 1
        return inside

    def trace(frame: FrameType, _event: str, _argument: Any) -> Any:
        file = frame.f_code.co_filename
        if file.startswith((counts.OURS, WRITTEN)):
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            return inside
        others[file] += 1
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return _named(ours, module_of), _named(
        {f: n for f, n in others.items() if not f.startswith(HERE)}, library_of
    )


def _named(by_file: Mapping[str, int], name_of: Callable[[str], str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for file, count in by_file.items():
        found[name_of(file)] += count
    return found


def module_of(file: str) -> str:
    """Of ours, such as `templates/nodes`."""
    if file.startswith(WRITTEN):
        return "the template itself"
    return str(Path(file).relative_to(counts.OURS).with_suffix(""))


def library_of(file: str) -> str:
    """That a file belongs to; "Python" is the standard library, and what has no file."""
    _before, found, below = file.partition("site-packages/")
    return below.split("/")[0].removesuffix(".py") if found else "Python"


def table(profile: Profile) -> str:
    """A row for each kind: the modules and libraries where most is done, with their shares."""
    lines = [
        "| page | instructions of ours | most of them in | calls of others |",
        "| --- | ---: | --- | --- |",
    ]
    for kind, (ours, others) in profile.items():
        whole = sum(ours.values())
        most = ", ".join(f"`{name}` {count / whole:.0%}" for name, count in ours.most_common(SHOWN))
        calls = ", ".join(f"{name} {count}" for name, count in others.most_common(4))
        lines.append(f"| {kind} | {whole} | {most} | {calls} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measure()))
