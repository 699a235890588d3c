"""What the environment says, as settings need it. Whatever cannot be used is named when the portal starts."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from plugit_wsgi import Service

OPTIONS: dict[str, dict[str, Any]] = {
    "orga": {"organizations": True},
    "apikey": {"api_key_in_url": True},
    "anyone": {"mail_to": "anyone"},
}


def services(text: str) -> Iterator[Service]:
    """A name and an address each, with options behind it: `notes=http://127.0.0.1:5001;orga`."""
    for item in text.split():
        name, _, address = item.partition("=")
        url, *options = address.split(";")
        for option in options:
            if option not in OPTIONS:
                raise ImproperlyConfigured(
                    f"PLUGIT_SERVICES: {item!r} has the option {option!r}, there are {', '.join(OPTIONS)}"
                )
        yield Service(name, url, **ChainMap(*(OPTIONS[option] for option in options)))


def database(url: str, file: Path) -> dict[str, Any]:
    """PostgreSQL at the URL; without one, SQLite in the file."""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": file,
            # Readers wait for nobody, and who writes waits in line.
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
            },
        }
    parts = urlsplit(url)
    name = unquote(parts.path[1:])
    if parts.scheme not in ("postgresql", "postgres") or not name:
        # Not the URL itself: there is a password in it.
        raise ImproperlyConfigured(
            f"DATABASE_URL begins with {parts.scheme!r}, expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "OPTIONS": dict(parse_qsl(parts.query)),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
