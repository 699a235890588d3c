"""The queue against a real SMTP server: nothing is lost, nothing goes twice, and every wait has an end."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path

import pytest
import trustme
from tests.support.smtp_server import Postbox, SmtpServer

from plugit_wsgi.errors import ConfigError
from plugit_wsgi.events import Event, MailHandled
from plugit_wsgi.mail.memory import MemoryMailStore
from plugit_wsgi.mail.sending import ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE, pause_after, send_due
from plugit_wsgi.mail.server import MailServer
from plugit_wsgi.mail.sql import SqlMailStore
from plugit_wsgi.mail.store import LEASE
from plugit_wsgi.migrations import upgrade
from plugit_wsgi.testing.clock import FakeClock

MESSAGE = b"Message-ID: <1@host>\r\nSubject: x\r\n\r\n.dot\r\nlast\r\n"
TO = ("a@example.org", "b@example.org", "c@example.org")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> MemoryMailStore:
    store = MemoryMailStore(clock=clock)
    store.enqueue(MESSAGE, "host@example.org", TO, service="polls")
    return store


def plain(port: int, **more: float) -> MailServer:
    return MailServer(host="127.0.0.1", port=port, security="plain", **more)  # type: ignore[arg-type]


def told(events: list[Event]) -> list[tuple[str, int, int]]:
    return [
        (event.outcome, event.recipients, event.status) for event in events if isinstance(event, MailHandled)
    ]


def test_a_message_arrives_as_it_is(store: MemoryMailStore, clock: FakeClock) -> None:
    """Once, for all its recipients, and is forgotten."""
    box, events = Postbox(), list[Event]()
    with SmtpServer(box) as server:
        counts = send_due(store, plain(server.port), clock, observe=events.append)
        assert send_due(store, plain(server.port), clock).handled == 0
    (received,) = box.received
    assert (received.sender, tuple(received.recipients), received.content) == (
        "host@example.org",
        TO,
        MESSAGE,
    )
    assert (counts.sent, counts.delayed, counts.set_aside, counts.stopped) == (1, 0, 0, False)
    assert told(events) == [("sent", 3, 250)]
    assert (store.waiting(), store.set_aside()) == (0, [])


def test_what_is_not_taken_now_is_tried_again_later(store: MemoryMailStore, clock: FakeClock) -> None:
    """After a pause, with the same message."""
    box, events = Postbox(at_data=lambda number: "451 greylisted" if number == 1 else None), list[Event]()
    with SmtpServer(box) as server:
        smtp = plain(server.port)
        assert send_due(store, smtp, clock, observe=events.append).delayed == 1
        assert send_due(store, smtp, clock).handled == 0
        assert box.tries == 1
        clock.advance(FIRST_PAUSE * 1.25)
        assert send_due(store, smtp, clock, observe=events.append).sent == 1
    assert [received.content for received in box.received] == [MESSAGE]
    assert told(events) == [("delayed", 3, 451), ("sent", 3, 250)]


def test_what_is_refused_for_good_is_set_aside(store: MemoryMailStore, clock: FakeClock) -> None:
    """With the server's words; the next message goes on."""
    store.enqueue(MESSAGE, "host@example.org", ("d@example.org",), service="polls")
    box, events = Postbox(at_data=lambda number: "554 spam" if number == 1 else None), list[Event]()
    with SmtpServer(box) as server:
        counts = send_due(store, plain(server.port), clock, observe=events.append)
    assert (counts.sent, counts.set_aside) == (1, 1)
    (kept,) = store.set_aside()
    assert (kept.reason, kept.recipients, kept.message) == ("554 spam", TO, MESSAGE)
    assert told(events) == [("set_aside", 3, 554), ("sent", 1, 250)]
    assert store.waiting() == 0


def test_each_recipient_has_an_end_of_its_own(store: MemoryMailStore, clock: FakeClock) -> None:
    """One is refused, one is to wait, one has it: only who does not have it is tried again."""
    answers = {"b@example.org": "550 nobody", "c@example.org": "450 full"}
    box, events = Postbox(at_recipient=lambda address: answers.get(address)), list[Event]()
    with SmtpServer(box) as server:
        send_due(store, plain(server.port), clock, observe=events.append)
        del answers["c@example.org"]
        clock.advance(FIRST_PAUSE * 1.25)
        send_due(store, plain(server.port), clock, observe=events.append)
    assert [received.recipients for received in box.received] == [["a@example.org"], ["c@example.org"]]
    assert [kept.recipients for kept in store.set_aside()] == [("b@example.org",)]
    assert [found[:2] for found in told(events)] == [
        ("sent", 1),
        ("delayed", 1),
        ("set_aside", 1),
        ("sent", 1),
    ]
    assert store.waiting() == 0


def test_whom_a_server_was_not_asked_for_does_not_count_as_sent(
    store: MemoryMailStore, clock: FakeClock
) -> None:
    """It ends the conversation at the second of three recipients."""
    box = Postbox(at_recipient=lambda address: "421 enough" if address == "b@example.org" else None)
    with SmtpServer(box) as server:
        send_due(store, plain(server.port), clock)
        assert box.received == []
        clock.advance(2 * FIRST_PAUSE)
        (again,) = store.due(clock.time(), 9)
    assert again.recipients == TO


def test_a_message_is_given_up_some_day(store: MemoryMailStore, clock: FakeClock) -> None:
    """After days, not minutes; it is kept."""
    begun = clock.time()
    with SmtpServer(Postbox(at_data=lambda _number: "451 later")) as server:
        for _number in range(ATTEMPTS):
            assert store.set_aside() == []
            assert send_due(store, plain(server.port), clock).handled == 1
            last = clock.time()
            clock.advance(LONGEST_PAUSE * 1.25)
    assert last - begun > 86400
    assert [kept.reason for kept in store.set_aside()] == ["451 later"]
    assert sum(pause_after(number) for number in range(1, ATTEMPTS)) > 1.4 * 86400


def test_nobody_listens(store: MemoryMailStore, clock: FakeClock) -> None:
    """The first message waits; the others stay due and are not counted."""
    store.enqueue(MESSAGE, "host@example.org", ("d@example.org",), service="polls")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        counts = send_due(store, plain(listener.getsockname()[1]), clock)
    assert (counts.stopped, counts.delayed, counts.sent) == (True, 1, 0)
    (other,) = store.due(clock.time(), 9)
    assert (other.recipients, other.attempts) == (("d@example.org",), 1)


@contextmanager
def saying(greeting: bytes, drip: bool = False) -> Iterator[int]:
    """A port at which a server says this, one letter at a time for ever, or nothing more."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        connection, _address = listener.accept()
        with connection:
            connection.sendall(greeting)
            while not over.wait(0.05):
                if drip:
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    over.set()
    listener.close()
    thread.join()


@pytest.mark.parametrize(
    ("greeting", "drip"),
    [(b"", False), (b"220 hello\r\n", False), (b"220", True)],
    ids=["mute", "hangs", "drips"],
)
def test_a_server_that_hangs_is_left(
    store: MemoryMailStore, clock: FakeClock, greeting: bytes, drip: bool
) -> None:
    """At the end of a step, or of the time for the message."""
    begun = time.monotonic()
    with saying(greeting, drip) as port:
        counts = send_due(store, plain(port, step=0.3, conversation=0.6), clock)
    assert time.monotonic() - begun < 3
    assert (counts.stopped, counts.delayed) == (True, 1)
    assert store.waiting() == 1


def test_a_connection_that_drops_within_a_message(store: MemoryMailStore, clock: FakeClock) -> None:
    """The message is tried again, and arrives."""
    box = Postbox(at_data=lambda number: "drop" if number == 1 else None)
    with SmtpServer(box) as server:
        assert send_due(store, plain(server.port), clock).stopped
        clock.advance(2 * FIRST_PAUSE)
        assert send_due(store, plain(server.port), clock).sent == 1
    assert [received.content for received in box.received] == [MESSAGE]


def test_a_crash_after_the_ok_repeats_the_message(store: MemoryMailStore, clock: FakeClock) -> None:
    """The one moment in which it may: with the same Message-ID, so that mailboxes can tell."""

    class Crashed(MemoryMailStore):
        def sent(self, id: str) -> None:
            raise KeyboardInterrupt

    crashing = Crashed(clock=clock)
    crashing.enqueue(MESSAGE, "host@example.org", TO, service="polls")
    box = Postbox()
    with SmtpServer(box) as server:
        with pytest.raises(KeyboardInterrupt):
            send_due(crashing, plain(server.port), clock)
        crashing.sent = store.sent  # type: ignore[method-assign]
        assert send_due(crashing, plain(server.port), clock).handled == 0
        clock.advance(LEASE + 1)
        assert send_due(crashing, plain(server.port), clock).sent == 1
    assert [message_from_bytes(received.content)["Message-ID"] for received in box.received] == [
        "<1@host>",
        "<1@host>",
    ]


def test_several_threads_send_each_message_once(tmp_path: Path, clock: FakeClock) -> None:
    """Out of one database, at the same moment."""
    url = f"sqlite:///{tmp_path}/mail.sqlite"
    upgrade(url)
    store = SqlMailStore(url, clock=clock)
    for number in range(30):
        store.enqueue(b"Subject: %d\r\n\r\nx\r\n" % number, "h@example.org", TO[:1], service="polls")
    box, barrier = Postbox(), threading.Barrier(3)

    def drain(_number: int) -> int:
        barrier.wait(10)
        return send_due(store, plain(server.port), clock).sent

    with SmtpServer(box) as server, ThreadPoolExecutor(3) as pool:
        while store.waiting():
            assert sum(pool.map(drain, range(3))) > 0
    store.close()
    assert Counter(received.content for received in box.received) == {
        b"Subject: %d\r\n\r\nx\r\n" % number: 1 for number in range(30)
    }


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def contexts(authority: trustme.CA, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's, and the client's."""
    there, here = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert(name).configure_cert(there)
    authority.configure_trust(here)
    return there, here


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "smtps"])
def test_tls_and_login(
    store: MemoryMailStore, clock: FakeClock, authority: trustme.CA, implicit: bool
) -> None:
    """Both ways of TLS; the password is said inside it."""
    there, here = contexts(authority, "localhost")
    box = Postbox(users={b"host": b"p:w/d"})
    with SmtpServer(box, there, implicit) as server:
        scheme = "smtps" if implicit else "smtp+starttls"
        url = f"{scheme}://host:p%3Aw%2Fd@localhost:{server.port}"
        assert send_due(store, MailServer.from_url(url, context=here), clock).sent == 1
    (received,) = box.received
    assert received.user == b"host"


def test_a_wrong_password_sets_nothing_aside(
    store: MemoryMailStore, clock: FakeClock, authority: trustme.CA
) -> None:
    """It is the host's mistake, not the message's."""
    there, here = contexts(authority, "localhost")
    with SmtpServer(Postbox(users={b"host": b"right"}), there) as server:
        url = f"smtp+starttls://host:wrong@localhost:{server.port}"
        counts = send_due(store, MailServer.from_url(url, context=here), clock)
    assert (counts.stopped, counts.delayed, counts.set_aside) == (True, 1, 0)


def test_a_certificate_of_somebody_else(
    store: MemoryMailStore, clock: FakeClock, authority: trustme.CA
) -> None:
    """Nothing is said to a server that is not the one."""
    there, here = contexts(authority, "other.example")
    box = Postbox()
    with SmtpServer(box, there) as server:
        smtp = MailServer.from_url(f"smtp+starttls://localhost:{server.port}", context=here)
        assert send_due(store, smtp, clock).stopped
    assert box.received == []


def test_no_starttls_no_mail(store: MemoryMailStore, clock: FakeClock) -> None:
    """It is required, not tried."""
    box = Postbox()
    with SmtpServer(box) as server:
        smtp = MailServer.from_url(f"smtp+starttls://127.0.0.1:{server.port}")
        assert send_due(store, smtp, clock).stopped
    assert box.received == []


@pytest.mark.parametrize(
    "url",
    [
        *("", "localhost", "http://localhost", "smtp://", "smtp://x:99999", "smtp://x/y", None),
        "smtp://u:pw-1@mail.example",
    ],
)
def test_a_url_that_is_none(url: str) -> None:
    """It is told without the password."""
    with pytest.raises(ConfigError, match="mail server") as caught:
        MailServer.from_url(url)
    assert "pw-1" not in str(caught.value)


def test_a_url() -> None:
    """Ports are the usual ones; the password is in no repr."""
    found = MailServer.from_url("smtp+starttls://u:pw@mail.example")
    assert (found.host, found.port, found.user, found.password) == ("mail.example", 587, "u", "pw")
    assert "pw" not in repr(found)
    assert MailServer.from_url("smtps://mail.example").port == 465
    assert MailServer.from_url("smtp://localhost").security == "plain"


def test_who_has_it_is_not_set_aside_with_the_others(store: MemoryMailStore, clock: FakeClock) -> None:
    """One of three is refused for good, the others have it."""
    box = Postbox(at_recipient=lambda address: "550 nobody" if address == "b@example.org" else None)
    with SmtpServer(box) as server:
        counts = send_due(store, plain(server.port), clock)
    assert (counts.sent, counts.delayed, counts.set_aside) == (1, 0, 1)
    assert [kept.recipients for kept in store.set_aside()] == [("b@example.org",)]
    assert store.waiting() == 0


@pytest.mark.parametrize("said", ["530 log in first", "421 closing"])
def test_a_server_that_wants_another_conversation_refuses_no_message(
    store: MemoryMailStore, clock: FakeClock, said: str
) -> None:
    """It is tried again; the others stay due."""
    store.enqueue(MESSAGE, "host@example.org", ("d@example.org",), service="polls")
    with SmtpServer(Postbox(at_data=lambda _number: said)) as server:
        counts = send_due(store, plain(server.port), clock)
    assert (counts.stopped, counts.delayed, counts.set_aside) == (True, 1, 0)
    assert len(store.due(clock.time(), 9)) == 1
