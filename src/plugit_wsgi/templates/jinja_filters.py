"""The filters and tests of Jinja templates: a list of what is let in.

1. A name that is not here does not exist for a template.
2. All are functions of (rendering, value, arguments); each counts what it makes, and what it goes through.
3. Those that Django's language has with the same meaning are Django's, as bounded there (`language`).
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from markupsafe import Markup, escape

from .budget import DEEPEST, WIDEST, OverBudget
from .data import MISSING
from .jinja_data import items_of
from .jinja_rendering import Rendering
from .language import MOST

Filter = Callable[..., Any]


def length(s: Rendering, value: Any) -> int:
    """How many items, letters or keys there are."""
    return len(items_of(value))  # type: ignore[arg-type]


def default(_s: Rendering, value: Any, other: Any = "", boolean: bool = False) -> Any:
    """Another value in place of what is missing, or of all that is false."""
    return other if value is MISSING or (boolean and not value) else value


def looker(s: Rendering, attribute: Any) -> Callable[[Any], Any]:
    """What looks an attribute up, as ``a.b`` or a number; None is the item itself."""
    if attribute is None:
        return lambda item: item
    text = s.string(attribute)
    if len(text) > WIDEST:
        raise OverBudget(f"a key of more than {WIDEST} letters")
    names = text.split(".")
    if len(names) > DEEPEST:
        raise OverBudget(f"a key of more than {DEEPEST} names")

    def found(item: Any) -> Any:
        for name in names:
            item = s.look(item, name)
        return item

    return found


def sort_key(s: Rendering, attribute: Any, case_sensitive: bool) -> Callable[[Any], Any]:
    """What a text or number is sorted by, by default without its case."""
    look = looker(s, attribute)

    def key(item: Any) -> Any:
        value = look(item)
        if not isinstance(value, (str, int, float)):
            raise TypeError("only texts and numbers have an order")
        if isinstance(value, str):
            s.spend(len(value))
            return value if case_sensitive else value.lower()
        return value

    return key


def sort(
    s: Rendering, value: Any, reverse: bool = False, case_sensitive: bool = False, attribute: Any = None
) -> list[Any]:
    """The items in order."""
    return sorted(items(s, value), key=sort_key(s, attribute, case_sensitive), reverse=bool(reverse))


def dictsort(s: Rendering, value: Any, case_sensitive: bool = False, by: str = "key") -> list[Any]:
    """The pairs of a mapping, by key or value."""
    if not isinstance(value, Mapping) or by not in ("key", "value"):
        raise TypeError("dictsort is of a mapping, by 'key' or 'value'")
    key = sort_key(s, None, case_sensitive)
    place = ("key", "value").index(by)
    return sorted(items(s, value.items()), key=lambda pair: key(pair[place]))


def items(s: Rendering, value: Any) -> Any:
    """What a filter goes through one by one, counted."""
    values = value if isinstance(value, type({}.items())) else items_of(value)
    s.check_items(values)
    return values


def join(s: Rendering, value: Any, separator: Any = "", attribute: Any = None) -> str:
    """One text of many; markup if one of them is."""
    values = items(s, value)
    between = s.string(separator)
    s.spend(len(between))
    if len(values) * len(between) > MOST:
        raise OverBudget("a joined text that is too large")
    look, size, texts = looker(s, attribute), len(values) * len(between), []
    for each in values:
        texts.append(s.string(look(each)))
        size += len(texts[-1])
        s.spend(len(texts[-1]) if size <= MOST else size)
    if any(isinstance(each, Markup) for each in (*texts, separator)):
        return Markup(escape(separator)).join(texts)
    return between.join(texts)


def first(s: Rendering, value: Any) -> Any:
    """The first item, if there is one."""
    return next(iter(items_of(value)), MISSING)


def last(s: Rendering, value: Any) -> Any:
    """The last item, if there is one."""
    return s.item(value, -1)


def unique(s: Rendering, value: Any, case_sensitive: bool = False, attribute: Any = None) -> list[Any]:
    """The items without those that are there already."""
    key = sort_key(s, attribute, case_sensitive)
    found: dict[Any, Any] = {}
    for each in items(s, value):
        found.setdefault(key(each), each)
    return list(found.values())


def reverse(s: Rendering, value: Any) -> Any:
    """The items or letters from the end."""
    if isinstance(value, str):
        return s.part(value, None, None, -1)
    return list(reversed(s.listed(value)))


def batch(s: Rendering, value: Any, size: int, fill: Any = None) -> list[list[Any]]:
    """Rows of so many items, the last one filled up."""
    values = list(items(s, value))
    if not isinstance(size, int) or not 0 < size <= WIDEST:
        raise OverBudget(f"a batch that is not of 1 to {WIDEST}")
    rows = [values[start : start + size] for start in range(0, len(values), size)]
    if rows and fill is not None:
        rows[-1] += [fill] * (size - len(rows[-1]))
    return rows


def slices(s: Rendering, value: Any, number: int, fill: Any = None) -> list[list[Any]]:
    """So many lists of about the same length."""
    values = list(items(s, value))
    if not isinstance(number, int) or not 0 < number <= WIDEST:
        raise OverBudget(f"slices that are not 1 to {WIDEST}")
    least, more = divmod(len(values), number)
    ends = [each * least + min(each, more) for each in range(number + 1)]
    rows = [values[start:end] for start, end in pairwise(ends)]
    if fill is not None and more:
        for row in rows[more:]:
            row.append(fill)
    return rows


def total(s: Rendering, value: Any, attribute: Any = None, start: Any = 0) -> Any:
    """The sum of all items."""
    look = looker(s, attribute)
    for each in items(s, value):
        start = s.arithmetic("+", start, look(each))
    return start


def extreme(pick: Callable[..., Any]) -> Filter:
    """The smallest or largest item."""

    def extreme(s: Rendering, value: Any, case_sensitive: bool = False, attribute: Any = None) -> Any:
        return pick(items(s, value), key=sort_key(s, attribute, case_sensitive), default=MISSING)

    return extreme


def groupby(s: Rendering, value: Any, attribute: Any) -> list[Any]:
    """Groups with the same value, each with `grouper` and `list`."""
    groups: dict[Any, list[Any]] = {}
    look = sort_key(s, attribute, True)
    for each in sort(s, value, attribute=attribute, case_sensitive=True):
        groups.setdefault(look(each), []).append(each)
    return [MappingProxyType({"grouper": key, "list": rows}) for key, rows in groups.items()]


def replace(s: Rendering, value: Any, old: Any, new: Any, count: int = -1) -> str:
    """A text with one part of it in place of another."""
    texts = [s.string(each) for each in (value, old, new)]
    s.spend(sum(map(len, texts)))
    if isinstance(value, Markup):
        texts = [texts[0], escape(texts[1]), escape(texts[2])]
    text, before, after = texts
    times = str.count(text, before) if count < 0 else min(str.count(text, before), count)
    if len(text) + times * len(after) > MOST:
        raise OverBudget("a text that is too large")
    return text.replace(before, after, count)


def number(kind: type) -> Filter:
    """A number out of a text, or another value where it is none."""

    def number(_s: Rendering, value: Any, default: Any = 0) -> Any:
        try:
            return kind(value[:40] if isinstance(value, str) else value)
        except (TypeError, ValueError, OverflowError):
            return default

    return number


def rounded(_s: Rendering, value: Any, precision: int = 0) -> Any:
    """A number to so many places."""
    if not isinstance(value, (int, float)) or not -20 <= precision <= 20:
        raise TypeError("round is of a number, to 20 places at most")
    return round(float(value), precision)


def tojson(s: Rendering, value: Any) -> Markup:
    """A value for a script of the page."""
    s.measure(value)
    text = json.dumps(value, default=_plain)
    for letter in "<>&'":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else None if value is MISSING else str(value)


def indent(s: Rendering, value: Any, width: int = 4, first: bool = False) -> str:
    """Lines that begin further to the right."""
    text = s.string(value)
    if not isinstance(width, int) or not 0 <= width <= 100:
        raise OverBudget("an indent above 100")
    if text.count("\n") * width > MOST:
        raise OverBudget("a text that is too large")
    made = re.sub(r"\n(?=[^\n])", "\n" + " " * width, text)
    made = " " * width + made if first else made
    return Markup(made) if isinstance(value, Markup) else made


def truncate(
    s: Rendering, value: Any, length: int = 255, killwords: bool = False, end: str = "...", leeway: int = 5
) -> str:
    """The beginning of a long text."""
    text = s.string(value)
    if len(text) <= length + leeway:
        return text
    text = "".join((text,))  # no markup any more: a tag may be cut in two
    kept = text[: max(length - len(end), 0)]
    return (kept if killwords else kept.rsplit(" ", 1)[0]) + end


def string_filter(change: Callable[[str], str]) -> Filter:
    """A filter that changes the letters of a text, or none."""

    def changed(s: Rendering, value: Any) -> str:
        text = s.string(value)
        s.spend(len(text))
        return Markup(change(text)) if isinstance(text, Markup) else change(text)

    return changed


def pairs(s: Rendering, value: Any) -> tuple[Any, ...]:
    """The pairs of a mapping; none of what is not there."""
    if value is MISSING or value is None:
        return ()
    if not isinstance(value, Mapping):
        raise TypeError("items are those of a mapping")
    return tuple(items(s, value.items()))


def absolute(_s: Rendering, value: Any) -> Any:
    """A number without its sign."""
    return abs(value)


def safe(s: Rendering, value: Any) -> Markup:
    """A text as markup."""
    return Markup(s.string(value))


def escaped(s: Rendering, value: Any) -> Markup:
    """A text as markup, escaped unless it is that already."""
    text = s.string(value)
    return text if isinstance(text, Markup) else Markup(html.escape(text))


def force_escape(s: Rendering, value: Any) -> Markup:
    """A text as markup, escaped whatever it is."""
    return Markup(html.escape("".join((s.string(value),))))
