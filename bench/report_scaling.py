"""The marked part of docs/scaling.md, and its charts, from a run of `bench.scaling`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.charts import lines
from bench.figures import Figure
from bench.growth import word
from bench.simulation import workers_for

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Chart:
    """One curve or several. Immutable.

    Attributes:
        name: of the file.
        key: what of a run is drawn.
        title, x, y: what people read.
        how: measured, simulated or computed.
        unit: of the values that go up.
        logarithmic: both axes.
    """

    name: str
    key: str
    title: str
    x: str
    y: str
    how: str = "Measured under load"
    unit: str = ""
    logarithmic: bool = True


WAIT = "ms that the service takes"
PROCESS = "Measured in process"
CHARTS = (
    Chart(
        "threads", "threads", "Pages a second by the time of the service", WAIT, "pages a second, one worker"
    ),
    Chart("per-core", "threads per core", "Pages a core can do", WAIT, "pages for a second of a core"),
    Chart(
        "model", "model", "The model beside it", WAIT, "pages a second, one worker", "Simulated, and computed"
    ),
    Chart("servers", "servers", "Kinds of servers", WAIT, "pages a second, 32 threads or greenlets"),
    Chart(
        "servers-per-core",
        "servers per core",
        "Kinds of servers, what a core can do",
        WAIT,
        "pages for a second of a core",
    ),
    Chart(
        "workers",
        "workers",
        "Workers, of eight threads each",
        "workers",
        "pages a second, on the cores of this machine",
        logarithmic=False,
    ),
    Chart(
        "many-workers",
        "many workers",
        "Workers with a core each",
        "workers",
        "pages a second, eight threads each",
        "Simulated",
    ),
    Chart(
        "hits",
        "hits",
        "CPU of a page by the share from the cache",
        "percent from the cache",
        "CPU of a page, whole process",
        unit="s",
        logarithmic=False,
    ),
    Chart("services", "size: services", "Many services", "services", "CPU", PROCESS, "s"),
    Chart("users", "size: users", "Many users", "users", "CPU", PROCESS, "s"),
    Chart("entries", "size: entries", "Many kept entries", "entries", "CPU", PROCESS, "s"),
    Chart(
        "caches",
        "caches",
        "Share from the cache, by caches that share nothing",
        "caches; 1 is one that all share",
        "percent; 1000 pages, 100 requests a second",
        "Computed",
        logarithmic=False,
    ),
)
RATES = ((100, 0.02), (100, 0.2), (1000, 0.02))
PLACES = 4


def page(found: dict[str, Any], images: Path) -> str:
    """The text; draws the charts."""
    images.mkdir(parents=True, exist_ok=True)
    about = found["about"]
    machine = f"{about['date']}, {about['machine']}, Python {about['python']}, load {about['load']} before"
    parts = [f"Measured on {machine}."]
    for chart in CHARTS:
        parts += _drawn(chart, found[chart.key], machine, images)
    parts += ["### How the cost grows", growth(found), "### The formula, with these figures", sizing(found)]
    redis = found.get("redis")
    if redis:
        parts += ["### What a shared cache costs", shared(redis)]
    parts += [f"Not measured: {what}: `{why}`" for what, why in found["missing"].items()]
    return "\n\n".join(parts)


def _drawn(chart: Chart, curves: dict[str, Points], machine: str, images: Path) -> list[str]:
    """Draws a chart; its part of the page."""
    text = lines(
        chart.title,
        curves,
        f"{chart.how}; {machine}",
        x=chart.x,
        y=chart.y,
        unit=chart.unit,
        logarithmic=chart.logarithmic,
    )
    (images / f"scaling-{chart.name}.svg").write_text(text, encoding="utf-8")
    picture = f"![{chart.title}](images/scaling-{chart.name}.svg)"
    return [f"### {chart.title}", f"{chart.how}.", picture, table(curves, chart.x, chart.unit)]


def table(curves: dict[str, Points], x: str, unit: str) -> str:
    """A row for each place on the x axis, a column for each curve."""
    places = sorted({point[0] for points in curves.values() for point in points})
    names = list(curves)
    rows = [f"| {x} | {' | '.join(names)} |", f"| ---: |{' ---: |' * len(names)}"]
    for place in places:
        cells = [_cell(dict(map(tuple, curves[name])).get(place), unit) for name in names]  # type: ignore[arg-type]
        rows.append(f"| {place:g} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _cell(value: float | None, unit: str) -> str:
    return "" if value is None else Figure("", value, value, value, unit).shown


def growth(found: dict[str, Any]) -> str:
    """A row for each cost that could grow with a number."""
    rows = ["| there are many | cost of | grows (exponent) |", "| --- | --- | --- |"]
    rows += [
        f"| {name.removeprefix('size: ')} | {what} | {word(points)} |"
        for name, curves in found.items()
        if name.startswith("size: ")
        for what, points in curves.items()
    ]
    return "\n".join(rows)


def sizing(found: dict[str, Any]) -> str:
    """Examples."""
    cpu = found["cpu of a page"]
    rows = [f"A full page took {cpu * 1e3:.2f} ms of CPU under load. So, with eight threads a worker:", ""]
    rows += ["| pages a second | the service takes | workers |", "| ---: | ---: | ---: |"]
    for rate, wait in RATES:
        rows.append(f"| {rate} | {wait * 1000:g} ms | {workers_for(rate, cpu, wait, PLACES):.1f} |")
    return "\n".join(rows)


def shared(redis: dict[str, Points]) -> str:
    """Memory beside Redis."""
    costs = {name: points[0][1] for name, points in redis.items()}
    return (
        f"A page from the cache costs {costs['memory'] * 1e6:.0f} us of CPU where the process keeps it, and"
        f" {costs['Redis'] * 1e6:.0f} us where a Redis on the loopback does (in process)."
    )
