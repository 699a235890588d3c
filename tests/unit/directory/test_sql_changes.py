"""SqlDirectory: changes, all of them or none, while others ask."""

from __future__ import annotations

import threading
from datetime import timedelta, timezone

import pytest
from tests.unit.directory.conftest import NOWHERE, OpenDirectory, put_all

from plugit_wsgi.directory import People, StaticDirectory
from plugit_wsgi.directory.sql import SqlDirectory
from plugit_wsgi.errors import ConfigError, DatabaseError
from plugit_wsgi.people import NO_RIGHTS, Membership, Organization, Plan, Rights, Subscription, User
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.testing.directory_contract import FILM, MIDNIGHT, NOON, PEOPLE


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
    assert directory.visitor("7", "polls") == (Rights(member=True), (Membership(FILM),), ())
    assert directory.groups("7") == ("editors",)
    assert [user.id for user in directory.members("polls")] == ["7"]


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


def test_what_is_saved_takes_the_place_of_all_that_was_said(directory: SqlDirectory) -> None:
    """A file that says less than before takes rights, groups, memberships and subscriptions away."""
    directory.save(People(users=(User("7", "zoe"),), organizations=(Organization("film", "Film"),)))
    assert directory.visitor("7", "polls") == (NO_RIGHTS, (), ())
    assert directory.groups("7") == ()
    with directory.change() as change:
        change.put_user(User("7", memberships=(Membership(Organization("film")),)))
    assert directory.visitor("7", "x")[1:] == ((Membership(Organization("film", "Film")),), ())


def test_memberships_keep_their_order(directory: SqlDirectory) -> None:
    """The first one is where a visitor begins."""
    for order in (("film", "9", "3"), ("9", "3", "film")):
        organizations = [organization for id in order if (organization := directory.organization(id))]
        put_all(directory, User("7", memberships=tuple(Membership(item) for item in organizations)))
        assert tuple(item.organization.id for item in directory.visitor("7", "polls")[1]) == order


def test_a_moment_is_the_same_in_every_time_zone(
    url: str, clock: FakeClock, open_directory: OpenDirectory
) -> None:
    """SQLite keeps none: it is kept in UTC."""
    india = timezone(timedelta(hours=5, minutes=30))
    plan, end = Plan(id="gold", labels=("gold",)), NOON + timedelta(hours=1)
    directory = open_directory(url, clock=clock)
    directory.save(
        People(
            users=(User("1"),),
            dated_subscriptions=(
                Subscription(
                    plan=plan,
                    user_id="1",
                    valid_from=NOON.astimezone(india),
                    valid_until=end.astimezone(india),
                ),
            ),
        )
    )
    assert directory.subscription_labels("1", "x") == ("gold",)
    clock.advance(-1)
    assert directory.subscription_labels("1", "x") == ()
    clock.advance(3600)
    assert directory.subscription_labels("1", "x") == ("gold",)
    clock.advance(1)
    assert directory.subscription_labels("1", "x") == ()


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
