"""The signed context: "this user, this service, this request" (protocol section 7).

1. A context is signed per call with the key of the one service it is for.
2. It names audience, method, path, query and body of the call; moved to another call it is foreign.
3. It lives 60 s, give or take 30 s of clock difference; one that says more is refused.
4. It tells only the user fields that the mount allows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ContextExpired, ContextForeign, ContextTampered
from .keys import KeyRing, Purpose

VERSION = 1
LIFETIME = 60.0
SKEW = 30.0
MAXIMUM_BYTES = 4096
ISSUER = "plugit-wsgi"


def digest(data: bytes) -> str:
    """SHA-256 as lower-case hex."""
    return hashlib.sha256(data).hexdigest()


EMPTY_DIGEST = digest(b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedContext:
    """The claims of one context. Immutable.

    Attributes:
        audience: the service's name, or ``name@variant`` (claim ``aud``).
        issued, expires: Unix time in seconds, 60 s apart at most (``iat``, ``exp``).
        token_id: unique per call (``jti``); the request id of the log is another (``X-Request-ID``).
        method: of the call (``m``).
        path: below the service's base URL with a leading slash, percent-encoded as sent (``p``).
        query_digest: SHA-256 of the query's bytes as sent (``q``).
        body_digest: SHA-256 of the body's bytes as sent (``bd``).
        subject: the user's id; None is anonymous (``sub``).
        fields: the user fields the mount allows (``f``).
        rights: names out of ``member admin orga_member orga_admin`` (``rights``).
        organization: ``{"id", "name", "codops"}`` or None (``org``).
        subscriptions: labels (``subs``).
        rules_digest: digest of the rules that were applied (``rd``).
        variant: name of the variant or "" (``var``); shadow: a copy whose answer nobody sees.
        address: the visitor's address (``ip``).
        deadline_ms: milliseconds left for the answer (``dl``).
        nonce: of the page's CSRF marker, or "".
        issuer: who signed (``iss``).
    """

    audience: str
    issued: float
    expires: float
    token_id: str
    method: str
    path: str
    query_digest: str = EMPTY_DIGEST
    body_digest: str = EMPTY_DIGEST
    subject: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    rights: tuple[str, ...] = ()
    organization: Mapping[str, str] | None = None
    subscriptions: tuple[str, ...] = ()
    rules_digest: str = ""
    variant: str = ""
    shadow: bool = False
    address: str = ""
    deadline_ms: int = 0
    nonce: str = ""
    issuer: str = ISSUER

    def to_claims(self) -> dict[str, Any]:
        """The claims under their names on the wire."""
        claims = {claim: getattr(self, name) for claim, name in _CLAIMS.items()}
        claims["f"] = dict(self.fields)
        claims["rights"] = list(self.rights)
        claims["org"] = None if self.organization is None else dict(self.organization)
        claims["subs"] = list(self.subscriptions)
        return {"v": VERSION, **claims}

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> SignedContext:
        """The reverse of `to_claims`; claims we do not know are ignored.

        Raises:
            ContextTampered: a claim is missing or of a wrong type, or the version is unknown.
        """
        if claims.get("v") != VERSION:
            raise ContextTampered("unknown version of the context")
        values: dict[str, Any] = {}
        for claim, name in _CLAIMS.items():
            value = claims.get(claim, ...)
            if not isinstance(value, _TYPES[claim]) or (isinstance(value, bool) and claim != "shadow"):
                raise ContextTampered(f"claim {claim!r} is missing or of a wrong type")
            if isinstance(value, (int, float)) and not abs(value) < _LARGEST:
                raise ContextTampered(f"claim {claim!r} is no number to count with")
            values[name] = tuple(map(str, value)) if isinstance(value, list) else value
        return cls(**values)

    def sign(self, keys: KeyRing) -> str:
        """The token for the wire: ASCII.

        Args:
            keys: the ring of the service the context is for.

        Raises:
            ValueError: the token would be over 4 KiB (long extra user fields).
        """
        token = keys.sign(_ENCODE(self.to_claims()).encode("ascii"), Purpose.CONTEXT)
        if len(token) > MAXIMUM_BYTES:
            raise ValueError(f"the context is {len(token)} bytes, at most {MAXIMUM_BYTES} can be sent")
        return token


_CLAIMS = {
    "iss": "issuer",
    "aud": "audience",
    "iat": "issued",
    "exp": "expires",
    "jti": "token_id",
    "m": "method",
    "p": "path",
    "q": "query_digest",
    "bd": "body_digest",
    "sub": "subject",
    "f": "fields",
    "rights": "rights",
    "org": "organization",
    "subs": "subscriptions",
    "rd": "rules_digest",
    "var": "variant",
    "shadow": "shadow",
    "ip": "address",
    "dl": "deadline_ms",
    "nonce": "nonce",
}
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(_CLAIMS, (str,)),
    "iat": (int, float),
    "exp": (int, float),
    "sub": (str, type(None)),
    "f": (dict,),
    "rights": (list,),
    "org": (dict, type(None)),
    "subs": (list,),
    "shadow": (bool,),
    "dl": (int,),
}


_LARGEST = 1e12
"""Of numbers. What is larger, infinite or none breaks sums and comparisons."""
_ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


def verify(
    token: str,
    keys: KeyRing,
    *,
    audience: str | None,
    method: str,
    path: str,
    query: bytes,
    body_digest: str,
    now: float,
) -> SignedContext:
    """The context of a call, if it may be believed.

    Args:
        token: as received.
        keys: of this service.
        audience: this service's name; None leaves it to the keys, which are made of the name anyway.
        method: of the call as it arrived.
        path: of the call, percent-encoded, with a leading slash, below the service's base URL.
        query: of the call, raw, without "?".
        body_digest: `digest` of the body as it arrived.
        now: Unix time in seconds.

    Raises:
        ContextTampered: signature, size or form are wrong.
        ContextExpired: too old, or from the future, by more than 30 s; or meant to live longer than 60 s.
        ContextForeign: of another issuer, for another service or call.
    """
    context = _load(token, keys)
    if context.expires - context.issued > LIFETIME:
        raise ContextExpired("the context was meant to live longer than 60 s")
    if not context.issued - SKEW <= now <= context.expires + SKEW:
        raise ContextExpired("the context is not of this time")
    checks = (
        ("issuer", context.issuer, ISSUER),
        ("service", context.audience, context.audience if audience is None else audience),
        ("method", context.method, method),
        ("path", context.path, path),
        ("query", context.query_digest, digest(query)),
        ("body", context.body_digest, body_digest),
    )
    for claim, signed, actual in checks:
        if signed != actual:
            raise ContextForeign(claim)
    return context


def _load(token: str, keys: KeyRing) -> SignedContext:
    if len(token) > MAXIMUM_BYTES:
        raise ContextTampered("the context is over 4 KiB")
    try:
        claims = json.loads(keys.verify(token, Purpose.CONTEXT))
    except (ValueError, RecursionError) as error:
        raise ContextTampered("the signature of the context is wrong") from error
    if not isinstance(claims, dict):
        raise ContextTampered("the claims are not an object")
    return SignedContext.from_claims(claims)
