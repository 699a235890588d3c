"""Keys: derivation by the protocol's formula, rotation, tokens that nothing else can make."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugit_wsgi.errors import ConfigError
from plugit_wsgi.wire.keys import (
    KeyRing,
    api_keys,
    decode,
    derive,
    encode,
    format_service_key,
    format_service_keys,
    load_secrets,
    parse_service_keys,
    service_keys,
)

SECRET = "a secret of the tests, long enough."
OLD = "an older secret of the tests, as long."
RING = load_secrets(SECRET)
keys = st.binary(min_size=32, max_size=64)
purposes = st.text(max_size=20)


def mac(key: bytes, text: str | bytes) -> bytes:
    return hmac.new(key, text.encode() if isinstance(text, str) else text, hashlib.sha256).digest()


@given(st.binary())
def test_base64url_round_trip(data: bytes) -> None:
    """No padding, only letters that a header and a URL carry."""
    text = encode(data)
    assert decode(text) == data
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_base64url_is_that_of_rfc_4648() -> None:
    """Its last letters are letters, its padding is left out."""
    texts = {b"": "", b"\xc7": "xw", b"\xc7\x1c": "xxw", b"\xc7\x1cq": "xxxx", b"\xff\xef\xbe": "_---"}
    assert {data: encode(data) for data in texts} == texts


@pytest.mark.parametrize("text", ["a", "ab+c", "ab/c", "ab c", "abc\n", "äbcd", "====", "YR", "ab=c", "a.bc"])
def test_what_is_not_base64url_is_refused(text: str) -> None:
    """Strict: no other alphabet, no blanks, no dangling letter."""
    with pytest.raises(ValueError, match="not base64url"):
        decode(text)


def test_keys_are_made_by_the_protocols_formula() -> None:
    """Section 7: every other language must be able to make the same."""
    service = mac(SECRET.encode(), "plugit-wsgi/service/polls")
    ring = service_keys(RING, "polls")
    assert ring.keys == (service,)
    assert format_service_key(ring) == base64.urlsafe_b64encode(service).rstrip(b"=").decode()
    assert api_keys(ring) == (base64.urlsafe_b64encode(mac(service, "api")).rstrip(b"=").decode(),)
    assert derive(service, "context") == mac(service, "context")


def test_token_is_made_by_the_protocols_formula() -> None:
    """base64url(payload) "." base64url(HMAC-SHA256(purpose key, base64url(payload))), not compressed."""
    payload = b"x" * 400
    body = encode(payload)
    signature = encode(mac(mac(SECRET.encode(), "context"), body))
    assert RING.sign(payload, "context") == f"{body}.{signature}"


@given(keys, st.binary(), purposes)
def test_sign_and_verify(key: bytes, payload: bytes, purpose: str) -> None:
    """What was signed comes back."""
    ring = KeyRing((key,))
    token = ring.sign(payload, purpose)
    assert token.isascii()
    assert ring.verify(token, purpose) == payload


@given(st.data(), st.binary(max_size=40))
def test_a_changed_letter_is_refused(data: Any, payload: bytes) -> None:
    """Any single character of payload or signature, also where base64 has bits to spare."""
    token = RING.sign(payload, "p")
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCxyz019-_.=+/ \n\u00e9").filter(lambda item: item != token[place]))
    with pytest.raises(ValueError, match="bad signature"):
        RING.verify(token[:place] + letter + token[place + 1 :], "p")


@pytest.mark.parametrize("more", ["=", "==", "!", "\n", " ", "A"])
def test_a_token_has_one_spelling(more: str) -> None:
    """Nothing may be added at either end of payload and signature."""
    payload, signature = RING.sign(b"x", "p").split(".")
    for token in (
        f"{payload}{more}.{signature}",
        f"{payload}.{signature}{more}",
        f"{payload}.{more}{signature}",
    ):
        with pytest.raises(ValueError, match="bad signature"):
            RING.verify(token, "p")


@pytest.mark.parametrize("token", ["", ".", "..", "YQ", "YQ.", ".YQ", "YQ.YQ.YQ", "é.é", "\udcff"])
def test_what_is_no_token_is_refused(token: str) -> None:
    """With ValueError, whatever it is."""
    with pytest.raises(ValueError, match="bad signature"):
        RING.verify(token, "p")


@given(purposes, purposes)
def test_a_token_of_one_purpose_is_none_of_another(one: str, other: str) -> None:
    """Every purpose has a key of its own."""
    token = RING.sign(b"x", one)
    if one == other:
        assert RING.verify(token, other) == b"x"
    else:
        with pytest.raises(ValueError, match="bad signature"):
            RING.verify(token, other)


def test_matrix_of_services() -> None:
    """A service can speak for itself alone, and not as its variant."""
    names = ["polls", "poll", "polls@b", "notes", "pollsnotes"]
    rings = {name: service_keys(RING, name) for name in names}
    for signer in names:
        token = rings[signer].sign(b"x", "context")
        believed = []
        for name in names:
            try:
                rings[name].verify(token, "context")
                believed.append(name)
            except ValueError:
                pass
        assert believed == [signer]


def test_rotation() -> None:
    """The newest is last and signs; all of them verify; one that left does not."""
    both, old, new = load_secrets([OLD, SECRET]), load_secrets(OLD), load_secrets([SECRET])
    assert both.sign(b"x", "p") == new.sign(b"x", "p")
    assert both.verify(old.sign(b"x", "p"), "p") == b"x"
    assert old.derived("q").keys + new.derived("q").keys == both.derived("q").keys
    with pytest.raises(ValueError, match="bad signature"):
        new.verify(old.sign(b"x", "p"), "p")


@given(st.lists(st.text(min_size=32, max_size=60), min_size=1, max_size=3))
def test_service_key_round_trip(secrets: list[str]) -> None:
    """What is handed out is what the service reads, by blanks and line ends around it too."""
    ring = service_keys(load_secrets(secrets), "polls")
    assert parse_service_keys(f" {format_service_key(ring)}\n").keys == ring.keys[-1:]


@pytest.mark.parametrize(
    ("secret", "field"),
    [
        ("", "secret_key[0]"),
        ("x" * 31, "secret_key[0]"),
        ([SECRET, "x" * 31], "secret_key[1]"),
        ([SECRET, b"x" * 32], "secret_key[1]"),
        ([SECRET, None], "secret_key[1]"),
        ([], "secret_key"),
        ((), "secret_key"),
        (None, "secret_key"),
        (12345, "secret_key"),
        (b"x" * 32, "secret_key"),
        (bytearray(b"x" * 32), "secret_key"),
        ("\udcff" + "x" * 32, "secret_key[0]"),
        ({SECRET: 1}, "secret_key"),
    ],
)
def test_bad_secrets_die_by_name(secret: Any, field: str) -> None:
    """Empty, short, not text, not there at all (an environment variable that is not set)."""
    with pytest.raises(ConfigError) as caught:
        load_secrets(secret)
    assert caught.value.field == field
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert "secret of the tests" not in str(caught.value)
    assert "x" * 8 not in str(caught.value)


def test_secret_length_is_counted_in_bytes() -> None:
    """32 bytes of UTF-8."""
    assert load_secrets("ä" * 16).keys == (("ä" * 16).encode(),)
    assert load_secrets("x" * 32).keys == (b"x" * 32,)


@pytest.mark.parametrize(
    "text", ["", "ü", "YQ", "x" * 42, [], ["a" * 43, "short"], encode(b"x" * 31), [None], [b"a" * 43]]
)
def test_bad_service_keys_die_by_name(text: Any) -> None:
    """The text is not shown: it may be most of a key."""
    with pytest.raises(ConfigError, match="plugit-wsgi key") as caught:
        parse_service_keys(text)
    assert caught.value.field == "key"
    assert "x" * 8 not in str(caught.value)


def test_several_service_keys_while_rotating() -> None:
    """Newest last, as they were given."""
    texts = [format_service_key(service_keys(load_secrets(secret), "polls")) for secret in (OLD, SECRET)]
    assert parse_service_keys(f" {text}\n" for text in texts) == parse_service_keys(texts)
    assert parse_service_keys(texts).keys == service_keys(load_secrets([OLD, SECRET]), "polls").keys


def test_all_keys_of_a_service_as_one_text() -> None:
    """With commas, and with blanks or line ends as well."""
    ring = service_keys(load_secrets([OLD, SECRET]), "polls")
    text = format_service_keys(ring)
    assert text == ",".join(map(encode, ring.keys))
    assert parse_service_keys(text) == parse_service_keys(text.replace(",", " ,\n")) == ring
    assert format_service_key(ring) == encode(ring.keys[1])
    assert ring.newest == KeyRing(ring.keys[1:])


def test_keys_are_not_shown() -> None:
    """A log line with a ring tells nothing."""
    assert SECRET not in repr(RING)
    assert "key" not in repr(RING).lower().replace("keyring", "")
