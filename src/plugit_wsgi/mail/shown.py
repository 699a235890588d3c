"""URLs of mail servers in messages: their passwords are not, also not where a URL is written wrong."""

from __future__ import annotations

import re
from typing import Final

_URL: Final = re.compile(
    r"([A-Za-z0-9+.-]+://)((?s:.*)@)?((?:[A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?(?:/[^@?#]*)?)"
)


def shown_url(url: object) -> str:
    """A URL without what may be user and password."""
    if not isinstance(url, str):
        return f"<{type(url).__name__}>"
    found = _URL.fullmatch(url)
    return f"{found[1]}{'<hidden>@' if found[2] else ''}{found[3]}" if found else "..."
