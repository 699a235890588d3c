"""Notes of organizations: a small service in organization mode.

The host knows which organizations a visitor belongs to, and which one is the current one. It sends the id of
that one with every call, and puts its name into the template (`ebuio_orga`). All we do is about that one.

Run it: plugit-wsgi serve examples/notes --port 5001
"""

from __future__ import annotations

from typing import Any

import config
from store import NoteStore
from werkzeug.exceptions import NotFound

from plugit_wsgi.sdk import (
    PlugItRedirect,
    Request,
    action,
    only_orga_admin_user,
    only_orga_member_user,
    only_subscription,
    user_info,
)

STORE = NoteStore(config.NOTES_DATABASE)
TEXT_LENGTH = 500
ARCHIVE_LENGTH = 1000


# The host shows this to members of the current organization only.
@action("/", template="notes.html")
@only_orga_member_user()
def home(request: Request) -> dict[str, Any]:
    return page(request)


@action("/add/", template="notes.html", methods=["GET", "POST"])
@only_orga_member_user()
@user_info(["username"])
def add(request: Request) -> dict[str, Any] | PlugItRedirect:
    if request.method != "POST":
        return page(request)
    text = request.form.get("text", "").strip()
    if not text:
        return page(request, text, "Please write something.")
    if len(text) > TEXT_LENGTH:
        return page(request, text, f"Please use at most {TEXT_LENGTH} characters; these are {len(text)}.")
    STORE.add(organization_of(request), text, request.form.get("ebuio_u_username", ""))
    return PlugItRedirect("")  # the start page of this service, wherever the host mounts it


# Administrators of the current organization only; and what they delete must be a note of that organization.
@action("/delete/<int:note>", methods=["POST"])
@only_orga_admin_user()
def delete(request: Request, note: int) -> PlugItRedirect:
    if not STORE.delete(organization_of(request), note):
        raise NotFound
    return PlugItRedirect("")


# For members with a subscription that the host calls "archive"; it leads others to where there are some.
@action("/archive/", template="archive.html")
@only_orga_member_user()
@only_subscription("archive")
def archive(request: Request) -> dict[str, Any]:
    return {"notes": STORE.newest(organization_of(request), ARCHIVE_LENGTH)}


def page(request: Request, typed: str = "", error: str = "") -> dict[str, Any]:
    """What the template shows: the notes, and a form with what was typed and what is wrong with it."""
    return {"notes": STORE.newest(organization_of(request)), "typed": typed, "error": error}


def organization_of(request: Request) -> str:
    """The id of the current organization, which the host sends in the query or with the form.

    Without one there is nothing to show: the service is mounted without `organizations=True`.
    """
    organization = request.values.get("ebuio_orgapk", "")
    if not organization:
        raise NotFound("notes work in organization mode only")
    return organization
