"""A PostgreSQL of our own: a cluster in a temporary folder, on a free port, once per session."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.require import require

READY_WITHIN = 30.0


class PostgresServer:
    """One server that trusts whoever connects, and keeps nothing. For one thread.

    It does not run as root: started by root, it is another user's.
    """

    def __init__(self) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [
            Path(found).resolve().parent for found in [shutil.which("postgres")] if found
        ]
        require(bool(programs), "PostgreSQL (Debian package postgresql)")
        self._programs = programs[-1]
        self._folder = Path(tempfile.mkdtemp(prefix="plugit-postgres-"))
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port: int = listener.getsockname()[1]
        self._as: list[str] = []
        if os.getuid() == 0:
            user = next(item for item in pwd.getpwall() if item.pw_name in ("postgres", "nobody"))
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._as = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        data = str(self._folder / "data")
        self._run("initdb", "-D", data, "-U", "plugit", "--auth=trust", "--no-sync", "--encoding=UTF8")
        options = ["-p", str(self.port), "-k", str(self._folder), "-c", "listen_addresses=127.0.0.1"]
        options += ["-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=50"]
        self._process = subprocess.Popen(
            [*self._as, str(self._programs / "postgres"), "-D", data, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
        )
        self._wait()

    def url(self, database: str) -> str:
        """The URL of a database on it."""
        return f"postgresql://plugit@127.0.0.1:{self.port}/{database}"

    def create_database(self) -> str:
        """A new and empty database; its URL."""
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop_connections(self) -> None:
        """Of everybody, as a restart would."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND backend_type = 'client backend'"
            )

    def stop(self) -> None:
        """Ends it for good."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._programs / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder, timeout=60)

    def _wait(self) -> None:
        until = time.monotonic() + READY_WITHIN
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                assert self._process.poll() is None, "postgres ended"
                assert time.monotonic() < until, "postgres does not answer"
                time.sleep(0.05)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server of this session."""
    server = PostgresServer()
    yield server
    server.stop()
