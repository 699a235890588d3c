"""Head parts of a page in pages mode: Link headers -> elements (RFC 8288)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from markupsafe import Markup, escape

_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[A-Za-z-]+\s*(?:=\s*(?:\"[^\"]*\"|[^\s\",;]+))?)*)")
_PARAMETER = re.compile(r";\s*([A-Za-z-]+)\s*(?:=\s*(?:\"([^\"]*)\"|([^\s\",;]+)))?")
_RELATIONS = frozenset(
    ("stylesheet", "icon", "preload", "modulepreload", "canonical", "alternate", "next", "prev", "manifest")
)
_ATTRIBUTES = ("type", "media", "as", "title", "hreflang", "crossorigin", "integrity", "sizes")


def head_of_links(values: Iterable[str], rewrite: Callable[[str], str | None]) -> Markup:
    """The elements that Link headers ask for; each target once, in order.

    Args:
        values: of the headers; each may hold several links.
        rewrite: the visitor's URL of a target; None leaves the link out.
    """
    elements: dict[str, Markup] = {}
    for value in values:
        for target, parameters in _LINK.findall(value):
            element = _element(rewrite(target), _read_parameters(parameters))
            if element:
                elements.setdefault(f"{element}", element)
    return Markup("\n").join(elements.values())


def _read_parameters(text: str) -> dict[str, str]:
    return {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(text)}


def _element(target: str | None, parameters: dict[str, str]) -> Markup:
    relations = parameters.get("rel", "").lower().split()
    if target is None:
        return Markup("")
    if "script" in relations:
        kind = Markup(' type="module"') if parameters.get("type") == "module" else Markup(" defer")
        return Markup('<script src="{}"{}></script>').format(target, kind)
    known = [relation for relation in relations if relation in _RELATIONS]
    if not known:
        return Markup("")
    attributes = Markup("").join(
        Markup(' {}="{}"').format(name, parameters[name]) for name in _ATTRIBUTES if name in parameters
    )
    return Markup('<link rel="{}" href="{}"{}>').format(escape(" ".join(known)), target, attributes)
