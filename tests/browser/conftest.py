"""Worlds for a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.browser.hostile import World

if TYPE_CHECKING:
    from selenium.webdriver import Chrome


@pytest.fixture(params=["SameSite=Lax", "SameSite=None; Secure"])
def world(browser: Chrome, serve: Callable[[Any], str], request: pytest.FixtureRequest) -> Iterator[World]:
    """A visitor who is logged in, by a cookie of the usual kind, or by one that every request carries."""
    world = World(browser, serve, request.param)
    yield world
    world.middleware.close()
