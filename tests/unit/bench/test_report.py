"""Results become pages."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bench.figures import Figure, by_name
from bench.goals import judge
from bench.report import BEGIN, END, performance, rewrite
from bench.report_scaling import CHARTS, page
from bench.scaling import simulated

ABOUT = {"date": "2026-01-01", "machine": "a machine", "python": "3.11", "load": 0.1}


def test_what_is_between_the_marks_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    for text in ("new", "newer"):
        assert rewrite(path, text).read_text() == f"before\n{BEGIN}\n\n{text}\n\n{END}\nafter\n"


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{BEGIN}{END}"])
def test_a_page_without_both_marks_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(text)
    with pytest.raises(ValueError, match="expected"):
        rewrite(path, "new")
    assert path.read_text() == text


def test_a_run_becomes_goals_rows_and_charts(tmp_path: Path) -> None:
    bare = Figure("bare proxy, http.client", 1e-4, 1e-4, 1e-4)
    figures = by_name([bare, Figure("ours: JSON action", 3e-4, 3e-4, 3e-4)])
    found = {"about": ABOUT, "missing": {"nginx": "`nginx` is not there"}}
    runs = {"added": (found, figures), "whole": (found, figures)}
    text = performance(runs, judge({"added": figures}), tmp_path, "| counted |")
    assert "2026-01-01, a machine, Python 3.11" in text
    assert "| JSON action | at most 2.30x | 3.00x | **missed** |" in text
    assert "| ours: JSON action | 300 us | 300 to 300 | 3.00 |" in text
    assert text.endswith("| counted |")
    assert "Not measured: nginx: `nginx is not there`" in text
    for run in ("added", "whole"):
        assert f"(images/performance-{run}.svg)" in text
        ElementTree.parse(tmp_path / f"performance-{run}.svg")


def test_curves_become_charts_and_tables(tmp_path: Path) -> None:
    curve = {"it": [[1, 0.5], [10, 0.25]]}
    found = {chart.key: curve for chart in CHARTS} | simulated(0.05)
    found |= {"about": ABOUT, "redis": {"memory": [[1, 1e-4]], "Redis": [[1, 5e-4]]}, "missing": {}}
    text = page(json.loads(json.dumps(found)), tmp_path)
    for chart in CHARTS:
        assert f"(images/scaling-{chart.name}.svg)" in text
        ElementTree.parse(tmp_path / f"scaling-{chart.name}.svg")
    assert "| services | it | constant" in text
    assert "costs 100 us of CPU where the process keeps it, and 500 us where" in text
    assert "A full page took 50.00 ms" in text
