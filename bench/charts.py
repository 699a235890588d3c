"""Charts for the docs, as SVG text: bars with their spread, and curves. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

from bench.figures import SHOWN, Figure, digits

WIDTH = 760
OURS, OTHERS = "#198754", "#6c757d"
COLOURS = ("#198754", "#0d6efd", "#dc3545", "#fd7e14", "#6f42c1", "#20c997", "#495057")
BAR, GAP, LABELS, TOP = 18, 8, 300, 56
PLOT = (96, 66, 520, 316)
"""Left, top, right and bottom of the curves; their names stand at the right."""

Points = Sequence[tuple[float, float]]
Scale = Callable[[float], float]


def bars(title: str, figures: Sequence[Figure], about: str) -> str:
    """A bar for each median, a line over its quartiles; ours in green. All of one unit."""
    most = max(figure.high for figure in figures)
    height = TOP + len(figures) * (BAR + GAP) + 10
    parts = list(_head(title, about, height))
    for number, figure in enumerate(figures):
        parts += _bar(figure, TOP + number * (BAR + GAP), (WIDTH - LABELS - 90) / most)
    return _whole(parts)


def _bar(figure: Figure, y: float, scale: float) -> Iterator[str]:
    colour = OURS if figure.what.startswith("ours") else OTHERS
    middle, end = y + BAR / 2, LABELS + figure.high * scale
    yield _text(LABELS - 8, y + 13, figure.what, "end")
    long = f'width="{figure.median * scale:.1f}" height="{BAR}"'
    yield f'<rect x="{LABELS}" y="{y:.1f}" {long} fill="{colour}"/>'
    yield f'<path d="M{LABELS + figure.low * scale:.1f} {middle:.1f}H{end:.1f}" stroke="#212529"/>'
    yield _text(max(end, LABELS + figure.median * scale) + 6, y + 13, figure.shown)


def lines(
    title: str,
    curves: Mapping[str, Points],
    about: str,
    *,
    x: str,
    y: str,
    unit: str = "",
    logarithmic: bool = True,
) -> str:
    """A curve for each name. `x` and `y` name the axes; both are logarithmic, or both begin at 0.

    Args:
        title: of the chart.
        curves: points by the name of their curve; dashed if that begins with "formula".
        about: a line below the title.
        x: what goes to the right.
        y: what goes up.
        unit: of the values that go up, as that of a figure.
        logarithmic: every value is above 0 then.
    """
    left, top, right, bottom = PLOT
    flat = [point for points in curves.values() for point in points]
    across = _scale([point[0] for point in flat], left, right, logarithmic)
    up = _scale([point[1] for point in flat], bottom, top, logarithmic)
    parts = list(_head(title, about, bottom + 50))
    parts += _axis(
        [point[0] for point in flat], across, logarithmic, lambda at, name: _mark_x(at, digits_of(name))
    )
    parts += _axis(
        [point[1] for point in flat], up, logarithmic, lambda at, name: _mark_y(at, _named(name, unit))
    )
    parts.append(_text((left + right) / 2, bottom + 38, x, "middle"))
    parts.append(_text(left, top - 8, y))
    for number, (name, points) in enumerate(curves.items()):
        parts += _curve(name, points, across, up, number)
    return _whole(parts)


def _curve(name: str, points: Points, across: Scale, up: Scale, number: int) -> Iterator[str]:
    colour = COLOURS[number % len(COLOURS)]
    dashed = name.startswith("formula")
    line = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>'
    if not dashed:
        yield from (
            f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="2.6" fill="{colour}"/>' for x, y in points
        )
    key = PLOT[1] + 10 + number * 20
    yield f'<path d="M{PLOT[2] + 14} {key - 4}h18" stroke="{colour}" stroke-width="2"{dash}/>'
    yield _text(PLOT[2] + 38, key, name)


def _scale(values: Sequence[float], start: float, end: float, logarithmic: bool) -> Scale:
    """From a value to where it stands."""
    if not logarithmic:
        most = max(values) or 1.0
        return lambda value: start + (end - start) * value / most
    low, high = _powers(values)
    return lambda value: start + (end - start) * (math.log10(value) - low) / (high - low)


def _powers(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten that all are between."""
    low = math.floor(math.log10(min(values)))
    return low, max(math.ceil(math.log10(max(values))), low + 1)


def _axis(
    values: Sequence[float], scale: Scale, logarithmic: bool, mark: Callable[[float, float], str]
) -> Iterator[str]:
    """A line for each power of ten, or for each fifth of the whole."""
    if logarithmic:
        low, high = _powers(values)
        ticks = [10.0**power for power in range(low, high + 1)]
    else:
        step = round_step(max(values) / 5)
        ticks = [step * number for number in range(int(max(values) / step) + 1)]
    yield from (mark(scale(tick), tick) for tick in ticks)


def _mark_x(at: float, name: str) -> str:
    line = f'<path d="M{at:.1f} {PLOT[1]}V{PLOT[3]}" stroke="#e5e5e5"/>'
    return line + _text(at, PLOT[3] + 18, name, "middle")


def _mark_y(at: float, name: str) -> str:
    line = f'<path d="M{PLOT[0]} {at:.1f}H{PLOT[2]}" stroke="#e5e5e5"/>'
    return line + _text(PLOT[0] - 8, at + 4, name, "end")


def round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten; the next that is `least` or more."""
    power = 10.0 ** math.floor(math.log10(least))
    return power * next(each for each in (1, 2, 5, 10) if each * power >= least * 0.999)


def digits_of(value: float) -> str:
    """A round number, short."""
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:g}"


def _named(value: float, unit: str) -> str:
    scale, name = SHOWN[unit]
    shown = value / scale
    return f"{digits_of(shown) if shown >= 1 or unit == '' else digits(shown)} {name}".rstrip()


def _head(title: str, about: str, height: float) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img"'
        f' font-family="system-ui, sans-serif" font-size="12">'
    )
    yield f"<title>{escape(title)}</title>"
    yield f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>'
    yield f'<text x="10" y="20" font-size="15">{escape(title)}</text>'
    yield f'<text x="10" y="36" fill="#555" font-size="11">{escape(about)}</text>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _whole(parts: Sequence[str]) -> str:
    return "\n".join([*parts, "</svg>", ""])
