"""A real mail server of one's own: Dovecot, with IMAP and POP3, over Maildir folders that a test fills."""

from __future__ import annotations

import getpass
import grp
import mailbox
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.support.require import require

READY_WITHIN = 15.0
ACCOUNTS = 1000
"""Users of a server, all known from its start: it may not look at the file again within a second."""
PASSWORD = 'p@ss"word/ä'

_CONFIG = """
protocols = imap pop3
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
first_valid_uid = 1
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:{folder}/mail/%u
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
auth_failure_delay = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Account:
    """A mailbox of the server. For one thread.

    Args:
        server: Its server.
        name: Of the user.
    """

    server: DovecotServer
    name: str

    def url(self, scheme: str) -> str:
        """Of the mailbox, with its password."""
        port = self.server.ports[scheme.replace("+starttls", "")]
        return f"{scheme}://{self.name}:p%40ss%22word%2F%C3%A4@localhost:{port}"

    def drop(self, message: bytes) -> None:
        """A message arrives."""
        self._maildir().add(message)
        self.server.own(self.path)

    def messages(self, folder: str = "") -> list[bytes]:
        """What is in a folder; "" is the inbox."""
        maildir = self._maildir()
        if folder and folder not in maildir.list_folders():
            return []
        found = maildir.get_folder(folder) if folder else maildir
        return [found.get_bytes(key) for key in found.iterkeys()]

    @property
    def path(self) -> Path:
        """Where the messages are."""
        return self.server.folder / "mail" / self.name

    def _maildir(self) -> mailbox.Maildir:
        is_new = not self.path.exists()
        maildir = mailbox.Maildir(self.path, create=True)
        if is_new:
            self.server.own(self.path)
        return maildir


class DovecotServer:
    """One Dovecot on the loopback. For one thread.

    Args:
        folder: Everything of it is there; the user it serves mail as must reach it.
        more: Lines of its configuration.
    """

    def __init__(self, folder: Path, more: str = "") -> None:
        require(_program() is not None, "Dovecot (Debian packages dovecot-imapd, dovecot-pop3d)")
        self.folder = folder
        self._more = more
        self.ports = dict(zip(("imap", "imaps", "pop3", "pop3s"), free_ports(4), strict=True))
        self.authority = folder / "authority.pem"
        self._is_root = os.geteuid() == 0
        owner = pwd.getpwnam("nobody" if self._is_root else getpass.getuser())
        self._uid, self._gid = owner.pw_uid, owner.pw_gid
        self._accounts = 0
        self._write()
        self._process = subprocess.Popen(
            [_program() or "", "-F", "-c", str(folder / "dovecot.conf")], stderr=subprocess.DEVNULL
        )
        self._wait()

    def account(self) -> Account:
        """A new user with an empty mailbox."""
        self._accounts += 1
        assert self._accounts <= ACCOUNTS
        return Account(self, f"replies{self._accounts}")

    def own(self, path: Path) -> None:
        """Gives files to the user who serves mail."""
        if self._is_root:
            for item in (path, *path.rglob("*")):
                os.chown(item, self._uid, self._gid)

    def log(self) -> str:
        """What it wrote."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """Ends it, by its own process id."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _write(self) -> None:
        for name in ("run", "state", "mail"):
            (self.folder / name).mkdir()
        self.own(self.folder / "mail")
        users = (f"replies{number}:{{PLAIN}}{PASSWORD}\n" for number in range(1, ACCOUNTS + 1))
        (self.folder / "users").write_text("".join(users), encoding="utf-8")
        (self.folder / "log").touch()
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.authority))
        certificate = authority.issue_cert("localhost")
        certificate.private_key_pem.write_to_path(str(self.folder / "key.pem"))
        (self.folder / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
        own = getpass.getuser()
        config = _CONFIG.format(
            folder=self.folder,
            internal="dovecot" if self._is_root else own,
            internal_group="dovecot" if self._is_root else grp.getgrgid(self._gid).gr_name,
            login="dovenull" if self._is_root else own,
            uid=self._uid,
            gid=self._gid,
            **self.ports,
        )
        (self.folder / "dovecot.conf").write_text(config + self._more, encoding="utf-8")

    def _wait(self) -> None:
        until = time.monotonic() + READY_WITHIN
        for port in self.ports.values():
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 5).close()
                    break
                except OSError:
                    assert self._process.poll() is None, f"dovecot ended: {self.log()}"
                    assert time.monotonic() < until, f"dovecot does not answer: {self.log()}"
                    time.sleep(0.02)


@contextmanager
def running_dovecot(more: str = "") -> Iterator[DovecotServer]:
    """A server in a temporary folder that other users can reach, since it serves mail as one of them."""
    folder = Path(tempfile.mkdtemp(prefix="plugit-mail-"))
    folder.chmod(0o755)
    try:
        server = DovecotServer(folder, more)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program() -> str | None:
    return shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/usr/local/sbin")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that were free a moment ago."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [listener.getsockname()[1] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()
