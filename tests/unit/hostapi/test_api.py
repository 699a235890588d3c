"""The API that services call back: shapes of the protocol's section 9, and what it refuses."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import webob

from plugit_wsgi.config import Limits, Service
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.hostapi.api import ServiceApi
from plugit_wsgi.hostapi.mail import Mail
from plugit_wsgi.http import Answer
from plugit_wsgi.people import Membership, Organization, Rights, User

EBU, RTS = Organization("1", "EBU", "zzebu"), Organization("2", "RTS", "chrts")
ZOE = User(
    "7",
    "zoe",
    "Zoë",
    "M",
    "zoe@example.org",
    memberships=(Membership(EBU, admin=True), Membership(RTS)),
    groups=("editors", "admins"),
    extra={"phone": "123"},
)
ODD = User("zoë/é%41", "odd", groups=("editors",))
DIRECTORY = StaticDirectory(
    (ZOE, ODD),
    organizations=(EBU, RTS),
    rights={"polls": {"7": Rights(member=True), "zoë/é%41": Rights(member=True)}},
    subscriptions={"polls": {"7": ("gold",)}},
)
POLLS = Service("polls", "http://127.0.0.1:1", mail_to="anyone")
FEW = Service("polls", "http://127.0.0.1:1", user_fields=("username", "phone"))


def ask(
    path: str, method: str = "GET", service: Service = POLLS, directory: Any = DIRECTORY, **more: Any
) -> Answer:
    api = ServiceApi(
        service, directory=directory, deliver=more.pop("deliver", None), limits=Limits(form_size=2000)
    )
    environ = {"REQUEST_METHOD": method, "PATH_INFO": "/" + path, **more}
    return api.answer(webob.Request(environ), path)


def found(path: str, **more: Any) -> Any:
    answer = ask(path, **more)
    assert answer.status == 200
    assert ("Content-Type", "application/json") in answer.headers
    assert ("X-Content-Type-Options", "nosniff") in answer.headers
    assert ("Cache-Control", "private, no-store") in answer.headers
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)


ORGANIZATIONS = [
    {"id": "1", "name": "EBU", "codops": "zzebu"},
    {"id": "2", "name": "RTS", "codops": "chrts"},
]
USER = {
    "id": "7",
    "pk": "7",
    "username": "zoe",
    "first_name": "Zoë",
    "last_name": "M",
    "email": "zoe@example.org",
    "ebuio_member": True,
    "ebuio_admin": False,
    "ebuio_orga_member": False,
    "ebuio_orga_admin": False,
    "subscription_labels": ["gold"],
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("orga/1", {"pk": "1", "name": "EBU", "codops": "zzebu"}),
        ("orgas/", {"data": ORGANIZATIONS}),
        ("subscriptions/7", ["gold"]),
        ("user/7/techgroups/", ["editors", "admins"]),
        ("ebuio/forum/search/bytag/x", {"error": "no-on-ebuio"}),
    ],
)
def test_shapes(path: str, expected: object) -> None:
    """As services of the original era read them."""
    assert found(path) == expected


def test_user() -> None:
    """Allowed fields, the id as text, and the organizations with who administrates them."""
    orgas = [{**ORGANIZATIONS[0], "is_admin": True}, {**ORGANIZATIONS[1], "is_admin": False}]
    assert found("user/7") == {**USER, "orgas": orgas}


def test_only_allowed_fields_are_told() -> None:
    """And the id, which the service knew already."""
    answer = found("user/7", service=FEW)
    assert {key: value for key, value in answer.items() if key != "orgas"} == {
        "id": "7",
        "username": "zoe",
        "phone": "123",
    }
    assert all(set(user) == {"id", "username", "phone"} for user in found("members/", service=FEW)["members"])


def test_members_and_groups() -> None:
    """Those of this service; groups each once."""
    assert [user["id"] for user in found("members/")["members"]] == ["7", "zoë/é%41"]
    assert found("members/")["members"][0] == USER
    names = [group["name"] for group in found("techgroups/")]
    assert names == ["admins", "editors"]
    assert found("members/", service=Service("notes", "http://127.0.0.1:1")) == {"members": []}


@pytest.mark.parametrize(
    ("given", "wanted"), [("zo\xc3\xab", "zoë"), ("100%41", "100%41"), ("a b", "a b"), ("\xff", "\ufffd")]
)
def test_ids_are_decoded_once(given: str, wanted: str) -> None:
    """The path is the bytes that WSGI decoded, as latin-1 text."""
    directory = StaticDirectory((User(wanted, "it"),), organizations=())
    assert found(f"user/{given}", directory=directory)["id"] == wanted


@pytest.mark.parametrize(
    "path",
    ["user/8", "user/", "user", "user/7/", "user/7/8", "user/7/techgroups", "user//techgroups/",
     "subscriptions/8", "orga/9", "orga/", "orgas", "members", "", "/", "user/7\n", "USER/7", "ebuio"],
)  # fmt: skip
def test_what_is_not_there_is_404(path: str) -> None:
    """As JSON."""
    answer = ask(path)
    assert answer.status == 404
    assert isinstance(answer.body, bytes)
    assert "error" in json.loads(answer.body)


@pytest.mark.parametrize(
    "path", ["user/7", "orga/1", "orgas/", "members/", "techgroups/", "subscriptions/7", "mail/"]
)
def test_without_a_directory_nobody_is_known(path: str) -> None:
    """404, not an error."""
    assert ask(path, directory=None, method="POST" if path == "mail/" else "GET").status == 404


@pytest.mark.parametrize(
    ("path", "method"),
    [("user/7", "POST"), ("orgas/", "DELETE"), ("mail/", "GET"), ("ebuio/forum/", "GET"), ("mail/", "PUT"),
     ("user/7", "OPTIONS")],
)  # fmt: skip
def test_wrong_methods_are_405(path: str, method: str) -> None:
    """Each call has its own."""
    assert ask(path, method).status == 405


def test_head_and_forum() -> None:
    """HEAD is a GET; the forum's calls stay at their error answer."""
    assert ask("user/7", "HEAD").status == 200
    assert found("ebuio/forum/", method="POST") == {"error": "no-on-ebuio"}


def test_no_header_is_for_browsers() -> None:
    """No cookies, no CORS: only services call it."""
    names = {name.lower() for name, _value in ask("user/7", HTTP_ORIGIN="http://evil").headers}
    assert names == {"content-type", "x-content-type-options", "cache-control"}


# Mail ----------------------------------------------------------------------------------


def mail(content: str, content_type: str = "application/x-www-form-urlencoded") -> tuple[int, list[Mail]]:
    kept: list[Mail] = []
    raw = content.encode()
    answer = ask(
        "mail/",
        "POST",
        deliver=kept.append,
        CONTENT_TYPE=content_type,
        CONTENT_LENGTH=str(len(raw)),
        **{"wsgi.input": io.BytesIO(raw)},
    )
    if answer.status == 200:
        assert answer.body == b"{}"
    return answer.status, kept


def test_mail() -> None:
    """All fields; several recipients."""
    status, kept = mail(
        "sender=polls%40example.org&dests=a%40example.org&dests=b%40example.org&subject=New+polls&message=%C3%A9"
        "&html_message=%3Cp%3E&response_id=42"
    )
    assert status == 200
    assert kept == [
        Mail(
            service="polls",
            sender="polls@example.org",
            recipients=("a@example.org", "b@example.org"),
            subject="New polls",
            message="é",
            html_message="<p>",
            response_id="42",
        )
    ]


@pytest.mark.parametrize("html", ["&html_message=False", "&html_message=", "", "&html_message=false"])
def test_mail_without_html(html: str) -> None:
    """The original's client sends "False"."""
    assert mail("dests=a%40example.org" + html)[1][0].html_message == ""


@pytest.mark.parametrize(
    "content",
    ["", "subject=x", "dests=", "dests=nobody", "dests=a%40b%0D%0ABcc%3A+c%40d", "dests=a%40b%2Cc%40d",
     "dests=a%40b&dests=x", "dests=%3Ca%40b%3E", "dests=a%40b%40c", "dests=a+%40b", "x=" + "y" * 2000],
)  # fmt: skip
def test_mail_to_what_is_no_address(content: str) -> None:
    """Nothing is sent, also not to the good ones; and nothing that is too large is read."""
    status, kept = mail(content)
    assert status == (413 if len(content) > 2000 else 400)
    assert kept == []


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""]
)
def test_mail_that_is_no_form(content_type: str) -> None:
    """400."""
    assert mail("dests=a%40b", content_type) == (400, [])
