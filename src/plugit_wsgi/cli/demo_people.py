"""The people of the demonstration, and what they may do."""

from __future__ import annotations

from typing import Final

from ..directory import StaticDirectory
from ..people import Membership, Organization, Rights, User

_RADIO: Final = Organization("radio", "Harbour Radio")
_THEATRE: Final = Organization("theatre", "City Theatre")

_VERA: Final = User("1", "vera", "Vera", "Vogel", "vera@example.org", memberships=(Membership(_RADIO),))
_MAX: Final = User(
    *("2", "max", "Max", "Moser", "max@example.org"), memberships=(Membership(_RADIO), Membership(_THEATRE))
)
_OLGA: Final = User(
    *("3", "olga", "Olga", "Orlow", "olga@example.org"),
    memberships=(Membership(_THEATRE, admin=True), Membership(_RADIO, admin=True)),
)

PEOPLE: Final = (
    (_VERA, "voter", "votes in polls, writes notes of Harbour Radio"),
    (_MAX, "member", "creates polls too, writes notes of Harbour Radio and City Theatre"),
    (_OLGA, "administrator", "sees who voted for what, deletes notes"),
)
"""User, role, and what to try with this one."""

DIRECTORY: Final = StaticDirectory(
    [user for user, _role, _may in PEOPLE],
    rights={
        "polls": {
            _MAX.id: Rights(member=True),
            _OLGA.id: Rights(member=True, admin=True),
        }
    },
)
