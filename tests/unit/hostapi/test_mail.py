"""Mail of services: a value, and the log that stands in for sending."""

from __future__ import annotations

import logging

import pytest

from plugit_wsgi.hostapi.mail import Mail, log_mail

MAIL = Mail(
    service="polls",
    sender="polls@example.org",
    recipients=("a@example.org", "b@example.org"),
    subject="New polls",
    message="the message",
    response_id="42",
)


def test_log_mail_says_everything(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever develops a service sees what would have been sent."""
    with caplog.at_level(logging.INFO, "plugit_wsgi.mail"):
        log_mail(MAIL)
    for text in ("polls", "a@example.org, b@example.org", "New polls", "the message", "42"):
        assert text in caplog.text


def test_what_is_written_is_not_in_a_repr() -> None:
    """A letter is nobody else's."""
    assert "the message" not in repr(MAIL)
