"""Reply addresses of the original implementation, read only. Needs the extra ``mail-v1``.

They do not expire, say in the clear of a shared secret what they stand for, and have 48 bits of a hash in
the place of a MAC. So they are read only where a host says so, for mail that is still around.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from ..errors import ConfigError, ReplyRejected
from .store import ReplyAddress

try:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
except ImportError:  # the extra is not installed
    Cipher = AES = None  # type: ignore[assignment,misc]
try:
    from cryptography.hazmat.decrepit.ciphers.modes import CFB8
except ImportError:  # where older releases have it, or the extra is not installed
    try:
        from cryptography.hazmat.primitives.ciphers.modes import CFB8
    except ImportError:
        CFB8 = None  # type: ignore[assignment,misc]

_IV: Final = b"87447JEUPEBU4hR!"
_NEVER: Final = float("inf")


class TokensV1:
    """Reads the tokens of version 1. Thread-safe.

    Args:
        secret_key: ``EBUIO_MAIL_SECRET_KEY`` of the original's settings.
        hash_key: ``EBUIO_MAIL_SECRET_HASH`` of them.
        services: what the original called a service (a project's number) -> its name here; others keep it.

    Raises:
        ConfigError: one of the keys is missing, or the extra is.
    """

    def __init__(self, secret_key: str, hash_key: str, services: Mapping[str, str] | None = None) -> None:
        for name, value in (("secret_key", secret_key), ("hash_key", hash_key)):
            if not isinstance(value, str) or not value:
                raise ConfigError(f"mail v1 {name}", "nothing", "that of the original's settings")
        if Cipher is None or CFB8 is None:
            raise ConfigError("mail v1", "no cryptography", "pip install 'plugit-wsgi[mail-v1]'")
        self._cipher = Cipher(AES((secret_key.encode() * 32)[:32]), CFB8(_IV))
        self._hash_key = hash_key.encode()
        self._services = dict(services or {})

    def verify(self, token: str) -> ReplyAddress:
        """Whom a reply is for; it does not expire.

        Raises:
            ReplyRejected: "form", or "signature" where the hash is wrong.
        """
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError) as error:
            raise ReplyRejected("form") from error
        decryptor = self._cipher.decryptor()
        given, _, key = (decryptor.update(raw) + decryptor.finalize()).partition(b":")
        expected = hashlib.sha512(key + self._hash_key).hexdigest()[30:42].encode("ascii")
        if not hmac.compare_digest(given, expected):
            raise ReplyRejected("signature")
        try:
            service, colon, response_id = key.decode("utf-8").partition(":")
        except UnicodeDecodeError as error:
            raise ReplyRejected("form") from error
        if not colon:
            raise ReplyRejected("form")
        return ReplyAddress(self._services.get(service, service), response_id, _NEVER)
