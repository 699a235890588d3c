"""What the visitor of a development host has chosen: user, organization, look; kept in a cookie.

Not signed: it chooses among invented people, and a choice that survives a restart is what a developer wants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from ..people import Organization
from .standalone import EBU, USERS, find_organization

_COOKIE = "plugit-dev"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Who is looking, for which organization, in which layout. Immutable.

    Attributes:
        mode: a key of `USERS`.
        organization: one of the four, or any that a tool named.
        classic: the layout of Bootstrap 3.4, for services of its time.
    """

    mode: str = "ano"
    organization: Organization = EBU
    classic: bool = False


def read_choice(cookies: Mapping[str, str]) -> Choice:
    """The choice in a visitor's cookies; the first of everything where there is none."""
    found = dict(parse_qsl(cookies.get(_COOKIE) or "", errors="replace"))
    mode, pk = found.get("mode", ""), found.get("pk", "")
    return Choice(
        mode=mode if mode in USERS else "ano",
        organization=(find_organization(pk) or Organization(pk, found.get("name", ""))) if pk else EBU,
        classic=found.get("layout") == "classic",
    )


def format_choice(choice: Choice) -> str:
    """The Set-Cookie value for a choice."""
    organization = choice.organization
    values = {"mode": choice.mode, "pk": organization.id, "name": organization.name[:200]}
    if choice.classic:
        values["layout"] = "classic"
    return f"{_COOKIE}={urlencode(values)}; Path=/; HttpOnly; SameSite=Lax"
