"""The example services, each as a process of its own that can be killed and brought back."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import IO

from ..errors import ConfigError

_STOP_WITHIN = 5.0
_ENVIRONMENT = ("POLLS_DATABASE", "NOTES_DATABASE", "XDG_DATA_HOME", "PYTHONPATH")
"""What the services read; another terminal may not have it."""
_CHECKOUT = Path(__file__).resolve().parents[3] / "examples"


@dataclass(frozen=True, slots=True)
class Child:
    """A service that runs. Immutable, but for the process.

    Attributes:
        name: of the service.
        folder: it was started from.
        port: it listens on, of the loopback.
        process: the first one; whoever brings the service back has another.
        environment: variables that it was started with, beside those of this process; shown, so no secrets.
    """

    name: str
    folder: Path
    port: int
    process: subprocess.Popen[str] = field(repr=False)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Base URL, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def command(self) -> str:
        """What to type to bring it back at the same place, with the same data."""
        ours = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        given = [f"{name}={value}" for name, value in {**ours, **self.environment}.items()]
        return shlex.join([*(["env", *given] if given else []), *_command(self.folder, self.port)])

    @property
    def is_running(self) -> bool:
        """The process that was started first has not ended."""
        return self.process.poll() is None


def find_example(name: str) -> Path | None:
    """The folder of an example service, in a checkout or where it was installed; None if it is not there."""
    if (_CHECKOUT / name / "actions.py").is_file():
        return _CHECKOUT / name
    try:
        files = metadata.files("plugit-wsgi") or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.parts[-3:] == ("examples", name, "actions.py"):
            return Path(str(file.locate())).resolve().parent
    return None


@contextmanager
def running_example(name: str, environment: Mapping[str, str]) -> Iterator[Child]:
    """Starts an example service on a free port, and ends it afterwards.

    Args:
        name: of the service.
        environment: variables for it, beside those of this process.

    Raises:
        ConfigError: it is not there, or did not start; with what it said.
    """
    folder = find_example(name)
    if folder is None:
        raise ConfigError("examples", name, "a folder that comes with plugit-wsgi; it is not installed here")
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            _command(folder, 0),
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
        try:
            yield Child(name, folder, _read_port(process, said, name), process, environment)
        finally:
            _end(process)


def _command(folder: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "plugit_wsgi.cli", "serve", str(folder), "--port", str(port)]


def _read_port(process: subprocess.Popen[str], said: IO[str], name: str) -> int:
    """Waits for the line that says where the service is; a process that ends closes its output."""
    line = process.stdout.readline() if process.stdout else ""
    port = line.strip().rstrip("/").rpartition(":")[2]
    if port.isdigit():
        return int(port)
    process.wait()
    said.seek(0)
    raise ConfigError(name, said.read()[-300:].strip(), "a service that starts")


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
