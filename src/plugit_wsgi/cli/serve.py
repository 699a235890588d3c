"""``plugit-wsgi serve DIR``: runs a service folder."""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from werkzeug.serving import make_server

from ..errors import ConfigError
from ..sdk import load_service

EXAMPLE = """example:
  plugit-wsgi serve examples/polls --port 5000

The folder holds actions.py, and if it likes templates/, media/ and config.py.
With PLUGIT_SERVICE_KEY in the environment (see `plugit-wsgi key`), actions run only
for calls that the host has signed.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of ``plugit-wsgi``."""
    parser = subparsers.add_parser(
        "serve",
        help="run a service folder",
        description="Runs a service: a folder with an actions.py.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directory", metavar="DIR", help="the service's folder")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", default="5000", help="0 takes a free one (default: %(default)s)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serves until SIGINT or SIGTERM.

    Returns:
        The exit code: 0 after a signal, 1 if the address is taken, 2 for arguments that mean nothing.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        app = load_service(arguments.directory)
        port = _port(arguments.port)
        listener = _listen(arguments.host, port)
    except ConfigError as error:
        print(f"plugit-wsgi serve: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        where = f"{arguments.host}:{port}"
        print(f"plugit-wsgi serve: cannot listen on {where}: {error.strerror}", file=sys.stderr)
        return 1
    with closing(listener), _stopped_by_signals():
        bound = listener.getsockname()[1]
        server = make_server(arguments.host, bound, app, threaded=True, fd=listener.fileno())
        print(f"Serving {arguments.directory} at http://{_in_url(arguments.host)}:{bound}/", flush=True)
        server.serve_forever()
    return 0


def _port(given: object) -> int:
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


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
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
