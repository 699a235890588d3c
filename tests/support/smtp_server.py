"""A real SMTP server of one's own (aiosmtpd), which can be told to misbehave."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

Said = str | None


@dataclass
class Received:
    """What a server took."""

    sender: str
    recipients: list[str]
    content: bytes
    secure: bool
    user: bytes | None


@dataclass
class Postbox:
    """Handler of aiosmtpd: keeps what comes. Its callables may answer something else than "250 OK"."""

    at_recipient: Callable[[str], Said] = lambda _address: None
    at_data: Callable[[int], Said] = lambda _number: None
    received: list[Received] = field(default_factory=list)
    tries: int = 0
    users: dict[bytes, bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        said = self.at_recipient(address)
        if said is None:
            envelope.rcpt_tos.append(address)
        return said or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        with self.lock:
            self.tries += 1
            said = self.at_data(self.tries)
        if said == "drop":
            server.transport.abort()
            return "421 gone"
        if said is None or said.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            user = session.auth_data.login if session.auth_data else None
            self.received.append(
                Received(
                    envelope.mail_from or "", list(envelope.rcpt_tos), content, session.ssl is not None, user
                )
            )
        if said == "250 drop":
            server.transport.abort()
        return said or "250 OK"

    def check(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and self.users.get(data.login) == data.password
        return AuthResult(success=good, handled=good, auth_data=data if good else None)


class SmtpServer:
    """``with SmtpServer(postbox) as server``; then it answers on `port` of the loopback.

    Args:
        postbox: its handler.
        context: of TLS; with it, STARTTLS is required, and a login where the postbox has users.
        implicit: TLS from the first byte in the place of STARTTLS.
    """

    def __init__(
        self, postbox: Postbox, context: ssl.SSLContext | None = None, implicit: bool = False
    ) -> None:
        more: dict[str, Any] = {}
        if context is not None and implicit:
            more = {"ssl_context": context}
        elif context is not None:
            more = {"tls_context": context, "require_starttls": True}
        if postbox.users:
            more |= {"authenticator": postbox.check, "auth_required": True}
            more |= {"auth_exclude_mechanism": ["LOGIN"]}
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port: int = listener.getsockname()[1]
        if implicit:  # it does not know that it is inside TLS
            more.pop("auth_required", None)
            more |= {"auth_require_tls": False}
        self._controller = Controller(postbox, hostname="127.0.0.1", port=self.port, **more)

    def __enter__(self) -> SmtpServer:
        self._controller.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._controller.stop()
