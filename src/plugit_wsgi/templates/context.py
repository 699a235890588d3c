"""The context of one rendering: what is visible, what was read of the visitor, what it cost so far.

Layers, a later one hides an earlier one: the answer's keys with our plain facts over them, then the visitor's
values, then what the template itself sets. What a template sets never reaches the answer, which others may be
using.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from django.template import Context

from ..errors import PlugItError
from ..interfaces import TemplateFacts
from ..people import Organization
from .budget import Budget, Interrupted, OverBudget
from .data import MISSING, Record

_LOOK_EVERY = 16
"""Steps between two looks at the time."""


class VisitorValues(dict[str, Any]):
    """The values that differ between visitors; remembers whether one was read. One per request.

    They are made when first read; one that is not there is `MISSING`, and asking for it counts as reading:
    the answer tells the visitors apart.
    """

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        super().__init__(makers)
        self._unmade = set(makers)
        self.was_read = False

    def __getitem__(self, key: str) -> Any:
        self.was_read = True
        if key in self._unmade:
            self._unmade.discard(key)
            super().__setitem__(key, super().__getitem__(key)())
        return super().__getitem__(key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._unmade.discard(key)
        super().__setitem__(key, value)


class ServiceContext(Context):
    """What one rendering sees and may spend. One per request, used by one thread.

    Attributes:
        room: characters that may still go out.
        loops, steps: what is left of the budget.
        largest: characters or items of any one value.
        look_at: number of steps left below which to `look`.
        outside: an error that a callable of the host raised, or None.
    """

    def __init__(
        self,
        answer: Mapping[str, Any],
        facts: TemplateFacts,
        budget: Budget,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        # use_l10n: a number is printed as the service sent it, whatever language the thread has.
        super().__init__(use_l10n=False)
        self.answer = answer
        self.facts = facts
        self.budget = budget
        self.room = budget.output
        self.loops = budget.loops
        self.steps = budget.steps
        self.depth = 0
        self.outside: Exception | None = None
        self._clock = clock
        self._started = clock()
        self.largest = budget.output
        self.look_at = max(budget.steps - _LOOK_EVERY, 0)
        self._personal = False
        self._visitor = VisitorValues(_visitor_values(facts))
        self.dicts += [{**answer, **_plain_facts(facts)}, self._visitor, {}]

    @property
    def personal(self) -> bool:
        """Whether anything of the visitor was read so far."""
        return self._personal or self._visitor.was_read

    def mark_personal(self) -> None:
        """For what is the visitor's business without being a value of the context."""
        self._personal = True

    def __setitem__(self, key: str, value: Any) -> None:
        self._count_round()
        self.dicts[-1][key] = value

    def update(self, other_dict: Any) -> Any:
        """As the base; loops over pairs set their names this way."""
        self._count_round()
        return super().update(other_dict)

    def _count_round(self) -> None:
        self.loops -= 1
        if self.loops < 0:
            raise OverBudget(f"more than {self.budget.loops} rounds of loops")
        self.steps -= 1
        if self.steps < self.look_at:
            self.look(0)

    def emit(self, size: int) -> None:
        """Counts text that goes out; `size` in characters."""
        self.room -= size
        if self.room < 0:
            self.overflow()

    def overflow(self) -> NoReturn:
        """More went out than may."""
        raise OverBudget(f"more than {self.budget.output} characters of output")

    def spend(self, size: int) -> None:
        """Counts a value with `size` items or characters that was read or made."""
        self.steps -= 1 + (size >> 6)
        if self.steps < self.look_at or size > self.largest:
            self.look(size)

    def look(self, size: int) -> None:
        """Now and then, and after each large value: asking for the time at every step would cost too much."""
        if self.steps < 0 or size > self.largest:
            raise OverBudget("too many or too large values")
        seconds = self._clock() - self._started
        if seconds > self.budget.seconds:
            raise OverBudget(f"more than {self.budget.seconds} seconds of the processor")
        try:
            self.facts.pace(seconds)
        except PlugItError as error:
            raise Interrupted(error) from error
        self.look_at = max(self.steps - _LOOK_EVERY, 0)

    def ask(self, question: Callable[[str], Any], argument: str) -> Any:
        """Calls the host; its errors stay its own and are never blamed on the template."""
        try:
            return question(argument)
        except Exception as error:
            self.outside = error
            raise


def organization_record(organization: Organization) -> Record:
    """An organization as templates see it; prints as its name."""
    fields = {"pk": organization.id, "name": organization.name, "ebu_codops": organization.codops}
    return Record(fields, organization.name)


def _plain_facts(facts: TemplateFacts) -> dict[str, Any]:
    return {
        "ebuio_baseUrl": facts.base_url,
        "ebuio_orgamode": facts.organization_mode,
        "ebuio_realUsers": facts.real_users,
        "ebuio_hpro_name": facts.service_name,
        "ebuio_hpro_pk": facts.service_pk,
        "MEDIA_URL": facts.media_url,
        "STATIC_URL": facts.static_url,
    }


def _visitor_values(facts: TemplateFacts) -> dict[str, Callable[[], Any]]:
    return {
        "ebuio_u": lambda: _user(facts),
        "ebuio_orga": lambda: _organization(facts),
        "ebuio_orgas": lambda: _organizations(facts),
        "ebuio_userMode": lambda: facts.user_mode,
        "csrf_token": lambda: facts.csrf_token,
    }


def _user(facts: TemplateFacts) -> Record:
    """The allowed fields that have a value, and always an id, which is None for nobody.

    The original gave nobody the id "None", which a template took for somebody; printed, both are the same.
    """
    visitor = facts.visitor
    fields = {name: visitor.field(name) for name in facts.user_fields}
    kept = {name: value for name, value in fields.items() if value is not None or name == "pk"}
    kept["id"] = visitor.field("id")
    return Record(kept)


def _organization(facts: TemplateFacts) -> Any:
    organization = facts.visitor.organization
    if organization is None or not facts.organization_mode:
        return MISSING
    return organization_record(organization)


def _organizations(facts: TemplateFacts) -> Any:
    if not facts.organization_mode:
        return MISSING
    return tuple(organization_record(each) for each in facts.visitor.organizations)
