"""Templates in Jinja's language that would take all time or memory are refused, in little of both."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from tests.unit.templates import jinja_bombs
from tests.unit.templates.jinja_bombs import BOMBS

MIB, SECONDS = 200, 2.0
"""Far above what any takes, far below what one that goes off does."""


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Any]:
    """What came of all bombs."""
    command = [sys.executable, "-W", "ignore", "-m", jinja_bombs.__name__]
    done = subprocess.run(
        command, input=json.dumps(list(BOMBS)), check=True, capture_output=True, text=True, timeout=300
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused(name: str, outcomes: dict[str, Any]) -> None:
    """As an error of the template, before it took much time or memory."""
    outcome = outcomes[name]
    assert outcome["is_template"], outcome
    assert outcome["seconds"] < SECONDS, outcome
    assert outcome["mib"] < MIB, outcome
