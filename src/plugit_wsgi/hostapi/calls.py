"""The table of calls: routes, the OpenAPI document and the page that describes the API are made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

MOST: Final = 1000
"""How many members or organizations one answer tells, or looks at."""
MOST_RECIPIENTS: Final = 500
"""Addresses of one mail; with its other fields they are fewer than `Limits.form_parts`."""

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS: Final = rf"{_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})*"
"""Pattern of a plain e-mail address, ASCII, without a name; `ADDRESS_LENGTH` at most."""
ADDRESS_LENGTH: Final = 254

LINE: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
"""Pattern of one line of text."""

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """One call of the API. Immutable.

    Attributes:
        name: in the OpenAPI document and in logs.
        path: below the API's root; ``{id}`` is a segment.
        summary: a sentence for people.
        answer: JSON schema of a good answer.
        example: a good answer.
        told: what a segment is.
        form: name of the schema of the form that is posted; "" is a GET.
        is_paged: a list that comes in pages.
        query: further parameters: name -> what it is.
        errors: statuses of its own, beside those of all calls.
    """

    name: str
    path: str
    summary: str
    answer: Schema
    example: Any
    told: str = ""
    form: str = ""
    is_paged: bool = False
    query: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[int, ...] = ()

    @property
    def methods(self) -> tuple[str, ...]:
        """Of HTTP."""
        return ("POST",) if self.form else ("GET", "HEAD")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What matches a path of it, whole; one group for each segment."""
        return re.compile(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(self.path)))

    @property
    def segment(self) -> str:
        """The name of the segment in the path; "" without one."""
        found = re.search(r"\{(\w+)\}", self.path)
        return found[1] if found else ""


def find_call(path: str) -> tuple[Call, tuple[str, ...]] | None:
    """The call at a path, with its segments as they are there; None if there is none."""
    for call in CALLS:
        match = call.pattern.fullmatch(path)
        if match is not None:
            return call, match.groups()
    return None


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _object(required: Mapping[str, Schema], **optional: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": {**required, **optional}}


_TEXT: Final[Schema] = {"type": "string"}
_LINE: Final[Schema] = {"type": "string", "maxLength": 500, "pattern": LINE}
_LINES: Final[Schema] = {"type": "string", "pattern": r"^[^\x00]*$"}
_FLAG: Final[Schema] = {"type": "boolean"}
_TEXTS: Final = _list(_TEXT)
_NEXT: Final[Schema] = {"type": "integer", "description": "`from` of the next page; missing on the last."}
_FIELDS: Final[Mapping[str, Schema]] = {
    **dict.fromkeys(("pk", "username", "first_name", "last_name", "email"), _TEXT),
    **dict.fromkeys(("ebuio_member", "ebuio_admin", "ebuio_orga_member", "ebuio_orga_admin"), _FLAG),
    "subscription_labels": _TEXTS,
}
_ORGANIZATION: Final = {"name": _TEXT, "codops": _TEXT}
_FORM_USER: Final = {"subject": _TEXT, "author": _TEXT, "message": _TEXT, "tags": _TEXT}

SCHEMAS: Final[Mapping[str, Schema]] = {
    "Error": _object({"error": _TEXT}),
    "Organization": _object({"id": _TEXT, **_ORGANIZATION}),
    "OrganizationByKey": _object({"pk": _TEXT, **_ORGANIZATION}),
    "Membership": _object({"id": _TEXT, **_ORGANIZATION, "is_admin": _FLAG}),
    "Member": {
        **_object({"id": _TEXT}, **_FIELDS),
        "description": "The fields that the mount allows (`user_fields`), maybe further ones of the host.",
    },
    "User": _object({"id": _TEXT, "orgas": _list(_reference("Membership"))}, **_FIELDS),
    "Group": _object({"uuid": _TEXT, "uid": _TEXT, "name": _TEXT}),
    "Mail": _object(
        {
            "dests": {
                "type": "array",
                "items": {
                    "type": "string",
                    "maxLength": ADDRESS_LENGTH,
                    "allOf": [{"pattern": f"^{ADDRESS}$"}, {"pattern": "^[^@]{1,64}@"}],
                },
                "minItems": 1,
                "maxItems": MOST_RECIPIENTS,
                "description": "The recipients; the field repeats.",
            }
        },
        sender=_LINE,
        subject=_LINE,
        message={**_LINES, "description": "Plain text."},
        html_message={**_LINES, "description": "HTML; missing, empty or `False` for plain text alone."},
        response_id={
            **_LINE,
            "maxLength": 255,
            "description": "What the service wants to hear with a reply.",
        },
    ),
    "Topic": _object({}, **_FORM_USER),
}

_EBU: Final = {"id": "1", "name": "EBU", "codops": "zzebu"}
_ZOE: Final = {
    "id": "7",
    "pk": "7",
    "username": "zoe",
    "first_name": "Zoë",
    "last_name": "Martin",
    "email": "zoe@example.org",
    "ebuio_member": True,
    "ebuio_admin": False,
    "ebuio_orga_member": False,
    "ebuio_orga_admin": False,
    "subscription_labels": ["gold"],
}
_USER_ID: Final = "Id of a user, as the service was told it."
_NO_FORUM: Final = {"error": "no-on-ebuio"}

CALLS: Final = (
    Call(
        "user",
        "user/{id}",
        "A user: the fields that the mount allows, and their organizations among those that may use it.",
        _reference("User"),
        {**_ZOE, "orgas": [{**_EBU, "is_admin": True}]},
        told=_USER_ID,
        errors=(404,),
    ),
    Call(
        "user_groups",
        "user/{id}/techgroups/",
        "The names of the groups a user is in.",
        _TEXTS,
        ["editors"],
        told=_USER_ID,
        errors=(404,),
    ),
    Call(
        "subscriptions",
        "subscriptions/{id}",
        "The labels a user is subscribed to, for this service.",
        _TEXTS,
        ["gold"],
        told=_USER_ID,
        errors=(404,),
    ),
    Call(
        "organization",
        "orga/{id}",
        "An organization that may use the service.",
        _reference("OrganizationByKey"),
        {"pk": "1", "name": "EBU", "codops": "zzebu"},
        told="Id of an organization.",
        errors=(404,),
    ),
    Call(
        "organizations",
        "orgas/",
        "The organizations that may use the service.",
        _object({"data": _list(_reference("Organization"))}, next=_NEXT),
        {"data": [_EBU]},
        is_paged=True,
        errors=(404,),
    ),
    Call(
        "members",
        "members/",
        "The members of the service: the fields that the mount allows.",
        _object({"members": _list(_reference("Member"))}, next=_NEXT),
        {"members": [_ZOE]},
        is_paged=True,
        errors=(404,),
    ),
    Call(
        "groups",
        "techgroups/",
        "The groups that members of the service are in.",
        _list(_reference("Group")),
        [{"uuid": "editors", "uid": "editors", "name": "editors"}],
        is_paged=True,
        errors=(404,),
    ),
    Call(
        "mail",
        "mail/",
        f"Sends a mail to at most {MOST_RECIPIENTS} recipients: to all of them, or an error and to none.",
        {"type": "object"},
        {},
        form="Mail",
        errors=(403, 404, 413),
    ),
    Call(
        "forum_topic",
        "ebuio/forum/",
        "Would begin a topic of a forum. Hosts have none here: the answer is always this error.",
        _reference("Error"),
        _NO_FORUM,
        form="Topic",
    ),
    Call(
        "forum_topics",
        "ebuio/forum/search/bytag/{tag}",
        "Would find topics of a forum. Hosts have none here: the answer is always this error.",
        _reference("Error"),
        _NO_FORUM,
        told="A tag.",
        query={"u": "Id of a user."},
    ),
)
