"""The default transport, on requests and urllib3.

What they do well is theirs: TLS, certificates, connections. What a host between many visitors must know for
sure is ours, in `base`, `head`, `body`, `patience`, `exchange` and `answer`.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any, Final, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool

from ..clock import Clock, Deadline
from ..errors import ServiceTimeout, ServiceUnreachable
from .answer import Answer
from .base import IDLE, KeptTransport
from .exchange import Exchange
from .pool import Pool
from .resolve import Address, Resolver


class RequestsTransport(KeptTransport):
    """A transport on requests and urllib3. Thread-safe.

    Args:
        base_url: http or https; requests go below its path.
        ssl_context: for https; None trusts what the system and certifi trust.
        **named: as `KeptTransport`.
    """

    def __init__(self, base_url: str, *, ssl_context: ssl.SSLContext | None = None, **named: Any) -> None:
        super().__init__(base_url, **named)
        self._context = (ssl_context or _trusting_context()) if self._is_tls else None

    def _connections(self) -> _Adapter:
        resolver = Resolver(self._host, self._port, self._clock)

        def make() -> _Connection:
            shared: dict[str, Any] = {"pool": pool, "resolver": resolver, "clock": self._clock}
            if self._context is None:
                return _Connection(self._host, self._port, **shared)
            return _TlsConnection(self._host, self._port, **shared, ssl_context=self._context)

        pool: Pool[_Connection] = Pool(make, self._pool_size)
        return _Adapter(pool)


class _Adapter(HTTPAdapter):
    """A requests adapter for one service: no look-up of a pool by URL, no cookies. Thread-safe."""

    def __init__(self, pool: Pool[_Connection]) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)
        self._connections = pool

    def exchange(self, exchange: Exchange) -> Answer:
        """Runs it (rule 7)."""
        call = requests.PreparedRequest()
        call.method, call.url, call.headers = exchange.request.method, exchange.request.target, _NO_HEADERS
        call.body = cast(Any, exchange)
        try:
            return cast(Answer, self.send(call, stream=True))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise ServiceUnreachable("the exchange failed") from error

    def urlopen(self, body: Exchange, **_: Any) -> Answer:
        """What `send` calls on the connection pool."""
        connection = self._connections.take(fresh=body.fresh)
        try:
            return body.run(connection)
        except BaseException:
            connection.close()
            raise

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        """The pool, whatever the URL."""
        return cast(HTTPConnectionPool, self)

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Certificates are the context's, from construction on."""

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """As it is."""
        return cast(str, request.url)

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """The answer as it is; requests' own would parse its cookies."""
        return cast(requests.Response, resp)

    def close(self) -> None:
        """Closes idle connections."""
        self._connections.close()


# With a length, requests leaves the framing alone.
_NO_HEADERS: Final = requests.structures.CaseInsensitiveDict({"Content-Length": ""})


class _Connection(HTTPConnection):
    """A urllib3 connection that opens by a deadline. One thread at a time."""

    def __init__(
        self, host: str, port: int, *, pool: Pool[Any], resolver: Resolver, clock: Clock, **named: Any
    ) -> None:
        super().__init__(host, port, **named)
        self._connections = pool
        self._resolver = resolver
        self._clock = clock
        self._deadline: Deadline | None = None
        self._idle_since = 0.0

    def open(self, deadline: Deadline, limit: float) -> socket.socket:
        """The socket, connected by the deadline and within `limit` seconds, TLS included."""
        if self.sock is None:
            self._deadline = deadline.at_most(limit)
            try:
                self.connect()
            except TimeoutError as error:
                raise ServiceTimeout("no connection in time", connecting=True) from error
            except (OSError, urllib3.exceptions.HTTPError) as error:
                raise ServiceUnreachable("no connection") from error
        return cast(socket.socket, self.sock)

    def free(self, reusable: bool) -> None:
        """Back to the pool, or closed."""
        if reusable:
            self._idle_since = self._clock.monotonic()
            self._connections.give(self)
        else:
            self.close()

    def is_quiet(self) -> bool:
        """Open, with nothing to read, and not idle for so long that a router may have forgotten it."""
        return self._clock.monotonic() - self._idle_since < IDLE and self.is_connected

    def _new_conn(self) -> socket.socket:
        """urllib3's hook for the socket below HTTP or TLS."""
        deadline = cast(Deadline, self._deadline)
        addresses = self._resolver.addresses(deadline)
        for index, address in enumerate(addresses):
            last = index + 1 == len(addresses)
            share = deadline.remaining() / (len(addresses) - index)
            try:
                sock = _connect(address, share)
            except OSError:
                if last:
                    raise
                continue
            # The handshake, if there is one, has what is left: ssl counts it as one wait.
            sock.settimeout(max(0.001, deadline.remaining()))
            return sock
        raise OSError("the name has no addresses")


class _TlsConnection(_Connection, HTTPSConnection):
    """The same, over TLS."""

    def is_quiet(self) -> bool:
        """The same, and nothing decrypted that nobody took."""
        return super().is_quiet() and not cast(ssl.SSLSocket, self.sock).pending()


def _connect(address: Address, seconds: float) -> socket.socket:
    family, where = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(max(0.001, seconds))
        sock.connect(where)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def _trusting_context() -> ssl.SSLContext:
    context = ssl.create_default_context()  # what the system trusts, SSL_CERT_FILE included
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context
