"""What Jinja templates do with values: each step whose cost depends on one counts it before it is done."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from .budget import LONGEST, OverBudget, measure
from .data import MISSING, look_up
from .jinja_data import Namespace, items_of
from .jinja_meter import Meter

_LARGEST = 2**63
_SCALARS = (int, float, type(None), type(MISSING))


class Values(Meter):
    """The operators of a rendering. One per request, used by one thread."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._changed: dict[str, tuple[Any, tuple[Any, ...]]] = {}

    def string(self, value: Any) -> str:
        """A value as text; a list prints as Python writes it."""
        if isinstance(value, str):
            return value
        if not isinstance(value, _SCALARS):
            self.measure(value)
        return str(value)

    def measure(self, value: Any) -> None:
        """Counts all that is inside of a value, which has to be of a size that can be printed."""
        size = measure(value, LONGEST)
        if size > LONGEST:
            raise OverBudget(f"a value of more than {LONGEST} texts and characters")
        self.spend(size, 1)

    def look(self, value: Any, name: str) -> Any:
        """A dot and a name."""
        if type(value) is Namespace:
            return value.fields.get(name, MISSING)
        return look_up(value, name)

    def item(self, value: Any, key: Any) -> Any:
        """A subscript: a key of a mapping, or the number of an item, which may count from the end."""
        if isinstance(value, Mapping):
            return value.get(key, MISSING)
        if isinstance(key, int) and isinstance(value, (list, tuple, str)):
            return value[key] if -len(value) <= key < len(value) else MISSING
        return self.look(value, key) if isinstance(key, str) else MISSING

    def part(self, value: Any, start: Any, stop: Any, step: Any) -> Any:
        """A slice of a list or text."""
        if value is MISSING or value is None:
            return MISSING
        if not isinstance(value, (list, tuple, str)):
            raise TypeError("only lists and texts have slices")
        made = value[start:stop:step]
        self.spend(len(made), 1)
        return made

    def listed(self, value: Any) -> list[Any] | tuple[Any, ...]:
        """The items of a loop as a list."""
        if isinstance(value, (list, tuple)):
            return value
        items = items_of(value)
        self.check_items(items)
        return list(items)

    def check_items(self, items: Any) -> None:
        """Counts a list that is made or gone through.

        Raises:
            OverBudget: it is too long.
        """
        if len(items) > LONGEST:
            raise OverBudget(f"a list of more than {LONGEST}")
        self.spend(len(items), 8)

    def made(self, value: Any) -> Any:
        """A list or mapping that the template wrote, measured: one in another, forty times, is endless."""
        self.measure(value)
        return value

    def arithmetic(self, sign: str, left: Any, right: Any) -> Any:
        """A sum, difference, product, ..., of numbers, or of texts or lists where it is a sum."""
        if sign == "+" and not isinstance(left, (int, float)):
            return self._sum(left, right)
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            raise TypeError(f"{sign} is for numbers")
        if sign == "**" and abs(right) > 64:
            raise OverBudget("a power above 64")
        made = _SIGNS[sign](left, right)
        if isinstance(made, int) and abs(made) >= _LARGEST:
            raise OverBudget("a number of more than 63 bits")
        if not isinstance(made, (int, float)):
            raise TypeError(f"{sign} of these numbers is none")
        return made

    def _sum(self, left: Any, right: Any) -> Any:
        if isinstance(left, str) and isinstance(right, str):
            return self.concat(left, right)
        if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
            self.check_items(range(len(left) + len(right)))
            return self.made([*left, *right])
        raise TypeError("+ is for numbers, two texts or two lists")

    def concat(self, *values: Any) -> str:
        """Texts one after the other; markup if one of them is, and the others are escaped then."""
        texts = [self.string(each) for each in values]
        self.spend(sum(map(len, texts)))
        if any(isinstance(each, Markup) for each in texts):
            return Markup("").join(texts)
        return "".join(texts)

    def equal(self, left: Any, right: Any) -> bool:
        """Whether two values are the same."""
        for each in (left, right):
            if isinstance(each, str):
                self.spend(len(each), 0.01)
            elif not isinstance(each, _SCALARS):
                self.measure(each)
        return bool(left == right)

    def order(self, sign: str, left: Any, right: Any) -> bool:
        """Which of two numbers or texts comes first."""
        if isinstance(left, str) and isinstance(right, str):
            self.spend(min(len(left), len(right)), 0.01)
        elif not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            raise TypeError(f"{sign} compares two numbers or two texts")
        return bool(_SIGNS[sign](left, right))

    def within(self, item: Any, values: Any) -> bool:
        """Whether a text or number is in a list, mapping or text."""
        if not isinstance(item, (str, int, float, type(None))):
            raise TypeError("'in' looks for a text or a number")
        if isinstance(values, str):
            self.spend(len(values), 0.05)
            return isinstance(item, str) and item in values
        if isinstance(values, (list, tuple)):
            self.spend(len(values), 1)
            if isinstance(item, str):
                # Each item may be as long, and differ at its end.
                self.spend(int(len(item) * len(values) * 0.01), 1)
        return item in items_of(values)

    def namespace(self, fields: dict[str, Any]) -> Namespace:
        """``namespace(...)``."""
        return Namespace(fields)

    def assign(self, space: Any, name: str, value: Any) -> None:
        """``{% set space.name = value %}``."""
        if type(space) is not Namespace:
            raise TypeError("only a namespace() can be set a name of")
        self.spend(0)
        space.fields[name] = value

    def range(self, *bounds: Any) -> tuple[int, ...]:
        """``range(...)``."""
        numbers = range(*bounds)
        self.check_items(range(min(len(numbers), LONGEST + 1)))
        return tuple(numbers)

    def changed(self, cell: str, items: Any, values: tuple[Any, ...]) -> bool:
        """``loop.changed(...)``: whether these values differ from those of the round before."""
        before = self._changed.get(cell)
        self._changed[cell] = (items, values)
        return before is None or before[0] is not items or not self.equal(before[1], values)


_SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
