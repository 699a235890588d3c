"""Reply addresses of version 1 are read as protocol section 10 says."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugit_wsgi.errors import ConfigError, ReplyRejected
from plugit_wsgi.mail import tokens_v1
from plugit_wsgi.mail.store import ReplyAddress
from plugit_wsgi.mail.tokens_v1 import TokensV1

TOKENS = TokensV1("secret2-for-tests", "secret-for-tests")
VECTORS = {
    "cItTqOOpTxnc3IS6LbXDCtVCPA==": ("42", "abc"),
    "IznnY9nZNXUAT1ZC9mG9Mw==": ("7", "x"),
}


@pytest.mark.parametrize(("token", "expected"), VECTORS.items())
def test_vectors(token: str, expected: tuple[str, str]) -> None:
    """Service and response_id, for ever."""
    assert TOKENS.verify(token) == ReplyAddress(*expected, float("inf"))


def test_names() -> None:
    """The original's number of a project becomes the name of a service."""
    tokens = TokensV1("secret2-for-tests", "secret-for-tests", {"42": "polls"})
    assert [tokens.verify(token).service for token in VECTORS] == ["polls", "7"]


@pytest.mark.parametrize("token", VECTORS)
def test_one_bit(token: str) -> None:
    """Each bit counts."""
    raw = base64.urlsafe_b64decode(token)
    for bit in range(8 * len(raw)):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ReplyRejected):
            TOKENS.verify(base64.urlsafe_b64encode(changed).decode())


@pytest.mark.parametrize("keys", [("other", "secret-for-tests"), ("secret2-for-tests", "other")])
def test_other_keys(keys: tuple[str, str]) -> None:
    """Both count."""
    with pytest.raises(ReplyRejected, match="signature"):
        TokensV1(*keys).verify(next(iter(VECTORS)))


@given(st.text(max_size=60))
def test_anything_else(token: str) -> None:
    """Is refused, and nothing else happens."""
    with pytest.raises(ReplyRejected):
        TOKENS.verify(token)


@pytest.mark.parametrize("keys", [("", "x"), ("x", ""), (None, "x")])
def test_missing_keys(keys: tuple[str, str]) -> None:
    """Said by name, and without the other one."""
    with pytest.raises(ConfigError, match="mail v1"):
        TokensV1(*keys)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence says what to install."""
    monkeypatch.setattr(tokens_v1, "Cipher", None)
    with pytest.raises(ConfigError, match=r"plugit-wsgi\[mail-v1\]"):
        TokensV1("a", "b")
