"""Visits: who asks, for what, as whom."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.unit.visiting import ANNA, IDS, ORGANIZATIONS, SESSIONS, visit

from plugit_wsgi.people import Membership, Organization, Rights, User
from plugit_wsgi.session import Session, to_content
from plugit_wsgi.visits import USER_MODE

EBU, RTS = Organization("1", "EBU"), Organization("2", "RTS")
ORG = User("8", "org", memberships=(Membership(EBU), Membership(RTS, admin=True, member=False)))


def cookies(user_id: str | None, session: Session, visitor: str = "v" * 22) -> str:
    """Of a visitor who was here before."""
    content = to_content(session, user_id, visitor)
    lines = [*SESSIONS.store(None, "x", content, path="/s/x/", secure=False)]  # type: ignore[arg-type]
    lines.append(IDS.format_cookie(visitor, secure=False))
    return "; ".join(line.partition(";")[0] for line in lines)


def test_a_new_visitor() -> None:
    """Gets an id, remembers nothing, and is nobody."""
    found, other = visit(), visit()
    assert found.is_new
    assert found.visitor_id != other.visitor_id
    assert (found.user_id, found.method, found.user_mode) == (None, "GET", "")
    assert found.visitor.rights == Rights()
    assert found.session == Session()
    assert re.fullmatch("[0-9a-f]{32}", found.request_id)


def test_a_visitor_who_was_here_before() -> None:
    """Has the id and the values of before, as long as the user is the same."""
    session = Session(values={"a": "1"})
    environ = {"HTTP_COOKIE": cookies("7", session)}
    found = visit(environ, user=ANNA)
    assert (found.is_new, found.visitor_id, found.session) == (False, "v" * 22, session)
    assert visit(environ).session == Session()
    assert visit(environ, user=ORG).session == Session()
    assert visit(environ, user=ANNA, secure=True).is_new


@pytest.mark.parametrize(
    ("query", "kept"),
    [("", ""), ("a=1&ebuio_u_pk=2&b", "a=1&b="), ("a=\xe9", "a=%E9"), ("ebuio_orgapk=1", "")],
)
def test_the_query_is_without_reserved_fields(query: str, kept: str) -> None:
    """From the beginning."""
    assert visit({"QUERY_STRING": query}).query == kept


@pytest.mark.parametrize("script_name", ["", "/app", "/a%20b"])
def test_urls_are_below_the_hosts_own_mount(script_name: str) -> None:
    """SCRIPT_NAME comes first."""
    found = visit(script_name=script_name)
    assert (found.base_url, found.prefix) == (f"{script_name}/s/x/", f"{script_name}/s")


@pytest.mark.parametrize("found", ["anna", 7, False, {}, object()])
def test_identify_must_say_a_user_or_none(found: object) -> None:
    """Anything else is a mistake of the host, and never "anonymous"."""
    with pytest.raises(TypeError, match=r"plugit_wsgi\.User or None"):
        visit(user=found)


@pytest.mark.parametrize(
    ("given", "hops", "kept"),
    [("abcdef12", 1, True), ("abcdef12", 0, False), ("short", 1, False), ("a" * 65, 1, False),
     ("abcdef 12", 1, False),
     ("abcdef12\n", 1, False)],
)  # fmt: skip
def test_request_ids(given: str, hops: int, kept: bool) -> None:
    """Taken over from a trusted proxy, if it looks like one."""
    assert (visit({"HTTP_X_REQUEST_ID": given}, trusted_hops=hops).request_id == given) is kept


def test_user_mode_of_a_development_host() -> None:
    """Told by the environ key that only it sets."""
    assert visit({USER_MODE: "mem"}).user_mode == "mem"


# Rights and organizations --------------------------------------------------------------


def test_without_a_directory_the_user_says() -> None:
    """Rights and labels of the User."""
    user = User("7", member=True, admin=True, subscription_labels=("gold",))
    found = visit(user=user).visitor
    assert (found.rights, found.subscription_labels) == (Rights(member=True, admin=True), ("gold",))
    assert (found.organization, found.organizations) == (None, ())


class Directory:
    """Knows one answer, and remembers what it was asked."""

    def __init__(self, *answer: Any) -> None:
        self.answer, self.asked = answer, []

    def visitor(self, user_id: str | None, service: str) -> Any:
        """See `Directory.visitor`."""
        self.asked.append((user_id, service))
        return self.answer


def test_with_a_directory_it_alone_decides() -> None:
    """Also about nobody; asked once."""
    directory: Any = Directory(Rights(admin=True), (Membership(RTS),), ["silver"])
    found = visit(user=ANNA, directory=directory, service=ORGANIZATIONS).visitor
    assert found.rights == Rights(admin=True, orga_member=True)
    assert (found.organization, found.subscription_labels) == (RTS, ("silver",))
    visit(directory=directory)
    assert directory.asked == [("7", "x"), (None, "x")]


@pytest.mark.parametrize(
    ("chosen", "organization", "rights"),
    [
        (None, EBU, Rights(orga_member=True)),
        ("1", EBU, Rights(orga_member=True)),
        ("2", RTS, Rights(orga_admin=True)),
        ("3", EBU, Rights(orga_member=True)),
        ("", EBU, Rights(orga_member=True)),
    ],
)
def test_the_current_organization(chosen: str | None, organization: Organization, rights: Rights) -> None:
    """The one that was chosen, if the visitor belongs to it still; else the first."""
    environ = {"HTTP_COOKIE": cookies("8", Session(organization=chosen))}
    found = visit(environ, user=ORG, service=ORGANIZATIONS).visitor
    assert (found.organization, found.rights, found.organizations) == (organization, rights, (EBU, RTS))
    plain = visit(environ, user=ORG).visitor
    assert (plain.organization, plain.rights, plain.organizations) == (None, Rights(), ())


def test_nobody_has_an_organization() -> None:
    """Nor one who belongs to none."""
    for user in (None, ANNA):
        found = visit(user=user, service=ORGANIZATIONS).visitor
        assert (found.organization, found.organizations) == (None, ())
        assert not found.rights.orga_member
