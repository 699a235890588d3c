"""Node.js, whose `new URL()` is the URL parser of browsers (the WHATWG standard), as a judge of addresses."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.require import require

SCRIPT = """
require("readline").createInterface({input: process.stdin}).on("line", (line) => {
  const answers = JSON.parse(line).map(([location, base]) => {
    try {
      const url = new URL(location, base);
      return [url.protocol, url.host, url.pathname];
    } catch (error) { return null; }
  });
  process.stdout.write(JSON.stringify(answers) + "\\n");
});
"""
Place = tuple[str, str, str]


class UrlJudge:
    """Resolves addresses as a browser does, in one Node process. Not thread-safe."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def resolve(self, location: str, base: str) -> Place | None:
        """Scheme with colon, host with port, and path of a Location on a page; None if it is no address."""
        return self.resolve_all([(location, base)])[0]

    def resolve_all(self, pairs: list[tuple[str, str]]) -> list[Place | None]:
        """As `resolve`, of many (location, base)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(pairs) + "\n")
        self._process.stdin.flush()
        return [tuple(found) if found else None for found in json.loads(self._process.stdout.readline())]


@contextmanager
def url_judge() -> Iterator[UrlJudge]:
    """A judge; skips loudly where there is no Node."""
    node = shutil.which("node") or shutil.which("nodejs")
    require(node is not None, "Node.js (`make system-deps` installs it)")
    command = [str(node), "-e", SCRIPT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield UrlJudge(process)
        finally:
            process.kill()
