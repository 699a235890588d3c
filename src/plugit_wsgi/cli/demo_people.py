"""The people of the demonstration, and what they may do."""

from __future__ import annotations

import threading
from collections.abc import Sequence
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

_RIGHTS: Final = {"polls": {_MAX.id: Rights(member=True), _OLGA.id: Rights(member=True, admin=True)}}


class DemoDirectory(StaticDirectory):
    """These people, and what they subscribed to since the start. Thread-safe."""

    def __init__(self) -> None:
        super().__init__([user for user, _role, _may in PEOPLE], rights=_RIGHTS)
        self._lock = threading.Lock()
        self._bought: dict[str, tuple[str, ...]] = {}

    def subscribe(self, user_id: str, label: str) -> None:
        """From now on."""
        with self._lock:
            self._bought[user_id] = tuple({*self._bought.get(user_id, ()), label})

    def unsubscribe(self, user_id: str, label: str) -> None:
        """From now on."""
        with self._lock:
            self._bought[user_id] = tuple({*self._bought.get(user_id, ())} - {label})

    def visitor(
        self, user_id: str | None, service: str
    ) -> tuple[Rights, Sequence[Membership], Sequence[str]]:
        """See `Directory.visitor`."""
        rights, memberships, _labels = super().visitor(user_id, service)
        return rights, memberships, self.subscription_labels(user_id or "", service)

    def subscription_labels(self, user_id: str, service: str) -> Sequence[str]:
        """See `Directory.subscription_labels`."""
        return self._bought.get(user_id, ())
