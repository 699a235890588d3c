"""``plugit-wsgi mail``: what makes no sense is one sentence, and who cannot be asked is asked again."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.planted import SECRET
from tests.support.smtp_server import Postbox, SmtpServer

from plugit_wsgi import cli, loading
from plugit_wsgi.mail.sql import SqlMailStore
from plugit_wsgi.migrations import upgrade

VARIABLES = ("MAILBOX", "MAILBOX_PASSWORD", "MAIL_STORE", "MAIL_SERVER", "SECRET_KEY")
Run = Callable[..., int]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A host's file with one service."""
    path = tmp_path / "plugit.toml"
    path.write_text('[[services]]\nname = "polls"\nurl = "http://127.0.0.1:1"\n', encoding="utf-8")
    return path


@pytest.fixture
def run(config: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("--once", MAILBOX="…")`: the exit code, with settings that mean something, or those given."""
    usual = {
        "MAILBOX": "imap://a:hunter2@127.0.0.1:1",
        "MAIL_STORE": f"sqlite:///{config.with_name('mail.sqlite3')}",
        "SECRET_KEY": SECRET,
    }
    upgrade(usual["MAIL_STORE"])

    def call(*options: str, **env: str) -> int:
        for name, value in {**dict.fromkeys(VARIABLES, ""), **usual, **env}.items():
            monkeypatch.setenv(f"PLUGIT_{name}", value)
        return cli.main(["mail", "--config", str(config), "--once", *options])

    return call


NONSENSE = {
    "no secret": ((), {"SECRET_KEY": ""}, "secret_key"),
    "a short secret": ((), {"SECRET_KEY": "short"}, "secret_key"),
    "no store": ((), {"MAIL_STORE": ""}, "PLUGIT_MAIL_STORE"),
    "a store that is none": ((), {"MAIL_STORE": "hunter2"}, "sqlite:///"),
    "a store of another kind": ((), {"MAIL_STORE": "nosql://a:hunter2@h/x"}, "sqlite:///"),
    "nothing to do": ((), {"MAILBOX": ""}, "PLUGIT_MAILBOX, PLUGIT_MAIL_SERVER"),
    "nothing to send": (("--send",), {}, "PLUGIT_MAILBOX, PLUGIT_MAIL_SERVER"),
    "a mailbox that is none": ((), {"MAILBOX": "https://a:hunter2@h.example"}, "imaps://"),
    "a mailbox without TLS": ((), {"MAILBOX": "imap://a:hunter2@h.example"}, "starttls"),
    "a mailbox without a password": ((), {"MAILBOX": "imaps://a@h.example"}, "PLUGIT_MAILBOX_PASSWORD"),
    "POP3 without a folder": ((), {"MAILBOX": "pop3s://a:hunter2@h.example"}, "set_aside"),
    "a mail server that is none": ((), {"MAIL_SERVER": "http://a:hunter2@h.example"}, "smtps://"),
    "an interval": (("--interval", "0"), {}, "--interval"),
    "an interval in words": (("--interval", "soon"), {}, "--interval"),
    "a name without one": (("--original-service", "42"), {}, "--original-service"),
    "names without keys": (("--original-service", "42=polls"), {}, "mail v1"),
    "both alone": (("--send", "--receive"), {}, "not allowed"),
}


@pytest.mark.parametrize(("options", "env", "said"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense(
    run: Run, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], env: dict[str, str], said: str
) -> None:
    """Exit code 2 and one sentence, without a password."""
    assert run(*options, **env) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert "hunter2" not in told


def test_without_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    """The host's file is required."""
    assert cli.main(["mail"]) == 2
    assert "--config" in capsys.readouterr().err


def test_without_the_extra(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to install."""

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(loading, "import_module", missing)
    assert run() == 2
    assert "plugit-wsgi[sql]" in capsys.readouterr().err


def test_a_secret_of_the_file(run: Run, config: Path) -> None:
    """It is enough; and a mailbox that cannot be asked is exit code 1."""
    text = config.read_text(encoding="utf-8")
    config.write_text(f'secret_key = "{SECRET}"\n{text}', encoding="utf-8")
    assert run(SECRET_KEY="") == 1


@pytest.mark.parametrize(
    ("env", "event"),
    [
        ({}, "mailbox_failed"),
        ({"MAILBOX": "", "MAIL_SERVER": "smtp://127.0.0.1:1", "MAIL_STORE": "sqlite://"}, "mail_failed"),
    ],
)
def test_who_cannot_be_asked(
    run: Run, caplog: pytest.LogCaptureFixture, env: dict[str, str], event: str
) -> None:
    """Is told in the log, without a traceback."""
    caplog.set_level(logging.INFO, "plugit_wsgi.mail")
    assert run(**env) == 1
    lines = [record for record in caplog.records if f"event={event}" in record.getMessage()]
    assert lines
    assert not any(record.exc_info for record in lines)


def test_a_mail_server_that_is_away(run: Run, config: Path) -> None:
    """Exit code 1 too, where there is something to send; what was to be sent waits."""
    sending = {"MAILBOX": "", "MAIL_SERVER": "smtp://127.0.0.1:1"}
    assert run(**sending) == 0
    with closing(SqlMailStore(f"sqlite:///{config.with_name('mail.sqlite3')}")) as store:
        store.enqueue(b"Subject: x\r\n\r\n", "h@example.org", ["a@example.org"], service="polls")
        assert run(**sending) == 1
        assert store.waiting() == 1


def test_what_was_sent_is_told(run: Run, config: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In one line; an empty queue is none."""
    caplog.set_level(logging.INFO, "plugit_wsgi.mail")
    store = loading.make_mail_store(f"sqlite:///{config.with_name('mail.sqlite3')}")
    for _number in range(2):
        store.enqueue(b"Subject: Hi\r\n\r\nHi\r\n", "a@host.example", ["b@host.example"], service="polls")
    store.close()
    with SmtpServer(Postbox()) as server:
        for _again in range(2):
            assert run("--send", MAIL_SERVER=f"smtp://127.0.0.1:{server.port}") == 0
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if "mail_sent" in line] == ["event=mail_sent messages=2"]


def test_the_limits_of_a_host_with_many_threads(run: Run, config: Path) -> None:
    """Those of its file count together."""
    text = config.read_text(encoding="utf-8")
    config.write_text(f"threads = 64\n[limits]\ntotal_places = 32\n{text}", encoding="utf-8")
    assert run() == 1  # the mailbox is away


@pytest.mark.parametrize(
    ("options", "does"), [((), "send,receive"), (("--send",), "send"), (("--receive",), "receive")]
)
def test_it_says_what_it_does(
    run: Run, caplog: pytest.LogCaptureFixture, options: tuple[str, ...], does: str
) -> None:
    """A variable that was forgotten is seen at the start."""
    caplog.set_level(logging.INFO, "plugit_wsgi.mail")
    run(*options, MAIL_SERVER="smtp://127.0.0.1:1")
    assert f"event=mail_started does={does}" in [record.getMessage() for record in caplog.records]


@pytest.mark.slow
def test_it_goes_on_until_a_signal(run: Run, config: Path) -> None:
    """A mailbox that is away ends nothing; SIGTERM does, at once, with exit code 0."""
    run()
    process = subprocess.Popen(
        [sys.executable, "-m", "plugit_wsgi.cli", "mail", "--config", str(config), "--interval", "1"],
        env=dict(os.environ),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    told = [process.stderr.readline() for _ in range(4)]
    assert sum("event=mailbox_failed" in line for line in told) >= 2
    since = time.monotonic()
    process.terminate()
    assert process.wait(10) == 0
    assert time.monotonic() - since < 2
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
