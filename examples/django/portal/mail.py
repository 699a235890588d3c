"""Mail of services: it waits in the portal's database; a thread sends it. Needs `plugit-wsgi[sql]`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from sqlalchemy import URL

from plugit_wsgi.mail.mailer import Mailer
from plugit_wsgi.mail.sql import SqlMailStore


def store_url(database: dict[str, Any]) -> URL:
    """Of one of Django's databases, for SQLAlchemy."""
    if database["ENGINE"].endswith("sqlite3"):
        return URL.create("sqlite", database=str(database["NAME"]))
    return URL.create(
        "postgresql+psycopg",
        username=database["USER"] or None,
        password=database["PASSWORD"] or None,
        host=database["HOST"] or None,
        port=database["PORT"] or None,
        database=database["NAME"],
        query=database["OPTIONS"],
    )


STORE_URL = store_url(settings.DATABASES["default"])
mailer = Mailer(
    settings.MAIL_URL,
    sender=settings.MAIL_SENDER,
    store=SqlMailStore(STORE_URL),
    secret_key=settings.SECRET_KEY,
    background=True,
)
