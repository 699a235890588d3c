"""Mail in a database that all workers share: SQLite on one machine, PostgreSQL. Needs the extra ``sql``.

1. Each transaction is short and begins with what it writes: SQLite then waits for its turn and never fails
   in the middle.
2. A lease is a row whose number of attempts went up by one. Who did that has it; all others changed no row.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ..clock import Clock, SystemClock
from .ids import lease_of, new_id, read_lease
from .store import LEASE, QUOTA_WINDOW, REPLIES_KEPT, QueuedMessage, ReplyAddress, ReplyState
from .tables import addresses, metadata, queue, quotas, replies


class SqlMailStore:
    """Implements `MailStore` in a database. Thread-safe; nothing connects before the first call.

    Args:
        engine: an engine of SQLAlchemy, or a URL for one.
        clock: the time.
    """

    def __init__(self, engine: sa.Engine | str, *, clock: Clock | None = None) -> None:
        self._engine = sa.create_engine(engine, pool_pre_ping=True) if isinstance(engine, str) else engine
        self._process = os.getpid()
        self._clock = clock or SystemClock()

    def create_tables(self) -> None:
        """Makes the tables that are not there; for development and tests. Migrations do it for a site."""
        metadata.create_all(self._engine)

    def close(self) -> None:
        """Closes its connections; the next call opens new ones."""
        self._engine.dispose()

    def issue(self, address: ReplyAddress) -> str:
        """See `MailStore.issue`."""
        id = new_id()
        row = {"service": address.service, "response_id": address.response_id, "expires": address.expires}
        self._write(sa.insert(addresses).values(id=id, **row))
        return id

    def find(self, id: str) -> ReplyAddress | None:
        """See `MailStore.find`."""
        rows = self._read(sa.select(addresses).where(addresses.c.id == id))
        return ReplyAddress(rows[0].service, rows[0].response_id, rows[0].expires) if rows else None

    def begin_reply(self, key: str) -> ReplyState:
        """See `MailStore.begin_reply`."""
        if self._inserted(replies, key=key, finished=False, begun=self._clock.time()):
            return "new"
        rows = self._read(sa.select(replies.c.finished).where(replies.c.key == key))
        return "done" if rows and rows[0].finished else "repeat"

    def finish_reply(self, key: str) -> None:
        """See `MailStore.finish_reply`."""
        change = sa.update(replies).where(replies.c.key == key).values(finished=True)
        if not self._write(change):
            self._inserted(replies, key=key, finished=True, begun=self._clock.time())

    def spend(self, service: str, count: int, quota: int, now: float) -> float:
        """See `MailStore.spend`."""
        hour = int(now // QUOTA_WINDOW)
        row = sa.and_(quotas.c.service == service, quotas.c.hour == hour)
        take = (
            sa.update(quotas).where(row, quotas.c.spent + count <= quota).values(spent=quotas.c.spent + count)
        )
        if count <= quota:
            if self._write(take) or self._inserted(quotas, service=service, hour=hour, spent=count):
                return 0.0
            if self._write(take):  # another worker made the row in between
                return 0.0
        return (hour + 1) * QUOTA_WINDOW - now

    def enqueue(self, message: bytes, sender: str, recipients: Sequence[str], *, service: str) -> None:
        """See `MailStore.enqueue`."""
        self._write(
            sa.insert(queue).values(
                service=service,
                sender=sender,
                recipients=list(recipients),
                message=message,
                attempts=0,
                due_at=0.0,
                reason="",
            )
        )

    def due(self, now: float, limit: int) -> Sequence[QueuedMessage]:
        """See `MailStore.due`."""
        ready = (
            sa.select(queue.c.id, queue.c.attempts)
            .where(queue.c.reason == "", queue.c.due_at <= now)
            .order_by(queue.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)  # SQLite has none of it, and needs none
        )
        with self._of_this_process().begin() as connection:
            rows = connection.execute(ready).all()
            leased = [row.id for row in rows if self._lease(connection, row.id, row.attempts, now)]
            found = connection.execute(
                sa.select(queue).where(queue.c.id.in_(leased)).order_by(queue.c.id)
            ).all()
        return [_message(row) for row in found]

    def sent(self, id: str) -> None:
        """See `MailStore.sent`."""
        self._write(sa.delete(queue).where(queue.c.id == read_lease(id)[0]))

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
        row, attempt = read_lease(id)
        mine = sa.and_(queue.c.id == row, queue.c.attempts == attempt, queue.c.reason == "")
        why = reason or "given up"
        values: dict[str, Any] = {"reason": why} if retry_at is None else {"due_at": retry_at}
        if again is not None:
            values["recipients"] = list(again)
        with self._of_this_process().begin() as connection:
            if connection.execute(sa.update(queue).where(mine).values(**values)).rowcount != 1:
                return
            if refused:
                self._set_aside_copy(connection, row, refused, why)
            if again is not None and not again:
                connection.execute(sa.delete(queue).where(queue.c.id == row))

    def set_aside(self, limit: int = 100) -> Sequence[QueuedMessage]:
        """See `MailStore.set_aside`."""
        rows = self._read(sa.select(queue).where(queue.c.reason != "").order_by(queue.c.id).limit(limit))
        return [_message(row) for row in rows]

    def put_back(self, id: str) -> bool:
        """See `MailStore.put_back`."""
        row = sa.and_(queue.c.id == read_lease(id)[0], queue.c.reason != "")
        return self._write(sa.update(queue).where(row).values(reason="", due_at=0.0, attempts=0)) == 1

    def waiting(self) -> int:
        """See `MailStore.waiting`."""
        rows = self._read(sa.select(sa.func.count()).select_from(queue).where(queue.c.reason == ""))
        return int(rows[0][0])

    def prune(self, now: float) -> None:
        """See `MailStore.prune`."""
        self._write(sa.delete(addresses).where(addresses.c.expires <= now))
        self._write(sa.delete(replies).where(replies.c.begun + REPLIES_KEPT <= now))
        self._write(sa.delete(quotas).where(quotas.c.hour < int(now // QUOTA_WINDOW)))

    def _of_this_process(self) -> sa.Engine:
        # Connections from before a fork are the parent's: two processes on one would read each other's rows.
        if self._process != os.getpid():
            self._engine.dispose(close=False)
            self._process = os.getpid()
        return self._engine

    def _read(self, query: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        with self._of_this_process().connect() as connection:
            return connection.execute(query).all()

    def _write(self, change: sa.Executable) -> int:
        """Rows that it changed."""
        with self._of_this_process().begin() as connection:
            return int(connection.execute(change).rowcount)

    def _inserted(self, table: sa.Table, **values: Any) -> bool:
        """Whether the row is new."""
        try:
            self._write(sa.insert(table).values(**values))
        except IntegrityError:
            return False
        return True

    def _lease(self, connection: sa.Connection, row: int, attempts: int, now: float) -> bool:
        taken = (
            sa.update(queue)
            .where(
                queue.c.id == row, queue.c.attempts == attempts, queue.c.due_at <= now, queue.c.reason == ""
            )
            .values(attempts=attempts + 1, due_at=now + LEASE)
        )
        return connection.execute(taken).rowcount == 1

    def _set_aside_copy(
        self, connection: sa.Connection, row: int, recipients: Sequence[str], why: str
    ) -> None:
        kept = connection.execute(sa.select(queue).where(queue.c.id == row)).one()._asdict()
        del kept["id"]
        kept.update(recipients=list(recipients), reason=why)
        connection.execute(sa.insert(queue).values(**kept))


def _message(row: sa.Row[Any]) -> QueuedMessage:
    return QueuedMessage(
        id=lease_of(row.id, row.attempts),
        message=row.message,
        sender=row.sender,
        recipients=tuple(row.recipients),
        service=row.service,
        attempts=row.attempts,
        reason=row.reason,
    )
