"""What a test needs from the machine: missing, it says so loudly; where everything is due, it fails."""

from __future__ import annotations

import os

import pytest


def require(condition: bool, what: str) -> None:
    """Skip the running test unless ``condition`` holds; with ``REQUIRE_ALL=1`` in the environment, fail it.

    Args:
        condition: Whether the thing is here.
        what: The thing, as the reader of the report knows it ("Python 2.7", "a browser").
    """
    if condition:
        return
    message = f"NOT RUN, missing on this machine: {what}"
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
