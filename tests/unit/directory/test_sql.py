"""SqlDirectory: the contract on SQLite and on PostgreSQL, what it asks, and what it keeps for how long."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, insert
from sqlalchemy.engine import Engine
from sqlalchemy.pool import StaticPool
from tests.support.postgres import PostgresServer
from tests.unit.directory.conftest import OpenDirectory

from plugit_wsgi.clock import Clock
from plugit_wsgi.directory import People, StaticDirectory
from plugit_wsgi.directory.lookups import MOST
from plugit_wsgi.directory.sql import SqlDirectory
from plugit_wsgi.directory.tables import metadata, users
from plugit_wsgi.errors import ConfigError, DatabaseError
from plugit_wsgi.interfaces import BatchDirectory, Directory
from plugit_wsgi.people import NO_RIGHTS, Membership, Organization, Plan, Rights, Subscription, User
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


@pytest.fixture
def clock() -> FakeClock:
    """At noon."""
    return FakeClock(NOON.timestamp())


@pytest.fixture
def directory(url: str, clock: FakeClock, open_directory: OpenDirectory) -> SqlDirectory:
    """With the people of the contract, on either database; nothing is kept yet."""
    open_directory(url).save(PEOPLE)
    return open_directory(url, clock=clock)


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


def test_threads_ask_and_change_at_the_same_time(url: str, open_directory: OpenDirectory) -> None:
    """Each reader sees all of a change or nothing of it; a writer does not stop readers."""
    directory = open_directory(url, lookups_age=0)
    both = (Rights(member=True), Rights(member=True, admin=True))
    radio = Organization("3", "Radio")

    def put(turn: int) -> None:
        with directory.change() as change:
            change.put_organization(radio)
            change.put_user(User("7", memberships=(Membership(radio, admin=bool(turn % 2)),)))
            change.put_rights("7", "polls", both[turn % 2])

    put(0)
    start, wrong = threading.Barrier(8), list[object]()

    def read() -> None:
        start.wait()
        for _ in range(25):
            rights, memberships, _labels = directory.visitor("7", "polls")
            if len(memberships) != 1 or memberships[0].admin != rights.admin or rights not in both:
                wrong.append((rights, memberships))

    def write() -> None:
        start.wait()
        for turn in range(10):
            put(turn)

    threads = [threading.Thread(target=read) for _ in range(7)] + [threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_two_who_write_at_the_same_time_take_turns(sqlite_url: str, open_directory: OpenDirectory) -> None:
    """SQLite has one writer; the other one waits for it and does not fail."""
    directory = open_directory(sqlite_url)
    start, failed = threading.Barrier(4), list[Exception]()

    def write(name: str) -> None:
        start.wait()
        try:
            for turn in range(5):
                with directory.change() as change:
                    change.put_user(User(f"{name}{turn}"))
        except DatabaseError as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(directory.visitors([f"{name}{turn}" for name in "abcd" for turn in range(5)], "x")) == 20
    assert directory.user("d4") is not None


NOWHERE = User("8", "zoe@secret.example", memberships=(Membership(Organization("nowhere")),))


def put_all(directory: SqlDirectory, *people: User) -> None:
    with directory.change() as change:
        for user in people:
            change.put_user(user)


def give_up(directory: SqlDirectory) -> None:
    with directory.change() as change:
        change.remove_user("7")
        raise KeyError


def test_a_change_that_fails_changes_nothing(directory: SqlDirectory) -> None:
    """Whether the database refuses a part of it, or the block itself gives up."""
    with pytest.raises(DatabaseError):
        put_all(directory, User("new"), NOWHERE)
    with pytest.raises(KeyError):
        give_up(directory)
    assert directory.user("new") is None
    assert directory.user("7") is not None


def test_what_is_removed_takes_along_what_is_said_about_it(directory: SqlDirectory) -> None:
    """And nothing else; what is not there is no error."""
    with directory.change() as change:
        for _twice in range(2):
            change.remove_user("8")
            change.remove_organization("3")
            change.remove_group("testers")
            change.remove_plan("gold")
    assert directory.user("8") is None
    assert directory.organization("3") is None
    assert directory.visitor("7", "polls") == (Rights(member=True), (Membership(PEOPLE_FILM),), ())
    assert directory.groups("7") == ("editors",)
    assert [user.id for user in directory.members("polls")] == ["7"]


PEOPLE_FILM = Organization("film", "Film & Ton", "")


def test_changes_one_by_one(directory: SqlDirectory) -> None:
    """Rights fall back to the general ones, a subscription ends, a service is open to all again."""
    gold = Subscription(plan=Plan(id="gold", labels=("gold",), services=("polls",)), user_id="7")
    with directory.change() as change:
        change.put_user(User("7", "zoe", member=True, admin=True))
        change.put_rights("7", "polls", None)
        change.unsubscribe(gold)
        change.limit("closed", None)
        change.limit("archive", ["3"])
    assert directory.visitor("7", "polls") == (Rights(member=True, admin=True), (), ())
    assert [item.id for item in directory.organizations("closed")] == ["3", "9", "film"]
    assert [item.id for item in directory.organizations("archive")] == ["3"]
    with directory.change() as change:
        change.subscribe(gold)
    assert directory.visitor("7", "polls")[2] == ("gold",)


def test_people_are_saved_again_without_a_trace(directory: SqlDirectory, clock: FakeClock) -> None:
    """An import can be repeated; who is not in it stays."""
    directory.save(People(users=(User("other", "stays"),)))
    directory.save(PEOPLE)
    static = StaticDirectory.from_people(PEOPLE, clock=clock)
    for user in PEOPLE.users:
        for service in ("polls", "notes", "archive"):
            assert directory.visitor(user.id, service) == static.visitor(user.id, service)
    assert directory.user("other") == User("other", "stays")


def test_labels_without_a_plan_get_one(directory: SqlDirectory) -> None:
    """So any file of a StaticDirectory can be imported, but for labels that a service takes away."""
    user = User("1", "one", subscription_labels=("gold",), extra={"phone": "123", "tags": [1, None]})
    directory.save(People(users=(user,), subscriptions={"polls": {"1": ("gold", "early")}}))
    assert directory.visitor("1", "notes")[2] == ("gold",)
    assert set(directory.visitor("1", "polls")[2]) == {"gold", "early"}
    found = directory.user("1")
    assert found is not None
    assert found.extra == {"phone": "123", "tags": [1, None]}
    with pytest.raises(ConfigError, match=r"subscriptions\.polls of user 1"):
        directory.save(People(users=(user,), subscriptions={"polls": {"1": ()}}))


@pytest.mark.parametrize(
    ("user", "field"),
    [
        (User("x" * 256), "plugit_users.id"),
        (User("a\0b"), "plugit_users.id"),
        (User("1", groups=("",)), "plugit_groups.name"),
        (User("1", subscription_labels=("gold",)), "User.subscription_labels"),
        (User("1", extra={"since": MIDNIGHT}), "extra of user 1"),
    ],
)
def test_what_a_database_cannot_hold_is_refused(sqlite_url: str, user: User, field: str) -> None:
    """By name, before a database says it in its own words, or cuts it off."""
    directory = SqlDirectory(sqlite_url)
    with pytest.raises(ConfigError) as caught:
        put_all(directory, user)
    directory.close()
    assert caught.value.field == field


def test_memory_is_a_database_too(open_directory: OpenDirectory) -> None:
    """An engine of the host's is used as it is; here one that keeps everything in one connection."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    directory = open_directory(engine)
    with pytest.raises(DatabaseError, match="no tables"):
        directory.user("7")
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.exec_driver_sql("CREATE TABLE plugit_revision (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO plugit_revision VALUES ('0001')")
    directory.save(PEOPLE)
    assert directory.visitor("7", "polls")[0] == Rights(member=True)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_database_without_tables_names_the_command(
    request: pytest.FixtureRequest, tmp_path: Path, open_directory: OpenDirectory, kind: str
) -> None:
    """At the first call, and no file is made."""
    url = f"sqlite:///{tmp_path}/people.sqlite3"
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").create_database()
    directory = open_directory(url)
    for _again in range(2):
        with pytest.raises(DatabaseError, match="run: plugit-wsgi db upgrade"):
            directory.visitor("7", "polls")
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_revision_names_both(url: str, open_directory: OpenDirectory) -> None:
    """Also of a newer one; a change is refused as well."""
    directory = open_directory(url)
    try:
        with directory._database.transaction() as connection:
            connection.exec_driver_sql("UPDATE plugit_revision SET version_num = '9999'")
        with pytest.raises(DatabaseError, match="revision 9999, expected 0001"):
            directory.user("7")
        with pytest.raises(DatabaseError, match="9999"):
            directory.save(PEOPLE)
    finally:
        with directory._database.transaction() as connection:
            connection.exec_driver_sql("UPDATE plugit_revision SET version_num = '0001'")
    assert directory.user("7") is None


@pytest.mark.parametrize(
    "given", ["nonsense", "mysterydb://user:secret@host/x", "postgresql+no:secret", "", None, 7]
)
def test_what_is_no_database_is_refused_at_start(given: object, open_directory: OpenDirectory) -> None:
    """Without the password that may be in it."""
    with pytest.raises(ConfigError) as caught:
        open_directory(given)
    assert caught.value.field == "url"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("age", [-1, float("inf"), float("nan"), "5", True])
def test_an_age_that_is_none_is_refused(age: object, open_directory: OpenDirectory) -> None:
    """By name."""
    with pytest.raises(ConfigError, match="lookups_age"):
        open_directory("sqlite://", lookups_age=age)


def test_a_server_that_is_away_is_an_error_with_its_cause(
    free_port: int, open_directory: OpenDirectory
) -> None:
    """Never "nobody", and without the password."""
    directory = open_directory(f"postgresql://zoe:secret@127.0.0.1:{free_port}/people")
    with pytest.raises(DatabaseError, match="OperationalError") as caught:
        directory.visitor("7", "polls")
    assert caught.value.__cause__ is not None
    assert "secret" not in str(caught.value)
    with pytest.raises(DatabaseError):
        directory.members("polls")
    with pytest.raises(DatabaseError):
        directory.organization("3")


def test_an_error_quotes_no_values(directory: SqlDirectory) -> None:
    """Logs show causes: names and addresses of people do not belong there."""
    with pytest.raises(DatabaseError) as caught:
        put_all(directory, NOWHERE)
    assert "secret.example" not in f"{caught.value} {caught.value.__cause__}"
    with (
        pytest.raises(DatabaseError) as caught,
        directory._database.writing() as connection,
    ):
        connection.execute(insert(users), {"id": "7", "username": "zoe@secret.example", "extra": {}})
    assert "secret.example" not in f"{caught.value} {caught.value.__cause__}"


def test_a_server_that_comes_back_is_asked_again(
    postgres: PostgresServer, postgres_url: str, open_directory: OpenDirectory
) -> None:
    """Connections that it dropped are tried before they are used: no visitor sees it."""
    directory = open_directory(postgres_url, lookups_age=0)
    directory.save(PEOPLE)
    assert directory.user("7") is not None
    postgres.drop_connections()
    assert directory.user("7") is not None


def test_nothing_is_opened_before_the_first_call(sqlite_url: str, open_directory: OpenDirectory) -> None:
    """A host may fork after import."""
    opened: list[object] = []
    directory = open_directory(sqlite_url)
    event.listen(directory._database.engine, "connect", lambda *given: opened.append(given))
    assert opened == []
    directory.user("7")
    assert len(opened) == 1


def _ask(directory: SqlDirectory, answers: multiprocessing.SimpleQueue[object]) -> None:
    backend = None
    if directory._database.engine.dialect.name == "postgresql":
        with directory._database.reading() as connection:
            backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    answers.put((directory.visitor("7", "polls"), backend))
    directory.close()
    os._exit(0)


def test_no_connection_is_shared_over_a_fork(url: str, open_directory: OpenDirectory) -> None:
    """Parent and children ask at the same time, each on a connection of its own."""
    directory = open_directory(url, lookups_age=0)
    directory.save(PEOPLE)
    expected = directory.visitor("7", "polls")
    answers: multiprocessing.SimpleQueue[object] = multiprocessing.SimpleQueue()
    children = [
        multiprocessing.get_context("fork").Process(target=_ask, args=(directory, answers)) for _ in range(3)
    ]
    for child in children:
        child.start()
    for _ in range(20):
        assert directory.visitor("7", "polls") == expected
    found = [answers.get() for _ in children]
    for child in children:
        child.join()
    assert [item[0] for item in found] == [expected] * 3  # type: ignore[index]
    if directory._database.engine.dialect.name == "postgresql":
        with directory._database.reading() as connection:
            own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        assert len({own, *(item[1] for item in found)}) == 4  # type: ignore[index]
