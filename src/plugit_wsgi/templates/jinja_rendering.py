"""What one rendering of a Jinja template sees and may spend: all that its code can call.

1. Whatever takes time or memory by the size of a value counts it here, before it is done or as it is made.
2. A template sees data only; see `data`.
3. What is read of the visitor is remembered.
"""

from __future__ import annotations

import html
import operator
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from ..errors import PlugItError
from ..interfaces import CompiledTemplate, TemplateFacts
from .budget import LONGEST, Budget, Interrupted, OverBudget, measure
from .context import plain_facts, visitor_values
from .data import MISSING, Record, look_up

_LOOK_EVERY = 1000
"""Steps between two looks at the time; a step is a tenth of a microsecond or so."""

STEPS = 4_000_000
"""Nodes of the template's syntax that one rendering may go through; a value made counts by its size."""

CALLS = 40
"""Macros that may be called in one another."""

_LARGEST = 2**63
_SCALARS = (int, float, type(None), type(MISSING))


class Namespace:
    """``namespace()``: names that a loop may set. One per rendering; it prints as nothing."""

    __slots__ = ("fields",)

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields

    def __str__(self) -> str:
        return ""

    __repr__ = __str__


class Deeper:
    """`TemplateFacts.include` of a template that was itself included: counts how deep. Immutable."""

    def __init__(self, include: Callable[[str], CompiledTemplate | None], depth: int) -> None:
        self.include = getattr(include, "include", include)
        self.depth = depth

    def __call__(self, action: str) -> CompiledTemplate | None:
        """The template of another action."""
        return self.include(action)


class Rendering:
    """One rendering. One per request, used by one thread.

    Attributes:
        answer: the names that are the same for everybody: the answer's with ours over them.
        facts: what the host says.
        personal: something of the visitor was read.
        outside: an error that a callable of the host raised, or None.
    """

    def __init__(
        self,
        answer: Mapping[str, Any],
        facts: TemplateFacts,
        budget: Budget,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self.given = answer
        self.answer: Mapping[str, Any] = {**answer, **plain_facts(facts)}
        self.facts = facts
        self.personal = False
        self.outside: Exception | None = None
        self._budget = budget
        self._room = budget.output
        self._loops = budget.loops
        self._steps = STEPS
        self._calls = 0
        self._depth: int = getattr(facts.include, "depth", 0)
        self._clock = clock
        self._started = clock()
        self._look_at = STEPS - _LOOK_EVERY
        self._visitor: dict[str, Any] = {}
        self._changed: dict[str, tuple[Any, tuple[Any, ...]]] = {}

    # -- what it costs --------------------------------------------------------------------------------------

    def spend(self, size: int, each: float = 0.25) -> None:
        """Counts a value that is read or made.

        Args:
            size: its items or characters.
            each: steps for one of them.
        """
        self._steps -= 1 + int(size * each)
        if self._steps < self._look_at or size > self._budget.output:
            self._look(size)

    def enter(self, weight: int, size: int) -> None:
        """Counts a round or a call: the nodes in it, and the characters of its own text."""
        self._room -= size
        self._steps -= weight
        if self._steps < self._look_at or self._room < 0:
            self._look(0)

    def _look(self, size: int) -> None:
        if self._room < 0:
            raise OverBudget(f"more than {self._budget.output} characters of output")
        if self._steps < 0 or size > self._budget.output:
            raise OverBudget("too many or too large values")
        seconds = self._clock() - self._started
        if seconds > self._budget.seconds:
            raise OverBudget(f"more than {self._budget.seconds} seconds of the processor")
        try:
            self.facts.pace(seconds)
        except PlugItError as error:
            raise Interrupted(error) from error
        self._look_at = max(self._steps - _LOOK_EVERY, 0)

    def rounds(self, values: Any, weight: int, size: int) -> Iterator[Any]:
        """The rounds of a loop, counted."""
        for each in self.items_of(values):
            # As `enter`, without a call: this is what pages spend their time in.
            loops = self._loops = self._loops - 1
            room = self._room = self._room - size
            steps = self._steps = self._steps - weight
            if loops < 0:
                raise OverBudget(f"more than {self._budget.loops} rounds of loops")
            if room < 0 or steps < self._look_at:
                self._look(0)
            yield each

    def call(self, weight: int, size: int) -> None:
        """A macro begins."""
        self._calls += 1
        if self._calls > CALLS:
            raise OverBudget(f"macros called deeper than {CALLS}")
        self.enter(weight + 20, size)

    def called(self, pieces: list[str]) -> Markup:
        """A macro ends; what it printed."""
        self._calls -= 1
        return self.joined(pieces)

    def call_back(self, body: Callable[..., Markup] | None, *values: Any) -> Markup:
        """``caller(...)``: the body of a call block."""
        if body is None:
            raise TypeError("nobody called this macro by a call block")
        self.call(0, 0)
        text = body(*values)
        self._calls -= 1
        return text

    def changed(self, cell: str, items: Any, values: tuple[Any, ...]) -> bool:
        """``loop.changed(...)``: whether these values differ from those of the round before."""
        before = self._changed.get(cell)
        self._changed[cell] = (items, values)
        return before is None or before[0] is not items or not self.equal(before[1], values)

    def joined(self, pieces: list[str]) -> Markup:
        """What was printed into a value."""
        text = Markup("".join(pieces))
        self.spend(len(text))
        return text

    # -- what is printed ------------------------------------------------------------------------------------

    def text(self, value: Any) -> str:
        """A value as text of the page, escaped and counted."""
        kind = type(value)
        if kind is str:
            text = html.escape(value)
        elif kind is int or kind is float:
            text = str(value)
        elif kind is Markup:
            text = value
        else:
            text = self.string(value)
            text = text if isinstance(text, Markup) else html.escape(text)
        room = self._room = self._room - len(text)
        if room < 0:
            self._look(0)
        return text

    def raw(self, value: Any) -> str:
        """A value as text of the page, as it is, counted."""
        text = self.string(value)
        self.enter(0, len(text))
        return text

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

    # -- values ---------------------------------------------------------------------------------------------

    def visitor(self, name: str) -> Any:
        """A value that differs between visitors."""
        self.personal = True
        if name not in self._visitor:
            self._visitor[name] = visitor_values(self.facts)[name]()
        return self._visitor[name]

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

    def items_of(self, value: Any) -> Iterable[Any]:
        """What a loop goes through: nothing for what is not there."""
        if isinstance(value, (list, tuple, str, Mapping)):
            return value
        if value is None or value is MISSING:
            return ()
        raise TypeError(f"there is nothing to go through in a {type(value).__name__}")

    def listed(self, value: Any) -> list[Any] | tuple[Any, ...]:
        """The items of a loop as a list."""
        if isinstance(value, (list, tuple)):
            return value
        items = self.items_of(value)
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
                self.spend(len(item), 0.01)
        return item in self.items_of(values)

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

    # -- the protocol's tags --------------------------------------------------------------------------------

    def csrf_input(self) -> Markup:
        """The hidden field of a form; nothing where there is no token."""
        token = self.visitor("csrf_token")
        field = '<input type="hidden" name="csrfmiddlewaretoken" value="{}">'
        return Markup(field).format(token) if token else Markup("")

    def get_user(self, pk: Any) -> Any:
        """``plugitGetUser(pk)``: the allowed fields of another user, or None."""
        self.personal = True
        user = None if pk in (None, "", MISSING) else self._ask(self.facts.get_user, self.string(pk))
        return None if user is None else Record(user)

    def include(self, action: Any, names: Mapping[str, Any]) -> Markup:
        """``plugitInclude(action, name=value)``: the template of another action, with these names more."""
        self.personal = True
        template = self._ask(self.facts.include, self.string(action))
        if template is None:
            return Markup("")
        self._depth += 1
        if self._depth > self._budget.depth:
            raise OverBudget(f"templates included deeper than {self._budget.depth}")
        given, answer = self.given, self.answer
        self.given = {**given, **names}
        try:
            return self._body(template)
        finally:
            self.given, self.answer = given, answer
            self._depth -= 1

    def _body(self, template: CompiledTemplate) -> Markup:
        """In the budget of this rendering, if it is of this language."""
        inside = getattr(template, "body_inside", None)
        if inside is not None:
            self.answer = {**self.given, **plain_facts(self.facts)}
            return Markup(inside(self))
        facts = replace(self.facts, include=Deeper(self.facts.include, self._depth))
        content = template.render(self.given, facts).fragment.content
        self.spend(len(content))
        return content

    def _ask(self, question: Callable[[str], Any], argument: str) -> Any:
        try:
            return question(argument)
        except Exception as error:
            self.outside = error
            raise


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
