"""Charts: well-formed, with what they were given in them, and nothing of it outside."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from bench.charts import BAR, LABELS, OURS, WIDTH, bars, lines, round_step
from bench.figures import Figure

SVG = "{http://www.w3.org/2000/svg}"
FIGURES = [
    Figure("ours: <page>", 2e-4, 1e-4, 3e-4),
    Figure("theirs", 4e-4, 3e-4, 6e-4),
]


def texts(drawn: str) -> list[str]:
    return ["".join(each.itertext()) for each in ElementTree.fromstring(drawn).iter(f"{SVG}text")]


def test_bars_are_as_long_as_their_medians() -> None:
    root = ElementTree.fromstring(bars("Cost", FIGURES, "today"))
    drawn = [each for each in root.iter(f"{SVG}rect") if each.get("height") == str(BAR)]
    widths = [float(each.get("width", "")) for each in drawn]
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.01)
    assert [each.get("fill") == OURS for each in drawn] == [True, False]
    assert LABELS + widths[1] * 6 / 4 < WIDTH


def test_bars_have_names_and_figures() -> None:
    told = texts(bars("Cost", FIGURES, "today"))
    assert {"Cost", "today", "ours: <page>", "200 us", "400 us"} <= set(told)


def test_curves_have_a_point_for_each_value_and_a_dashed_line_for_a_formula() -> None:
    points = [(1.0, 10.0), (10.0, 100.0), (100.0, 1000.0)]
    drawn = lines("Speed", {"measured": points, "formula": points}, "today", x="ms", y="pages")
    root = ElementTree.fromstring(drawn)
    assert len(list(root.iter(f"{SVG}circle"))) == 3
    assert [bool(each.get("stroke-dasharray")) for each in root.iter(f"{SVG}polyline")] == [False, True]
    assert {"1", "10", "100", "1 000", "measured", "formula", "ms", "pages"} <= set(texts(drawn))


@pytest.mark.parametrize("logarithmic", [True, False])
def test_no_point_is_outside(logarithmic: bool) -> None:
    points = [(1.0, 3e-6), (7.0, 2e-3), (64.0, 0.5)]
    drawn = lines("Cost", {"it": points}, "", x="n", y="CPU", unit="s", logarithmic=logarithmic)
    found = re.search(r'<polyline points="([^"]+)"', drawn)
    assert found
    for pair in found[1].split():
        x, y = map(float, pair.split(","))
        assert 96 <= x <= 520
        assert 66 <= y <= 316


@pytest.mark.parametrize(("least", "step"), [(1.0, 1), (1.3, 2), (4.1, 5), (7, 10), (0.04, 0.05), (230, 500)])
def test_axes_have_round_steps(least: float, step: float) -> None:
    assert round_step(least) == pytest.approx(step)
