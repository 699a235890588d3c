"""SqlDirectory: the contract on SQLite and on PostgreSQL, what it asks, and what it keeps for how long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from tests.unit.directory.conftest import OpenDirectory, put_all

from plugit_wsgi.clock import Clock
from plugit_wsgi.config import Service
from plugit_wsgi.directory import People, StaticDirectory
from plugit_wsgi.directory.lookups import MOST
from plugit_wsgi.directory.sql import SqlDirectory
from plugit_wsgi.errors import MailRefused
from plugit_wsgi.hostapi.mail import Mail
from plugit_wsgi.hostapi.mail_form import check_recipients
from plugit_wsgi.interfaces import BatchDirectory, Directory
from plugit_wsgi.people import NO_RIGHTS, Organization, Rights, User
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.directory_contract import MIDNIGHT, NOON, PEOPLE, DirectoryContract


class SqlContract(DirectoryContract):
    """On a database that the fixture of a subclass chooses; it has the people already."""

    _open: OpenDirectory
    _url: str

    def make_directory(self, people: People, clock: Clock) -> Directory:
        assert people == PEOPLE
        return self._open(self._url, clock=clock)


class TestSqlite(SqlContract):
    """In a file."""

    @pytest.fixture(autouse=True)
    def _database(self, filled_file: str, open_directory: OpenDirectory) -> None:
        self._url, self._open = filled_file, open_directory


class TestPostgresql(SqlContract):
    """On a real server."""

    @pytest.fixture(autouse=True)
    def _database(self, filled_database: str, open_directory: OpenDirectory) -> None:
        self._url, self._open = filled_database, open_directory


@contextmanager
def counted() -> Iterator[list[str]]:
    """Statements of all engines, but for what begins a transaction."""
    seen: list[str] = []

    def see(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", see)
    yield seen
    event.remove(Engine, "before_cursor_execute", see)


def test_a_visitor_is_one_query_and_the_first_of_a_process_two(directory: SqlDirectory) -> None:
    """The first one looks at the revision of the tables as well."""
    with counted() as seen:
        directory.visitor("7", "polls")
    assert len(seen) == 2
    with counted() as seen:
        directory.visitor("8", "polls")
    assert len(seen) == 1


def test_all_that_is_asked_of_one_user_is_one_query(directory: SqlDirectory) -> None:
    """On any service: a page with fragments of many asks once."""
    directory.organization("3")
    with counted() as seen:
        for service in ("polls", "notes", "archive"):
            directory.visitor("7", service)
            directory.subscription_labels("7", service)
        directory.user("7")
        directory.groups("7")
    assert len(seen) == 1


def test_who_is_nobody_costs_no_query(directory: SqlDirectory) -> None:
    """Neither does an id that nobody can have."""
    with counted() as seen:
        directory.visitor(None, "polls")
        directory.visitor("x" * 5000, "polls")
        directory.organization("\0")
    assert seen == []


def test_lists_of_users_are_asked_at_once(url: str, clock: FakeClock, open_directory: OpenDirectory) -> None:
    """Members, their rights and groups: not a query for each."""
    everybody = tuple(User(str(number), member=True, groups=("all",)) for number in range(600))
    open_directory(url).save(People(users=everybody))
    directory = open_directory(url, clock=clock)
    directory.user("0")
    with counted() as seen:
        ids = [user.id for user in directory.members("polls")]
        told = directory.visitors([*ids, "nobody", "0"], "polls")
        groups = directory.groups_of([*ids, "nobody"])
    assert len(ids) == 600
    assert len(seen) == 3
    assert told == {**{key: (Rights(member=True), (), ()) for key in ids}, "nobody": (NO_RIGHTS, (), ())}
    assert groups == {**dict.fromkeys(ids, ("all",)), "nobody": ()}


def test_addresses_are_asked_at_once(url: str, clock: FakeClock, open_directory: OpenDirectory) -> None:
    """A mail to many is one query, which reads no more than addresses; those of members, in whatever case."""
    users = [User(str(number), email=f"{number}@Example.org", member=number != 7) for number in range(50)]
    directory = open_directory(url, clock=clock)
    put_all(directory, *users, User("50", member=True))
    recipients = tuple(f"{number}@example.ORG" for number in range(50))
    mail = Mail(service="polls", sender="", recipients=recipients, subject="", message="")
    with counted() as seen, pytest.raises(MailRefused, match="1 of 50"):
        check_recipients(mail, Service("polls", "http://127.0.0.1:1"), directory)
    assert (len(seen), "username" in seen[0]) == (1, False)
    assert not directory.knows_email("", "polls")
    with directory.change() as change:
        change.put_rights("7", "polls", Rights(member=True))
    check_recipients(mail, Service("polls", "http://127.0.0.1:1"), directory)
    with pytest.raises(MailRefused):
        check_recipients(mail, Service("notes", "http://127.0.0.1:1"), directory)


def test_the_lists_say_what_single_questions_say(directory: SqlDirectory) -> None:
    """For the people of the contract, with memberships and labels."""
    ids = ["8", "7", "nobody", "yan@example.org"]
    assert isinstance(directory, BatchDirectory)
    assert not isinstance(StaticDirectory(), BatchDirectory)
    assert dict(directory.visitors(ids, "polls")) == {key: directory.visitor(key, "polls") for key in ids}
    assert directory.visitors(ids, "polls")["7"][2] == ("gold", "early", "house")
    assert dict(directory.groups_of(ids)) == {key: directory.groups(key) for key in ids}


def test_look_ups_are_kept_for_their_age(url: str, clock: FakeClock, open_directory: OpenDirectory) -> None:
    """Then what another process changed is seen; also who was not there, and an organization."""
    directory, other = open_directory(url, clock=clock), open_directory(url, clock=clock)
    assert directory.user("9") is None
    assert directory.organization("9") is None
    with other.change() as change:
        change.put_user(User("9", "new"))
        change.put_organization(Organization("9", "new"))
    clock.advance(4.9)
    assert directory.user("9") is None
    assert directory.organization("9") is None
    clock.advance(0.2)
    assert getattr(directory.user("9"), "username", None) == "new"
    assert directory.organization("9") == Organization("9", "new")


def test_an_age_of_nothing_keeps_nothing(
    directory: SqlDirectory, url: str, open_directory: OpenDirectory
) -> None:
    """Each question is asked."""
    other = open_directory(url, lookups_age=0)
    other.user("7")
    with counted() as seen:
        other.user("7")
        other.user("7")
    assert len(seen) == 2


def test_own_changes_are_seen_at_once(directory: SqlDirectory) -> None:
    """An administrator looks at what was saved."""
    assert directory.visitor("7", "polls")[0] == Rights(member=True)
    with directory.change() as change:
        change.put_rights("7", "polls", Rights(admin=True))
    assert directory.visitor("7", "polls")[0] == Rights(admin=True)


def test_a_label_ends_at_midnight_though_it_is_kept(
    url: str, clock: FakeClock, open_directory: OpenDirectory
) -> None:
    """Look-ups are kept, and no query is made: the date is judged at each call."""
    open_directory(url).save(PEOPLE)
    directory = open_directory(url, clock=clock, lookups_age=1e6)
    assert directory.visitor("8", "notes")[2] == ("silver",)
    clock.advance((MIDNIGHT - NOON).total_seconds() - 0.001)
    with counted() as seen:
        assert directory.visitor("8", "notes")[2] == ("silver",)
        clock.advance(0.001)
        assert directory.visitor("8", "notes")[2] == ()
        assert directory.subscription_labels("8", "notes") == ()
        assert directory.visitors(["8"], "notes")["8"][2] == ()
    assert seen == []


def test_look_ups_are_bounded(sqlite_url: str, open_directory: OpenDirectory) -> None:
    """A service that asks for whoever takes no more memory than that."""
    directory = open_directory(sqlite_url)
    directory.visitors([str(number) for number in range(MOST + 1000)], "polls")
    assert len(directory._lookups) == MOST
