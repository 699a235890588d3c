"""docs/security.md: every threat has tests, and every test that it names is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.support.servers import ROOT

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d+) \|(.*)\|$", re.M)
LISTED = re.compile(r"^\*\*(\d+)\. (.+)\*\*\n\n((?:- `tests/[^`]+`\n?)+)", re.M)
TEST = re.compile(r"`(tests/[^`]+\.py::[^`]+)`")


def collected(files: set[str]) -> set[str]:
    """The tests in some files, without their parameters."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "-p",
        "no:cacheprovider",
        *sorted(files),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=55,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {line.partition("[")[0] for line in done.stdout.splitlines() if "::" in line}


def test_every_line_of_the_table_has_tests() -> None:
    """Numbered from 1 on, each with asset, attack and defence, and a list of tests under the same name."""
    rows = [(number, [cell.strip() for cell in cells.split("|")]) for number, cells in ROW.findall(PAGE)]
    assert len(rows) >= 19
    assert all(len(cells) == 3 and all(cells) for _, cells in rows)
    lists = [(number, asset) for number, asset, tests in LISTED.findall(PAGE) if TEST.search(tests)]
    assert lists == [(number, cells[0]) for number, cells in rows]
    assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))


def test_every_test_that_is_named_is_there() -> None:
    """As pytest itself finds it: also those that a class inherits."""
    named = TEST.findall(PAGE)
    assert len(named) >= 150
    assert len(named) == PAGE.count("- `tests/")
    files = {name.partition("::")[0] for name in named}
    assert sorted(file for file in files if not (ROOT / file).is_file()) == []
    assert sorted(set(named) - collected(files)) == []
