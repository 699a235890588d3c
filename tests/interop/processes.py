"""Python 2.7 programs as processes of their own, and what they were asked.

Every program gets the path of its record file as last argument, prints ``Serving URL`` when it listens, and
appends one JSON line for each request before it answers.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.support import planted

HERE = Path(__file__).resolve().parent

#: Seconds a program may take until it listens; Django on a cold disk needs some.
START_LIMIT = 30.0


@dataclass(frozen=True)
class Call:
    """One request as it came over the wire. Immutable."""

    method: str
    #: Path and query exactly as in the request line.
    target: str
    #: Name and value of each header line, in order; UTF-8 values are decoded, others are latin-1.
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The target without its query, undecoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query, undecoded; "" without one."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """The value of the only header of this name, in any case; None without one."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    @classmethod
    def from_json(cls, line: str) -> Call:
        """The call that a record line tells of."""
        data = json.loads(line)
        headers = tuple((name, _text(value)) for name, value in data["headers"])
        return cls(data["method"], data["target"], headers, data["body"].encode("latin-1"))


class Process:
    """A running program. One per test session; ask it from one thread."""

    def __init__(
        self, command: Sequence[str], folder: Path, name: str, env: Mapping[str, str] | None = None
    ) -> None:
        """Start it and wait until it listens.

        Args:
            command: Interpreter, program and arguments; the path of the record file is added.
            folder: Where the record and the program's own output are written.
            name: Beginning of these files' names.
            env: Variables added to those of this process.
        """
        self._record = folder / f"{name}.calls"
        self._record.touch()
        self._output = folder / f"{name}.output"
        self._seen = 0
        surroundings = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, str(self._record)], stdout=subprocess.PIPE, stderr=output, env=surroundings
            )
        try:
            self.url = self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def forget(self) -> None:
        """Leave out of ``calls`` all that came until now."""
        self._seen = self._record.stat().st_size

    def calls(self, path: str | None = None) -> list[Call]:
        """What came since ``forget``, in order; only calls whose path starts with ``path``, if given."""
        with self._record.open("rb") as record:
            record.seek(self._seen)
            found = [Call.from_json(line) for line in record.read().decode("ascii").splitlines()]
        return [call for call in found if path is None or call.path.startswith(path)]

    def only_call(self, path: str) -> Call:
        """The one call since ``forget`` whose path starts with ``path``."""
        found = self.calls(path)
        assert len(found) == 1, f"{len(found)} calls of {path}: {found}"
        return found[0]

    def output(self) -> str:
        """What the program wrote on stderr."""
        return self._output.read_text(errors="replace")

    def stop(self) -> None:
        """End it, by its own process id."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(timeout=5)
        if self._process.stdout is not None:
            self._process.stdout.close()
        planted.check(self.output(), self._output.name)

    def _wait_until_ready(self) -> str:
        stdout = self._process.stdout
        assert stdout is not None
        end = time.monotonic() + START_LIMIT
        while time.monotonic() < end:
            if select.select([stdout], [], [], 0.5)[0]:
                line = stdout.readline().decode()
                if line.startswith("Serving "):
                    return line.split()[1].rstrip("/")
                if not line:
                    break
        raise AssertionError(f"{self._process.args!r} did not start:\n{self.output()}")


def _text(latin: str) -> str:
    raw = latin.encode("latin-1")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return latin
