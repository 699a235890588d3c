"""A real Redis of one's own, a TCP proxy that makes it slow, and a server that talks nonsense."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis

from plugit_wsgi.testing.clock import FakeClock
from tests.support.require import require

READY_WITHIN = 10.0


class RedisServer:
    """One redis-server on the loopback; it keeps nothing on disk. For one thread."""

    def __init__(self, folder: Path, *options: str) -> None:
        require(shutil.which("redis-server") is not None, "redis-server (Debian package of that name)")
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port: int = listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [
            "redis-server",
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--dir",
            str(folder),
        ]
        self._command += ["--save", "", "--appendonly", "no", *options]
        self.client = redis.Redis(port=self.port, socket_timeout=5)
        self.start()

    def start(self) -> None:
        """Starts, and waits until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + READY_WITHIN
        while True:
            try:
                self.client.ping()
                return
            except redis.ConnectionError:
                assert self._process.poll() is None, "redis-server ended"
                assert time.monotonic() < until, "redis-server does not answer"
                time.sleep(0.02)

    def kill(self) -> None:
        """At once, as a crash would."""
        self._process.send_signal(signal.SIGCONT)
        self._process.kill()
        self._process.wait()

    def hang(self) -> None:
        """It accepts connections, since the system does, and answers nothing until `go_on`."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """The reverse of `hang`."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ends it for good."""
        self.client.close()
        self.kill()


class RedisClock(FakeClock):
    """A clock by which Redis ages as well: turning it on shortens the life of all keys.

    Args:
        server: whose keys.
    """

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        self._client = server.client

    def advance(self, seconds: float) -> None:
        """Lets time pass here and there."""
        super().advance(seconds)
        for name in self._client.scan_iter():
            left = self._client.pttl(name)
            if left > 0:  # one that is to end before now ends now
                self._client.pexpire(name, int(left - 1000 * seconds))


@contextmanager
def slowed(port: int, delay: float, piece: int = 65536) -> Iterator[int]:
    """A port at which what answers at `port` answers in pieces, each of them so many seconds late."""
    listener = socket.create_server(("127.0.0.1", 0))

    def carry(source: socket.socket, target: socket.socket, wait: float) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                for start in range(0, len(data), piece):
                    time.sleep(wait)
                    target.sendall(data[start : start + piece])
        for sock in (source, target):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def serve(visitor: socket.socket) -> None:
        with visitor, socket.create_connection(("127.0.0.1", port)) as behind:
            there = threading.Thread(target=carry, args=(visitor, behind, 0.0), daemon=True)
            there.start()
            carry(behind, visitor, delay)
            there.join()

    with _listening(listener, serve):
        yield listener.getsockname()[1]


@contextmanager
def answering(reply: bytes, pause: float = 0.0) -> Iterator[int]:
    """A port at which every request gets these bytes, one at a time where there is a pause."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(visitor: socket.socket) -> None:
        with visitor, suppress(OSError):
            while visitor.recv(65536):
                for start in range(0, len(reply), 1 if pause else max(1, len(reply))):
                    visitor.sendall(reply[start : start + 1] if pause else reply)
                    time.sleep(pause)

    with _listening(listener, serve):
        yield listener.getsockname()[1]


@contextmanager
def _listening(listener: socket.socket, serve: object) -> Iterator[None]:
    def run() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()  # type: ignore[arg-type]

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
