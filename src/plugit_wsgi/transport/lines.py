"""What libcurl connects: to an address that it is told, by a deadline, and carrying bytes, not HTTP."""

from __future__ import annotations

import math
import select
import time
from contextlib import suppress
from typing import Any, Final, cast

import pycurl

from ..clock import Deadline
from ..errors import ServiceTimeout, ServiceUnreachable
from .resolve import Addresses
from .trust import Trust

if not hasattr(pycurl.Curl, "recv"):
    raise ImportError("pycurl 7.46 or newer is needed")

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
_EVENTS: Final = {
    pycurl.POLL_IN: select.POLLIN,
    pycurl.POLL_OUT: select.POLLOUT,
    pycurl.POLL_INOUT: select.POLLIN | select.POLLOUT,
}


class Line:
    """A `Wire` to one service, connected again and again. One thread at a time.

    It keeps what libcurl keeps between connections: the authorities that it has read, sessions of TLS.

    Args:
        host: a name or an address.
        port: of it.
        trust: whom to believe over TLS; None is plain text.
    """

    __slots__ = (
        *("_addresses", "_handle", "_is_tls", "_multi", "_name", "_poll"),
        *("_readable", "_seconds", "_timer", "_writable"),
    )

    def __init__(self, host: str, port: int, trust: Trust | None) -> None:
        self._name = f"{_bracketed(host)}:{port}"
        self._addresses: Addresses = ()
        self._poll = select.poll()
        self._timer = math.inf
        self._seconds = 0.0
        self._is_tls = trust is not None
        self._handle: Any = pycurl.Curl()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)
        for option, value in _OPTIONS if trust is None else _OPTIONS + _TLS_OPTIONS:
            self._handle.setopt(option, value)
        self._handle.setopt(pycurl.URL, f"{'http' if trust is None else 'https'}://{self._name}/")
        if trust is not None:
            _set_path(self._handle, pycurl.CAINFO, trust.file)
            _set_path(self._handle, pycurl.CAPATH, trust.folder)

    def connect(self, addresses: Addresses, deadline: Deadline) -> None:
        """Connects, TLS included.

        Args:
            addresses: of the host, at least one.
            deadline: to do it by.

        Raises:
            ServiceTimeout, ServiceUnreachable: no connection; the line is to be closed.
        """
        if addresses != self._addresses:
            found = ",".join([_bracketed(where[0]) for _, where in addresses])
            self._handle.setopt(pycurl.RESOLVE, [f"{self._name}:{found}"])
            self._addresses = addresses
        self._handle.setopt(pycurl.CONNECTTIMEOUT_MS, max(1, math.ceil(deadline.remaining() * 1000)))
        try:
            self._run(deadline)
        except pycurl.error as error:
            if error.args[0] == pycurl.E_OPERATION_TIMEDOUT:
                raise ServiceTimeout("no connection in time", connecting=True) from error
            raise ServiceUnreachable("no connection") from error
        descriptor = self._handle.getinfo(pycurl.ACTIVESOCKET)
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(descriptor, select.POLLIN)
        self._writable.register(descriptor, select.POLLOUT)

    def disconnect(self) -> None:
        """Closes the connection, without a word over TLS: after a fork it may be another process's."""
        self._multi.remove_handle(self._handle)

    def close(self) -> None:
        """Ends it for good."""
        self._multi.close()
        self._handle.close()

    def is_silent(self) -> bool:
        """Connected, and nothing to read: neither an end nor bytes that nobody asked for."""
        if not self._is_tls:
            return not self._readable.poll(0)
        try:
            self._handle.recv(1)  # what TLS has decrypted, poll does not see
        except BlockingIOError:
            return True
        except pycurl.error:
            return False
        return False

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

    def _run(self, deadline: Deadline) -> None:
        self._multi.add_handle(self._handle)
        _, running = self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        while running:
            running = self._step(deadline)
        _, _, failed = self._multi.info_read()
        for _, code, message in failed:
            raise pycurl.error(code, message)

    def _step(self, deadline: Deadline) -> int:
        left = deadline.remaining()
        if left <= 0:
            raise pycurl.error(pycurl.E_OPERATION_TIMEDOUT, "the deadline passed")
        ready = self._poll.poll(max(0.0, min(left, self._timer - time.monotonic())) * 1000)
        if not ready:
            self._timer = math.inf
            return self._act(pycurl.SOCKET_TIMEOUT, 0)
        return [self._act(descriptor, event) for descriptor, event in ready][-1]

    def _act(self, descriptor: int, event: int) -> int:
        reading = pycurl.CSELECT_IN if event & ~select.POLLOUT else 0
        writing = pycurl.CSELECT_OUT if event & ~select.POLLIN else 0
        running: int = self._multi.socket_action(descriptor, reading | writing)[1]
        return running

    def _watch(self, wanted: int, descriptor: int, _multi: Any, _data: Any) -> None:
        if wanted in _EVENTS:
            self._poll.register(descriptor, _EVENTS[wanted])
        else:
            with suppress(KeyError):
                self._poll.unregister(descriptor)

    def _set_timer(self, milliseconds: int) -> None:
        self._timer = time.monotonic() + milliseconds / 1000 if milliseconds >= 0 else math.inf


def _wait(ready: select.poll, end: float) -> None:
    if not ready.poll(max(0.0, end - time.monotonic()) * 1000):
        raise TimeoutError


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _set_path(handle: pycurl.Curl, option: int, path: str | None) -> None:
    if path is None:
        handle.unsetopt(option)  # libcurl was built with a path of its own
    else:
        handle.setopt(option, path)
