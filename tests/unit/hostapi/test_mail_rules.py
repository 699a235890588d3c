"""Mail through the API of a host: whom, how much, as whom; what is refused goes to nobody."""

from __future__ import annotations

import email.policy
import json
import logging
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlencode

import pytest
import webob

from plugit_wsgi import PlugItMiddleware, Service, User
from plugit_wsgi.config import ConfigError
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.events import Event, MailHandled
from plugit_wsgi.mail.mailer import Mailer
from plugit_wsgi.mail.memory import MemoryMailStore
from plugit_wsgi.mail.reply_tokens import ReplyTokens
from plugit_wsgi.mail.store import ReplyAddress
from plugit_wsgi.people import Rights
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.wire.keys import api_keys, load_secrets, service_keys

SECRET = "a secret of the tests, long enough."
ANNA, ZOE = "anna@example.org", "Zoe@Example.org"
KNOWN = StaticDirectory(
    (User("1", "anna", email=ANNA), User("2", "zoe", email=ZOE), User("3", "out", email="out@example.org")),
    organizations=(),
    rights={"polls": {"1": Rights(member=True), "2": Rights(member=True)}},
)


class World:
    """A host with a service, and what it queued."""

    def __init__(self, directory: Any = KNOWN, service: dict[str, Any] | None = None, **mailer: Any) -> None:
        self.clock = FakeClock(1_800_000_000.0)
        self.store = MemoryMailStore(clock=self.clock)
        self.events: list[Event] = []
        options = {"sender": "Harbour Radio <mail@radio.example>", "store": self.store, "secret_key": SECRET}
        self.mailer = Mailer("smtp://127.0.0.1:1", background=True, clock=self.clock, **{**options, **mailer})
        self.mailer.close()  # its thread never begins: the queue stays as it is
        self.app = PlugItMiddleware(
            lambda _environ, _start: [],
            [Service("polls", "http://127.0.0.1:1", **(service or {}))],
            SECRET,
            directory=directory,
            mail=self.mailer,
            observe=self.events.append,
            clock=self.clock,
        )

    def post(self, **fields: Any) -> webob.Response:
        key = api_keys(service_keys(load_secrets(SECRET), "polls"))[0]
        form = {
            "sender": "polls@example.org",
            "dests": [ANNA],
            "subject": "New polls",
            "message": "Look",
            **fields,
        }
        request = webob.Request.blank(
            "/s/_api/polls/mail/",
            method="POST",
            body=urlencode(form, doseq=True).encode(),
            content_type="application/x-www-form-urlencoded",
            headers={"Authorization": f"Bearer {key}"},
        )
        return request.get_response(self.app)

    def sent(self) -> EmailMessage:
        """The one message that was queued."""
        (queued,) = self.store.due(self.clock.time(), 9)
        assert queued.message.isascii()
        assert max(map(len, queued.message.split(b"\r\n"))) <= 998
        self.queued = queued
        found = message_from_bytes(queued.message, policy=email.policy.default)
        assert isinstance(found, EmailMessage)
        return found


def test_a_mail_is_from_the_host() -> None:
    """Whatever the service names: From, the envelope and the headers are the host's."""
    world = World()
    answer = world.post()
    assert (answer.status_code, answer.json) == (200, {})
    found = world.sent()
    assert str(found["From"]) == "polls via Harbour Radio <mail@radio.example>"
    assert (str(found["To"]), str(found["Subject"])) == (ANNA, "New polls")
    assert (found["Auto-Submitted"], found["Reply-To"]) == ("auto-generated", None)
    assert str(found["Message-ID"]).endswith("@radio.example>")
    assert found["Date"].datetime.timestamp() == world.clock.time()
    assert found.get_content_type() == "text/plain"
    assert found.get_content().strip() == "Look"
    assert (world.queued.sender, world.queued.recipients) == ("mail@radio.example", (ANNA,))
    outcomes = [event.outcome for event in world.events if isinstance(event, MailHandled)]
    assert outcomes == ["queued"]


def test_a_wish_for_replies_is_a_token_in_the_address() -> None:
    """Which the host can read, and which fits."""
    world = World(sender="a" * 31 + "@radio.example")
    world.post(response_id="answer é 7")
    (address,) = world.sent()["Reply-To"].addresses
    local, token = address.username.split("+")
    assert (local, address.domain, len(address.username)) == ("a" * 31, "radio.example", 64)
    found = ReplyTokens(load_secrets(SECRET), world.store, clock=world.clock).verify(token)
    assert found == ReplyAddress("polls", "answer é 7", world.clock.time() + 90 * 86400)


def test_letters_of_all_languages() -> None:
    """In subject, text and the names of sites; emoji too."""
    world = World(sender='"Räd, “io” 東京" <mail@radio.example>')
    subject = "Für alle 東京 🎉 " * 20
    world.post(subject=subject, message="Grüße\n.\n🎉", html_message="<p>Grüße <b>🎉</b></p>")
    found = world.sent()
    assert str(found["Subject"]).split() == subject.split()
    assert found["From"].addresses[0].display_name == "polls via Räd, “io” 東京"
    text, html = found.iter_parts()
    assert (found.get_content_type(), text.get_content_type(), html.get_content_type()) == (
        "multipart/alternative",
        "text/plain",
        "text/html",
    )
    assert text.get_content().splitlines() == ["Grüße", ".", "🎉"]
    assert html.get_content().strip() == "<p>Grüße <b>🎉</b></p>"


def test_a_subject_that_looks_encoded() -> None:
    """It is shown as it was written: nothing comes out of it that may not go in."""
    world, subject = World(), "=?utf-8?q?New=0D=0ABcc:_all@example.org?="
    world.post(subject=subject)
    assert str(world.sent()["Subject"]) == subject


@pytest.mark.parametrize("flag", ["True", "true", "1"])
def test_the_original_says_that_the_message_is_html(flag: str) -> None:
    """Then the text part is made of it."""
    world = World()
    html = '<style>p{}</style><h1>New</h1><p>Vote &amp; <a href="https://x.example/1">look</a></p><ul><li>a<li>b</ul>'
    world.post(message=html, html_message=flag)
    text, other = world.sent().iter_parts()
    assert other.get_content().strip() == html
    assert text.get_content().split() == [
        "New",
        "Vote",
        "&",
        "look",
        "(https://x.example/1)",
        "-",
        "a",
        "-",
        "b",
    ]


def test_people_are_known_by_the_directory() -> None:
    """In any case of letters, each once."""
    world = World()
    assert world.post(dests=[ANNA, "zoe@example.ORG", ANNA.upper()]).status_code == 200
    world.sent()
    assert [address.lower() for address in world.queued.recipients] == [ANNA, "zoe@example.org"]


def test_a_directory_may_say_itself_whom_it_knows() -> None:
    """Then its members are not asked for."""

    class Knowing:
        asked: tuple[str, str] = ("", "")

        def members(self, service: str) -> Any:
            raise AssertionError

        def knows_email(self, address: str, service: str) -> bool:
            self.asked = (address, service)
            return address == "x@y.example"

    directory = Knowing()
    world = World(directory)
    assert world.post(dests=["x@y.example"]).status_code == 200
    assert directory.asked == ("x@y.example", "polls")
    assert world.post(dests=["other@y.example"]).status_code == 403


def test_a_mount_may_allow_anyone() -> None:
    """Also without a directory."""
    world = World(None, {"mail_to": "anyone"})
    assert world.post(dests=["stranger@elsewhere.example"]).status_code == 200
    assert world.store.waiting() == 1


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "nobody known": ({"dests": ["stranger@elsewhere.example"]}, 403),
    "one of two unknown": ({"dests": [ANNA, "stranger@elsewhere.example"]}, 403),
    "known, but of another service": ({"dests": ["out@example.org"]}, 403),
    "CR LF in the subject": ({"subject": "x\r\nBcc: all@example.org"}, 400),
    "LF in the subject": ({"subject": "x\nBcc: all@example.org"}, 400),
    "NUL in the subject": ({"subject": "x\0"}, 400),
    "a line separator in the subject": ({"subject": "x\u2028Bcc: y"}, 400),
    "another line break in the subject": ({"subject": "x\x85Bcc: y"}, 400),
    "CR LF in an address": ({"dests": [f"{ANNA}\r\nBcc: x@y.example"]}, 400),
    "NUL in an address": ({"dests": [f"{ANNA}\0"]}, 400),
    "a blank in an address": ({"dests": ["anna @example.org"]}, 400),
    "two addresses in one": ({"dests": [f"{ANNA},{ZOE}"]}, 400),
    "a name before an address": ({"dests": [f"Anna <{ANNA}>"]}, 400),
    "an address that is not ASCII": ({"dests": ["ännä@example.org"]}, 400),
    "a local part that is too long": ({"dests": ["a" * 65 + "@example.org"]}, 400),
    "no recipient": ({"dests": []}, 400),
    "CR LF in the sender": ({"sender": "a@b\r\nBcc: x@y"}, 400),
    "NUL in the message": ({"message": "a\0b"}, 400),
    "NUL in the HTML": ({"html_message": "<b>\0"}, 400),
    "CR LF in response_id": ({"response_id": "1\r\n2"}, 400),
    "a long response_id": ({"response_id": "x" * 256}, 400),
    "a long subject": ({"subject": "x" * 501}, 400),
    "more than an hour's": ({"dests": [f"a{number}@example.org" for number in range(101)]}, 413),
    "ten thousand": ({"dests": [f"a{number}@example.org" for number in range(10_000)]}, 413),
    "five megabytes": ({"message": "x" * 5_000_000}, 413),
}


@pytest.mark.parametrize(("fields", "status"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_goes_to_nobody(
    fields: dict[str, Any], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """With a status and a reason; one line in the log, without addresses; nothing is queued or counted."""
    world = World()
    with caplog.at_level(logging.WARNING):
        answer = world.post(**fields)
    assert answer.status_code == status
    assert set(answer.json) == {"error"}
    assert world.store.waiting() == 0
    assert world.store.spend("polls", 100, 100, world.clock.time()) == 0
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 1
    assert lines[0].startswith(f"event=mail service=polls kind=refused status={status}")
    assert "example" not in lines[0]


def test_without_a_mailer_there_is_no_mail() -> None:
    """404, as ever."""
    world = World()
    world.app = PlugItMiddleware(
        lambda _environ, _start: [], [Service("polls", "http://127.0.0.1:1")], SECRET
    )
    assert world.post().status_code == 404


def test_the_quota_is_recipients_an_hour() -> None:
    """Then a 429 that says when; the next hour goes on."""
    world = World(service={"mail_quota": 3})
    world.clock.advance(3600 - world.clock.time() % 3600 + 600)
    assert [world.post(dests=[ANNA, ZOE]).status_code for _time in range(2)] == [200, 429]
    assert world.post().status_code == 200
    answer = world.post()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3000")
    assert "3 recipients" in answer.json["error"]
    assert world.store.waiting() == 2
    world.clock.advance(3000)
    assert world.post().status_code == 200


def test_no_mail_for_a_service_without_quota() -> None:
    assert World(service={"mail_quota": 0}).post().status_code == 413


@pytest.mark.parametrize(
    ("sender", "status", "reply_to"),
    [
        ("", 200, None),
        ("mail@radio.example", 200, None),
        ("polls@example.org", 200, "polls@example.org"),
        ("Polls <Any@Sub.example>", 200, "any@sub.example"),
        ("boss@bank.example", 403, None),
        ("nonsense", 403, None),
    ],
)
def test_senders_can_be_limited(sender: str, status: int, reply_to: str | None) -> None:
    """To addresses and domains; From stays the host's."""
    world = World(senders=["Polls@example.org", "@sub.example"])
    assert world.post(sender=sender).status_code == status
    assert world.store.waiting() == (status == 200)
    if status == 200:
        found = world.sent()
        assert found["From"].addresses[0].addr_spec == "mail@radio.example"
        assert found["Reply-To"] == reply_to


def test_a_store_that_fails_is_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """That may be tried again."""
    world = World()

    def fail(*_arguments: Any, **_more: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(world.store, "enqueue", fail)
    answer = world.post()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "disk" not in answer.text


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sender", {"sender": "nobody"}),
        ("sender", {"sender": "a@b\r\nBcc: x@y"}),
        ("sender", {"sender": "a" * 32 + "@radio.example"}),
        ("replies", {"replies": "a" * 32 + "@radio.example"}),
        ("senders", {"senders": "polls@example.org"}),
        ("reply_age", {"reply_age": 0}),
        ("reply_age", {"reply_age": 400 * 86400}),
        ("secret_key[0]", {"secret_key": "short"}),
        ("background", {"background": False}),
        ("server", {"server": None}),
        ("mail server", {"server": "http://x"}),
    ],
)
def test_what_a_mailer_cannot_use(name: str, options: dict[str, Any]) -> None:
    """By name."""
    given = {
        "sender": "mail@radio.example",
        "store": MemoryMailStore(),
        "secret_key": SECRET,
        "background": True,
    }
    make: Callable[..., Mailer] = Mailer
    with pytest.raises(ConfigError) as caught:
        make(**{"server": "smtp://localhost", "background": True, **given, **options})
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("name", "value"),
    [("mail_to", "everybody"), ("mail_quota", -1), ("mail_quota", True), ("mail_quota", "9")],
)
def test_what_a_service_cannot_use(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        Service("polls", "http://127.0.0.1:1", **{name: value})


def test_answers_are_json_of_the_api() -> None:
    answer = World().post(subject="a\nb")
    assert answer.content_type == "application/json"
    assert json.loads(answer.body)["error"] == "subject: one line without control characters was expected"
