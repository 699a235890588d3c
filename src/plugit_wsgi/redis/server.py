"""Calls on one Redis that never hold a page up for long: the only importer of redis-py."""

from __future__ import annotations

import logging
import os
import socket
from typing import Any, Final

import redis
from redis.connection import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection, parse_url

from ..clock import Clock, SystemClock
from ..errors import ConfigError
from ..transport.resolve import Resolver
from .bounded import BoundedSocket, Patience, connect

_log = logging.getLogger("plugit_wsgi.redis")

PATIENCE: Final = 0.1
"""Seconds for one call on Redis, connecting included."""
QUIET: Final = 1.0
"""Seconds for which a Redis that failed is not asked again; also between two lines of the log."""
EXPECTED: Final = "redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix:///PATH?db=DB"

Command = tuple[Any, ...]


class Server:
    """One Redis. Thread-safe; opens nothing before its first call, and again after a fork.

    Args:
        url: as redis-py reads it.
        what: it is used for, in the log.
        clock: the time; None is the machine's.

    Raises:
        ConfigError: the URL is none.
    """

    def __init__(self, url: str, what: str, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._patience = Patience(self._clock)
        self._what = what
        self._kind, self._options = _read_url(url, self._patience, self._clock)
        self._client: tuple[int, redis.Redis] | None = None
        self._failing = False
        self._quiet_until = float("-inf")
        self._logged = float("-inf")

    def ask(self, *commands: Command) -> list[Any] | None:
        """Replies to commands that are sent at once; None if Redis does not answer, or not in time.

        Also None if it refuses one of them, because it is full or may not write. Others' commands may come
        between these: it is no transaction, of which a full Redis refuses even the reads.
        """
        now = self._clock.monotonic()
        if now < self._quiet_until:
            return None
        if self._failing:
            # One asks how it is; the others do not pay for the same silence.
            self._quiet_until = now + QUIET
        return self._send(commands)

    def _send(self, commands: tuple[Command, ...]) -> list[Any] | None:
        self._patience.start(PATIENCE)
        try:
            with self._connected().pipeline(transaction=False) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command)
                # Raised by redis-py, an error would quote the command, and so the log a visitor's values.
                replies: list[Any] = pipeline.execute(raise_on_error=False)
        except Exception as error:
            self._failing, self._quiet_until = True, self._clock.monotonic() + QUIET
            self.complain("is left alone for %g s: %s: %.200r", QUIET, type(error).__name__, str(error))
            return None
        self._failing, self._quiet_until = False, float("-inf")
        refused = next((reply for reply in replies if isinstance(reply, Exception)), None)
        if refused is not None:
            self.complain("refused %s: %.200r", commands[0][0], str(refused))
        return replies if refused is None else None

    def complain(self, text: str, *values: object) -> None:
        """One line of the log, at most once in `QUIET` seconds."""
        now = self._clock.monotonic()
        if now >= self._logged + QUIET:
            self._logged = now
            _log.warning("redis for %s " + text, self._what, *values)

    def close(self) -> None:
        """Gives all connections back to the system."""
        client, self._client = self._client, None
        if client is not None and client[0] == os.getpid():
            client[1].connection_pool.disconnect()

    def _connected(self) -> redis.Redis:
        client = self._client
        if client is None or client[0] != os.getpid():
            # No lock: it could be held by another thread while this process forks. Two clients do no harm.
            pool = ConnectionPool(self._kind, max_connections=2**31, **self._options)
            client = self._client = (os.getpid(), redis.Redis(connection_pool=pool))
        return client[1]


class _Tcp(Connection):
    """A connection whose every step ends by the deadline, the look-up of its name too."""

    def __init__(self, *, patience: Patience, resolver: Resolver, **options: Any) -> None:
        self._patience = patience
        self._resolver = resolver
        super().__init__(**options)
        _stay_nameless(self)

    def _connect(self) -> BoundedSocket:
        return BoundedSocket(self._secured(self._open()), self._patience)

    def _open(self) -> socket.socket:
        return connect(self._resolver.addresses(self._patience.deadline), self._patience)

    def _secured(self, sock: socket.socket) -> socket.socket:
        return sock


class _Tls(_Tcp, SSLConnection):
    """The same with TLS."""

    def _secured(self, sock: socket.socket) -> socket.socket:
        try:
            sock.settimeout(self._patience.remaining())
            secured: socket.socket = self._wrap_socket_with_ssl(sock)
            return secured
        except BaseException:
            sock.close()
            raise


class _Unix(UnixDomainSocketConnection):
    """The same on a socket of this machine."""

    def __init__(self, *, patience: Patience, **options: Any) -> None:
        self._patience = patience
        super().__init__(**options)
        _stay_nameless(self)

    def _connect(self) -> BoundedSocket:
        return BoundedSocket(super()._connect(), self._patience)


def _stay_nameless(connection: Any) -> None:
    # To tell Redis the name and version of the library takes two exchanges more out of `PATIENCE`. Which of
    # these attributes there is depends on the release of redis-py.
    connection.driver_info = connection.lib_name = connection.lib_version = None


def _read_url(url: str, patience: Patience, clock: Clock) -> tuple[type[Any], dict[str, Any]]:
    """Class and options of connections; they are tried here, without opening one."""
    shown = str(url).partition(":")[0] + ":..."  # what follows may hold a password
    try:
        options = parse_url(url)
        found = options.pop("connection_class", Connection)
        options.update(
            socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, protocol=2, patience=patience
        )
        if found is UnixDomainSocketConnection:
            kind: type[Any] = _Unix
        else:
            kind = _Tls if found is SSLConnection else _Tcp
            host, port = options.setdefault("host", "localhost"), options.setdefault("port", 6379)
            options["resolver"] = Resolver(host, port, clock)
        kind(**options)
    except Exception as error:
        raise ConfigError("url", shown, EXPECTED) from error
    return kind, options
