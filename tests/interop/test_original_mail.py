"""Replies from a real mailbox to a genuine plugit service, and to addresses that the genuine proxy wrote."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugit_wsgi.mail.store import ReplyAddress
from plugit_wsgi.mail.tokens_v1 import TokensV1
from tests.interop.processes import HERE, Process
from tests.interop.visitor import Visitor
from tests.mail.conftest import account, dovecot
from tests.mail.world import World, holding
from tests.support.dovecot import Account
from tests.support.mail_samples import CLIENTS, Sample, written

__all__ = ["account", "dovecot"]

V1 = {"MAIL_SECRET_KEY": "secret2-for-tests", "MAIL_SECRET_HASH": "secret-for-tests"}


@pytest.fixture
def world(account: Account, original_service: Process, tmp_path: Path) -> Iterator[World]:
    """The genuine service is ``polls``."""
    made = World(tmp_path, account)
    made.mount({"polls": original_service.url})
    yield made
    made.close()


def genuine_addresses(python27: Path, *keys: str) -> list[str]:
    """What the genuine proxy writes into Reply-To."""
    command = [str(python27), str(HERE / "original_proxy" / "reply_to.py"), *keys]
    done = subprocess.run(command, env={**os.environ, **V1}, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def mails(visitor: Visitor) -> list[list[str]]:
    """What the service's own callback got, in this run of it."""
    found: list[list[str]] = visitor.get("/mails/").json()["mails"]
    return found


@pytest.mark.parametrize("sample", CLIENTS.values(), ids=CLIENTS)
def test_a_reply_reaches_the_callback(
    world: World, original_service: Process, visitor: Visitor, sample: Sample
) -> None:
    """Once, with the text as it was written."""
    world.account.drop(sample.to(world.address("polls", f"to:{sample.says[:2]}")))
    before = len(mails(visitor))
    for _ in range(2):
        assert world.look() == 0
    ((response_id, message),) = mails(visitor)[before:]
    assert response_id == f"to:{sample.says[:2]}"
    assert {sample.says, sample.quotes} <= set(message.split("\n"))
    call = original_service.only_call("/mail")
    assert call.header("X-Plugit-Repeat") is None
    assert (world.left(), world.set_aside()) == ([], [])


def test_killed_when_the_service_answers(world: World, original_service: Process, visitor: Visitor) -> None:
    """It has taken the reply and said so, and nobody has heard that: it is told again, marked."""
    world.account.drop(written(world.address("polls"), "once", "<k@x>"))
    before = len(mails(visitor))
    with holding(original_service.address[1], (b"HTTP/1",), answers=True) as (port, held):
        world.mount({"polls": f"http://127.0.0.1:{port}"})
        with world.started() as process:
            assert held.wait(20)
            process.kill()
            process.wait()
    assert len(mails(visitor)) - before == len(world.left()) == 1
    world.mount({"polls": original_service.url})
    assert world.look() == 0
    assert world.look() == 0
    told = original_service.calls("/mail")
    assert [call.header("X-Plugit-Repeat") for call in told] == [None, "1"]
    assert {call.header("X-Plugit-Message-Id") for call in told} == {"<k@x>"}
    assert mails(visitor)[before:] == [["42", "once"]] * 2
    assert (world.left(), world.set_aside()) == ([], [])


def test_addresses_of_the_genuine_proxy(python27: Path) -> None:
    """Each is read as what it was made for, and none with one bit changed."""
    keys = ["42:abc", "7:x", "polls:poll:7", "1:" + "long" * 10]
    tokens = TokensV1(V1["MAIL_SECRET_KEY"], V1["MAIL_SECRET_HASH"], {"42": "polls"})
    addresses = genuine_addresses(python27, *keys)
    found = [tokens.verify(address.partition("+")[2].partition("@")[0]) for address in addresses]
    assert found[0] == ReplyAddress("polls", "abc", float("inf"))
    assert [(item.service, item.response_id) for item in found[1:]] == [
        ("7", "x"),
        ("polls", "poll:7"),
        ("1", "long" * 10),
    ]


def test_a_reply_to_an_address_of_the_genuine_proxy(
    world: World, python27: Path, original_service: Process
) -> None:
    """Mail of before the change of hosts is answered still."""
    (address,) = genuine_addresses(python27, "42:abc")
    world.account.drop(written(address, "späte Antwort"))
    world.env |= {f"PLUGIT_MAIL_V1_SECRET_{name}": V1[f"MAIL_SECRET_{name}"] for name in ("KEY", "HASH")}
    assert world.look("--original-service", "42=polls") == 0
    assert original_service.only_call("/mail").body == b"response_id=abc&message=sp%C3%A4te%20Antwort"
