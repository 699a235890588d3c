"""Where the notes are kept: one SQLite file, opened anew for every call, so that any thread may call."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA = """
    CREATE TABLE IF NOT EXISTS note (
        id INTEGER PRIMARY KEY, organization TEXT NOT NULL, text TEXT NOT NULL, author TEXT NOT NULL,
        written TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M', 'now'))
    )
"""


class NoteStore:
    """The notes of all organizations in one SQLite file. Thread-safe.

    Every method wants the organization, so that no query can forget it.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def newest(self, organization: str, limit: int = 100) -> list[dict[str, object]]:
        query = "SELECT id, text, author, written FROM note WHERE organization = ? ORDER BY id DESC LIMIT ?"
        with self._open() as db:
            return [dict(row) for row in db.execute(query, (organization, limit))]

    def add(self, organization: str, text: str, author: str) -> None:
        query = "INSERT INTO note (organization, text, author) VALUES (?, ?, ?)"
        with self._open() as db:
            db.execute(query, (organization, text, author))

    def delete(self, organization: str, note: int) -> bool:
        """False if this organization has no such note: a URL can name the note of another one."""
        if not 0 < note < 2**63:  # more than SQLite can hold
            return False
        query = "DELETE FROM note WHERE organization = ? AND id = ?"
        with self._open() as db:
            return db.execute(query, (organization, note)).rowcount == 1

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._path, timeout=10)
        db.row_factory = sqlite3.Row
        try:
            db.execute(SCHEMA)
            with db:  # commits, or rolls back when an exception passes
                yield db
        finally:
            db.close()
