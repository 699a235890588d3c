"""The access rules: every rule, every kind of visitor, every kind of address."""

from __future__ import annotations

import ipaddress
import itertools
from typing import Any

import pytest

from plugit_wsgi.access import NO_ORGANIZATION, RULES, check
from plugit_wsgi.errors import AccessDenied, LoginRequired, RequestRejected, SubscriptionRequired
from plugit_wsgi.people import Organization, Rights, User, Visitor
from plugit_wsgi.wire.meta import ACCESS_RULES, ActionMeta

LOGGED, MEMBER, ADMIN, ORGA_MEMBER, ORGA_ADMIN = ACCESS_RULES
EBU = Organization("1", "EBU")
ANNA = User("7", "anna")


def visitor(*rights: str, user: User | None = ANNA, organization: Organization | None = None) -> Visitor:
    return Visitor(user=user, rights=Rights(**dict.fromkeys(rights, True)), organization=organization)


VISITORS = {
    "anonymous": (visitor(user=None), set()),
    "logged": (visitor(), {LOGGED}),
    "member": (visitor("member"), {LOGGED, MEMBER}),
    "admin": (visitor("admin"), {LOGGED, ADMIN}),
    "member and admin": (visitor("member", "admin"), {LOGGED, MEMBER, ADMIN}),
    "in the organization": (visitor("orga_member", organization=EBU), {LOGGED, ORGA_MEMBER}),
    "its administrator": (visitor("orga_admin", organization=EBU), {LOGGED, ORGA_ADMIN}),
    "everything": (
        visitor("member", "admin", "orga_member", "orga_admin", organization=EBU),
        set(ACCESS_RULES),
    ),
    "anonymous member": (visitor("member", user=None), {MEMBER}),
}


def refusal(meta: ActionMeta, who: Visitor, address: str = "", **options: Any) -> RequestRejected | None:
    """Why a visitor is refused; None if they may."""
    try:
        check(meta, who, address, **options)
    except RequestRejected as error:
        return error
    return None


@pytest.mark.parametrize("rule", ACCESS_RULES)
@pytest.mark.parametrize("name", VISITORS)
@pytest.mark.parametrize("public", [False, True])
def test_every_rule_for_every_visitor(rule: str, name: str, public: bool) -> None:
    """A rule that is not met refuses with its own name; `public` lifts none of them."""
    who, meets = VISITORS[name]
    error = refusal(ActionMeta(**{rule: True, "public": public}), who)
    if rule in meets:
        assert error is None
    else:
        assert type(error) is (LoginRequired if who.user is None else AccessDenied)
        assert (error.reason, error.status) == (rule, 403)


@pytest.mark.parametrize("name", VISITORS)
@pytest.mark.parametrize("rules", list(itertools.combinations(ACCESS_RULES, 2)))
def test_two_rules_must_both_be_met(name: str, rules: tuple[str, str]) -> None:
    """The first in the protocol's order names the reason."""
    who, meets = VISITORS[name]
    error = refusal(ActionMeta(**dict.fromkeys(rules, True)), who)
    missing = [rule for rule in ACCESS_RULES if rule in rules and rule not in meets]
    assert (error.reason if error else None) == (missing[0] if missing else None)


def test_the_table_has_every_rule_in_order() -> None:
    """Logged, member, admin, organization member, organization admin."""
    assert tuple(key for key, _is_met in RULES) == ACCESS_RULES


@pytest.mark.parametrize("name", VISITORS)
def test_without_a_rule_everybody_may(name: str) -> None:
    """Also those who are not logged in."""
    assert refusal(ActionMeta(template_tag="t"), VISITORS[name][0]) is None


@pytest.mark.parametrize("name", VISITORS)
@pytest.mark.parametrize("public", [False, True])
def test_organization_mode_needs_an_organization(name: str, public: bool) -> None:
    """But for an action that is public."""
    who = VISITORS[name][0]
    error = refusal(ActionMeta(public=public), who, organization_mode=True)
    if public or who.organization is not None:
        assert error is None
    else:
        assert error is not None
        assert error.reason == NO_ORGANIZATION == "no_orga_in_orgamode"
        assert isinstance(error, LoginRequired) is (who.user is None)


def test_public_in_organization_mode_lifts_nothing_else() -> None:
    """The need for an organization only."""
    for rule in ACCESS_RULES:
        error = refusal(ActionMeta(public=True, **{rule: True}), visitor(user=None), organization_mode=True)
        assert error is not None
        assert error.reason == rule


NETWORKS = tuple(
    ipaddress.ip_network(text) for text in ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::1/128")
)


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("9.255.255.255", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("2001:db8::1", True),
        ("2001:DB8:0:0::1", True),
        ("2001:db9::1", False),
        ("::1", True),
        ("::2", False),
        ("127.0.0.1", False),
        ("::ffff:11.0.0.1", False),
        ("::10.0.0.1", False),
        ("", False),
        ("unknown", False),
        ("10.0.0.1, 8.8.8.8", False),
        ("10.0.0.1 ", False),
        ("010.0.0.1", False),
        ("10.0.0", False),
        ("167772161", False),
        ("10.0.0.0/8", False),
        ("localhost", False),
    ],
)
@pytest.mark.parametrize("name", ["anonymous", "everything"])
def test_addresses(address: str, inside: bool, name: str) -> None:
    """IPv4 and IPv6; what is unknown or no address is inside of nothing. No login helps."""
    error = refusal(ActionMeta(address_in_networks=NETWORKS, public=True), VISITORS[name][0], address)
    assert (error is None) is inside
    if error is not None:
        assert type(error) is AccessDenied
        assert error.reason == "address_in_networks"


@pytest.mark.parametrize("address", ["10.0.0.1", "::1", ""])
def test_a_list_of_no_networks_lets_nobody_in(address: str) -> None:
    """Fail closed: it is not the same as no list."""
    assert refusal(ActionMeta(address_in_networks=()), visitor(), address) is not None
    assert refusal(ActionMeta(), visitor(), address) is None


def subscribed(*labels: str, user: User | None = ANNA, right: str = "") -> Visitor:
    rights = Rights(**{right: True}) if right else Rights()
    return Visitor(user=user, rights=rights, subscription_labels=labels)


@pytest.mark.parametrize(
    ("labels", "may"),
    [((), False), (("gold",), True), (("bronze", "silver"), True), (("bronze",), False),
     (("Gold", "gold "), False), (("g", "o", "l", "d"), False)],
)  # fmt: skip
def test_one_of_the_labels_is_enough(labels: tuple[str, ...], may: bool) -> None:
    """As it is written. Whoever has none is told which would do, and nobody is sent to the login first."""
    meta = ActionMeta(only_subscription=("gold", "silver"), public=True)
    error = refusal(meta, subscribed(*labels))
    assert (error is None) is may
    if error is not None:
        assert type(error) is SubscriptionRequired
        assert (error.reason, error.status, error.labels) == ("only_subscription", 403, ("gold", "silver"))
    anonymous = refusal(meta, subscribed(*labels, user=None))
    assert anonymous is None if may else type(anonymous) is LoginRequired


def test_a_subscription_comes_after_rights_and_before_the_address() -> None:
    """Nobody pays for a page that a right is missing for."""
    meta = ActionMeta(only_subscription=("gold",), only_orga_admin_user=True, address_in_networks=NETWORKS)
    reasons = []
    for who in (subscribed(), subscribed(right="orga_admin"), subscribed("gold", right="orga_admin")):
        error = refusal(meta, who, "8.8.8.8")
        reasons.append(error and error.reason)
    assert reasons == ["only_orga_admin_user", "only_subscription", "address_in_networks"]
    assert refusal(meta, subscribed("gold", right="orga_admin"), "10.0.0.1") is None


def test_the_address_comes_last() -> None:
    """A visitor who lacks a right is told of that one."""
    meta = ActionMeta(only_admin_user=True, address_in_networks=NETWORKS)
    error = refusal(meta, visitor(), "8.8.8.8")
    assert error is not None
    assert error.reason == "only_admin_user"


def test_everywhere_is_a_network_too() -> None:
    """Of one family: IPv6 is not in 0.0.0.0/0."""
    meta = ActionMeta(address_in_networks=(ipaddress.ip_network("0.0.0.0/0"),))
    assert refusal(meta, visitor(), "203.0.113.9") is None
    assert refusal(meta, visitor(), "2001:db8::1") is not None


MAPPED = tuple(ipaddress.ip_network(text) for text in ("::ffff:10.0.0.0/104", "::ffff:192.0.2.7"))


@pytest.mark.parametrize("networks", [NETWORKS, MAPPED], ids=["plain", "mapped"])
@pytest.mark.parametrize(
    ("address", "inside"),
    [("10.1.2.3", True), ("192.0.2.7", True), ("11.0.0.0", False), ("192.0.2.6", False), ("0.0.0.10", False)],
)
def test_an_ipv4_address_is_one_however_it_is_written(
    networks: tuple[Any, ...], address: str, inside: bool
) -> None:
    """Mapped into IPv6 or not, in the rule and in the request; other IPv6 forms of it are not meant."""
    meta = ActionMeta(address_in_networks=networks)
    assert (refusal(meta, visitor(), address) is None) is inside
    assert (refusal(meta, visitor(), f"::ffff:{address}") is None) is inside
    assert refusal(meta, visitor(), f"::{address}") is not None
    assert refusal(meta, visitor(), f"64:ff9b::{address}") is not None


@pytest.mark.parametrize(
    ("network", "address", "inside"),
    [
        ("::ffff:0:0/96", "203.0.113.9", True),
        ("::ffff:0:0/96", "::ffff:203.0.113.9", True),
        ("::ffff:0:0/96", "2001:db8::1", False),
        ("::/0", "2001:db8::1", True),
        ("::/0", "203.0.113.9", False),
        ("::/0", "::ffff:203.0.113.9", False),
        ("::/80", "203.0.113.9", False),
    ],
)
def test_wide_networks_of_ipv6(network: str, address: str, inside: bool) -> None:
    """Only one that holds nothing but mapped addresses is one of IPv4."""
    meta = ActionMeta(address_in_networks=(ipaddress.ip_network(network),))
    assert (refusal(meta, visitor(), address) is None) is inside
