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


_DOTS = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)


def without_dots(target: str) -> str:
    """A target without dot segments, as browsers resolve them (RFC 3986 section 5.2.4).

    Args:
        target: relative to the place that it must not leave; path, query and fragment, percent-encoded.

    Returns:
        It without leading slashes: what would climb out of the place stays at its root.
    """
    path, rest = _split(target)
    parts = path.split("/")
    kept: list[str] = []
    for part in parts:
        if _DOTS.fullmatch(part) is None:
            kept.append(part)
        elif len(part.lower().replace("%2e", ".")) == 2:
            del kept[-1:]
    if _DOTS.fullmatch(parts[-1]) is not None:
        kept.append("")
    return "/".join(kept).lstrip("/") + rest


def _split(target: str) -> tuple[str, str]:
    found = re.search(r"[?#]", target)
    end = found.start() if found is not None else len(target)
    return target[:end], target[end:]


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
    folder = action.rpartition("/")[0]
    path, rest = _split(location)
    return "/" + without_dots(f"{folder}/{path}") + rest
