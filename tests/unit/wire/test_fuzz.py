"""Contexts, keys and meta, whatever comes: read, or refused by the documented error; never half read."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plugit_wsgi.errors import ConfigError, ContextError, ContextTampered, WireError
from plugit_wsgi.sdk.request import Request, describe
from plugit_wsgi.sdk.service_config import load_config
from plugit_wsgi.wire.context import LIFETIME, SKEW, SignedContext, digest, verify
from plugit_wsgi.wire.keys import (
    MINIMUM_SECRET_BYTES,
    KeyRing,
    Purpose,
    format_service_keys,
    load_secrets,
    parse_service_keys,
    service_keys,
)
from plugit_wsgi.wire.meta import ACCESS_RULES, SUBSCRIPTION, ActionMeta

bounded = settings(max_examples=200, deadline=None)
KEYS = service_keys(load_secrets("a secret of the tests, long enough."), "polls")
NOW = 1_800_000_000
CONTEXT = SignedContext(
    audience="polls",
    issued=NOW,
    expires=NOW + 60,
    token_id="t",
    method="GET",
    path="/action/",
    subject="7",
    rights=("member",),
)
TOKEN = CONTEXT.sign(KEYS)
CALL: dict[str, Any] = {
    "audience": "polls",
    "method": "GET",
    "path": "/action/",
    "query": b"",
    "body_digest": digest(b""),
    "now": NOW,
}
ENVIRON = {"REQUEST_METHOD": "GET", "wsgi.url_scheme": "http", "SERVER_NAME": "x", "SERVER_PORT": "80"}

letters = st.characters() | st.sampled_from("AZaz09-_=.+/ \n\0") | st.characters(categories=["Cs"])
numbers = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 1e308, 10**12, -0.0])
leaves = st.none() | st.booleans() | numbers | st.text(letters, max_size=8)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(letters, max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
claims = st.dictionaries(st.sampled_from([*CONTEXT.to_claims(), "new"]), values, max_size=3)


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A valid token with a few letters changed, put in, taken out, or moved."""
    token = TOKEN
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(token)))
        end = draw(st.integers(start, min(len(token), start + draw(st.sampled_from([0, 1, 2, 50])))))
        piece = draw(st.text(letters, max_size=3) | st.just(token[end:start:-1]) | st.just(token[-9:]))
        token = token[:start] + piece + token[end:]
    return token


@bounded
@given(mutations())
@example(TOKEN + "=")
@example(TOKEN[:-1] + chr(ord(TOKEN[-1]) + 1))  # the same bytes: the last letter has bits to spare
def test_any_mutation_of_a_context_is_refused(token: str) -> None:
    """Only the token itself is believed."""
    if token == TOKEN:
        assert verify(token, KEYS, **CALL) == CONTEXT
    else:
        with pytest.raises(ContextTampered):
            verify(token, KEYS, **CALL)


@bounded
@given(st.text(letters, max_size=60), st.text(letters, max_size=60))
def test_no_text_is_a_context(left: str, right: str) -> None:
    """Nor two with a dot between, nor one with half of a token."""
    for token in (left, f"{left}.{right}", f"{left}.{TOKEN.split('.')[1]}", f"{TOKEN.split('.')[0]}.{right}"):
        if token != TOKEN:
            with pytest.raises(ContextTampered):
                verify(token, KEYS, **CALL)


@bounded
@given(claims)
@example({"iat": 10**400})
@example({"exp": math.inf})
@example({"iat": math.nan, "exp": math.nan})
@example({"dl": 10**400})
@example({"exp": 10**12})
@example({"exp": NOW + 61})
def test_signed_claims_are_believed_as_they_are_or_refused(changed: dict[str, Any]) -> None:
    """Whoever has the key may sign nonsense: what is believed is of this call and time, and can be told."""
    token = KEYS.sign(json.dumps({**CONTEXT.to_claims(), **changed}).encode("ascii"), Purpose.CONTEXT)
    try:
        found = verify(token, KEYS, **CALL)
    except ContextError:
        return
    assert (found.issuer, found.audience) == ("plugit-wsgi", "polls")
    assert (found.method, found.path) == ("GET", "/action/")
    assert found.issued - SKEW <= NOW <= found.expires + SKEW
    assert found.expires - found.issued <= LIFETIME
    told = describe(Request(ENVIRON), found)
    assert told.verified
    assert (None if told.user is None else told.user.id) == found.subject
    assert told.deadline is None or told.deadline >= 0


@bounded
@given(st.binary(max_size=60))
def test_any_signed_bytes_are_refused(payload: bytes) -> None:
    """They are no claims."""
    with pytest.raises(ContextTampered):
        verify(KEYS.sign(payload, Purpose.CONTEXT), KEYS, **CALL)


secrets = st.text(letters, max_size=40) | st.binary(max_size=40) | leaves
several = st.lists(secrets, max_size=3) | st.tuples(secrets) | st.dictionaries(st.text(), secrets, max_size=2)


def made(make: Callable[[Any], KeyRing], given: Any) -> KeyRing | ConfigError:
    """The ring, or the error; which is the documented one."""
    try:
        return make(given)
    except ConfigError as error:
        return error


def is_told(given: Any, error: ConfigError) -> bool:
    """Whether an error, or what it is from, holds a text of some length that was given."""
    texts = [given] if isinstance(given, str) else given if isinstance(given, (list, tuple)) else []
    told = f"{error!r} {error} {error.__cause__!r} {vars(error)!r}"
    return any(isinstance(text, str) and len(text.strip()) >= 8 and text in told for text in texts)


@bounded
@given(secrets | several)
@example("\udcff" * 40)
@example(["x" * 40, "\ud800" * 20])
@example(["x" * 31])
def test_any_secrets_make_a_ring_or_are_refused(given_secrets: Any) -> None:
    """Never a short key, never fewer keys than secrets; the error tells none of them."""
    ring = made(load_secrets, given_secrets)
    if isinstance(ring, ConfigError):
        assert ring.field.startswith("secret_key")
        assert not is_told(given_secrets, ring)
        return
    expected = [given_secrets] if isinstance(given_secrets, str) else given_secrets
    assert [key.decode("utf-8") for key in ring.keys] == list(expected)
    assert min(map(len, ring.keys)) >= MINIMUM_SECRET_BYTES


keys = st.binary(min_size=MINIMUM_SECRET_BYTES, max_size=40)
separators = st.sampled_from([",", ", ", " ", "\n", ",,", "\t,"])


@bounded
@given(st.lists(keys, min_size=1, max_size=3), separators, st.sampled_from(["", " ", "\n", ","]))
def test_keys_are_read_as_they_were_printed(found: list[bytes], separator: str, around: str) -> None:
    """All of them in their order, however a person joins them."""
    ring = KeyRing(tuple(found))
    text = around + format_service_keys(ring).replace(",", separator) + around
    assert parse_service_keys(text) == ring
    assert load_config({"PI_SERVICE_KEY": text}).keys == ring
    assert parse_service_keys(format_service_keys(ring).split(",")) == ring


@bounded
@given(st.text(letters, max_size=100) | st.lists(st.text(letters, max_size=50) | leaves, max_size=3))
@example([None])
@example("")
@example(",")
def test_any_text_is_keys_or_is_refused(text: Any) -> None:
    """Never an empty ring, which would believe nothing, or a short key, which could be guessed."""
    ring = made(parse_service_keys, text)
    if isinstance(ring, ConfigError):
        assert ring.field == "key"
        assert not is_told(text, ring)
        return
    assert ring.keys
    assert min(map(len, ring.keys)) >= MINIMUM_SECRET_BYTES


known = [item.name for item in dataclasses.fields(ActionMeta)]
meta_values = st.dictionaries(
    st.sampled_from([*known, *ACCESS_RULES, "only_new"]) | st.text(letters, max_size=8),
    values | st.lists(st.sampled_from(["10.0.0.0/8", "::/0", "10.0.0.1/8", "x"]), max_size=2),
    max_size=6,
)


def read_meta(body: bytes) -> ActionMeta | None:
    """None is refused."""
    try:
        return ActionMeta.from_json(body)
    except WireError:
        return None


@bounded
@given(st.binary(max_size=200))
@example(b"[" * 60_000)
@example(b'{"template_tag": ' * 10_000)
@example(b"1" * 60_000)
@example(b'{"template_tag": "", "cache_time": ' + b"9" * 4000 + b"}")
@example(b'\xef\xbb\xbf{"template_tag": ""}')
@example(json.dumps({"template_tag": "", "only_logged_user": True}).encode("utf-16"))
def test_any_bytes_are_a_meta_or_are_refused(body: bytes) -> None:
    """Deep, long, in another encoding."""
    found = read_meta(body)
    assert found is None or json.loads(body)["template_tag"] == found.template_tag


@bounded
@given(meta_values, st.booleans())
@example({"only_logged_user": 1}, True)
@example({"only_logged_user": None}, True)
@example({"only_new": False}, True)
@example({"address_in_networks": None}, True)
@example({"only_subscription": []}, True)
@example({"only_subscription": "gold"}, True)
@example({"only_subscription": ["gold"]}, True)
def test_no_meta_is_read_as_open(raw: dict[str, Any], tagged: bool) -> None:
    """What is read has exactly the rules that were written."""
    raw = {**raw, "template_tag": "t"} if tagged else raw
    found = read_meta(json.dumps(raw).encode("ascii"))
    if found is None:
        return
    for key, value in raw.items():
        if key.startswith("only_"):
            assert key in (*ACCESS_RULES, SUBSCRIPTION)
            assert getattr(found, key) == (tuple(value) if key == SUBSCRIPTION else value)
            assert found.has_rules or value is False
    written = raw.get("address_in_networks", ...)
    if written is ...:
        assert found.address_in_networks is None
    else:
        assert isinstance(written, list)
        assert found.address_in_networks is not None
        assert len(found.address_in_networks) == len(written)
    assert {rule for rule in ACCESS_RULES if getattr(found, rule)} == {r for r in ACCESS_RULES if raw.get(r)}
    assert 0 <= found.cache_time < 10**9
    assert len(found.rules_digest) == 16
    assert ActionMeta.from_mapping(found.to_mapping()) == found
