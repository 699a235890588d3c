"""A demonstration that runs, and what it told on its way."""

from __future__ import annotations

import http.client
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.servers import Running, run_command


@dataclass
class Demo:
    """A running demonstration, and what it told."""

    running: Running

    @property
    def pid(self) -> int:
        """Of the voting service."""
        return int(re.findall(r"^ +kill (\d+)$", self.running.output(), re.MULTILINE)[0])

    @property
    def command(self) -> list[str]:
        """That brings the voting service back."""
        return shlex.split(re.findall(r"^ +(\S.* serve .*)$", self.running.output(), re.MULTILINE)[0])

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a page."""
        connection = http.client.HTTPConnection(urlsplit(self.running.url).netloc, timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body


@contextmanager
def run_demo(data: Path) -> Iterator[Demo]:
    """Runs ``plugit-wsgi demo``, with the data of its services in a folder."""
    command = [sys.executable, "-m", "plugit_wsgi.cli", "demo", "--port", "0"]
    env = {f"{name}_DATABASE": str(data / f"{name.lower()}.sqlite3") for name in ("POLLS", "NOTES")}
    with run_command(command, ready="Serving ", env=env) as running:
        yield Demo(running)
