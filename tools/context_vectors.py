"""Prints docs/vectors/context.json: keys and contexts, valid and not, for verifiers in other languages.

`make vectors` writes the file anew; a test fails when it is not what this prints.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from plugit_wsgi.wire.context import SignedContext, digest
from plugit_wsgi.wire.keys import (
    KeyRing,
    Purpose,
    api_keys,
    derive,
    encode,
    format_service_key,
    load_secrets,
    service_keys,
)

NOW = 1_800_000_000
SECRETS = ("a secret for test vectors, 32 bytes or more", "un autre secret, avec des accents: é à ü")
AUDIENCES = ("polls", "polls@next", "notes")
QUERY, BODY = "page=2&q=Zo%C3%AB", "text=gr%C3%BC%C3%9Fe&ebuio_u_pk=7"
CALL = {"audience": "polls", "method": "POST", "path": "/action/vote/1", "query": QUERY, "body": BODY}
CONTEXT = SignedContext(
    audience="polls",
    issued=NOW,
    expires=NOW + 60,
    token_id="Zq3xTn8fJ2kLw0Va",
    method="POST",
    path="/action/vote/1",
    query_digest=digest(QUERY.encode()),
    body_digest=digest(BODY.encode()),
    subject="7",
    fields={"pk": "7", "first_name": "Zoë", "ebuio_member": True},
    rights=("member", "orga_admin"),
    organization={"id": "1", "name": "Société", "codops": "zzebu"},
    subscriptions=("gold",),
    rules_digest="0123456789abcdef",
    address="192.0.2.1",
    deadline_ms=4900,
)
CLAIMS = CONTEXT.to_claims()
KEYS = service_keys(load_secrets(SECRETS[0]), "polls")
NEWER = service_keys(load_secrets(SECRETS[1]), "polls")
TOKEN = CONTEXT.sign(KEYS)
PAYLOAD, SIGNATURE = TOKEN.split(".")
PLAIN = {"method": "GET", "path": "/action/", "query": "", "body": ""}
ANONYMOUS = SignedContext(
    audience="polls", issued=NOW, expires=NOW + 60, token_id="a", method="GET", path="/action/"
)


def signed(claims: object, keys: KeyRing = KEYS, purpose: Purpose = Purpose.CONTEXT) -> str:
    """A token for any claims, or for a text as it is."""
    text = claims if isinstance(claims, str) else json.dumps(claims, separators=(",", ":"))
    return keys.sign(text.encode("utf-8"), purpose)


def without(name: str) -> dict[str, Any]:
    """The claims but one."""
    return {key: value for key, value in CLAIMS.items() if key != name}


def respelled(text: str) -> str:
    """Base64url of the same bytes in another spelling: the last letter has bits to spare."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + letters[letters.index(text[-1]) ^ 1]


def valid() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name, token, what differs from the usual call)."""
    yield "the usual call", TOKEN, {}
    yield "30 s before it was issued", TOKEN, {"now": NOW - 30}
    yield "30 s after it expired", TOKEN, {"now": NOW + 90}
    yield "nobody is logged in, no query, no body", ANONYMOUS.sign(KEYS), PLAIN
    moment = replace(ANONYMOUS, issued=NOW + 0.25, expires=NOW + 30.5)
    yield "times with fractions", moment.sign(KEYS), PLAIN
    path = replace(ANONYMOUS, path="/action/tag/%C3%A9%20a%3Fb%2525")
    yield "a path with encoded letters", path.sign(KEYS), {**PLAIN, "path": path.path}
    yield "a claim that is not known", signed({**CLAIMS, "later": [1, {"a": None}]}), {}
    yield "letters as they are in the JSON", signed(json.dumps(CLAIMS, ensure_ascii=False)), {}
    both = {"keys": [format_service_key(KEYS), format_service_key(NEWER)]}
    yield "during a rotation, the old key", TOKEN, both
    yield "during a rotation, the new key", CONTEXT.sign(NEWER), both


def tampered() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Not from the host, or not a context."""
    for name, token in {
        "empty": "",
        "no signature": PAYLOAD,
        "an empty signature": f"{PAYLOAD}.",
        "no payload": f".{SIGNATURE}",
        "three parts": f"{TOKEN}.{SIGNATURE}",
        "a signature that was cut": f"{PAYLOAD}.{SIGNATURE[:-2]}",
        "a signature of zeros": f"{PAYLOAD}.{encode(bytes(32))}",
        "another user in the payload": f"{encode(json.dumps({**CLAIMS, 'sub': '1'}).encode())}.{SIGNATURE}",
        "a signature in another spelling": f"{PAYLOAD}.{respelled(SIGNATURE)}",
        "a signature with padding": f"{TOKEN}=",
        "a signature in the other alphabet": in_the_other_alphabet(),
        "a blank at the end": f"{TOKEN} ",
        "a letter outside of ASCII": f"é{TOKEN}",
        "a payload with padding, signed": resigned(f"{PAYLOAD}="),
        "key of another service": CONTEXT.sign(service_keys(load_secrets(SECRETS[0]), "notes")),
        "key of a variant": CONTEXT.sign(service_keys(load_secrets(SECRETS[0]), "polls@next")),
        "key of another secret": CONTEXT.sign(NEWER),
        "the secret itself": CONTEXT.sign(load_secrets(SECRETS[0])),
        "key of another purpose": signed(CLAIMS, purpose=Purpose.API),
        "over 4 KiB": signed({**CLAIMS, "later": "x" * 3000}),
        "not JSON": signed("{"),
        "a list": signed([CLAIMS]),
        "a text": signed('"v"'),
        "null": signed("null"),
        "another version": signed({**CLAIMS, "v": 2}),
        "a version as text": signed({**CLAIMS, "v": "1"}),
        "a time as text": signed({**CLAIMS, "exp": str(NOW + 60)}),
        "a time that is true": signed({**CLAIMS, "iat": True}),
        "a time that is null": signed({**CLAIMS, "exp": None}),
        "an endless time": signed(json.dumps({**CLAIMS, "exp": float("inf")})),
        **{f"without {name}": signed(without(name)) for name in CLAIMS},
    }.items():
        yield name, token, {}


def resigned(payload: str) -> str:
    """A token whose signature is right for a payload in any spelling."""
    return f"{payload}.{encode(derive(KEYS.derived(Purpose.CONTEXT).keys[0], payload))}"


def in_the_other_alphabet() -> str:
    """A token whose signature is right, but for ``+/`` where ``-_`` should be."""
    for number in itertools.count():
        payload, signature = replace(CONTEXT, token_id=f"number-{number}").sign(KEYS).split(".")
        if {"-", "_"} <= set(signature):
            return f"{payload}.{signature.replace('-', '+').replace('_', '/')}"
    raise AssertionError


def expired() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Not of this time."""
    yield "31 s after it expired", TOKEN, {"now": NOW + 91}
    yield "31 s before it was issued", TOKEN, {"now": NOW - 31}
    yield "meant to live for 61 s", replace(CONTEXT, expires=NOW + 61).sign(KEYS), {}
    yield "meant to live for a year", replace(CONTEXT, expires=NOW + 31_536_000).sign(KEYS), {}


def foreign() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """For another call, or another service."""
    yield "another issuer", replace(CONTEXT, issuer="somebody").sign(KEYS), {}
    yield "another service", replace(CONTEXT, audience="notes").sign(KEYS), {}
    yield "a variant", replace(CONTEXT, audience="polls@next").sign(KEYS), {}
    for name, call in {
        "another method": {"method": "PUT"},
        "a method in small letters": {"method": "post"},
        "another path": {"path": "/action/vote/2"},
        "a path with a slash more": {"path": "/action/vote/1/"},
        "a path in another spelling": {"path": "/action/vote/%31"},
        "a path below another base": {"path": "/plugit/action/vote/1"},
        "another query": {"query": "page=3&q=Zo%C3%AB"},
        "a query in another order": {"query": "q=Zo%C3%AB&page=2"},
        "a query that was decoded": {"query": "page=2&q=Zoë"},
        "no query": {"query": ""},
        "another body": {"body": BODY.replace("7", "1")},
        "no body": {"body": ""},
    }.items():
        yield name, TOKEN, call


def build_vectors() -> dict[str, Any]:
    """What the file holds."""
    contexts = []
    for make in (valid, tampered, expired, foreign):
        for name, token, differs in make():
            changes = dict(differs)
            entry = {
                "name": name,
                "expected": make.__name__,
                "token": token,
                "keys": changes.pop("keys", [format_service_key(KEYS)]),
                "now": changes.pop("now", NOW),
                "call": {**CALL, **changes},
            }
            contexts.append(entry)
    return {"keys": list(build_keys()), "claims_of_the_usual_call": CLAIMS, "contexts": contexts}


def build_keys() -> Iterator[dict[str, str]]:
    """Secrets, and what follows from them for some services."""
    for secret in SECRETS:
        for audience in AUDIENCES:
            ring = service_keys(load_secrets(secret), audience)
            yield {
                "secret": secret,
                "audience": audience,
                "service_key": format_service_key(ring),
                "context_key": encode(ring.derived(Purpose.CONTEXT).keys[0]),
                "api_key": api_keys(ring)[0],
            }


if __name__ == "__main__":
    print(json.dumps(build_vectors(), indent=1))
