"""Reply addresses that only the host can make (protocol section 10).

1. A token is an id of 80 random bits and a MAC of 80 bits over it, base32 in lower case: 32 characters. It
   fits into the local part of an address, whose case may change on its way.
2. The store knows what the id stands for. So a token tells nothing, and expires.
3. The newest secret signs, all of them verify.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from ..clock import Clock, SystemClock
from ..errors import ReplyRejected
from ..wire.keys import KeyRing, Purpose
from .ids import base32
from .store import MailStore, ReplyAddress

ID_LENGTH: Final = 16
TOKEN_LENGTH: Final = 32
_TOKEN: Final = re.compile(rf"[a-z2-7]{{{TOKEN_LENGTH}}}")


class ReplyTokens:
    """Makes and reads the tokens of reply addresses. Thread-safe.

    Args:
        secrets: of the host (`load_secrets`); the key for mail is derived here.
        store: knows what an id stands for.
        clock: the time.
    """

    def __init__(self, secrets: KeyRing, store: MailStore, *, clock: Clock | None = None) -> None:
        self._keys = secrets.derived(Purpose.MAIL).keys
        self._store = store
        self._clock = clock or SystemClock()

    def sign(self, service: str, response_id: str, lifetime: float) -> str:
        """A new token.

        Args:
            service: that will hear the reply.
            response_id: what it will hear with it.
            lifetime: seconds for which replies are taken.
        """
        id = self._store.issue(ReplyAddress(service, response_id, self._clock.time() + lifetime))
        return id + _mac(self._keys[-1], id)

    def verify(self, token: str) -> ReplyAddress:
        """Whom a reply is for.

        Raises:
            ReplyRejected: no token of this host ("form", "signature"), forgotten ("unknown"), or "expired".
        """
        token = token.lower()
        if _TOKEN.fullmatch(token) is None:
            raise ReplyRejected("form")
        id, mac = token[:ID_LENGTH], token[ID_LENGTH:].encode("ascii")
        matches = [hmac.compare_digest(mac, _mac(key, id).encode("ascii")) for key in self._keys]
        if not any(matches):
            raise ReplyRejected("signature")
        address = self._store.find(id)
        if address is None:
            raise ReplyRejected("unknown")
        if address.expires <= self._clock.time():
            raise ReplyRejected("expired")
        return address


def _mac(key: bytes, id: str) -> str:
    return base32(hmac.new(key, b"reply/" + id.encode("ascii"), hashlib.sha256).digest()[:10])
