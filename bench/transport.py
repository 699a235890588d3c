"""What one exchange with a service costs: CPU of this process, in microseconds.

Compares a bare http.client connection, a requests session, urllib3's pool and our transports, taking turns,
against a small service in a process of its own. Prints medians of CPU time for one GET of 200 bytes over a
kept connection, and for a POST, which gets a connection of its own::

    python bench/transport.py [--rounds 40] [--calls 200]
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import socket
import statistics
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import requests
import urllib3

from plugit_wsgi.clock import Deadline, SystemClock
from plugit_wsgi.config import Limits
from plugit_wsgi.interfaces import ServiceRequest
from plugit_wsgi.transport.base import KeptTransport
from plugit_wsgi.transport.curl import CurlTransport
from plugit_wsgi.transport.requests import RequestsTransport

ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: 200\r\n\r\n" + b"x" * 200
)


def serve(started: Connection) -> None:
    """Answers everything with `ANSWER`, one connection at a time per thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    started.send(listener.getsockname()[1])
    while True:
        peer, _ = listener.accept()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=answer, args=[peer], daemon=True).start()


def answer(peer: socket.socket) -> None:
    """Answers one connection."""
    got = b""
    while data := peer.recv(65536):
        got += data
        while b"\r\n\r\n" in got:
            got = got.partition(b"\r\n\r\n")[2]
            peer.sendall(ANSWER)


def contestants(port: int) -> dict[str, Callable[[], Any]]:
    """One callable a client: an exchange, body included."""
    base = f"http://127.0.0.1:{port}"
    bare = http.client.HTTPConnection("127.0.0.1", port)
    session = requests.Session()
    session.trust_env = False
    pool = urllib3.HTTPConnectionPool("127.0.0.1", port, retries=False)
    clock = SystemClock()
    headers = {f"X-Plugit-{number}": "value" for number in range(6)}
    lines = tuple(headers.items())

    def by_http_client() -> bytes:
        bare.request("GET", "/action/x", headers=headers)
        return bare.getresponse().read()

    def by(kind: type[KeptTransport], method: str) -> Callable[[], bytes]:
        ours = kind(base, limits=Limits(), clock=clock)

        def call() -> bytes:
            deadline = Deadline.after(5, clock)
            request = ServiceRequest(method=method, target="action/x", headers=lines, deadline=deadline)
            return ours.send(request).read(1024)

        return call

    return {
        "http.client": by_http_client,
        "urllib3 pool": lambda: pool.request("GET", "/action/x", headers=headers).data,
        "requests.Session": lambda: session.get(f"{base}/action/x", headers=headers, timeout=5).content,
        "RequestsTransport": by(RequestsTransport, "GET"),
        "CurlTransport": by(CurlTransport, "GET"),
        "RequestsTransport, POST": by(RequestsTransport, "POST"),
        "CurlTransport, POST": by(CurlTransport, "POST"),
    }


def measure(call: Callable[[], Any], calls: int) -> float:
    """CPU microseconds of one call."""
    before = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - before) / calls * 1e6


def main() -> None:
    """Takes turns, and prints the medians."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--calls", type=int, default=200)
    options = parser.parse_args()
    here, there = multiprocessing.Pipe(duplex=False)
    service = multiprocessing.Process(target=serve, args=[there], daemon=True)
    service.start()
    clients = contestants(here.recv())
    taken: dict[str, list[float]] = {name: [] for name in clients}
    for _ in range(options.rounds):
        for name, call in clients.items():
            taken[name].append(measure(call, options.calls))
    for name, times in taken.items():
        print(f"{name:24} {statistics.median(times):7.1f} us")
    service.terminate()
    service.join()


if __name__ == "__main__":
    main()
