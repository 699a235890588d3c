"""A postman tries again later and later, gives up after days, and stops between two messages."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message

import pytest
from tests.support.mail_samples import written

from plugit_wsgi.errors import MailboxError, MessageUnusable, ServiceTimeout, ServiceUnreachable
from plugit_wsgi.mail import incoming
from plugit_wsgi.mail.delivering import LONGEST_RETRY, RETRY, Postman, Reply
from plugit_wsgi.mail.mailboxes import Waiting
from plugit_wsgi.mail.memory import MemoryMailStore
from plugit_wsgi.mail.reply_tokens import ReplyTokens
from plugit_wsgi.mail.store import ReplyAddress
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.wire.keys import load_secrets


@dataclass
class Box:
    """A mailbox in memory. For one thread."""

    messages: dict[str, bytes] = field(default_factory=dict)
    aside: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    breaks: bool = False

    def waiting(self) -> Iterator[Waiting]:
        for key, raw in list(self.messages.items()):
            yield Waiting(key, key, len(raw))

    def fetch(self, message: Waiting, limit: int) -> bytes:
        self.fetched.append(message.key)
        return self.messages[message.key]

    def remove(self, message: Waiting) -> None:
        if self.breaks:
            raise MailboxError("gone")
        del self.messages[message.key]

    def set_aside(self, message: Waiting) -> None:
        self.aside[message.key] = self.messages.pop(message.key)

    def close(self) -> None:
        """Nothing."""


class World:
    """A postman between a mailbox and a service. For one thread."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryMailStore(clock=self.clock)
        self.tokens = ReplyTokens(load_secrets("s" * 32), self.store, clock=self.clock)
        self.box = Box()
        self.heard: list[Reply] = []
        self.answer: bool | Exception = True
        self.is_stopping = False
        self.postman = self.make_postman()

    def make_postman(self) -> Postman:
        return Postman(
            self.store,
            (self.tokens.verify,),
            {"polls": self._hear, "deaf": lambda reply: True},
            is_stopping=lambda: self.is_stopping,
            clock=self.clock,
        )

    def drop(self, key: str, service: str = "polls", **fields: str) -> None:
        token = self.tokens.sign(service, key, 30 * 86400.0)
        self.box.messages[key] = written(f"r+{token}@h.example", key, f"<{key}@x>", **fields)

    def deliver(self) -> dict[str, int]:
        return dict(self.postman.deliver(self.box))

    def _hear(self, reply: Reply) -> bool:
        self.heard.append(reply)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def world() -> World:
    return World()


def test_delivered(world: World) -> None:
    """Told with all that it needs, then removed."""
    world.drop("a")
    assert world.deliver() == {"delivered": 1}
    assert world.heard == [Reply(response_id="a", text="a", message_id="<a@x>", is_repeat=False)]
    assert world.deliver() == {}


def test_a_service_that_is_away_is_asked_later_and_later(world: World) -> None:
    """Its messages are not even fetched until then."""
    world.drop("a")
    world.answer = ServiceUnreachable("down")
    tries: list[float] = []
    started = world.clock.monotonic()
    for _ in range(600):
        world.clock.advance(30)
        before = len(world.heard)
        world.deliver()
        if len(world.heard) > before:
            tries.append(world.clock.monotonic() - started)
    pauses = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert pauses[:6] == [60, 120, 240, 480, 960, 1920]
    assert set(pauses[6:]) == {LONGEST_RETRY}
    assert len(world.box.fetched) == len(world.heard)
    world.answer = True
    world.clock.advance(LONGEST_RETRY)
    assert world.deliver() == {"delivered": 1}
    assert world.heard[-1].is_repeat


def test_one_that_is_away_costs_one_call_for_all_of_its_messages(world: World) -> None:
    """The others of a look wait without asking, and no other service waits."""
    for key in "abc":
        world.drop(key)
    world.drop("d", "deaf")
    world.answer = ServiceUnreachable("down")
    assert world.deliver() == {"waits": 1, "held": 2, "delivered": 1}
    assert len(world.heard) == 1
    world.answer = True
    world.clock.advance(RETRY)
    assert world.deliver() == {"delivered": 3}
    assert [reply.is_repeat for reply in world.heard[1:]] == [True, False, False]


def test_one_that_hangs_its_service_holds_up_no_other(world: World) -> None:
    """It is tried first, as the oldest; then its turn comes more and more seldom."""

    def hear(reply: Reply) -> bool:
        if reply.response_id == "a":
            raise ServiceTimeout("hangs")
        return True

    world._hear = hear  # type: ignore[method-assign]
    world.postman = world.make_postman()
    for key in "abc":
        world.drop(key)
    for _ in range(8):
        world.deliver()
        world.clock.advance(30)
    assert list(world.box.messages) == ["a"]


def test_what_waits_is_told_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """And when it ends; without addresses and text."""
    caplog.set_level(logging.INFO, "plugit_wsgi.mail")
    world.drop("secret-text")
    world.answer = False
    for _ in range(50):
        world.deliver()
        world.clock.advance(LONGEST_RETRY)
    world.answer = True
    world.deliver()
    outcomes = [record.getMessage().split()[1] for record in caplog.records]
    assert outcomes == ["outcome=waits", "outcome=delivered"]
    assert not any("@" in record.getMessage() for record in caplog.records)


def test_patience_ends(world: World) -> None:
    """Five days after its arrival a message is set aside, and not before."""
    world.drop("a", Received="x; Tue, 24 Nov 2026 00:00:00 +0000")
    arrived = 1795478400.0
    world.clock.advance(arrived + 5 * 86400 - 10 - world.clock.time())
    world.answer = False
    assert world.deliver() == {"waits": 1}
    world.clock.advance(RETRY)
    assert world.deliver() == {"set aside": 1}
    assert list(world.box.aside) == ["a"]


def test_it_stops_between_messages(world: World) -> None:
    """The one under way is done to its end."""
    for key in "abc":
        world.drop(key)

    def hear(reply: Reply) -> bool:
        world.is_stopping = True
        return True

    world._hear = hear  # type: ignore[method-assign]
    world.postman = world.make_postman()
    assert world.deliver() == {"delivered": 1}
    assert list(world.box.messages) == ["b", "c"]


def test_a_mailbox_that_breaks(world: World) -> None:
    """The reply was told; the next look removes it without telling again."""
    world.drop("a")
    world.box.breaks = True
    with pytest.raises(MailboxError):
        world.deliver()
    world.box.breaks = False
    assert world.make_postman().deliver(world.box) == {"dropped": 1}
    assert len(world.heard) == 1


def test_a_store_that_fails_sets_nothing_aside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wrong with the message."""

    def fail(key: str) -> None:
        raise RuntimeError("database")

    world.drop("a")
    monkeypatch.setattr(world.store, "begin_reply", fail)
    with pytest.raises(RuntimeError):
        world.deliver()
    assert (list(world.box.messages), world.box.aside, world.heard) == (["a"], {}, [])


def test_one_that_was_told_to_some(world: World) -> None:
    """A mail for two services stays until both have it, and neither hears it twice."""
    tokens = [world.tokens.sign(service, "1", 1000.0) for service in ("deaf", "polls")]
    to = ", ".join(f"r+{token}@h.example" for token in tokens)
    world.box.messages["m"] = written(to)
    told: list[str] = []
    hands = {"deaf": lambda reply: told.append("deaf") is None, "polls": world._hear}
    world.postman = Postman(world.store, (world.tokens.verify,), hands, clock=world.clock)
    world.answer = False
    assert world.deliver() == {"waits": 1}
    world.answer = True
    world.clock.advance(RETRY)
    assert world.deliver() == {"delivered": 1}
    assert (told, len(world.heard)) == (["deaf"], 2)


def test_one_address_written_in_several_ways(world: World) -> None:
    """Mail servers change the case; it is one reply."""
    token = world.tokens.sign("polls", "1", 1000.0)
    world.box.messages["m"] = written(f"r+{token.upper()}@h.example", Cc=f"r+{token}@h.example")
    assert world.deliver() == {"delivered": 1}
    assert len(world.heard) == 1


def test_the_first_that_knows_a_token_is_believed(world: World) -> None:
    """And what the first says is wrong, unless it knows no such form."""
    other = ReplyAddress("polls", "old", float("inf"))
    world.box.messages["m"] = written("r+cItTqOOpTxnc3IS6LbXDCtVCPA==@h.example")
    world.postman = Postman(
        world.store, (world.tokens.verify, lambda token: other), {"polls": world._hear}, clock=world.clock
    )
    assert world.deliver() == {"delivered": 1}
    assert world.heard[0].response_id == "old"


def test_too_large_is_not_fetched(world: World) -> None:
    """The size that the server says is enough."""
    world.drop("a")
    world.postman = Postman(world.store, (world.tokens.verify,), {}, message_size=10, clock=world.clock)
    assert world.deliver() == {"set aside": 1}
    assert world.box.fetched == []


def test_one_that_cannot_be_fetched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Larger than the server said: set aside, and the next one goes on."""
    fetch = world.box.fetch

    def bounded(message: Waiting, limit: int) -> bytes:
        if message.key == "a":
            raise MessageUnusable("more")
        return fetch(message, limit)

    world.drop("a")
    world.drop("b")
    monkeypatch.setattr(world.box, "fetch", bounded)
    assert world.deliver() == {"set aside": 1, "delivered": 1}


def test_one_that_breaks_whoever_reads_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a head or a text does to its reader, the next message goes on."""
    for key in "abc":
        world.drop(key)

    def arrived(message: Message) -> None:
        if "<a@x>" in message["Message-ID"]:
            raise RecursionError

    def text(message: Message) -> str:
        if "<b@x>" in message["Message-ID"]:
            raise KeyError
        return "said"

    monkeypatch.setattr(incoming, "_arrived", arrived)
    monkeypatch.setattr(incoming, "_text", text)
    assert world.deliver() == {"set aside": 2, "delivered": 1}
