"""The queue goes to the mail server.

1. One message at a time is leased, so that it is handed over long before its lease ends.
2. What the server will not take now is tried again, later each time, up to `ATTEMPTS`; what it refuses for
   good is set aside, for the recipients concerned.
3. A server that cannot be talked to is left alone: the other messages stay due.
4. Between the server's "Ok" and our note of it a crash repeats the message, with the same Message-ID. Nothing
   is ever lost instead.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from ..clock import Clock
from ..errors import MailServerError
from ..events import MailHandled
from ..interfaces import Observe
from .server import Conversation, Handed, MailServer
from .store import MailStore, QueuedMessage

ATTEMPTS: Final = 20
"""About two days."""
FIRST_PAUSE: Final = 60.0
LONGEST_PAUSE: Final = 4 * 3600.0


@dataclass(slots=True)
class Counts:
    """What became of messages.

    Attributes:
        sent: to all who were left, or to some of them.
        delayed: to be tried again, for all or some.
        set_aside: given up, for all or some.
        stopped: the server could not be talked to; others may be due still.
    """

    sent: int = 0
    delayed: int = 0
    set_aside: int = 0
    stopped: bool = False

    @property
    def handled(self) -> int:
        """More than 0 if there was anything."""
        return self.sent + self.delayed + self.set_aside


def send_due(
    store: MailStore,
    server: MailServer,
    clock: Clock,
    *,
    limit: int = 100,
    observe: Observe = lambda _event: None,
) -> Counts:
    """Sends what is due, over one connection. Any number of threads and processes may do so at a time.

    Args:
        store: with the queue.
        server: to hand it to.
        clock: the time.
        limit: messages at most.
        observe: is told what became of each.
    """
    counts = Counts()
    sender = _Sender(store, server, clock, observe, counts)
    with sender.talking():
        for _number in range(limit):
            found = store.due(clock.time(), 1)
            if not found or not sender.send(found[0]):
                break
    return counts


def pause_after(attempts: int, chance: Callable[[], float] = random.random) -> float:
    """Seconds until the next try: twice as long each time, and not the same for all that failed together."""
    longest: float = min(FIRST_PAUSE * 2 ** min(attempts - 1, 30), LONGEST_PAUSE)
    return longest * (0.75 + chance() / 2)


class _Sender:
    def __init__(
        self, store: MailStore, server: MailServer, clock: Clock, observe: Observe, counts: Counts
    ) -> None:
        self._store = store
        self._server = server
        self._clock = clock
        self._observe = observe
        self._counts = counts
        self._conversation: Conversation | None = None

    @contextmanager
    def talking(self) -> Iterator[None]:
        """The conversation, if there is one, ends with the block."""
        try:
            yield
        finally:
            if self._conversation is not None:
                self._conversation.close()

    def send(self, message: QueuedMessage) -> bool:
        """One message; False if the server cannot be talked to."""
        try:
            handed = self._open().hand_over(message.message, message.sender, message.recipients)
        except MailServerError as error:
            everybody = dict.fromkeys(message.recipients, str(error))
            self._settle(message, Handed(later=everybody, code=error.code))
            self._counts.stopped = True
            return False
        self._settle(message, handed)
        return True

    def _open(self) -> Conversation:
        if self._conversation is None or not self._conversation.is_open:
            self._conversation = Conversation(self._server)
            self._conversation.open()
        return self._conversation

    def _settle(self, message: QueuedMessage, handed: Handed) -> None:
        """Tells the store first, then everybody else."""
        later, never = dict(handed.later), dict(handed.never)
        if message.attempts >= ATTEMPTS:
            never.update(later)
            later = {}
        count = len(message.recipients) - len(later) - len(never)
        if not later and not never:
            self._store.sent(message.id)
        elif later or count:
            self._store.failed(
                message.id,
                self._clock.time() + pause_after(message.attempts),
                again=tuple(later),
                refused=tuple(never),
                reason=_words(never),
            )
        else:
            self._store.failed(message.id, None, reason=_words(never))
        self._counts.sent += count > 0
        self._counts.delayed += bool(later)
        self._counts.set_aside += bool(never)
        self._tell(message, "sent", count, "", 250)
        self._tell(message, "delayed", len(later), _words(later), handed.code)
        self._tell(message, "set_aside", len(never), _words(never), handed.code)

    def _tell(self, message: QueuedMessage, outcome: str, count: int, reason: str, code: int) -> None:
        if count:
            self._observe(
                MailHandled(
                    service=message.service,
                    action="mail/",
                    outcome=outcome,
                    recipients=count,
                    reason=reason,
                    status=code,
                )
            )


def _words(refused: Mapping[str, str]) -> str:
    return next(iter(refused.values()), "")
