"""Copies in browsers and caches in front: none made by one deployment is taken for another's.

1. An answer of a service with variants is for one visitor, and a browser asks again before it shows its copy:
   the same URL is another deployment's a moment later.
2. What a variant calls a copy carries its name, and counts for it alone. A date carries none, so dates of
   variants are neither given nor taken. What is no tag could not carry one either, and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ..http import Answer

ASK_AGAIN: Final = ("Cache-Control", "private, no-cache")
_TAG: Final = re.compile(r'(W/)?"([^"]*)"')
_ASKED: Final = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_RANGE")


def own_copies(environ: Mapping[str, Any], variant: str) -> dict[str, Any] | None:
    """The environ of a request with the conditions that are about copies of a variant; None if it has none.

    A range of somebody else's copy is asked for as a whole.
    """
    if not any(name in environ for name in _ASKED):
        return None
    found = {name: value for name, value in environ.items() if name not in _ASKED}
    tags = _own_tags(environ.get("HTTP_IF_NONE_MATCH", ""), variant)
    if tags:
        found["HTTP_IF_NONE_MATCH"] = ", ".join(tags)
    if "HTTP_IF_RANGE" in environ:
        whole = _own_tags(environ["HTTP_IF_RANGE"], variant)
        found.update({"HTTP_IF_RANGE": whole[0]} if whole else {})
        if not whole:
            found.pop("HTTP_RANGE", None)
    return found


def of_deployment(answer: Answer, variant: str) -> Answer:
    """The answer of a deployment, with what browsers and caches may make of it; "" is the main one."""
    headers = [found for item in answer.headers if (found := _named(*item, variant)) is not None]
    said = [value.lower() for name, value in headers if name.lower() == "cache-control"]
    if not any("no-store" in value for value in said):
        headers = [*(item for item in headers if item[0].lower() != "cache-control"), ASK_AGAIN]
    if variant:
        headers = [item for item in headers if item[0].lower() != "last-modified"]
    return replace(answer, headers=tuple(headers))


def _named(name: str, value: str, variant: str) -> tuple[str, str] | None:
    if not variant or name.lower() != "etag":
        return name, value
    found = _TAG.fullmatch(value)
    return None if found is None else (name, f'{found[1] or ""}"{variant}~{found[2]}"')


def _own_tags(text: str, variant: str) -> list[str]:
    """The tags that carry the variant's name, without it."""
    start = f"{variant}~"
    found = [(weak, tag) for weak, tag in _TAG.findall(text) if tag.startswith(start)]
    return [f'{weak}"{tag.removeprefix(start)}"' for weak, tag in found]
