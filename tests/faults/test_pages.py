"""The same faults where a service sends whole pages: no meta, no template, the same promises."""

from __future__ import annotations

from dataclasses import replace

from plugit_wsgi.testing.faults import FAULTS
from plugit_wsgi.testing.toxic import Received, Script
from tests.faults.conftest import MakeWorld
from tests.faults.world import BUSY, GRACE, QUICK

#: What is another matter there: a redirect is passed on, and a file is a stream.
OTHER = {"redirect-loop", "huge-file", "flap", "api-callback"}
NAMES = [name for name, fault in FAULTS.items() if fault.on == "action" and name not in OTHER]


def test_every_fault_of_an_action_in_pages_mode(make_world: MakeWorld) -> None:
    """The status of the table, in time, nothing shown, no place held."""
    world = make_world(of_service={"mode": "pages"})
    as_action = world.toxic.server._respond

    def respond(request: Received) -> Script:
        return as_action(replace(request, head=request.head.replace(b" /", b" /action/", 1)))

    world.toxic.server._respond = respond
    wrong = {}
    for name in NAMES:
        seen = world.visit(name)
        if seen.status not in FAULTS[name].answers:
            wrong[name] = seen.status
        assert seen.seconds < QUICK.page + GRACE + BUSY
        if seen.status >= 400:
            world.expect_nothing_shown(seen)
        world.expect_free()
        world.clock.ahead += 80  # whatever is open then may be asked again
    assert wrong == {}
