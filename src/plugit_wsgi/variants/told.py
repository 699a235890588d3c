"""Which deployment made an answer, in a header, for those who may know.

1. Those in a preview may, and users whom the host lets see the operations page; nobody else, and so nobody of
   a host that says nothing.
2. An answer that has it is in no copy for others, as no answer of such a service: see `freshness`.
3. A service cannot send it: its headers come through an allow-list, which has no such name.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from ..deployments import Choice
from ..http import Answer
from ..interfaces import Operations
from ..people import User
from ..wire.names import VARIANT

_log = logging.getLogger("plugit_wsgi")


class VariantHeader:
    """Tells by ``X-Plugit-Variant`` which deployment a visitor got, and why. Thread-safe.

    Args:
        allows: who may see the operations page; None is nobody.
    """

    def __init__(self, allows: Operations | None) -> None:
        self._allows = allows

    def told(self, answer: Answer, choice: Choice, user: User | None) -> Answer:
        """The answer, with the header if this visitor may see it."""
        if choice.by != "preview" and not self._is_allowed(user):
            return answer
        line = (VARIANT, f"{choice.name or 'main'}; by={choice.by}")
        return replace(answer, headers=(*answer.headers, line))

    def _is_allowed(self, user: User | None) -> bool:
        if self._allows is None:
            return False
        try:
            return self._allows(user) is True
        except Exception:
            _log.exception("operations failed, asked whether a user may see the variant")
            return False
