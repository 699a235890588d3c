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
    (sdk.only_subscription("gold", "silver"), {"subject": "7"}, "only_subscription"),
    (
        sdk.only_subscription("gold"),
        {"subject": "7", "subscriptions": ("Gold", "bronze")},
        "only_subscription",
    ),
    (sdk.only_subscription("gold", "silver"), {"subject": "7", "subscriptions": ("x", "silver")}, None),
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


def test_a_label_is_told_of_a_kept_page_too():
    """So a digest does not stand in for it."""
    function = answering({}, sdk.only_subscription("gold"), sdk.cache(60, False))
    digest = digest_of(only_subscription=("gold",))
    assert ask(function, rules_digest=digest).status_code == 403
    assert ask(function, rules_digest=digest, subscriptions=("gold",)).status_code == 200


LABELS = "ebuio_u_subscription_labels"
OLD_HOSTS = [{}, {"X-Plugit-Protocol": "1"}, {"X-Plugit-Protocol": "1; ext=fallback, only_subscriptions"}]


@pytest.mark.parametrize("headers", OLD_HOSTS, ids=str)
def test_a_host_older_than_the_rule_is_asked_for_the_labels(headers):
    """It ignores the rule. So it gets those it knows, keeps nothing, and the service looks at the labels."""
    marks = (sdk.only_subscription("gold", "silver"), sdk.cache(60, False), sdk.user_info(["pk"]))
    client = service(answering({"ran": True}, *marks, methods=("GET", "POST")))
    answer = client.get("/meta/", headers=headers)
    assert answer.json == {
        "template_tag": "",
        "only_logged_user": True,
        "only_subscription": ["gold", "silver"],
        "cache_by_user": False,
        "user_info": ["pk", "subscription_labels"],
    }
    assert answer.headers["Vary"] == "X-Plugit-Protocol"
    refused = (403, {"error": "only_subscription"})
    for query in ("", f"?{LABELS}=", f"?{LABELS}=bronze&{LABELS}=Gold", "?subscription_labels=gold"):
        answer = client.get(f"/action/{query}", headers=headers)
        assert (answer.status_code, answer.json) == refused
    assert client.get(f"/action/?{LABELS}=x&{LABELS}=silver", headers=headers).json == {"ran": True}
    assert client.post("/action/", data={LABELS: ["x", "gold"]}, headers=headers).json == {"ran": True}
    assert client.post("/action/", data={LABELS: "x"}, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "header", ["1; ext=only_subscription", "1;x=y; ext = fallback , only_subscription;z"]
)
def test_a_host_that_announces_the_rule_is_believed(header):
    """As with every other rule, without a key."""
    client = service(answering({"ran": True}, sdk.only_subscription("gold"), sdk.cache(60)))
    headers = {"X-Plugit-Protocol": header}
    assert client.get("/action/", headers=headers).json == {"ran": True}
    meta = client.get("/meta/", headers=headers).json
    assert meta == {"template_tag": "", "only_subscription": ["gold"], "cache_time": 60}


def test_with_a_key_an_announcement_opens_nothing():
    """What is not signed counts for nothing then; neither do fields of the query."""
    client = service(answering({}, sdk.only_subscription("gold")), key=KEY, clock=lambda: NOW)
    query = f"{LABELS}=gold"
    headers = {
        "X-Plugit-Protocol": "1; ext=only_subscription",
        "X-Plugit-Context": sign(query=query.encode(), subject="7"),
    }
    assert client.get(f"/action/?{query}", headers=headers).json == {"error": "only_subscription"}


def test_a_preflight_of_a_page_for_subscribers_is_answered():
    """It runs nothing, and a browser sends it without a login."""
    function = answering({}, sdk.only_subscription("gold"), sdk.crossdomain("*"))
    assert service(function).options("/action/").status_code == 200
