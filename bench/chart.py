"""What a visitor of the healthy service feels while its neighbour breaks, as a picture.

::

    python -m bench.chart bench/results/isolation-DATE.json --fault hang --out docs/images/isolation.svg

Every dot is one visit: when, and how long it took; a cross at the top edge is one that got no good answer.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WIDTH, HEIGHT, LEFT, TOP, GAP = 760, 300, 64, 44, 22
FASTEST, SLOWEST = 0.001, 10.0
LOOKS = {"ours": ("#198754", "with the guard"), "naive": ("#dc3545", "naive proxy (requests)")}


def main() -> None:
    """Draws the rows of one fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="a file that the isolation benchmark wrote")
    parser.add_argument("--fault", default="hang", help="whose rows (default: hang)")
    parser.add_argument("--out", type=Path, required=True, help="the SVG to write")
    options = parser.parse_args()
    found = json.loads(options.results.read_text(encoding="utf-8"))
    rows = {row["who"]: row for row in found["rows"] if row["fault"] == options.fault and row["who"] in LOOKS}
    missing = LOOKS.keys() - rows.keys()
    if missing:
        parser.error(f"no row of {', '.join(sorted(missing))} for the fault {options.fault!r}")
    options.out.write_text(draw(rows, options.fault), encoding="utf-8")


def draw(rows: dict[str, Any], fault: str) -> str:
    """The picture of both, one above the other."""
    height = 2 * (HEIGHT + GAP) + TOP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' font-family="system-ui, sans-serif" font-size="13">',
        f"<title>Visits of a healthy service while its neighbour has the fault {fault}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-size="15">A healthy service, while its neighbour has the fault'
        f" “{fault}”: seconds a visit took</text>",
    ]
    for number, who in enumerate(LOOKS):
        parts.append(f'<g transform="translate(0 {TOP + number * (HEIGHT + GAP)})">')
        parts.extend(panel(rows[who], *LOOKS[who]))
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def panel(row: dict[str, Any], colour: str, name: str) -> Iterator[str]:
    """One setup: before the fault, and with it."""
    before, during = row["without"]["good"], row["during"]["good"]
    length = [max((visit[0] for visit in phase), default=0.0) for phase in (before, during)]
    scale = (WIDTH - LEFT - 20) / (sum(length) + 0.5)
    yield from grid()
    start = LEFT + (length[0] + 0.25) * scale
    end = WIDTH - 20
    area = f'x="{start:.0f}" y="0" width="{end - start:.0f}" height="{HEIGHT - 30}"'
    yield f'<rect {area} fill="{colour}" opacity=".07"/>'
    yield f'<text x="{start + 6:.0f}" y="{HEIGHT - 38}" fill="#555">neighbour broken</text>'
    yield f'<text x="{LEFT + 6}" y="16" fill="{colour}" font-weight="600">{name}</text>'
    for phase, shift in ((before, 0.0), (during, length[0] + 0.5)):
        for when, seconds, status in phase:
            yield mark(LEFT + (when + shift) * scale, seconds, status == 200, colour)


def grid() -> Iterator[str]:
    """The lines of a second, a tenth and so on."""
    for exponent in range(-3, 2):
        y = height_of(10.0**exponent)
        yield f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        label = f"{10**exponent:g} s" if exponent >= 0 else f"{10 ** (exponent + 3):g} ms"
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#555">{label}</text>'


def mark(x: float, seconds: float, good: bool, colour: str) -> str:
    """A dot for an answer; a cross at the top edge for none."""
    if good:
        return f'<circle cx="{x:.1f}" cy="{height_of(seconds):.1f}" r="1.6" fill="{colour}"/>'
    y = height_of(SLOWEST) + 6
    return f'<path d="M{x - 2:.1f} {y - 2:.1f}l4 4m0 -4l-4 4" stroke="{colour}"/>'


def height_of(seconds: float) -> float:
    """Where a time stands; each line is ten times the one below."""
    share = math.log(max(FASTEST, min(seconds, SLOWEST)) / FASTEST) / math.log(SLOWEST / FASTEST)
    return 20 + (HEIGHT - 60) * (1 - share)


if __name__ == "__main__":
    main()
