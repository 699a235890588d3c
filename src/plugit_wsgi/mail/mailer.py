"""Takes what services send: the `mail` argument of the middleware.

1. Everything is checked before anything is queued: what is refused goes to nobody.
2. A call ends when the message is in the store. It never waits for a mail server.
3. The queue is sent by `plugit-wsgi mail --send`, or by a thread of this process (`background=True`).
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from email.errors import MessageError
from email.utils import parseaddr
from typing import Final

from ..clock import Clock, SystemClock
from ..errors import BadRequest, ConfigError, MailRefused
from ..hostapi.mail import Mail
from ..interfaces import Observe
from ..observers import combine
from ..observers.log import LogLines
from ..wire.keys import load_secrets
from .background import Background
from .memory import MemoryMailStore
from .message import HostAddress, build_message
from .reply_tokens import ReplyTokens
from .sending import send_due
from .server import MailServer
from .store import MailStore

_DAY: Final = 86400.0
_RETRY_AFTER: Final = 10.0
_PRUNED_EACH: Final = 600.0
_log: Final = logging.getLogger("plugit_wsgi")


class Mailer:
    """Queues the mails of services. Thread-safe; it may be made before a server forks.

    Args:
        server: where the mail goes, as a URL or a `MailServer`; None where another process sends.
        sender: the host's address, with the site's name before it: ``Harbour Radio <mail@radio.example>``.
            It is From of each mail, and where bounces go.
        store: what all workers share.
        secret_key: the same as the middleware's.
        replies: the address that answers go to, if it is another one than the sender's.
        senders: addresses, or ``@domain``, that services may name as theirs; any other is refused. Answers
            that no service wants to hear go there. None: what services name counts for nothing.
        reply_age: seconds for which answers are taken; a year at most.
        background: send from a thread of this process, which begins with the first mail.
        observe: is told what became of mails that the thread sent.
        clock: the time.

    Raises:
        ConfigError: names the argument, the value and what was expected.
    """

    def __init__(
        self,
        server: MailServer | str | None,
        *,
        sender: str,
        store: MailStore,
        secret_key: str | Sequence[str],
        replies: str | None = None,
        senders: Collection[str] | None = None,
        reply_age: float = 90 * _DAY,
        background: bool = False,
        observe: Observe | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._server = MailServer.from_url(server) if isinstance(server, str) else server
        self._sender = HostAddress.read(sender, "sender")
        self._replies = self._sender if replies is None else HostAddress.read(replies, "replies")
        self._senders = _checked_senders(senders)
        self._store = store
        self._tokens = ReplyTokens(load_secrets(secret_key), store, clock=self._clock)
        self._reply_age = _checked_age(reply_age)
        self._observe = combine(
            LogLines(self._clock), *(() if observe is None else (observe,)), clock=self._clock
        )
        self._pruned_at = 0.0
        self._background = self._thread(self._server) if background else None
        if not background and isinstance(store, MemoryMailStore):
            raise ConfigError("background", background, "True, since no other process sees a MemoryMailStore")

    def __call__(self, mail: Mail) -> None:
        """Queues a mail whose recipients are allowed.

        Raises:
            BadRequest: it cannot be written as a message.
            MailRefused: 403 the sender, 429 the quota, 503 the store.
        """
        answers_to = self._checked_sender(mail)
        try:
            # Before anything is stored: what cannot be written costs no quota.
            message = build_message(mail, self._sender, answers_to, self._clock)
        except (ValueError, MessageError) as error:
            raise BadRequest("the mail cannot be written as a message") from error
        try:
            self._queue(mail, message)
        except MailRefused:
            raise
        except Exception as error:
            _log.exception("mail: the store failed")
            raise MailRefused("the store of mails failed", status=503, retry_after=_RETRY_AFTER) from error
        if self._background is not None:
            self._background.wake()

    def close(self) -> None:
        """Ends the thread, if there is one, after the message that it is sending."""
        if self._background is not None:
            self._background.close()

    def _queue(self, mail: Mail, message: bytes) -> None:
        wait = self._store.spend(mail.service, len(mail.recipients), mail.quota, self._clock.time())
        if wait > 0:
            raise MailRefused(f"more than {mail.quota} recipients an hour", status=429, retry_after=wait)
        if mail.response_id:
            token = self._tokens.sign(mail.service, mail.response_id, self._reply_age)
            message = build_message(mail, self._sender, self._replies.with_token(token), self._clock)
        self._store.enqueue(message, self._sender.address, mail.recipients, service=mail.service)

    def _checked_sender(self, mail: Mail) -> str:
        """Where answers go that no service wants to hear; "" is where they come from."""
        if self._senders is None or not mail.sender.strip():
            return ""
        address = parseaddr(mail.sender)[1].lower()
        if address == self._sender.address.lower():
            return ""
        if address in self._senders or "@" + address.rpartition("@")[2] in self._senders:
            return address
        raise MailRefused("sender: not one that the host allows")

    def _thread(self, server: MailServer | None) -> Background:
        if server is None:
            raise ConfigError("server", None, "a mail server, since background=True")
        return Background(lambda: self._work(server))

    def _work(self, server: MailServer) -> bool:
        now = self._clock.monotonic()
        if now >= self._pruned_at:
            self._store.prune(self._clock.time())
            self._pruned_at = now + _PRUNED_EACH
        counts = send_due(self._store, server, self._clock, limit=20, observe=self._observe)
        return counts.handled > 0 and not counts.stopped


def _checked_senders(senders: Collection[str] | None) -> frozenset[str] | None:
    if senders is None:
        return None
    wrong = isinstance(senders, str) or not all(isinstance(item, str) and "@" in item for item in senders)
    if wrong:
        raise ConfigError("senders", senders, "a list of addresses or @domains")
    return frozenset(item.lower() for item in senders)


def _checked_age(seconds: object) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= 366 * _DAY:
        raise ConfigError("reply_age", seconds, "seconds, up to a year")
    return float(seconds)
