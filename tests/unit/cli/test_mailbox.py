"""The box of mails: what it keeps, what goes, and that many threads may put things in."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import pytest

from plugit_wsgi.cli.mailbox import REPLIES, REPLY_TEXT, KeptMail, MailBox
from plugit_wsgi.errors import BodyTooLarge
from plugit_wsgi.hostapi.mail import Mail


def mail(subject: str = "Hello", **more: Any) -> Mail:
    """A mail of 26 bytes, subject not counted."""
    given = {"sender": "a@example.org", "recipients": ("b@example.org",), "message": "", **more}
    return Mail(service="polls", subject=subject, **given)


def found(box: MailBox, number: int) -> KeptMail:
    """One that is there."""
    kept = box.find(number)
    assert kept is not None
    return kept


def test_newest_first_with_time_and_number() -> None:
    """Numbers count from 1."""
    now = iter([10.0, 20.0])
    box = MailBox(clock=lambda: next(now))
    for subject in ("first", "second"):
        box(mail(subject))
    assert [(kept.number, kept.at, kept.mail.subject) for kept in box.newest()] == [
        (2, 20.0, "second"),
        (1, 10.0, "first"),
    ]
    assert found(box, 1).mail.subject == "first"
    assert [box.find(number) for number in (-1, 0, 3)] == [None, None, None]


def test_the_oldest_goes_when_there_are_too_many() -> None:
    """Its number is not given again."""
    box = MailBox(count=2)
    for subject in "abc":
        box(mail(subject))
    assert [(kept.number, kept.mail.subject) for kept in box.newest()] == [(3, "c"), (2, "b")]
    assert (box.count, box.find(1)) == (2, None)


def test_the_oldest_go_when_they_take_too_much() -> None:
    """As many as it needs, in bytes and not in characters."""
    box = MailBox(size=100)
    for _ in range(3):
        box(mail("1234"))
    assert box.count == 3
    box(mail("\N{EURO SIGN}" * 20))
    assert [kept.number for kept in box.newest()] == [4]
    box(mail("12345678"))
    assert [kept.number for kept in box.newest()] == [5]
    box(mail("12345678"))
    assert [kept.number for kept in box.newest()] == [6, 5]


@pytest.mark.parametrize("field", ["message", "html_message", "response_id", "sender"])
def test_a_mail_over_all_room_is_refused(field: str, caplog: pytest.LogCaptureFixture) -> None:
    """What is there stays, and the log is spared."""
    caplog.set_level(logging.INFO, "plugit_wsgi.mail")
    box = MailBox(size=1000)
    box(mail("kept"))
    with pytest.raises(BodyTooLarge):
        box(mail("large", **{field: "x" * 1000}))
    assert [kept.mail.subject for kept in box.newest()] == ["kept"]
    assert "large" not in caplog.text


def test_ten_thousand_recipients_count_too() -> None:
    """They are bytes as well."""
    with pytest.raises(BodyTooLarge):
        MailBox(size=100_000)(mail(recipients=("somebody@example.org",) * 10_000))


def test_each_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """As ever."""
    caplog.set_level(logging.INFO, "plugit_wsgi.mail")
    MailBox()(mail("In the log", message="every word"))
    assert "from a@example.org to b@example.org: In the log" in caplog.text
    assert "every word" in caplog.text


def test_replies_are_with_their_mail() -> None:
    """Newest first, so many, each so long; a mail that has gone has none."""
    box = MailBox(count=1, clock=lambda: 5.0)
    box(mail())
    for number in range(REPLIES + 5):
        box.add_reply(1, f"reply {number}", "taken", "Ok")
    replies = found(box, 1).replies
    assert len(replies) == REPLIES
    assert (replies[0].text, replies[0].outcome, replies[0].said, replies[0].at) == (
        f"reply {REPLIES + 4}",
        "taken",
        "Ok",
        5.0,
    )
    box.add_reply(1, "x" * 3 * REPLY_TEXT, "refused", "500")
    assert found(box, 1).replies[0].text == "x" * REPLY_TEXT + " ..."
    box(mail())
    box.add_reply(1, "late", "taken", "Ok")
    assert [kept.replies for kept in box.newest()] == [()]


def give_way() -> float:
    """A clock in the middle of each change: whoever is not kept out comes in there."""
    time.sleep(0)
    return 0.0


def test_many_threads_at_once() -> None:
    """Nobody's number is another's, and the bounds hold at every moment."""
    threads, each = 8, 50
    box = MailBox(count=20, size=1000, clock=give_way)
    start = threading.Barrier(threads)
    seen: list[int] = []

    def send(name: str) -> None:
        start.wait()
        for number in range(each):
            box(mail(f"{name}{number:04}"))
            newest = box.newest()
            seen.append(len(newest))
            box.add_reply(newest[0].number, "x", "taken", "Ok")

    workers = [threading.Thread(target=send, args=(str(number),)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert max(seen) <= 20
    last = threads * each
    assert [kept.number for kept in box.newest()] == list(range(last, last - box.count, -1))
    # 31 bytes each: as many as were allowed, so no byte was counted twice or forgotten.
    assert box.count == 20
    box(mail("x" * 974))
    assert box.count == 1
