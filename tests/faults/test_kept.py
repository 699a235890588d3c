"""F1, F18, F19, F26, F41: what is kept for when the service cannot be asked, or not so often."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from plugit_wsgi.events import StaleServed
from plugit_wsgi.testing.faults import FAULTS, answer, as_json
from plugit_wsgi.testing.toxic import Pause, Received, Script
from tests.faults.world import BUSY, GRACE, MARK, QUICK, Seen, World

#: Seconds that a failure is remembered, give or take a fifth; that an old page may be shown.
REMEMBERED, SPREAD = 5.0, 0.2
OLDEST = 600.0
OLD = "Cache-Control: max-age=0"


def crowd(world: World, name: str, visitors: int) -> list[Seen]:
    """So many visitors at one moment."""
    together = threading.Barrier(visitors)
    seen: list[Seen] = []

    def visit() -> None:
        together.wait(10)
        seen.append(world.visit(name, by=world.host.visitor("anna")))

    threads = [threading.Thread(target=visit) for _ in range(visitors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def test_f41_a_hot_page_expires_under_100_visitors(world: World) -> None:
    """One call to the service; all others get the page of a moment ago, and do not wait for it."""
    world.visit("hot")
    world.clock.ahead += 2
    world.toxic.reset()
    seen = crowd(world, "hot", 100)
    assert Counter(one.status for one in seen) == {200: 100}
    assert all(f"{MARK}hot" in one.text for one in seen)
    assert world.toxic.calls == {"action/hot": 1}
    world.expect_free()


def test_f41_a_hot_page_expires_while_the_service_hangs(world: World) -> None:
    """One visitor waits until the deadline, and gets the old page; all others get it at once."""
    world.teach("hot", lambda asked: [asked.page] if asked.turn == 0 else FAULTS["hang"].script(asked))
    world.visit("hot")
    world.clock.ahead += 2
    seen = crowd(world, "hot", 100)
    assert Counter(one.status for one in seen) == {200: 100}
    slowest = sorted(one.seconds for one in seen)
    assert slowest[-1] < QUICK.page + GRACE + 2 * BUSY
    assert world.toxic.calls["action/hot"] == 2
    assert sum(isinstance(event, StaleServed) for event in world.events) == 1
    world.expect_free()


def test_f41_a_page_that_nobody_has_yet_under_100_visitors(world: World) -> None:
    """No more calls than places at one time; who finds none is told at once when to come again."""
    world.visit("fine")
    most = 0

    def count(asked: Any) -> Any:
        nonlocal most
        most = max(most, world.toxic.busy)
        return [Pause(0.1), asked.page]

    world.teach("hot", count)
    seen = crowd(world, "hot", 100)
    assert {one.status for one in seen} <= {200, 503}
    assert all(one.headers["Retry-After"] for one in seen if one.status == 503)
    assert world.toxic.calls["action/hot"] <= world.places.count + 1
    assert most <= world.places.count
    assert max(one.seconds for one in seen) < QUICK.page + GRACE + 2 * BUSY
    world.expect_free()


@pytest.mark.parametrize("how", ["refuse", "black-hole"])
def test_f01_an_old_page_is_shown_while_the_service_is_down(world: World, how: Any) -> None:
    """With a note that says so, for ten minutes; then it is too old. Later the service's own is back."""
    world.visit("hot")
    fresh = world.visit("hot")
    world.toxic.be(how)
    world.clock.ahead += 2
    world.forget()
    stale = world.visit("hot")
    assert (stale.status, f"{MARK}hot" in stale.text) == (200, True)
    assert len(stale.text) > len(fresh.text)  # the note
    assert stale.seconds < QUICK.connect + GRACE + BUSY
    assert [event.action for event in world.events if isinstance(event, StaleServed)] == ["/hot"]
    assert len(world.lines) == 1
    world.clock.ahead += OLDEST + 2
    assert world.visit("hot").status in (502, 503, 504)
    world.toxic.be("well")
    world.clock.ahead += 70
    assert f"{MARK}hot" in world.visit("hot").text
    world.expect_free()


@pytest.mark.parametrize(
    "name", ["close", "negative-length", "502", "503", "504", "late", "drip-body", "not-http"]
)
def test_f01_to_f12_an_old_page_stands_in_for_one_that_breaks(world: World, name: str) -> None:
    """Nothing of the broken one is shown or kept."""
    broken = FAULTS[name].script
    world.teach("hot", lambda asked: [asked.page] if asked.turn == 0 else broken(asked))
    first = world.visit("hot")
    assert f"{MARK}hot" in first.text
    world.clock.ahead += 2
    assert (world.visit("hot").status, world.visit("hot").status) == (200, 200)
    world.expect_free()


@pytest.mark.parametrize("name", ["500", "429", "meta-only-unknown"])
def test_an_old_page_does_not_stand_in_for_what_the_service_says(world: World, name: str) -> None:
    """It is there, and says something else."""
    fault = FAULTS[name]
    world.teach("hot", lambda asked: [asked.page] if asked.turn == 0 else fault.script(asked))
    if fault.on == "meta":
        good = {"template_tag": "1", "cache_time": 1, "cache_by_user": False}
        world.teach(
            "hot", lambda asked: [as_json(good, OLD)] if asked.turn == 0 else fault.script(asked), on="meta"
        )
    assert world.visit("hot").status == 200
    world.clock.ahead += 2
    seen = world.visit("hot")
    assert (seen.status, MARK in seen.text) == (fault.answers[0], False)


@pytest.mark.parametrize("line", ["Cache-Control: private", "Cache-Control: no-store"])
def test_a_newer_answer_that_may_not_be_kept_ends_the_old_page(world: World, line: str) -> None:
    """The service has said something newer; what it took back is not shown once it is down."""
    world.teach("hot", lambda asked: [asked.page] if asked.turn == 0 else [as_json({"mark": "new"}, line)])
    assert f"{MARK}hot" in world.visit("hot").text
    world.clock.ahead += 2
    assert world.visit("hot").status == 200
    world.toxic.be("refuse")
    world.clock.ahead += 2
    seen = world.visit("hot")
    assert (seen.status, f"{MARK}hot" in seen.text) == (502, False)
    world.expect_free()


def test_a_kept_page_that_leads_to_itself_waits_for_nobody(world: World) -> None:
    """It is a loop, and said so at once: the visitor does not wait for its own load."""
    world.visit("hot")
    world.clock.ahead += 2
    world.teach("hot", lambda _: [answer(b"", "Location: /action/hot", status="302 Found")])
    seen = world.visit("hot")
    assert (seen.status, seen.seconds < 1) == (502, True)
    world.expect_free()


@pytest.mark.parametrize("name", ["meta-not-json", "meta-wrong-type", "meta-only-unknown"])
def test_f18_f19_a_wrong_meta_is_asked_for_once_in_five_seconds(world: World, name: str) -> None:
    """However many come; and it is asked for again after that, sooner or later by a fifth."""
    assert [world.visit(name).status for _ in range(10)] == [502] * 10
    assert world.toxic.calls[f"meta/{name}"] == 1
    world.clock.ahead += REMEMBERED * (1 - SPREAD) - 0.5
    world.visit(name)
    assert world.toxic.calls[f"meta/{name}"] == 1
    world.clock.ahead += REMEMBERED * 2 * SPREAD + 0.6
    world.visit(name)
    assert world.toxic.calls[f"meta/{name}"] == 2
    world.toxic.heal()
    world.clock.ahead += REMEMBERED * (1 + SPREAD) + 0.1
    assert f"{MARK}{name}" in world.visit(name).text


def test_f18_f19_a_wrong_meta_under_100_visitors(world: World) -> None:
    """All are told that it is wrong, or to come again, and nobody calls the action; a few ask at most."""
    world.visit("fine")
    seen = crowd(world, "meta-only-unknown", 100)
    assert {one.status for one in seen} <= {502, 503}
    assert world.toxic.calls["meta/meta-only-unknown"] <= 2 * world.places.count
    assert "action/meta-only-unknown" not in world.toxic.calls
    world.expect_free()


def test_f18_a_meta_that_nobody_has_yet_under_100_visitors(world: World) -> None:
    """It is not asked for by each of them."""
    world.teach("slow", lambda _: [Pause(0.05), as_json({"template_tag": "well"})], on="meta")
    seen = crowd(world, "slow", 100)
    assert {one.status for one in seen} <= {200, 503}
    assert world.toxic.calls["meta/slow"] <= 2 * world.places.count


def test_f26_a_template_that_is_none_is_asked_for_once(world: World) -> None:
    """The failure is kept by its tag: it is neither fetched nor compiled again, until the tag is another."""
    assert [world.visit("template-syntax").status for _ in range(5)] == [502] * 5
    assert world.toxic.calls["template/template-syntax"] == 1
    world.toxic.heal()
    assert f"{MARK}template-syntax" in world.visit("template-syntax").text


def test_f27_a_template_that_never_ends_is_not_rendered_at_each_visit(world: World) -> None:
    """Its cost is paid once in five seconds."""
    world.visit("template-loop")
    seen = [world.visit("template-loop") for _ in range(10)]
    assert {one.status for one in seen} == {502}
    assert sum(one.seconds for one in seen) < 1.0


def test_f27_a_template_that_never_ends_harms_no_other_of_its_tag(world: World) -> None:
    """Tags are the service's to choose, and its actions may have the same one."""
    endless = "{% for a in items %}" * 6 + "{% endfor %}" * 6
    templates = {"endless": endless, "short": "short {{ text }}"}

    def respond(request: Received) -> Script:
        call, _, name = request.target.decode().lstrip("/").partition("/")
        if call == "meta":
            return [as_json({"template_tag": "1"})]
        if call == "template":
            return [answer(templates[name].encode())]
        return [as_json({"text": "text", "items": list(range(100))})]

    world.toxic.server._respond = respond
    assert [world.visit(name).status for name in ("endless", "short")] == [502, 200]


def test_f27_a_page_that_costs_one_visitor_too_much_is_there_for_others(world: World) -> None:
    """It depends on what was asked, and by whom: nobody can keep others from a page."""
    rows = "{% for a in rows %}{% for b in rows %}.{% endfor %}{% endfor %}"

    def respond(request: Received) -> Script:
        path, _, query = request.target.decode().partition("?")
        if path.startswith("/meta"):
            return [as_json({"template_tag": "1", "user_info": ["username"]})]
        if path.startswith("/template"):
            return [answer(rows.encode())]
        costly = "all" in query or "username=olga" in query
        return [as_json({"rows": list(range(2000 if costly else 10))})]

    world.toxic.server._respond = respond
    assert [world.visit(name).status for name in ("list?all", "list")] == [502, 200]
    assert world.visit("list", by=world.host.visitor("olga")).status == 502
    assert world.visit("list", by=world.host.visitor("max")).status == 200
