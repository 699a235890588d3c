"""Mail in the memory of one process: for development and tests. It ends with the process."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..clock import Clock, SystemClock
from .ids import lease_of, new_id, read_lease
from .store import LEASE, QUOTA_WINDOW, REPLIES_KEPT, QueuedMessage, ReplyAddress, ReplyState


@dataclass(slots=True)
class _Kept:
    message: QueuedMessage
    due_at: float = 0.0


class MemoryMailStore:
    """Implements `MailStore` in this process. Thread-safe.

    Args:
        clock: the time.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._addresses: dict[str, ReplyAddress] = {}
        self._replies: dict[str, tuple[bool, float]] = {}
        self._spent: dict[str, tuple[int, int]] = {}
        self._queue: dict[int, _Kept] = {}
        self._last = 0

    def issue(self, address: ReplyAddress) -> str:
        """See `MailStore.issue`."""
        id = new_id()
        with self._lock:
            self._addresses[id] = address
        return id

    def find(self, id: str) -> ReplyAddress | None:
        """See `MailStore.find`."""
        with self._lock:
            return self._addresses.get(id)

    def begin_reply(self, key: str) -> ReplyState:
        """See `MailStore.begin_reply`."""
        with self._lock:
            if key in self._replies:
                return "done" if self._replies[key][0] else "repeat"
            self._replies[key] = (False, self._clock.time())
            return "new"

    def finish_reply(self, key: str) -> None:
        """See `MailStore.finish_reply`."""
        with self._lock:
            self._replies[key] = (True, self._clock.time())

    def spend(self, service: str, count: int, quota: int, now: float) -> float:
        """See `MailStore.spend`."""
        hour = int(now // QUOTA_WINDOW)
        with self._lock:
            kept_hour, spent = self._spent.get(service, (hour, 0))
            if kept_hour != hour:
                spent = 0
            if spent + count > quota:
                return (hour + 1) * QUOTA_WINDOW - now
            self._spent[service] = (hour, spent + count)
            return 0.0

    def enqueue(self, message: bytes, sender: str, recipients: Sequence[str], *, service: str) -> None:
        """See `MailStore.enqueue`."""
        with self._lock:
            self._add(
                QueuedMessage(
                    id="", message=message, sender=sender, recipients=tuple(recipients), service=service
                )
            )

    def due(self, now: float, limit: int) -> Sequence[QueuedMessage]:
        """See `MailStore.due`."""
        with self._lock:
            ready = [
                row for row, kept in self._queue.items() if not kept.message.reason and kept.due_at <= now
            ]
            return [self._lease(row, now) for row in ready[:limit]]

    def sent(self, id: str) -> None:
        """See `MailStore.sent`."""
        with self._lock:
            self._queue.pop(read_lease(id)[0], None)

    def failed(
        self,
        id: str,
        retry_at: float | None,
        *,
        again: Sequence[str] | None = None,
        refused: Sequence[str] = (),
        reason: str = "",
    ) -> None:
        """See `MailStore.failed`."""
        row, _attempt = read_lease(id)
        with self._lock:
            kept = self._queue.get(row)
            if kept is None or kept.message.id != id or kept.message.reason:
                return
            left = kept.message.recipients if again is None else tuple(again)
            why = reason or "given up"
            if refused:
                self._add(replace(kept.message, recipients=tuple(refused), reason=why))
            if not left:
                del self._queue[row]
            elif retry_at is None:
                kept.message = replace(kept.message, recipients=left, reason=why)
            else:
                kept.message = replace(kept.message, recipients=left)
                kept.due_at = retry_at

    def set_aside(self, limit: int = 100) -> Sequence[QueuedMessage]:
        """See `MailStore.set_aside`."""
        with self._lock:
            found = [kept.message for kept in self._queue.values() if kept.message.reason]
        return found[:limit]

    def put_back(self, id: str) -> bool:
        """See `MailStore.put_back`."""
        with self._lock:
            kept = self._queue.get(read_lease(id)[0])
            if kept is None or not kept.message.reason:
                return False
            kept.message = replace(kept.message, reason="", attempts=0)
            kept.due_at = 0.0
            return True

    def waiting(self) -> int:
        """See `MailStore.waiting`."""
        with self._lock:
            return sum(not kept.message.reason for kept in self._queue.values())

    def prune(self, now: float) -> None:
        """See `MailStore.prune`."""
        hour = int(now // QUOTA_WINDOW)
        with self._lock:
            self._addresses = {id: found for id, found in self._addresses.items() if found.expires > now}
            self._replies = {
                key: found for key, found in self._replies.items() if found[1] + REPLIES_KEPT > now
            }
            self._spent = {service: found for service, found in self._spent.items() if found[0] >= hour}

    def _add(self, message: QueuedMessage) -> None:
        self._last += 1
        named = replace(message, id=lease_of(self._last, message.attempts))
        self._queue[self._last] = _Kept(named)

    def _lease(self, row: int, now: float) -> QueuedMessage:
        kept = self._queue[row]
        attempts = kept.message.attempts + 1
        kept.message = replace(kept.message, attempts=attempts, id=lease_of(row, attempts))
        kept.due_at = now + LEASE
        return kept.message
