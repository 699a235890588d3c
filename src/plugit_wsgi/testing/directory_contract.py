"""What every directory does, wherever it keeps its people: a suite to inherit from.

::

    class TestStaticDirectory(DirectoryContract):
        def make_directory(self):
            return StaticDirectory(USERS, organizations=ORGANIZATIONS, rights=RIGHTS, subscriptions=LABELS)
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from ..interfaces import Directory
from ..people import NO_RIGHTS, Membership, Organization, Rights, User

__all__ = ["LABELS", "ORGANIZATIONS", "RIGHTS", "USERS", "DirectoryContract"]

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
"""Everybody. They have no rights and no labels but those of `RIGHTS` and `LABELS`."""

RIGHTS: Final = {"polls": {"7": Rights(member=True), "8": Rights(member=True, admin=True)}}
"""Service -> user -> rights."""

LABELS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "polls": {"7": ("gold", "early")},
    "notes": {"8": ("silver",)},
}
"""Service -> user -> labels of subscriptions."""

_VISITORS = [
    ("7", "polls", Rights(member=True), ("3", "film"), ("gold", "early")),
    ("7", "notes", NO_RIGHTS, ("3", "film"), ()),
    ("8", "polls", Rights(member=True, admin=True), (), ()),
    ("8", "notes", NO_RIGHTS, (), ("silver",)),
    ("yan@example.org", "polls", NO_RIGHTS, ("film",), ()),
    ("yan@example.org", "notes", NO_RIGHTS, ("film",), ()),
    ("nobody", "polls", NO_RIGHTS, (), ()),
    ("", "polls", NO_RIGHTS, (), ()),
    ("7", "unheard-of", NO_RIGHTS, ("3", "film"), ()),
    (None, "polls", NO_RIGHTS, (), ()),
]


class DirectoryContract:
    """Inherit, and say how a directory with the people of this module is made."""

    def make_directory(self) -> Directory:
        """A directory that knows `USERS`, `ORGANIZATIONS`, `RIGHTS`, `LABELS`, and nothing else."""
        raise NotImplementedError

    @pytest.mark.parametrize(("user", "service", "rights", "organizations", "labels"), _VISITORS)
    def test_visitor_is_all_a_page_needs(
        self,
        user: str | None,
        service: str,
        rights: Rights,
        organizations: tuple[str, ...],
        labels: tuple[str, ...],
    ) -> None:
        """Rights count for the service they were given for; who is not known, or is nobody, has none."""
        found_rights, memberships, found_labels = self.make_directory().visitor(user, service)
        assert found_rights == rights
        assert tuple(item.organization.id for item in memberships) == organizations
        assert tuple(found_labels) == labels

    def test_memberships_say_what_one_may_do(self) -> None:
        """An administrator, a member, one who only looks in; in their order, the first is the default."""
        directory = self.make_directory()
        assert tuple(directory.visitor("7", "polls")[1]) == (Membership(RADIO, admin=True), Membership(FILM))
        assert tuple(directory.visitor("yan@example.org", "polls")[1]) == (
            Membership(FILM, admin=False, member=False),
        )

    @pytest.mark.parametrize("user", USERS, ids=lambda user: user.username)
    def test_user_has_the_fields_that_services_ask_for(self, user: User) -> None:
        """Also those that are not ASCII."""
        found = self.make_directory().user(user.id)
        assert found is not None
        names = ("id", "username", "first_name", "last_name", "email")
        assert [getattr(found, name) for name in names] == [getattr(user, name) for name in names]

    @pytest.mark.parametrize("user_id", ["nobody", "", "07", "7 ", "%"])
    def test_user_that_is_not_there_is_none(self, user_id: str) -> None:
        """Ids are text and compared as they are."""
        assert self.make_directory().user(user_id) is None

    @pytest.mark.parametrize("organization", ORGANIZATIONS, ids=lambda item: item.name)
    def test_organization_by_id(self, organization: Organization) -> None:
        """Also one without members."""
        assert self.make_directory().organization(organization.id) == organization

    def test_organization_that_is_not_there_is_none(self) -> None:
        """No error: a service may ask for anything."""
        assert self.make_directory().organization("nothing") is None

    def test_organizations_are_those_that_may_use_the_service(self) -> None:
        """Each once."""
        found = self.make_directory().organizations("polls")
        assert sorted(found, key=lambda item: item.id) == sorted(ORGANIZATIONS, key=lambda item: item.id)

    @pytest.mark.parametrize(
        ("service", "members"), [("polls", ["7", "8"]), ("notes", []), ("unheard-of", [])]
    )
    def test_members_are_those_of_the_service(self, service: str, members: list[str]) -> None:
        """A member of one service is none of another."""
        assert sorted(user.id for user in self.make_directory().members(service)) == members

    @pytest.mark.parametrize(
        ("user", "service", "labels"),
        [("7", "polls", ["gold", "early"]), ("7", "notes", []), ("nobody", "polls", [])],
    )
    def test_subscription_labels(self, user: str, service: str, labels: list[str]) -> None:
        """The same that `visitor` says."""
        assert list(self.make_directory().subscription_labels(user, service)) == labels

    @pytest.mark.parametrize(("user", "groups"), [("7", ["editors", "testers"]), ("8", []), ("nobody", [])])
    def test_groups(self, user: str, groups: list[str]) -> None:
        """Whatever the service."""
        assert sorted(self.make_directory().groups(user)) == groups

    def test_threads_ask_at_the_same_time(self) -> None:
        """Each gets the answer to its own question."""
        directory = self.make_directory()
        questions = [(user.id, service) for user in USERS for service in ("polls", "notes")] * 20
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda question: directory.visitor(*question), questions))
        for question, (rights, memberships, labels) in zip(questions, answers, strict=True):
            expected = next(row for row in _VISITORS if row[:2] == question)
            found = (rights, tuple(item.organization.id for item in memberships), tuple(labels))
            assert found == expected[2:]
