"""axe-core: what in a page shuts people out who see, hear or move otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

SCRIPT = Path(__file__).with_name("assets") / "axe.min.js"
_RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(
  found => done(JSON.stringify(found.violations.map(
    rule => [rule.impact, rule.id, rule.nodes.map(node => node.target.join(" "))]))),
  error => done(JSON.stringify([["critical", String(error), []]])));
"""


def find_barriers(browser: Chrome) -> list[str]:
    """All that it finds on the page that is open, whatever the impact, with the places."""
    browser.execute_script(SCRIPT.read_text(encoding="utf-8"))
    found: list[Any] = json.loads(browser.execute_async_script(_RUN))
    return [f"{impact}: {rule} at {', '.join(at)}" for impact, rule, at in found]
