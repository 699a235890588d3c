"""Mail that goes no further: a site to try services keeps what they send, and the answers that were tried."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from ..errors import BodyTooLarge
from ..hostapi.mail import Mail, log_mail
from .mail_source import write_source

MAILS: Final = 100
"""Mails that are kept."""
BYTES: Final = 8 * 1024 * 1024
"""What they may take together."""
REPLIES: Final = 20
"""Answers that are kept with one mail."""
REPLY_TEXT: Final = 2000
"""Characters of an answer that are kept."""

Outcome = Literal["taken", "refused", "missing", "failed"]
"""What became of an answer: the service took it, did not take it, has no call for it, or did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer to a mail, as it was handed to the service. Immutable.

    Attributes:
        text: of it, its beginning if it is long.
        at: Unix time.
        outcome: what became of it.
        said: by the service, or why it said nothing.
        is_repeat: it was handed over once more, marked as a repeat.
    """

    text: str = field(repr=False)
    at: float
    outcome: Outcome
    said: str
    is_repeat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMail:
    """A mail in the box. Immutable.

    Attributes:
        number: of it; counts from 1 and is never used twice.
        at: Unix time at which it came.
        mail: what the service sent.
        replies: newest first.
    """

    number: int
    at: float
    mail: Mail
    replies: tuple[Reply, ...] = ()


class MailBox:
    """A `Deliver` that keeps the newest mails and writes each into the log. Thread-safe.

    Args:
        count: mails that are kept.
        size: bytes that they may take together; a mail that alone is larger is refused.
        clock: Unix time in seconds.
    """

    def __init__(
        self, *, count: int = MAILS, size: int = BYTES, clock: Callable[[], float] = time.time
    ) -> None:
        self._count = count
        self._size = size
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, KeptMail] = OrderedDict()
        self._taken = 0
        self._last = 0

    def __call__(self, mail: Mail) -> None:
        """Keeps a mail, in the place of the oldest ones if there is no more room.

        Raises:
            BadRequest: no host could send it.
            BodyTooLarge: there would be no room for it in an empty box.
        """
        size = _size_of(mail)
        if size > self._size:
            raise BodyTooLarge("mail")
        write_source(mail, 0.0)
        log_mail(mail)
        with self._lock:
            self._last += 1
            self._kept[self._last] = KeptMail(number=self._last, at=self._clock(), mail=mail)
            self._taken += size
            while len(self._kept) > self._count or self._taken > self._size:
                _number, oldest = self._kept.popitem(last=False)
                self._taken -= _size_of(oldest.mail)

    @property
    def count(self) -> int:
        """How many are kept."""
        with self._lock:
            return len(self._kept)

    def newest(self) -> list[KeptMail]:
        """All that are kept, newest first."""
        with self._lock:
            return list(reversed(self._kept.values()))

    def find(self, number: int) -> KeptMail | None:
        """One by its number; None if it is not there, or not any more."""
        with self._lock:
            return self._kept.get(number)

    def add_reply(
        self, number: int, text: str, outcome: Outcome, said: str, *, is_repeat: bool = False
    ) -> None:
        """Remembers an answer, if its mail is still there."""
        shown = text if len(text) <= REPLY_TEXT else text[:REPLY_TEXT] + " ..."
        reply = Reply(text=shown, at=self._clock(), outcome=outcome, said=said, is_repeat=is_repeat)
        with self._lock:
            kept = self._kept.get(number)
            if kept is not None:
                self._kept[number] = replace(kept, replies=(reply, *kept.replies)[:REPLIES])


def _size_of(mail: Mail) -> int:
    """Bytes, about: what it is as UTF-8."""
    texts = (mail.sender, mail.subject, mail.message, mail.html_message, mail.response_id, *mail.recipients)
    return sum(len(text.encode("utf-8", "replace")) for text in texts)
