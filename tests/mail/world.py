"""A host's mail as a whole: database, services, mailboxes of a real server, and the command between them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from plugit_wsgi import cli
from plugit_wsgi.mail.reply_tokens import ReplyTokens
from plugit_wsgi.mail.sql import SqlMailStore
from plugit_wsgi.sdk import ServiceApp
from plugit_wsgi.sdk.request import Request
from plugit_wsgi.wire.keys import format_service_key, load_secrets, service_keys
from tests.support.dovecot import Account, free_ports
from tests.support.planted import SECRET
from tests.support.servers import serve_in_thread

REPLIES = "replies@host.example"


@dataclass(frozen=True)
class Told:
    """What a service was told. Immutable."""

    response_id: str
    message: str
    message_id: str | None
    repeat: str | None


@dataclass
class RecordingService:
    """A service of the SDK. `before_answer` is called when it has taken a reply and not answered yet.

    Args:
        name: At the host.
    """

    name: str
    told: list[Told] = field(default_factory=list)
    answer: Any = None
    before_answer: Callable[[], None] = lambda: None

    def app(self) -> ServiceApp:
        """As a WSGI application with its key."""
        key = format_service_key(service_keys(load_secrets(SECRET), self.name))
        return ServiceApp(types.SimpleNamespace(), mail=self._mail, key=key, name=self.name)

    def _mail(self, request: Request) -> Any:
        header = request.headers.get
        form = request.form
        told = Told(
            form["response_id"], form["message"], header("X-Plugit-Message-Id"), header("X-Plugit-Repeat")
        )
        self.told.append(told)
        self.before_answer()
        return self.answer


class World:
    """For one thread.

    Args:
        folder: For files.
        account: The mailbox where replies arrive.
        scheme: By which it is asked.
    """

    def __init__(self, folder: Path, account: Account, scheme: str = "imaps") -> None:
        self.folder = folder
        self.account = account
        self.is_imap = scheme.startswith("imap")
        self.database = f"sqlite:///{folder / 'mail.sqlite3'}"
        self.store = SqlMailStore(self.database)
        self.store.create_tables()
        self.tokens = ReplyTokens(load_secrets(SECRET), self.store)
        self.aside = folder / "aside"
        self.aside.mkdir()
        self.env = {
            "PLUGIT_MAILBOX": account.url(scheme),
            "PLUGIT_MAIL_STORE": self.database,
            "PLUGIT_SECRET_KEY": SECRET,
        }
        self._config = folder / "plugit.toml"
        self._running = ExitStack()
        self.mount({})

    def mount(self, urls: Mapping[str, str]) -> None:
        """Says in the host's file where the services are."""
        tables = (f'[[services]]\nname = "{name}"\nurl = "{url}"\n' for name, url in urls.items())
        self._config.write_text("".join(tables) or "services = []\n", encoding="utf-8")

    def serve(self, *services: RecordingService) -> None:
        """Starts services and mounts them."""
        serve = self._running.enter_context
        self.mount({item.name: serve(serve_in_thread(item.app())) for item in services})

    def address(self, service: str, response_id: str = "42", lifetime: float = 3600.0) -> str:
        """A reply address that the host makes."""
        local, _, domain = REPLIES.partition("@")
        return f"{local}+{self.tokens.sign(service, response_id, lifetime)}@{domain}"

    @property
    def command(self) -> list[str]:
        """`plugit-wsgi mail` without `--once`."""
        return ["mail", "--config", str(self._config), "--set-aside", str(self.aside)]

    def look(self, *options: str) -> int:
        """One look, in this process; the exit code."""
        before = {name: os.environ.get(name) for name in self.env}
        os.environ.update(self.env)
        try:
            return cli.main([*self.command, "--once", *options])
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    @contextmanager
    def started(self, *options: str, **env: str) -> Iterator[subprocess.Popen[str]]:
        """The command as a process, whose output can be read; it is killed at the end if it still runs."""
        process = subprocess.Popen(
            [sys.executable, "-m", "plugit_wsgi.cli", *self.command, *options],
            env={**os.environ, **self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            if process.stdout is not None and not process.stdout.closed:
                process.communicate()

    def left(self) -> list[bytes]:
        """What is in the mailbox."""
        return self.account.messages()

    def set_aside(self) -> list[bytes]:
        """What was set aside."""
        if self.is_imap:
            return self.account.messages("PlugIt-failed")
        return [path.read_bytes() for path in sorted(self.aside.iterdir())]

    def close(self) -> None:
        """Ends the services."""
        self._running.close()
        self.store.close()


class PostOffice:
    """A real mail server for SMTP that puts what comes into the mailboxes of Dovecot. Used by one thread.

    Args:
        accounts: The local part of an address, without what follows a plus -> its mailbox.
    """

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        self._accounts = accounts
        self._controller = Controller(self, hostname="127.0.0.1", port=free_ports(1)[0])
        self._controller.start()

    @property
    def port(self) -> int:
        """It listens on, of the loopback."""
        port: int = self._controller.port
        return port

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """As aiosmtpd has it."""
        assert isinstance(envelope.content, bytes)
        for recipient in envelope.rcpt_tos:
            head = f"Return-Path: <{envelope.mail_from or ''}>\r\nDelivered-To: {recipient}\r\n"
            self._accounts[recipient.partition("@")[0].partition("+")[0]].drop(
                head.encode() + envelope.content
            )
        return "250 taken"

    def stop(self) -> None:
        """Ends it."""
        self._controller.stop()


@contextmanager
def holding(
    port: int, words: Collection[bytes], *, answers: bool = False
) -> Iterator[tuple[int, threading.Event]]:
    """A port that passes everything to `port`, until one of these words comes: it is not passed any more.

    Args:
        port: Of a server on the loopback.
        words: In capitals.
        answers: Whether they are looked for in what the server says, and not in what it is told.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    held = threading.Event()
    opened: list[socket.socket] = []

    def carry(source: socket.socket, target: socket.socket, searched: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if searched and any(word in data.upper() for word in words):
                    held.set()
                    return
                target.sendall(data)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", port))
                opened.extend((client, server))
                for pair in ((client, server, not answers), (server, client, answers)):
                    threading.Thread(target=carry, args=pair, daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], held
    finally:
        for item in (listener, *opened):
            with suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
            item.close()
        thread.join()
