"""A URL in an error has no password, however it is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from plugit_wsgi.errors import ConfigError
from plugit_wsgi.mail.mailboxes import parse_location
from plugit_wsgi.mail.server import MailServer
from plugit_wsgi.mail.shown import shown_url

URLS = {
    "smtp://mail.example:25/x": "smtp://mail.example:25/x",
    "imap://[::1]:143": "imap://[::1]:143",
    "smtps://anna:hunter2@mail.example:1": "smtps://<hidden>@mail.example:1",
    "smtps://anna:hun/ter2@hunter2@mail.example": "smtps://<hidden>@mail.example",
    "smtps://anna:hunter2\n@mail.example": "smtps://<hidden>@mail.example",
    "smtps:anna:hunter2@mail.example": "...",
    "smtps//anna:hunter2@mail.example": "...",
    "anna:hunter2@mail.example": "...",
    "smtps://anna:hunter2": "...",
    "smtps://mail.example?password=hunter2": "...",
    "": "...",
}


@pytest.mark.parametrize(("url", "shown"), URLS.items(), ids=map(ascii, URLS))
def test_what_is_shown(url: str, shown: str) -> None:
    """The place, if that is what it is."""
    assert shown_url(url) == shown


@pytest.mark.parametrize("url", ["{}:anna:hunter2@mail.example", "{}//anna:hunter2@h", "{}://anna:hunter2"])
@pytest.mark.parametrize(("read", "scheme"), [(MailServer.from_url, "smtps"), (parse_location, "imaps")])
def test_an_error_tells_no_password(read: Callable[[str], object], scheme: str, url: str) -> None:
    """Also of one that is written wrong, which is when errors are read."""
    with pytest.raises(ConfigError) as caught:
        read(url.format(scheme))
    assert "hunter2" not in str(caught.value)
