"""The access rules, as a table.

1. A rule that is set and not met refuses. Nothing lifts it; ``public`` lifts only the need for an
   organization.
2. The order is the protocol's: logged, member, admin, organization member, organization admin, subscription,
   address. So nobody is led to pay for a page that a right is missing for.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from .errors import AccessDenied, LoginRequired, SubscriptionRequired
from .people import Visitor
from .wire.meta import SUBSCRIPTION, ActionMeta, Network

_MAPPED_BITS = 96
NO_ORGANIZATION = "no_orga_in_orgamode"

RULES: tuple[tuple[str, Callable[[Visitor], bool]], ...] = (
    ("only_logged_user", lambda visitor: visitor.user is not None),
    ("only_member_user", lambda visitor: visitor.rights.member),
    ("only_admin_user", lambda visitor: visitor.rights.admin),
    ("only_orga_member_user", lambda visitor: visitor.rights.orga_member),
    ("only_orga_admin_user", lambda visitor: visitor.rights.orga_admin),
)
"""Meta key and what a visitor must be."""


def check(meta: ActionMeta, visitor: Visitor, address: str, *, organization_mode: bool = False) -> None:
    """Refuses a visitor who may not see the action.

    Args:
        meta: the rules.
        visitor: who asks.
        address: client address as text; "" if unknown.
        organization_mode: the mount's; an action that is not ``public`` then needs an organization.

    Raises:
        LoginRequired: nobody is logged in, and a rule about users is not met.
        SubscriptionRequired: the visitor has none of the labels that the action names.
        AccessDenied: any other rule is not met; ``reason`` is its meta key.
    """
    if organization_mode and visitor.organization is None and not meta.public:
        _refuse(NO_ORGANIZATION, visitor)
    for key, is_met in RULES:
        if getattr(meta, key) and not is_met(visitor):
            _refuse(key, visitor)
    if not meta.is_subscribed(visitor.subscription_labels):
        if visitor.user is None:
            raise LoginRequired(SUBSCRIPTION)
        raise SubscriptionRequired(SUBSCRIPTION, labels=meta.only_subscription)
    if meta.address_in_networks is not None and not _is_inside(address, meta):
        raise AccessDenied("address_in_networks")


def _refuse(key: str, visitor: Visitor) -> None:
    raise (LoginRequired if visitor.user is None else AccessDenied)(key)


def _is_inside(address: str, meta: ActionMeta) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    plain = getattr(found, "ipv4_mapped", None) or found
    return any(plain in _plain_network(network) for network in meta.address_in_networks or ())


def _plain_network(network: Network) -> Network:
    """A network of IPv4 addresses that are mapped into IPv6 (RFC 4291 section 2.5.5.2) as one of IPv4."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None:
        return network
    return ipaddress.IPv4Network((int(mapped), network.prefixlen - _MAPPED_BITS))
