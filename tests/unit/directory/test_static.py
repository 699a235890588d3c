"""StaticDirectory: the contract, from values and from a file, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plugit_wsgi.clock import Clock
from plugit_wsgi.directory import People, StaticDirectory
from plugit_wsgi.directory.table import read_people
from plugit_wsgi.errors import ConfigError
from plugit_wsgi.interfaces import Directory
from plugit_wsgi.people import Membership, Organization, Plan, Rights, Subscription, User
from plugit_wsgi.testing.directory_contract import DirectoryContract

TOML = """
[[organizations]]
id = 3
name = "Radio"
codops = "chradio"

[[organizations]]
id = "film"
name = "Film & Ton"

[[organizations]]
id = "9"
name = "Nobody's"

[[users]]
id = 7
username = "zoe"
first_name = "Zoë"
last_name = "Müller"
email = "zoe@example.org"
groups = ["editors", "testers"]
organizations = [{id = 3, admin = true}, {id = "film"}]
rights.polls = {member = true}

[[users]]
id = "yan@example.org"
username = "yan"
organizations = [{id = "film", member = false}]

[[users]]
id = "8"
username = "ada"
rights.polls = {member = true, admin = true}

[[plans]]
id = "gold"
labels = ["gold", "early"]
services = ["polls"]

[[plans]]
id = "silver"
labels = ["silver"]
services = ["notes"]

[[plans]]
id = "house"
labels = ["house"]
services = ["polls", "notes", "archive"]

[[plans]]
id = "site"
labels = ["site", "house"]

[[subscriptions]]
plan = "gold"
user = 7

[[subscriptions]]
plan = "silver"
user = "8"
valid_from = 2027-01-15T13:00:00+01:00
valid_until = 2027-01-16

[[subscriptions]]
plan = "gold"
user = "8"
valid_until = 2027-01-14T12:00:00

[[subscriptions]]
plan = "house"
organization = 3

[[subscriptions]]
plan = "site"
organization = "film"
valid_from = 2027-01-16

[services.archive]
organizations = ["film", 9]

[services.closed]
organizations = []
"""


GOLD = """
[[users]]
id = 1
[[plans]]
id = "gold"
labels = ["gold"]
[[subscriptions]]
plan = "gold"
"""


class TestFromValues(DirectoryContract):
    """As Python builds it."""

    def make_directory(self, people: People, clock: Clock) -> Directory:
        return StaticDirectory.from_people(people, clock=clock)


class TestFromFile(DirectoryContract):
    """The same people, written in TOML."""

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self._path = tmp_path / "people.toml"
        self._path.write_text(TOML, encoding="utf-8")

    def make_directory(self, people: People, clock: Clock) -> Directory:
        assert read_people(self._path) == people
        return StaticDirectory.from_file(self._path, clock=clock)


def test_what_a_user_says_holds_where_nothing_else_is_said() -> None:
    """Rights and labels of a `User` are for every service; those for one service take their place."""
    ada = User("8", member=True, admin=True, subscription_labels=("gold",))
    directory = StaticDirectory([ada], rights={"polls": {"8": Rights()}}, subscriptions={"polls": {"8": ()}})
    assert directory.visitor("8", "notes") == (Rights(member=True, admin=True), (), ("gold",))
    assert directory.visitor("8", "polls") == (Rights(), (), ())
    assert [user.id for user in directory.members("notes")] == ["8"]


GOLD_PLAN = Plan(id="gold", labels=("gold",))


@pytest.mark.parametrize(
    ("people", "field"),
    [
        ({"service_organizations": {"polls": ["3"]}}, "service_organizations.polls"),
        ({"dated_subscriptions": [Subscription(plan=GOLD_PLAN, user_id="2")]}, "dated_subscriptions.user_id"),
        (
            {"dated_subscriptions": [Subscription(plan=GOLD_PLAN, organization_id="1")]},
            "dated_subscriptions.organization_id",
        ),
        (
            {
                "dated_subscriptions": [
                    Subscription(plan=GOLD_PLAN, user_id="1"),
                    Subscription(plan=Plan(id="gold", labels=()), user_id="1"),
                ]
            },
            "dated_subscriptions.plan",
        ),
    ],
)
def test_subscriptions_of_nobody_are_refused(people: dict[str, Any], field: str) -> None:
    """At construction, with the field; so is a plan that means two things."""
    with pytest.raises(ConfigError) as caught:
        StaticDirectory([User("1")], **people)
    assert caught.value.field == field


def test_nothing_changes_it() -> None:
    """What was given is copied."""
    rights = {"polls": {"8": Rights(member=True)}}
    directory = StaticDirectory([User("8")], rights=rights)
    rights["polls"]["8"] = Rights(member=True, admin=True)
    assert directory.visitor("8", "polls")[0] == Rights(member=True)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: StaticDirectory([User("1"), User("1", "other")]), "users"),
        (lambda: StaticDirectory([User("1")], rights={"polls": {"2": Rights()}}), "rights.polls"),
        (lambda: StaticDirectory([], subscriptions={"polls": {"2": ("x",)}}), "subscriptions.polls"),
        (
            lambda: StaticDirectory(organizations=[Organization("1", "a"), Organization("1", "b")]),
            "organizations",
        ),
        (
            lambda: StaticDirectory(
                [User("1", memberships=(Membership(Organization("1", "b")),))],
                organizations=[Organization("1", "a")],
            ),
            "organizations",
        ),
    ],
)
def test_people_that_contradict_each_other_are_refused(make: object, field: str) -> None:
    """At construction, with the field."""
    assert callable(make)
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("text", "field", "hint"),
    [
        ("[[user]]\nid = 1", "user", "did you mean 'users'"),
        ("[[users]]\nid = 1\nmembr = true", "users[0].membr", "did you mean 'member'"),
        ("[[organizations]]\nid = 1\ntitle = ''", "organizations[0].title", "a key that exists"),
        ("[[users]]\nid = 1\n[[users]]\nname = 'x'", "users[1].name", "did you mean 'username'"),
        ("[[users]]\nusername = 'x'", "users[0].id", "text or a whole number"),
        ("[[users]]\nid = true", "users[0].id", "text or a whole number"),
        ("[[users]]\nid = 1\nmember = 'yes'", "users[0].member", "true or false"),
        ("[[users]]\nid = 1\nemail = 3", "users[0].email", "text"),
        ("[[users]]\nid = 1\ngroups = 'a'", "users[0].groups", "a list of texts"),
        ("[[users]]\nid = 1\ngroups = [1]", "users[0].groups", "a list of texts"),
        ("[[users]]\nid = 1\nrights.x = {reader = true}", "users[0].rights.x.reader", "a key that exists"),
        ("[[users]]\nid = 1\nrights = 1", "users[0].rights", "a table"),
        ("[[users]]\nid = 1\nrights.polls = true", "users[0].rights.polls", "a table"),
        ("[[users]]\nid = 1\nsubscriptions.polls = 'x'", "users[0].subscriptions.polls", "a list of texts"),
        ("[[users]]\nid = 1\norganizations = ['3']", "users[0].organizations[0]", "a table"),
        ("[[users]]\nid = 1\norganizations = [{id = 3}]", "users[0].organizations[0].id", "id of one"),
        ("users = 3", "users", "a list of tables"),
        ("[[plans]]\nid = 'a'", "plans[0].labels", "a list of texts"),
        ("[[plans]]\nid = 'a'\nlabels = []\n[[plans]]\nid = 'a'\nlabels = []", "plans[1].id", "of its own"),
        (GOLD, "subscriptions[0]", "either a user or an organization"),
        (f"{GOLD}user = 1\norganization = 3", "subscriptions[0]", "either a user or an organization"),
        (f"{GOLD}user = 2", "subscriptions[0].user", "one of the [[users]]"),
        (f"{GOLD}organization = 3", "subscriptions[0].organization", "one of the [[organizations]]"),
        (f"{GOLD}user = 1\nvalid_till = 3", "subscriptions[0].valid_till", "did you mean 'valid_until'"),
        (f"{GOLD}user = 1\nvalid_until = '2027-01-16'", "subscriptions[0].valid_until", "without quotes"),
        (f"{GOLD}user = 1\nvalid_until = 12:00:00", "subscriptions[0].valid_until", "a date"),
        (
            f"{GOLD}user = 1\nvalid_from = 2027-01-16\nvalid_until = 2027-01-16T00:00:00Z",
            "subscriptions[0].valid_until",
            "later than valid_from",
        ),
        ("[[users]]\nid = 1\n[[subscriptions]]\nuser = 1\nplan = 'x'", "subscriptions[0].plan", "[[plans]]"),
        ("[services.polls]", "services.polls.organizations", "a list of ids"),
        ("[services.polls]\norganizations = [3]", "services.polls.organizations", "[[organizations]]"),
        ("= nonsense", "file", "a TOML file that can be read"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, text: str, field: str, hint: str) -> None:
    """Every key is known, or named; the nearest right one too."""
    path = tmp_path / "people.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        StaticDirectory.from_file(path)
    assert caught.value.field == field
    assert hint in caught.value.expected


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With its path."""
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        StaticDirectory.from_file(tmp_path / "nowhere.toml")


def test_extra_fields_come_from_the_file(tmp_path: Path) -> None:
    """For mounts whose user_fields name them."""
    path = tmp_path / "people.toml"
    path.write_text("[[users]]\nid = 1\nextra = {phone = '123'}\n", encoding="utf-8")
    user = StaticDirectory.from_file(path).user("1")
    assert user is not None
    assert user.extra == {"phone": "123"}
