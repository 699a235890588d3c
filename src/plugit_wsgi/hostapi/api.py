"""The API that a service calls back (protocol section 9): users, organizations, members, mail.

1. A service sees the user fields its mount allows, and no others.
2. Calls come while a page waits, so they take none of the places that pages hold.
3. No cookies, no CORS: only services call it, with a key of their own or from the host's own machine.
4. Lists come in pages of at most `MOST`, so that one call costs the host only so much.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import webob

from ..body import URLENCODED, media_type, read_body
from ..config import Limits, Service
from ..errors import ActionNotFound, BadRequest, MethodNotAllowed, RequestRejected
from ..http import NO_STORE, NOSNIFF, Answer, parse_pairs
from ..interfaces import Directory
from ..people import Membership, Organization, User, Visitor
from .mail import Deliver, Mail

MOST = 1000
"""How many members or organizations one answer tells, or looks at."""

_JSON = ("Content-Type", "application/json")
_ADDRESS = re.compile(r"[^\s@<>\",;:]+@[^\s@<>\",;:]+")
_NO_FORUM = {"error": "no-on-ebuio"}


class ServiceApi:
    """Answers the calls of one service. Thread-safe.

    Args:
        service: who calls.
        directory: where users are known; None knows nobody.
        deliver: takes mail; None refuses it.
        limits: of a posted body.

    Attributes:
        service: who calls.
    """

    def __init__(
        self, service: Service, *, directory: Directory | None, deliver: Deliver | None, limits: Limits
    ) -> None:
        self.service = service
        self._directory = directory
        self._deliver = deliver
        self._limits = limits

    def answer(self, request: webob.Request, path: str) -> Answer:
        """The answer to a call.

        Args:
            request: of the service.
            path: below the API's root, as WSGI gives it, without leading slash.
        """
        try:
            found = self._route(request, path)
        except RequestRejected as error:
            return _json({"error": error.reason or "refused"}, status=error.status)
        return _json(found)

    def _route(self, request: webob.Request, path: str) -> Any:
        is_post = path in ("mail/", "ebuio/forum/")
        if request.method not in (("POST",) if is_post else ("GET", "HEAD")):
            raise MethodNotAllowed("method")
        if path == "mail/":
            return self._mail(request)
        if path.startswith("ebuio/forum/"):
            return _NO_FORUM
        for pattern, answer in _ROUTES:
            match = pattern.fullmatch(path)
            if match is not None:
                return answer(self, *(_decoded(part) for part in match.groups()))
        if path in _LISTS:
            return _LISTS[path](self, _first(request))
        raise ActionNotFound("path")

    def _user(self, user_id: str) -> dict[str, Any]:
        user = self._known_user(user_id)
        fields, memberships = self._allowed(user)
        return {**fields, "orgas": [_membership(item) for item in memberships if item.member]}

    def _allowed(self, user: User) -> tuple[dict[str, Any], Sequence[Membership]]:
        """The fields of a user that the mount allows, and the user's organizations."""
        rights, memberships, labels = self._lookup().visitor(user.id, self.service.name)
        visitor = Visitor(user=user, rights=rights, subscription_labels=tuple(labels))
        fields = {name: visitor.field(name) for name in self.service.user_fields}
        return {**fields, "id": user.id}, memberships

    def _groups(self, user_id: str) -> list[str]:
        return list(self._lookup().groups(self._known_user(user_id).id))

    def _labels(self, user_id: str) -> list[str]:
        user = self._known_user(user_id)
        return list(self._lookup().subscription_labels(user.id, self.service.name))

    def _organization(self, organization_id: str) -> dict[str, Any]:
        found = self._lookup().organization(organization_id)
        if found is None:
            raise ActionNotFound("organization")
        return {"pk": found.id, "name": found.name, "codops": found.codops}

    def _organizations(self, first: int) -> dict[str, Any]:
        found = self._lookup().organizations(self.service.name)
        return {"data": [_organization(item) for item in found[first : first + MOST]], **_next(found, first)}

    def _members(self, first: int) -> dict[str, Any]:
        found = self._lookup().members(self.service.name)
        told = [self._allowed(user)[0] for user in found[first : first + MOST]]
        return {"members": told, **_next(found, first)}

    def _all_groups(self, first: int) -> list[dict[str, str]]:
        members = self._lookup().members(self.service.name)[first : first + MOST]
        names = {name for user in members for name in self._lookup().groups(user.id)}
        return [{"uuid": name, "uid": name, "name": name} for name in sorted(names)]

    def _mail(self, request: webob.Request) -> dict[str, Any]:
        if self._deliver is None:
            raise ActionNotFound("mail")
        if media_type(request.environ) != URLENCODED:
            raise BadRequest("a form was expected")
        self._deliver(_read_mail(request, self.service.name, self._limits))
        return {}

    def _lookup(self) -> Directory:
        if self._directory is None:
            raise ActionNotFound("directory")
        return self._directory

    def _known_user(self, user_id: str) -> User:
        user = self._lookup().user(user_id)
        if user is None:
            raise ActionNotFound("user")
        return user


_ID = r"([^/]+)"
_ROUTES: tuple[tuple[re.Pattern[str], Any], ...] = (
    (re.compile(rf"user/{_ID}"), ServiceApi._user),
    (re.compile(rf"user/{_ID}/techgroups/"), ServiceApi._groups),
    (re.compile(rf"subscriptions/{_ID}"), ServiceApi._labels),
    (re.compile(rf"orga/{_ID}"), ServiceApi._organization),
)
_LISTS: dict[str, Any] = {
    "orgas/": ServiceApi._organizations,
    "members/": ServiceApi._members,
    "techgroups/": ServiceApi._all_groups,
}


def _first(request: webob.Request) -> int:
    """Where the page begins that was asked for: ``?from=1000``."""
    pairs = dict(parse_pairs(request.environ.get("QUERY_STRING", "").encode("latin-1", "replace")))
    given = pairs.get(b"from", b"0")
    if re.fullmatch(rb"[0-9]{1,9}", given) is None:
        raise BadRequest("from: a number was expected")
    return int(given)


def _next(found: Sequence[object], first: int) -> dict[str, int]:
    return {"next": first + MOST} if len(found) > first + MOST else {}


def _decoded(part: str) -> str:
    # WSGI gives the bytes of a path as latin-1 text, decoded once.
    return part.encode("latin-1").decode("utf-8", "replace")


def _organization(organization: Organization) -> dict[str, Any]:
    return {"id": organization.id, "name": organization.name, "codops": organization.codops}


def _membership(membership: Membership) -> dict[str, Any]:
    return {**_organization(membership.organization), "is_admin": membership.admin}


def _read_mail(request: webob.Request, service: str, limits: Limits) -> Mail:
    body = read_body(request.environ, (), limits)
    try:
        content = b"" if body.file is None else body.file.read()
    finally:
        body.close()
    fields: dict[str, list[str]] = {}
    for name, value in parse_pairs(content):
        fields.setdefault(name.decode("utf-8", "replace"), []).append(value.decode("utf-8", "replace"))
    recipients = tuple(fields.get("dests", ()))
    if not recipients or not all(_ADDRESS.fullmatch(item) for item in recipients):
        raise BadRequest("dests: a list of addresses was expected")
    subject = "".join(fields.get("subject", [""]))
    html = "".join(fields.get("html_message", [""])[:1])
    return Mail(
        service=service,
        sender="".join(fields.get("sender", [""])[:1]),
        recipients=recipients,
        subject=" ".join(subject.split()),
        message="".join(fields.get("message", [""])[:1]),
        html_message=html if html.lower() != "false" else "",
        response_id="".join(fields.get("response_id", [""])[:1]),
    )


def _json(found: Any, status: int = 200) -> Answer:
    # A host's own user fields may be of any type; text is better than no answer.
    body = json.dumps(found, default=str).encode("ascii")
    return Answer(status=status, headers=(_JSON, NOSNIFF, NO_STORE), body=body)
