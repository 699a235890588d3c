"""A service with a key holds its own access rules, whatever the host did."""

from __future__ import annotations

import pytest
from tests.unit.sdk.support import KEY, NOW, answering, service, sign

from plugit_wsgi import sdk
from plugit_wsgi.wire.meta import ActionMeta

TABLE = [
    (sdk.only_logged_user(), {}, "only_logged_user"),
    (sdk.only_logged_user(), {"subject": "7"}, None),
    (sdk.only_member_user(), {"subject": "7"}, "only_member_user"),
    (sdk.only_member_user(), {"subject": "7", "rights": ("admin",)}, "only_member_user"),
    (sdk.only_member_user(), {"subject": "7", "rights": ("member",)}, None),
    (sdk.only_admin_user(), {"subject": "7", "rights": ("member",)}, "only_admin_user"),
    (sdk.only_admin_user(), {"subject": "7", "rights": ("admin",)}, None),
    (sdk.only_orga_member_user(), {"rights": ("member", "orga_admin")}, "only_orga_member_user"),
    (sdk.only_orga_member_user(), {"rights": ("orga_member",)}, None),
    (sdk.only_orga_admin_user(), {"rights": ("admin", "orga_member")}, "only_orga_admin_user"),
    (sdk.only_orga_admin_user(), {"rights": ("orga_admin",)}, None),
    (sdk.address_in_networks(["10.0.0.0/8"]), {"address": "11.0.0.1"}, "address_in_networks"),
    (sdk.address_in_networks(["10.0.0.0/8"]), {"address": ""}, "address_in_networks"),
    (sdk.address_in_networks(["10.0.0.0/8"]), {"address": "nonsense"}, "address_in_networks"),
    (sdk.address_in_networks(["10.0.0.0/8"]), {"address": "::ffff:10.0.0.1"}, None),
    (sdk.address_in_networks(["fd00::/8"]), {"address": "fd12::1"}, None),
    (sdk.address_in_networks([]), {"address": "10.0.0.1"}, "address_in_networks"),
    (sdk.public(), {}, None),
]


def ask(function, *, method="GET", path="/action/", **claims):
    client = service(function, key=KEY, clock=lambda: NOW)
    return client.open("/action/", method=method, headers={"X-Plugit-Context": sign(method, path, **claims)})


@pytest.mark.parametrize(("decorator", "claims", "reason"), TABLE)
def test_each_rule_is_held_by_the_service(decorator, claims, reason):
    """403 with the meta key as the reason, and the action does not run."""
    answer = ask(answering({"ran": True}, decorator), **claims)
    expected = (200, {"ran": True}) if reason is None else (403, {"error": reason})
    assert (answer.status_code, answer.json) == expected


def test_preflight_is_not_refused():
    """It carries no user, and runs nothing."""
    function = answering({}, sdk.only_admin_user(), sdk.crossdomain("*"))
    assert ask(function, method="OPTIONS").status_code == 200


def digest_of(**rules):
    return ActionMeta(**rules).rules_digest


KEPT = [
    # A kept page: what tells visitors apart is withheld; the host says that it applied these rules.
    ([sdk.only_logged_user(), sdk.cache(60, False)], digest_of(only_logged_user=True), 200),
    ([sdk.only_logged_user(), sdk.cache(60, False)], digest_of(), 403),
    ([sdk.only_logged_user(), sdk.cache(60, False)], "", 403),
    # Not kept, or kept for each user apart: the user is told, so nobody is nobody.
    ([sdk.only_logged_user()], digest_of(only_logged_user=True), 403),
    ([sdk.only_logged_user(), sdk.cache(60)], digest_of(only_logged_user=True), 403),
    ([sdk.only_logged_user(), sdk.cache(60, True)], digest_of(only_logged_user=True), 403),
    (
        [sdk.only_logged_user(), sdk.cache(60, False), sdk.user_info(["pk"])],
        digest_of(only_logged_user=True),
        403,
    ),
    # Rights are always told.
    ([sdk.only_admin_user(), sdk.cache(60, False)], digest_of(only_admin_user=True), 403),
]


@pytest.mark.parametrize(("decorators", "applied", "status"), KEPT)
def test_withheld_user_counts_only_under_the_very_rules(decorators, applied, status):
    """Rule 2 of the module."""
    assert ask(answering({}, *decorators), rules_digest=applied).status_code == status


@pytest.mark.parametrize(("decorators", "status"), [([sdk.cache(60)], 200), ([], 403)])
def test_withheld_address_counts_only_for_a_kept_page(decorators, status):
    """The address of one visitor says nothing of the next one who gets the page."""
    function = answering({}, sdk.address_in_networks(["10.0.0.0/8"]), *decorators)
    applied = service(function).get("/meta/").json
    digest = ActionMeta.from_mapping(applied).rules_digest
    assert ask(function, rules_digest=digest).status_code == status
    assert ask(function, rules_digest=digest, address="11.0.0.1").status_code == 403
    assert ask(function, rules_digest="other").status_code == 403


def test_without_a_key_the_host_is_believed():
    """As the original: the network list is all there is."""
    assert service(answering({}, sdk.only_admin_user())).get("/action/").status_code == 200
