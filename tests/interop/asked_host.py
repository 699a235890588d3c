"""A host that its service asks back, for every server: `application`.

SERVICE_URL is the service. Whoever has the cookie `person` is that person. Mails are lines of JSON in the
file MAILS.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import webob

from plugit_wsgi import PlugItMiddleware, Service, User
from plugit_wsgi.directory import StaticDirectory
from plugit_wsgi.hostapi.mail import Mail
from plugit_wsgi.people import Membership, Organization, Rights

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

EBU, RTS, BBC = (
    Organization("1", "EBU", "zzebu"),
    Organization("2", "RTS", "chrts"),
    Organization("3", "BBC", "gbbbc"),
)
PEOPLE = {
    name: User(
        str(number),
        name,
        email=f"{name}@example.org",
        memberships=(Membership(EBU, admin=number % 2 == 0), Membership(BBC)),
        groups=(f"group-{number % 3}",),
    )
    for number, name in enumerate((f"person{number}" for number in range(16)), start=10)
}
LOCK = threading.Lock()


class Directory(StaticDirectory):
    """The BBC may not use the service."""

    def organizations(self, service: str) -> Sequence[Organization]:
        """EBU and RTS."""
        return (EBU, RTS)


def site(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The host's own page."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the host"]


def deliver(mail: Mail) -> None:
    """Writes a mail down."""
    line = json.dumps([mail.recipients[0], mail.subject, mail.message, mail.response_id])
    with LOCK, open(os.environ["MAILS"], "a", encoding="utf-8") as mails:
        mails.write(f"{line}\n")


def identify(request: webob.Request) -> User | None:
    """The cookie tells."""
    return PEOPLE.get(request.cookies.get("person", ""))


application = PlugItMiddleware(
    site,
    [Service("polls", os.environ["SERVICE_URL"], api_key_in_url=True)],
    os.environ["HOST_SECRET"],
    identify=identify,
    directory=Directory(
        PEOPLE.values(),
        organizations=(RTS,),
        rights={"polls": {user.id: Rights(member=True) for user in PEOPLE.values()}},
        subscriptions={"polls": {user.id: (f"label-{user.id}",) for user in PEOPLE.values()}},
    ),
    mail=deliver,
    threads=8,
)
