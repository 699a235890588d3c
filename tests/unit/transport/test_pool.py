from __future__ import annotations

import threading

from plugit_wsgi.transport.pool import Pool


class FakeConnection:
    def __init__(self) -> None:
        self.quiet = True
        self.closed = 0

    def is_quiet(self) -> bool:
        return self.quiet

    def close(self) -> None:
        self.closed += 1


def test_the_last_used_comes_first() -> None:
    """The one most likely to be open still."""
    pool = Pool(FakeConnection, 3)
    given = [FakeConnection() for _ in range(3)]
    for connection in given:
        pool.give(connection)
    assert [pool.take(fresh=False) for _ in range(3)] == given[::-1]


def test_keeps_no_more_than_its_size() -> None:
    """The oldest goes."""
    pool = Pool(FakeConnection, 2)
    given = [FakeConnection() for _ in range(3)]
    for connection in given:
        pool.give(connection)
    assert [connection.closed for connection in given] == [1, 0, 0]


def test_size_zero_keeps_none() -> None:
    """Every exchange has a connection of its own then."""
    pool = Pool(FakeConnection, 0)
    pool.give(connection := FakeConnection())
    assert connection.closed == 1


def test_passes_over_those_that_are_not_quiet() -> None:
    """An end, or bytes nobody asked for: closed, not used."""
    pool = Pool(FakeConnection, 3)
    good, bad = FakeConnection(), FakeConnection()
    pool.give(good)
    pool.give(bad)
    bad.quiet = False
    assert pool.take(fresh=False) is good
    assert (good.closed, bad.closed) == (0, 1)
    assert pool.take(fresh=False) not in (good, bad)


def test_a_fresh_one_takes_the_place_of_the_oldest() -> None:
    """Many unsafe requests do not heap up connections."""
    pool = Pool(FakeConnection, 3)
    old, young = FakeConnection(), FakeConnection()
    pool.give(old)
    pool.give(young)
    assert pool.take(fresh=True) not in (old, young)
    assert (old.closed, young.closed) == (1, 0)


def test_closed_it_closes_what_is_given() -> None:
    """A connection that was in use when the pool closed is not forgotten."""
    pool = Pool(FakeConnection, 3)
    idle, used = FakeConnection(), FakeConnection()
    pool.give(idle)
    pool.close()
    pool.give(used)
    assert (idle.closed, used.closed) == (1, 1)


def test_no_connection_is_handed_out_twice() -> None:
    """Many threads at once: whatever is taken belongs to one of them."""
    pool = Pool(FakeConnection, 4)
    together = threading.Barrier(8)
    in_use: set[int] = set()
    twice = []

    def work() -> None:
        together.wait(5)
        for turn in range(500):
            connection = pool.take(fresh=turn % 7 == 0)
            if id(connection) in in_use or connection.closed:
                twice.append(connection)
            in_use.add(id(connection))
            in_use.discard(id(connection))
            pool.give(connection)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert twice == []
