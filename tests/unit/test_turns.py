"""Long renderings: one at a time, in small steps, and never all threads waiting for one."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from plugit_wsgi import turns as module
from plugit_wsgi.errors import ServiceBusy
from plugit_wsgi.turns import LONG, REST, SLOW, STEP, Line, Turns


def test_short_renderings_know_nothing_of_each_other() -> None:
    """Any number at a time, up to the time that counts as long."""
    turns = Turns(Line(8))
    with turns.begin("a") as one, turns.begin("a") as two:
        one(LONG)
        two(LONG)


def test_a_long_one_waits_for_the_turn() -> None:
    """The second goes on as soon as the first is through, and not before."""
    turns = Turns(Line(8))
    order: list[str] = []

    def second() -> None:
        with turns.begin("b") as pace:
            pace(2 * LONG)
            order.append("second")

    with turns.begin("a") as pace:
        pace(2 * LONG)
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.05)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]


def test_services_have_turns_of_their_own() -> None:
    """A long page of one service stops none of another."""
    with Turns(Line(8)).begin("a") as pace, Turns(Line(8)).begin("a") as other:
        pace(2 * LONG)
        other(2 * LONG)


def test_who_waits_too_long_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the turn is free after that."""
    monkeypatch.setattr(module, "WAIT", 0.02)
    turns = Turns(Line(8))
    with turns.begin("a") as pace:
        pace(2 * LONG)
        with pytest.raises(ServiceBusy) as caught, turns.begin("b") as other:
            other(2 * LONG)
    assert caught.value.retry_after
    with turns.begin("b") as other:
        other(2 * LONG)


def test_an_error_gives_the_turn_back() -> None:
    """Whatever ends a rendering."""
    turns = Turns(Line(8))
    with suppress(TypeError), turns.begin("a") as pace:
        pace(2 * LONG)
        raise TypeError
    with turns.begin("b") as pace:
        pace(2 * LONG)


def test_a_slow_one_leaves_half_of_the_threads() -> None:
    """Of seven who wait with eight threads, three may go on waiting; four are sent away at once."""
    turns = Turns(Line(8), rest=lambda _seconds: None)
    sent_away: list[float] = []
    waiting = threading.Semaphore(0)

    def visitor(number: int) -> None:
        started = time.monotonic()
        with turns.begin(number) as pace:
            waiting.release()
            try:
                pace(2 * LONG)
            except ServiceBusy:
                sent_away.append(time.monotonic() - started)

    with ThreadPoolExecutor(7) as pool, turns.begin("slow") as pace:
        pace(2 * LONG)
        for number in range(7):
            pool.submit(visitor, number)
        for _ in range(7):
            assert waiting.acquire(timeout=5)
        until_all_wait(turns, 7)
        pace(2 * SLOW)
        until_all_wait(turns, 3)
    assert len(sent_away) == 4
    assert max(sent_away) < module.WAIT


def until_all_wait(turns: Turns, count: int) -> None:
    """Until so many stand in the line."""
    end = time.monotonic() + 5
    while turns._waiting != count:
        assert time.monotonic() < end, f"{turns._waiting} wait, not {count}"
        time.sleep(0.001)


def test_a_slow_page_is_not_begun_again_meanwhile() -> None:
    """Before anything is rendered; another page of the service is."""
    turns = Turns(Line(2), rest=lambda _seconds: None)
    with turns.begin("slow") as pace:
        pace(2 * SLOW)
        with turns.begin("other") as other:
            other(LONG)
        started = time.monotonic()
        with pytest.raises(ServiceBusy), turns.begin("slow"):
            raise AssertionError("it was begun")
        assert time.monotonic() - started >= module.WAIT / 2
    with turns.begin("slow") as pace:
        pace(LONG)


def test_a_slow_one_rests_after_each_step() -> None:
    """And only then: looks that follow each other closely cost nothing."""
    rests: list[float] = []
    with Turns(Line(8), rest=rests.append).begin("a") as pace:
        pace(SLOW)
        assert rests == []
        for look in range(11):
            pace(SLOW * 1.01 + look * STEP * 0.6)
    assert rests == [REST] * 6


def test_who_waited_looks_whether_there_is_any_use() -> None:
    """Both who waited before the first step and who did on the way; the turn is free after that."""
    turns = Turns(Line(8), rest=lambda _seconds: None)
    came: list[str] = []

    def no_use() -> None:
        raise LookupError

    def visitor(page: str, seconds: float) -> None:
        try:
            with turns.begin(page, no_use) as pace:
                pace(seconds)
        except LookupError:
            came.append(page)

    with ThreadPoolExecutor(2) as pool, turns.begin("slow") as pace:
        pace(2 * SLOW)
        pool.submit(visitor, "slow", 0.0)
        pool.submit(visitor, "other", 2 * LONG)
        until_all_wait(turns, 2)
    assert sorted(came) == ["other", "slow"]
    with turns.begin("slow") as pace:
        pace(2 * LONG)


def test_lines_of_all_services_together_leave_half_of_the_threads() -> None:
    """Where three wait at one service, of four who come to another one waits; one may, at each."""
    line = Line(8)
    one, other = (Turns(line, rest=lambda _seconds: None) for _ in range(2))
    sent_away: list[float] = []

    def visitor(turns: Turns, number: int) -> None:
        started = time.monotonic()
        try:
            with turns.begin(number) as pace:
                pace(2 * LONG)
        except ServiceBusy:
            sent_away.append(time.monotonic() - started)

    with ThreadPoolExecutor(7) as pool, one.begin("slow") as slow, other.begin("slow") as as_slow:
        slow(2 * SLOW)
        as_slow(2 * SLOW)
        for number in range(3):
            pool.submit(visitor, one, number)
        until_all_wait(one, 3)
        pool.submit(visitor, other, 3)
        until_all_wait(other, 1)
        for number in range(4, 7):
            pool.submit(visitor, other, number).result(module.WAIT / 2)
        assert (one._waiting, other._waiting, len(sent_away)) == (3, 1, 3)
    assert line.waiting == 0


def test_who_asks_somebody_else_has_no_turn() -> None:
    """Others go on meanwhile; the turn is taken again after it."""
    turns = Turns(Line(8), rest=lambda _seconds: None)
    with turns.begin("a") as pace:
        pace(2 * LONG)
        with pace.paused(), turns.begin("b") as other:
            other(2 * LONG)
        assert turns._holder is None
        pace(2 * LONG)
        assert turns._holder is pace
    assert turns._holder is None
