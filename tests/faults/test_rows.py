"""The fault matrix has a test for each row; the row is part of the test's name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

#: Rows of the fault matrix.
ROWS = range(1, 46)
#: Rows whose tests are where what they need is started.
ELSEWHERE = {42: "a cache server that is down, slow or full: with the tests of Redis"}
NAME = re.compile(r"^def test((?:_f\d\d)+)(_to_f\d\d)?", re.MULTILINE)


def rows_with_tests() -> set[int]:
    """The rows in the names of the tests of this folder."""
    rows: set[int] = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        for single, to in NAME.findall(file.read_text("utf-8")):
            found = [int(number) for number in re.findall(r"\d\d", single)]
            rows.update(range(found[-1], int(to[-2:]) + 1) if to else found)
    return rows


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_a_test(row: int) -> None:
    """Here, or where `ELSEWHERE` says."""
    assert (row in rows_with_tests()) != (row in ELSEWHERE)
