"""What a service may see: organizations that may use it, and few look-ups for a list."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import webob

from plugit_wsgi.config import Limits, Service
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.hostapi.api import ServiceApi
from plugit_wsgi.http import Answer
from plugit_wsgi.people import Membership, Organization, Rights, User

EBU, RTS = Organization("1", "EBU", "zzebu"), Organization("2", "RTS", "chrts")
SERVICE = Service("polls", "http://127.0.0.1:1", user_fields=("username", "ebuio_admin"))
BOTH = (Membership(EBU), Membership(RTS))
MEMBERS = tuple(
    User(
        str(number),
        f"name{number}",
        member=True,
        admin=number == 1,
        memberships=BOTH,
        groups=(f"g{number % 2}",),
    )
    for number in range(1, 6)
)


class Limited(StaticDirectory):
    """Only the EBU may use the service."""

    def organizations(self, service: str) -> Sequence[Organization]:
        return (EBU,) if service == "polls" else (EBU, RTS)


class Batching(Limited):
    """Tells of many at once, and counts what it is asked."""

    def __init__(self, *people: Any) -> None:
        super().__init__(*people)
        self.asked: list[str] = []

    def visitor(self, user_id: str | None, service: str) -> Any:
        self.asked.append("visitor")
        return super().visitor(user_id, service)

    def groups(self, user_id: str) -> Sequence[str]:
        self.asked.append("groups")
        return super().groups(user_id)

    def members(self, service: str) -> Sequence[User]:
        self.asked.append("members")
        return super().members(service)

    def visitors(self, user_ids: Sequence[str], service: str) -> Mapping[str, Any]:
        self.asked.append("visitors")
        return {
            user_id: super(Batching, self).visitor(user_id, service) for user_id in user_ids if user_id != "5"
        }

    def groups_of(self, user_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        self.asked.append("groups_of")
        return {each: super(Batching, self).groups(each) for each in user_ids if each != "5"}


def ask(path: str, directory: Any = None, service: Service = SERVICE, method: str = "GET") -> Answer:
    api = ServiceApi(service, directory=directory or Limited(MEMBERS), deliver=None, limits=Limits())
    return api.answer(webob.Request({"REQUEST_METHOD": method, "PATH_INFO": "/" + path}), path)


def told(answer: Answer) -> Any:
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)


def test_a_foreign_organization_is_not_there() -> None:
    """404, the same as one that does not exist; for a service that may see it, it is."""
    assert told(ask("orga/1")) == {"pk": "1", "name": "EBU", "codops": "zzebu"}
    foreign, none = ask("orga/2"), ask("orga/9")
    assert (foreign.status, foreign.body) == (none.status, none.body) == (404, b'{"error": "organization"}')
    assert ask("orga/2", service=Service("notes", "http://127.0.0.1:1")).status == 200


def test_organizations_of_a_user_are_limited_too() -> None:
    """As the list of all is."""
    assert [item["id"] for item in told(ask("user/3"))["orgas"]] == ["1"]
    assert [item["id"] for item in told(ask("orgas/"))["data"]] == ["1"]


def test_any_user_is_told_in_allowed_fields_alone() -> None:
    """Members or not; the id was known to the service."""
    directory = Limited((*MEMBERS, User("9", "guest", email="guest@example.org")))
    assert told(ask("user/9", directory)) == {
        "id": "9",
        "username": "guest",
        "ebuio_admin": False,
        "orgas": [],
    }


def test_a_list_is_few_look_ups_where_the_directory_can() -> None:
    """One for the members and one for what is said of them; whoever it leaves out has no rights."""
    directory = Batching(MEMBERS)
    members = told(ask("members/", directory))["members"]
    assert directory.asked == ["members", "visitors"]
    assert [(user["id"], user["ebuio_admin"]) for user in members[:2]] == [("1", True), ("2", False)]
    assert members[4] == {"id": "5", "username": "name5", "ebuio_admin": False}
    directory.asked.clear()
    assert [group["name"] for group in told(ask("techgroups/", directory))] == ["g0", "g1"]
    assert directory.asked == ["members", "groups_of"]


def test_with_and_without_batches_the_answer_is_the_same() -> None:
    """It is only quicker."""
    four = MEMBERS[:4]
    for path in ("members/", "techgroups/"):
        assert ask(path, Batching(four)).body == ask(path, Limited(four)).body


class Failing(StaticDirectory):
    """The database is away."""

    def user(self, user_id: str) -> User | None:
        raise RuntimeError("password of the database: swordfish")


def test_a_directory_that_fails_is_an_error_without_details(caplog: pytest.LogCaptureFixture) -> None:
    """The log has the cause, once in a second."""
    api = ServiceApi(SERVICE, directory=Failing(), deliver=None, limits=Limits())
    request = webob.Request({"REQUEST_METHOD": "GET", "PATH_INFO": "/"})
    answers = [api.answer(request, "user/7") for _ in range(3)]
    assert {(answer.status, answer.body) for answer in answers} == {(500, b'{"error": "the host failed"}')}
    (record,) = caplog.records
    assert record.getMessage() == "event=api_failed service=polls call=user held_back=0"
    assert record.exc_info is not None
    assert "swordfish" in str(record.exc_info[1])


def test_a_field_that_cannot_be_written_is_an_error_too() -> None:
    """Whatever a host keeps in `User.extra`."""

    class Odd:
        def __str__(self) -> str:
            raise ValueError("no text")

    directory = Limited((User("7", extra={"odd": Odd()}),))
    assert (
        ask("user/7", directory, Service("polls", "http://127.0.0.1:1", user_fields=("odd",))).status == 500
    )


def test_refusals_are_logged_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    """What is not there is no warning; the path of a call is in no line."""
    api = ServiceApi(SERVICE, directory=Limited(MEMBERS), deliver=None, limits=Limits())
    with caplog.at_level(logging.INFO, "plugit_wsgi"):
        for path in ("user/8", "user/8", "orga/2", "nothing/KEY"):
            api.answer(webob.Request({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}), path)
        api.answer(webob.Request({"REQUEST_METHOD": "PUT", "PATH_INFO": "/"}), "user/8")
    lines = [
        (record.levelname, record.getMessage().partition("service=polls ")[2]) for record in caplog.records
    ]
    assert lines == [
        ("INFO", "call=user status=404 reason=user held_back=0"),
        ("INFO", "call=organization status=404 reason=organization held_back=0"),
        ("INFO", "call=unknown status=404 reason=path held_back=0"),
        ("WARNING", "call=user status=405 reason=method held_back=0"),
    ]


def test_another_method_is_told_which_one_is_right() -> None:
    """RFC 9110 wants it with a 405."""
    assert dict(ask("user/7", method="POST").headers)["Allow"] == "GET, HEAD"
    assert dict(ask("mail/").headers)["Allow"] == "POST"


def test_rights_of_a_service_are_its_own() -> None:
    """What a user may do on another service is not told."""
    directory = Limited(MEMBERS, rights={"notes": {"2": Rights(member=True, admin=True)}})
    assert told(ask("user/2", directory))["ebuio_admin"] is False
