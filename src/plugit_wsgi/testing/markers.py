"""Secret markers of visitors, and who is who: what the oracle and its service agree on."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from ..people import User

HEADER: Final = "X-Oracle-Visitor"
MARKER: Final = r"mk[0-9a-f]{16}"
"""A pattern that finds markers in a text."""


def make_marker(who: int | str) -> str:
    """The marker of a visitor, or of a group."""
    return "mk" + hashlib.sha256(f"marker of {who}".encode()).hexdigest()[:16]


MEMBERS: Final = make_marker("members")
"""What only members may see."""


def identify(request: Any) -> User | None:
    """Who the header of a WebOb request says; negative numbers are nobody, odd ones are members."""
    number = int(request.headers.get(HEADER, "-1"))
    if number < 0:
        return None
    return User(str(number), username=make_marker(number), member=bool(number % 2))
