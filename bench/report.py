"""The last results as pages: `python -m bench.report` rewrites the marked parts of the docs.

It draws their charts, too.

`--print` prints the goals alone, each with what was measured beside it. Results are those in bench/results/,
or in the folder that is given; a page whose runs are not there stays as it is.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench import profile, report_scaling
from bench.charts import bars
from bench.figures import RESULTS, ROOT, Figure, load, newest, verdict
from bench.goals import GUNICORN, HTTP_CLIENT, Verdict, judge

DOCS = ROOT / "docs"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
RUNS = ("added", "whole")
TITLES = {"added": "In process", "whole": "Whole processes"}


def main() -> None:
    """Prints, or rewrites."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--print", action="store_true", help="the goals alone, on the terminal")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the runs are")
    parser.add_argument("--docs", type=Path, default=DOCS, help="where the pages are")
    options = parser.parse_args()
    runs = {run: load(path) for run in RUNS if (path := newest(run, options.results))}
    verdicts = judge({run: figures for run, (_found, figures) in runs.items()})
    if options.print:
        for run in RUNS:
            print(f"\n{TITLES[run]}\n" + "\n".join(f"  {each}" for each in verdicts if each.goal.run == run))
        return
    if len(runs) == len(RUNS):
        text = performance(runs, verdicts, options.docs / "images", profile.table(profile.measure()))
        told(rewrite(options.docs / "performance.md", text))
    else:
        print(f"performance.md stays: there is no run of {', '.join(set(RUNS) - runs.keys())}: make bench")
    path = newest("scaling", options.results)
    if path:
        found = json.loads(path.read_text(encoding="utf-8"))
        told(rewrite(options.docs / "scaling.md", report_scaling.page(found, options.docs / "images")))
    else:
        print("scaling.md stays: there is no run: make bench-scaling")


def told(path: Path) -> None:
    """Says what was written."""
    print(f"rewritten: {path}")


def rewrite(path: Path, text: str) -> Path:
    """Puts a text between the marks of a page.

    Raises:
        ValueError: the marks are not there, once each and in their order.
    """
    page = path.read_text(encoding="utf-8")
    before, begin, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise ValueError(f"{path}: expected {BEGIN} and then {END}, once each")
    path.write_text(f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after}", encoding="utf-8")
    return path


def performance(
    runs: dict[str, tuple[dict[str, Any], dict[str, Figure]]],
    verdicts: Sequence[Verdict],
    images: Path,
    counted: str,
) -> str:
    """The marked part of docs/performance.md, with a profile that was counted; draws its charts."""
    images.mkdir(parents=True, exist_ok=True)
    parts = [facts(runs["added"][0]["about"])]
    for run in RUNS:
        found, figures = runs[run]
        parts += [f"### {TITLES[run]}", goals([each for each in verdicts if each.goal.run == run])]
        seconds = [figure for figure in figures.values() if figure.unit == "s" and figure.median > 10e-6]
        title = f"{TITLES[run]}: CPU time of a request"
        (images / f"performance-{run}.svg").write_text(
            bars(title, seconds, line(found["about"])), encoding="utf-8"
        )
        parts.append(f"![{title}](images/performance-{run}.svg)")
        parts.append(rows(figures.values(), figures.get(GUNICORN if run == "whole" else HTTP_CLIENT)))
        noise = f"{verdict(figures)}.".replace("noise", "Noise", 1)
        parts.append(f"{noise} The machine meanwhile: {found['about'].get('busy', 'not watched')}.")
        parts += [missing(*each) for each in found["missing"].items()]
    parts += ["### Where a request goes", counted]
    return "\n\n".join(parts)


def missing(what: str, why: str) -> str:
    """What could not be measured, as a line."""
    return f"Not measured: {what}: `{why.replace('`', '')}`"


def facts(about: dict[str, Any]) -> str:
    """Machine and date, as a sentence."""
    return f"Measured on {line(about)}."


def line(about: dict[str, Any]) -> str:
    """Machine and date."""
    return f"{about['date']}, {about['machine']}, Python {about['python']}, load {about['load']} before"


def goals(verdicts: Iterable[Verdict]) -> str:
    """A table of them."""
    lines = ["| goal | wanted | measured | |", "| --- | --- | --- | --- |"]
    for each in verdicts:
        word = f"**{each.word}**" if each.is_met is False else each.word
        lines.append(f"| {each.goal.what} | {each.wanted} | {each.measured} | {word} |")
    return "\n".join(lines)


def rows(figures: Iterable[Figure], base: Figure | None) -> str:
    """A table of them, with ratios to one."""
    lines = ["| | median | quartiles | ratio |", "| --- | ---: | ---: | ---: |"]
    for figure in figures:
        same = base is not None and base.unit == figure.unit and figure.median > 10e-6
        ratio = f"{figure.median / base.median:.2f}" if base and same else ""
        noisy = " (noisy)" if figure.is_noisy else ""
        lines.append(f"| {figure.what} | {figure.shown}{noisy} | {figure.spread} | {ratio} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
