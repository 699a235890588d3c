"""Where polls and votes are kept: one SQLite file.

Every call opens the file anew, works in one transaction and closes it, so that any number of threads and
processes can vote at once. Nothing in here knows about the protocol.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMENTS = (
    "CREATE TABLE comment (poll INTEGER NOT NULL REFERENCES poll (id), author TEXT NOT NULL,"
    " text TEXT NOT NULL, created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),"
    " UNIQUE (poll, author, text))"
)
SCHEMA = (
    "CREATE TABLE poll (id INTEGER PRIMARY KEY, title TEXT NOT NULL, description TEXT NOT NULL,"
    " author TEXT NOT NULL, created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')))",
    "CREATE TABLE response (poll INTEGER NOT NULL REFERENCES poll (id), number INTEGER NOT NULL,"
    " text TEXT NOT NULL, PRIMARY KEY (poll, number))",
    # One vote per user and poll is the primary key's business, not that of any code that could forget it.
    "CREATE TABLE vote (poll INTEGER NOT NULL, user TEXT NOT NULL, username TEXT NOT NULL,"
    " response INTEGER NOT NULL, PRIMARY KEY (poll, user),"
    " FOREIGN KEY (poll, response) REFERENCES response (poll, number))",
    "CREATE TABLE illustration (poll INTEGER PRIMARY KEY REFERENCES poll (id), mimetype TEXT NOT NULL,"
    " content BLOB NOT NULL)",
    # The same words of the same person twice are one comment.
    COMMENTS,
    "PRAGMA user_version = 2",
)

RESPONSES = """
    SELECT response.poll, response.number, response.text, COUNT(vote.user) AS votes
    FROM response LEFT JOIN vote ON vote.poll = response.poll AND vote.response = response.number
    WHERE response.poll IN ({which}) GROUP BY response.poll, response.number
"""
POLLS = """
    SELECT poll.*, illustration.poll IS NOT NULL AS illustrated
    FROM poll LEFT JOIN illustration ON illustration.poll = poll.id
    WHERE poll.id IN ({which}) ORDER BY poll.id DESC
"""
VOTE = """
    INSERT INTO vote (poll, user, username, response)
    SELECT poll, :user, :username, number FROM response WHERE poll = :poll AND number = :response
    ON CONFLICT (poll, user) DO UPDATE SET response = excluded.response, username = excluded.username
"""


@dataclass(frozen=True)
class Response:
    """One of the things a poll can be answered with. `share` is in percent of all votes."""

    number: int
    text: str
    votes: int
    share: int


@dataclass(frozen=True)
class Poll:
    """A question, its responses and how many chose each. `created` is ISO 8601, UTC."""

    id: int
    title: str
    description: str
    author: str
    created: str
    illustrated: bool
    votes: int
    responses: tuple[Response, ...]


@dataclass(frozen=True)
class Vote:
    """Who chose what."""

    user: str
    username: str
    response: str


@dataclass(frozen=True)
class Comment:
    """What somebody wrote about a poll. `created` is ISO 8601, UTC."""

    author: str
    text: str
    created: str


@dataclass(frozen=True)
class Illustration:
    """A picture that was uploaded for a poll."""

    mimetype: str
    content: bytes


@dataclass(frozen=True)
class Draft:
    """A poll that is about to be created."""

    title: str
    description: str = ""
    responses: Sequence[str] = ()
    illustration: Illustration | None = None


class PollStore:
    """The polls in one SQLite file. Thread-safe.

    Args:
        path: the file; it and its folder are made at the first call.
        samples: polls to begin with, each with the names of those who chose the first, second, ... response.
    """

    def __init__(self, path: str, samples: Sequence[tuple[Draft, Sequence[Sequence[str]]]] = ()) -> None:
        self._path = Path(path)
        self._samples = samples
        self._ready = False
        self._lock = threading.Lock()

    def newest(self, limit: int = 100) -> list[Poll]:
        """The newest polls, the newest first."""
        with self._open() as db:
            return _load(db, "SELECT id FROM poll ORDER BY id DESC LIMIT ?", limit)

    def find(self, poll: int) -> Poll | None:
        """One poll, or None."""
        with self._open() as db:
            found = _load(db, "SELECT id FROM poll WHERE id = ?", storable(poll))
        return found[0] if found else None

    def create(self, draft: Draft, author: str) -> int:
        """Add a poll; the answer is its id."""
        with self._open("IMMEDIATE") as db:
            return _insert(db, draft, author)

    def vote(self, poll: int, response: int, *, user: str, username: str) -> bool:
        """Count a vote, in place of the one this user gave before. False if there is no such response."""
        with self._open("IMMEDIATE") as db:
            return _vote(db, storable(poll), storable(response), user=user, username=username)

    def choice(self, poll: int, user: str) -> int | None:
        """The number of the response that a user chose, or None."""
        query = "SELECT response FROM vote WHERE poll = ? AND user = ?"
        with self._open() as db:
            row = db.execute(query, (storable(poll), user)).fetchone()
        return row["response"] if row else None

    def votes(self, poll: int) -> list[Vote]:
        """Who chose what, by name."""
        query = (
            "SELECT vote.user, vote.username, response.text AS response FROM vote JOIN response"
            " ON response.poll = vote.poll AND response.number = vote.response"
            " WHERE vote.poll = ? ORDER BY vote.username COLLATE NOCASE, vote.user"
        )
        with self._open() as db:
            return [Vote(**row) for row in db.execute(query, (storable(poll),))]

    def comment(self, poll: int, *, author: str, text: str) -> None:
        """Add a comment, unless it is there; to a poll that is not there, none."""
        query = "INSERT OR IGNORE INTO comment (poll, author, text) SELECT id, ?, ? FROM poll WHERE id = ?"
        with self._open("IMMEDIATE") as db:
            db.execute(query, (author, text, storable(poll)))

    def comments(self, poll: int) -> list[Comment]:
        """Of a poll, the oldest first."""
        query = "SELECT author, text, created FROM comment WHERE poll = ? ORDER BY rowid"
        with self._open() as db:
            return [Comment(**row) for row in db.execute(query, (storable(poll),))]

    def illustration(self, poll: int) -> Illustration | None:
        """The picture of a poll, or None."""
        query = "SELECT mimetype, content FROM illustration WHERE poll = ?"
        with self._open() as db:
            row = db.execute(query, (storable(poll),)).fetchone()
        return Illustration(**row) if row else None

    @contextmanager
    def _open(self, kind: str = "DEFERRED") -> Iterator[sqlite3.Connection]:
        self._prepare()
        with self._transaction(kind) as db:
            yield db

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        # A writer asks for the file at once (IMMEDIATE) and waits its turn: two readers who both want to
        # write at the end would be told "database is locked" instead.
        db = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        db.row_factory = sqlite3.Row
        try:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute(f"BEGIN {kind}")
            with db:  # commits, or rolls back what an exception left half done
                yield db
        finally:
            db.close()

    def _prepare(self) -> None:
        with self._lock:
            if self._ready:
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._transaction("IMMEDIATE") as db:
                version = db.execute("PRAGMA user_version").fetchone()[0]
                if version == 0:
                    _fill(db, self._samples)
                elif version == 1:  # made before there were comments
                    db.execute(COMMENTS)
                    db.execute("PRAGMA user_version = 2")
            self._ready = True


def storable(number: int) -> int:
    """The number, or 0, which is never found, for one that SQLite can not hold: a URL can name any."""
    return number if number < 2**63 else 0


def _load(db: sqlite3.Connection, which: str, value: int) -> list[Poll]:
    responses: dict[int, list[sqlite3.Row]] = {}
    for row in db.execute(RESPONSES.format(which=which), (value,)):
        responses.setdefault(row["poll"], []).append(row)
    polls = db.execute(POLLS.format(which=which), (value,))
    return [_poll(row, responses.get(row["id"], [])) for row in polls]


def _poll(row: sqlite3.Row, responses: Sequence[sqlite3.Row]) -> Poll:
    total = sum(each["votes"] for each in responses)
    shares = [round(100 * each["votes"] / total) if total else 0 for each in responses]
    return Poll(
        id=row["id"],
        title=row["title"],
        description=row["description"],
        author=row["author"],
        created=row["created"],
        illustrated=bool(row["illustrated"]),
        votes=total,
        responses=tuple(
            Response(each["number"], each["text"], each["votes"], share)
            for each, share in zip(responses, shares, strict=True)
        ),
    )


def _insert(db: sqlite3.Connection, draft: Draft, author: str) -> int:
    query = "INSERT INTO poll (title, description, author) VALUES (?, ?, ?)"
    poll = db.execute(query, (draft.title, draft.description, author)).lastrowid
    assert poll is not None
    rows = [(poll, number, text) for number, text in enumerate(draft.responses, start=1)]
    db.executemany("INSERT INTO response (poll, number, text) VALUES (?, ?, ?)", rows)
    if draft.illustration:
        picture = (poll, draft.illustration.mimetype, draft.illustration.content)
        db.execute("INSERT INTO illustration (poll, mimetype, content) VALUES (?, ?, ?)", picture)
    return poll


def _vote(db: sqlite3.Connection, poll: int, response: int, *, user: str, username: str) -> bool:
    values = {"poll": poll, "response": response, "user": user, "username": username}
    return db.execute(VOTE, values).rowcount == 1


def _fill(db: sqlite3.Connection, samples: Sequence[tuple[Draft, Sequence[Sequence[str]]]]) -> None:
    for statement in SCHEMA:
        db.execute(statement)
    for draft, voters in samples:
        poll = _insert(db, draft, "")
        for number, names in enumerate(voters, start=1):
            for name in names:
                _vote(db, poll, number, user=f"sample-{name}", username=name)
