"""The access rules of an action, held by the service itself (protocol sections 1 and 2).

1. The host has checked them already; one that got them wrong, or is older than a rule, opens nothing.
2. For a page that may be kept for several visitors a host withholds what tells them apart. What is
   withheld counts as checked only if the host says (signed) that it applied exactly these rules.
"""

from __future__ import annotations

from ..errors import AccessDenied, LoginRequired
from ..wire.context import SignedContext
from ..wire.meta import ActionMeta
from .networks import is_inside

NEEDED_RIGHTS = (
    ("only_member_user", "member"),
    ("only_admin_user", "admin"),
    ("only_orga_member_user", "orga_member"),
    ("only_orga_admin_user", "orga_admin"),
)
"""The right that each rule asks for, in the order they are checked."""


def check_access(meta: ActionMeta, context: SignedContext) -> None:
    """Compares an action's rules with a verified context.

    Raises:
        LoginRequired: nobody is logged in.
        AccessDenied: a right is missing, or the address is outside; the reason is the meta key.
    """
    if meta.only_logged_user and context.subject is None and not _withholds_user(meta, context):
        raise LoginRequired("only_logged_user")
    for rule, right in NEEDED_RIGHTS:
        if getattr(meta, rule) and right not in context.rights:
            raise AccessDenied(rule)
    if meta.address_in_networks is None or (not context.address and _is_kept(meta, context)):
        return
    if not is_inside(context.address, meta.address_in_networks):
        raise AccessDenied("address_in_networks")


def _is_kept(meta: ActionMeta, context: SignedContext) -> bool:
    return (
        meta.cache_time > 0
        and context.method in ("GET", "HEAD")
        and context.rules_digest == meta.rules_digest
    )


def _withholds_user(meta: ActionMeta, context: SignedContext) -> bool:
    return meta.cache_by_user is False and not meta.user_info and _is_kept(meta, context)
