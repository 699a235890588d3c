"""The access rules of an action, held by the service itself (protocol sections 1 and 2).

1. The host has checked them already; one that got them wrong, or is older than a rule, opens nothing.
2. For a page that may be kept for several visitors a host withholds what tells them apart. What is
   withheld counts as checked only if the host says (signed) that it applied exactly these rules.
3. A host that signs nothing is believed, but one that does not announce `only_subscription` does not know
   that rule. It is asked for the labels, as fields of the user; and since it would show what it keeps to
   others, it keeps nothing.
"""

from __future__ import annotations

import re
from dataclasses import replace

from werkzeug.wrappers import Request

from ..errors import AccessDenied, LoginRequired, SubscriptionRequired
from ..wire import names
from ..wire.context import SignedContext
from ..wire.meta import SUBSCRIPTION, ActionMeta
from .networks import is_inside

NEEDED_RIGHTS = (
    ("only_member_user", "member"),
    ("only_admin_user", "admin"),
    ("only_orga_member_user", "orga_member"),
    ("only_orga_admin_user", "orga_admin"),
)
"""The right that each rule asks for, in the order they are checked."""
_LABELS = "subscription_labels"
_EXTENSIONS = re.compile(r";\s*ext\s*=\s*([^;]*)")


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
    if not meta.is_subscribed(context.subscriptions):
        raise SubscriptionRequired(SUBSCRIPTION, labels=meta.only_subscription)
    if meta.address_in_networks is None or (not context.address and _is_kept(meta, context)):
        return
    if not is_inside(context.address, meta.address_in_networks):
        raise AccessDenied("address_in_networks")


def check_unsigned(meta: ActionMeta, request: Request) -> None:
    """Holds the rule that a host without signed contexts may be too old for.

    Raises:
        AccessDenied: the host does not know the rule, and names no label that would do.
    """
    if not meta.only_subscription or is_announced(SUBSCRIPTION, request):
        return
    if not meta.is_subscribed(request.values.getlist(names.USER_PARAMETER + _LABELS)):
        raise SubscriptionRequired(SUBSCRIPTION, labels=meta.only_subscription)


def is_announced(extension: str, request: Request) -> bool:
    """Whether the host says that it speaks an extension."""
    said = _EXTENSIONS.search(request.headers.get(names.PROTOCOL, ""))
    return said is not None and extension in (name.strip() for name in said[1].split(","))


def told_to(meta: ActionMeta, request: Request) -> ActionMeta:
    """The meta for the host that asks for it: one that is older than a rule gets what stands in for it."""
    if not meta.only_subscription or is_announced(SUBSCRIPTION, request):
        return meta
    fields = dict.fromkeys((*meta.user_info, _LABELS))
    return replace(meta, only_logged_user=True, cache_time=0, user_info=tuple(fields))


def _is_kept(meta: ActionMeta, context: SignedContext) -> bool:
    return (
        meta.cache_time > 0
        and context.method in ("GET", "HEAD")
        and context.rules_digest == meta.rules_digest
    )


def _withholds_user(meta: ActionMeta, context: SignedContext) -> bool:
    return meta.cache_by_user is False and not meta.user_info and _is_kept(meta, context)
