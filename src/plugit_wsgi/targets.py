"""Where a service sends its callers: a target below its base URL -> action path and query."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from .http import format_pairs, parse_pairs
from .wire.names import ACTION


def action_target(target: str) -> tuple[str, str] | None:
    """The action that a redirect of a call names.

    Args:
        target: below the base URL, percent-encoded, without leading slash.

    Returns:
        The path below the mount as WSGI would give it (latin-1, decoded once), and the query without reserved
        fields; None if it is no action.
    """
    path, _, query = target.partition("?")
    name, slash, rest = path.partition("/")
    if name != ACTION or not slash:
        return None
    pairs = parse_pairs(query.encode("latin-1", "replace"))
    return "/" + unquote_to_bytes(rest).decode("latin-1"), format_pairs(pairs)
