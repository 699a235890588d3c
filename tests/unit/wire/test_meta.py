"""Meta: strict parsing that fails closed (protocol section 1)."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugit_wsgi.errors import WireError
from plugit_wsgi.wire.meta import ACCESS_RULES, ActionMeta

names = st.lists(st.text(max_size=8), max_size=3).map(tuple)
networks = st.lists(
    st.ip_addresses().flatmap(
        lambda address: st.integers(0, address.max_prefixlen).map(
            lambda bits: ipaddress.ip_network(f"{address}/{bits}", strict=False)
        )
    ),
    max_size=3,
).map(tuple)
metas = st.builds(
    ActionMeta,
    template_tag=st.text(max_size=8),
    **{rule: st.booleans() for rule in (*ACCESS_RULES, "public", "json_only", "xml_only", "no_template")},
    cache_time=st.integers(0, 10**6) | st.floats(0, 10**6),
    cache_by_user=st.none() | st.booleans(),
    user_info=names,
    address_in_networks=st.none() | networks,
    only_subscription=st.lists(st.text(min_size=1, max_size=4), max_size=3).map(tuple),
)


@given(metas)
def test_mapping_round_trip(meta: ActionMeta) -> None:
    """As an object, and as the bytes of the wire."""
    assert ActionMeta.from_mapping(meta.to_mapping()) == meta
    assert ActionMeta.from_json(json.dumps(meta.to_mapping()).encode()) == meta


def test_only_the_tag_is_always_told() -> None:
    """What is at its default is left out."""
    assert ActionMeta().to_mapping() == {"template_tag": ""}
    meta = ActionMeta(only_logged_user=True, cache_by_user=False, user_info=("pk",))
    assert meta.to_mapping() == {
        "template_tag": "",
        "only_logged_user": True,
        "cache_by_user": False,
        "user_info": ["pk"],
    }


def test_rules_have_the_names_of_version_1() -> None:
    """Services set them."""
    names = "logged_user member_user admin_user orga_member_user orga_admin_user"
    assert tuple(f"only_{name}" for name in names.split()) == ACCESS_RULES


def test_what_is_not_said_is_not_so() -> None:
    """A meta of a template alone: no rule, not kept, no file, in the layout."""
    assert dataclasses.asdict(ActionMeta.from_mapping({"template_tag": "t"})) == {
        "template_tag": "t",
        **dict.fromkeys(ACCESS_RULES, False),
        "only_subscription": (),
        "cache_time": 0,
        "cache_by_user": None,
        "user_info": (),
        "public": False,
        "json_only": False,
        "xml_only": False,
        "no_template": False,
        "address_in_networks": None,
        "fallback": "",
        "has_rules": False,
        "rules_digest": ActionMeta().rules_digest,
    }


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"template_tag": ""}, ActionMeta()),
        ({"template_tag": "t"}, ActionMeta(template_tag="t")),
        ({"template_tag": "t", "cache_by_user": None}, ActionMeta(template_tag="t")),
        ({"template_tag": "", "cache_by_user": True}, ActionMeta(cache_by_user=True)),
        ({"template_tag": "", "cache_time": 0.5}, ActionMeta(cache_time=0.5)),
        ({"template_tag": "", "cache_time": 0}, ActionMeta()),
        ({"template_tag": "", "cache_time": 10**9 - 1}, ActionMeta(cache_time=10**9 - 1)),
        ({"template_tag": "", "fallback": "media/away.html"}, ActionMeta(fallback="media/away.html")),
        ({"template_tag": "", "only_admin_user": False}, ActionMeta()),
        ({"template_tag": "", "user_info": []}, ActionMeta()),
        ({"template_tag": "", "only_subscription": ["b", "a"]}, ActionMeta(only_subscription=("b", "a"))),
        ({"template_tag": "", "whatever": [1], "onlyish": 1, "Only_x": 1}, ActionMeta()),
        ({"template_tag": "", "address_in_networks": []}, ActionMeta(address_in_networks=())),
        (
            {"template_tag": "", "address_in_networks": ["10.1.2.3/8", "::1", "2001:db8::/32"]},
            ActionMeta(
                address_in_networks=(
                    ipaddress.ip_network("10.0.0.0/8"),
                    ipaddress.ip_network("::1/128"),
                    ipaddress.ip_network("2001:db8::/32"),
                )
            ),
        ),
    ],
)
def test_what_is_understood(raw: dict[str, Any], expected: ActionMeta) -> None:
    """Unknown keys are ignored; a list of no networks lets nobody in, which is not the same as no list."""
    assert ActionMeta.from_mapping(raw) == expected


@pytest.mark.parametrize("rule", ACCESS_RULES)
@pytest.mark.parametrize("value", [None, 0, 1, "", "true", "false", [], {}, [True], 1.0])
def test_a_rule_of_a_wrong_type_is_refused(rule: str, value: object) -> None:
    """Never "no rule", and never a guess either."""
    with pytest.raises(WireError) as caught:
        ActionMeta.from_mapping({"template_tag": "t", rule: value})
    assert caught.value.field == rule
    assert caught.value.received in (value, repr(value))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("only_subscribers", True),
        ("only_subscribers", False),
        ("only_", True),
        ("only_logged_users", True),
        *(("only_subscription", value) for value in (None, True, False, "gold", [], [""], ["gold", ""], [1])),
        ("only_subscription", {"gold": True}),
        ("only_subscriptions", ["gold"]),
        ("template_tag", None),
        ("template_tag", 1),
        ("template_tag", ["t"]),
        ("cache_time", "60"),
        ("cache_time", None),
        ("cache_time", True),
        ("cache_time", -1),
        ("cache_time", 10**9),
        ("cache_time", float("nan")),
        ("cache_time", float("inf")),
        ("cache_by_user", 0),
        ("cache_by_user", "yes"),
        ("user_info", "pk"),
        ("user_info", None),
        ("user_info", [1]),
        ("user_info", {"pk": 1}),
        ("public", 1),
        ("public", None),
        ("json_only", "1"),
        ("xml_only", 1),
        ("no_template", None),
        ("fallback", None),
        ("address_in_networks", None),
        ("address_in_networks", "10.0.0.0/8"),
        ("address_in_networks", ["nowhere"]),
        ("address_in_networks", ["10.0.0.0/33"]),
        ("address_in_networks", [10]),
        ("address_in_networks", ["10.0.0.0/8", ""]),
    ],
)
def test_what_is_not_understood_is_refused(key: str, value: object) -> None:
    """A rule that is not known, and every wrong type; the error names the key."""
    with pytest.raises(WireError) as caught:
        ActionMeta.from_mapping({"template_tag": "t", key: value})
    assert caught.value.field == key


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"{}",
        b'{"only_logged_user": true}',
        b"<html>",
        b"\xff\xfe",
        b"{" * 10000,
        b"[" * 100000,
        b'{"template_tag": "t"',
    ],
)
def test_what_is_no_meta_is_refused(body: bytes) -> None:
    """`{}` is no meta; neither is an error page, or a bomb of brackets."""
    with pytest.raises(WireError) as caught:
        ActionMeta.from_json(body)
    assert caught.value.status == 502
    assert len(repr(caught.value.received)) < 400


@given(metas, metas)
def test_digest_tells_rules_apart(one: ActionMeta, other: ActionMeta) -> None:
    """Same rules, same digest; it is of rules only."""

    def rules(meta: ActionMeta) -> tuple[object, ...]:
        rules = (*ACCESS_RULES, "only_subscription", "public", "address_in_networks")
        return tuple(getattr(meta, rule) for rule in rules)

    assert (one.rules_digest == other.rules_digest) == (rules(one) == rules(other))
    assert len(one.rules_digest) == 16
    assert set(one.rules_digest) <= set("0123456789abcdef")


def test_digest_stays_as_it_is() -> None:
    """Of JSON without blanks, its names sorted: services compare it with what they kept."""
    rules = ",".join(f'"{name}":{str(name == ACCESS_RULES[0]).lower()}' for name in sorted(ACCESS_RULES))
    text = f'[{{{rules}}},["10.0.0.0/8"],true]'
    meta = ActionMeta(
        only_logged_user=True, public=True, address_in_networks=(ipaddress.ip_network("10.0.0.0/8"),)
    )
    assert meta.rules_digest == hashlib.sha256(text.encode()).hexdigest()[:16]
    text = text.replace(
        '"only_orga_member_user":false', '"only_orga_member_user":false,"only_subscription":["b","a"]'
    )
    meta = dataclasses.replace(meta, only_subscription=("b", "a"))
    assert meta.rules_digest == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_digest_sees_every_rule() -> None:
    """Each rule alone changes it; a list of no networks is not no list."""
    alone = [ActionMeta(), *(ActionMeta(**{rule: True}) for rule in (*ACCESS_RULES, "public"))]
    alone += [
        ActionMeta(only_subscription=("a",)),
        ActionMeta(only_subscription=("a", "b")),
        ActionMeta(address_in_networks=()),
        ActionMeta.from_mapping({"template_tag": "", "address_in_networks": ["10.0.0.0/8"]}),
    ]
    assert len({meta.rules_digest for meta in alone}) == len(alone)
    assert ActionMeta(template_tag="t", cache_time=3).rules_digest == ActionMeta().rules_digest
