"""Reply tokens: made by the host, for a time, and by nobody else."""

from __future__ import annotations

import re

import pytest

from plugit_wsgi.errors import ReplyRejected
from plugit_wsgi.mail.memory import MemoryMailStore
from plugit_wsgi.mail.reply_tokens import ReplyTokens
from plugit_wsgi.mail.store import ReplyAddress
from plugit_wsgi.testing.clock import FakeClock
from plugit_wsgi.wire.keys import load_secrets

OLD, NEW = "an older secret of the tests, as long.", "a secret of the tests, long enough."


def rejected(tokens: ReplyTokens, token: str) -> str:
    with pytest.raises(ReplyRejected) as caught:
        tokens.verify(token)
    return caught.value.reason


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> MemoryMailStore:
    return MemoryMailStore(clock=clock)


@pytest.fixture
def tokens(store: MemoryMailStore, clock: FakeClock) -> ReplyTokens:
    return ReplyTokens(load_secrets(OLD), store, clock=clock)


def test_a_token_says_whom_it_is_for(tokens: ReplyTokens, clock: FakeClock) -> None:
    """In whatever case a mail program wrote it; it fits into a local part and tells nothing."""
    token = tokens.sign("polls", "answer 7", 60)
    assert re.fullmatch("[a-z2-7]{32}", token)
    expected = ReplyAddress("polls", "answer 7", clock.time() + 60)
    assert tokens.verify(token) == tokens.verify(token.upper()) == expected
    assert tokens.sign("polls", "answer 7", 60) != token


def test_a_token_expires(tokens: ReplyTokens, clock: FakeClock, store: MemoryMailStore) -> None:
    """It says so until it is forgotten."""
    token = tokens.sign("polls", "7", 60)
    clock.advance(59)
    tokens.verify(token)
    clock.advance(1)
    assert rejected(tokens, token) == "expired"
    store.prune(clock.time())
    assert rejected(tokens, token) == "unknown"


def test_no_character_of_a_token_can_be_changed(tokens: ReplyTokens) -> None:
    """Each bit counts."""
    token = tokens.sign("polls", "7", 60)
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    for place, letter in enumerate(token):
        for bit in range(5):
            other = letters[letters.index(letter) ^ 1 << bit]
            assert rejected(tokens, token[:place] + other + token[place + 1 :]) == "signature"


@pytest.mark.parametrize("token", ["", "x", "a" * 31, "a" * 33, "1" * 32, "a" * 31 + "é", " " + "a" * 31])
def test_nonsense_is_no_token(tokens: ReplyTokens, token: str) -> None:
    assert rejected(tokens, token) == "form"


def test_secrets_rotate(tokens: ReplyTokens, store: MemoryMailStore, clock: FakeClock) -> None:
    """The newest signs, all verify, one that is gone verifies nothing."""
    old = tokens.sign("polls", "7", 60)
    both = ReplyTokens(load_secrets([OLD, NEW]), store, clock=clock)
    new = both.sign("polls", "8", 60)
    assert both.verify(old).response_id == "7"
    after = ReplyTokens(load_secrets(NEW), store, clock=clock)
    assert after.verify(new).response_id == "8"
    assert rejected(after, old) == "signature"
    assert rejected(tokens, new) == "signature"
