"""Load: what wrk tells is read; our own driver asks; processes are read from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
from bench.driver import ask, fetch, read_wrk
from bench.processes import cpu_time, memory, tree, wait_for_rest
from bench.service import Handler

WRK = """Running 1s test @ http://127.0.0.1:8000/
  1 threads and 4 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.00ms    1.00ms   9.00ms   90.00%
  1234 requests in 1.10s, 5.50MB read
  Socket errors: connect 1, read 40, write 2, timeout 3
  Non-2xx or 3xx responses: 7
Requests/sec:   1121.00
"""


@pytest.fixture
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_text_of_wrk_is_read() -> None:
    load = read_wrk(WRK, connections=4)
    assert (load.requests, load.served, load.seconds) == (1234, 1238, 1.1)
    assert load.size == int(5.5 * 1024 * 1024)
    assert load.wrong == 7 + 1 + 2 + 3


def test_another_text_is_not() -> None:
    with pytest.raises(ValueError, match="not the text of wrk"):
        read_wrk("unable to connect", connections=4)


def test_our_own_driver_takes_turns_and_counts(service: str) -> None:
    load = ask(service, ["/media/picture.png", "/nothing"], 0.2)
    assert load.requests > 4
    assert load.wrong in (load.requests // 2, (load.requests - 1) // 2)
    assert load.size == (load.requests - load.wrong) * 16 * 1024


def test_the_service_keeps_what_it_was_asked_and_answers_parts(service: str) -> None:
    assert fetch(service, "/media/large.bin", {"Range": "bytes=100-199"}) == (206, bytes(100))
    assert fetch(service, "/media/large.bin", {"If-None-Match": '"1"'}) == (304, b"")
    assert fetch(service, "/meta/slow-20")[1] == fetch(service, "/meta/page")[1]
    assert b'"/media/large.bin": ' in fetch(service, "/asked")[1]


def test_a_process_is_read_with_those_below_it() -> None:
    burn = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**8))'])"
    process = subprocess.Popen([sys.executable, "-c", burn])
    try:
        while len(tree(process.pid)) < 2:
            assert process.poll() is None
        before = cpu_time(process.pid)
        wait_for_rest(process.pid, within=0.2)
        assert cpu_time(process.pid) > before + 0.02
        assert memory(process.pid) > 5_000_000
    finally:
        for pid in reversed(tree(process.pid)):
            os.kill(pid, 9)
        process.wait()
