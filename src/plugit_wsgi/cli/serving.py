"""What the commands that serve have in common: an address, a threaded server, an end by signal."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler, make_server

from ..errors import ConfigError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_STYLE = re.compile(r"\x1b\[[0-9;]*m")


class Address:
    """A place to serve at, taken already: no request is lost between taking it and serving. One per command.

    Args:
        host: name or address of this machine.
        port: as typed; 0 takes a free one.

    Raises:
        ConfigError: host or port mean nothing.
        AddressTaken: somebody else serves there.
    """

    def __init__(self, host: str, port: str | int) -> None:
        self.host = host
        number = parse_port(port)
        try:
            self.listener = _listen(host, number)
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno else str(error)
            raise AddressTaken(f"cannot listen on {host}:{number}: {reason}; --port names another") from error
        self.port = int(self.listener.getsockname()[1])

    @property
    def url(self) -> str:
        """``http://HOST:PORT``, without a trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


class AddressTaken(Exception):
    """The port cannot be had; str() is a sentence."""


class _Lines(WSGIRequestHandler):
    """A line for each request; in colours on a terminal only."""

    def log(self, type: str, message: str, *args: Any) -> None:
        if not sys.stderr.isatty():
            args = tuple(_STYLE.sub("", item) if isinstance(item, str) else item for item in args)
        super().log(type, message, *args)


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


def run_told(command: str, work: Callable[[], None]) -> int:
    """Does the work of a command, and tells in one sentence on stderr why it cannot be done.

    Returns:
        The exit code: 0, 1 if the address is taken, 2 for arguments that mean nothing.
    """
    try:
        work()
    except (ConfigError, AddressTaken) as error:
        print(f"plugit-wsgi {command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    return 0


def serve(app: WSGIApplication, address: Address, *, ready: str, quiet: bool = False) -> None:
    """Serves until SIGINT or SIGTERM, a thread for each request.

    Args:
        app: to serve.
        address: where.
        ready: what to print when requests are answered.
        quiet: no line for each request.
    """
    with closing(address.listener), stopped_by_signals():
        server = make_server(
            address.host,
            address.port,
            app,
            threaded=True,
            fd=address.listener.fileno(),
            request_handler=_Quiet if quiet else _Lines,
        )
        print(ready, flush=True)
        server.serve_forever()


def parse_port(given: object) -> int:
    """A port as typed.

    Raises:
        ConfigError: it is none.
    """
    text = str(given)
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    raise ConfigError("--port", given, "a number from 0 to 65535")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigError("--host", host, "an address of this machine, as 127.0.0.1") from error
    return socket.create_server((host, port), family=family, backlog=128)


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """SIGINT and SIGTERM end the block; also where a shell had SIGINT ignored for a background job."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number in previous:
            signal.signal(number, signal.default_int_handler)
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
