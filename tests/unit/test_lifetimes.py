"""How long a meta holds: the original's header, and the ones of HTTP."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest

from plugit_wsgi.lifetimes import DAY, read_lifetime

NOW = 1_800_000_000.0


def date(seconds: float) -> str:
    return formatdate(NOW + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ((), 300.0),
        ((("Expire", date(60)),), 60.0),
        ((("expire", date(60)),), 60.0),
        ((("Expires", date(60)),), 60.0),
        ((("Expire", date(60)), ("Expires", date(90))), 60.0),
        ((("Expire", date(-60)),), 0.0),
        ((("Expire", date(10 * DAY)),), DAY),
        ((("Expire", "soon"),), 300.0),
        ((("Expire", ""),), 300.0),
        ((("Expire", "0"),), 300.0),
        ((("Expires", "0"),), 300.0),
        ((("Expire", "Fri, 99 Foo 2027 08:00:00 GMT"),), 300.0),
        ((("Expire", "soon"), ("Cache-Control", "max-age=5")), 5.0),
        ((("Expire", date(60)[:-4]),), 60.0),
        ((("Expire", date(60)[:-3] + "-0000"),), 60.0),
        ((("Expire", date(60)[:-3] + "+0000"),), 60.0),
        ((("Expire", date(3600)[:-3] + "+0100"),), 0.0),
        ((("Cache-Control", "max-age=5"),), 5.0),
        ((("Cache-Control", "private, Max-Age=5, x"),), 5.0),
        ((("Cache-Control", "max-age=0"),), 0.0),
        ((("Cache-Control", "max-age=999999999"),), DAY),
        ((("Cache-Control", "max-age"),), 300.0),
        ((("Cache-Control", "max-age=-5"),), 300.0),
        ((("Cache-Control", "max-age=x"),), 300.0),
        ((("Cache-Control", "s-maxage=5"),), 300.0),
        ((("Cache-Control", "max-age=5"), ("Expires", date(90))), 5.0),
    ],
)
def test_read_lifetime(headers: Any, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their `Expire`, then max-age, then Expires; 300 s without, or where none can be read; a day at most."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert read_lifetime(headers, 300.0, NOW) == seconds
    finally:
        monkeypatch.undo()
        time.tzset()
