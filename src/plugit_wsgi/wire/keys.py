"""Key derivation, rotation and signing (protocol section 7).

1. The host has secrets; the newest is last and signs, all of them verify.
2. A service's key is HMAC-SHA256(secret, "plugit-wsgi/service/" + name). It is all a service ever gets.
3. Every purpose has a key of its own: HMAC-SHA256(key, purpose). All purposes stand in `Purpose`. Those of
   the host begin at its secret, never at the key of a service: who holds that learns nothing of the others.
4. A token is base64url(payload) "." base64url(HMAC-SHA256(purpose key, base64url(payload))); it is never
   compressed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache

from itsdangerous import BadSignature, Signer
from itsdangerous.signer import SigningAlgorithm

from ..errors import ConfigError

MINIMUM_SECRET_BYTES = 32


class Purpose(str, Enum):
    """What keys are for. The first group is derived from the host's secret, the others from such a key.

    One that ends with a slash is followed by what it is for: the name of a service, or a cookie of one.
    """

    SERVICE = "plugit-wsgi/service/"
    SESSION = "plugit-wsgi/session"
    VISITOR = "plugit-wsgi/visitor"
    CSRF = "plugit-wsgi/csrf"
    COOKIE = "plugit-wsgi/cookie"
    MAIL = "plugit-wsgi/mail"
    PREVIEW = "plugit-wsgi/preview"
    REDIS_CACHE = "plugit-wsgi/redis-cache"
    REDIS_SESSION = "plugit-wsgi/redis-session"
    REDIS_SESSION_ID = "plugit-wsgi/redis-session-id"
    DEMO = "plugit-wsgi/demo"
    FRAGMENT = "plugit-wsgi/fragment"

    CONTEXT = "context"
    API = "api"

    SERVICE_SESSION = "session/"
    SERVICE_CSRF = "csrf/"
    SERVICE_COOKIE = "cookie/"
    VISITOR_ID = "visitor"
    DEMO_LOGIN = "login"
    FRAGMENT_MARK = "mark"

    def of(self, subject: str) -> str:
        """The purpose for one of them."""
        return self.value + subject


def encode(data: bytes) -> str:
    """Base64url without padding, ASCII."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The reverse of `encode`; bytes have one spelling.

    Raises:
        ValueError: not base64url.
    """
    try:
        found = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
    # The decoder skips what it does not know.
    if encode(found) != text:
        raise ValueError("not base64url")
    return found


def derive(key: bytes, purpose: str) -> bytes:
    """HMAC-SHA256(key, purpose): 32 bytes."""
    return hmac.new(key, purpose.encode("utf-8"), hashlib.sha256).digest()


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys of one owner, newest last; the newest signs, every one verifies. Immutable.

    Attributes:
        keys: at least one, 32 bytes at least each.
    """

    keys: tuple[bytes, ...] = field(repr=False)

    @property
    def newest(self) -> KeyRing:
        """The ring of the key that signs, alone."""
        return KeyRing(self.keys[-1:])

    def derived(self, purpose: str) -> KeyRing:
        """The ring of one purpose."""
        return KeyRing(tuple(derive(key, purpose) for key in self.keys))

    def sign(self, payload: bytes, purpose: str) -> str:
        """A token for `payload`, ASCII, signed with the newest key."""
        return _signer(self.keys, purpose).sign(encode(payload)).decode("ascii")

    def verify(self, token: str, purpose: str) -> bytes:
        """The payload of a token.

        Raises:
            ValueError: no key of the ring made this token for this purpose.
        """
        try:
            decode(token.rpartition(".")[2])
            return decode(_signer(self.keys, purpose).unsign(token.encode("ascii")).decode("ascii"))
        except (BadSignature, ValueError) as error:
            raise ValueError("bad signature") from error


class _HmacSha256(SigningAlgorithm):
    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return hmac.digest(key, value, "sha256")


@lru_cache(maxsize=1024)
def _signer(keys: tuple[bytes, ...], purpose: str) -> Signer:
    """One for each ring and purpose: its keys are derived once, not for each token. Thread-safe."""
    derived = [derive(key, purpose) for key in keys]
    return Signer(derived, sep=".", key_derivation="none", algorithm=_HmacSha256())


def load_secrets(secret_key: str | Sequence[str]) -> KeyRing:
    """The host's secrets as a ring.

    Args:
        secret_key: one secret or several, newest last; 32 bytes of UTF-8 at least each.

    Raises:
        ConfigError: none, or one that is too short or not text.
    """
    if not isinstance(secret_key, (str, Sequence)):
        raise ConfigError("secret_key", f"<{type(secret_key).__name__}>", "text, or a list of texts")
    secrets = [secret_key] if isinstance(secret_key, str) else secret_key
    if not isinstance(secrets, Sequence) or isinstance(secrets, (bytes, bytearray)) or not secrets:
        shown = f"<{type(secrets).__name__}>"
        raise ConfigError("secret_key", shown, "a secret as text, or a list of them with the newest last")
    return KeyRing(tuple(_checked(secret, position) for position, secret in enumerate(secrets)))


def _checked(secret: object, position: int) -> bytes:
    expected = f"text of at least {MINIMUM_SECRET_BYTES} bytes"
    if not isinstance(secret, str):
        raise ConfigError(f"secret_key[{position}]", f"<{type(secret).__name__}>", expected)
    try:
        raw = secret.encode("utf-8")
    except UnicodeEncodeError:  # holds the secret, so it is no cause to keep
        raise ConfigError(f"secret_key[{position}]", "<not UTF-8>", expected) from None
    if len(raw) < MINIMUM_SECRET_BYTES:
        raise ConfigError(f"secret_key[{position}]", f"<{len(raw)} bytes>", expected)
    return raw


def service_keys(secrets: KeyRing, audience: str) -> KeyRing:
    """The keys of one service; `audience` is its name, or ``name@variant``."""
    return secrets.derived(Purpose.SERVICE.of(audience))


def api_keys(service: KeyRing) -> tuple[str, ...]:
    """The bearer keys a service may call the host's API with, newest last."""
    return tuple(encode(derive(key, Purpose.API)) for key in service.keys)


def format_service_key(service: KeyRing) -> str:
    """The newest key of a service as text to hand out (base64url)."""
    return encode(service.keys[-1])


def format_service_keys(service: KeyRing) -> str:
    """All keys of a service, in their order, with a comma between: what a setting takes during a rotation."""
    return ",".join(map(encode, service.keys))


def parse_service_keys(texts: str | Iterable[str]) -> KeyRing:
    """The reverse of `format_service_keys`, for the service's side.

    Args:
        texts: keys with commas or blanks between, or a list of keys, newest last.

    Raises:
        ConfigError: not base64url of 32 bytes.
    """
    found = texts.replace(",", " ").split() if isinstance(texts, str) else list(texts)
    expected = "the text that `plugit-wsgi key NAME` printed"
    keys = []
    for text in found:
        if not isinstance(text, str):
            raise ConfigError("key", f"<{type(text).__name__}>", expected)
        try:
            key = decode(text.strip())
        except ValueError as error:
            raise ConfigError("key", "<not base64url>", expected) from error
        if len(key) < MINIMUM_SECRET_BYTES:
            raise ConfigError("key", f"<{len(key)} bytes>", expected)
        keys.append(key)
    if not keys:
        raise ConfigError("key", "nothing", expected)
    return KeyRing(tuple(keys))
