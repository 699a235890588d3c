"""What a page may cost, as a table, and how that compares with what was measured. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.figures import SHOWN, Figure, Figures, digits

HTTP_CLIENT = "bare proxy, http.client"
DIAZO = "Diazo over http.client"
GUNICORN = "bare proxy, http.client, gunicorn"
PODIUM = "Podium layout"
REVPROXY = "django-revproxy with Diazo, gunicorn"
ORIGINAL = "original proxy, Python 2.7, gunicorn"


@dataclass(frozen=True)
class Goal:
    """One figure that is wanted. Immutable.

    Attributes:
        run: "added" or "whole", the program that measures it.
        what: in the words of the table of goals.
        row: the figure.
        limit: at most so much (or at least, with `at_least`): a ratio to `base`, or without one `row` itself.
        base: the figure it is compared with.
        is_difference: `row` less `base` counts, in the unit of both, and not their ratio.
        at_least: more is better.
        unit: of `limit`, as that of a figure; of a ratio there is none.
    """

    run: str
    what: str
    row: str
    limit: float
    base: str = ""
    is_difference: bool = False
    at_least: bool = False
    unit: str = ""


@dataclass(frozen=True)
class Verdict:
    """A goal, and what was measured; `value` is None where it was not. Immutable."""

    goal: Goal
    value: float | None
    is_noisy: bool

    @property
    def is_met(self) -> bool | None:
        """None if it was not measured."""
        if self.value is None:
            return None
        return self.value >= self.goal.limit if self.goal.at_least else self.value <= self.goal.limit

    @property
    def word(self) -> str:
        """For people."""
        word = {True: "met", False: "missed", None: "not measured"}[self.is_met]
        return f"{word}, but noisy" if self.is_noisy and self.value is not None else word

    @property
    def wanted(self) -> str:
        """The limit with its unit."""
        return f"at {'least' if self.goal.at_least else 'most'} {self._shown(self.goal.limit)}"

    @property
    def measured(self) -> str:
        """The value with its unit; a dash if there is none."""
        return "-" if self.value is None else self._shown(self.value)

    def _shown(self, value: float) -> str:
        if self.goal.base and not self.goal.is_difference:
            return f"{value:.2f}x"
        scale, name = SHOWN[self.goal.unit]
        return f"{digits(value / scale)} {name}".rstrip()

    def __str__(self) -> str:
        return f"{self.goal.what}: goal {self.wanted}, measured {self.measured}: {self.word}"


def _added() -> Iterator[Goal]:
    for transport, jinja, django, data in (("", 2.7, 0.75, 2.3), (", curl", 1.2, 0.5, 0.85)):
        yield Goal(
            "added", f"full page, Jinja{transport}", f"ours: full page, Jinja{transport}", jinja, HTTP_CLIENT
        )
        yield Goal(
            "added",
            f"full page, Django's language{transport}, of Diazo",
            f"ours: full page, Django's language{transport}",
            django,
            DIAZO,
        )
        yield Goal("added", f"JSON action{transport}", f"ours: JSON action{transport}", data, HTTP_CLIENT)
    yield Goal("added", "page from our cache", "ours: page from the cache", 0.3, HTTP_CLIENT)
    yield Goal(
        "added",
        "passing request",
        "ours: passing request",
        2e-6,
        "the host alone",
        is_difference=True,
        unit="s",
    )


def _whole() -> Iterator[Goal]:
    """Of the full page, for each language of its template; the goals are those of Jinja."""
    for language in ("Jinja", "Django's language"):
        page = f"ours: full page, {language}"
        yield Goal("whole", f"full page, {language}, of a bare proxy", f"{page}, gunicorn", 1.5, GUNICORN)
        yield Goal(
            "whole", f"full page, {language}, curl, of a bare proxy", f"{page}, curl, gunicorn", 1.1, GUNICORN
        )
        for transport in ("", ", curl"):
            for server, limit in (("gunicorn", 0.9), ("granian", 0.6)):
                what = f"full page, {language}{transport}, {server}, of Podium's layout"
                yield Goal("whole", what, f"{page}{transport}, {server}", limit, PODIUM)
        yield Goal(
            "whole",
            f"full page, {language}, of django-revproxy with Diazo",
            f"{page}, gunicorn",
            0.05,
            REVPROXY,
        )
        yield Goal(
            "whole", f"full page, {language}, of the original proxy", f"{page}, gunicorn", 0.06, ORIGINAL
        )
    yield Goal(
        "whole",
        "cached page, of a static app",
        "ours: page from the cache, gunicorn",
        1.25,
        "static app, the same bytes, gunicorn",
    )
    for what in ("media", "file of an action"):
        yield Goal(
            "whole",
            f"{what}, 1 MB: throughput, of a bare proxy's",
            f"ours: {what}, 1 MB",
            0.9,
            "bare proxy: 1 MB",
            at_least=True,
        )
    yield Goal(
        "whole",
        "memory left by a file of 1 MB that passed",
        "ours: memory left by a file of 1 MB",
        1024,
        unit="B",
    )
    yield Goal(
        "whole",
        "conditional request of kept media: calls of the service",
        "calls of the service: conditional media",
        0,
    )
    yield Goal(
        "whole", "range of kept media: calls of the service", "calls of the service: range of media", 0
    )
    yield Goal("whole", "import", "import plugit_wsgi", 0.2, unit="ms")
    yield Goal("whole", "1000 mounts", "1000 mounts", 0.05, unit="ms")
    yield Goal(
        "whole",
        "a match in 10 000 mounts, of one in 10",
        "a match in 10 000 mounts",
        1.1,
        "a match in 10 mounts",
    )
    yield Goal("whole", "memory of an idle mount", "an idle mount", 20_000, unit="B")


GOALS = (*_added(), *_whole())


def judge(runs: Mapping[str, Figures]) -> list[Verdict]:
    """A verdict for each goal, from the figures of the runs by their names."""
    return [_judge_one(goal, runs.get(goal.run, {})) for goal in GOALS]


def _judge_one(goal: Goal, figures: Figures) -> Verdict:
    row, base = figures.get(goal.row), figures.get(goal.base)
    if row is None or (goal.base and base is None):
        return Verdict(goal, None, False)
    noisy = row.is_noisy or bool(base and base.is_noisy)
    return Verdict(goal, _value(goal, row, base), noisy)


def _value(goal: Goal, row: Figure, base: Figure | None) -> float:
    if base is None:
        return row.median
    return row.median - base.median if goal.is_difference else row.median / base.median
