"""What has to be remembered about mail: reply addresses, replies, the queue, quotas.

1. All workers of a host share one store. Nothing here waits for a mail server.
2. A message that is due is leased to one sender; a lease ends by itself, so a crash loses nothing.
3. A message ends in one of two ways: sent, or set aside with the reason. It never just disappears.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

LEASE: Final = 600.0
"""Seconds that a sender has for a message before another one may take it."""
QUOTA_WINDOW: Final = 3600.0
"""Seconds for which a quota counts."""
REPLIES_KEPT: Final = 400 * 86400.0
"""Seconds after which it is forgotten that a reply came."""

ReplyState = Literal["new", "repeat", "done"]


@dataclass(frozen=True, slots=True)
class ReplyAddress:
    """Whom a reply is for. Immutable.

    Attributes:
        service: name of the service that sent the mail.
        response_id: what the service wants to hear with the reply.
        expires: Unix time in seconds after which no reply is taken.
    """

    service: str
    response_id: str
    expires: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedMessage:
    """A message of the queue. Immutable.

    Attributes:
        id: of this lease of the message.
        message: as it goes out, headers and body, lines ending with CR LF.
        sender: envelope address, where bounces go.
        recipients: envelope addresses that do not have it yet.
        service: that asked for it.
        attempts: how often it was leased, this one included.
        reason: why it is set aside; "" while it is not.
    """

    id: str
    message: bytes = field(repr=False)
    sender: str
    recipients: tuple[str, ...]
    service: str
    attempts: int = 0
    reason: str = ""


class MailStore(Protocol):
    """Where mail is kept. Thread-safe; workers share it.

    What goes wrong with the store itself is raised as it comes.
    """

    def issue(self, address: ReplyAddress) -> str:
        """Keeps an address under a new random id of 80 bits: base32 in lower case, 16 characters."""

    def find(self, id: str) -> ReplyAddress | None:
        """The address of an id, also when it has expired; None if there is none (any more)."""

    def begin_reply(self, key: str) -> ReplyState:
        """Notes that a reply is about to be told to its service.

        Args:
            key: digest of what makes the reply the one it is, 128 characters at most.

        Returns:
            "new" the first time, "repeat" if it was begun before and never finished, "done" if it was.
        """

    def finish_reply(self, key: str) -> None:
        """Notes that the service has taken the reply."""

    def spend(self, service: str, count: int, quota: int, now: float) -> float:
        """Takes so many recipients from what a service has this hour, all or none.

        Args:
            service: its name.
            count: recipients of a message.
            quota: recipients that the service has each hour.
            now: Unix time in seconds.

        Returns:
            0 if they were taken; else the seconds until the next hour begins.
        """

    def enqueue(self, message: bytes, sender: str, recipients: Sequence[str], *, service: str) -> None:
        """Puts a message into the queue; it is due at once. See `QueuedMessage` for the arguments."""

    def due(self, now: float, limit: int) -> Sequence[QueuedMessage]:
        """Leases messages that are due, the oldest first, to this caller alone, for `LEASE` seconds.

        Args:
            now: Unix time in seconds.
            limit: how many at most.
        """

    def sent(self, id: str) -> None:
        """All recipients have it: the message is forgotten. A message that is not there is no error."""

    def failed(
        self,
        id: str,
        retry_at: float | None,
        *,
        again: Sequence[str] | None = None,
        refused: Sequence[str] = (),
        reason: str = "",
    ) -> None:
        """Ends a lease of which something is left to do. A lease that has ended changes nothing.

        Args:
            id: of the lease.
            retry_at: Unix time in seconds when it is due again; None sets it aside for good.
            again: recipients it is still to go to, the others have it; None is all it had.
            refused: recipients for whom it is set aside now, as a message of its own.
            reason: what happened, for whoever looks at what is set aside.
        """

    def set_aside(self, limit: int = 100) -> Sequence[QueuedMessage]:
        """Messages that were given up, the oldest first."""

    def put_back(self, id: str) -> bool:
        """Makes a message that is set aside due again, as if it were new; False if there is none such."""

    def waiting(self) -> int:
        """How many messages are in the queue, leased ones included, without those that are set aside."""

    def prune(self, now: float) -> None:
        """Forgets expired addresses, old replies and old counts."""
