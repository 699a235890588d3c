"""The transport on libcurl, by pycurl (extra ``curl``): half the CPU of the default one.

libcurl opens connections, TLS included, and carries bytes (``CURLOPT_CONNECT_ONLY``). It parses no HTTP: that
would be faster by nothing, and it joins folded lines, drops bytes after a body, and waits for the end of a
line that never comes. Requests and answers are bytes of ours, as in the default transport: same rules, same
errors, byte for byte.
"""

from __future__ import annotations

import math
import select
import sys
import time
from typing import Any, Final, cast

import pycurl

from ..clock import Clock, Deadline
from ..errors import ConfigError, ServiceTimeout, ServiceUnreachable
from .answer import Answer
from .base import IDLE, KeptTransport
from .exchange import Exchange
from .pool import Pool
from .resolve import Addresses, Resolver
from .trust import Trust, of_the_system

if not hasattr(pycurl.Curl, "recv"):
    raise ImportError("pycurl 7.46 or newer is needed")


class CurlTransport(KeptTransport):
    """A transport on libcurl. Thread-safe.

    Args:
        base_url: http or https; requests go below its path.
        trust: for https; None trusts what the system trusts, or certifi where the system names nothing.
        **named: as `KeptTransport`.

    Raises:
        ConfigError: sockets are monkey-patched; libcurl would stop all greenlets while it connects.
    """

    def __init__(self, base_url: str, *, trust: Trust | None = None, **named: Any) -> None:
        if patched := _patched_by():
            raise ConfigError("transport", "curl", f"'requests', since {patched} has patched sockets")
        super().__init__(base_url, **named)
        self._trust = (trust or of_the_system()) if self._is_tls else None

    def _connections(self) -> _Connections:
        resolver = Resolver(self._host, self._port, self._clock)
        site = _Site(self._host, self._port, self._trust)

        def make() -> _Connection:
            return _Connection(site, pool=pool, resolver=resolver, clock=self._clock)

        pool: Pool[_Connection] = Pool(make, self._pool_size)
        return _Connections(pool)


class _Connections:
    """Those of one process. Thread-safe."""

    def __init__(self, pool: Pool[_Connection]) -> None:
        self._pool = pool

    def exchange(self, exchange: Exchange) -> Answer:
        """Runs it."""
        connection = self._pool.take(fresh=exchange.fresh)
        try:
            return exchange.run(connection)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Closes idle connections."""
        self._pool.close()


_OPTIONS: Final = (
    (pycurl.CONNECT_ONLY, 1),
    (pycurl.NOSIGNAL, 1),
    (pycurl.TCP_NODELAY, 1),
    (pycurl.PROXY, ""),
    (pycurl.NOPROXY, "*"),
    (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
)
_TLS_OPTIONS: Final = (
    (pycurl.SSL_ENABLE_ALPN, 0),
    (pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2),
    (pycurl.SSL_VERIFYPEER, 1),
    (pycurl.SSL_VERIFYHOST, 2),
)


class _Site:
    """Where a transport connects to. Immutable.

    Args:
        host: a name or an address.
        port: of it.
        trust: whom to believe over TLS; None is plain text.
    """

    def __init__(self, host: str, port: int, trust: Trust | None) -> None:
        self._host = host
        self._port = port
        self._trust = trust
        self.is_tls = trust is not None

    def handle(self, addresses: Addresses, seconds: float) -> pycurl.Curl:
        """A connected handle of libcurl.

        Args:
            addresses: of the host.
            seconds: to connect within, TLS included.

        Raises:
            pycurl.error: no connection.
        """
        handle = pycurl.Curl()
        try:
            self._prepare(handle, addresses)
            handle.setopt(pycurl.TIMEOUT_MS, _milliseconds(seconds))
            handle.perform()
        except BaseException:
            handle.close()
            raise
        return handle

    def _prepare(self, handle: pycurl.Curl, addresses: Addresses) -> None:
        for option, value in _OPTIONS:
            handle.setopt(option, value)
        host = f"[{self._host}]" if ":" in self._host else self._host
        handle.setopt(pycurl.URL, f"{'https' if self.is_tls else 'http'}://{host}:{self._port}/")
        found = ",".join([f"[{where[0]}]" if ":" in where[0] else where[0] for _, where in addresses])
        handle.setopt(pycurl.RESOLVE, [f"{host}:{self._port}:{found}"])
        if self._trust is not None:
            for option, value in _TLS_OPTIONS:
                handle.setopt(option, value)
            _set_path(handle, pycurl.CAINFO, self._trust.file)
            _set_path(handle, pycurl.CAPATH, self._trust.folder)


class _Connection:
    """A connection that opens by a deadline, and its own `Wire`. One thread at a time."""

    __slots__ = (
        *("_clock", "_handle", "_idle_since", "_is_tls", "_pool", "_readable"),
        *("_resolver", "_seconds", "_site", "_writable"),
    )

    def __init__(self, site: _Site, *, pool: Pool[_Connection], resolver: Resolver, clock: Clock) -> None:
        self._site = site
        self._pool = pool
        self._resolver = resolver
        self._clock = clock
        self._is_tls = site.is_tls
        self._handle: Any = None
        self._readable = select.poll()
        self._writable = select.poll()
        self._seconds = 0.0
        self._idle_since = 0.0

    def open(self, deadline: Deadline, limit: float) -> _Connection:
        """Itself, connected by the deadline and within `limit` seconds, TLS included."""
        if self._handle is None:
            deadline = deadline.at_most(limit)
            addresses = self._resolver.addresses(deadline)
            if not addresses:  # libcurl would ask the system again, and not by the deadline
                raise ServiceUnreachable("the name has no addresses")
            try:
                self._handle = self._site.handle(addresses, deadline.remaining())
            except pycurl.error as error:
                if error.args[0] == pycurl.E_OPERATION_TIMEDOUT:
                    raise ServiceTimeout("no connection in time", connecting=True) from error
                raise ServiceUnreachable("no connection") from error
            descriptor = self._handle.getinfo(pycurl.ACTIVESOCKET)
            self._readable.register(descriptor, select.POLLIN)
            self._writable.register(descriptor, select.POLLOUT)
        return self

    def free(self, reusable: bool) -> None:
        """Back to the pool, or closed."""
        if reusable:
            self._idle_since = self._clock.monotonic()
            self._pool.give(self)
        else:
            self.close()

    def is_quiet(self) -> bool:
        """Open, with nothing to read, and not idle for so long that a router may have forgotten it."""
        if self._clock.monotonic() - self._idle_since >= IDLE:
            return False
        if not self._is_tls:
            return not self._readable.poll(0)
        try:
            self._handle.recv(1)  # what TLS has decrypted, poll does not see
        except BlockingIOError:
            return True
        except pycurl.error:
            return False
        return False

    def close(self) -> None:
        """Ends it; it may be opened again."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()

    def settimeout(self, value: float) -> None:
        """See `Wire`."""
        self._seconds = value

    def sendall(self, data: bytes) -> None:
        """See `Wire`."""
        end = time.monotonic() + self._seconds
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._handle.send(rest) :]
            except BlockingIOError:
                _wait(self._writable, end)
            except pycurl.error as error:
                raise ConnectionError("libcurl cannot send") from error

    def recv(self, size: int) -> bytes:
        """See `Wire`."""
        end = time.monotonic() + self._seconds
        is_waiting = not self._is_tls  # what TLS has decrypted, poll does not see
        while True:
            if is_waiting:
                _wait(self._readable, end)
            try:
                return cast(bytes, self._handle.recv(size))
            except BlockingIOError:
                is_waiting = True
            except pycurl.error as error:
                raise ConnectionError("libcurl cannot receive") from error


def _wait(ready: select.poll, end: float) -> None:
    if not ready.poll(max(0.0, end - time.monotonic()) * 1000):
        raise TimeoutError


def _milliseconds(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1000))


def _set_path(handle: pycurl.Curl, option: int, path: str | None) -> None:
    if path is None:
        handle.unsetopt(option)  # libcurl was built with a path of its own
    else:
        handle.setopt(option, path)


def _patched_by() -> str:
    """Which library has made sockets cooperative, or nothing."""
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent is not None and gevent.is_module_patched("socket"):
        return "gevent"
    if eventlet is not None and eventlet.is_monkey_patched("socket"):
        return "eventlet"
    return ""
