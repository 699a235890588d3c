"""Replies reach the service that asked for them, once, and no other; the rest harms nobody."""

from __future__ import annotations

import logging
import re
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plugit_wsgi.wire.keys import load_secrets
from tests.mail.world import RecordingService, Told, World, holding
from tests.support.dovecot import Account
from tests.support.mail_samples import CLIENTS, Sample, written


@pytest.fixture(params=["imaps", "pop3s"])
def world(request: pytest.FixtureRequest, account: Account, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, account, request.param)
    yield made
    made.close()


@pytest.fixture
def polls(world: World) -> RecordingService:
    """The service that is told; another one is mounted beside it."""
    service = RecordingService("polls")
    world.serve(service, RecordingService("notes"))
    return service


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the command has logged so far."""
    caplog.set_level(logging.INFO, "plugit_wsgi")
    return lambda: [
        record.getMessage()
        for record in caplog.records
        if record.name == "plugit_wsgi.mail" and not record.getMessage().startswith("event=mail_started")
    ]


@pytest.mark.parametrize("sample", CLIENTS.values(), ids=CLIENTS)
def test_a_reply_of_a_real_client(world: World, polls: RecordingService, sample: Sample) -> None:
    """Its text reaches the service once, with the Message-ID, and the mailbox is empty."""
    world.account.drop(sample.to(world.address("polls", "poll:7")))
    assert world.look() == 0
    assert world.look() == 0
    (told,) = polls.told
    assert (told.response_id, told.repeat) == ("poll:7", None)
    assert {sample.says, sample.quotes} <= set(told.message.split("\n"))
    assert told.message_id is not None
    assert told.message_id.encode() in sample.raw
    assert (world.left(), world.set_aside()) == ([], [])


def test_many_at_once(world: World, polls: RecordingService, lines: Callable[[], list[str]]) -> None:
    """Each once, and one line of the log for each."""
    for number in range(12):
        address = world.address("polls", str(number))
        world.account.drop(written(address, f"text {number}", f"<m{number}@example.org>"))
    assert world.look() == 0
    expected = {(str(number), f"text {number}", f"<m{number}@example.org>") for number in range(12)}
    assert {(told.response_id, told.message, told.message_id) for told in polls.told} == expected
    assert len(polls.told) == len(lines()) == 12
    assert all("outcome=delivered" in line for line in lines())


def flipped(world: World) -> bytes:
    local, _, domain = world.address("polls").partition("@")
    other = "abcdefghijklmnopqrstuvwxyz234567"["abcdefghijklmnopqrstuvwxyz234567".index(local[-1]) ^ 1]
    return written(f"{local[:-1]}{other}@{domain}")


def of_another_host(world: World) -> bytes:
    world.tokens = type(world.tokens)(load_secrets("another host's secret, long enough too"), world.store)
    return written(world.address("polls"))


def bomb(world: World) -> bytes:
    head = f"To: {world.address('polls')}\nContent-Type: multipart/mixed; boundary=b\n\n"
    return head.encode() + b"--b\n\nx\n" * 5000


BAD = {
    "one bit changed": (flipped, "signature"),
    "of another host": (of_another_host, "signature"),
    "expired": (lambda world: written(world.address("polls", lifetime=-1.0)), "expired|unknown"),
    "of a service that is gone": (lambda world: written(world.address("gone")), "not mounted"),
    "without a token": (lambda _world: written("replies@host.example"), "no reply address"),
    "no token at all": (lambda _world: written("replies+abcdefgh@host.example"), "form"),
    "50 MB": (lambda world: written(world.address("polls"), "x" * 50_000_000), "more than 10485760"),
    "a bomb": (bomb, "100 parts"),
    "no mail": (lambda _world: b"\x00\xff" * 1000, "no reply address"),
}


@pytest.mark.parametrize(("make", "reason"), BAD.values(), ids=BAD)
def test_poison_is_set_aside(
    world: World,
    polls: RecordingService,
    lines: Callable[[], list[str]],
    make: Callable[[World], bytes],
    reason: str,
) -> None:
    """Nobody is told, one line says why, and the messages before and after it arrive."""
    world.account.drop(written(world.address("polls", "before"), message_id="<b@x>"))
    good = world.tokens
    world.account.drop(make(world))
    world.tokens = good
    world.account.drop(written(world.address("polls", "after"), message_id="<a@x>"))
    for _ in range(2):
        assert world.look() == 0
    assert sorted(told.response_id for told in polls.told) == ["after", "before"]
    (line,) = [line for line in lines() if "delivered" not in line]
    assert "outcome=set_aside" in line
    assert re.search(reason, line)
    assert world.left() == []
    assert len(world.set_aside()) == 1


AUTOMATIC = {
    "an auto-reply": {"Auto_Submitted": "auto-replied"},
    "a list": {"List_Id": "<l.example.org>"},
    "a loop": {"Return_Path": "<>"},
    "bulk": {"Precedence": "bulk"},
}


@pytest.mark.parametrize("fields", AUTOMATIC.values(), ids=AUTOMATIC)
def test_machines_are_dropped(
    world: World, polls: RecordingService, lines: Callable[[], list[str]], fields: dict[str, str]
) -> None:
    """Nobody is told, one line says why, and the mailbox is empty."""
    world.account.drop(written(world.address("polls"), **fields))
    for _ in range(2):
        assert world.look() == 0
    assert polls.told == []
    (line,) = lines()
    assert "outcome=dropped" in line
    assert (world.left(), world.set_aside()) == ([], [])


def test_the_same_mail_twice(world: World, polls: RecordingService, lines: Callable[[], list[str]]) -> None:
    """A copy is dropped; another mail to the same address is another reply."""
    address = world.address("polls")
    for message_id in ("<a@x>", "<a@x>", "<b@x>"):
        world.account.drop(written(address, message_id=message_id))
    assert world.look() == 0
    assert sorted(str(told.message_id) for told in polls.told) == ["<a@x>", "<b@x>"]
    assert [line for line in lines() if "has it already" in line]
    assert world.left() == []


def test_each_service_hears_its_own(world: World) -> None:
    """A token of one service never reaches another one, whatever else the mail says."""
    polls, notes = RecordingService("polls"), RecordingService("notes")
    world.serve(polls, notes)
    for service in ("polls", "notes"):
        world.account.drop(written(world.address(service, service), service, f"<{service}@x>"))
    both = f"{world.address('polls', 'both')}, {world.address('notes', 'both')}"
    world.account.drop(written(both, "both", "<both@x>"))
    assert world.look() == 0
    assert sorted(told.message for told in polls.told) == ["both", "polls"]
    assert sorted(told.message for told in notes.told) == ["both", "notes"]


def test_a_service_that_is_away(world: World, lines: Callable[[], list[str]], free_port: int) -> None:
    """Its mail stays, others arrive; when it is back it hears what waited."""
    polls, notes = RecordingService("polls"), RecordingService("notes")
    world.serve(polls, notes)
    config = world._config.read_text()
    urls = [line.split('"')[1] for line in config.splitlines() if line.startswith("url")]
    world.mount({"polls": f"http://127.0.0.1:{free_port}", "notes": urls[1]})
    for number, service in enumerate(("polls", "polls", "notes")):
        world.account.drop(written(world.address(service), message_id=f"<{number}@x>"))
    assert world.look() == 0
    assert (len(polls.told), len(notes.told), len(world.left())) == (0, 1, 2)
    assert [line.split()[1] for line in lines()] == ["outcome=waits", "outcome=held", "outcome=delivered"]
    world.mount(dict(zip(("polls", "notes"), urls, strict=True)))
    assert world.look() == 0
    assert (len(polls.told), len(notes.told)) == (2, 1)
    assert (world.left(), world.set_aside()) == ([], [])


@pytest.mark.parametrize("answer", [{"result": "Error"}, {"result": "ok"}, {}])
def test_a_service_that_does_not_take_it(
    world: World, polls: RecordingService, lines: Callable[[], list[str]], answer: object
) -> None:
    """The mail stays until it does; what it may have heard before is marked."""
    polls.answer = answer
    world.account.drop(written(world.address("polls")))
    assert world.look() == 0
    assert len(world.left()) == 1
    polls.answer = None
    assert world.look() == 0
    assert [told.repeat for told in polls.told] == [None, "1"]
    assert world.left() == []
    assert ["waits" in line for line in lines()] == [True, False]


def test_no_service_is_asked_for_five_days(world: World, polls: RecordingService) -> None:
    """What waited as long as mail servers wait is set aside."""
    polls.answer = {"result": "Error"}
    for days, message_id in ((4, "<new@x>"), (6, "<old@x>")):
        date = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(time.time() - days * 86400))
        world.account.drop(written(world.address("polls"), message_id=message_id, Received=f"from a; {date}"))
    assert world.look() == 0
    assert [b"<new@x>" in raw for raw in world.left()] == [True]
    assert [b"<old@x>" in raw for raw in world.set_aside()] == [True]


# A crash at the worst moment -------------------------------------------------------------


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.slow
def test_killed_before_the_answer(world: World, polls: RecordingService) -> None:
    """The service has taken it and nobody knows: it hears it again, marked."""
    address = world.address("polls")
    world.account.drop(written(address, "once", "<k@x>"))
    with world.started() as process:
        polls.before_answer = lambda: (process.kill(), process.wait())  # type: ignore[assignment,func-returns-value]
        wait_until(lambda: process.poll() is not None)
    assert process.returncode == -signal.SIGKILL
    assert (len(polls.told), len(world.left())) == (1, 1)
    polls.before_answer = lambda: None
    wait_until(lambda: world.look() == 0)
    assert polls.told == [Told("42", "once", "<k@x>", None), Told("42", "once", "<k@x>", "1")]
    assert (world.left(), world.set_aside()) == ([], [])


@pytest.mark.slow
def test_killed_between_the_answer_and_the_removal(world: World, polls: RecordingService) -> None:
    """The service has said "Ok", and the process dies before it could note that: again, marked."""
    world.account.drop(written(world.address("polls"), "once", "<k@x>"))
    database = sqlite3.connect(world.folder / "mail.sqlite3", check_same_thread=False, isolation_level=None)
    answered = threading.Event()

    def lock() -> None:
        # From here on nothing can be noted: the process has the answer, and waits for the database.
        database.execute("BEGIN EXCLUSIVE")
        answered.set()

    polls.before_answer = lock
    with world.started() as process:
        assert answered.wait(20)
        time.sleep(1)
        assert process.poll() is None
        process.kill()
        process.wait()
    database.execute("ROLLBACK")
    database.close()
    assert (len(polls.told), len(world.left())) == (1, 1)
    polls.before_answer = lambda: None
    wait_until(lambda: world.look() == 0)
    assert polls.told == [Told("42", "once", "<k@x>", None), Told("42", "once", "<k@x>", "1")]
    assert (world.left(), world.set_aside()) == ([], [])


@pytest.mark.slow
def test_killed_when_it_wants_to_remove(world: World, polls: RecordingService) -> None:
    """The service has it, and that is known: it hears nothing more, and the mail goes."""
    world.account.drop(written(world.address("polls"), "once", "<k@x>"))
    scheme = "imap" if world.is_imap else "pop3"
    own = world.account.server.ports[scheme]
    with holding(own, (b" STORE ", b"DELE ")) as (port, held):
        url = world.account.url(scheme).replace(f":{own}", f":{port}")
        with world.started(PLUGIT_MAILBOX=url) as process:
            assert held.wait(20)
            process.kill()
            process.wait()
    assert (len(polls.told), len(world.left())) == (1, 1)
    wait_until(lambda: world.look() == 0)
    assert polls.told == [Told("42", "once", "<k@x>", None)]
    assert (world.left(), world.set_aside()) == ([], [])


def peak(process: subprocess.Popen[str]) -> int:
    """Bytes of memory that a process has had at most."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.slow
def test_a_large_message_is_never_in_memory(world: World, polls: RecordingService) -> None:
    """50 MB cost less than half of that, by either protocol."""
    world.account.drop(written(world.address("polls")))
    with world.started("--interval", "1") as process:
        wait_until(lambda: not world.left())
        before = peak(process)
        world.account.drop(written(world.address("polls"), "x" * 50_000_000, "<large@x>"))
        wait_until(lambda: world.set_aside() and not world.left())
        assert peak(process) - before < 20_000_000
    assert len(polls.told) == 1


@pytest.mark.slow
def test_sigterm_ends_it_between_messages(world: World, polls: RecordingService) -> None:
    """What is under way is done to its end; the rest is there for the next time."""
    for number in range(5):
        world.account.drop(written(world.address("polls"), message_id=f"<{number}@x>"))
    with world.started() as process:

        def end() -> None:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)

        polls.before_answer = end
        assert process.wait(20) == 0
        output = process.stdout.read() if process.stdout else ""
    assert "Traceback" not in output
    assert (len(polls.told), len(world.left())) == (1, 4)
    polls.before_answer = lambda: None
    wait_until(lambda: world.look() == 0)
    assert len(polls.told) == 5
    assert {told.repeat for told in polls.told} == {None}


@pytest.mark.slow
def test_no_secret_is_printed_or_in_the_process_list(world: World, polls: RecordingService) -> None:
    """Passwords and tokens are in no line and no argument."""
    address = world.address("polls")
    world.account.drop(written(address, "private text"))
    world.account.drop(written(address[:-30] + "zz@host.example", "private text", "<z@x>"))
    with world.started("--interval", "1") as process:
        wait_until(lambda: not world.left())
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
        process.terminate()
        output = process.communicate()[0]
    assert output.count("event=reply") == 2
    for secret in ("word", address.partition("+")[2][:16], "private", "Traceback"):
        assert secret not in output + shown
