"""The thread that sends: begins when it is needed, in each process, and survives what goes wrong."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable

import pytest
from tests.support.smtp_server import Postbox, SmtpServer

from plugit_wsgi.hostapi.mail import Mail
from plugit_wsgi.mail.background import Background
from plugit_wsgi.mail.mailer import Mailer
from plugit_wsgi.mail.memory import MemoryMailStore

SECRET = "a secret of the tests, long enough."
MAIL = Mail(service="polls", sender="", recipients=("a@example.org",), subject="x", message="y")


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "plugit-wsgi-mail"]


def test_a_mail_goes_from_the_call_to_the_server() -> None:
    """By itself; there is no thread before the first mail, and none after the end."""
    box = Postbox()
    with SmtpServer(box) as server:
        mailer = Mailer(
            f"smtp://127.0.0.1:{server.port}",
            sender="mail@radio.example",
            store=MemoryMailStore(),
            secret_key=SECRET,
            background=True,
        )
        assert threads() == []
        for _time in range(3):
            mailer(MAIL)
        wait_for(lambda: len(box.received) == 3)
        assert len(threads()) == 1
        mailer.close()
    assert threads() == []
    assert {tuple(received.recipients) for received in box.received} == {("a@example.org",)}


def test_a_call_waits_for_no_mail_server() -> None:
    """One that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        store = MemoryMailStore()
        mailer = Mailer(
            f"smtp://127.0.0.1:{mute.getsockname()[1]}",
            sender="mail@radio.example",
            store=store,
            secret_key=SECRET,
            background=True,
        )
        begun = time.monotonic()
        for _time in range(5):
            mailer(MAIL)
        assert time.monotonic() - begun < 1
        assert store.waiting() == 5
    mailer.close()


def test_it_goes_on_after_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """Which is logged."""
    done: list[int] = []

    def work() -> bool:
        done.append(1)
        if len(done) == 1:
            raise OSError("the database is away")
        return len(done) < 4

    background = Background(work, pause=0.01)
    with caplog.at_level(logging.ERROR):
        background.wake()
        wait_for(lambda: len(done) >= 4)
        background.close()
    assert caplog.records[0].getMessage().startswith("mail: the queue failed")
    background.wake()
    assert threads() == []


def test_a_child_of_a_fork_has_a_thread_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """From its first mail on; the parent's is not there."""
    done: list[str] = []
    background = Background(lambda: bool(done.append(threading.current_thread().name)), pause=60)
    background.wake()
    wait_for(lambda: done)
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        background.wake()
        wait_for(lambda: len(done) == 2)
        assert len(threads()) == 2
        background.close()
    background.close()
    assert threads() == []
