"""What lies in Redis carries a proof of who put it there, and where."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from ..wire.keys import Purpose, load_secrets

MAC_SIZE = 64


class Seal:
    """Closes and opens what is kept. Immutable, thread-safe.

    Args:
        secret_key: of the host, as the middleware has it.
        purpose: what is kept, so that one store's values are nothing in another.
    """

    def __init__(self, secret_key: str | Sequence[str], purpose: Purpose) -> None:
        self._keys = load_secrets(secret_key).derived(purpose).keys

    def close(self, name: str, content: bytes) -> bytes:
        """The content with a proof that it belongs under that name."""
        return _mac(self._keys[-1], name, content) + content

    def open(self, name: str, sealed: object) -> bytes | None:
        """The content; None if none of our keys put it there, or it was put under another name."""
        if not isinstance(sealed, bytes):
            return None
        mac, content = sealed[:MAC_SIZE], sealed[MAC_SIZE:]
        for key in reversed(self._keys):
            if hmac.compare_digest(mac, _mac(key, name, content)):
                return content
        return None


def _mac(key: bytes, name: str, content: bytes) -> bytes:
    return hmac.digest(key, name.encode("utf-8") + b"\0" + content, "sha256").hex().encode("ascii")


def hashed(value: Any) -> str:
    """SHA-256 (hex) of a value as JSON: what differs in type or nesting differs here."""
    return hashlib.sha256(json.dumps(value, separators=(",", ":")).encode("ascii")).hexdigest()
