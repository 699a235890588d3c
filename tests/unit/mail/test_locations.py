"""The URL of a mailbox means one thing, or is refused by name and without its password."""

from __future__ import annotations

from pathlib import Path

import pytest

from plugit_wsgi.errors import ConfigError
from plugit_wsgi.mail.mailboxes import Location, fits, parse_location


@pytest.mark.parametrize(
    ("url", "protocol", "tls", "host", "port", "folder"),
    [
        ("imaps://a:b@mail.example", "imap", "tls", "mail.example", 993, "INBOX"),
        ("imaps://a:b@mail.example:1993/Replies/In", "imap", "tls", "mail.example", 1993, "Replies/In"),
        ("imap+starttls://a:b@mail.example/", "imap", "starttls", "mail.example", 143, "INBOX"),
        ("imap://a:b@127.0.0.1", "imap", "", "127.0.0.1", 143, "INBOX"),
        ("imap://a:b@[::1]", "imap", "", "::1", 143, "INBOX"),
        ("pop3s://a:b@mail.example", "pop3", "tls", "mail.example", 995, "INBOX"),
        ("pop3+starttls://a:b@mail.example", "pop3", "starttls", "mail.example", 110, "INBOX"),
        ("pop3://a:b@localhost", "pop3", "", "localhost", 110, "INBOX"),
    ],
)
def test_locations(
    url: str, protocol: str, tls: str, host: str, port: int, folder: str, tmp_path: Path
) -> None:
    """Ports are the usual ones."""
    aside = str(tmp_path) if protocol == "pop3" else ""
    expected = Location(
        protocol=protocol,
        tls=tls,
        host=host,
        port=port,
        user="a",
        password="b",
        folder=folder,
        aside=aside,
    )
    assert parse_location(url, aside=str(tmp_path)) == expected


def test_user_and_password() -> None:
    """Percent-encoded in the URL; or the password by itself, which the URL's own wins over."""
    found = parse_location("imaps://me%40site:p%40%2F%C3%A4@h.example")
    assert (found.user, found.password) == ("me@site", "p@/ä")
    assert parse_location("imaps://a@h.example", password="x").password == "x"
    assert parse_location("imaps://a:y@h.example", password="x").password == "y"
    assert "p@/" not in repr(found)


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "imaps://",
        "imaps://h.example",
        "imaps://:hunter2@h.example",
        "https://a:hunter2@h.example",
        "imaps://a:hunter2@h.example:99999",
        "imaps://a:hunter2@h.example?x=y",
        "imaps://a:hunter2@h.example/a%0d%0ab",
        "imaps://a%0aNOOP:hunter2@h.example",
        "imaps://a:hunter2%0d%0a@h.example",
        "imaps://a:hunter2@h.example/%C3%A4",
        "imaps://a:hunter2%ff@h.example",
        "imap://a:hunter2@h.example",
        "pop3://a:hunter2@h.example",
        "pop3s://a:hunter2@h.example/INBOX",
        "imaps://a@h.example",
    ],
)
def test_what_means_nothing(url: object, tmp_path: Path) -> None:
    """Refused, and a password is not told."""
    with pytest.raises(ConfigError, match="mailbox") as caught:
        parse_location(url, aside=str(tmp_path))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("aside", ["", "/nowhere/at/all"])
def test_pop3_needs_a_folder(aside: str) -> None:
    """What it sets aside has to be somewhere."""
    with pytest.raises(ConfigError, match="set_aside"):
        parse_location("pop3s://a:b@h.example", aside=aside)


@pytest.mark.parametrize(("limit", "found"), [(6, b"abcdef"), (7, b"abcdef"), (5, None)])
def test_fits(limit: int, found: bytes | None) -> None:
    """All pieces are read, whatever becomes of them."""
    pieces = iter([b"abc", b"de", b"f"])
    assert fits(pieces, limit) == found
    assert list(pieces) == []
