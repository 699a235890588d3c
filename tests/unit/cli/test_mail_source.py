"""A mail as the message that a host would send: what is read there is what the service wrote."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugit_wsgi.cli.mail_source import write_source
from plugit_wsgi.hostapi.mail import Mail

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200)
LINES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), max_size=100)


def lines(text: str) -> list[str]:
    """Without what a message cannot tell apart: how a line ends, and empty ones at the end."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").split("\n")


@given(message=TEXTS, html=TEXTS, subject=LINES, response_id=LINES)
def test_all_texts_come_through(message: str, html: str, subject: str, response_id: str) -> None:
    """In ASCII on the wire, whatever they are."""
    mail = Mail(
        service="polls",
        sender="",
        recipients=("a@example.org",),
        subject=subject,
        message=message,
        html_message=f"<p>{html}",
        response_id=response_id,
    )
    source = write_source(mail, 0.0)
    assert source.raw.isascii()
    if message:
        assert lines(source.text) == lines(message)
    assert lines(source.html) == lines(f"<p>{html}")
    assert ("Reply-To: " in source.raw.partition("\n\n")[0]) is bool(response_id)
