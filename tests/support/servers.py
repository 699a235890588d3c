"""WSGI apps on real sockets: in a thread of the test, or in a process of their own under each server.

Every app runs inside `wsgiref.validate`; what it finds fails the test, although it happened elsewhere. So
does a planted secret in an answer of a thread, or in the output of a process.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from wsgiref.validate import validator

from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support import planted

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROOT = Path(__file__).resolve().parents[2]
RUNNER = Path(__file__).with_name("run_app.py")

#: The servers an app is tried under; `run_app.py` knows how to start each.
SERVERS = ("wsgiref", "werkzeug", "gunicorn", "waitress", "cheroot")

READY_WITHIN = 15.0
STOP_WITHIN = 10.0


class _Handler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: a test says itself what it wants to see."""

    def run_wsgi(self) -> None:
        """As Werkzeug's, which leaves an answer unclosed when the visitor resets the connection."""
        try:
            super().run_wsgi()
        finally:
            judge: _Judge = self.server.app  # type: ignore[assignment]  # serve_in_thread made it
            judge.close_what_is_open()


@dataclass
class _Judge:
    """Keeps what wsgiref.validate said about an app. Thread-safe: only appends."""

    app: WSGIApplication
    findings: list[str] = field(default_factory=list)
    _now: threading.local = field(default_factory=threading.local)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # Werkzeug gives the port as an int, which the validator would blame on us.
        environ["REMOTE_PORT"] = str(environ["REMOTE_PORT"])

        def watched_start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            self._search(repr(headers).encode())
            return start_response(status, headers, *error)

        try:
            answer = validator(self.app)(environ, watched_start)
        except AssertionError as error:
            self._keep(error)
            raise
        watched = self._now.answer = _Watched(answer, self)
        return watched

    def close_what_is_open(self) -> None:
        """Close the answer of this thread, if the server has not."""
        answer = self._now.__dict__.pop("answer", None)
        if answer is not None and not answer.closed:
            answer.close()

    def _search(self, text: bytes) -> None:
        self.findings += [f"an answer with {name}" for name in planted.find(text)]

    def _keep(self, error: AssertionError) -> None:
        if _comes_from_validate(error.__traceback__):
            self.findings.append(str(error))


class _Watched:
    """The answer of a validated app; notes what the validator says while it is sent. One per request."""

    def __init__(self, answer: Iterable[bytes], judge: _Judge) -> None:
        self._answer = answer
        self._pieces = iter(answer)
        self._judge = judge
        self._sent = bytearray()
        self.closed = False

    def __iter__(self) -> _Watched:
        return self

    def __next__(self) -> bytes:
        try:
            piece = next(self._pieces)
            if len(self._sent) < planted.WHOLE:
                self._sent += piece
            return piece
        except AssertionError as error:
            self._judge._keep(error)
            raise

    def close(self) -> None:
        self.closed = True
        try:
            self._answer.close()  # type: ignore[attr-defined]  # the validator's always has it
        except AssertionError as error:
            self._judge._keep(error)
            raise
        finally:
            self._judge._search(bytes(self._sent))


def _comes_from_validate(traceback: TracebackType | None) -> bool:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and traceback.tb_frame.f_code.co_filename.endswith("wsgiref/validate.py")


@contextmanager
def serve_in_thread(app: WSGIApplication, port: int = 0) -> Iterator[str]:
    """Run `app` on a threaded server of its own; give the base URL, without a trailing slash.

    Args:
        app: The app.
        port: Where; 0 is any that is free.

    Raises:
        AssertionError: at the end, if wsgiref.validate found a breach of the WSGI rules.
    """
    judge = _Judge(app)
    server = make_server("127.0.0.1", port, judge, threaded=True, request_handler=_Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert not judge.findings, f"wsgiref.validate, or planted secrets: {judge.findings}"


@dataclass(frozen=True)
class Running:
    """A program in a process group of its own. Immutable.

    Args:
        url: Where it answers, without a trailing slash.
        process: The process that was started; servers may have more of them below it.
        log: The file that gets its output.
    """

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def run_app(
    server: str,
    app: Path | str,
    *,
    name: str = "application",
    below: str = "",
    validate: bool = True,
    env: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Run the app object `name` of a Python file under a server, as a process; wait until it listens.

    Args:
        server: One of SERVERS; gunicorn runs as gthread with 1 worker of 8 threads.
        app: The file; relative paths start at the project.
        name: The app object in it.
        below: A SCRIPT_NAME to run below, such as "/under/here"; "" is the root.
        validate: Whether wsgiref.validate stands around the app.
        env: More environment variables.

    Raises:
        AssertionError: it did not start, or wsgiref.validate found a breach of the WSGI rules.
    """
    command = [
        sys.executable,
        str(RUNNER),
        server,
        str(ROOT / app),
        name,
        below,
        "validate" if validate else "",
    ]
    with run_command(command, env=env, ready="Serving ", forbidden="wsgiref/validate.py") as running:
        yield running


@contextmanager
def run_command(
    command: list[str],
    *,
    ready: str,
    forbidden: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
) -> Iterator[Running]:
    """Run a program that says where it serves; end its whole process group afterwards.

    Args:
        command: Program and arguments.
        ready: How the line begins that gives the URL.
        forbidden: A text that must not be in its output, looked for when it has ended.
        env: More environment variables.
        cwd: The folder to start it in.

    Raises:
        AssertionError: it ended, or did not print that line within 15 s; or printed what is forbidden.
    """
    with tempfile.TemporaryDirectory(prefix="plugit-test-") as folder:
        log = Path(folder, "output")
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield Running(_wait_for_url(process, log, ready), process, log)
        finally:
            _end(process)
        output_text = log.read_text(encoding="utf-8", errors="replace")
        planted.check(output_text, f"{command[-1]}")
        assert forbidden is None or forbidden not in output_text, output_text


def _wait_for_url(process: subprocess.Popen[bytes], log: Path, ready: str) -> str:
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end:
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
            if line.startswith(ready) and line.endswith("\n"):
                found = re.search(r"https?://\S+", line)
                return found[0].rstrip("/") if found else ""
        assert process.poll() is None, f"{process.args!r} ended:\n{log.read_text(encoding='utf-8')}"
        time.sleep(0.02)
    raise AssertionError(f"{process.args!r} is not ready:\n{log.read_text(encoding='utf-8')}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(STOP_WITHIN)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
