"""What every store of mail does: a suite to inherit from.

::

    class TestMemoryMailStore(MailStoreContract):
        def make_store(self, clock):
            return MemoryMailStore(clock=clock)
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import pytest

from ..mail.store import LEASE, MailStore, QueuedMessage, ReplyAddress
from .clock import FakeClock

__all__ = ["MailStoreContract"]

MESSAGE: Final = b"Subject: x\r\n\r\n\x00\xff body\r\n"
WORKERS: Final = 4
T = TypeVar("T")


def together(call: Callable[[int], T], count: int = WORKERS) -> list[T]:
    """What so many threads got that began at the same moment."""
    barrier = threading.Barrier(count)

    def run(number: int) -> T:
        barrier.wait(timeout=10)
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


class MailStoreContract:
    """Inherit, and say how a store is made."""

    def make_store(self, clock: FakeClock) -> MailStore:
        """An empty store."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> FakeClock:
        """The store's time."""
        return FakeClock()

    @pytest.fixture
    def store(self, clock: FakeClock) -> MailStore:
        """A new store."""
        return self.make_store(clock)

    def test_an_address_is_found_by_its_id(self, store: MailStore, clock: FakeClock) -> None:
        """Under an id of 16 characters that is another one each time; what was not issued is not there."""
        address = ReplyAddress("polls", "answer é 7", clock.time() + 10.5)
        ids = [store.issue(address) for _number in range(20)]
        assert len(set(ids)) == 20
        assert all(re.fullmatch("[a-z2-7]{16}", id) for id in ids)
        assert [store.find(id) for id in ids] == [address] * 20
        assert store.find("a" * 16) is None
        assert store.find("") is None

    def test_expired_addresses_are_forgotten_when_pruned(self, store: MailStore, clock: FakeClock) -> None:
        """Until then they are told, with their time; others stay."""
        old = store.issue(ReplyAddress("polls", "1", clock.time() + 1))
        young = store.issue(ReplyAddress("polls", "2", clock.time() + 100))
        clock.advance(2)
        assert store.find(old) == ReplyAddress("polls", "1", clock.time() - 1)
        store.prune(clock.time())
        assert store.find(old) is None
        assert store.find(young) is not None

    def test_a_reply_is_new_once(self, store: MailStore) -> None:
        """Then a repeat until it is finished, then done for good; each key for itself."""
        assert [store.begin_reply("k" * 128) for _time in range(3)] == ["new", "repeat", "repeat"]
        store.finish_reply("k" * 128)
        assert [store.begin_reply("k" * 128) for _time in range(2)] == ["done", "done"]
        assert store.begin_reply("other") == "new"

    def test_replies_are_remembered_when_pruned(self, store: MailStore, clock: FakeClock) -> None:
        """For a year and more."""
        store.begin_reply("key")
        store.finish_reply("key")
        clock.advance(366 * 86400)
        store.prune(clock.time())
        assert store.begin_reply("key") == "done"
        clock.advance(400 * 86400)
        store.prune(clock.time())
        assert store.begin_reply("key") == "new"

    def test_a_reply_is_new_for_one_worker(self, store: MailStore) -> None:
        """Of all that begin it at the same moment."""
        assert Counter(together(lambda _number: store.begin_reply("key"))) == {
            "new": 1,
            "repeat": WORKERS - 1,
        }

    def test_a_quota_is_taken_whole_or_not(self, store: MailStore, clock: FakeClock) -> None:
        """And says how long to wait; each service has its own; the next hour is a new one."""
        now = clock.time() // 3600 * 3600 + 600
        assert store.spend("polls", 7, 10, now) == 0
        assert store.spend("polls", 4, 10, now) == 3000
        assert store.spend("polls", 3, 10, now) == 0
        assert store.spend("polls", 1, 10, now + 2999) == pytest.approx(1)
        assert store.spend("notes", 10, 10, now) == 0
        store.prune(now)
        assert store.spend("polls", 1, 10, now) > 0
        assert store.spend("polls", 11, 10, now + 3000) > 0
        assert store.spend("polls", 10, 10, now + 3000) == 0

    def test_a_quota_holds_for_all_workers_together(self, store: MailStore, clock: FakeClock) -> None:
        """However they come."""
        found = together(lambda _number: [store.spend("polls", 1, 10, clock.time()) for _ in range(5)])
        assert sum(wait == 0 for waits in found for wait in waits) == 10

    def test_what_is_queued_comes_out_as_it_went_in(self, store: MailStore, clock: FakeClock) -> None:
        """The oldest first, as many as are wanted."""
        for number in range(3):
            store.enqueue(MESSAGE, f"bounces{number}@x", ("a@x", "é@x"), service="polls")
        assert store.waiting() == 3
        found = store.due(clock.time(), 2)
        assert [message.sender for message in found] == ["bounces0@x", "bounces1@x"]
        first = found[0]
        assert (first.message, first.recipients, first.service) == (MESSAGE, ("a@x", "é@x"), "polls")
        assert (first.attempts, first.reason) == (1, "")
        assert [message.sender for message in store.due(clock.time(), 9)] == ["bounces2@x"]
        assert store.due(clock.time(), 9) == []

    def test_what_is_sent_is_forgotten(self, store: MailStore, clock: FakeClock) -> None:
        """Also when it is said twice."""
        leased = self._lease(store, clock)
        for _time in range(2):
            store.sent(leased.id)
        clock.advance(2 * LEASE)
        assert store.due(clock.time(), 9) == []
        assert store.waiting() == 0
        store.sent("nonsense")

    def test_a_lease_ends_by_itself(self, store: MailStore, clock: FakeClock) -> None:
        """Somebody else gets the message then; what the first one says of a failure is too late."""
        first = self._lease(store, clock)
        clock.advance(LEASE - 1)
        assert store.due(clock.time(), 9) == []
        clock.advance(2)
        (second,) = store.due(clock.time(), 9)
        assert (second.message, second.attempts) == (first.message, 2)
        store.failed(first.id, clock.time())
        store.failed(first.id, None)
        assert store.due(clock.time(), 9) == []
        assert store.set_aside() == []
        store.sent(second.id)
        assert store.waiting() == 0

    def test_what_failed_is_due_later(self, store: MailStore, clock: FakeClock) -> None:
        """At the time that was said, and counted."""
        leased = self._lease(store, clock)
        store.failed(leased.id, clock.time() + 60, reason="451 later")
        clock.advance(59)
        assert store.due(clock.time(), 9) == []
        clock.advance(1)
        (again,) = store.due(clock.time(), 9)
        assert (again.attempts, again.recipients) == (2, leased.recipients)

    def test_what_is_given_up_is_set_aside(self, store: MailStore, clock: FakeClock) -> None:
        """It is kept with the reason, never due, and can be put back."""
        leased = self._lease(store, clock)
        store.failed(leased.id, None, reason="550 no such user")
        clock.advance(2 * LEASE)
        assert store.due(clock.time(), 9) == []
        assert store.waiting() == 0
        (kept,) = store.set_aside()
        assert (kept.message, kept.recipients, kept.reason) == (MESSAGE, ("a@x", "b@x"), "550 no such user")
        assert store.put_back(kept.id) is True
        assert store.put_back(kept.id) is False
        (again,) = store.due(clock.time(), 9)
        assert (again.attempts, again.reason) == (1, "")
        assert store.set_aside() == []

    def test_a_reason_is_never_empty(self, store: MailStore, clock: FakeClock) -> None:
        """What is set aside says so."""
        store.failed(self._lease(store, clock).id, None)
        assert [kept.reason for kept in store.set_aside()] == ["given up"]

    def test_only_those_who_do_not_have_it_are_tried_again(self, store: MailStore, clock: FakeClock) -> None:
        """And those who never will are set aside alone."""
        store.enqueue(MESSAGE, "bounces@x", ("a@x", "b@x", "c@x"), service="polls")
        (leased,) = store.due(clock.time(), 1)
        store.failed(leased.id, clock.time(), again=["b@x"], refused=["c@x"], reason="550 no")
        (again,) = store.due(clock.time(), 9)
        assert again.recipients == ("b@x",)
        (kept,) = store.set_aside()
        assert (kept.recipients, kept.message, kept.reason) == (("c@x",), MESSAGE, "550 no")
        store.failed(again.id, clock.time(), again=[], refused=["b@x"], reason="550 too")
        assert store.waiting() == 0
        assert [kept.recipients for kept in store.set_aside()] == [("c@x",), ("b@x",)]
        assert len(store.set_aside(limit=1)) == 1

    def test_two_workers_never_have_the_same_message(self, store: MailStore, clock: FakeClock) -> None:
        """Whenever they ask at the same moment; and together they get all."""
        for number in range(40):
            store.enqueue(b"%d" % number, "bounces@x", ("a@x",), service="polls")
        seen: list[bytes] = []
        for _turn in range(20):
            for found in together(lambda _number: store.due(clock.time(), 3)):
                seen += [message.message for message in found]
        assert Counter(seen) == {b"%d" % number: 1 for number in range(40)}

    def _lease(self, store: MailStore, clock: FakeClock) -> QueuedMessage:
        store.enqueue(MESSAGE, "bounces@x", ("a@x", "b@x"), service="polls")
        (leased,) = store.due(clock.time(), 1)
        return leased
