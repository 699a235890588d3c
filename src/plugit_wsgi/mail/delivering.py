"""Replies out of a mailbox to the services that asked for them.

1. A message leaves the mailbox only after its service has taken it, or after it was set aside or dropped.
2. A reply is handed over once. After a crash it may be handed over again, marked as a repeat; when it is
   known that the service has it, never.
3. A service gets only what was sent to an address that this host made for it.
4. A message that cannot be delivered stops no other one. One whose service is away stays where it is; each
   failure of its own lets it wait for longer, so that others of its service come first.
5. Each message is one line of the log, without its text and without addresses.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from ..clock import Clock, SystemClock
from ..errors import MessageUnusable, ReplyRejected, ServiceError
from ..observers.redaction import quoted
from .incoming import Head, read_head, read_text, reply_key
from .mailboxes import Mailbox, Waiting
from .store import MailStore, ReplyAddress

_log = logging.getLogger("plugit_wsgi.mail")

MESSAGE_SIZE: Final = 10 * 1024 * 1024
"""Bytes of a message that is read; attachments of a reply are none of it."""
PATIENCE: Final = 5 * 86400.0
"""Seconds after its arrival for which a message waits for its service, as mail servers do."""
RETRY: Final = 60.0
LONGEST_RETRY: Final = 3600.0
_TOKENS: Final = 10

Verify = Callable[[str], ReplyAddress]
Outcome = Literal["delivered", "dropped", "set aside", "waits", "held"]
"""A message that waits was tried in vain; one that is held was not, since its service is away."""
_RANK: Final = ("waits", "held", "delivered", "dropped")
"""What counts of a message that is for several services."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a service is told. Immutable.

    Attributes:
        response_id: what it asked to hear.
        text: of the message, with what it quotes.
        message_id: of the message.
        is_repeat: the service may have it already: a crash, or an answer that did not come.
    """

    response_id: str
    text: str = field(repr=False)
    message_id: str
    is_repeat: bool


Hand = Callable[[Reply], bool]
"""Tells a service; True if it took the reply. Raises `ServiceError`."""


class Postman:
    """Delivers what is in a mailbox. For one thread.

    Args:
        store: remembers which replies were handed over.
        verify: of tokens, in this order; the first that knows one is believed.
        hands: service -> how it is told.
        is_stopping: asked between messages.
        message_size: bytes of a message that is read.
        patience: see `PATIENCE`.
        clock: the time.
    """

    def __init__(
        self,
        store: MailStore,
        verify: tuple[Verify, ...],
        hands: Mapping[str, Hand],
        *,
        is_stopping: Callable[[], bool] = lambda: False,
        message_size: int = MESSAGE_SIZE,
        patience: float = PATIENCE,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._verify = verify
        self._hands = hands
        self._is_stopping = is_stopping
        self._message_size = message_size
        self._patience = patience
        self._clock = clock or SystemClock()
        self._waits: dict[str, _Wait] = {}
        self._away: dict[str, float] = {}

    def deliver(self, mailbox: Mailbox) -> dict[Outcome, int]:
        """Goes through the mailbox once.

        Returns:
            How many messages ended how; those whose time has not come yet are not counted.

        Raises:
            MailboxError: it cannot be asked any more; what was done is done.
        """
        counts: dict[Outcome, int] = {}
        listed = list(mailbox.waiting())
        self._waits = {item.key: self._waits[item.key] for item in listed if item.key in self._waits}
        for message in listed:
            if self._is_stopping():
                break
            if not self._is_due(message):
                continue
            outcome = self._settle(mailbox, message)
            counts[outcome] = counts.get(outcome, 0) + 1
        return counts

    def _settle(self, mailbox: Mailbox, message: Waiting) -> Outcome:
        try:
            outcome, why = self._judge(mailbox, message)
        except (MessageUnusable, ReplyRejected) as error:
            outcome, why = "set aside", str(error)
        if outcome in ("waits", "held"):
            if self._wait(message, was_tried=outcome == "waits"):
                self._told(message, outcome, why)
            return outcome
        if outcome == "set aside":
            mailbox.set_aside(message)
        else:
            mailbox.remove(message)
        self._told(message, outcome, why)
        return outcome

    def _judge(self, mailbox: Mailbox, message: Waiting) -> tuple[Outcome, str]:
        if message.size > self._message_size:
            raise MessageUnusable(f"{message.size} bytes, more than {self._message_size}")
        raw = mailbox.fetch(message, self._message_size)
        head = read_head(raw)
        if head.automatic:
            return "dropped", f"written by a machine: {head.automatic}"
        addresses = self._addresses(head)
        text = read_text(raw)
        found = [self._hand_over(address, text, head.message_id) for address in addresses]
        outcome, why = min(found, key=lambda item: _RANK.index(item[0]))
        if outcome == "waits" and self._is_over(head):
            raise MessageUnusable(f"not delivered in {self._patience / 86400:g} days: {why}")
        return outcome, why

    def _addresses(self, head: Head) -> list[ReplyAddress]:
        """Whom a message is for.

        Raises:
            MessageUnusable, ReplyRejected: nobody here.
        """
        found: list[ReplyAddress] = []
        reason: Exception = MessageUnusable("no reply address")
        for token in head.tokens[:_TOKENS]:
            try:
                address = self._verified(token)
            except ReplyRejected as error:
                reason = error
                continue
            if address.service in self._hands:
                found.append(address)
            else:
                reason = MessageUnusable("for a service that is not mounted here")
        if not found:
            raise reason
        return list({(item.service, item.response_id): item for item in found}.values())

    def _verified(self, token: str) -> ReplyAddress:
        rejected: list[ReplyRejected] = []
        for verify in self._verify:
            try:
                return verify(token)
            except ReplyRejected as error:
                rejected.append(error)
        # "expired" says more than that it is no token of another kind.
        raise next((error for error in rejected if error.reason != "form"), rejected[0])

    def _hand_over(self, address: ReplyAddress, text: str, message_id: str) -> tuple[Outcome, str]:
        service = address.service
        away_until = self._away.get(service)
        if away_until is not None and away_until > self._clock.monotonic():
            return "held", f"service {service} is away"
        key = reply_key(service, address.response_id, message_id)
        state = self._store.begin_reply(key)
        if state == "done":
            return "dropped", f"service {service} has it already"
        reply = Reply(
            response_id=address.response_id, text=text, message_id=message_id, is_repeat=state == "repeat"
        )
        try:
            taken = self._hands[service](reply)
        except ServiceError as error:
            self._away[service] = self._clock.monotonic() + RETRY
            return "waits", f"service {service} cannot be asked ({type(error).__name__})"
        if not taken:
            return "waits", f"service {service} did not take it"
        self._store.finish_reply(key)
        return "delivered", f"to service {service}{' as a repeat' if reply.is_repeat else ''}"

    def _is_over(self, head: Head) -> bool:
        return head.arrived is not None and head.arrived + self._patience < self._clock.time()

    def _is_due(self, message: Waiting) -> bool:
        wait = self._waits.get(message.key)
        return wait is None or wait.until <= self._clock.monotonic()

    def _wait(self, message: Waiting, *, was_tried: bool) -> bool:
        """Notes that a message waits, after each try for longer; True the first time."""
        before = self._waits.get(message.key)
        tried = before.tried if before else 0
        seconds = min(RETRY * 2**tried, LONGEST_RETRY) if was_tried else RETRY
        # The exponent of one that is tried for months stays a small number.
        tried = min(tried + was_tried, 10)
        self._waits[message.key] = _Wait(until=self._clock.monotonic() + seconds, tried=tried)
        return before is None

    @staticmethod
    def _told(message: Waiting, outcome: Outcome, why: str) -> None:
        level = logging.INFO if outcome == "delivered" else logging.WARNING
        event = outcome.replace(" ", "_")
        _log.log(
            level,
            "event=reply outcome=%s message=%s reason=%s",
            event,
            quoted(message.key, 80),
            quoted(why, 200),
        )


@dataclass(frozen=True, slots=True)
class _Wait:
    until: float
    tried: int
