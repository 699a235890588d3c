"""A mail server, started once for the whole run when the first test asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.dovecot import Account, DovecotServer, running_dovecot


@pytest.fixture(scope="session")
def dovecot() -> Iterator[DovecotServer]:
    """The server."""
    with running_dovecot() as server:
        yield server


@pytest.fixture
def account(dovecot: DovecotServer, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An empty mailbox, whose server is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.authority))
    return dovecot.account()
