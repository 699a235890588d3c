"""A real PostgreSQL of one's own, on the loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from tests.support.require import require

_FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))


class PostgresServer:
    """One server in a folder, which ends with the block: ``with PostgresServer(folder) as server``.

    Args:
        folder: for what its programs print.

    Attributes:
        url: of its database, for SQLAlchemy with psycopg.
    """

    def __init__(self, folder: Path) -> None:
        require(bool(_FOUND), "PostgreSQL (Debian package postgresql)")
        self._bin = _FOUND[-1].parent
        self._folder = folder
        # Not below pytest's folder, which is closed to the user that it runs as.
        self._data = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._as_user: list[str] = []
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        self._options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self.url = f"postgresql+psycopg://tests@127.0.0.1:{port}/postgres"

    def __enter__(self) -> PostgresServer:
        if os.geteuid() == 0:
            self._give_away()
        self._run("initdb", "--auth=trust", "--username=tests", "--no-sync", "--encoding=UTF8", "--locale=C")
        self._run("pg_ctl", "start", "--wait", f"--log={self._data}/log", f"--options={self._options}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run("pg_ctl", "stop", "--mode=immediate", "--wait")
        shutil.rmtree(self._data)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._bin / program), f"--pgdata={self._data}", *arguments]
        log = self._folder / f"{program}.out"
        with log.open("wb") as out:
            done = subprocess.run(command, stdout=out, stderr=out, cwd="/", timeout=60, check=False)
        assert done.returncode == 0, log.read_text(errors="replace")

    def _give_away(self) -> None:
        """It refuses to run as root: it runs as the user that Debian made for it."""
        require(shutil.which("setpriv") is not None, "setpriv (Debian package util-linux)")
        user = pwd.getpwnam("postgres")
        os.chown(self._data, user.pw_uid, user.pw_gid)
        self._as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
