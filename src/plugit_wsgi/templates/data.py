"""The values a template can reach, and the one way to look into them.

1. A template sees data only: texts, numbers, lists, mappings by key, and the records of this module.
2. A dot never reads a Python attribute and never calls anything. So nothing can be emptied, opened or walked
   through, and the data need no copy: the answer of a service is used as it was parsed.
3. The only words that are not keys are those of `_MAPPING_WORDS`, for loops over mappings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time
from types import MappingProxyType
from typing import Any, Final

from django.template.defaulttags import GroupedResult


class _Missing:
    """Stands for a value that is not there. Immutable."""

    __slots__ = ()

    def __repr__(self) -> str:
        return ""

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()


def freeze(value: Any) -> Any:
    """A value of the host as data: immutable and without behaviour; what is no data becomes its text."""
    if isinstance(value, str):
        return "".join((value,))  # A plain text: markup of the host's is escaped like anything else.
    if value is None or isinstance(value, (int, float, date, time)):
        return value
    if isinstance(value, Mapping):
        return MappingProxyType({str(key): freeze(each) for key, each in value.items()})
    if isinstance(value, (list, tuple, set, frozenset)):
        return tuple(freeze(each) for each in value)
    return str(value)


class Record:
    """Named values with nothing around them: a user, an organization, a block. Immutable."""

    __slots__ = ("_fields", "_text")

    def __init__(self, fields: Mapping[str, Any], text: str = "") -> None:
        self._fields = MappingProxyType({name: freeze(value) for name, value in fields.items()})
        self._text = text

    def get(self, name: str) -> Any:
        """The value of a field, or `MISSING`."""
        return self._fields.get(name, MISSING)

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__


BLOCK = Record({"super": ""})
"""What ``block`` is inside a block: the parents' blocks are empty."""

_MAPPING_WORDS: Mapping[str, Callable[[Mapping[str, Any]], tuple[Any, ...]]] = MappingProxyType(
    {
        "items": lambda mapping: tuple(mapping.items()),
        "iteritems": lambda mapping: tuple(mapping.items()),
        "keys": lambda mapping: tuple(mapping.keys()),
        "iterkeys": lambda mapping: tuple(mapping.keys()),
        "values": lambda mapping: tuple(mapping.values()),
        "itervalues": lambda mapping: tuple(mapping.values()),
    }
)
_GROUP_WORDS = MappingProxyType({"grouper": 0, "list": 1})


def look_up(value: Any, name: str) -> Any:
    """What a dot and a name after a value mean.

    Args:
        value: what is left of the dot.
        name: a key, or the number of an item.

    Returns:
        The value, or `MISSING`. Never raises.
    """
    if isinstance(value, (dict, MappingProxyType)):
        if name in value:
            return value[name]
        word = _MAPPING_WORDS.get(name)
        return MISSING if word is None else word(value)
    if isinstance(value, Record):
        return value.get(name)
    if isinstance(value, GroupedResult) and name in _GROUP_WORDS:
        return value[_GROUP_WORDS[name]]
    if isinstance(value, (list, tuple, str)):
        return _item(value, name)
    return MISSING


def _item(value: list[Any] | tuple[Any, ...] | str, name: str) -> Any:
    try:
        return value[int(name)]
    except (ValueError, IndexError):
        return MISSING
