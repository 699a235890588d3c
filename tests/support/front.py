"""A front server reduced to what a rolling restart needs: an address that stays while programs change."""

from __future__ import annotations

import select
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_PIECE = 65536


class Front:
    """Passes connections on, in turn, to the programs that are behind it now. Thread-safe.

    Args:
        listener: where visitors come to.
    """

    def __init__(self, listener: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.taken: Counter[str] = Counter()
        """How many connections each program got so far."""
        self._behind: tuple[str, ...] = ()
        self._listener = listener

    def put(self, urls: Sequence[str]) -> None:
        """From now on new connections go to these programs; those that are open stay where they are."""
        self._behind = tuple(urls)

    def accept(self) -> None:
        """Takes connections until the listener is closed."""
        while True:
            try:
                visitor, _address = self._listener.accept()
            except OSError:
                return
            url = self._behind[self.taken.total() % len(self._behind)]
            self.taken[url] += 1
            threading.Thread(target=_pass_on, args=[visitor, url], daemon=True).start()


def _pass_on(visitor: socket.socket, url: str) -> None:
    parts = urlsplit(url)
    # A program that is not there, or breaks off: so does the connection.
    with visitor, suppress(OSError), socket.create_connection((parts.hostname, parts.port)) as program:
        other = {visitor: program, program: visitor}
        while True:
            for end in select.select(list(other), [], [])[0]:
                piece = end.recv(_PIECE)
                if not piece:
                    return
                other[end].sendall(piece)


@contextmanager
def run_front() -> Iterator[Front]:
    """A front on a free port of the loopback; nothing is behind it yet."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        front = Front(listener)
        thread = threading.Thread(target=front.accept, daemon=True)
        thread.start()
        try:
            yield front
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
