"""The whole way: a service sends a mail, a person gets it and answers, and the service hears the answer."""

from __future__ import annotations

import imaplib
import smtplib
import ssl
from collections.abc import Iterable, Iterator
from email import message_from_bytes, policy
from email.utils import parseaddr
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugit_wsgi import PlugItMiddleware, Service, User
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.mail.mailer import Mailer
from plugit_wsgi.sdk import PlugItAPI
from plugit_wsgi.wire.keys import format_service_key, load_secrets, service_keys
from tests.mail.world import REPLIES, PostOffice, RecordingService, World
from tests.support.dovecot import Account, DovecotServer
from tests.support.mail_samples import CLIENTS, Sample
from tests.support.planted import SECRET
from tests.support.servers import serve_in_thread

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ANNA = User("7", "anna", email="anna@example.org")


@pytest.fixture
def anna(dovecot: DovecotServer) -> Account:
    """The mailbox of a person."""
    return dovecot.account()


@pytest.fixture
def post_office(account: Account, anna: Account) -> Iterator[PostOffice]:
    """The mail server of everybody."""
    office = PostOffice({"anna": anna, "replies": account})
    yield office
    office.stop()


def nothing(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"-"]


def read_mail(anna: Account) -> bytes:
    """The only message of a person, as her mail client gets it."""
    url = anna.server.ports["imaps"]
    context = ssl.create_default_context(cafile=str(anna.server.authority))
    with imaplib.IMAP4_SSL("localhost", url, ssl_context=context) as imap:
        answer = f"\0{anna.name}\0{'p@ss' + chr(34) + 'word/ä'}".encode()
        imap.authenticate("PLAIN", lambda _challenge: answer)
        assert imap.select()[1] == [b"1"]
        raw = imap.fetch("1", "(RFC822)")[1][0][1]  # type: ignore[index]
    assert isinstance(raw, bytes)
    return raw


@pytest.mark.parametrize("sample", CLIENTS.values(), ids=CLIENTS)
def test_a_mail_and_its_answer(
    account: Account, anna: Account, post_office: PostOffice, tmp_path: Path, sample: Sample
) -> None:
    """It arrives in a real mailbox; its answer reaches the service once, with the response_id."""
    world = World(tmp_path, account)
    polls = RecordingService("polls")
    mailer = Mailer(None, sender=f"Polls <{REPLIES}>", store=world.store, secret_key=SECRET)
    world.serve(polls)
    host = PlugItMiddleware(
        nothing,
        [Service("polls", "http://127.0.0.1:1", mail_to="anyone")],
        SECRET,
        directory=StaticDirectory([ANNA]),
        mail=mailer,
    )
    key = format_service_key(service_keys(load_secrets(SECRET), "polls"))
    with serve_in_thread(host) as url:
        api = PlugItAPI(f"{url}/s/_api/polls/", key=key)
        assert api.send_mail("polls@host.example", "Größe", [ANNA.email], "Stimmt ihr zu?", "poll:7")
    world.env["PLUGIT_MAIL_SERVER"] = f"smtp://127.0.0.1:{post_office.port}"
    assert world.look("--send") == 0

    received = message_from_bytes(read_mail(anna), policy=policy.default)
    assert received["Subject"] == "Größe"
    assert "Stimmt ihr zu?" in received.get_content()
    answer_to = parseaddr(str(received["Reply-To"]))[1]
    assert polls.told == []
    with smtplib.SMTP("127.0.0.1", post_office.port) as smtp:
        smtp.sendmail(ANNA.email, [answer_to], sample.to(answer_to))

    for _ in range(2):
        assert world.look() == 0
    (told,) = polls.told
    assert (told.response_id, told.repeat) == ("poll:7", None)
    assert {sample.says, sample.quotes} <= set(told.message.split("\n"))
    assert (world.left(), world.set_aside()) == ([], [])
    host.close()
    world.close()
