"""Proof that a change was asked for by one of the host's own pages.

1. A browser's own word comes first: Sec-Fetch-Site, then Origin. Another site is refused, whatever it
   carries.
2. Then the token: an HMAC over visitor, user and service, masked anew each time, so that compression
   tells nothing.
3. A token of one service, visitor or user is none for another.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Any

from .errors import CsrfRejected
from .http import SAFE_METHODS, Origin
from .wire.keys import KeyRing, Purpose, decode, encode
from .wire.names import CSRF_COOKIE, CSRF_HEADER

REASON = "csrf"
_HEADER_KEY = "HTTP_" + CSRF_HEADER.upper().replace("-", "_")
_BYTES = 16


def is_unsafe(method: str) -> bool:
    """A method that may change something (RFC 9110 section 9.2.1)."""
    return method not in SAFE_METHODS


def check_origin(environ: Mapping[str, Any], origin: Origin) -> None:
    """Refuses a request that another site made the browser send.

    Raises:
        CsrfRejected: Sec-Fetch-Site or Origin say so.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise CsrfRejected(REASON)
        return
    claimed = environ.get("HTTP_ORIGIN")
    if claimed is not None and claimed.lower() not in _own_origins(origin):
        raise CsrfRejected(REASON)


def _own_origins(origin: Origin) -> set[str]:
    """How a browser may write the host's own origin: without a port that is the scheme's own."""
    host = origin.host.lower()
    # Behind a proxy that is not counted as trusted, a page by https looks as if by http; never the other way.
    ports = {"https": ":443"} if origin.secure else {"http": ":80", "https": ":443"}
    return {
        f"{scheme}://{name}" for scheme, port in ports.items() for name in (host, host.removesuffix(port))
    }


def header_token(environ: Mapping[str, Any]) -> str:
    """The token that a script sent as a header; "" without one."""
    value = environ.get(_HEADER_KEY, "")
    return value if isinstance(value, str) else ""


class Tokens:
    """Issues and checks the tokens of one service. Immutable, thread-safe.

    Args:
        keys: the host's ring for this purpose.
        service: name of the service.
    """

    def __init__(self, keys: KeyRing, service: str) -> None:
        self._keys = keys.derived(Purpose.SERVICE_CSRF.of(service))

    def issue(self, visitor_id: str, user_id: str | None) -> str:
        """A token for a visitor: 43 characters of base64url, different each time."""
        mask = secrets.token_bytes(_BYTES)
        proof = _proof(self._keys.keys[-1], visitor_id, user_id)
        return encode(mask + _xor(mask, proof))

    def is_valid(self, token: str, visitor_id: str, user_id: str | None) -> bool:
        """The token was issued for this visitor, user and service, by any key of the ring."""
        try:
            raw = decode(token)
        except ValueError:
            return False
        if len(raw) != 2 * _BYTES:
            return False
        proof = _xor(raw[:_BYTES], raw[_BYTES:])
        matches = [hmac.compare_digest(proof, _proof(key, visitor_id, user_id)) for key in self._keys.keys]
        return any(matches)

    def check(self, token: str, visitor_id: str, user_id: str | None) -> None:
        """Refuses a wrong token.

        Raises:
            CsrfRejected: it is not valid for this visitor.
        """
        if not self.is_valid(token, visitor_id, user_id):
            raise CsrfRejected(REASON)


def format_cookie(token: str, *, path: str, secure: bool) -> str:
    """The Set-Cookie value of the cookie that scripts of services read.

    Its Path is the mount, so that it never replaces a cookie of that name of the host.
    """
    return f"{CSRF_COOKIE}={token}; Path={path}; SameSite=Lax" + ("; Secure" if secure else "")


def _proof(key: bytes, visitor_id: str, user_id: str | None) -> bytes:
    subject = f"{len(visitor_id)}:{visitor_id}:" + ("" if user_id is None else f"u{user_id}")
    return hmac.digest(key, subject.encode("utf-8"), "sha256")[:_BYTES]


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(_BYTES, "big")
