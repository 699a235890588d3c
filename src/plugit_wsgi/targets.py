"""Where a service sends its callers: a target below its base URL -> action path and query."""

from __future__ import annotations

import re
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


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def resolved(location: str, action: str) -> str:
    """A relative Location or link as a path, seen from the action it came from (RFC 3986 section 5.2).

    Args:
        location: as the service wrote it; absolute ones, and paths with a leading slash, stay as they are.
        action: path of the action, with a leading slash.
    """
    if location.startswith("/") or _SCHEME.match(location):
        return location
    if location.startswith(("?", "#")) or not location:
        return action + location
    path, mark, rest = location.partition("?")
    kept: list[str] = []
    for part in [*action.split("/")[1:-1], *path.split("/")]:
        if part == "..":
            del kept[-1:]
        elif part != ".":
            kept.append(part)
    end = "/" if path.endswith(("/.", "/..")) or path in (".", "..") else ""
    return "/" + "/".join(kept) + end + mark + rest
