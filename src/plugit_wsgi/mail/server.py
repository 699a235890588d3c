"""One conversation with a mail server, by the standard library, in which every step has an end.

1. Each step of the protocol has a time-out, and each message a deadline: a server that drips is cut.
2. TLS is what the URL says, never less: without STARTTLS, or with a certificate that does not fit, nothing
   is said to the server.
3. What a server refuses is told apart: by recipient, or the message, or the conversation as such.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from ..errors import ConfigError, MailServerError
from .shown import shown_url

Security = Literal["tls", "starttls", "plain"]
_SCHEMES: Final[Mapping[str, tuple[Security, int]]] = {
    "smtps": ("tls", 465),
    "smtp+starttls": ("starttls", 587),
    "smtp": ("plain", 25),
}
_EXPECTED: Final = "smtp+starttls://user:password@host:587, smtps://... or smtp://localhost:25"
_Refused = Mapping[str, tuple[int, "bytes | str"]]
_ENDED: Final = (421, b"the server ended the conversation")
_LOGIN_CODES: Final = frozenset((530, 534, 535, 538))
"""The server wants another login: nothing is wrong with the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed over. Immutable.

    Attributes:
        host, port: of the server.
        security: "tls" from the first byte, "starttls" required, or "plain".
        user, password: "" for no login.
        step: seconds for one step: to connect, to answer a command.
        conversation: seconds for one message from connecting on.
        context: of TLS; None is the system's certificates, verified.
    """

    host: str
    port: int
    security: Security = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    step: float = 20.0
    conversation: float = 120.0
    context: ssl.SSLContext | None = field(default=None, repr=False)

    @classmethod
    def from_url(cls, url: str, *, context: ssl.SSLContext | None = None) -> MailServer:
        """From a URL: ``smtp+starttls://``, ``smtps://``, or ``smtp://`` for a server of one's own network.

        Raises:
            ConfigError: another one, or a password that would go over the network in the clear.
        """
        try:
            parts = urlsplit(url) if isinstance(url, str) else None
            port = parts.port if parts else None
        except ValueError:
            parts = None
        if parts is None or parts.scheme not in _SCHEMES or not parts.hostname or parts.path.strip("/"):
            raise ConfigError("mail server", shown_url(url), _EXPECTED)
        security, usual = _SCHEMES[parts.scheme]
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if user and security == "plain" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ConfigError("mail server", shown_url(url), "TLS (smtp+starttls, smtps) with a password")
        return cls(
            host=parts.hostname,
            port=port or usual,
            security=security,
            user=user,
            password=password,
            context=context,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What became of one message. Immutable.

    Attributes:
        later: recipients whom the server will not take now, with its words.
        never: recipients whom it refuses for good, with its words.
        code: of the server, for the first of these; 0 if there is none.
    """

    later: Mapping[str, str] = field(default_factory=dict)
    never: Mapping[str, str] = field(default_factory=dict)
    code: int = 0


class Conversation:
    """With one server; several messages one after the other. For one thread.

    Args:
        server: which.
    """

    def __init__(self, server: MailServer) -> None:
        self._server = server
        context = server.context or ssl.create_default_context()
        self._context = context
        self._smtp: smtplib.SMTP = (
            smtplib.SMTP_SSL(timeout=server.step, context=context)
            if server.security == "tls"
            else smtplib.SMTP(timeout=server.step)
        )
        # Only its constructor would set the name that certificates are checked for, and connect at once.
        self._smtp._host = server.host  # type: ignore[attr-defined]

    def open(self) -> None:
        """Connects, secures, logs in.

        Raises:
            MailServerError: the server cannot be talked to, or wants another login.
        """
        with self._deadline(), _as_server_error():
            code, _said = self._smtp.connect(self._server.host, self._server.port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, b"no greeting")
            self._smtp.ehlo_or_helo_if_needed()
            if self._server.security == "starttls":
                self._smtp.starttls(context=self._context)
                self._smtp.ehlo_or_helo_if_needed()
            if self._server.user:
                self._smtp.login(self._server.user, self._server.password)

    def hand_over(self, message: bytes, sender: str, recipients: Sequence[str]) -> Handed:
        """One message.

        Raises:
            MailServerError: the conversation ended, or the server wants another one; nobody has the message
                as far as is known.
        """
        with self._deadline(), _as_server_error():
            try:
                refused: _Refused = {**self._smtp.sendmail(sender, list(recipients), message)}
            except smtplib.SMTPRecipientsRefused as error:
                # After a 421 the rest was not even asked for.
                refused = {recipient: error.recipients.get(recipient, _ENDED) for recipient in recipients}
            except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
                if error.smtp_code == 421 or error.smtp_code in _LOGIN_CODES:
                    raise
                refused = dict.fromkeys(recipients, (error.smtp_code, error.smtp_error))
        return _handed(refused)

    @property
    def is_open(self) -> bool:
        """Whether another message can follow."""
        return self._smtp.sock is not None

    def close(self) -> None:
        """Says good-bye if it can; never raises."""
        with suppress(OSError, smtplib.SMTPException), self._deadline(self._server.step):
            if self._smtp.sock is not None:
                self._smtp.quit()
        self._smtp.close()

    @contextmanager
    def _deadline(self, seconds: float | None = None) -> Iterator[None]:
        # Time-outs of sockets begin anew with every byte: after this time the connection ends.
        timer = threading.Timer(seconds or self._server.conversation, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        sock = self._smtp.sock
        if sock is not None:
            with suppress(OSError):
                # Below TLS, which would be another thread's.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _handed(refused: _Refused) -> Handed:
    said = {recipient: (code, _text(code, words)) for recipient, (code, words) in refused.items()}
    return Handed(
        later={recipient: text for recipient, (code, text) in said.items() if code < 500},
        never={recipient: text for recipient, (code, text) in said.items() if code >= 500},
        code=max((code for code, _text in said.values()), default=0),
    )


def _text(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(text.split())}"[:300]


@contextmanager
def _as_server_error() -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPResponseException as error:
        raise MailServerError(_text(error.smtp_code, error.smtp_error), code=error.smtp_code) from error
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise MailServerError(f"{type(error).__name__}: {error}"[:300]) from error
