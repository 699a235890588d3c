"""The invented people of the stand-alone mode (protocol section 8): four visitors, four organizations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ..people import NO_RIGHTS, Membership, Organization, Rights, User

_LOGGED = User("-1", "Logged", "Logged", "Hector", "logeedin@plugit-standalone.ebuio")
_MEMBER = User("-2", "Member", "Member", "Luc", "memeber@plugit-standalone.ebuio", member=True)
_ADMIN = User("-3", "Admin", "Admin", "Charles", "admin@plugit-standalone.ebuio", member=True, admin=True)

USERS: Final[dict[str, User | None]] = {"ano": None, "log": _LOGGED, "mem": _MEMBER, "adm": _ADMIN}
"""Mode -> user; the e-mail addresses are spelled as services know them."""

LABELS: Final = {"ano": "Anonymous", "log": "Logged in", "mem": "Member", "adm": "Administrator"}
"""Mode -> words for people."""

EBU: Final = Organization("-1", "EBU", "zzebu")
ORGANIZATIONS: Final = (
    EBU,
    Organization("-2", "RTS", "chrts"),
    Organization("-3", "BBC", "gbbbc"),
    Organization("-4", "CNN", "uscnn"),
)
_BY_ID = {user.id: user for user in USERS.values() if user is not None}


class StandaloneDirectory:
    """Everybody is in every organization, with the rights they have in the service. Thread-safe.

    Args:
        current: the organization that the visitor of this request has chosen.
        labels: of subscriptions, which everybody has who is logged in.
    """

    def __init__(self, current: Callable[[], Organization], labels: Sequence[str] = ()) -> None:
        self._current = current
        self._labels = tuple(labels)

    def visitor(
        self, user_id: str | None, service: str
    ) -> tuple[Rights, Sequence[Membership], Sequence[str]]:
        """See `Directory.visitor`; anonymous visitors have a current organization too."""
        user = None if user_id is None else self.user(user_id)
        rights = NO_RIGHTS if user is None else _rights(user)
        current = self._current()
        others = (item for item in ORGANIZATIONS if item != current)
        memberships = [
            Membership(item, admin=rights.admin, member=rights.member) for item in (current, *others)
        ]
        return rights, memberships, () if user is None else self._labels

    def user(self, user_id: str) -> User | None:
        """See `Directory.user`; any number is a user: a service has test data of its own."""
        known = _BY_ID.get(user_id)
        if known is None and user_id.isascii() and user_id.isdigit():
            return User(user_id, "Logged", "Unknown", "Other User", "unknown@plugit-standalone.ebuio")
        return known

    def organization(self, organization_id: str) -> Organization | None:
        """See `Directory.organization`."""
        return find_organization(organization_id)

    def organizations(self, service: str) -> Sequence[Organization]:
        """See `Directory.organizations`."""
        return ORGANIZATIONS

    def members(self, service: str) -> Sequence[User]:
        """See `Directory.members`: all three, as the original, whatever their rights."""
        return tuple(_BY_ID.values())

    def subscription_labels(self, user_id: str, service: str) -> Sequence[str]:
        """See `Directory.subscription_labels`."""
        return () if self.user(user_id) is None else self._labels

    def groups(self, user_id: str) -> Sequence[str]:
        """See `Directory.groups`."""
        return ()


def _rights(user: User) -> Rights:
    # Outside organization mode too, as the original.
    return Rights(member=user.member, admin=user.admin, orga_member=user.member, orga_admin=user.admin)


def find_organization(organization_id: str) -> Organization | None:
    """One of the four, or None."""
    return next((item for item in ORGANIZATIONS if item.id == organization_id), None)
