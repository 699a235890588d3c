"""Mailboxes of a real server, by each protocol and each kind of TLS."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from plugit_wsgi.errors import MailboxError, MessageUnusable
from plugit_wsgi.mail.mailboxes import Mailbox, parse_location
from plugit_wsgi.mail.opening import open_mailbox
from tests.support.dovecot import Account, running_dovecot
from tests.support.mail_samples import written

SCHEMES = ("imaps", "imap+starttls", "imap", "imap of 2003", "pop3s", "pop3+starttls", "pop3")
LONG = b"x" * 5000


class Sessions:
    """Opens the mailbox anew each time, as a restart would. For one thread."""

    def __init__(self, account: Account, scheme: str, aside: Path) -> None:
        self.account = account
        self.aside = aside
        self.is_imap = scheme.startswith("imap")
        self._is_old = scheme.endswith("2003")
        self.location = parse_location(account.url(scheme.partition(" ")[0]), aside=str(aside))

    def open(self) -> Mailbox:
        mailbox = open_mailbox(self.location)
        if self._is_old:  # neither UIDPLUS nor MOVE
            mailbox._capabilities = []  # type: ignore[attr-defined]
        return mailbox

    def set_aside(self) -> list[bytes]:
        """What was set aside."""
        if self.is_imap:
            return self.account.messages("PlugIt-failed")
        return [path.read_bytes() for path in self.aside.iterdir()]


@pytest.fixture(params=SCHEMES)
def sessions(request: pytest.FixtureRequest, account: Account, tmp_path: Path) -> Sessions:
    return Sessions(account, request.param, tmp_path)


def lines(raw: bytes) -> list[bytes]:
    return raw.replace(b"\r\n", b"\n").strip().split(b"\n")


def test_an_empty_mailbox(sessions: Sessions) -> None:
    """Nothing waits."""
    mailbox = sessions.open()
    assert list(mailbox.waiting()) == []
    mailbox.close()


def test_messages(sessions: Sessions) -> None:
    """Each is fetched as it was sent, any number of times, under the same key in each session."""
    raws = [written("a+b@c", f"{text}\r\n.\r\n..dots\r\n{LONG.decode()}") for text in ("one", "zwölf")]
    for raw in raws:
        sessions.account.drop(raw)
    keys = []
    for _ in range(2):
        mailbox = sessions.open()
        waiting = list(mailbox.waiting())
        assert sorted(lines(mailbox.fetch(item, 20_000)) for item in waiting) == sorted(map(lines, raws))
        assert all(abs(item.size - len(raws[0])) < 50 for item in waiting)
        keys.append([item.key for item in waiting])
        mailbox.close()
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 2


def test_remove(sessions: Sessions) -> None:
    """That one message is gone, also in the next session."""
    for text in ("one", "two"):
        sessions.account.drop(written("a+b@c", text))
    mailbox = sessions.open()
    first, second = mailbox.waiting()
    mailbox.remove(first)
    mailbox.close()
    mailbox = sessions.open()
    assert [item.key for item in mailbox.waiting()] == [second.key]
    mailbox.close()
    assert len(sessions.account.messages()) == 1


def test_set_aside(sessions: Sessions) -> None:
    """Out of the way and still there, whole; the folder is made by the first, and used by the second."""
    raws = [written("a+b@c", text + LONG.decode()) for text in ("one", "two")]
    for raw in raws:
        sessions.account.drop(raw)
        mailbox = sessions.open()
        (message,) = mailbox.waiting()
        mailbox.set_aside(message)
        mailbox.close()
    mailbox = sessions.open()
    assert list(mailbox.waiting()) == []
    mailbox.close()
    assert sorted(map(lines, sessions.set_aside())) == sorted(map(lines, raws))


def test_a_server_with_all_folders_below_the_inbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Cyrus and Courier have them: what is set aside goes there, and holds up no other one."""
    below = "namespace inbox {\n  inbox = yes\n  prefix = INBOX.\n  separator = .\n}\n"
    with running_dovecot(below) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.authority))
        account = server.account()
        for text in ("one", "two"):
            account.drop(written("a+b@c", text))
        mailbox = open_mailbox(parse_location(account.url("imaps")))
        for message in mailbox.waiting():
            mailbox.set_aside(message)
        mailbox.close()
        assert (len(account.messages()), len(account.messages("PlugIt-failed"))) == (0, 2)


def test_no_more_than_allowed(sessions: Sessions) -> None:
    """A message that is larger than the server said is not kept; the session goes on."""
    sessions.account.drop(written("a+b@c", LONG.decode()))
    mailbox = sessions.open()
    (message,) = mailbox.waiting()
    with pytest.raises(MessageUnusable, match="4000"):
        mailbox.fetch(message, 4000)
    assert len(mailbox.fetch(message, 6000)) > 5000
    mailbox.close()


def test_a_session_that_breaks_off(sessions: Sessions) -> None:
    """Nothing is lost that was not removed."""
    sessions.account.drop(written("a+b@c"))
    mailbox = sessions.open()
    (message,) = mailbox.waiting()
    mailbox.fetch(message, 1000)
    session = mailbox._imap if sessions.is_imap else mailbox._pop  # type: ignore[attr-defined]
    session.sock.shutdown(socket.SHUT_RDWR)
    with pytest.raises(MailboxError):
        mailbox.remove(message)
    mailbox.close()
    mailbox = sessions.open()
    assert len(list(mailbox.waiting())) == 1
    mailbox.close()


def test_a_wrong_password(sessions: Sessions) -> None:
    """A plain error, without the password, and without what the server said."""
    location = parse_location(
        sessions.account.url("imaps" if sessions.is_imap else "pop3s").replace("p%40ss", "other"),
        aside=str(sessions.aside),
    )
    with pytest.raises(MailboxError, match="cannot be asked") as caught:
        open_mailbox(location)
    assert "other" not in f"{caught.value} {location!r}"


@pytest.mark.parametrize("scheme", ["imaps", "imap+starttls", "pop3s", "pop3+starttls"])
def test_a_server_that_nobody_vouches_for(
    account: Account, scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not told the password."""
    monkeypatch.delenv("SSL_CERT_FILE")
    account.drop(written("a+b@c"))
    with pytest.raises(MailboxError, match="SSLCertVerificationError"):
        open_mailbox(parse_location(account.url(scheme), aside=str(tmp_path)))


@pytest.mark.parametrize("scheme", ["imaps", "pop3s", "imap", "pop3"])
def test_no_server(scheme: str, tmp_path: Path) -> None:
    """Nothing listens there."""
    with pytest.raises(MailboxError, match="ConnectionRefusedError"):
        open_mailbox(parse_location(f"{scheme}://a:b@127.0.0.1:1", aside=str(tmp_path)))
