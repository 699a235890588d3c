"""What a service contributes to a page of the host: its fragment, without a layout.

1. It takes the data path of a page: same rules, caches, limits. Only its end is another one.
2. What is no page (a redirect, a file, data, a status) is no piece, and neither is what stands in for one.
3. Cookies and session values of all pieces of a service are written once, in the order of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

from markupsafe import Markup

from .answer_headers import is_page
from .errors import ServiceFailed
from .framing import Framer
from .http import Answer
from .interfaces import Headers
from .page import Fragment
from .visits import Visit
from .wire.result import NO_WRITES, ActionResult, Redirect, SessionWrites

_LASTING = re.compile("; Max-Age=[1-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece(Answer):
    """A fragment, and what is to be remembered with it. Immutable.

    Attributes:
        fragment: of the service.
        token: CSRF token in it; "" without.
        writes: session values and cookies.
        variant: name of the deployment that it is of; "" is the main one.
    """

    fragment: Fragment
    token: str = field(default="", repr=False)
    writes: SessionWrites = NO_WRITES
    variant: str = ""


class PieceFramer(Framer):
    """Makes pieces of one mount. Thread-safe."""

    stands_in = False

    def page(
        self,
        fragment: Fragment,
        visit: Visit,
        *,
        token: str,
        status: int = 200,
        headers: Headers = (),
        writes: SessionWrites | None = None,
        is_stale: bool = False,
        is_fallback: bool = False,
    ) -> Piece:
        """The fragment as it is.

        Raises:
            ServiceFailed: its status says that it is not what was asked for.
        """
        if status != 200 or is_fallback:
            raise ServiceFailed(f"answered {status} where a fragment was wanted")
        return Piece(status=status, fragment=fragment, token=token, writes=writes or NO_WRITES)

    def bare(
        self,
        content: bytes,
        content_type: str,
        result: ActionResult,
        visit: Visit,
        *,
        personal: bool,
        token: str = "",
    ) -> Piece:
        """The fragment of an action that wants no layout; a document or data is none."""
        if visit.service.mode != "actions" or not is_page(content_type):
            raise ServiceFailed(f"answered {content_type[:80]!r} where a fragment was wanted")
        fragment = Fragment(content=Markup(content.decode("utf-8", "replace")))
        return self.page(fragment, visit, token=token, status=result.status, writes=result.writes)

    def stream(self, result: ActionResult, body: Iterable[bytes], visit: Visit, *, personal: bool) -> Answer:
        """Refuses."""
        raise ServiceFailed("answered a file where a fragment was wanted")

    def status(self, result: ActionResult, visit: Visit, *, personal: bool, content_type: str = "") -> Answer:
        """Refuses."""
        raise ServiceFailed(f"answered {result.status} where a fragment was wanted")

    def redirect(self, result: Redirect, visit: Visit) -> Answer:
        """Refuses."""
        raise ServiceFailed("redirected where a fragment was wanted")

    def cookies(self, pieces: Sequence[tuple[Visit, Piece]]) -> list[str]:
        """The Set-Cookie values that all pieces of this service on a page need.

        Args:
            pieces: in the order of the page; one at least.
        """
        visit = pieces[-1][0]
        token = next((piece.token for _visit, piece in pieces if piece.token), "")
        writes = reduce(_then, (piece.writes for _visit, piece in pieces))
        answer = self._answer(200, (), b"", visit, token=token, writes=writes)
        return [value for name, value in answer.headers if name == "Set-Cookie"]


def _then(first: SessionWrites, second: SessionWrites) -> SessionWrites:
    """Both, as if made one after the other: in one of them, deletions come before the rest."""
    deleted = {key.lower() for key in second.deleted}
    stored = tuple(item for item in first.stored if item[0].lower() not in deleted)
    return replace(
        second,
        stored=(*stored, *second.stored),
        deleted=(*first.deleted, *second.deleted),
        cookies=(*first.cookies, *second.cookies),
    )


def distinct(lines: Iterable[str]) -> list[str]:
    """Set-Cookie values without doubles; of an id that lasts and one that does not, the first counts."""
    found = list(dict.fromkeys(lines))
    lasting = {line.partition("=")[0] for line in found if _LASTING.search(line)}
    shared = {"plugit", "__Host-plugit"} & lasting
    return [line for line in found if line.partition("=")[0] not in shared or _LASTING.search(line)]


__all__ = ["Piece", "PieceFramer", "distinct"]
