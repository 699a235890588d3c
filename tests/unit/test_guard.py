"""Places: never more than there are, few wait, not for long."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from plugit_wsgi.config import Limits
from plugit_wsgi.errors import ConfigError, ServiceBusy
from plugit_wsgi.guard import MOVING, HostPlaces, Places
from plugit_wsgi.testing.clock import FakeClock


class Still:
    """No time passes: a place that came back has just come back."""

    def time(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0


def places(count: int, *, waiters: int = 0, wait: float = 0.0) -> Places:
    return Places(count, waiters=waiters, wait=wait, clock=Still())


def family(total: int, *counts: int, waiters: int = 0, wait: float = 0.0, threads: int = 64) -> list[Places]:
    """Services of one host whose calls share `total` places."""
    host = HostPlaces(threads, Limits(total_places=total), FakeClock())
    found = [host.for_calls(Limits(service_places=count, busy_wait=wait)) for count in counts]
    for each in found:
        each._waiters = waiters
    return found


def is_full(found: Places) -> bool:
    try:
        found.take()
    except ServiceBusy:
        return True
    give_back(found)
    return False


def give_back(found: Places) -> None:
    """The place that was taken last."""
    found.give_back(found._since[-1])


def until(condition: Callable[[], bool]) -> None:
    """Waits for another thread to get somewhere."""
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.001)


def test_so_many_and_no_more() -> None:
    """One more is refused at once; one given back can be taken again."""
    found = places(3)
    for number in range(3):
        assert found.taken == number
        found.take()
    with pytest.raises(ServiceBusy, match="3 places") as caught:
        found.take()
    assert caught.value.status == 503
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 0
    assert found.taken == 3
    give_back(found)
    found.take()
    assert found.taken == 3


def test_held_gives_back_also_after_an_error() -> None:
    """Whatever happens inside."""
    found = places(1)
    with found.held():
        assert found.taken == 1
    with pytest.raises(RuntimeError), found.held():
        raise RuntimeError
    assert found.taken == 0
    found.take()
    with pytest.raises(ServiceBusy), found.held():
        pytest.fail("there was no place")
    assert found.taken == 1


def test_a_place_counts_in_all_of_the_family() -> None:
    """A full total refuses a service that has places, and a full service leaves the total to others."""
    one, other = family(3, 2, 3)
    one.take()
    one.take()
    assert is_full(one)
    other.take()
    assert is_full(other)
    give_back(one)
    assert not is_full(other)
    assert (one.taken, other.taken) == (1, 1)


def test_threads_never_have_more_than_there_are() -> None:
    """Twenty-four threads at once, two services, one total."""
    services = family(5, 3, 3, waiters=2, wait=0.002)
    start, lock = threading.Barrier(24), threading.Lock()
    inside, most = [0, 0], [0, 0, 0]

    def work(number: int) -> tuple[int, int]:
        mine, got, refused = number % 2, 0, 0
        start.wait(10)
        for _ in range(60):
            try:
                with services[mine].held():
                    with lock:
                        inside[mine] += 1
                        most[mine] = max(most[mine], inside[mine])
                        most[2] = max(most[2], sum(inside))
                    time.sleep(0.0002)
                    with lock:
                        inside[mine] -= 1
                got += 1
            except ServiceBusy:
                refused += 1
        return got, refused

    with ThreadPoolExecutor(24) as threads:
        counts = list(threads.map(work, range(24)))
    assert most[0] <= 3
    assert most[1] <= 3
    assert 3 <= most[2] <= 5 + 1  # one more for a service whose places come back
    assert sum(got for got, _ in counts) > 0
    assert sum(refused for _, refused in counts) > 0
    assert (services[0].taken, services[1].taken) == (0, 0)


def test_a_burst_takes_exactly_what_there_is() -> None:
    """All at the same moment, nobody gives back: so many get one, everybody else is refused."""
    found, start = places(4), threading.Barrier(16)

    def take(_number: int) -> bool:
        start.wait(10)
        try:
            found.take()
        except ServiceBusy:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(take, range(16))) == 4
    assert found.taken == 4


def test_a_waiter_waits_no_longer_than_allowed() -> None:
    """Then it is refused."""
    found = places(1, waiters=1, wait=0.05)
    found.take()
    before = time.monotonic()
    with pytest.raises(ServiceBusy):
        found.take()
    assert 0.045 <= time.monotonic() - before < 0.5


def test_one_given_back_wakes_a_waiter() -> None:
    """Long before its time is over."""
    found = places(1, waiters=1, wait=5.0)
    found.take()
    with ThreadPoolExecutor(1) as threads:
        before = time.monotonic()
        waiting = threads.submit(found.take)
        until(lambda: found._waiting == 1)
        give_back(found)
        waiting.result(5)
    assert time.monotonic() - before < 2
    assert found.taken == 1


def test_a_waiter_is_woken_by_another_service_of_the_total() -> None:
    """The place it waits for may be held by somebody else's call."""
    one, other = family(1, 1, 1, waiters=1, wait=5.0, threads=1)
    one.take()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(other.take)
        until(lambda: other._waiting == 1)
        give_back(one)
        waiting.result(5)
    assert (one.taken, other.taken) == (0, 1)


def test_only_so_many_wait() -> None:
    """The next one is refused at once: a waiting line of any length would be the harm itself."""
    found = places(1, waiters=2, wait=5.0)
    found.take()
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(found.take) for _ in range(2)]
        until(lambda: found._waiting == 2)
        before = time.monotonic()
        for _ in range(20):
            with pytest.raises(ServiceBusy):
                found.take()
        assert time.monotonic() - before < 1
        give_back(found)
        until(lambda: sum(item.done() for item in waiting) == 1)
        assert found.taken == 1
        give_back(found)
        for item in waiting:
            item.result(5)
    assert found.taken == 1


def test_who_waits_does_not_keep_others_from_giving_back() -> None:
    """No lock is held while waiting, also none of another service of the family."""
    one, other = family(4, 1, 1, waiters=1, wait=0.3)
    one.take()
    give_back(one)  # it is moving
    one.take()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(is_full, one)
        until(lambda: one._waiting == 1)
        before = time.monotonic()
        other.take()
        give_back(other)
        assert time.monotonic() - before < 0.2
        assert waiting.result(5)


def test_a_waiter_that_gave_up_leaves_its_chair() -> None:
    """The next may wait."""
    found = places(1, waiters=1, wait=0.02)
    found.take()
    for _ in range(3):
        before = time.monotonic()
        with pytest.raises(ServiceBusy):
            found.take()
        assert time.monotonic() - before >= 0.018


@pytest.mark.parametrize(
    ("threads", "calls", "service", "streams", "waiters"),
    [
        (1, 1, 1, 1, 1),
        (2, 1, 1, 1, 1),
        (4, 3, 2, 1, 1),
        (8, 6, 4, 2, 1),
        (16, 12, 8, 4, 2),
        (32, 24, 16, 8, 4),
    ],
)
def test_defaults(threads: int, calls: int, service: int, streams: int, waiters: int) -> None:
    """Calls: three quarters, half for one service, a waiter for 8 threads. Streams: what calls leave."""
    host = HostPlaces(threads, Limits(), FakeClock())
    one, files = host.for_calls(Limits()), host.for_streams(Limits())
    assert (host.calls, one.count, host.streams, files.count) == (calls, service, streams, streams)
    assert (one._waiters, one._wait, files._waiters) == (waiters, 0.05, 0)


def taken_of(*found: Places) -> int:
    """How many can be taken of these, until all are full."""
    count = 0
    for item in found:
        for _ in range(100):
            try:
                item.take()
            except ServiceBusy:
                break
            count += 1
    return count


@pytest.mark.parametrize(("threads", "left"), [(2, 1), (4, 1), (8, 1), (16, 2), (32, 4)])
@pytest.mark.parametrize("streams_first", [False, True])
def test_some_threads_always_stay(threads: int, left: int, streams_first: bool) -> None:
    """For the host's own pages and the API: calls and streams of three services never take all threads."""
    host = HostPlaces(threads, Limits(), FakeClock())
    calls = [host.for_calls(Limits()) for _ in range(3)]
    files = [host.for_streams(Limits()) for _ in range(3)]
    order = [*files, *calls] if streams_first else [*calls, *files]
    assert threads - left - 1 <= taken_of(*order) <= threads - left


def test_a_stream_takes_no_place_of_a_page() -> None:
    """And the other way round; both count as threads."""
    host = HostPlaces(8, Limits(), FakeClock())
    calls, files = host.for_calls(Limits()), host.for_streams(Limits())
    assert (taken_of(files), calls.taken) == (2, 0)
    assert (taken_of(calls), files.taken) == (4, 2)


def test_limits_say_else() -> None:
    """Each count can be named."""
    limits = Limits(total_places=20, service_places=7, service_streams=9, busy_wait=0.2)
    host = HostPlaces(32, limits, FakeClock())
    one = host.for_calls(limits)
    assert (host.calls, host.streams, one.count, one._wait) == (20, 12, 7, 0.2)
    assert host.for_streams(limits).count == 9


@pytest.mark.parametrize("name", ["total_places", "service_places"])
def test_there_are_no_more_places_than_threads(name: str) -> None:
    """Such a number would keep nothing for anybody else."""
    HostPlaces(8, Limits(**{name: 8}), FakeClock())
    with pytest.raises(ConfigError, match=rf"Limits\.{name}: got 9, expected at most threads=8"):
        HostPlaces(8, Limits(**{name: 9}), FakeClock())


def test_nobody_waits_where_no_place_comes_back() -> None:
    """At a service that hangs, waiting would only hold one more thread."""
    clock = FakeClock()
    found = Places(1, waiters=1, wait=5.0, clock=clock)
    found.take()
    give_back(found)
    found.take()
    clock.advance(MOVING + 0.01)
    before = time.monotonic()
    with pytest.raises(ServiceBusy):
        found.take()
    assert time.monotonic() - before < 0.5


def test_nobody_waits_where_a_quick_answer_comes_between_slow_ones() -> None:
    """The meta of a service whose actions hang: two of three places have been away for long."""
    clock = FakeClock()
    found = Places(3, waiters=1, wait=5.0, clock=clock)
    for _ in range(2):
        found.take()
    clock.advance(MOVING + 0.01)
    found.take()
    give_back(found)
    assert not found.is_moving
    found.take()
    with pytest.raises(ServiceBusy):
        found.take()


def test_places_come_back_beside_a_single_slow_one() -> None:
    """A long report keeps nobody from waiting for the quick pages."""
    clock = FakeClock()
    found = Places(3, waiters=1, wait=0.0, clock=clock)
    found.take()
    clock.advance(MOVING + 0.01)
    found.take()
    assert found.is_moving


def test_a_service_without_a_call_finds_a_place_beside_others_that_hang() -> None:
    """Three that hang take what they can get; the fourth still has one, and one more while it is quick."""
    host = HostPlaces(8, Limits(), FakeClock())
    *bad, good = [host.for_calls(Limits()) for _ in range(4)]
    assert taken_of(*bad) == 5
    assert [each.taken for each in bad] == [3, 1, 1]
    for _ in range(2):
        good.take()
        give_back(good)
    good.take()
    good.take()
    assert is_full(good)
    assert all(is_full(each) for each in bad)


def test_quick_answers_do_not_win_places_for_calls_that_hang() -> None:
    """Two hang after a quick answer, two are quick, and find room whenever they are called."""
    host = HostPlaces(8, Limits(), FakeClock())
    slow, quick = ([host.for_calls(Limits()) for _ in range(2)] for _ in range(2))
    for place in slow:
        place.take()
        give_back(place)  # its meta
    for called in (quick, quick[:1], quick[1:]):
        for place in called:
            place.take()
        taken_of(*slow)
        for place in called:
            give_back(place)
        taken_of(*slow)
    assert sum(place.taken for place in slow) <= host.together - 2


def test_three_that_hang_after_a_quick_answer_leave_a_place() -> None:
    """One answer, the meta, is no sign of a service whose places come back."""
    host = HostPlaces(8, Limits(), FakeClock())
    *slow, good = [host.for_calls(Limits()) for _ in range(4)]
    for place in slow:
        place.take()
        give_back(place)
        taken_of(place)
    assert sum(place.taken for place in slow) < host.together
    good.take()


@pytest.mark.parametrize("count", [3, 4, 6])
def test_many_that_look_quick_before_they_hang_leave_a_place(count: int) -> None:
    """However many answers come at once before those that do not."""
    host = HostPlaces(8, Limits(), FakeClock())
    *bad, good = [host.for_calls(Limits()) for _ in range(count + 1)]
    for place in bad:
        for _ in range(6):
            place.take()
            give_back(place)
    for _ in range(6):
        for place in bad:
            with suppress(ServiceBusy):
                place.take()
    assert all(place.taken for place in bad)
    good.take()


def test_with_more_services_than_places_half_of_them_is_kept_free() -> None:
    """So that one busy service does not wait for forty idle ones."""
    host = HostPlaces(8, Limits(), FakeClock())
    services = [host.for_calls(Limits()) for _ in range(40)]
    assert taken_of(services[0]) == 3
    assert taken_of(services[1]) == 1


def test_a_service_alone_has_all_its_places() -> None:
    """Nothing is kept free for nobody."""
    host = HostPlaces(8, Limits(), FakeClock())
    assert taken_of(host.for_calls(Limits())) == 4


def test_threads_are_logged_at_start(caplog: pytest.LogCaptureFixture) -> None:
    """The one number that nobody can find out."""
    with caplog.at_level(logging.INFO, "plugit_wsgi.guard"):
        HostPlaces(8, Limits(), FakeClock())
    assert "8 threads" in caplog.text


def test_deployments_of_a_service_are_one_to_the_others() -> None:
    """Nothing more is kept free because a service has variants, and each has places of its own."""
    host = HostPlaces(8, Limits(), FakeClock())
    main = host.for_calls(Limits())
    variants = [host.for_calls(Limits(), main) for _ in range(3)]
    alone = HostPlaces(8, Limits(), FakeClock()).for_calls(Limits())
    assert taken_of(main) == taken_of(alone) == 4
    assert [each.taken for each in variants] == [0, 0, 0]


def test_a_variant_leaves_the_last_place_to_a_service_without_a_call() -> None:
    """A service that has some at another of its deployments is none without."""
    host = HostPlaces(8, Limits(), FakeClock())
    main = host.for_calls(Limits())
    variant = host.for_calls(Limits(), main)
    *others, idle = (host.for_calls(Limits()) for _ in range(4))
    assert taken_of(main, *others) == 6
    assert is_full(variant)
    assert taken_of(idle) == 1


def test_a_deployment_that_goes_leaves_its_service() -> None:
    """What is kept free ends with the last one; calls under way count until they end."""
    host = HostPlaces(8, Limits(), FakeClock())
    main, files = host.for_calls(Limits()), host.for_streams(Limits())
    variant, more = host.for_calls(Limits(), main), host.for_streams(Limits(), files)
    assert (host._idle, host._services) == (1, 1)
    since = variant.take()
    assert host._idle == 0
    host.leave(variant, more)
    assert (host._idle, host._services) == (0, 1)
    variant.give_back(since)
    assert (host._idle, host._services) == (1, 1)
    host.leave(main, files)
    assert (host._idle, host._services, host._calls_taken) == (0, 0, 0)
