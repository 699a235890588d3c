"""Figures of a benchmark: medians, quartiles, and whether to believe them."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import figures
from bench.figures import Figure, by_name, load, newest, save, table, verdict

QUIET = Figure.of("quiet", [1e-3, 1.01e-3, 1.02e-3, 1.03e-3, 1.04e-3])
BUSY = Figure.of("busy", [1e-3, 1.1e-3, 1.2e-3, 1.5e-3, 3e-3])


def test_a_figure_is_the_median_of_its_rounds_between_their_quartiles() -> None:
    assert QUIET.median == 1.02e-3
    assert QUIET.low < QUIET.median < QUIET.high
    assert QUIET.shown == "1020 us"
    assert QUIET.spread == "1005 to 1035"


def test_one_round_is_a_figure_without_a_spread() -> None:
    figure = Figure.of("once", [12460.0], "B")
    assert (figure.low, figure.median, figure.high) == (12460.0,) * 3
    assert figure.shown == "12460 B"
    assert not figure.is_noisy


def test_quartiles_further_apart_than_a_fifth_are_noise() -> None:
    assert not QUIET.is_noisy
    assert BUSY.is_noisy
    assert "believe the ratios" in verdict(by_name([QUIET]))
    assert "measure again: busy" in verdict(by_name([QUIET, BUSY]))
    many = by_name([QUIET, BUSY, *(Figure.of(f"quiet {n}", [1.0, 1.0]) for n in range(5))])
    assert "1 of 7 rows too noisy to believe, not these: busy" in verdict(many)


def test_the_table_has_ratios_to_one_row_of_the_same_unit() -> None:
    double = Figure.of("double", [2.04e-3, 2.04e-3])
    told = table(by_name([QUIET, double, BUSY, Figure.of("size", [5.0], "B")]), "quiet", "title").splitlines()
    assert told[1].split()[-1] == "1.00"
    assert told[2].split()[-1] == "2.00"
    assert told[3].endswith("too noisy to believe")
    assert told[4].split() == ["size", "5.00", "B", "5.00", "to", "5.00"]


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(0.225, "ms", "225 ms"), (4e8, "B/s", "400 MB/s"), (2e-6, "s", "2.00 us"), (1.0, "", "1.00")],
)
def test_each_unit_is_shown_as_people_say_it(value: float, unit: str, shown: str) -> None:
    assert Figure.of("x", [value], unit).shown == shown


def test_what_is_saved_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "RESULTS", tmp_path / "results")
    path = save("whole", {"date": "today"}, by_name([QUIET, BUSY]), {"nginx": "not installed"})
    found, loaded = load(path)
    assert loaded == {"quiet": QUIET, "busy": BUSY}
    assert found["missing"] == {"nginx": "not installed"}
    assert found["about"] == {"date": "today"}


def test_the_newest_run_is_the_one_of_its_name(tmp_path: Path) -> None:
    for name in ("added-20260101-000000", "added-20260102-000000", "whole-20270101-000000"):
        (tmp_path / f"{name}.json").touch()
    found = newest("added", tmp_path)
    assert found is not None
    assert found.name == "added-20260102-000000.json"
    assert newest("scaling", tmp_path) is None
