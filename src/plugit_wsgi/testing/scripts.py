"""A server that misbehaves to the byte: it plays a script for each request, on a raw socket."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

KEPT_BODY: Final = 1024 * 1024
BACKLOG: Final = 128


@dataclass(frozen=True, slots=True)
class Pause:
    """Waits `seconds`. Immutable."""

    seconds: float

    def play(self, _peer: socket.socket, over: threading.Event) -> None:
        """Or until all is over."""
        over.wait(self.seconds)


@dataclass(frozen=True, slots=True)
class Hang:
    """Waits until the other side is gone, at most `seconds`. Immutable."""

    seconds: float = 3600.0

    def play(self, peer: socket.socket, over: threading.Event) -> None:
        """Or until all is over.

        Raises:
            ConnectionError: the other side is gone.
        """
        end = time.monotonic() + self.seconds
        while time.monotonic() < end and not over.wait(0.05):
            if select.select([peer], [], [], 0)[0] and not peer.recv(1, socket.MSG_PEEK):
                raise ConnectionError("nobody waits any more")


@dataclass(frozen=True, slots=True)
class Until:
    """Waits for an event, which a test sets. Immutable."""

    event: threading.Event

    def play(self, _peer: socket.socket, _over: threading.Event) -> None:
        """At most 10 s."""
        self.event.wait(10)


@dataclass(frozen=True, slots=True)
class Drip:
    """Sends a byte at a time, with `seconds` between them. Immutable."""

    data: bytes
    seconds: float

    def play(self, peer: socket.socket, over: threading.Event) -> None:
        """Or until all is over."""
        for value in self.data:
            peer.sendall(bytes([value]))
            if over.wait(self.seconds):
                return


@dataclass(frozen=True, slots=True)
class Sip:
    """Reads `size` bytes every `seconds`, until nothing comes. Immutable."""

    size: int
    seconds: float

    def play(self, peer: socket.socket, over: threading.Event) -> None:
        """Or until all is over."""
        while peer.recv(self.size) and not over.wait(self.seconds):
            pass


@dataclass(frozen=True, slots=True)
class Close:
    """Ends the connection; with `reset`, by RST. Immutable."""

    reset: bool = False

    def play(self, peer: socket.socket, _over: threading.Event) -> None:
        """What comes before the end."""
        if self.reset:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Step = bytes | Pause | Hang | Drip | Close | Until | Sip
Script = Iterable[Step]
HANG: Final = Pause(3600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request, as it came. Immutable.

    Attributes:
        connection: its number, from 0.
        head: without the empty line.
        body: its first MiB.
        length: bytes of the body.
    """

    connection: int
    head: bytes
    body: bytes
    length: int

    @property
    def target(self) -> bytes:
        """What stands between method and version."""
        return self.head.partition(b"\r\n")[0].split(b" ")[1]

    @property
    def method(self) -> bytes:
        """The first word."""
        return self.head.partition(b" ")[0]

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Names in lower case, and values."""
        pairs = [line.partition(b":") for line in self.head.split(b"\r\n")[1:]]
        return [(name.lower(), value.strip()) for name, _, value in pairs]


def ok(body: bytes = b"ok", *lines: bytes) -> bytes:
    """A proper answer."""
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join([b"HTTP/1.1 200 OK", length, *lines, b"", body])


class ToxicServer:
    """Plays a script for each request. Thread-safe; a context manager.

    Args:
        scripts: for the first request, the second and so on over all connections, the last one for all that
            follow; or a function from request to script. None answers ``ok``.
        greeting: steps for each connection, before it is listened to.
        tls: to speak TLS.
        address: host and port to listen at; port 0 is any.
        kept: how many requests are remembered; None is all of them.

    Attributes:
        requests: what came, in order.
        connections: how many came.
    """

    def __init__(
        self,
        scripts: Sequence[Script] | Callable[[Received], Script] | None = None,
        *,
        greeting: Script = (),
        tls: ssl.SSLContext | None = None,
        address: tuple[str, int] = ("127.0.0.1", 0),
        kept: int | None = None,
    ) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self._respond = scripts if callable(scripts) else self._in_turn(scripts or [[ok()]])
        self._greeting = greeting
        self._tls = tls
        self._kept = kept
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._spawning = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._waiting: list[socket.socket] = []
        self._listener = socket.create_server(address, backlog=BACKLOG)
        self.host, self.port = self._listener.getsockname()[:2]

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http{'s' if self._tls else ''}://{self.host}:{self.port}"

    @property
    def open_connections(self) -> int:
        """How many are open now."""
        with self._lock:
            return len(self._sockets)

    def __enter__(self) -> ToxicServer:
        self._spawn(self._accept, self._listener)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.refuse()
        with self._spawning:
            threads = self._threads.copy()
        for thread in threads:
            thread.join(5)

    def refuse(self) -> None:
        """Stops listening and ends all connections: whoever connects is refused."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        while self._waiting:
            self._waiting.pop().close()
        with self._lock:
            for peer in self._sockets:
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)

    def swallow(self) -> None:
        """Becomes a black hole: who connects is not answered at all. On Linux: its queue is full."""
        self.refuse()
        self._listener = socket.create_server((self.host, self.port), backlog=0)
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex((self.host, self.port))
            self._waiting.append(client)

    def listen(self) -> None:
        """Listens again, at the same port, after `refuse` or `swallow`."""
        self.refuse()
        self._listener = socket.create_server((self.host, self.port), backlog=BACKLOG)
        self._spawn(self._accept, self._listener)

    def _in_turn(self, scripts: Sequence[Script]) -> Callable[[Received], Script]:
        return lambda _: scripts[min(len(self.requests), len(scripts)) - 1]

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        def run() -> None:
            try:
                target(*args)
            finally:
                with self._spawning:
                    self._threads.discard(thread)

        thread = threading.Thread(target=run, daemon=True)
        with self._spawning:
            thread.start()
            self._threads.add(thread)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                number, self.connections = self.connections, self.connections + 1
            self._spawn(self._serve, peer, number)

    def _serve(self, peer: socket.socket, number: int) -> None:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._tls is not None:
                peer = self._tls.wrap_socket(peer, server_side=True)
        except OSError:
            peer.close()
            return
        with self._lock:
            self._sockets.add(peer)
        try:
            self._talk(peer, number)
        except OSError:
            pass
        finally:
            with self._lock:
                self._sockets.discard(peer)
            peer.close()

    def _talk(self, peer: socket.socket, number: int) -> None:
        if not self._play(peer, self._greeting):
            return
        while (request := _read_request(peer, number)) is not None:
            with self._lock:
                if self._kept is None or len(self.requests) < self._kept:
                    self.requests.append(request)
                script = self._respond(request)
            if not self._play(peer, script):
                return

    def _play(self, peer: socket.socket, script: Script) -> bool:
        """Whether the connection goes on."""
        for step in script:
            if isinstance(step, bytes):
                peer.sendall(step)
            else:
                step.play(peer, self._over)
            if isinstance(step, Close):
                return False
        return not self._over.is_set()


def _read_request(peer: socket.socket, number: int) -> Received | None:
    got = b""
    while b"\r\n\r\n" not in got:
        data = peer.recv(65536)
        if not data:
            return None
        got += data
    head, _, body = got.partition(b"\r\n\r\n")
    lines = Received(connection=number, head=head, body=b"", length=0).headers
    expected = int(dict(lines).get(b"content-length", b"0"))
    length = len(body)
    while length < expected:
        data = peer.recv(65536)
        if not data:
            return None
        length += len(data)
        if len(body) < KEPT_BODY:
            body += data
    return Received(connection=number, head=head, body=body, length=length)
