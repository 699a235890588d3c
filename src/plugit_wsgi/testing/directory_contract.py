"""What every directory does, wherever it keeps its people: a suite to inherit from.

::

    class TestStaticDirectory(DirectoryContract):
        def make_directory(self, people, clock):
            return StaticDirectory.from_people(people, clock=clock)
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Final

import pytest

from ..clock import Clock
from ..directory import People
from ..interfaces import Directory
from ..people import NO_RIGHTS, Membership, Organization, Plan, Rights, Subscription, User
from .clock import FakeClock

__all__ = ["MIDNIGHT", "ORGANIZATIONS", "PEOPLE", "USERS", "DirectoryContract"]

RADIO: Final = Organization("3", "Radio", "chradio")
FILM: Final = Organization("film", "Film & Ton", "")
EMPTY: Final = Organization("9", "Nobody's")
ORGANIZATIONS: Final = (RADIO, FILM, EMPTY)
"""All organizations; `EMPTY` has no members."""

ZOE: Final = User(
    "7",
    "zoe",
    "Zoë",
    "Müller",
    "zoe@example.org",
    memberships=(Membership(RADIO, admin=True), Membership(FILM)),
    groups=("editors", "testers"),
)
YAN: Final = User("yan@example.org", "yan", memberships=(Membership(FILM, admin=False, member=False),))
ADA: Final = User("8", "ada")
USERS: Final = (ZOE, YAN, ADA)
"""Everybody."""

NOON: Final = datetime(2027, 1, 15, 12, tzinfo=timezone.utc)
"""When the tests begin."""
MIDNIGHT: Final = datetime(2027, 1, 16, tzinfo=timezone.utc)

_GOLD: Final = Plan(id="gold", labels=("gold", "early"), services=("polls",))
_SILVER: Final = Plan(id="silver", labels=("silver",), services=("notes",))
_HOUSE: Final = Plan(id="house", labels=("house",), services=("polls", "notes", "archive"))
_SITE: Final = Plan(id="site", labels=("site", "house"))

PEOPLE: Final = People(
    users=USERS,
    organizations=ORGANIZATIONS,
    rights={"polls": {"7": Rights(member=True), "8": Rights(member=True, admin=True)}},
    dated_subscriptions=(
        Subscription(plan=_GOLD, user_id="7"),
        Subscription(plan=_SILVER, user_id="8", valid_from=NOON, valid_until=MIDNIGHT),
        Subscription(plan=_GOLD, user_id="8", valid_until=NOON - timedelta(days=1)),
        Subscription(plan=_HOUSE, organization_id="3"),
        Subscription(plan=_SITE, organization_id="film", valid_from=MIDNIGHT),
    ),
    service_organizations={"archive": ("film", "9"), "closed": ()},
)
"""All that a directory of the contract knows. Nobody has rights on all services, or labels without a plan."""

_Told = tuple[Rights, tuple[str, ...], set[str]]
_NOBODY: Final[_Told] = (NO_RIGHTS, (), set())
_VISITORS: Final[dict[tuple[str | None, str], _Told]] = {
    ("7", "polls"): (Rights(member=True), ("3", "film"), {"gold", "early", "house"}),
    ("7", "notes"): (NO_RIGHTS, ("3", "film"), {"house"}),
    ("7", "archive"): (NO_RIGHTS, ("film",), set()),
    ("7", "closed"): (NO_RIGHTS, (), set()),
    ("7", "unheard-of"): (NO_RIGHTS, ("3", "film"), set()),
    ("8", "polls"): (Rights(member=True, admin=True), (), set()),
    ("8", "notes"): (NO_RIGHTS, (), {"silver"}),
    ("yan@example.org", "polls"): (NO_RIGHTS, ("film",), set()),
    ("yan@example.org", "closed"): _NOBODY,
    ("nobody", "polls"): _NOBODY,
    ("", "polls"): _NOBODY,
    (None, "polls"): _NOBODY,
}
_STRANGERS = ["nobody", "", "07", "7 ", "%", "7\0", "' OR 1=1 --", "\ud800", "7" * 5000]


class DirectoryContract:
    """Inherit, and say how a directory with the people of this module is made."""

    def make_directory(self, people: People, clock: Clock) -> Directory:
        """A directory that knows these people, and nothing else.

        Args:
            people: always `PEOPLE`: users with memberships and groups, organizations, rights on single
                services, subscriptions of users and organizations, and the organizations of services.
            clock: decides which subscriptions are valid.
        """
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> FakeClock:
        """At noon."""
        return FakeClock(NOON.timestamp())

    @pytest.fixture
    def directory(self, clock: FakeClock) -> Directory:
        """The one that is asked."""
        return self.make_directory(PEOPLE, clock)

    @pytest.mark.parametrize(("user", "service"), _VISITORS)
    def test_visitor_is_all_a_page_needs(self, directory: Directory, user: str | None, service: str) -> None:
        """Rights count for the service they were given for; who is not known, or is nobody, has none."""
        assert _told(directory, user, service) == _VISITORS[user, service]

    def test_memberships_say_what_one_may_do(self, directory: Directory) -> None:
        """An administrator, a member, one who only looks in; in their order, the first is the default."""
        assert tuple(directory.visitor("7", "polls")[1]) == (Membership(RADIO, admin=True), Membership(FILM))
        assert tuple(directory.visitor("yan@example.org", "polls")[1]) == (
            Membership(FILM, admin=False, member=False),
        )

    def test_a_subscription_ends_and_another_begins_at_midnight(
        self, directory: Directory, clock: FakeClock
    ) -> None:
        """To the second, also for who was asked for a moment before; a beginning counts, an end does not."""
        clock.advance((MIDNIGHT - NOON).total_seconds() - 1)
        assert list(directory.subscription_labels("8", "notes")) == ["silver"]
        assert _told(directory, "8", "notes")[2] == {"silver"}
        assert _told(directory, "7", "unheard-of")[2] == set()
        clock.advance(1)
        assert list(directory.subscription_labels("8", "notes")) == []
        assert _told(directory, "8", "notes")[2] == set()
        assert _told(directory, "7", "unheard-of")[2] == {"site", "house"}

    def test_a_subscription_counts_from_its_first_moment(
        self, directory: Directory, clock: FakeClock
    ) -> None:
        """A second before it does not."""
        clock.advance(-1)
        assert list(directory.subscription_labels("8", "notes")) == []

    def test_labels_of_an_organization_are_those_of_its_members(
        self, directory: Directory, clock: FakeClock
    ) -> None:
        """Not of one who only looks in; each label once, and only where the organization may be."""
        clock.advance((MIDNIGHT - NOON).total_seconds())
        assert _told(directory, "yan@example.org", "polls")[2] == set()
        labels = list(directory.subscription_labels("7", "polls"))
        assert sorted(labels) == ["early", "gold", "house", "site"]
        assert _told(directory, "7", "closed")[2] == set()

    @pytest.mark.parametrize("user", USERS, ids=lambda user: user.username)
    def test_user_has_the_fields_that_services_ask_for(self, directory: Directory, user: User) -> None:
        """Also those that are not ASCII."""
        found = directory.user(user.id)
        assert found is not None
        names = ("id", "username", "first_name", "last_name", "email")
        assert [getattr(found, name) for name in names] == [getattr(user, name) for name in names]

    @pytest.mark.parametrize("user_id", _STRANGERS, ids=ascii)
    def test_user_that_is_not_there_is_none(self, directory: Directory, user_id: str) -> None:
        """Ids are text and compared as they are, whatever is in them; the same of organizations."""
        assert directory.user(user_id) is None
        assert _told(directory, user_id, "polls") == _NOBODY
        assert list(directory.groups(user_id)) == []
        assert list(directory.subscription_labels(user_id, "polls")) == []
        assert directory.organization(user_id) is None

    @pytest.mark.parametrize("organization", ORGANIZATIONS, ids=lambda item: item.name)
    def test_organization_by_id(self, directory: Directory, organization: Organization) -> None:
        """Also one without members."""
        assert directory.organization(organization.id) == organization

    def test_organization_that_is_not_there_is_none(self, directory: Directory) -> None:
        """No error: a service may ask for anything."""
        assert directory.organization("nothing") is None

    @pytest.mark.parametrize(
        ("service", "ids"),
        [("polls", ["3", "9", "film"]), ("archive", ["9", "film"]), ("closed", [])],
    )
    def test_organizations_are_those_that_may_use_the_service(
        self, directory: Directory, service: str, ids: list[str]
    ) -> None:
        """All where nothing is said, each once."""
        found = sorted(directory.organizations(service), key=lambda item: item.id)
        assert found == [item for item in sorted(ORGANIZATIONS, key=lambda item: item.id) if item.id in ids]

    @pytest.mark.parametrize(
        ("service", "members"), [("polls", ["7", "8"]), ("notes", []), ("unheard-of", [])]
    )
    def test_members_are_those_of_the_service(
        self, directory: Directory, service: str, members: list[str]
    ) -> None:
        """A member of one service is none of another."""
        assert sorted(user.id for user in directory.members(service)) == members

    @pytest.mark.parametrize(("user", "service"), [key for key in _VISITORS if key[0] is not None])
    def test_subscription_labels(self, directory: Directory, user: str, service: str) -> None:
        """The same that `visitor` says."""
        assert set(directory.subscription_labels(user, service)) == _VISITORS[user, service][2]

    @pytest.mark.parametrize(("user", "groups"), [("7", ["editors", "testers"]), ("8", []), ("nobody", [])])
    def test_groups(self, directory: Directory, user: str, groups: list[str]) -> None:
        """Whatever the service."""
        assert sorted(directory.groups(user)) == groups

    def test_threads_ask_at_the_same_time(self, directory: Directory) -> None:
        """Each gets the answer to its own question."""
        questions = [(user.id, service) for user in USERS for service in ("polls", "notes")]
        expected = {key: _VISITORS.get(key, (NO_RIGHTS, ("film",), set())) for key in questions}
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda key: (key, _told(directory, *key)), questions * 20))
        assert [found for found in answers if found[1] != expected[found[0]]] == []


def _told(directory: Directory, user: str | None, service: str) -> _Told:
    rights, memberships, labels = directory.visitor(user, service)
    assert len(set(labels)) == len(labels)
    return rights, tuple(item.organization.id for item in memberships), set(labels)
