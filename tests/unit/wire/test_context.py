"""The signed context: what it says comes back, and no other call, key, time or change is believed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugit_wsgi.errors import ContextExpired, ContextForeign, ContextTampered
from plugit_wsgi.wire.context import EMPTY_DIGEST, MAXIMUM_BYTES, SignedContext, digest, verify
from plugit_wsgi.wire.keys import KeyRing, decode, load_secrets, service_keys

SECRETS = load_secrets("a secret of the tests, long enough.")
KEYS = service_keys(SECRETS, "polls")
NOW = 1_800_000_000.0
CONTEXT = SignedContext(
    audience="polls",
    issued=NOW,
    expires=NOW + 60,
    token_id="abc",
    method="POST",
    path="/action/vote/1",
    query_digest=digest(b"a=1"),
    body_digest=digest(b"body"),
    subject="7",
    fields={"pk": "7", "first_name": "Zoë", "ebuio_member": True},
    rights=("member",),
    organization={"id": "1", "name": "EBU", "codops": "zzebu"},
    subscriptions=("gold",),
    rules_digest="0123456789abcdef",
    address="192.0.2.1",
    deadline_ms=4900,
    nonce="n",
)
CALL: dict[str, Any] = {
    "audience": "polls",
    "method": "POST",
    "path": "/action/vote/1",
    "query": b"a=1",
    "body_digest": digest(b"body"),
    "now": NOW,
}
text = st.text(max_size=12)
contexts = st.builds(
    SignedContext,
    audience=text,
    issued=st.floats(0, 1e10),
    expires=st.floats(0, 1e10),
    token_id=text,
    method=text,
    path=text,
    query_digest=text,
    body_digest=text,
    subject=st.none() | text,
    fields=st.dictionaries(
        text, text | st.booleans() | st.integers() | st.lists(text, max_size=2), max_size=3
    ),
    rights=st.lists(text, max_size=3).map(tuple),
    organization=st.none() | st.dictionaries(text, text, max_size=3),
    subscriptions=st.lists(text, max_size=3).map(tuple),
    rules_digest=text,
    variant=text,
    shadow=st.booleans(),
    address=text,
    deadline_ms=st.integers(0, 10**6),
    nonce=text,
)


def test_digest_is_sha_256() -> None:
    """In lower-case hex; of nothing, the well-known one."""
    assert digest(b"abc") == hashlib.sha256(b"abc").hexdigest()
    assert EMPTY_DIGEST == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_claims_have_the_names_of_the_protocol() -> None:
    """Section 7, in this order; other languages read them."""
    names = [
        "v",
        "iss",
        "aud",
        "iat",
        "exp",
        "jti",
        "m",
        "p",
        "q",
        "bd",
        "sub",
        "f",
        "rights",
        "org",
        "subs",
        "rd",
        "var",
        "shadow",
        "ip",
        "dl",
        "nonce",
    ]
    claims = CONTEXT.to_claims()
    assert list(claims) == names
    assert claims["v"] == 1
    assert (claims["aud"], claims["sub"], claims["m"], claims["p"]) == (
        "polls",
        "7",
        "POST",
        "/action/vote/1",
    )
    assert (claims["rights"], claims["subs"], claims["dl"]) == (["member"], ["gold"], 4900)


@given(contexts)
def test_claims_round_trip(context: SignedContext) -> None:
    """Through JSON, as over the wire."""
    claims = json.loads(json.dumps(context.to_claims()))
    assert SignedContext.from_claims(claims) == context


@given(contexts)
def test_sign_and_verify_round_trip(context: SignedContext) -> None:
    """A token that fits is ASCII, and believed for its own call."""
    context = dataclasses.replace(
        context, issued=NOW, expires=NOW + 60, query_digest=digest(b"q"), body_digest=digest(b"b")
    )
    token = context.sign(KEYS)
    assert token.isascii()
    assert len(token) <= MAXIMUM_BYTES
    found = verify(
        token,
        KEYS,
        audience=context.audience,
        method=context.method,
        path=context.path,
        query=b"q",
        body_digest=digest(b"b"),
        now=NOW,
    )
    assert found == context


def test_token_is_the_protocols_form() -> None:
    """base64url(json) "." base64url(mac): the first part is plain JSON."""
    payload, _, signature = CONTEXT.sign(KEYS).partition(".")
    assert json.loads(decode(payload)) == CONTEXT.to_claims()
    assert len(decode(signature)) == 32


@pytest.mark.parametrize(
    ("claim", "call"),
    [
        ("issuer", {"issuer": "another"}),
        ("issuer", {"issuer": ""}),
        ("service", {"audience": "notes"}),
        ("service", {"audience": "polls@b"}),
        ("service", {"audience": ""}),
        ("method", {"method": "PUT"}),
        ("method", {"method": "post"}),
        ("path", {"path": "/action/vote/2"}),
        ("path", {"path": "/action/vote/1/"}),
        ("path", {"path": "action/vote/1"}),
        ("path", {"path": "/action/vote/%31"}),
        ("query", {"query": b""}),
        ("query", {"query": b"a=1&"}),
        ("query", {"query": b"?a=1"}),
        ("body", {"body_digest": EMPTY_DIGEST}),
        ("body", {"body_digest": digest(b"body").upper()}),
    ],
)
def test_moved_to_another_call_it_is_foreign(claim: str, call: dict[str, Any]) -> None:
    """Audience, method, path, query and body are the call's, byte for byte; the error names which is not."""
    issuer = {"issuer": call["issuer"]} if "issuer" in call else {}
    token = dataclasses.replace(CONTEXT, **issuer).sign(KEYS)
    with pytest.raises(ContextForeign) as caught:
        verify(token, KEYS, **{**CALL, **{name: call[name] for name in call.keys() & CALL.keys()}})
    assert caught.value.claim == claim


def test_audience_may_be_left_to_the_keys() -> None:
    """They are made of the name."""
    assert verify(CONTEXT.sign(KEYS), KEYS, **{**CALL, "audience": None}) == CONTEXT
    with pytest.raises(ContextTampered):
        verify(CONTEXT.sign(service_keys(SECRETS, "notes")), KEYS, **{**CALL, "audience": None})


@pytest.mark.parametrize(
    ("now", "believed"),
    [
        (NOW, True),
        (NOW - 30, True),
        (NOW - 30.1, False),
        (NOW + 60, True),
        (NOW + 90, True),
        (NOW + 90.1, False),
        (0.0, False),
        (NOW * 2, False),
    ],
)
def test_it_lives_sixty_seconds_give_or_take_thirty(now: float, believed: bool) -> None:
    """Clocks may differ by 30 s, either way."""
    token = CONTEXT.sign(KEYS)
    if believed:
        assert verify(token, KEYS, **{**CALL, "now": now}) == CONTEXT
    else:
        with pytest.raises(ContextExpired):
            verify(token, KEYS, **{**CALL, "now": now})


@pytest.mark.parametrize(("lifetime", "believed"), [(60, True), (61, False), (3600, False), (1e11, False)])
def test_none_is_meant_to_live_longer(lifetime: float, believed: bool) -> None:
    """A host with a fault, or somebody at its key, makes none that opens a service for ever."""
    token = dataclasses.replace(CONTEXT, expires=NOW + lifetime).sign(KEYS)
    if believed:
        assert verify(token, KEYS, **CALL).expires == NOW + lifetime
    else:
        with pytest.raises(ContextExpired, match="60 s"):
            verify(token, KEYS, **CALL)


@pytest.mark.parametrize("claim", list(CONTEXT.to_claims()))
@pytest.mark.parametrize("change", ["other", "gone"])
def test_every_single_changed_claim_is_refused(claim: str, change: str) -> None:
    """Whoever changes a claim and cannot sign gets nothing, even with the old signature on it."""
    claims = CONTEXT.to_claims()
    if change == "gone":
        del claims[claim]
    else:
        claims[claim] = {"v": 2, "iat": NOW - 1, "exp": NOW + 61, "dl": 1, "shadow": True}.get(claim, "other")
    payload = KEYS.sign(json.dumps(claims, separators=(",", ":")).encode(), "other purpose").split(".")[0]
    signature = CONTEXT.sign(KEYS).split(".")[1]
    with pytest.raises(ContextTampered):
        verify(f"{payload}.{signature}", KEYS, **CALL)


def signed(claims: object) -> str:
    return KEYS.sign(json.dumps(claims).encode(), "context")


@pytest.mark.parametrize("claim", [name for name in CONTEXT.to_claims() if name != "v"])
def test_a_missing_claim_is_refused_even_if_signed(claim: str) -> None:
    """No claim has a default on the wire."""
    claims = CONTEXT.to_claims()
    del claims[claim]
    with pytest.raises(ContextTampered, match=claim):
        verify(signed(claims), KEYS, **CALL)


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", None),
        ("aud", ["polls"]),
        ("iat", "1"),
        ("iat", None),
        ("iat", True),
        ("exp", "9999999999"),
        ("exp", False),
        ("exp", float("inf")),
        ("iat", float("nan")),
        ("iat", 10**400),
        ("dl", 10**400),
        ("dl", 10**12),
        ("dl", -(10**12)),
        ("exp", float("-inf")),
        ("jti", 1),
        ("m", ["POST"]),
        ("p", 1),
        ("q", None),
        ("bd", {}),
        ("sub", 7),
        ("sub", []),
        ("f", []),
        ("f", None),
        ("rights", "member"),
        ("rights", {"admin": 1}),
        ("org", "1"),
        ("org", []),
        ("subs", "gold"),
        ("rd", 1),
        ("var", None),
        ("shadow", "false"),
        ("shadow", 0),
        ("ip", None),
        ("dl", "5"),
        ("dl", 1.5),
        ("dl", True),
        ("nonce", 1),
        ("v", 2),
        ("v", "1"),
        ("v", None),
    ],
)
def test_a_wrong_type_is_refused_even_if_signed(claim: str, value: object) -> None:
    """Strict both ways: nothing is guessed."""
    with pytest.raises(ContextTampered):
        verify(signed({**CONTEXT.to_claims(), claim: value}), KEYS, **CALL)


def test_numbers_are_smaller_than_a_million_millions() -> None:
    """The largest one, and its opposite."""
    for number in (10**12 - 1, 1 - 10**12):
        assert verify(signed({**CONTEXT.to_claims(), "dl": number}), KEYS, **CALL).deadline_ms == number


def test_items_of_lists_are_text() -> None:
    """Whatever was signed, rights and labels can be compared with names."""
    found = verify(signed({**CONTEXT.to_claims(), "rights": [1], "subs": [None]}), KEYS, **CALL)
    assert (found.rights, found.subscriptions) == (("1",), ("None",))


def test_fields_may_be_any_mapping() -> None:
    """Also one that cannot be changed."""
    fields, organization = {"pk": "7"}, {"id": "1", "name": "EBU", "codops": "zzebu"}
    frozen = dataclasses.replace(
        CONTEXT, fields=MappingProxyType(fields), organization=MappingProxyType(organization)
    )
    found = verify(frozen.sign(KEYS), KEYS, **CALL)
    assert (found.fields, found.organization) == (fields, organization)


def test_an_unknown_claim_is_ignored() -> None:
    """A newer host may say more."""
    assert verify(signed({**CONTEXT.to_claims(), "new": 1}), KEYS, **CALL) == CONTEXT


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        signed([]),
        signed("text"),
        signed(None),
        KEYS.sign(b"not json", "context"),
        KEYS.sign(b"\xff", "context"),
        KEYS.sign(b"[" * 2800, "context"),
        CONTEXT.sign(KEYS) + "=",
        CONTEXT.sign(KEYS) + " ",
        "é" + CONTEXT.sign(KEYS),
        KEYS.sign(json.dumps(CONTEXT.to_claims()).encode(), "session"),
        CONTEXT.sign(KeyRing((b"k" * 32,))),
    ],
)
def test_what_is_no_context_is_tampered(token: str) -> None:
    """Never another error."""
    with pytest.raises(ContextTampered):
        verify(token, KEYS, **CALL)


def test_size_is_bounded_both_ways() -> None:
    """4 KiB: a longer one is neither sent nor read."""
    large = dataclasses.replace(CONTEXT, fields={"bio": "x" * 4000})
    with pytest.raises(ValueError, match="4096"):
        large.sign(KEYS)
    with pytest.raises(ContextTampered, match="4 KiB"):
        verify(signed(large.to_claims()), KEYS, **CALL)
    fits = 0
    for size in range(2300, 3200):
        try:
            token = dataclasses.replace(CONTEXT, fields={"bio": "x" * size}).sign(KEYS)
        except ValueError:
            break
        fits = len(token)
        assert verify(token, KEYS, **CALL).fields["bio"] == "x" * size
    assert fits == MAXIMUM_BYTES == 4096


def test_rotation_believes_every_key_of_the_ring() -> None:
    """While a new secret is brought in, both are believed."""
    old, new = "an older secret of the tests, as long.", "a secret of the tests, long enough."
    both = service_keys(load_secrets([old, new]), "polls")
    for secret in (old, new):
        token = CONTEXT.sign(service_keys(load_secrets(secret), "polls"))
        assert verify(token, both, **CALL) == CONTEXT
    with pytest.raises(ContextTampered):
        verify(CONTEXT.sign(service_keys(load_secrets(old), "polls")), KEYS, **CALL)
