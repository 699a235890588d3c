"""The words of Jinja templates: filters, tests and methods, a list of what is let in.

1. A word that is not here does not exist for a template.
2. All are functions of (rendering, value, arguments).
3. Filters that Django's language has with the same meaning are Django's, as bounded there (`language`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from django.utils.safestring import SafeData, SafeString
from markupsafe import Markup

from . import jinja_filters as own
from .data import MISSING
from .jinja_filters import Filter
from .jinja_rendering import Rendering
from .language import register
from .tags import url_target_blank


def _map(s: Rendering, value: Any, name: Any = None, *arguments: Any, attribute: Any = None) -> list[Any]:
    values = own.items(s, value)
    if attribute is not None:
        look = own.looker(s, attribute)
        return [look(each) for each in values]
    if name not in FILTERS or name == "map":
        raise TypeError("map takes the name of a filter, or attribute=")
    return [apply(s, FILTERS[name], each, *arguments) for each in values]


def _chosen(is_wanted: bool, has_attribute: bool) -> Filter:
    def choose(s: Rendering, value: Any, *words: Any) -> list[Any]:
        if len(words) < has_attribute:
            raise TypeError("the name of an attribute is expected")
        look = own.looker(s, words[0] if has_attribute else None)
        name, *arguments = words[has_attribute:] or ("truthy",)
        test = TESTS.get(name)
        if test is None:
            raise TypeError(f"there is no test {name!r}")
        return [each for each in own.items(s, value) if bool(test(s, look(each), *arguments)) is is_wanted]

    return choose


def _djangos(filter_: Callable[..., Any]) -> Filter:
    """A filter of Django's language, which has what is missing as an empty text."""
    takes_autoescape = bool(getattr(filter_, "needs_autoescape", False))
    is_safe = bool(getattr(filter_, "is_safe", False))
    options = {"autoescape": True} if takes_autoescape else {}

    def made(s: Rendering, value: Any, *arguments: Any) -> Any:
        if isinstance(value, str):
            # A microsecond for each ten letters, and for each line.
            s.spend(len(value), 1)
            s.spend(value.count("\n"), 8)
        elif isinstance(value, (list, tuple, Mapping)):
            s.measure(value)
        given = "" if value is MISSING else SafeString(value) if isinstance(value, Markup) else value
        text = filter_(given, *(_argument(s, each) for each in arguments), **options)
        is_markup = isinstance(text, SafeData) or (is_safe and isinstance(value, Markup))
        return Markup(text) if is_markup and isinstance(text, str) else text

    return made


def _argument(s: Rendering, value: Any) -> Any:
    if isinstance(value, str):
        s.spend(len(value), 1)
    elif isinstance(value, (list, tuple, Mapping)):
        s.measure(value)
    return "" if value is MISSING else value


def apply(s: Rendering, function: Filter, value: Any, *arguments: Any, **options: Any) -> Any:
    """Calls a filter and counts what it made."""
    made = function(s, value, *arguments, **options)
    if isinstance(made, str):
        s.spend(len(made))
    elif isinstance(made, (list, tuple)):
        s.spend(len(made), 8)
    else:
        s.spend(0)
    return made


_OWN: dict[str, Filter] = {
    "abs": own.absolute,
    "batch": own.batch,
    "capitalize": own.string_filter(str.capitalize),
    "count": own.length,
    "d": own.default,
    "default": own.default,
    "dictsort": own.dictsort,
    "e": own.escaped,
    "escape": own.escaped,
    "first": own.first,
    "float": own.number(float),
    "forceescape": own.force_escape,
    "groupby": own.groupby,
    "indent": own.indent,
    "int": own.number(int),
    "items": own.pairs,
    "join": own.join,
    "last": own.last,
    "length": own.length,
    "list": lambda s, value: list(own.items(s, value)),
    "lower": own.string_filter(str.lower),
    "map": _map,
    "max": own.extreme(max),
    "min": own.extreme(min),
    "reject": _chosen(False, False),
    "rejectattr": _chosen(False, True),
    "replace": own.replace,
    "reverse": own.reverse,
    "round": own.rounded,
    "safe": own.safe,
    "select": _chosen(True, False),
    "selectattr": _chosen(True, True),
    "slice": own.slices,
    "sort": own.sort,
    "string": lambda s, value: s.string(value),
    "sum": own.total,
    "tojson": own.tojson,
    "trim": own.string_filter(str.strip),
    "truncate": own.truncate,
    "unique": own.unique,
    "upper": own.string_filter(str.upper),
}
#: Jinja's words for what Django's language has, and words that only that has.
_DJANGOS = (
    *("addslashes", "capfirst", "center", "cut", "date", "default_if_none", "divisibleby", "escapejs"),
    *("filesizeformat", "floatformat", "json_script", "linebreaks", "linebreaksbr", "ljust", "pluralize"),
    *("rjust", "slugify", "striptags", "time", "timesince", "timeuntil", "title", "truncatechars"),
    *("truncatewords", "urlencode", "urlize", "wordcount", "wordwrap", "yesno"),
)
FILTERS: Mapping[str, Filter] = MappingProxyType(
    {
        **{name: _djangos(register.filters[name]) for name in _DJANGOS},
        **_OWN,
        "url_target_blank": own.string_filter(url_target_blank),
    }
)


def _is(kind: Any) -> Filter:
    return lambda _s, value: isinstance(value, kind)


def _text(s: Rendering, value: Any) -> str:
    """A text all of whose letters are looked at."""
    text = s.string(value)
    s.spend(len(text))
    return text


def _divisible(_s: Rendering, value: Any, by: Any) -> bool:
    if not isinstance(value, (int, float)) or not isinstance(by, (int, float)):
        raise TypeError("divisibleby is of numbers")
    return value % by == 0


TESTS: Mapping[str, Filter] = MappingProxyType(
    {
        "boolean": _is(bool),
        "defined": lambda _s, value: value is not MISSING,
        "divisibleby": _divisible,
        "eq": lambda s, value, other: s.equal(value, other),
        "equalto": lambda s, value, other: s.equal(value, other),
        "even": lambda s, value: _divisible(s, value, 2),
        "false": lambda _s, value: value is False,
        "float": _is(float),
        "ge": lambda s, value, other: s.order(">=", value, other),
        "gt": lambda s, value, other: s.order(">", value, other),
        "in": lambda s, value, values: s.within(value, values),
        "integer": lambda _s, value: isinstance(value, int) and not isinstance(value, bool),
        "iterable": _is((list, tuple, str, Mapping)),
        "le": lambda s, value, other: s.order("<=", value, other),
        "lower": lambda s, value: _text(s, value).islower(),
        "lt": lambda s, value, other: s.order("<", value, other),
        "mapping": _is(Mapping),
        "ne": lambda s, value, other: not s.equal(value, other),
        "none": lambda _s, value: value is None,
        "number": _is((int, float)),
        "odd": lambda s, value: not _divisible(s, value, 2),
        "sameas": lambda _s, value, other: value is other,
        "sequence": _is((list, tuple, str, Mapping)),
        "string": _is(str),
        "true": lambda _s, value: value is True,
        "truthy": lambda _s, value: bool(value),
        "undefined": lambda _s, value: value is MISSING,
        "upper": lambda s, value: _text(s, value).isupper(),
    }
)
METHODS: Mapping[str, Filter] = MappingProxyType(
    {
        "capitalize": _OWN["capitalize"],
        "endswith": lambda s, value, end: s.string(value).endswith(s.string(end)),
        "get": lambda s, value, key, default=None: own.default(s, s.item(value, key), default),
        "items": own.pairs,
        "keys": lambda s, value: list(own.items(s, value)),
        "lower": _OWN["lower"],
        "replace": own.replace,
        "startswith": lambda s, value, start: s.string(value).startswith(s.string(start)),
        "strip": _OWN["trim"],
        "title": FILTERS["title"],
        "upper": _OWN["upper"],
        "values": lambda s, value: [each for _key, each in own.pairs(s, value)],
    }
)
"""What can be called of a value, as Python has it: by these names, and never Python's own."""
