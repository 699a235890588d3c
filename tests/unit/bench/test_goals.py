"""Goals: what is wanted, and what was measured beside it."""

from __future__ import annotations

import pytest
from bench import added, files, start, whole
from bench.figures import Figure, by_name
from bench.goals import GOALS, Goal, judge

BASE = Figure.of("bare proxy, http.client", [100e-6, 100e-6])


def of(row: str, *seconds: float) -> str:
    """The verdict of the in-process goal on that row, as text."""
    figures = by_name([BASE, Figure.of("the host alone", [1e-6, 1e-6]), Figure.of(row, list(seconds))])
    return next(str(each) for each in judge({"added": figures}) if each.goal.row == row)


def test_a_ratio_is_met_or_missed() -> None:
    row = "ours: JSON action"
    assert of(row, 230e-6, 230e-6) == "JSON action: goal at most 2.30x, measured 2.30x: met"
    assert of(row, 231e-6, 231e-6) == "JSON action: goal at most 2.30x, measured 2.31x: missed"


def test_a_noisy_figure_says_so() -> None:
    assert of("ours: JSON action", 100e-6, 200e-6, 300e-6).endswith(": met, but noisy")


def test_what_is_added_is_a_difference() -> None:
    told = "passing request: goal at most 2.00 us, measured 1.50 us: met"
    assert of("ours: passing request", 2.5e-6, 2.5e-6) == told


def test_more_may_be_better() -> None:
    goal = next(goal for goal in GOALS if goal.at_least)
    for speed, word in ((0.95e8, "met"), (0.85e8, "missed")):
        rows = [Figure.of(goal.row, [speed], "B/s"), Figure.of(goal.base, [1e8], "B/s")]
        verdict = next(each for each in judge({"whole": by_name(rows)}) if each.goal is goal)
        assert str(verdict).endswith(f"goal at least 0.90x, measured {speed / 1e8:.2f}x: {word}")


def test_a_value_alone_has_its_unit() -> None:
    figures = by_name([Figure.of("import plugit_wsgi", [0.225], "ms")])
    verdict = next(each for each in judge({"whole": figures}) if each.goal.what == "import")
    assert str(verdict) == "import: goal at most 200 ms, measured 225 ms: missed"


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert {each.word for each in judge({})} == {"not measured"}
    assert [each.goal for each in judge({})] == list(GOALS)


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.what)
def test_each_goal_is_of_rows_that_are_measured(goal: Goal) -> None:
    """A goal on a row that nobody measures would be "not measured" for ever."""
    told = {"a match in 10 mounts", "a match in 10 000 mounts", "import plugit_wsgi", "1000 mounts"}
    told |= {
        "an idle mount",
        "ours: memory left by a file of 1 MB",
        *(f"calls of the service: {x}" for x in files.ASKED),
    }
    rows = {
        "added": {row[0] for row in added.ROWS},
        "whole": {row.what for row in whole.ROWS} | {row[0] for row in files.ROWS} | told,
    }
    assert goal.row in rows[goal.run]
    assert not goal.base or goal.base in rows[goal.run]


@pytest.mark.slow
def test_the_figures_of_a_start_are_those_that_goals_name() -> None:
    found = start.measure(1)
    assert {"import plugit_wsgi", "1000 mounts", "an idle mount"} < found.keys()
    assert 1_000 < found["an idle mount"].median < 100_000
    assert 0.01 < found["import plugit_wsgi"].median < 5
