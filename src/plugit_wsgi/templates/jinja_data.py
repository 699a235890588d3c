"""The values of Jinja templates that other templates do not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .data import MISSING


class Namespace:
    """``namespace()``: names that a loop may set. One per rendering; it prints as nothing."""

    __slots__ = ("fields",)

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def __str__(self) -> str:
        return ""

    __repr__ = __str__


def items_of(value: Any) -> Iterable[Any]:
    """What a loop goes through: nothing for what is not there."""
    if isinstance(value, (list, tuple, str, Mapping)):
        return value
    if value is None or value is MISSING:
        return ()
    raise TypeError(f"there is nothing to go through in a {type(value).__name__}")
