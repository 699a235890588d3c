"""How a cost grows with a number. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: A cost that grows as its number does has the slope 1; the rest is noise.
LINEAR = 1.1
Points = Sequence[tuple[float, float]]


def slope(points: Points) -> float:
    """The exponent of growth by least squares: 0 does not grow, 1 is linear, 2 quadratic.

    Args:
        points: number and cost, all above 0, two or more.
    """
    across = [math.log(x) for x, _y in points]
    up = [math.log(y) for _x, y in points]
    middle, height = sum(across) / len(across), sum(up) / len(up)
    spread = sum((x - middle) ** 2 for x in across)
    return sum((x - middle) * (y - height) for x, y in zip(across, up, strict=True)) / spread


def word(points: Points) -> str:
    """For people: the slope of the whole, or of its last step, where that is steeper.

    What grows with the square of a number hides behind what does not grow, until the number is large.
    """
    found = max(slope(points), slope(points[-2:]))
    if found > LINEAR:
        return f"FASTER THAN LINEAR (exponent {found:.2f})"
    return f"{'linear' if found > 0.5 else 'less than linear' if found > 0.1 else 'constant'} ({found:.2f})"
