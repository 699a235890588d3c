"""How long a service says that its meta holds."""

from __future__ import annotations

from datetime import timezone
from email.utils import parsedate_to_datetime

from .http import get_header
from .interfaces import Headers

DAY = 86400.0


def read_lifetime(headers: Headers, default: float, now: float) -> float:
    """How long a meta may be kept, in seconds: ``Expire`` (their spelling), ``max-age``, ``Expires``.

    Args:
        headers: of the answer.
        default: where none is named, or none can be read.
        now: Unix time.
    """
    for name in ("Expire", "Cache-Control", "Expires"):
        text = get_header(headers, name)
        seconds = None if text is None else _READERS[name](text, now)
        if seconds is not None:
            return min(max(0.0, seconds), DAY)
    return default


def _until(text: str, now: float) -> float | None:
    try:
        found = parsedate_to_datetime(text)
        # Without a zone it is UTC (RFC 9110), not the time of this machine.
        return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None


def _max_age(text: str, _now: float) -> float | None:
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() == "max-age" and value.isascii() and value.isdigit():
            return float(value)
    return None


_READERS = {"Expire": _until, "Expires": _until, "Cache-Control": _max_age}
