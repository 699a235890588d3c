"""The access rules of an action, held by the service itself (protocol sections 1 and 2).

The host has checked them already; one that got them wrong, or is older than a rule, opens nothing.
"""

from __future__ import annotations

from ..errors import AccessDenied, LoginRequired
from ..wire.meta import ActionMeta
from .networks import is_inside
from .request import PlugItCall

NEEDED_RIGHTS = (
    ("only_member_user", "member"),
    ("only_admin_user", "admin"),
    ("only_orga_member_user", "orga_member"),
    ("only_orga_admin_user", "orga_admin"),
)
"""The right that each rule asks for, in the order they are checked."""


def check_access(meta: ActionMeta, call: PlugItCall) -> None:
    """Compares an action's rules with a verified call.

    Raises:
        LoginRequired: nobody is logged in.
        AccessDenied: a right is missing, or the address is outside; the reason is the meta key.
    """
    if meta.only_logged_user and call.user is None:
        raise LoginRequired("only_logged_user")
    for rule, right in NEEDED_RIGHTS:
        if getattr(meta, rule) and right not in call.rights:
            raise AccessDenied(rule)
    if meta.address_in_networks is not None and not is_inside(call.address, meta.address_in_networks):
        raise AccessDenied("address_in_networks")
